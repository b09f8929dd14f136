/*
 * Attacks on timestamp, snapshot and targets against the real agent, by their numbers in the attack
 * table: each is refused with its own code, in the status and in a report, and what was trusted
 * stays.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/agent_world.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

static struct agent_world w;

static void open_world(void)
{
    agent_world_open(&w);
}

static void close_world(void)
{
    agent_world_close(&w);
}

TestSuite(attack_metadata, .init = open_world, .fini = close_world);

/* --- the lies: told when version 1 of everything is trusted -------------------------------------
 */

static void t11_expired(void)
{
    forge_set_expiry(w.forge, "timestamp", -1);
    forge_timestamp(w.forge);
}

static void plant(const char *file, const char *served)
{
    AUTO_FREE char *name = mem_printf("metadata/%s", file);
    AUTO_FREE char *path = agent_world_path(name);
    const struct buf *bytes = &forge_file(w.forge, served)->body;

    temp_write(path, bytes->data, bytes->len);
}

/* For two days nothing new is let through. */
static void t11_frozen(void)
{
    forge_set_expiry(w.forge, "timestamp", -2);
    forge_put(w.forge, "timestamp");
    plant("timestamp.json", "timestamp.json");
}

static void t12_replayed(void)
{
    AUTO_FREE char *old = mem_strdup(buf_text(&forge_file(w.forge, "timestamp.json")->body));

    forge_timestamp(w.forge);
    cr_assert_eq(agent_world_check(&w), 0);
    forge_put_file(w.forge, "timestamp.json", old, strlen(old));
}

static void t13_older_snapshot_named(void)
{
    forge_snapshot(w.forge);
    cr_assert_eq(agent_world_check(&w), 0);
    forge_set_version(w.forge, "snapshot", 1);
    forge_put(w.forge, "snapshot");
    forge_timestamp(w.forge);
}

static void t15_another_snapshot(void)
{
    w.forge->with_hashes = true;
    forge_snapshot(w.forge);
    forge_alter(w.forge, "2.snapshot.json", "1.0.31", "1.0.30");
}

static void t15_shorter_snapshot(void)
{
    w.forge->with_hashes = true;
    forge_snapshot(w.forge);
    forge_put_file(w.forge, "2.snapshot.json", "{}", 2);
}

static void t16_snapshot_of_another_version(void)
{
    const struct buf *first = &forge_file(w.forge, "1.snapshot.json")->body;

    forge_snapshot(w.forge);
    forge_put_file(w.forge, "2.snapshot.json", first->data, first->len);
}

static void t17_older_targets(void)
{
    agent_world_publish(&w);
    cr_assert_eq(agent_world_check(&w), 0);
    forge_set_version(w.forge, "targets", 1);
    forge_put(w.forge, "targets");
    forge_snapshot(w.forge);
}

static void t18_role_removed(void)
{
    (void)forge_delegate(w.forge, "targets", "os-board", "os/board/*/*");
    forge_put(w.forge, "os-board");
    agent_world_publish(&w);
    cr_assert_eq(agent_world_check(&w), 0);
    forge_role(w.forge, "os-board")->unlisted = true;
    forge_snapshot(w.forge);
}

static void snapshot_expired(void)
{
    forge_set_expiry(w.forge, "snapshot", -1);
    forge_snapshot(w.forge);
}

static void snapshot_by_the_timestamp_key(void)
{
    forge_role(w.forge, "snapshot")->keys[0] = forge_role(w.forge, "timestamp")->keys[0];
    forge_snapshot(w.forge);
}

static void targets_expired(void)
{
    forge_set_expiry(w.forge, "targets", -1);
    agent_world_publish(&w);
}

static void other_targets(void)
{
    w.forge->with_hashes = true;
    agent_world_publish(&w);
    forge_alter(w.forge, "2.targets.json", "1.0.31", "1.0.30");
}

static void targets_of_another_version(void)
{
    const struct buf *first = &forge_file(w.forge, "1.targets.json")->body;

    agent_world_publish(&w);
    forge_put_file(w.forge, "2.targets.json", first->data, first->len);
}

static void t42_revoked_key(void)
{
    const struct test_key *old = forge_role(w.forge, "timestamp")->keys[0];

    forge_rotate(w.forge, "timestamp");
    forge_bump(w.forge, "root");
    forge_role(w.forge, "timestamp")->keys[0] = old;
    forge_timestamp(w.forge);
}

static void t43_targets_by_the_snapshot_key(void)
{
    forge_role(w.forge, "targets")->keys[0] = forge_role(w.forge, "snapshot")->keys[0];
    agent_world_publish(&w);
}

static void t44_snapshot_as_timestamp(void)
{
    const struct buf *snapshot = &forge_file(w.forge, "1.snapshot.json")->body;

    forge_put_file(w.forge, "timestamp.json", snapshot->data, snapshot->len);
}

