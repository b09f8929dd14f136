#pragma once
/* Sessions of devices: only the digest of a token is kept. */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_session_statements[];

enum { STORE_SESSIONS_PER_DEVICE = 2 };

struct store_session {
    uint8_t digest[HASH_BYTES];
    int64_t device_id;
    int64_t expires_ms;
};

/* Adds it and drops the device's oldest ones beyond STORE_SESSIONS_PER_DEVICE. */
void store_session_add(struct db *db, const struct store_session *session, db_done_fn *done,
                       void *arg);
/* One page of what has not expired, by rising digest; `after` NULL: the first. */
void store_session_page(struct db *db, const uint8_t *after, size_t limit, db_done_fn *done,
                        void *arg);
void store_session_read(const struct db_result *result, size_t row, struct store_session *out);
