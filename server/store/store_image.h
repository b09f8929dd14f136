#pragma once
/* Images: immutable versions of a component whose bytes are stored. See store_tenant.h. */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"
#include "server/store/page.h"
#include "server/store/signed.h"

extern const struct db_stmt *const store_image_statements[];

/* What the signed metadata says about an image. Texts are borrowed for the call. */
struct store_image {
    const struct store_actor *actor;
    const char *type; /* of the component */
    const char *name;
    uint64_t length;
    const char *version;
    const char *const *hwids;
    size_t hwid_count;
    uint64_t release_counter;
    uint64_t security_epoch;
    struct store_signed entry;
};

/* Before the bytes are taken: one row with the JSON of the image when it is stored already, else
 * NULL. ERR_CONFLICT when no product of the tenant, or more than one, has the component for this
 * hardware. */
void store_image_expect(struct db *db, const struct store_image *image, db_done_fn *done,
                        void *arg);
/* After its bytes are stored. Adding it twice is answered like once. */
void store_image_add(struct db *db, const struct store_image *image, db_done_fn *done, void *arg);
void store_image_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg);
void store_image_get(struct db *db, int64_t tenant_id, const uint8_t sha256[HASH_BYTES],
                     db_done_fn *done, void *arg);

/* Whether a tenant (by name) offers a file: one row with its length, or none. */
void store_image_file(struct db *db, const char *tenant, const uint8_t sha256[HASH_BYTES],
                      const char *path, db_done_fn *done, void *arg);
void store_delta_file(struct db *db, const char *tenant, const uint8_t sha256[HASH_BYTES],
                      db_done_fn *done, void *arg);