static void t45_next_specification(void)
{
    cr_assert_eq(json_object_set_new(forge_role(w.forge, "timestamp")->body, "spec_version",
                                     json_string("2.0.0")),
                 0);
    forge_timestamp(w.forge);
}

static void add_plain_target(const char *path)
{
    (void)forge_add_target(w.forge, "targets", path, "content");
    agent_world_publish(&w);
}

static void t47_target_above(void)
{
    add_plain_target("a/../../etc/passwd");
}

static void t47_target_at_the_root(void)
{
    add_plain_target("/etc/passwd");
}

static void t47_role_of_300_characters(void)
{
    char name[301];

    memset(name, 'x', sizeof(name) - 1);
    name[300] = '\0';
    (void)forge_delegate(w.forge, "targets", name, "*");
    agent_world_publish(&w);
}

static const struct {
    const char *id, *what;
    void (*make)(void);
    const char *code, *kept;
} attacks[] = {
    {"T11", "an expired timestamp", t11_expired, "TIMESTAMP_EXPIRED", "1 1 1 1"},
    {"T11", "a repository frozen for two days", t11_frozen, "TIMESTAMP_EXPIRED", "1 1 1 1"},
    {"T12", "an older timestamp replayed", t12_replayed, "TIMESTAMP_ROLLBACK", "1 2 1 1"},
    {"T13", "a newer timestamp naming an older snapshot", t13_older_snapshot_named,
     "SNAPSHOT_ROLLBACK", "1 2 2 1"},
    {"T15", "another snapshot than the one named", t15_another_snapshot, "SNAPSHOT_HASH",
     "1 2 1 1"},
    {"T15", "a shorter snapshot than the one named", t15_shorter_snapshot, "SNAPSHOT_LENGTH",
     "1 2 1 1"},
    {"T16", "a snapshot of another version than named", t16_snapshot_of_another_version,
     "SNAPSHOT_VERSION", "1 2 1 1"},
    {"T17", "a snapshot that lists older targets", t17_older_targets, "TARGETS_ROLLBACK",
     "1 3 2 2"},
    {"T18", "a role removed from the snapshot", t18_role_removed, "SNAPSHOT_ROLE_REMOVED",
     "1 3 2 2"},
    {"---", "an expired snapshot", snapshot_expired, "SNAPSHOT_EXPIRED", "1 2 1 1"},
    {"---", "a snapshot signed by the timestamp key", snapshot_by_the_timestamp_key,
     "SNAPSHOT_THRESHOLD", "1 2 1 1"},
    {"---", "expired targets", targets_expired, "TARGETS_EXPIRED", "1 2 2 1"},
    {"---", "other targets than the ones listed", other_targets, "TARGETS_HASH", "1 2 2 1"},
    {"---", "targets of another version than listed", targets_of_another_version, "TARGETS_VERSION",
     "1 2 2 1"},
    {"T42", "a revoked timestamp key signs", t42_revoked_key, "TIMESTAMP_THRESHOLD", "2 0 0 1"},
    {"T43", "targets signed by the snapshot key", t43_targets_by_the_snapshot_key,
     "TARGETS_THRESHOLD", "1 2 2 1"},
    {"T44", "a snapshot served as timestamp", t44_snapshot_as_timestamp, "WRONG_TYPE", "1 1 1 1"},
    {"T45", "specification 2.0.0", t45_next_specification, "SPEC_VERSION", "1 1 1 1"},
    {"T47", "a target outside of its folder", t47_target_above, "NAME_UNSAFE", "1 2 2 1"},
    {"T47", "a target at the file system's root", t47_target_at_the_root, "NAME_UNSAFE", "1 2 2 1"},
    {"T47", "a role's name of 300 characters", t47_role_of_300_characters, "NAME_UNSAFE",
     "1 2 2 1"},
};

static void expect_refused(const char *id, const char *what, const char *code, const char *kept)
{
    (void)agent_world_check(&w);
    cr_expect(agent_world_reported(&w, code), "%s %s: %s", id, what, program_said());
    cr_expect(agent_world_refused(&w, code), "%s %s: %s", id, what, program_said());
    cr_expect_str_eq(agent_world_kept(&w), kept, "%s %s", id, what);
}

Test(attack_metadata, t11_to_t47_false_documents_are_refused_and_what_is_trusted_stays)
{
    for (size_t i = 0; i < COUNT(attacks); i++) {
        cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
        cr_assert_str_eq(agent_world_kept(&w), "1 1 1 1");
        attacks[i].make();
        expect_refused(attacks[i].id, attacks[i].what, attacks[i].code, attacks[i].kept);
        agent_world_again(&w);
    }
}

