#pragma once
/*
 * What lib/tuf needs from a device: the metadata of one repository in a folder, fetched from its
 * server. A device has two: the image repository, which says what may ever run, and the director's,
 * which says what this device shall run. Also the device's own questions to the signed sets.
 */
#include "device-client/transport/transport.h"
#include "lib/tuf/tuf.h"

/* Documents that were verified but not stored yet: the director's are only kept when what they say
 * is for this device, so that another device's, as well signed and newer, cannot take their place.
 * Roots are stored at once. The caller zeroes it and ends it with trust_stage_done(). */
struct trust_stage {
    struct trust_staged {
        bool some;
        struct buf bytes;
    } documents[TUF_ROLE_COUNT];
};

struct trust {
    const char *dir;             /* STATE/metadata or STATE/director; borrowed */
    const char *base;            /* above "metadata" and "targets"; borrowed; "" when nothing may
                                    be fetched. */
    bool is_own;                 /* fetched in a session; `base` is a path at the server then */
    struct transport *transport; /* borrowed; NULL when nothing may be fetched */
    bool offline_changed;        /* set when a role that is signed offline came in a new version */
    struct trust_stage *stage;   /* or NULL; see below */
};

/* Stores what is there, in the order in which a walk would have. */
MUST_USE bool trust_stage_keep(struct trust *trust, struct err *err);
void trust_stage_done(struct trust_stage *stage);

/* The folder and the server as lib/tuf sees them; `trust` must outlive it. */
struct tuf_io trust_io(struct trust *trust);
/* Walks the metadata. Refusals come through; ERR_UNAVAILABLE: later; ERR_NOT_FOUND: the server
 * has published nothing yet. */
MUST_USE bool trust_refresh(struct trust *trust, int64_t now_ms, struct tuf_set **out,
                            struct err *err);
/* Only what is stored. */
MUST_USE bool trust_load(struct trust *trust, struct tuf_set **out, struct err *err);
/* The factory's root of trust: checked and stored; nothing is fetched. */
MUST_USE bool trust_install_root(struct trust *trust, const void *data, size_t len,
                                 struct err *err);
/* Is there a root to begin with? */
bool trust_has_root(const struct trust *trust);

/* The bytes of a small signed target ("trust/anchors.json"), fetched and compared with what is
 * signed about it; at most out->max. TARGET_NOT_IN_IMAGE_REPO when nobody signed it, TARGET_LENGTH,
 * TARGET_HASH. `known` is the hash of what the device has (or NULL): then `out` stays empty. */
MUST_USE bool trust_file(struct trust *trust, struct tuf_set *set, const char *path,
                         const uint8_t *known, struct buf *out, struct err *err);

/* The signed entry of what was chosen, if this device may install it. Roles it needs are fetched;
 * end `out` with tuf_target_done(). Without a director the server's choice is taken; with one the
 * choice must be in its document (NOT_DIRECTED), and both must agree: `*at` is its place there. */
MUST_USE bool trust_judge(struct tuf_set *set, const char *path, const uint8_t sha256[HASH_BYTES],
                          const struct tuf_device *device, struct tuf_target *out, struct err *err);
struct trust_question {
    const struct tuf_director *director;
    const struct wire_target *choice;
    const struct tuf_device *device;
};
MUST_USE bool trust_judge_directed(struct tuf_set *set, const struct trust_question *question,
                                   struct tuf_target *out, size_t *at, struct err *err);
/* The half of the timestamp's remaining life since `walked_ms` is over, or there is none. Pure. */
bool trust_is_stale(int64_t walked_ms, int64_t timestamp_expires_ms, int64_t now_ms);
