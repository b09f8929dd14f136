/* What suites for TUF clients ask about versions: nothing goes back, nothing is mixed, and new keys
 * end what a thief ran ahead. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "tests/support/conformance.h"
#include "tests/support/program.h"

static struct conformance c;

static void open_world(void)
{
    conform_open(&c, TEST_KEY_ED25519);
    conform_start(&c);
}

static void close_world(void)
{
    conform_close(&c);
}

TestSuite(conformance_rollback, .init = open_world, .fini = close_world);

/* A refresh that ends with this refusal and leaves these versions. */
static void refused(const char *code, const char *role, uint64_t timestamp, uint64_t snapshot,
                    uint64_t targets)
{
    cr_expect_eq(conform_refresh(&c), 1, "%s", code);
    cr_expect(conform_refused(code, role), "%s %s: %s", code, role, program_said());
    cr_expect_eq(conform_version(&c, "timestamp"), timestamp, "%s", code);
    cr_expect_eq(conform_version(&c, "snapshot"), snapshot, "%s", code);
    cr_expect_eq(conform_version(&c, "targets"), targets, "%s", code);
}

static void accepted(uint64_t timestamp, uint64_t snapshot, uint64_t targets)
{
    cr_expect_eq(conform_refresh(&c), 0, "%s", program_said());
    cr_expect_eq(conform_version(&c, "timestamp"), timestamp);
    cr_expect_eq(conform_version(&c, "snapshot"), snapshot);
    cr_expect_eq(conform_version(&c, "targets"), targets);
}

Test(conformance_rollback, a_timestamp_of_the_same_version_is_ignored_whatever_it_says)
{
    json_t *listed;

    accepted(1, 1, 1);
    listed = json_object_get(json_object_get(forge_role(c.forge, "timestamp")->body, "meta"),
                             "snapshot.json");
    cr_assert_eq(json_object_set_new(listed, "version", json_integer(100)), 0);
    forge_put(c.forge, "timestamp");
    (void)conform_fetched(&c);
    accepted(1, 1, 1);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
    cr_assert_not(conform_keeps(&c, "timestamp", &forge_file(c.forge, "timestamp.json")->body));
}

Test(conformance_rollback, an_older_timestamp_is_refused)
{
    forge_timestamp(c.forge);
    accepted(2, 1, 1);
    forge_set_version(c.forge, "timestamp", 1);
    forge_put(c.forge, "timestamp");
    (void)conform_fetched(&c);
    refused("TIMESTAMP_ROLLBACK", "timestamp", 2, 1, 1);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
}

Test(conformance_rollback, a_newer_timestamp_with_an_older_snapshot_is_refused_and_not_kept)
{
    for (int hashes = 0; hashes < 2; hashes++) {
        uint64_t base = hashes ? 4 : 2;

        c.forge->with_hashes = hashes;
        forge_set_version(c.forge, "snapshot", base - 1);
        forge_snapshot(c.forge);
        accepted(hashes ? 4 : 2, base, 1);
        forge_set_version(c.forge, "snapshot", base - 1);
        forge_put(c.forge, "snapshot");
        forge_timestamp(c.forge);
        (void)conform_fetched(&c);
        refused("SNAPSHOT_ROLLBACK", "timestamp", hashes ? 4 : 2, base, 1);
        cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
    }
}

Test(conformance_rollback, an_older_snapshot_behind_the_same_timestamp_is_not_even_asked_for)
{
    forge_snapshot(c.forge);
    accepted(2, 2, 1);
    forge_set_version(c.forge, "snapshot", 1);
    forge_put(c.forge, "snapshot");
    (void)conform_fetched(&c);
    accepted(2, 2, 1);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
}

Test(conformance_rollback, a_snapshot_of_another_version_than_named_is_refused)
{
    forge_set_version(c.forge, "snapshot", 2);
    forge_put(c.forge, "snapshot");
    forge_put_file(c.forge, "1.snapshot.json", forge_file(c.forge, "2.snapshot.json")->body.data,
                   forge_file(c.forge, "2.snapshot.json")->body.len);
    refused("SNAPSHOT_VERSION", "snapshot", 1, 0, 0);
    cr_assert_str_eq(conform_files(&c), "root timestamp");
}

Test(conformance_rollback, another_snapshot_than_the_one_named_is_refused)
{
    c.forge->with_hashes = true;
    forge_snapshot(c.forge);
    accepted(2, 2, 1);
    forge_snapshot(c.forge);
    forge_alter(c.forge, "3.snapshot.json", "1.0.31", "1.0.32");
    refused("SNAPSHOT_HASH", "snapshot", 3, 2, 1);
    forge_put(c.forge, "snapshot");
    accepted(3, 3, 1);
    forge_snapshot(c.forge);
    forge_alter(c.forge, "4.snapshot.json", "\"_type\":", "\"_type\" : ");
    refused("LENGTH_LIMIT", "snapshot", 4, 3, 1);
    forge_put_file(c.forge, "4.snapshot.json", "{}", 2);
    refused("SNAPSHOT_LENGTH", "snapshot", 4, 3, 1);
}

