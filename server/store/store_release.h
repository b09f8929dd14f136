#pragma once
/* Releases: immutable sets of images. See store_tenant.h. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_release_statements[];

struct store_release {
    const struct store_actor *actor;
    const char *product; /* uuid */
    const char *name;
    const char *notes;
    const char *assumes;           /* JSON: {"TYPE/NAME": counter}, what devices have already */
    bool is_exact;                 /* apps that it does not name go */
    bool is_reversible;            /* refused when its images do not say so */
    const struct db_slice *images; /* SHA-256s, no two the same */
    size_t image_count;
};

/* ERR_NOT_FOUND without the product; ERR_CONFLICT for an image that is not stored or is another
 * product's, or two for the same component and hardware; for one that requires what is neither in
 * the release nor assumed; for a reversible one that does not lead back to what groups run. No row
 * when the name is taken. */
void store_release_create(struct db *db, const struct store_release *release, db_done_fn *done,
                          void *arg);
void store_release_list(struct db *db, const struct store_page *page, const char *product,
                        const char *name, db_done_fn *done, void *arg);
void store_release_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                       void *arg);
