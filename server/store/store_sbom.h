#pragma once
/* What images are made of. See store_tenant.h. */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"

extern const struct db_stmt *const store_sbom_statements[];

struct store_sbom {
    const struct store_actor *actor;
    const uint8_t *image; /* HASH_BYTES */
    const char *format;
    const char *version;
    int64_t packages;
    const void *document;
    size_t len;
};
/* Replaces the one before. The answer is {"image", "format", "version", "packages", "length",
 * "sha256", "stored"}; no row without the image. */
void store_sbom_put(struct db *db, const struct store_sbom *sbom, db_done_fn *done, void *arg);
/* One row of the format and the document, or none. */
void store_sbom_get(struct db *db, int64_t tenant_id, const uint8_t image[HASH_BYTES],
                    db_done_fn *done, void *arg);
