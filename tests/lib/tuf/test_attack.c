#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

static void set_int(json_t *object, const char *name, json_int_t value)
{
    cr_assert_eq(json_object_set_new(object, name, json_integer(value)), 0);
}

static void set_text(json_t *object, const char *name, const char *value)
{
    cr_assert_eq(json_object_set_new(object, name, json_string(value)), 0);
}

static json_t *meta_file(json_t *body, const char *name)
{
    json_t *file = json_object_get(json_object_get(body, "meta"), name);

    cr_assert(file);
    return file;
}

/* --- the manipulations --------------------------------------------------------------------- */

enum { SPARE = TUF_ROLE_COUNT };

static void put_root2(struct tuf_repo *repo, json_t *body, size_t a, size_t b, size_t count)
{
    const size_t keys[] = {a, b};

    tuf_repo_put(repo, "2.root.json", body, keys, count);
}

static void local_root_forged(struct tuf_repo *repo)
{
    struct buf *root = tuf_repo_stored(repo, "root.json");
    char *sig = strstr((char *)root->data, "\"sig\":\"");

    cr_assert(sig);
    sig[7] = sig[7] == '0' ? '1' : '0';
}

static void local_root_missing(struct tuf_repo *repo)
{
    tuf_repo_forget(repo, "root.json");
}

static void root_by_old_key_only(struct tuf_repo *repo)
{
    repo->key_of[TUF_ROOT] = SPARE;
    put_root2(repo, tuf_repo_root(repo, 2), TUF_ROOT, 0, 1);
    repo->key_of[TUF_ROOT] = TUF_ROOT;
}

static void root_by_new_key_only(struct tuf_repo *repo)
{
    repo->key_of[TUF_ROOT] = SPARE;
    put_root2(repo, tuf_repo_root(repo, 2), SPARE, 0, 1);
    repo->key_of[TUF_ROOT] = TUF_ROOT;
}

static void root_below_new_threshold(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);

    tuf_repo_add_root_key(repo, body, SPARE, 2);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_skips_a_version(struct tuf_repo *repo)
{
    put_root2(repo, tuf_repo_root(repo, 3), TUF_ROOT, 0, 1);
}

static void root_repeats_a_version(struct tuf_repo *repo)
{
    put_root2(repo, tuf_repo_root(repo, 1), TUF_ROOT, 0, 1);
}

static void root_signed_twice_by_one(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);

    tuf_repo_add_root_key(repo, body, SPARE, 2);
    put_root2(repo, body, TUF_ROOT, TUF_ROOT, 2);
}

/* The root key again, under the id of a key object with a further field. */
static void root_with_one_key_twice(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);
    json_t *rule = json_object_get(json_object_get(body, "roles"), "root");
    json_t *twin = tuf_key_json(sign_key_public(repo->keys[TUF_ROOT]));
    char keyid[TUF_KEYID_ROOM];
    struct err err = {0};

    set_text(twin, "x-note", "twin");
    cr_assert(tuf_keyid_of(twin, keyid, &err));
    cr_assert_eq(json_object_set_new(json_object_get(body, "keys"), keyid, twin), 0);
    cr_assert_eq(json_array_append_new(json_object_get(rule, "keyids"), json_string(keyid)), 0);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_lists_a_keyid_twice(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);
    json_t *rule = json_object_get(json_object_get(body, "roles"), "root");
    json_t *keyids = json_object_get(rule, "keyids");

    cr_assert_eq(json_array_append(keyids, json_array_get(keyids, 0)), 0);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_with_a_wrong_keyid(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);
    const uint8_t *spare = sign_key_public(repo->keys[SPARE]);

    cr_assert_eq(json_object_set_new(json_object_get(body, "keys"),
                                     "0000000000000000000000000000000000000000000000000000000000000"
                                     "000",
                                     tuf_key_json(spare)),
                 0);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_expired(struct tuf_repo *repo)
{
    int64_t later_ms = repo->root_expires_ms;

    repo->root_expires_ms = repo->now_ms;
    tuf_repo_put_root(repo, 2);
    repo->root_expires_ms = later_ms;
}

