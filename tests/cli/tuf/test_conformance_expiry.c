/* What suites for TUF clients ask about time. They turn the clock; we forge documents that are over
 * already. */
#include <criterion/criterion.h>

#include "lib/base/base.h"
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

TestSuite(conformance_expiry, .init = open_world, .fini = close_world);

Test(conformance_expiry, an_expired_root_is_kept_and_nothing_asked_after_it)
{
    cr_assert_eq(conform_refresh(&c), 0);
    forge_bump(c.forge, "root");
    cr_assert_eq(conform_refresh(&c), 0);
    forge_set_expiry(c.forge, "root", -1);
    forge_bump(c.forge, "root");
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    (void)conform_fetched(&c);
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("ROOT_EXPIRED", "root"), "%s", program_said());
    cr_assert_str_eq(conform_fetched(&c), "3.root 4.root");
    cr_assert_eq(conform_version(&c, "root"), 3);
    cr_assert_eq(conform_version(&c, "timestamp"), 1);
    cr_assert_eq(conform_version(&c, "snapshot"), 1);
}

Test(conformance_expiry, an_expired_root_within_the_chain_does_no_harm)
{
    forge_set_expiry(c.forge, "root", -300);
    forge_bump(c.forge, "root");
    forge_set_expiry(c.forge, "root", 1);
    forge_bump(c.forge, "root");
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
    cr_assert_eq(conform_version(&c, "root"), 3);
}

Test(conformance_expiry, what_has_expired_is_refused_and_not_kept)
{
    static const struct {
        const char *role, *code;
        uint64_t timestamp, snapshot, targets;
    } cases[] = {
        {"timestamp", "TIMESTAMP_EXPIRED", 1, 1, 1},
        {"snapshot", "SNAPSHOT_EXPIRED", 3, 1, 1},
        {"targets", "TARGETS_EXPIRED", 4, 4, 1},
    };

    cr_assert_eq(conform_refresh(&c), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        forge_set_expiry(c.forge, cases[i].role, -5);
        forge_bump(c.forge, "targets");
        forge_snapshot(c.forge);
        cr_expect_eq(conform_refresh(&c), 1, "%s", cases[i].role);
        cr_expect(conform_refused(cases[i].code, cases[i].role), "%s", program_said());
        cr_expect_eq(conform_version(&c, "timestamp"), cases[i].timestamp, "%s", cases[i].role);
        cr_expect_eq(conform_version(&c, "snapshot"), cases[i].snapshot, "%s", cases[i].role);
        cr_expect_eq(conform_version(&c, "targets"), cases[i].targets, "%s", cases[i].role);
        forge_set_expiry(c.forge, cases[i].role, 30);
    }
    forge_put(c.forge, "targets");
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
}

Test(conformance_expiry, an_expired_delegated_role_is_refused_and_not_kept)
{
    (void)forge_delegate(c.forge, "targets", "role", "*");
    (void)forge_add_target(c.forge, "role", "file", "content");
    forge_set_expiry(c.forge, "role", -1);
    forge_put(c.forge, "role");
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    cr_assert_eq(conform_download(&c, "file"), 1);
    cr_assert(conform_refused("TARGETS_EXPIRED", "role"), "%s", program_said());
    cr_assert_eq(conform_version(&c, "role"), 0);
}

Test(conformance_expiry, what_expired_here_still_leads_to_what_is_new)
{
    static const char *const roles[] = {"timestamp", "snapshot", "targets"};

    cr_assert_eq(conform_refresh(&c), 0);
    for (size_t i = 0; i < COUNT(roles); i++) {
        forge_set_expiry(c.forge, roles[i], -3);
        forge_put(c.forge, roles[i]);
    }
    conform_plant(&c, "timestamp", &forge_file(c.forge, "timestamp.json")->body);
    conform_plant(&c, "snapshot", &forge_file(c.forge, "1.snapshot.json")->body);
    conform_plant(&c, "targets", &forge_file(c.forge, "1.targets.json")->body);
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("TIMESTAMP_EXPIRED", "timestamp"), "%s", program_said());
    for (size_t i = 0; i < COUNT(roles); i++)
        forge_set_expiry(c.forge, roles[i], 3);
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
    cr_assert_eq(conform_version(&c, "timestamp"), 2);
    cr_assert_eq(conform_version(&c, "targets"), 2);
}

Test(conformance_expiry, a_snapshot_kept_here_expires_behind_a_fresh_timestamp)
{
    cr_assert_eq(conform_refresh(&c), 0);
    forge_set_expiry(c.forge, "snapshot", -3);
    forge_put(c.forge, "snapshot");
    conform_plant(&c, "snapshot", &forge_file(c.forge, "1.snapshot.json")->body);
    forge_timestamp(c.forge);
    cr_assert_eq(conform_refresh(&c), 1);
    cr_assert(conform_refused("SNAPSHOT_EXPIRED", "snapshot"), "%s", program_said());
}
