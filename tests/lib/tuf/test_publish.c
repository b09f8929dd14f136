#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/tuf_shop.h"

static bool shop_publish(struct shop *shop, struct err *err)
{
    const struct tuf_published published = {.roles = shop->roles, .count = shop->count};
    const struct buf *fresh;
    char file[TUF_FILE_NAME_ROOM];
    bool good;

    tuf_repo_put_role(shop->repo, shop->name, shop->version, shop->fresh, shop->delegations,
                      shop->key);
    cr_assert(tuf_file_name(shop->name, shop->version, file, sizeof(file)));
    fresh = tuf_repo_file(shop->repo, file);
    good = tuf_check_role(&published, shop->name, fresh, shop->repo->now_ms, err);
    tuf_repo_free(shop->repo);
    return good;
}

/* --- what is published, in one way each --------------------------------------------------------
 */

static void add(struct shop *shop, const char *path, json_t *entry)
{
    shop_put(shop->fresh, path, entry);
}
static void as_targets(struct shop *shop)
{
    shop->name = "targets";
    shop->key = TUF_TARGETS;
    shop->delegations = shop_delegations(shop->repo);
}
static void as_app(struct shop *shop)
{
    shop->name = "app-t";
    shop->key = SHOP_APP_KEY;
    shop->delegations = shop_bins(shop->repo, 2);
}

static void next_release(struct shop *shop)
{
    add(shop, "os/h1/v5/a", tuf_repo_entry("h1", 5, 5));
    add(shop, "os/h1/v6/a", tuf_repo_entry("h1", 6, 6));
}
static void release_gone(struct shop *shop)
{
    add(shop, "os/h1/v6/a", tuf_repo_entry("h1", 6, 6));
}
static void same_version(struct shop *shop)
{
    next_release(shop);
    shop->version = 1;
}
static void version_left_out(struct shop *shop)
{
    next_release(shop);
    shop->version = 3;
}
static void other_key(struct shop *shop)
{
    next_release(shop);
    shop->key = SHOP_APP_KEY; /* T58 */
}
static void targets_key(struct shop *shop)
{
    next_release(shop);
    shop->key = TUF_TARGETS;
}
static void unknown_role(struct shop *shop)
{
    next_release(shop);
    shop->name = "os-h2";
    shop->version = 1;
}
static void other_path(struct shop *shop)
{
    add(shop, "os/h2/v6/a", tuf_repo_entry("h1", 6, 6));
}
static void other_hardware(struct shop *shop)
{
    add(shop, "os/h1/v6/a", tuf_repo_entry("h2", 6, 6));
}
static void app_in_os_role(struct shop *shop)
{
    add(shop, "app/p/a/6", shop_app_entry(6));
}
static void type_of_other_place(struct shop *shop)
{
    add(shop, "os/h1/v6/a", shop_app_entry(6)); /* T29 */
}
static void same_counter(struct shop *shop)
{
    add(shop, "os/h1/v6/a", tuf_repo_entry("h1", 5, 6));
}
static void other_bytes(struct shop *shop)
{
    add(shop, "os/h1/v5/a", tuf_repo_entry("h1", 5, 6));
}
static void other_match(struct shop *shop)
{
    add(shop, "os/h1/v5/a", tuf_repo_entry("h1", 6, 5));
}
static void high_floor(struct shop *shop)
{
    json_t *entry = tuf_repo_entry("h1", 6, 6);

    shop_put(json_object_get(entry, "custom"), "floor", json_integer(7));
    add(shop, "os/h1/v6/a", entry);
}
static void plain_entry(struct shop *shop)
{
    json_t *entry = tuf_repo_entry("h1", 6, 6);

    (void)json_object_del(entry, "custom");
    add(shop, "os/h1/v6/a", entry);
}
static void too_long(struct shop *shop)
{
    char text[TUF_DELEGATED_BYTES_MAX + 1];

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    next_release(shop);
    shop_put(json_object_get(shop->fresh, "os/h1/v6/a"), "x-note", json_string(text));
}

