/* What suites for TUF clients ask about keys: each of three kinds, thresholds that cannot be faked,
 * and strange neighbours that do no harm. */
#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "tests/support/conformance.h"
#include "tests/support/program.h"

static struct conformance c;

static void open_world(void)
{
    conform_open(&c, TEST_KEY_ECDSA);
    conform_start(&c);
}

static void close_world(void)
{
    conform_close(&c);
}

TestSuite(conformance_keys, .init = open_world, .fini = close_world);

static void set_threshold(const char *role, int threshold)
{
    cr_assert_eq(json_object_set_new(forge_rule(c.forge, "root", role), "threshold",
                                     json_integer(threshold)),
                 0);
}

static json_t *root_keys(void)
{
    return json_object_get(forge_role(c.forge, "root")->body, "keys");
}

/* The snapshot is refused for lack of signatures, or accepted. */
static void snapshot_is(int status)
{
    cr_expect_eq(conform_refresh(&c), status, "%s", program_said());
    if (status)
        cr_expect(conform_refused("SNAPSHOT_THRESHOLD", "snapshot"), "%s", program_said());
    else
        cr_expect_eq(conform_version(&c, "snapshot"), forge_version(c.forge, "snapshot"));
}

Test(conformance_keys, each_kind_signs_and_no_other_signature_counts)
{
    static const char *const roles[] = {"root", "timestamp", "snapshot", "targets"};

    for (int kind = 0; kind < TEST_KEY_KIND_COUNT; kind++) {
        c.forge->kind = (enum test_key_kind)kind;
        for (size_t i = 1; i < COUNT(roles); i++)
            forge_rotate(c.forge, roles[i]);
        forge_add_key(c.forge, "root", "root", forge_key(c.forge));
        forge_bump(c.forge, "root");
        forge_put(c.forge, "targets");
        forge_snapshot(c.forge);
        cr_expect_eq(conform_refresh(&c), 0, "kind %d: %s", kind, program_said());
        forge_timestamp(c.forge);
        forge_alter(c.forge, "timestamp.json", "\"spec_version\":\"1.0.31\"",
                    "\"spec_version\":\"1.0.32\"");
        cr_expect_eq(conform_refresh(&c), 1, "kind %d", kind);
        cr_expect(conform_refused("TIMESTAMP_THRESHOLD", "timestamp"), "%s", program_said());
    }
    cr_assert_eq(conform_version(&c, "root"), 1 + TEST_KEY_KIND_COUNT);
}

Test(conformance_keys, all_kinds_together_reach_a_threshold)
{
    forge_rotate(c.forge, "snapshot");
    c.forge->kind = TEST_KEY_ED25519;
    forge_add_key(c.forge, "root", "snapshot", forge_key(c.forge));
    c.forge->kind = TEST_KEY_RSA;
    forge_add_key(c.forge, "root", "snapshot", forge_key(c.forge));
    set_threshold("snapshot", 3);
    forge_bump(c.forge, "root");
    forge_snapshot(c.forge);
    snapshot_is(0);
    forge_role(c.forge, "snapshot")->key_count = 2;
    forge_snapshot(c.forge);
    snapshot_is(1);
}

Test(conformance_keys, a_threshold_is_reached_or_not)
{
    struct forge_role *snapshot = forge_role(c.forge, "snapshot");

    cr_assert_eq(conform_refresh(&c), 0);
    for (int i = 0; i < 4; i++)
        forge_add_key(c.forge, "root", "snapshot", forge_key(c.forge));
    set_threshold("snapshot", 6); /* more than there are keys */
    forge_bump(c.forge, "root");
    forge_snapshot(c.forge);
    snapshot_is(1);
    set_threshold("snapshot", 5);
    forge_bump(c.forge, "root");
    snapshot_is(0);
    snapshot->key_count = 4;
    forge_snapshot(c.forge);
    snapshot_is(1);
    cr_assert_eq(conform_version(&c, "root"), 3);
}

