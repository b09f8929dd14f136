#pragma once
/*
 * What the agent must remember across power cuts, as one file that is replaced in one step:
 * line 1 is a JSON object, line 2 is "crc32c " and the 8 hex digits of line 1's checksum.
 */
#include "device-client/boot/boot.h"
#include "lib/tuf/tuf.h"
#include "lib/update/state.h"
#include "lib/wire/device.h"

enum { RECORD_VERSION_ROOM = 129, RECORD_BUNDLE_ROOM = 129 };

/* What the signed metadata says about an image. `known` is false for an unknown content. */
struct image {
    bool known;
    char path[WIRE_PATH_ROOM];
    uint8_t sha256[HASH_BYTES];
    uint64_t length;
    char name[RECORD_VERSION_ROOM]; /* of the component */
    char version[RECORD_VERSION_ROOM];
    uint64_t release_counter;
    uint64_t security_epoch;
    uint64_t floor;
    struct image_revert {
        uint64_t counter;
    } revert_to[TUF_REVERTS_MAX]; /* it may be left for these, */
    size_t revert_count;
    int64_t revert_until_ms; /* until then */
};

struct record {
    enum update_state state;
    uint64_t assignment;             /* of the last offer that was stored or withdrawn */
    char deployment[WIRE_UUID_ROOM]; /* "" when idle, or when installed by hand */
    struct wire_target offered;      /* what the server chose */
    struct wire_delta deltas[WIRE_DELTAS_MAX];
    size_t delta_count;
    struct image image;   /* what is signed about it, from `downloading` on */
    uint64_t target_slot; /* enum slot; where it goes */
    enum refusal reason;  /* why the present state is what it is */
    char detail[WIRE_DETAIL_ROOM];
    uint64_t bytes;     /* fetched for this update */
    bool directed;      /* the deltas are the director's: `sha256` is that of their header */
    bool delta_refused; /* a patch was wrong: only the full image is left */
    uint64_t
        delta_tries; /* patches that were begun to be applied and neither worked nor were refused */
    uint64_t delta_progress;                /* how far one was applied when it was begun last */
    struct window window;                   /* within which the switch may be */
    int64_t offered_ms;                     /* when the device learnt of it */
    uint64_t report_seq;                    /* of the present state's report, in ... */
    uint8_t report_epoch[WIRE_EPOCH_BYTES]; /* ... this epoch of the queue */

    uint64_t running;               /* enum slot; as the loader last started us */
    struct image slots[SLOT_COUNT]; /* what they hold */
    size_t slot_count;              /* always SLOT_COUNT once made */
    uint64_t floor;                 /* counters below it never boot again */
    int64_t trusted_ms;             /* time never goes back below it */
    int64_t walked_ms;              /* when the metadata was last walked */
    int64_t timestamp_expires_ms;   /* the director's, if there is one */
    int64_t offline_ms;             /* when a role signed offline last came in a new version */
    uint64_t director_version;      /* of its last document; 0: there was never a director */
    uint64_t anchors_version;       /* 0: none */
    enum refusal last_refusal;
    char last_error[WIRE_DETAIL_ROOM];
    char director_bundle[RECORD_BUNDLE_ROOM]; /* of its last document */
};

/* A device that knows nothing yet. */
void record_init(struct record *record);
/* Pure. ERR_INVALID for a file that is not whole. */
MUST_USE bool record_parse(const void *data, size_t len, struct record *out, struct err *err);
void record_format(const struct record *record, struct buf *out);
MUST_USE bool record_load(const char *path, struct record *out, struct err *err);
/* Durable when it returns. */
MUST_USE bool record_save(const char *path, const struct record *record, struct err *err);
