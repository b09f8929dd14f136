/* One os role and one app role, the latter split into bins. */
#include "tests/support/tuf_shop.h"

#include <criterion/criterion.h>

void shop_put(json_t *object, const char *name, json_t *value)
{
    cr_assert_eq(json_object_set_new(object, name, value), 0);
}

static void keep(struct shop *shop, const char *name, const char *file)
{
    cr_assert(shop->count < COUNT(shop->roles));
    shop->roles[shop->count++] = (struct tuf_named){name, tuf_repo_file(shop->repo, file)};
}

json_t *shop_app_entry(uint64_t counter)
{
    json_t *entry = tuf_repo_entry("h1", counter, (uint8_t)counter);

    shop_put(json_object_get(entry, "custom"), "type", json_string("app"));
    return entry;
}

json_t *shop_entry_at(const char *path, json_t *entry)
{
    json_t *entries = json_object();

    shop_put(entries, path, entry);
    return entries;
}

json_t *shop_bins(const struct tuf_repo *repo, unsigned bits)
{
    AUTO_JSON *key = tuf_key_json(sign_key_public(repo->keys[SHOP_APP_KEY]));
    const json_t *keys[] = {key};
    char keyid[TUF_KEYID_ROOM];
    const char *const keyids[] = {keyid};
    const struct tuf_delegation_plan plan = {
        .name = "app-t.2", .keyids = keyids, .keyid_count = 1, .threshold = 1};
    json_t *out = NULL;
    struct err err = {0};

    tuf_keyid(sign_key_public(repo->keys[SHOP_APP_KEY]), keyid);
    cr_assert(tuf_delegations_json(keys, 1, NULL, tuf_succinct_json(&plan, bits), &out, &err));
    return out;
}

json_t *shop_delegations(const struct tuf_repo *repo)
{
    json_t *roles[] = {tuf_repo_delegation(repo, "os-h1", SHOP_OS_KEY, "os/h1/*/*"),
                       tuf_repo_delegation(repo, "app-t", SHOP_APP_KEY, "app/p/*/*")};

    shop_put(roles[0], "x-hwids", json_pack("[s]", "h1"));
    return tuf_repo_delegations(repo, roles, 2);
}

void shop_open(struct shop *shop)
{

    *shop = (struct shop){.repo = tuf_repo_new(),
                          .fresh = json_object(),
                          .name = "os-h1",
                          .version = 2,
                          .key = SHOP_OS_KEY};
    shop->repo->delegations = shop_delegations(shop->repo);
    tuf_repo_put_root(shop->repo, 1);
    tuf_repo_put_targets(shop->repo, 1);
    tuf_repo_put_role(shop->repo, "os-h1", 1,
                      shop_entry_at("os/h1/v5/a", tuf_repo_entry("h1", 5, 5)), NULL, SHOP_OS_KEY);
    tuf_repo_put_role(shop->repo, "app-t", 1, shop_entry_at("app/p/a/5", shop_app_entry(5)),
                      shop_bins(shop->repo, 2), SHOP_APP_KEY);
    keep(shop, "root", "1.root.json");
    keep(shop, "targets", "1.targets.json");
    keep(shop, "os-h1", "1.os-h1.json");
    keep(shop, "app-t", "1.app-t.json");
}