Test(conformance_keys, a_key_of_the_root_that_is_not_the_roles_does_not_count)
{
    struct forge_role *snapshot = forge_role(c.forge, "snapshot");
    const struct test_key *stranger = forge_key(c.forge);
    json_t *key = json_deep_copy(test_key_json(stranger));

    cr_assert_eq(json_object_set_new(root_keys(), test_key_id(stranger), key), 0);
    set_threshold("snapshot", 2);
    forge_bump(c.forge, "root");
    snapshot->keys[snapshot->key_count++] = stranger;
    snapshot->keys[snapshot->key_count++] = forge_role(c.forge, "targets")->keys[0];
    forge_snapshot(c.forge);
    snapshot_is(1);
}

Test(conformance_keys, a_keyid_without_its_key_does_not_count)
{
    struct forge_role *snapshot = forge_role(c.forge, "snapshot");
    const struct test_key *unknown = forge_key(c.forge);
    json_t *keyids = json_object_get(forge_rule(c.forge, "root", "snapshot"), "keyids");

    cr_assert_eq(json_array_append_new(keyids, json_string(test_key_id(unknown))), 0);
    set_threshold("snapshot", 2);
    forge_bump(c.forge, "root");
    snapshot->keys[snapshot->key_count++] = unknown;
    forge_snapshot(c.forge);
    snapshot_is(1);
    set_threshold("snapshot", 1);
    forge_bump(c.forge, "root");
    snapshot_is(0);
}

Test(conformance_keys, bad_signatures_beside_good_ones_do_no_harm)
{
    static const char *const sigs[] = {"", "00", "zz", "deadbeef", "3045022100", "0"};
    const struct test_key *second = forge_key(c.forge);

    forge_list_key(c.forge, "root", "timestamp", second, test_key_id(second));
    forge_bump(c.forge, "root");
    for (size_t i = 0; i < COUNT(sigs); i++) {
        AUTO_FREE char *extra = mem_printf("\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"},",
                                           test_key_id(second), sigs[i]);

        forge_timestamp(c.forge);
        forge_alter(c.forge, "timestamp.json", "\"signatures\":[", extra);
        cr_expect_eq(conform_refresh(&c), 0, "'%s': %s", sigs[i], program_said());
    }
    for (size_t i = 0; i < COUNT(sigs); i++) {
        AUTO_FREE char *extra = mem_printf("\"sig\":\"%s\",\"was\":\"", sigs[i]);

        forge_timestamp(c.forge);
        forge_alter(c.forge, "timestamp.json", "\"sig\":\"", extra);
        cr_expect_eq(conform_refresh(&c), 1, "'%s'", sigs[i]);
        cr_expect(conform_refused("TIMESTAMP_THRESHOLD", "timestamp"), "%s", program_said());
    }
}

Test(conformance_keys, a_keyid_twice_among_the_signatures_is_refused_even_with_enough_good_ones)
{
    struct forge_role *snapshot = forge_role(c.forge, "snapshot");

    snapshot->keys[snapshot->key_count++] = snapshot->keys[0];
    forge_snapshot(c.forge);
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("SIG_DUPLICATE_KEYID", "snapshot"), "%s", program_said());
    snapshot->key_count = 1;
    forge_snapshot(c.forge);
    forge_alter(c.forge, "3.snapshot.json", "\"signatures\":[",
                "\"signatures\":[{\"keyid\":\"x\",\"sig\":\"\"},{\"keyid\":\"x\",\"sig\":\"\"},");
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("SIG_DUPLICATE_KEYID", "snapshot"), "%s", program_said());
}

Test(conformance_keys, one_key_under_many_names_is_refused)
{
    const struct test_key *key = forge_role(c.forge, "snapshot")->keys[0];
    json_t *copy = json_deep_copy(test_key_json(key));
    char id[65];
    struct err err = {0};

    cr_assert_eq(conform_refresh(&c), 0);
    cr_assert_eq(json_object_set_new(copy, "x-alias", json_string("2")), 0);
    cr_assert(tuf_keyid_of(copy, id, &err));
    cr_assert_eq(json_object_set_new(root_keys(), id, copy), 0);
    cr_assert_eq(
        json_array_append_new(json_object_get(forge_rule(c.forge, "root", "snapshot"), "keyids"),
                              json_string(id)),
        0);
    set_threshold("snapshot", 2);
    forge_bump(c.forge, "root");
    forge_snapshot(c.forge);
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("KEY_DUPLICATE", "root"), "%s", program_said());
    cr_assert_eq(conform_version(&c, "snapshot"), 1);
}