static void root_without_consistent_snapshot(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);

    cr_assert_eq(json_object_set_new(body, "consistent_snapshot", json_false()), 0);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_with_threshold_0(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);

    set_int(json_object_get(json_object_get(body, "roles"), "timestamp"), "threshold", 0);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_without_a_role(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_root(repo, 2);

    cr_assert_eq(json_object_del(json_object_get(body, "roles"), "snapshot"), 0);
    put_root2(repo, body, TUF_ROOT, 0, 1);
}

static void root_too_long(struct tuf_repo *repo)
{
    AUTO_FREE char *spaces = mem_alloc(TUF_ROOT_BYTES_MAX + 1);

    memset(spaces, ' ', TUF_ROOT_BYTES_MAX + 1);
    tuf_repo_put_bytes(repo, "2.root.json", spaces, TUF_ROOT_BYTES_MAX + 1);
}

static void timestamp_expired(struct tuf_repo *repo)
{
    tuf_repo_put_targets(repo, 2);
    tuf_repo_put_snapshot(repo, 2, 2);
    repo->expires_ms = repo->now_ms;
    tuf_repo_put_timestamp(repo, 2, 2);
    repo->expires_ms = repo->now_ms + 86400000;
}

static void repository_frozen_for_two_days(struct tuf_repo *repo)
{
    repo->now_ms += 2LL * 86400000;
    repo->expires_ms = repo->now_ms + 86400000;
}

static void timestamp_replayed(struct tuf_repo *repo)
{
    AUTO_BUF old;
    struct err err = {0};

    buf_init(&old, 100000);
    buf_add(&old, tuf_repo_file(repo, "timestamp.json")->data,
            tuf_repo_file(repo, "timestamp.json")->len);
    tuf_repo_publish(repo, 2);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    tuf_repo_put_bytes(repo, "timestamp.json", old.data, old.len);
}

static void timestamp_names_an_older_snapshot(struct tuf_repo *repo)
{
    struct err err = {0};

    tuf_repo_publish(repo, 2);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    tuf_repo_put_timestamp(repo, 3, 1);
}

static void timestamp_by_another_key(struct tuf_repo *repo)
{
    const size_t key = SPARE;

    tuf_repo_publish(repo, 2);
    tuf_repo_put(repo, "timestamp.json", tuf_repo_timestamp(repo, 2, 2), &key, 1);
}

/* The old key still signs, but root 2 gave the role another one. */
static void timestamp_by_a_revoked_key(struct tuf_repo *repo)
{
    repo->key_of[TUF_TIMESTAMP] = SPARE;
    tuf_repo_put_root(repo, 2);
    repo->key_of[TUF_TIMESTAMP] = TUF_TIMESTAMP;
    tuf_repo_publish(repo, 2);
}

static void timestamp_too_long(struct tuf_repo *repo)
{
    AUTO_FREE char *spaces = mem_alloc(TUF_TIMESTAMP_BYTES_MAX + 1);

    memset(spaces, ' ', TUF_TIMESTAMP_BYTES_MAX + 1);
    tuf_repo_put_bytes(repo, "timestamp.json", spaces, TUF_TIMESTAMP_BYTES_MAX + 1);
}

static void timestamp_is_a_snapshot(struct tuf_repo *repo)
{
    const struct buf *snapshot = tuf_repo_file(repo, "1.snapshot.json");

    tuf_repo_put_bytes(repo, "timestamp.json", snapshot->data, snapshot->len);
}

static void timestamp_of_specification_2(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_timestamp(repo, 2, 1);
    const size_t key = TUF_TIMESTAMP;

    set_text(body, "spec_version", "2.0.0");
    tuf_repo_put(repo, "timestamp.json", body, &key, 1);
}

