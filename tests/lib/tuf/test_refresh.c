#include <criterion/criterion.h>

#include <string.h>

#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

enum { SPARE = TUF_ROLE_COUNT, SPARE2 };

static void put_expired_root2(struct tuf_repo *repo)
{
    int64_t later_ms = repo->root_expires_ms;

    repo->root_expires_ms = repo->now_ms;
    tuf_repo_put_root(repo, 2);
    repo->root_expires_ms = later_ms;
}

Test(refresh, fetches_in_order_and_nothing_twice)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    struct tuf_set *set = NULL;
    struct err err = {0};

    cr_expect_str_eq(tuf_repo_fetched(repo),
                     "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
    cr_assert(tuf_repo_refresh(repo, &set, &err), "%s", err.text);
    cr_expect_str_eq(tuf_repo_fetched(repo), "2.root.json timestamp.json ");
    cr_expect_eq(tuf_set_version(set, TUF_ROOT), 1);
    cr_expect_eq(tuf_set_version(set, TUF_TARGETS), 1);
    cr_expect_eq(tuf_set_expires_ms(set, TUF_TIMESTAMP), repo->expires_ms);
    tuf_set_free(set);

    tuf_repo_put_timestamp(repo, 2, 1);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_str_eq(tuf_repo_fetched(repo), "2.root.json timestamp.json ");
    tuf_repo_put_snapshot(repo, 2, 1);
    tuf_repo_put_timestamp(repo, 3, 2);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_str_eq(tuf_repo_fetched(repo), "2.root.json timestamp.json 2.snapshot.json ");
    tuf_repo_free(repo);
}

Test(refresh, ignores_other_content_of_the_same_timestamp_version)
{
    struct tuf_repo *repo = tuf_repo_new_updated(); /* T14 */
    struct err err = {0};

    tuf_repo_put_targets(repo, 2);
    tuf_repo_put_snapshot(repo, 2, 2);
    tuf_repo_put_timestamp(repo, 1, 2);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_str_eq(tuf_repo_fetched(repo), "2.root.json timestamp.json ");
    cr_expect_eq(tuf_repo_kept(repo, TUF_SNAPSHOT), 1);
    tuf_repo_free(repo);
}

Test(refresh, asks_for_nothing_after_an_expired_root)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    struct err err = {0};

    put_expired_root2(repo);
    cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
    cr_expect_str_eq(tuf_repo_fetched(repo), "2.root.json 3.root.json ");
    tuf_repo_free(repo);
}

Test(refresh, walks_past_an_expired_root_to_a_good_one)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    struct err err = {0};

    put_expired_root2(repo);
    tuf_repo_put_root(repo, 3);
    cr_expect(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_eq(tuf_repo_kept(repo, TUF_ROOT), 3);
    tuf_repo_free(repo);
}

Test(refresh, stops_an_endless_chain_and_goes_on_the_next_time)
{
    struct tuf_repo *repo = tuf_repo_new_updated(); /* T10 */
    struct err err = {0};

    for (uint64_t version = 2; version <= 300; version++)
        tuf_repo_put_root(repo, version);
    cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_CHAIN_TOO_LONG, "%s", err.text);
    cr_expect_eq(tuf_repo_kept(repo, TUF_ROOT), 1 + TUF_ROOT_STEPS_MAX);
    cr_expect(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_eq(tuf_repo_kept(repo, TUF_ROOT), 300);
    tuf_repo_free(repo);
}

Test(refresh, follows_root_keys_that_change_step_by_step)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    struct err err = {0};

    for (uint64_t version = 2; version <= 5; version++) {
        size_t keys[] = {repo->key_of[TUF_ROOT], version % 2 ? SPARE : SPARE2};
        char name[] = "N.root.json";

        name[0] = (char)('0' + version);
        repo->key_of[TUF_ROOT] = keys[1];
        tuf_repo_put(repo, name, tuf_repo_root(repo, version), keys, 2);
    }
    cr_expect(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_eq(tuf_repo_kept(repo, TUF_ROOT), 5);
    tuf_repo_free(repo);
}

Test(refresh, recovers_from_versions_run_ahead_only_after_the_keys_changed)
{
    static const enum tuf_role rotated[] = {TUF_TIMESTAMP, TUF_SNAPSHOT}; /* T19 */

    for (size_t i = 0; i < COUNT(rotated); i++) {
        struct tuf_repo *repo = tuf_repo_new_updated();
        struct err err = {0};

        tuf_repo_put_snapshot(repo, 1000000, 1);
        tuf_repo_put_timestamp(repo, 1000000, 1000000);
        cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
        tuf_repo_publish(repo, 2);
        cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
        cr_expect_eq(err.refusal, REFUSAL_TIMESTAMP_ROLLBACK);

        repo->key_of[rotated[i]] = SPARE;
        tuf_repo_put_root(repo, 2);
        tuf_repo_publish(repo, 2);
        cr_expect(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
        cr_expect_eq(tuf_repo_kept(repo, TUF_TIMESTAMP), 2);
        cr_expect_eq(tuf_repo_kept(repo, TUF_SNAPSHOT), 2);
        tuf_repo_free(repo);
    }
}

Test(refresh, counts_a_threshold_of_two_and_skips_unknown_schemes)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    json_t *body = tuf_repo_root(repo, 2);
    json_t *future = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ml-dsa", "scheme", "ml-dsa-65/1",
                               "keyval", "public", "-----BEGIN PUBLIC KEY-----\n");
    json_t *rule = json_object_get(json_object_get(body, "roles"), "root");
    const size_t both[] = {TUF_ROOT, SPARE};
    char keyid[TUF_KEYID_ROOM];
    struct err err = {0};

    tuf_repo_add_root_key(repo, body, SPARE, 2);
    cr_assert(tuf_keyid_of(future, keyid, &err));
    cr_assert_eq(json_object_set_new(json_object_get(body, "keys"), keyid, future), 0);
    cr_assert_eq(json_array_append_new(json_object_get(rule, "keyids"), json_string(keyid)), 0);
    tuf_repo_put(repo, "2.root.json", body, both, 2);
    cr_expect(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    cr_expect_eq(tuf_repo_kept(repo, TUF_ROOT), 2);

    tuf_repo_put_root(repo, 3); /* by one of the two */
    cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_OLD_THRESHOLD, "%s", err.text);
    cr_expect_eq(tuf_repo_kept(repo, TUF_ROOT), 2);
    tuf_repo_free(repo);
}