Test(conformance_rollback, other_targets_than_the_ones_listed_are_refused)
{
    c.forge->with_hashes = true;
    forge_snapshot(c.forge);
    accepted(2, 2, 1);
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    forge_alter(c.forge, "2.targets.json", "1.0.31", "1.0.32");
    refused("TARGETS_HASH", "targets", 3, 3, 1);
    c.forge->with_hashes = false;
    forge_set_version(c.forge, "targets", 7);
    forge_put(c.forge, "targets");
    forge_put_file(c.forge, "2.targets.json", forge_file(c.forge, "7.targets.json")->body.data,
                   forge_file(c.forge, "7.targets.json")->body.len);
    forge_role(c.forge, "targets")->put_version = 2;
    forge_snapshot(c.forge);
    refused("TARGETS_VERSION", "targets", 4, 4, 1);
}

Test(conformance_rollback, a_snapshot_that_lists_older_targets_is_refused)
{
    for (int hashes = 0; hashes < 2; hashes++) {
        uint64_t version = hashes ? 6 : 3;

        c.forge->with_hashes = hashes;
        forge_set_version(c.forge, "targets", version);
        forge_put(c.forge, "targets");
        forge_snapshot(c.forge);
        accepted(hashes ? 4 : 2, hashes ? 4 : 2, version);
        forge_set_version(c.forge, "targets", version - 1);
        forge_put(c.forge, "targets");
        forge_snapshot(c.forge);
        refused("TARGETS_ROLLBACK", "snapshot", hashes ? 5 : 3, hashes ? 4 : 2, version);
    }
}

Test(conformance_rollback, no_role_goes_back_or_away_in_a_snapshot)
{
    (void)forge_delegate(c.forge, "targets", "role", "*");
    forge_put(c.forge, "role");
    forge_bump(c.forge, "role");
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    accepted(2, 2, 2);
    forge_set_version(c.forge, "role", 1);
    forge_put(c.forge, "role");
    forge_snapshot(c.forge);
    refused("TARGETS_ROLLBACK", "snapshot", 3, 2, 2);
    forge_role(c.forge, "role")->unlisted = true;
    forge_snapshot(c.forge);
    refused("SNAPSHOT_ROLE_REMOVED", "snapshot", 4, 2, 2);
    forge_role(c.forge, "role")->unlisted = false;
    forge_set_version(c.forge, "role", 2);
    forge_put(c.forge, "role");
    forge_snapshot(c.forge);
    accepted(5, 5, 2);
}

Test(conformance_rollback, the_snapshots_rollback_reference_may_have_expired)
{
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    accepted(2, 2, 2);
    /* What time does to files, by the keys that may. */
    forge_set_expiry(c.forge, "snapshot", -1);
    forge_set_expiry(c.forge, "timestamp", -1);
    forge_put(c.forge, "snapshot");
    forge_put(c.forge, "timestamp");
    conform_plant(&c, "snapshot", &forge_file(c.forge, "2.snapshot.json")->body);
    conform_plant(&c, "timestamp", &forge_file(c.forge, "timestamp.json")->body);
    forge_set_expiry(c.forge, "snapshot", 1);
    forge_set_expiry(c.forge, "timestamp", 1);
    forge_set_version(c.forge, "targets", 1);
    forge_put(c.forge, "targets");
    forge_snapshot(c.forge);
    refused("TARGETS_ROLLBACK", "snapshot", 3, 2, 2);
}

Test(conformance_rollback, the_timestamps_rollback_reference_may_have_expired)
{
    forge_timestamp(c.forge);
    forge_set_expiry(c.forge, "timestamp", -1);
    forge_put(c.forge, "timestamp");
    conform_plant(&c, "timestamp", &forge_file(c.forge, "timestamp.json")->body);
    forge_set_expiry(c.forge, "timestamp", 1);
    forge_set_version(c.forge, "timestamp", 1);
    forge_put(c.forge, "timestamp");
    refused("TIMESTAMP_ROLLBACK", "timestamp", 2, 0, 0);
}

/* --- keys end what a thief ran ahead ------------------------------------------------------------
 */

Test(conformance_rollback, new_timestamp_keys_recover_from_a_timestamp_run_ahead)
{
    forge_set_version(c.forge, "timestamp", 99999);
    forge_put(c.forge, "timestamp");
    accepted(99999, 1, 1);
    forge_set_version(c.forge, "timestamp", 1);
    forge_put(c.forge, "timestamp");
    refused("TIMESTAMP_ROLLBACK", "timestamp", 99999, 1, 1);
    forge_rotate(c.forge, "timestamp");
    forge_bump(c.forge, "root");
    forge_put(c.forge, "timestamp");
    accepted(1, 1, 1);
    cr_assert_eq(conform_version(&c, "root"), 2);
}