static void timestamp_with_two_versions(struct tuf_repo *repo)
{
    static const char text[] = "{\"signatures\":[],\"signed\":{\"_type\":\"timestamp\","
                               "\"version\":1,\"version\":9}}";

    tuf_repo_put_bytes(repo, "timestamp.json", text, sizeof(text) - 1);
}

static void timestamp_without_a_snapshot(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_timestamp(repo, 2, 1);
    const size_t key = TUF_TIMESTAMP;

    cr_assert_eq(json_object_clear(json_object_get(body, "meta")), 0);
    tuf_repo_put(repo, "timestamp.json", body, &key, 1);
}

static void timestamp_names_a_snapshot_too_long(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_timestamp(repo, 2, 1);
    const size_t key = TUF_TIMESTAMP;

    set_int(meta_file(body, "snapshot.json"), "version", 2);
    set_int(meta_file(body, "snapshot.json"), "length", TUF_SNAPSHOT_BYTES_MAX + 1);
    tuf_repo_put(repo, "timestamp.json", body, &key, 1);
}

static void timestamp_with_an_unknown_hash(struct tuf_repo *repo)
{
    json_t *body = tuf_repo_timestamp(repo, 2, 1);
    const size_t key = TUF_TIMESTAMP;

    cr_assert_eq(json_object_set_new(meta_file(body, "snapshot.json"), "hashes",
                                     json_pack("{s:s}", "md5", "00")),
                 0);
    tuf_repo_put(repo, "timestamp.json", body, &key, 1);
}

/* The same length, another expiry. */
static void snapshot_exchanged(struct tuf_repo *repo)
{
    tuf_repo_publish(repo, 2);
    repo->expires_ms += 3600000;
    tuf_repo_put_snapshot(repo, 2, 2);
}

static void snapshot_cut(struct tuf_repo *repo)
{
    tuf_repo_publish(repo, 2);
    tuf_repo_file(repo, "2.snapshot.json")->len--;
}

static void snapshot_grown(struct tuf_repo *repo)
{
    tuf_repo_publish(repo, 2);
    buf_add_text(tuf_repo_file(repo, "2.snapshot.json"), " ");
}

static void snapshot_of_another_version(struct tuf_repo *repo)
{
    tuf_repo_put_targets(repo, 2);
    tuf_repo_put_snapshot(repo, 3, 2);
    tuf_repo_put_bytes(repo, "2.snapshot.json", tuf_repo_file(repo, "3.snapshot.json")->data,
                       tuf_repo_file(repo, "3.snapshot.json")->len);
    tuf_repo_put_timestamp(repo, 2, 2);
}

static void snapshot_by_another_key(struct tuf_repo *repo)
{
    const size_t key = TUF_TIMESTAMP;

    tuf_repo_put_targets(repo, 2);
    tuf_repo_put(repo, "2.snapshot.json", tuf_repo_snapshot(repo, 2, 2), &key, 1);
    tuf_repo_put_timestamp(repo, 2, 2);
}

static void snapshot_expired(struct tuf_repo *repo)
{
    tuf_repo_put_targets(repo, 2);
    repo->expires_ms = repo->now_ms;
    tuf_repo_put_snapshot(repo, 2, 2);
    repo->expires_ms = repo->now_ms + 86400000;
    tuf_repo_put_timestamp(repo, 2, 2);
}

/* Nothing is to be fetched, and the stored one is too old. */
static void stored_snapshot_expired(struct tuf_repo *repo)
{
    repo->now_ms += 2LL * 86400000;
    repo->expires_ms = repo->now_ms + 86400000;
    tuf_repo_put_timestamp(repo, 2, 1);
}

static void snapshot_lists_older_targets(struct tuf_repo *repo)
{
    struct err err = {0};

    tuf_repo_publish(repo, 2);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    tuf_repo_put_snapshot(repo, 3, 1);
    tuf_repo_put_timestamp(repo, 3, 3);
}

