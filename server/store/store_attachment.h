#pragma once
/* Files that events declared: asked for, stored, read by operators, and forgotten by age. */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"

extern const struct db_stmt *const store_attachment_statements[];

enum { STORE_ATTACHMENTS_A_DAY = 16 }; /* of one device: none fills the disk alone */

/* May this device send it? No row: no event declared it. */
void store_attachment_expect(struct db *db, int64_t device_id, const uint8_t sha256[HASH_BYTES],
                             db_done_fn *done, void *arg);
struct store_attachment_expected {
    uint64_t length;
    bool is_stored;
    bool is_agreed;   /* the group's crash_dumps */
    bool is_too_many; /* it sent its share of the day */
};
void store_attachment_expected_read(const struct db_result *result,
                                    struct store_attachment_expected *out);

void store_attachment_stored(struct db *db, int64_t device_id, const uint8_t sha256[HASH_BYTES],
                             db_done_fn *done, void *arg);

/* An operator reads one, which is audited. One row, the length; none: there is none (any more). */
void store_attachment_read(struct db *db, const struct store_actor *actor,
                           const uint8_t device[HASH_BYTES], const uint8_t sha256[HASH_BYTES],
                           db_done_fn *done, void *arg);

/* Forgets up to `count` that are older than `days`. One row each, the hash (or NULL while another
 * device's has the same content): its file goes. */
void store_attachment_expire(struct db *db, int64_t days, int64_t count, db_done_fn *done,
                             void *arg);
