#pragma once
/* What the director needs to know of a device, and what it last signed for it. */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

/* A device as the director sees it. Texts are borrowed from the result. */
struct store_director {
    const char *tenant;
    int64_t version_floor;
    const char *device; /* 64 hex digits */
    const char *hwid;
    int64_t assignment;
    bool has_target; /* an open or fulfilled grant; else the next ones are "" and 0 */
    const char *deployment;
    const char *action; /* of the deployment */
    const char *path;
    int64_t length;
    uint8_t sha256[HASH_BYTES];
    const char *match; /* canonical JSON */
    bool has_delta;    /* a kept patch from what the device runs */
    uint8_t delta_sha256[HASH_BYTES];
    int64_t delta_length;
    int64_t delta_header_length;
    uint8_t delta_header_sha256[HASH_BYTES];
    int64_t delta_memory;
    uint8_t from_sha256[HASH_BYTES];
    int64_t from_length;
    /* What was signed before; versions 0: nothing. */
    bool is_moved; /* since then: other orders, or another patch */
    int64_t targets_version;
    int64_t snapshot_version;
    int64_t timestamp_version;
    int64_t targets_expires_ms;
    int64_t signed_ms;
};

void store_director_load(struct db *db, int64_t device_id, db_done_fn *done, void *arg);
/* False when the device is gone. */
MUST_USE bool store_director_read(const struct db_result *result, struct store_director *out);

struct store_director_save {
    int64_t device_id;
    int64_t timestamp_version_before; /* 0: there was no row */
    int64_t assignment;
    const uint8_t *delta_sha256; /* NULL: none */
    int64_t targets_version, snapshot_version, timestamp_version;
    const struct buf *targets, *snapshot; /* NULL: as they are */
    const struct buf *timestamp;
    int64_t targets_expires_ms;
    int64_t signed_ms;
};
/* No row in the result: somebody else was faster. */
void store_director_save(struct db *db, const struct store_director_save *save, db_done_fn *done,
                         void *arg);

enum store_director_part {
    STORE_DIRECTOR_TARGETS,
    STORE_DIRECTOR_SNAPSHOT,
    STORE_DIRECTOR_TIMESTAMP
};
/* One row: the bytes of that part; `version` 0 is any. No row: there is none. */
void store_director_part(struct db *db, int64_t device_id, enum store_director_part part,
                         int64_t version, db_done_fn *done, void *arg);

extern const struct db_stmt *const store_director_statements[];
