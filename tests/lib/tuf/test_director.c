#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/tuf_director.h"

/* --- reading the director's document -----------------------------------------------------------
 */

static void as_it_is(json_t *body, json_t *entry)
{
    (void)body;
    (void)entry;
}
static void other_device(json_t *body, json_t *entry)
{
    (void)entry;
    entry_put(body, "x-device", json_string("8d1f"));
}
static void no_device(json_t *body, json_t *entry)
{
    (void)entry;
    (void)json_object_del(body, "x-device");
}
static void delegation(json_t *body, json_t *entry)
{
    (void)entry;
    entry_put(body, "delegations", json_pack("{s:{}, s:[]}", "keys", "roles"));
}
static void ecu_twice(json_t *body, json_t *entry)
{
    entry_put(json_object_get(body, "targets"), "app/p/a/1", json_deep_copy(entry));
}
static void other_ecu(json_t *body, json_t *entry)
{
    (void)body;
    entry_put(entry_custom(entry), "ecus", json_pack("{s:{s:s}}", "8d1f-main", "hwid", "h1"));
}
static void second_ecu(json_t *body, json_t *entry)
{
    (void)body;
    entry_put(json_object_get(entry_custom(entry), "ecus"), DIRECTOR_DEVICE "-radio",
              json_pack("{s:s}", "hwid", "h"));
}
static void no_ecu(json_t *body, json_t *entry)
{
    (void)body;
    entry_put(entry_custom(entry), "ecus", json_object());
}
static void more_parts(json_t *body, json_t *entry)
{
    (void)entry;
    entry_put(body, "x-bundle-parts", json_integer(2));
}
static void no_action(json_t *body, json_t *entry)
{
    (void)body;
    (void)json_object_del(entry_custom(entry), "action");
}
static void other_action(json_t *body, json_t *entry)
{
    (void)body;
    entry_put(entry_custom(entry), "action", json_string("erase"));
}
static void no_match(json_t *body, json_t *entry)
{
    (void)body;
    (void)json_object_del(entry_custom(entry), "match");
}
static void issued_as_number(json_t *body, json_t *entry)
{
    (void)entry;
    entry_put(body, "x-issued", json_integer(5));
}
static void delta_up(json_t *body, json_t *entry)
{
    (void)body;
    entry_put(entry_custom(entry), "delta",
              json_pack("{s:s, s:i}", "path", "../../etc/passwd", "length", 1));
}