Test(attack_metadata, t14_a_timestamp_of_the_same_version_is_ignored_whatever_it_says)
{
    cr_assert_eq(agent_world_check(&w), 0);
    forge_bump(w.forge, "snapshot");
    forge_timestamp(w.forge);
    forge_set_version(w.forge, "timestamp", 1);
    forge_put(w.forge, "timestamp");
    (void)agent_world_asked(&w);
    cr_assert_eq(agent_world_check(&w), 0);
    cr_assert_str_eq(agent_world_asked(&w), "2.root timestamp");
    cr_assert(agent_world_refused(&w, "NONE"), "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "1 1 1 1");
}

Test(attack_metadata, t19_versions_that_were_run_ahead_come_back_with_new_keys_only)
{
    forge_set_version(w.forge, "timestamp", 4000000);
    forge_set_version(w.forge, "snapshot", 3000000);
    forge_snapshot(w.forge);
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "1 4000001 3000001 1");
    forge_set_version(w.forge, "timestamp", 1);
    forge_set_version(w.forge, "snapshot", 1);
    forge_snapshot(w.forge);
    expect_refused("T19", "the old versions", "TIMESTAMP_ROLLBACK", "1 4000001 3000001 1");
    forge_rotate(w.forge, "timestamp");
    forge_rotate(w.forge, "snapshot");
    forge_bump(w.forge, "root");
    forge_snapshot(w.forge);
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "2 3 3 1");
}

Test(attack_metadata, t46_json_that_is_not_strict_is_refused)
{
    static const struct {
        const char *what, *from, *to;
    } lies[] = {
        {"a key twice", "\"version\":2", "\"version\":1,\"version\":9"},
        {"a key twice, once escaped", "\"version\":2", "\"version\":1,\"\\u0076ersion\":9"},
        {"a fraction", "\"version\":2", "\"version\":2.0"},
        {"an exponent", "\"version\":2", "\"version\":2e0"},
        {"2^60", "\"version\":2", "\"version\":1152921504606846976"},
        {"2^53", "\"version\":2", "\"version\":9007199254740992"},
        {"a negative number", "\"version\":2", "\"version\":-2"},
        {"a leading zero", "\"version\":2", "\"version\":02"},
        {"version 0", "\"version\":2", "\"version\":0"},
        {"an escaped NUL", "\"timestamp\"", "\"timestamp\\u0000\""},
        {"a lone surrogate", "\"timestamp\"", "\"timestamp\\ud800\""},
        {"no UTF-8", "\"timestamp\"", "\"timestamp\xff\""},
        {"UTF-8 that is too long", "\"timestamp\"", "\"timestamp\xc0\xaf\""},
        {"a control character", "\"timestamp\"", "\"timestamp\x01\""},
        {"a byte order mark", "{", "\xef\xbb\xbf{"},
        {"a second value", "{", "{}{"},
        {"an array", "{", "[{"},
        {"a time of another form", "Z\"", "+00:00\""},
    };

    for (size_t i = 0; i < COUNT(lies); i++) {
        cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
        forge_timestamp(w.forge);
        forge_alter(w.forge, "timestamp.json", lies[i].from, lies[i].to);
        expect_refused("T46", lies[i].what, "JSON_STRICT", "1 1 1 1");
        agent_world_again(&w);
    }
}

Test(attack_metadata, t46_what_cannot_stand_in_a_text_of_c_is_refused)
{
    static const char *const tails[] = {"x", "\0", "{}", "]", "\xff"};
    static char deep[12000];

    cr_assert_eq(agent_world_check(&w), 0);
    for (size_t i = 0; i < COUNT(tails); i++) {
        AUTO_BUF bytes;

        buf_init(&bytes, 1 << 16);
        forge_timestamp(w.forge);
        buf_add(&bytes, forge_file(w.forge, "timestamp.json")->body.data,
                forge_file(w.forge, "timestamp.json")->body.len);
        buf_add(&bytes, tails[i], tails[i][0] ? strlen(tails[i]) : 1);
        forge_put_file(w.forge, "timestamp.json", bytes.data, bytes.len);
        expect_refused("T46", "trailing bytes", "JSON_STRICT", "1 1 1 1");
    }
    memset(deep, '[', 10000);
    forge_put_file(w.forge, "timestamp.json", deep, 10000);
    expect_refused("T46", "a depth of 10,000", "JSON_STRICT", "1 1 1 1");
    forge_put_file(w.forge, "timestamp.json", "{\"signed\":\"\0\"}", 14);
    expect_refused("T46", "a NUL", "JSON_STRICT", "1 1 1 1");
    forge_put_file(w.forge, "timestamp.json", "", 0);
    expect_refused("T46", "nothing", "JSON_STRICT", "1 1 1 1");
    forge_timestamp(w.forge);
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
}