static void snapshot_lists_a_role_no_more(struct tuf_repo *repo)
{
    json_t *body;
    const size_t key = TUF_SNAPSHOT;
    struct err err = {0};

    tuf_repo_put_targets(repo, 2);
    body = tuf_repo_snapshot(repo, 2, 2);
    cr_assert_eq(json_object_set_new(json_object_get(body, "meta"), "os-h1.json",
                                     json_pack("{s:i}", "version", 1)),
                 0);
    tuf_repo_put(repo, "2.snapshot.json", body, &key, 1);
    tuf_repo_put_timestamp(repo, 2, 2);
    cr_assert(tuf_repo_refresh(repo, NULL, &err), "%s", err.text);
    tuf_repo_publish(repo, 3);
}

static void targets_exchanged(struct tuf_repo *repo)
{
    tuf_repo_publish(repo, 2);
    repo->expires_ms += 3600000;
    tuf_repo_put_targets(repo, 2);
}

static void targets_cut(struct tuf_repo *repo)
{
    tuf_repo_publish(repo, 2);
    tuf_repo_file(repo, "2.targets.json")->len--;
}

static void targets_grown(struct tuf_repo *repo)
{
    tuf_repo_publish(repo, 2);
    buf_add_text(tuf_repo_file(repo, "2.targets.json"), " ");
}

/* snapshot and timestamp name what is in the repository as N.targets.json now. */
static void name_targets2(struct tuf_repo *repo)
{
    tuf_repo_put_snapshot(repo, 2, 2);
    tuf_repo_put_timestamp(repo, 2, 2);
}

static void targets_of_another_version(struct tuf_repo *repo)
{
    tuf_repo_put_targets(repo, 3);
    tuf_repo_put_bytes(repo, "2.targets.json", tuf_repo_file(repo, "3.targets.json")->data,
                       tuf_repo_file(repo, "3.targets.json")->len);
    name_targets2(repo);
}

static void targets_by_the_snapshot_key(struct tuf_repo *repo)
{
    const size_t key = TUF_SNAPSHOT;

    tuf_repo_put(repo, "2.targets.json", tuf_make_targets(2, repo->expires_ms, repo->targets, NULL),
                 &key, 1);
    name_targets2(repo);
}

static void targets_expired(struct tuf_repo *repo)
{
    repo->expires_ms = repo->now_ms;
    tuf_repo_put_targets(repo, 2);
    repo->expires_ms = repo->now_ms + 86400000;
    name_targets2(repo);
}

static void targets_with_a_way_out(struct tuf_repo *repo)
{
    AUTO_JSON *targets = json_pack("{s:o}", "a/../../etc/passwd", tuf_repo_entry("h1", 2, 2));
    const size_t key = TUF_TARGETS;

    tuf_repo_put(repo, "2.targets.json", tuf_make_targets(2, repo->expires_ms, targets, NULL), &key,
                 1);
    name_targets2(repo);
}