Test(director, is_read_and_refused_by_its_codes)
{
    static const struct {
        const char *what;
        void (*mutate)(json_t *body, json_t *entry);
        uint64_t version_min;
        enum refusal refusal;
    } cases[] = {
        {"as it should be", as_it_is, 17, REFUSAL_NONE},
        {"T34 of a version below the last", as_it_is, 18, REFUSAL_TARGETS_ROLLBACK},
        {"T32 another device's", other_device, 0, REFUSAL_WRONG_DEVICE},
        {"T32 nobody's", no_device, 0, REFUSAL_WRONG_DEVICE},
        {"T33 with a delegation", delegation, 0, REFUSAL_DIRECTOR_DELEGATION},
        {"T33 a part twice", ecu_twice, 0, REFUSAL_ECU_DUPLICATE},
        {"T33 an unknown part", other_ecu, 0, REFUSAL_ECU_UNKNOWN},
        {"T33 an unknown part beside a known one", second_ecu, 0, REFUSAL_ECU_UNKNOWN},
        {"no part", no_ecu, 0, REFUSAL_ECU_UNKNOWN},
        {"T35 a part of the bundle missing", more_parts, 0, REFUSAL_BUNDLE_INCOMPLETE},
        {"no action", no_action, 0, REFUSAL_JSON_STRICT},
        {"an unknown action", other_action, 0, REFUSAL_JSON_STRICT},
        {"no match", no_match, 0, REFUSAL_JSON_STRICT},
        {"a number as time", issued_as_number, 0, REFUSAL_JSON_STRICT},
        {"a patch without hashes", delta_up, 0, REFUSAL_JSON_STRICT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *image = tuf_repo_entry("h1", 5, 1);
        json_t *entries = json_object();
        AUTO_TUF_DIRECTOR director = {0};
        struct tuf_set *read;
        json_t *body;
        struct err err = {0};

        entry_put(entries, DIRECTOR_PATH, director_choice(image));
        body = director_body(entries);
        cases[i].mutate(body, json_object_get(json_object_get(body, "targets"), DIRECTOR_PATH));
        read = director_set(body);
        cr_expect_eq(
            tuf_director_read(read, DIRECTOR_DEVICE, cases[i].version_min, &director, &err),
            cases[i].refusal == REFUSAL_NONE, "%s: %s", cases[i].what, err.text);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
        if (cases[i].refusal != REFUSAL_NONE)
            cr_expect(director.count == 0 && !director.targets, "%s", cases[i].what);
        tuf_set_free(read);
    }
}

Test(director, tells_everything_it_chose)
{
    AUTO_JSON *image = tuf_repo_entry("h1", 5, 1);
    json_t *choice = director_choice(image);
    json_t *entries = json_object();
    AUTO_TUF_DIRECTOR director = {0};
    AUTO_TUF_TARGET copy = {0};
    struct tuf_set *read;
    struct err err = {0};
    char hex[HASH_HEX_ROOM];
    uint8_t hash[HASH_BYTES] = {7};

    text_from_hex_bytes(hash, sizeof(hash), hex);
    entry_put(entry_custom(choice), "not_before", json_string("2026-11-22T18:00:00Z"));
    entry_put(entry_custom(choice), "deadline", json_string("2026-11-22T18:00:01Z"));
    entry_put(entry_custom(choice), "delta",
              json_pack("{s:s, s:i, s:i, s:s, s:{s:s, s:i}, s:i}", "path", "delta/ab.spd", "length",
                        900, "header_length", 64, "header_sha256", hex, "from", "sha256", hex,
                        "length", 1000, "mem", 4096));
    entry_put(entries, DIRECTOR_PATH, choice);
    read = director_set(director_body(entries));
    cr_assert(tuf_director_read(read, DIRECTOR_DEVICE, 0, &director, &err), "%s", err.text);
    tuf_set_free(read);
    cr_assert_eq(director.count, 1);
    cr_expect_str_eq(director.device, DIRECTOR_DEVICE);
    cr_expect_str_eq(director.bundle, "r55");
    cr_expect(director.version == 17 && director.parts == 1);
    cr_expect_eq(director.issued_ms, director_now_ms - 3600000);
    tuf_target_copy(&director.targets[0], &copy);
    tuf_director_done(&director);
    cr_expect_str_eq(copy.path, DIRECTOR_PATH);
    cr_expect_str_eq(copy.type, "os");
    cr_expect_str_eq(copy.name, "base-os");
    cr_expect_str_eq(copy.hwids[0], "h1");
    cr_expect_str_eq(copy.choice.ecu, DIRECTOR_DEVICE "-main");
    cr_expect_str_eq(copy.choice.ecu_hwid, "h1");
    cr_expect_str_eq(copy.choice.action, "install");
    cr_expect(copy.choice.not_before_ms == director_now_ms &&
              copy.choice.deadline_ms == director_now_ms + 1000);
    cr_expect(copy.choice.delta.present);
    cr_expect_str_eq(copy.choice.delta.path, "delta/ab.spd");
    cr_expect(copy.choice.delta.length == 900 && copy.choice.delta.header_length == 64);
    cr_expect(copy.choice.delta.from_length == 1000 && copy.choice.delta.memory == 4096);
    cr_expect(copy.choice.delta.header_sha256[0] == 7 && copy.choice.delta.from_sha256[0] == 7);
}

/* --- the director's own timestamp and snapshot -------------------------------------------------
 */

static void put_for(struct tuf_repo *repo, const char *name, json_t *body, enum tuf_role role,
                    const char *device)
{
    if (device)
        entry_put(body, "x-device", json_string(device));
    tuf_repo_put(repo, name, body, &repo->key_of[role], 1);
}

Test(director, must_be_this_device_s_in_all_its_documents)
{
    static const struct {
        const char *timestamp, *snapshot;
        enum refusal refusal;
    } cases[] = {
        {DIRECTOR_DEVICE, DIRECTOR_DEVICE, REFUSAL_NONE},
        {NULL, NULL, REFUSAL_NONE},
        {"8d1f", DIRECTOR_DEVICE, REFUSAL_WRONG_DEVICE},
        {DIRECTOR_DEVICE, "8d1f", REFUSAL_WRONG_DEVICE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = tuf_repo_new();
        AUTO_TUF_DIRECTOR director = {0};
        struct tuf_set *read = NULL;
        struct err err = {0};
        json_t *body;

        tuf_repo_put_root(repo, 1);
        tuf_repo_trust(repo, "1.root.json");
        body = tuf_make_targets(1, repo->expires_ms, repo->targets, NULL);
        put_for(repo, "1.targets.json", body, TUF_TARGETS, DIRECTOR_DEVICE);
        body = tuf_repo_snapshot(repo, 1, 1);
        put_for(repo, "1.snapshot.json", body, TUF_SNAPSHOT, cases[i].snapshot);
        body = tuf_repo_timestamp(repo, 1, 1);
        put_for(repo, "timestamp.json", body, TUF_TIMESTAMP, cases[i].timestamp);
        cr_assert(tuf_repo_refresh(repo, &read, &err), "%s", err.text);
        cr_expect_eq(tuf_director_read(read, DIRECTOR_DEVICE, 1, &director, &err),
                     cases[i].refusal == REFUSAL_NONE, "case %zu: %s", i, err.text);
        cr_expect_eq(err.refusal, cases[i].refusal, "case %zu: %s", i, err.text);
        cr_expect_eq(director.count, 0);
        tuf_set_free(read);
        tuf_repo_free(repo);
    }
}

Test(director, is_missing_when_only_its_root_is_known)
{
    struct tuf_repo *repo = tuf_repo_new();
    AUTO_TUF_DIRECTOR director = {0};
    struct tuf_set *read = NULL;
    struct err err = {0};

    cr_expect_not(tuf_load_root(&repo->io, &tuf_limits_device, &read, &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_LOCAL_INVALID); /* T01 */
    tuf_repo_put_root(repo, 1);
    tuf_repo_trust(repo, "1.root.json");
    cr_assert(tuf_load_root(&repo->io, &tuf_limits_device, &read, &err), "%s", err.text);
    cr_expect_eq(repo->fetch_count, 0);
    cr_expect_not(tuf_director_read(read, DIRECTOR_DEVICE, 0, &director, &err));
    cr_expect_eq(err.refusal, REFUSAL_DIRECTOR_MISSING);
    tuf_set_free(read);
    tuf_repo_free(repo);
}
