#pragma once
/* Reports that could not be read, for people to look at: as they came, bounded. */
#include "lib/crypto/hash.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_quarantine_statements[];

enum {
    STORE_QUARANTINE_BYTES_MAX = 4096, /* of one */
    STORE_QUARANTINE_MAX = 1000,       /* of a tenant ... */
    STORE_QUARANTINE_DEVICE_MAX = 20,  /* ... and of one device: it keeps nobody else's out */
};

/* Kept once, however often it is said. */
struct store_quarantine {
    int64_t tenant_id;
    int64_t device_id;
    uint8_t digest[HASH_BYTES]; /* of the bytes */
    const void *bytes;
    size_t len;
    const char *error;
};
void store_quarantine_add(struct db *db, const struct store_quarantine *refused, db_done_fn *done,
                          void *arg);

/* A page: {"items","next"}. */
void store_quarantine_list(struct db *db, const struct store_page *page, db_done_fn *done,
                           void *arg);