/* clang-format off */
static const struct attack {
    const char *what;
    void (*mutate)(struct tuf_repo *repo);
    enum refusal refusal;
    bool for_ever;                 /* an honest publication cannot help */
    uint64_t kept[TUF_ROLE_COUNT]; /* root, timestamp, snapshot, targets afterwards */
} attacks[] = {
    {"T01 stored root forged",            local_root_forged,                REFUSAL_ROOT_LOCAL_INVALID,    true, {1, 1, 1, 1}},
    {"T01 no stored root",                local_root_missing,               REFUSAL_ROOT_LOCAL_INVALID,    true, {0, 1, 1, 1}},
    {"T02 root by the old key only",      root_by_old_key_only,             REFUSAL_ROOT_NEW_THRESHOLD,    false, {1, 1, 1, 1}},
    {"T03 root by the new key only",      root_by_new_key_only,             REFUSAL_ROOT_OLD_THRESHOLD,    false, {1, 1, 1, 1}},
    {"T04 root below its threshold",      root_below_new_threshold,         REFUSAL_ROOT_NEW_THRESHOLD,    false, {1, 1, 1, 1}},
    {"T05 root N+2",                      root_skips_a_version,             REFUSAL_ROOT_VERSION,          false, {1, 1, 1, 1}},
    {"T05 root N",                        root_repeats_a_version,           REFUSAL_ROOT_VERSION,          false, {1, 1, 1, 1}},
    {"T06 one signature twice",           root_signed_twice_by_one,         REFUSAL_SIG_DUPLICATE_KEYID,   false, {1, 1, 1, 1}},
    {"T07 one key under two ids",         root_with_one_key_twice,          REFUSAL_KEY_DUPLICATE,         false, {1, 1, 1, 1}},
    {"T07 one keyid twice in a role",     root_lists_a_keyid_twice,         REFUSAL_KEY_DUPLICATE,         false, {1, 1, 1, 1}},
    {"T08 keyid of another key",          root_with_a_wrong_keyid,          REFUSAL_KEYID_MISMATCH,        false, {1, 1, 1, 1}},
    {"T09 root expired",                  root_expired,                     REFUSAL_ROOT_EXPIRED,          true, {2, 1, 1, 1}},
    {"no consistent snapshot",            root_without_consistent_snapshot, REFUSAL_JSON_STRICT,           false, {1, 1, 1, 1}},
    {"a threshold of 0",                  root_with_threshold_0,            REFUSAL_JSON_STRICT,           false, {1, 1, 1, 1}},
    {"root without snapshot's rule",      root_without_a_role,              REFUSAL_JSON_STRICT,           false, {1, 1, 1, 1}},
    {"T20 root too long",                 root_too_long,                    REFUSAL_LENGTH_LIMIT,          false, {1, 1, 1, 1}},
    {"T11 timestamp expired",             timestamp_expired,                REFUSAL_TIMESTAMP_EXPIRED,     false, {1, 1, 1, 1}},
    {"T11 repository frozen",             repository_frozen_for_two_days,   REFUSAL_TIMESTAMP_EXPIRED,          false, {1, 1, 1, 1}},
    {"T12 timestamp replayed",            timestamp_replayed,               REFUSAL_TIMESTAMP_ROLLBACK,    false, {1, 2, 2, 2}},
    {"T13 older snapshot named",          timestamp_names_an_older_snapshot, REFUSAL_SNAPSHOT_ROLLBACK,    false, {1, 2, 2, 2}},
    {"timestamp by another key",          timestamp_by_another_key,         REFUSAL_TIMESTAMP_THRESHOLD,   false, {1, 1, 1, 1}},
    {"T42 timestamp by a revoked key",    timestamp_by_a_revoked_key,       REFUSAL_TIMESTAMP_THRESHOLD,   true, {2, 0, 0, 1}},
    {"T20 timestamp too long",            timestamp_too_long,               REFUSAL_LENGTH_LIMIT,          false, {1, 1, 1, 1}},
    {"T44 snapshot served as timestamp",  timestamp_is_a_snapshot,          REFUSAL_WRONG_TYPE,            false, {1, 1, 1, 1}},
    {"T45 specification 2",               timestamp_of_specification_2,     REFUSAL_SPEC_VERSION,          false, {1, 1, 1, 1}},
    {"T46 duplicate key",                 timestamp_with_two_versions,      REFUSAL_JSON_STRICT,           false, {1, 1, 1, 1}},
    {"timestamp without snapshot",        timestamp_without_a_snapshot,     REFUSAL_JSON_STRICT,           false, {1, 1, 1, 1}},
    {"T20 a snapshot of 2 MB announced",  timestamp_names_a_snapshot_too_long, REFUSAL_LENGTH_LIMIT,       false, {1, 2, 1, 1}},
    {"T38 an unknown hash only",          timestamp_with_an_unknown_hash,   REFUSAL_NO_KNOWN_HASH,         false, {1, 1, 1, 1}},
    {"T15 another snapshot",              snapshot_exchanged,               REFUSAL_SNAPSHOT_HASH,         false, {1, 2, 1, 1}},
    {"a snapshot cut short",              snapshot_cut,                     REFUSAL_SNAPSHOT_LENGTH,       false, {1, 2, 1, 1}},
    {"T20 a snapshot longer than listed", snapshot_grown,                   REFUSAL_LENGTH_LIMIT,          false, {1, 2, 1, 1}},
    {"T16 snapshot of another version",   snapshot_of_another_version,      REFUSAL_SNAPSHOT_VERSION,      false, {1, 2, 1, 1}},
    {"snapshot by the timestamp key",     snapshot_by_another_key,          REFUSAL_SNAPSHOT_THRESHOLD,    false, {1, 2, 1, 1}},
    {"snapshot expired",                  snapshot_expired,                 REFUSAL_SNAPSHOT_EXPIRED,      false, {1, 2, 1, 1}},
    {"the stored snapshot expired",         stored_snapshot_expired,          REFUSAL_SNAPSHOT_EXPIRED,          false, {1, 2, 1, 1}},
    {"T17 older targets listed",          snapshot_lists_older_targets,     REFUSAL_TARGETS_ROLLBACK,      false, {1, 3, 2, 2}},
    {"T18 a role removed",                snapshot_lists_a_role_no_more,    REFUSAL_SNAPSHOT_ROLE_REMOVED, true, {1, 3, 2, 2}},
    {"other targets",                     targets_exchanged,                REFUSAL_TARGETS_HASH,          false, {1, 2, 2, 1}},
    {"targets cut short",                 targets_cut,                      REFUSAL_TARGETS_LENGTH,        false, {1, 2, 2, 1}},
    {"T20 targets longer than listed",    targets_grown,                    REFUSAL_LENGTH_LIMIT,          false, {1, 2, 2, 1}},
    {"targets of another version",        targets_of_another_version,       REFUSAL_TARGETS_VERSION,       false, {1, 2, 2, 1}},
    {"T43 targets by the snapshot key",   targets_by_the_snapshot_key,      REFUSAL_TARGETS_THRESHOLD,     false, {1, 2, 2, 1}},
    {"targets expired",                   targets_expired,                  REFUSAL_TARGETS_EXPIRED,       false, {1, 2, 2, 1}},
    {"T47 unsafe target name",            targets_with_a_way_out,           REFUSAL_NAME_UNSAFE,           false, {1, 2, 2, 1}},
};
/* clang-format on */

