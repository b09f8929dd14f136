#pragma once
/* A repository as a server holds it, and what is published next, for tests of the publisher's
 * checks. */
#include "tests/support/tuf_repo.h"

enum { SHOP_OS_KEY = TUF_ROLE_COUNT, SHOP_APP_KEY, SHOP_OTHER_KEY };

/* A repository as a server holds it: root; targets that delegate to "os-h1" (os/h1, hardware h1)
 * and "app-t" (app/p); both published, "app-t" split into four bins. */
struct shop {
    struct tuf_repo *repo;
    struct tuf_named roles[16];
    size_t count;
    json_t *fresh; /* entries of what is published next */
    json_t *delegations;
    const char *name;
    uint64_t version;
    size_t key;
};

void shop_open(struct shop *shop);
/* Sets a field; takes the value over. */
void shop_put(json_t *object, const char *name, json_t *value);
/* Parts to publish; the caller owns them. */
json_t *shop_app_entry(uint64_t counter);
json_t *shop_entry_at(const char *path, json_t *entry);
json_t *shop_bins(const struct tuf_repo *repo, unsigned bits);
json_t *shop_delegations(const struct tuf_repo *repo);