/* --- the memo ------------------------------------------------------------------------------- */

struct memo {
    struct tuf_repo *repo;
    uint8_t digests[16][HASH_BYTES];
    size_t count;
    size_t hits;
};

static bool on_seen(void *arg, const uint8_t digest[HASH_BYTES])
{
    struct memo *memo = arg;

    for (size_t i = 0; i < memo->count; i++) {
        if (memcmp(memo->digests[i], digest, HASH_BYTES) == 0) {
            memo->hits++;
            return true;
        }
    }
    return false;
}

static void on_remember(void *arg, const uint8_t digest[HASH_BYTES])
{
    struct memo *memo = arg;

    cr_assert_lt(memo->count, COUNT(memo->digests));
    memcpy(memo->digests[memo->count++], digest, HASH_BYTES);
}

static bool memo_fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct memo *memo = arg;

    return memo->repo->io.fetch(memo->repo, name, max, out, err);
}

static bool memo_load(void *arg, const char *name, struct buf *out, struct err *err)
{
    struct memo *memo = arg;

    return memo->repo->io.load(memo->repo, name, out, err);
}

static bool memo_store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    struct memo *memo = arg;

    return memo->repo->io.store(memo->repo, name, data, len, err);
}

static bool memo_drop(void *arg, const char *name, struct err *err)
{
    struct memo *memo = arg;

    return memo->repo->io.drop(memo->repo, name, err);
}

Test(refresh, remembers_good_signatures_for_the_next_device_but_never_its_rules)
{
    struct tuf_repo *repo = tuf_repo_new();
    struct memo memo = {.repo = repo};
    struct tuf_io io = {memo_fetch, memo_load, memo_store, memo_drop, &memo, on_seen, on_remember};
    const size_t another_key = SPARE;
    struct tuf_set *set = NULL;
    struct err err = {0};

    tuf_repo_put_root(repo, 1);
    tuf_repo_publish(repo, 1);
    for (int device = 0; device < 2; device++) {
        for (size_t i = 0; i < repo->stored_count; i++)
            buf_reset(&repo->stored[i].bytes);
        tuf_repo_trust(repo, "1.root.json");
        cr_assert(tuf_refresh(&io, &tuf_limits_wide, repo->now_ms, &set, &err), "%s", err.text);
        tuf_set_free(set);
        cr_expect_eq(memo.count, 4);
        cr_expect_eq(memo.hits, device == 0 ? 0 : 4);
    }
    cr_expect_not(tuf_refresh(&io, &tuf_limits_wide, repo->expires_ms, &set, &err));
    cr_expect_eq(err.refusal, REFUSAL_TIMESTAMP_EXPIRED);

    tuf_repo_put(repo, "timestamp.json", tuf_repo_timestamp(repo, 2, 1), &another_key, 1);
    cr_expect_not(tuf_refresh(&io, &tuf_limits_wide, repo->now_ms, &set, &err));
    cr_expect_eq(err.refusal, REFUSAL_TIMESTAMP_THRESHOLD);
    tuf_repo_free(repo);
}

Test(load, gives_what_is_stored_even_when_expired)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    struct tuf_set *set = NULL;
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    repo->fetch_count = 0;
    cr_assert(tuf_load(&repo->io, &tuf_limits_wide, &set, &err), "%s", err.text);
    cr_expect_eq(repo->fetch_count, 0);
    cr_expect_eq(tuf_set_version(set, TUF_TARGETS), 1);
    cr_expect(tuf_set_target(set, "os/h1/v1/a.img", &target, &err), "%s", err.text);
    tuf_set_free(set);

    tuf_repo_forget(repo, "targets.json");
    cr_assert(tuf_load(&repo->io, &tuf_limits_wide, &set, &err), "%s", err.text);
    cr_expect_eq(tuf_set_version(set, TUF_TARGETS), 0);
    cr_expect_not(tuf_set_target(set, "os/h1/v1/a.img", &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGET_NOT_IN_IMAGE_REPO);
    tuf_set_free(set);

    tuf_repo_forget(repo, "root.json");
    cr_expect_not(tuf_load(&repo->io, &tuf_limits_wide, &set, &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_LOCAL_INVALID);
    tuf_repo_free(repo);
}