/* Root 2 and everything else of version 9. */
static void publish_honestly(struct tuf_repo *repo)
{
    tuf_repo_put_root(repo, 2);
    tuf_repo_publish(repo, 9);
}

Test(refresh, refuses_each_manipulation_with_its_code_and_keeps_what_was_trusted)
{
    for (size_t i = 0; i < COUNT(attacks); i++) {
        const struct attack *attack = &attacks[i];
        struct tuf_repo *repo = tuf_repo_new_updated();
        struct err err = {0};

        attack->mutate(repo);
        cr_expect_not(tuf_repo_refresh(repo, NULL, &err), "%s", attack->what);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(attack->refusal), "%s: %s",
                         attack->what, err.text);
        cr_expect_eq(err.code, ERR_UNTRUSTED, "%s", attack->what);
        for (int role = 0; role < TUF_ROLE_COUNT; role++)
            cr_expect_eq(tuf_repo_kept(repo, (enum tuf_role)role), attack->kept[role],
                         "%s: keeps %s %llu", attack->what, tuf_role_name((enum tuf_role)role),
                         (unsigned long long)tuf_repo_kept(repo, (enum tuf_role)role));
        if (attack->refusal == REFUSAL_ROOT_LOCAL_INVALID)
            cr_expect_eq(repo->fetch_count, 0, "%s: nothing is asked for", attack->what);

        if (!attack->for_ever) {
            publish_honestly(repo);
            cr_expect(tuf_repo_refresh(repo, NULL, &err), "%s, then: %s", attack->what, err.text);
            cr_expect_eq(tuf_repo_kept(repo, TUF_TARGETS), 9, "%s", attack->what);
        }
        tuf_repo_free(repo);
    }
}