static void moved_up(struct shop *shop)
{
    as_targets(shop);
    add(shop, "os/h1/v5/a", tuf_repo_entry("h1", 5, 5));
}
static void lower_in_other_role(struct shop *shop)
{
    as_targets(shop);
    add(shop, "os/h1/v4/a", tuf_repo_entry("h1", 4, 4));
}
static void higher_in_other_role(struct shop *shop)
{
    as_targets(shop);
    add(shop, "os/h1/v6/a", tuf_repo_entry("h1", 6, 6));
}
static void targets_by_os_key(struct shop *shop)
{
    as_targets(shop);
    shop->key = SHOP_OS_KEY;
}
static void trust_file(struct shop *shop)
{
    json_t *entry = tuf_repo_entry("h1", 1, 1);

    as_targets(shop);
    shop_put(entry, "custom", json_pack("{s:s}", "type", "trust"));
    add(shop, "trust/anchors.json", entry);
}
static void trust_by_os_role(struct shop *shop)
{
    trust_file(shop);
    json_decref(shop->delegations);
    shop->delegations = NULL;
    shop->name = "os-h1";
    shop->key = SHOP_OS_KEY;
}

static void moved_into_a_bin(struct shop *shop)
{
    char bin[TUF_ROLE_NAME_MAX + 1];

    cr_assert(tuf_bin_name("app-t.2", 2, "app/p/a/5", bin, sizeof(bin)));
    cr_assert_str_eq(bin, "app-t.2-0");
    shop->name = "app-t.2-0";
    shop->version = 1;
    shop->key = SHOP_APP_KEY;
    add(shop, "app/p/a/5", shop_app_entry(5));
}
static void into_the_wrong_bin(struct shop *shop)
{
    moved_into_a_bin(shop);
    shop->name = "app-t.2-1";
}
static void unlisted_bin(struct shop *shop)
{
    moved_into_a_bin(shop);
    shop->name = "app-t.2-4";
}

/* --- what it delegates -------------------------------------------------------------------------
 */

static json_t *role_of(const struct shop *shop, size_t at)
{
    return json_array_get(json_object_get(shop->delegations, "roles"), at);
}
static void delegates_again(struct shop *shop)
{
    as_targets(shop);
}
static void delegates_one_more(struct shop *shop)
{
    as_targets(shop);
    cr_assert_eq(
        json_array_append_new(json_object_get(shop->delegations, "roles"),
                              tuf_repo_delegation(shop->repo, "os-h2", SHOP_OS_KEY, "os/h2/*/*")),
        0);
}
static void diamond(struct shop *shop)
{
    json_t *role = tuf_repo_delegation(shop->repo, "os-h1", SHOP_APP_KEY, "app/p/*/*");

    shop->name = "app-t";
    shop->key = SHOP_APP_KEY;
    shop->delegations = tuf_repo_delegations(shop->repo, &role, 1);
}
static void delegates_to_itself(struct shop *shop)
{
    json_t *role = tuf_repo_delegation(shop->repo, "os-h1", SHOP_OS_KEY, "os/h1/*/*");

    shop->delegations = tuf_repo_delegations(shop->repo, &role, 1);
}
static void a_bin_s_name(struct shop *shop)
{
    json_t *role = tuf_repo_delegation(shop->repo, "app-t.2-3", SHOP_OS_KEY, "os/h1/*/*");

    shop->delegations = tuf_repo_delegations(shop->repo, &role, 1);
}
static void number_as_name(struct shop *shop)
{
    delegates_one_more(shop);
    shop_put(role_of(shop, 2), "name", json_string("17"));
}
static void path_as_name(struct shop *shop)
{
    delegates_one_more(shop);
    shop_put(role_of(shop, 2), "name", json_string("os/h2"));
}
static void question_as_name(struct shop *shop)
{
    delegates_one_more(shop);
    shop_put(role_of(shop, 2), "name", json_string("os?h2"));
}
static void threshold_too_high(struct shop *shop)
{
    delegates_one_more(shop);
    shop_put(role_of(shop, 2), "threshold", json_integer(2));
}
static void by_hash_prefix(struct shop *shop)
{
    delegates_one_more(shop);
    (void)json_object_del(role_of(shop, 2), "paths");
    shop_put(role_of(shop, 2), "path_hash_prefixes", json_pack("[s]", "00"));
}
static void malformed_key(struct shop *shop)
{
    json_t *key = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519",
                            "keyval", "public", "beef");
    char keyid[TUF_KEYID_ROOM];
    struct err err = {0};

    delegates_one_more(shop);
    cr_assert(tuf_keyid_of(key, keyid, &err));
    shop_put(json_object_get(shop->delegations, "keys"), keyid, key);
    cr_assert_eq(
        json_array_append_new(json_object_get(role_of(shop, 2), "keyids"), json_string(keyid)), 0);
}
static void foreign_key_field(struct shop *shop)
{
    delegates_one_more(shop);
    shop_put(role_of(shop, 2), "gr\xc3\xbc", json_integer(1));
}
static void too_many_bins(struct shop *shop)
{
    as_app(shop);
    json_decref(shop->delegations);
    shop->delegations = shop_bins(shop->repo, 11);
}
static void split_finer(struct shop *shop)
{
    as_app(shop);
    json_decref(shop->delegations);
    shop->delegations = shop_bins(shop->repo, 3);
}