Test(conformance_rollback, new_snapshot_keys_recover_from_a_snapshot_run_ahead)
{
    forge_set_version(c.forge, "snapshot", 99999);
    forge_snapshot(c.forge);
    accepted(2, 100000, 1);
    forge_rotate(c.forge, "snapshot");
    forge_rotate(c.forge, "timestamp");
    forge_bump(c.forge, "root");
    forge_set_version(c.forge, "snapshot", 1);
    forge_put(c.forge, "snapshot");
    forge_timestamp(c.forge);
    accepted(3, 1, 1);
}

Test(conformance_rollback, new_snapshot_keys_recover_from_targets_run_ahead)
{
    forge_set_version(c.forge, "targets", 99999);
    forge_put(c.forge, "targets");
    forge_snapshot(c.forge);
    accepted(2, 2, 99999);
    forge_set_version(c.forge, "targets", 2);
    forge_put(c.forge, "targets");
    forge_snapshot(c.forge);
    refused("TARGETS_ROLLBACK", "snapshot", 3, 2, 99999);
    forge_rotate(c.forge, "snapshot");
    forge_bump(c.forge, "root");
    forge_snapshot(c.forge);
    accepted(4, 4, 2);
}

/* --- roots -------------------------------------------------------------------------------------
 */

Test(conformance_rollback, a_chain_of_roots_is_walked_and_the_last_one_kept)
{
    for (int i = 0; i < 40; i++) {
        if (i % 7 == 0) {
            const struct test_key *old = forge_role(c.forge, "root")->keys[0];

            forge_rotate(c.forge, "root"); /* signed by old and new */
            forge_role(c.forge, "root")->keys[1] = old;
            forge_role(c.forge, "root")->key_count = 2;
        }
        forge_bump(c.forge, "root");
        if (i % 7 == 0)
            forge_role(c.forge, "root")->key_count = 1;
    }
    accepted(1, 1, 1);
    cr_assert_eq(conform_version(&c, "root"), 41);
    cr_assert(conform_keeps(&c, "root", &forge_file(c.forge, "41.root.json")->body));
}

/* The root that is served as `file` is refused; root 1 stays, and nothing else is asked for. */
static void root_is_refused(const char *code)
{
    (void)conform_fetched(&c);
    cr_expect_eq(conform_refresh(&c), 1, "%s", code);
    cr_expect(conform_refused(code, "root"), "%s: %s", code, program_said());
    cr_expect_str_eq(conform_fetched(&c), "2.root");
    cr_expect_str_eq(conform_files(&c), "root");
    cr_expect_eq(conform_version(&c, "root"), 1);
}

static void serve_as_2(uint64_t version)
{
    AUTO_FREE char *name = mem_printf("%d.root.json", (int)version);
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len;

    forge_set_version(c.forge, "root", version);
    forge_put(c.forge, "root");
    len = forge_file(c.forge, name)->body.len;
    bytes = mem_dup(forge_file(c.forge, name)->body.data, len);
    if (version != 2)
        forge_drop_file(c.forge, name);
    forge_put_file(c.forge, "2.root.json", bytes, len);
}

Test(conformance_rollback, a_root_must_be_the_next_version)
{
    static const uint64_t versions[] = {1, 3, 4000};

    for (size_t i = 0; i < COUNT(versions); i++) {
        serve_as_2(versions[i]);
        root_is_refused("ROOT_VERSION");
    }
}

Test(conformance_rollback, a_root_needs_old_and_new_keys)
{
    struct forge_role *root = forge_role(c.forge, "root");
    const struct test_key *old = root->keys[0];

    forge_rotate(c.forge, "root");
    serve_as_2(2);
    root_is_refused("ROOT_OLD_THRESHOLD");
    root->keys[1] = root->keys[0];
    root->keys[0] = old;
    serve_as_2(2);
    root_is_refused("ROOT_NEW_THRESHOLD");
    root->key_count = 2;
    serve_as_2(2);
    accepted(1, 1, 1);
    cr_assert_eq(conform_version(&c, "root"), 2);
}

Test(conformance_rollback, a_root_that_is_none_ends_the_chain_with_a_refusal)
{
    forge_put_file(c.forge, "2.root.json", "not JSON", 8);
    root_is_refused("JSON_STRICT");
    serve_as_2(2);
    forge_alter(c.forge, "2.root.json", "\"_type\":\"root\"", "\"_type\":\"targets\"");
    root_is_refused("WRONG_TYPE");
    forge_put_file(c.forge, "2.root.json", "{}", 2);
    forge_file(c.forge, "2.root.json")->status = 500;
    root_is_refused("HTTP_STATUS");
}