Test(conformance_keys, one_keyid_listed_many_times_is_refused)
{
    json_t *keyids = json_object_get(forge_rule(c.forge, "root", "snapshot"), "keyids");

    for (int i = 0; i < 9; i++)
        cr_assert_eq(json_array_append(keyids, json_array_get(keyids, 0)), 0);
    set_threshold("snapshot", 6);
    forge_bump(c.forge, "root");
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("KEY_DUPLICATE", "root"), "%s", program_said());
}

Test(conformance_keys, a_keyid_is_the_hash_of_its_key)
{
    const struct test_key *key = forge_key(c.forge);
    char id[65];

    cr_assert(text_copy(id, sizeof(id), test_key_id(key)));
    id[0] = id[0] == '0' ? '1' : '0';
    forge_list_key(c.forge, "root", "snapshot", key, id);
    forge_bump(c.forge, "root");
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("KEYID_MISMATCH", "root"), "%s", program_said());
}

Test(conformance_keys, fields_outside_the_specification_may_be_left_out_of_a_keyid)
{
    const char *id = test_key_id(forge_role(c.forge, "snapshot")->keys[0]);

    cr_assert_eq(json_object_set_new(json_object_get(root_keys(), id), "keyid_hash_algorithms",
                                     json_pack("[s]", "md5")),
                 0);
    forge_bump(c.forge, "root");
    forge_snapshot(c.forge);
    snapshot_is(0);
}

Test(conformance_keys, keys_of_unknown_schemes_are_skipped)
{
    static const char *const schemes[][2] = {
        {"ml-dsa", "ml-dsa-65/1"},          {"ed25519", "ed448"},
        {"rsa", "rsa-pkcs1v15-sha256"},     {"", ""},
        {"sphincs", "ecdsa-sha2-nistp256"},
    };
    json_t *keyids = json_object_get(forge_rule(c.forge, "root", "timestamp"), "keyids");

    for (size_t i = 0; i < COUNT(schemes); i++) {
        AUTO_FREE char *text = mem_printf("key %zu", i);
        json_t *key = json_pack("{s:s, s:s, s:{s:s}}", "keytype", schemes[i][0], "scheme",
                                schemes[i][1], "keyval", "public", text);
        char id[65];
        struct err err = {0};

        cr_assert(tuf_keyid_of(key, id, &err));
        cr_assert_eq(json_object_set_new(root_keys(), id, key), 0);
        cr_assert_eq(json_array_append_new(keyids, json_string(id)), 0);
    }
    forge_bump(c.forge, "root");
    forge_timestamp(c.forge);
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
    cr_assert_eq(conform_version(&c, "root"), 2);
}

Test(conformance_keys, a_revoked_key_signs_nothing_more)
{
    const struct test_key *old = forge_role(c.forge, "timestamp")->keys[0];

    cr_assert_eq(conform_refresh(&c), 0);
    forge_rotate(c.forge, "timestamp");
    forge_bump(c.forge, "root");
    forge_role(c.forge, "timestamp")->keys[0] = old;
    forge_timestamp(c.forge);
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("TIMESTAMP_THRESHOLD", "timestamp"), "%s", program_said());
    cr_assert_eq(conform_version(&c, "root"), 2);
}

Test(conformance_keys, no_role_signs_for_another)
{
    static const struct {
        const char *role, *by, *code;
    } cases[] = {
        {"targets", "snapshot", "TARGETS_THRESHOLD"},
        {"snapshot", "timestamp", "SNAPSHOT_THRESHOLD"},
        {"timestamp", "snapshot", "TIMESTAMP_THRESHOLD"},
        {"timestamp", "root", "TIMESTAMP_THRESHOLD"},
    };

    cr_assert_eq(conform_refresh(&c), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct forge_role *role = forge_role(c.forge, cases[i].role);
        const struct test_key *own = role->keys[0];

        role->keys[0] = forge_role(c.forge, cases[i].by)->keys[0];
        forge_bump(c.forge, "targets");
        forge_snapshot(c.forge);
        cr_expect_eq(conform_refresh(&c), 1, "%s", cases[i].role);
        cr_expect(conform_refused(cases[i].code, cases[i].role), "%s", program_said());
        role->keys[0] = own;
    }
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
}