Test(check_role, lets_through_what_every_device_would_take)
{
    static const struct {
        const char *what;
        void (*make)(struct shop *shop);
        enum err_code code;
        enum refusal refusal;
    } cases[] = {
        {"the next release", next_release, ERR_NONE, REFUSAL_NONE},
        {"an old release less", release_gone, ERR_NONE, REFUSAL_NONE},
        {"the same version", same_version, ERR_UNTRUSTED, REFUSAL_TARGETS_VERSION},
        {"a version left out", version_left_out, ERR_UNTRUSTED, REFUSAL_TARGETS_VERSION},
        {"T58 signed by another role's key", other_key, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"signed by its delegator", targets_key, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"a role nobody delegates to", unknown_role, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"T58 another path", other_path, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"other hardware", other_hardware, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"an app by an os role", app_in_os_role, ERR_UNTRUSTED, REFUSAL_TYPE_ROLE_MISMATCH},
        {"T29 an app in an os place", type_of_other_place, ERR_UNTRUSTED,
         REFUSAL_TYPE_ROLE_MISMATCH},
        {"a counter that was there", same_counter, ERR_UNTRUSTED, REFUSAL_RELEASE_ROLLBACK},
        {"other bytes", other_bytes, ERR_CONFLICT, REFUSAL_NONE},
        {"another match section", other_match, ERR_CONFLICT, REFUSAL_NONE},
        {"a floor above itself", high_floor, ERR_UNTRUSTED, REFUSAL_BELOW_FLOOR},
        {"an entry without our section", plain_entry, ERR_UNTRUSTED, REFUSAL_JSON_STRICT},
        {"more than 96 KiB", too_long, ERR_UNTRUSTED, REFUSAL_LENGTH_LIMIT},
        {"an entry that moves up", moved_up, ERR_NONE, REFUSAL_NONE},
        {"a lower counter in another role", lower_in_other_role, ERR_UNTRUSTED,
         REFUSAL_RELEASE_ROLLBACK},
        {"a higher counter in another role", higher_in_other_role, ERR_NONE, REFUSAL_NONE},
        {"targets by a delegated key", targets_by_os_key, ERR_UNTRUSTED, REFUSAL_TARGETS_THRESHOLD},
        {"a file of trust", trust_file, ERR_NONE, REFUSAL_NONE},
        {"a file of trust by an os role", trust_by_os_role, ERR_UNTRUSTED,
         REFUSAL_TYPE_ROLE_MISMATCH},
        {"an entry that moves into its bin", moved_into_a_bin, ERR_NONE, REFUSAL_NONE},
        {"an entry in another bin", into_the_wrong_bin, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"a bin there is not", unlisted_bin, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"the same delegations", delegates_again, ERR_NONE, REFUSAL_NONE},
        {"one delegation more", delegates_one_more, ERR_NONE, REFUSAL_NONE},
        {"a role of two delegators", diamond, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"a role of itself", delegates_to_itself, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"the name of a bin", a_bin_s_name, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED},
        {"a number as a role's name", number_as_name, ERR_UNTRUSTED, REFUSAL_NAME_UNSAFE},
        {"a path as a role's name", path_as_name, ERR_UNTRUSTED, REFUSAL_NAME_UNSAFE},
        {"T47 a question mark in a name", question_as_name, ERR_UNTRUSTED, REFUSAL_NAME_UNSAFE},
        {"a threshold of more keys", threshold_too_high, ERR_UNTRUSTED, REFUSAL_JSON_STRICT},
        {"paths by hash", by_hash_prefix, ERR_UNTRUSTED, REFUSAL_JSON_STRICT},
        {"a key of wrong form", malformed_key, ERR_UNTRUSTED, REFUSAL_JSON_STRICT},
        {"a field of no ASCII", foreign_key_field, ERR_UNTRUSTED, REFUSAL_NAME_UNSAFE},
        {"more bins than can be listed", too_many_bins, ERR_UNTRUSTED, REFUSAL_ROLE_LIMIT},
        {"more bins", split_finer, ERR_NONE, REFUSAL_NONE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct shop shop;
        struct err err = {0};

        shop_open(&shop);
        cases[i].make(&shop);
        cr_expect_eq(shop_publish(&shop, &err), cases[i].code == ERR_NONE, "%s: %s", cases[i].what,
                     err.text);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
    }
}

Test(check_role, judges_expiry_and_the_longest_delegated_file)
{
    struct shop shop;
    struct tuf_published published;
    struct err err = {0};
    struct buf *file;

    shop_open(&shop);
    published = (struct tuf_published){.roles = shop.roles, .count = shop.count};
    tuf_repo_put_role(shop.repo, "os-h1", 2, shop.fresh, NULL, SHOP_OS_KEY);
    file = tuf_repo_file(shop.repo, "2.os-h1.json");
    cr_expect(tuf_check_role(&published, "os-h1", file, shop.repo->expires_ms - 1, &err), "%s",
              err.text);
    cr_expect_not(tuf_check_role(&published, "os-h1", file, shop.repo->expires_ms, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_EXPIRED);
    while (file->len < TUF_DELEGATED_BYTES_MAX)
        buf_add_text(file, " ");
    cr_expect(tuf_check_role(&published, "os-h1", file, shop.repo->now_ms, &err), "%s", err.text);
    buf_add_text(file, " ");
    cr_expect_not(tuf_check_role(&published, "os-h1", file, shop.repo->now_ms, &err));
    cr_expect_eq(err.refusal, REFUSAL_LENGTH_LIMIT);
    tuf_repo_free(shop.repo);
}

Test(check_role, lets_files_of_trust_change_and_count_up)
{
    static const struct {
        int before, after;
        uint8_t byte;
        enum refusal refusal;
    } cases[] = {
        {1, 2, 2, REFUSAL_NONE},
        {2, 2, 2, REFUSAL_RELEASE_ROLLBACK},
        {2, 1, 2, REFUSAL_RELEASE_ROLLBACK},
        {2, 2, 1, REFUSAL_NONE}, /* the same bytes */
        {0, 0, 2, REFUSAL_NONE}, /* they do not count */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = tuf_repo_new();
        struct tuf_named roles[2];
        const struct tuf_published published = {.roles = roles, .count = 2};
        json_t *entry = tuf_repo_entry("h1", 1, 1);
        struct err err = {0};

        tuf_repo_put_root(repo, 1);
        shop_put(entry, "custom",
                 json_pack("{s:s, s:{s:i}}", "type", "trust", "match", "release_counter",
                           cases[i].before));
        shop_put(repo->targets, "trust/anchors.json", entry);
        tuf_repo_put_targets(repo, 1);
        roles[0] = (struct tuf_named){"root", tuf_repo_file(repo, "1.root.json")};
        roles[1] = (struct tuf_named){"targets", tuf_repo_file(repo, "1.targets.json")};
        entry = tuf_repo_entry("h1", 1, cases[i].byte);
        shop_put(entry, "custom",
                 json_pack("{s:s, s:{s:i}}", "type", "trust", "match", "release_counter",
                           cases[i].after));
        tuf_repo_put_role(repo, "targets", 2, shop_entry_at("trust/anchors.json", entry), NULL,
                          TUF_TARGETS);
        cr_expect_eq(tuf_check_role(&published, "targets", tuf_repo_file(repo, "2.targets.json"),
                                    repo->now_ms, &err),
                     cases[i].refusal == REFUSAL_NONE, "case %zu: %s", i, err.text);
        cr_expect_eq(err.refusal, cases[i].refusal, "case %zu: %s", i, err.text);
        tuf_repo_free(repo);
    }
}

/* os-h1 is split into two bins in one publication; `extra` (0: none) is one more release in it. */
static bool split(uint64_t extra, bool knows_before, struct err *err)
{
    static const uint64_t counters[] = {7, 6, 5, 3};
    struct shop shop;
    struct tuf_named roles[8];
    struct tuf_published before;
    struct tuf_published published = {.roles = roles, .before = knows_before ? &before : NULL};
    json_t *all = json_object();
    json_t *bins[2] = {json_object(), json_object()};
    static const char *const names[] = {"app-t.2-0", "app-t.2-1"};
    bool good = true;

    shop_open(&shop);
    json_decref(shop.fresh);
    for (size_t i = 0; i < COUNT(counters) + (extra != 0); i++) {
        uint64_t counter = i < COUNT(counters) ? counters[i] : extra;
        char path[32];
        char bin[TUF_ROLE_NAME_MAX + 1];

        (void)snprintf(path, sizeof(path), "app/p/a/%u", (unsigned)counter);
        cr_assert(tuf_bin_name("app-t.2", 1, path, bin, sizeof(bin)));
        if (i < COUNT(counters))
            shop_put(all, path, shop_app_entry(counter));
        shop_put(bins[text_equal(bin, names[1])], path, shop_app_entry(counter));
    }
    cr_assert(json_object_size(bins[0]) && json_object_size(bins[1]));
    tuf_repo_put_role(shop.repo, "app-t", 1, all, NULL, SHOP_APP_KEY);
    tuf_repo_put_role(shop.repo, "app-t", 2, json_object(), shop_bins(shop.repo, 1), SHOP_APP_KEY);
    before = (struct tuf_published){.roles = shop.roles, .count = shop.count};
    memcpy(roles, shop.roles, sizeof(shop.roles[0]) * shop.count);
    published.count = shop.count;
    good = tuf_check_role(&published, "app-t", tuf_repo_file(shop.repo, "2.app-t.json"),
                          shop.repo->now_ms, err);
    roles[3].bytes = tuf_repo_file(shop.repo, "2.app-t.json");
    for (size_t i = 0; i < 2; i++) {
        char file[TUF_FILE_NAME_ROOM];

        cr_assert(tuf_file_name(names[i], 1, file, sizeof(file)));
        tuf_repo_put_role(shop.repo, names[i], 1, bins[i], NULL, SHOP_APP_KEY);
        roles[published.count] = (struct tuf_named){names[i], tuf_repo_file(shop.repo, file)};
        good = good && tuf_check_role(&published, names[i], roles[published.count].bytes,
                                      shop.repo->now_ms, err);
        published.count++;
    }
    if (good)
        cr_expect(tuf_check_whole(&published, err), "%s", err->text);
    tuf_repo_free(shop.repo);
    return good;
}

Test(check_role, lets_entries_move_within_one_publication_and_no_release_step_back)
{
    struct err err = {0};

    cr_expect(split(0, true, &err), "%s", err.text);
    cr_expect(split(8, true, &err), "%s", err.text);
    cr_expect_not(split(4, true, &err));
    cr_expect_eq(err.refusal, REFUSAL_RELEASE_ROLLBACK, "%s", err.text);
    err = (struct err){0};
    cr_expect_not(split(0, false, &err), "which is why what was before is told");
    cr_expect_eq(err.refusal, REFUSAL_RELEASE_ROLLBACK, "%s", err.text);
}
