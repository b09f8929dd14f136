/* What bounds grants and activations: numbers of a phase, concurrency, bytes, the cap on open
 * outcomes, strata, switches, holds, penalties, retries and stepping stones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "server/store/store_activate.h"
#include "server/store/store_grant.h"
#include "server/store/store_report.h"
#include "tests/support/world.h"

struct tally {
    struct fixture *fixture;
    unsigned failed;
    unsigned outcomes[3]; /* of grants */
    unsigned go;
    char reason[32]; /* of the last activation */
};

static void on_granted(const struct db_result *result, const struct err *err, void *arg)
{
    struct tally *tally = arg;
    struct store_granted granted;

    tally->failed += err != NULL;
    for (size_t row = 0; !err && row < db_rows(result); row++) {
        store_granted_read(result, row, &granted);
        tally->outcomes[granted.outcome]++;
    }
    fixture_answered(tally->fixture);
}

static void on_activated(const struct db_result *result, const struct err *err, void *arg)
{
    struct tally *tally = arg;
    struct store_activated activated;

    tally->failed += err != NULL;
    for (size_t row = 0; !err && row < db_rows(result); row++) {
        store_activated_read(result, row, &activated);
        tally->go += activated.go;
        cr_assert(text_copy(tally->reason, sizeof(tally->reason), activated.reason));
    }
    fixture_answered(tally->fixture);
}

/* Devices `first` to `last` ask in one batch; `from` is the version that they run, 0: unknown. */
static void send_grants(struct tally *tally, int64_t first, int64_t last, unsigned to,
                        unsigned from)
{
    size_t count = (size_t)(last - first + 1);
    AUTO_FREE struct store_grant *asks = mem_array(count, sizeof(*asks));
    uint8_t image[HASH_BYTES], source[HASH_BYTES];

    world_image(to, image);
    world_image(from, source);
    for (size_t i = 0; i < count; i++)
        asks[i] = (struct store_grant){
            .device_id = first + (int64_t)i,
            .deployment_id = 1,
            .phase = 1,
            .assignment = world_number(
                tally->fixture, "SELECT assignment FROM device WHERE id = %zu", (size_t)first + i),
            .image = image,
            .source = from ? source : NULL,
            .bytes = 1000};
    tally->fixture->pending++;
    store_grant_add(tally->fixture->db, asks, count, on_granted, tally);
}

static unsigned grant(struct tally *tally, int64_t first, int64_t last)
{
    tally->outcomes[GRANT_GIVEN] = 0;
    send_grants(tally, first, last, 2, 1);
    fixture_wait(tally->fixture);
    return tally->outcomes[GRANT_GIVEN];
}

/* How many of them may switch. */
static unsigned activate(struct tally *tally, int64_t first, int64_t last)
{
    size_t count = (size_t)(last - first + 1);
    AUTO_FREE struct store_activation *asks = mem_array(count, sizeof(*asks));
    char uuid[64];

    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(tally->fixture, 1));
    for (size_t i = 0; i < count; i++)
        asks[i] = (struct store_activation){
            first + (int64_t)i, uuid,
            world_number(tally->fixture, "SELECT assignment FROM device WHERE id = %zu",
                         (size_t)first + i)};
    tally->go = 0;
    tally->fixture->pending++;
    store_grant_activate(tally->fixture->db, asks, count, on_activated, tally);
    fixture_wait(tally->fixture);
    return tally->go;
}

static void report(struct tally *tally, int64_t device, enum update_state state,
                   enum refusal reason)
{
    static uint64_t seq;
    struct answer answer = {.fixture = tally->fixture};
    struct wire_report said = {
        .epoch = {7}, .seq = ++seq, .state = state, .reason = reason, .time_ms = 1700000000000};
    struct store_report row = {device, 1, &said};

    cr_assert(text_copy(said.deployment, sizeof(said.deployment),
                        world_deployment_uuid(tally->fixture, 1)));
    tally->fixture->pending++;
    store_report_add(tally->fixture->db, &row, 1, answer_done, &answer);
    fixture_wait(tally->fixture);
    cr_assert_eq(answer.code, ERR_NONE, "%s", answer.text);
}

static void budget_open(struct tally *tally, struct fixture *fixture, unsigned devices)
{
    *tally = (struct tally){.fixture = fixture};
    world_open(fixture, 4);
    world_devices(fixture, devices);
    (void)world_deployment(fixture, 2, "100000");
}

static void expect_no_drift(const struct fixture *fixture)
{
    cr_expect_eq(world_counters_wrong(fixture), 0);
    cr_expect_eq(
        world_number(
            fixture,
            "SELECT count(*) FROM deployment_stratum s FULL JOIN ("
            "  SELECT deployment_id, stratum, count(*) AS granted,"
            "         count(activated_at) AS touched,"
            "         count(*) FILTER (WHERE state IN ('activating', 'verifying')) AS open,"
            "         count(*) FILTER (WHERE verdict = 'success') AS succeeded,"
            "         count(*) FILTER (WHERE verdict = 'failure') AS failed,"
            "         count(*) FILTER (WHERE verdict = 'device') AS device,"
            "         count(*) FILTER (WHERE verdict = 'server') AS server"
            "    FROM deployment_device GROUP BY 1, 2) r USING (deployment_id, stratum)"
            " WHERE (s.granted, s.touched, s.open, s.succeeded, s.failed, s.device,"
            "        s.server) IS DISTINCT FROM (r.granted, r.touched, r.open,"
            "        r.succeeded, r.failed, r.device, r.server)"),
        0);
}

Test(store_budget, a_counting_phase_takes_as_many_as_it_counts_from_however_many_servers)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 60);
    world_sql(&fixture, "UPDATE deployment_phase SET share_milli = NULL, device_count = 7");
    for (int64_t batch = 0; batch < 12; batch++)
        send_grants(&tally, batch * 5 + 1, batch * 5 + 5, 2, 1);
    fixture_wait(&fixture);

    cr_expect_eq(tally.failed, 0);
    cr_expect_eq(tally.outcomes[GRANT_GIVEN], 7);
    cr_expect_eq(tally.outcomes[GRANT_FULL], 53);
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, so_many_fetch_at_once_and_one_that_went_away_gives_its_place)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 10);
    world_sql(&fixture, "UPDATE device_group SET concurrency = 3");
    cr_expect_eq(grant(&tally, 1, 10), 3);
    cr_expect_eq(grant(&tally, 4, 10), 0);
    report(&tally, 1, UPDATE_STAGED, REFUSAL_NONE);
    cr_expect_eq(grant(&tally, 4, 10), 1, "one has fetched it");
    world_sql(&fixture, "UPDATE deployment SET concurrency = 2");
    report(&tally, 2, UPDATE_STAGED, REFUSAL_NONE);
    cr_expect_eq(grant(&tally, 5, 10), 0, "the deployment's own number is smaller");
    world_sql(&fixture, "UPDATE deployment_device SET updated_at = now() - interval '1 hour'"
                        " WHERE state = 'offered'");
    cr_expect_eq(grant(&tally, 5, 10), 2, "who was not heard of for long does not hold others up");
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, bytes_are_granted_as_they_fill_up_and_a_minute_of_them_is_kept)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 40);
    /* 600 a minute; each ask is 1,000 */
    world_sql(&fixture, "UPDATE device_group SET bytes_per_hour = 36000;"
                        "UPDATE group_budget SET bytes = -50, filled_at = statement_timestamp()");
    cr_expect_eq(grant(&tally, 1, 10), 0, "nothing yet");
    world_sql(&fixture, "UPDATE group_budget SET filled_at = filled_at - interval '10 s'");
    cr_expect_eq(grant(&tally, 1, 10), 1, "an image may be more than there is, once");
    cr_expect_eq(grant(&tally, 2, 10), 0, "that is a debt");
    world_sql(&fixture, "UPDATE group_budget SET filled_at = filled_at - interval '80 s'");
    cr_expect_eq(grant(&tally, 2, 10), 0, "not paid yet");
    world_sql(&fixture, "UPDATE group_budget SET filled_at = filled_at - interval '20 s'");
    cr_expect_eq(grant(&tally, 2, 10), 1);
    world_sql(&fixture, "UPDATE group_budget SET bytes = 0, filled_at = now() - interval '1 day'");
    cr_expect_eq(grant(&tally, 3, 40), 1, "a day of quiet is not a flood");
    world_sql(&fixture, "UPDATE device_group SET bytes_per_hour = NULL");
    cr_expect_eq(grant(&tally, 4, 40), 37);
    fixture_close(&fixture);
}

Test(store_budget, the_cap_on_open_outcomes_starts_at_three_and_grows_with_successes)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 20);
    world_sql(&fixture, "UPDATE deployment SET gate = '{\"install\":{\"start\":3}}'");
    cr_assert_eq(grant(&tally, 1, 20), 20);
    cr_expect_eq(activate(&tally, 1, 20), 3, "of one batch");
    cr_expect_eq(activate(&tally, 4, 20), 0);
    cr_expect_str_eq(tally.reason, "gate");
    report(&tally, 1, UPDATE_VERIFYING, REFUSAL_NONE);
    cr_expect_eq(activate(&tally, 4, 20), 0, "it runs, but nobody knows how it ends");
    report(&tally, 1, UPDATE_SUCCEEDED, REFUSAL_NONE);
    cr_expect_eq(activate(&tally, 4, 20), 2, "its own place and one more");
    report(&tally, 2, UPDATE_ROLLED_BACK, REFUSAL_HEALTH);
    cr_expect_eq(activate(&tally, 6, 20), 1, "a failure gives only its place");
    expect_no_drift(&fixture);
    world_sql(&fixture, "UPDATE deployment SET cap_lifted = true");
    cr_expect_eq(activate(&tally, 7, 20), 0, "the stratum has its own");
    world_sql(&fixture, "UPDATE deployment_stratum SET cap_lifted = true");
    cr_expect_eq(activate(&tally, 7, 20), 14);
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, each_stratum_has_its_own_cap_and_the_thirty_third_shares)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 70);
    world_sql(&fixture, "UPDATE deployment SET gate = '{\"install\":{\"start\":3}}',"
                        "       cap_lifted = true;"
                        "UPDATE device SET hwid = 'board'");
    for (int64_t device = 1; device <= 35; device++) { /* a version of its own each */
        send_grants(&tally, device, device, 2, (unsigned)device + 2);
        fixture_wait(&fixture);
    }
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM deployment_stratum"), 33);
    cr_expect_eq(world_number(&fixture, "SELECT granted FROM deployment_stratum WHERE stratum = 0"),
                 3);
    for (int64_t device = 36; device <= 40; device++) {
        send_grants(&tally, device, device, 2, 3); /* like the first one */
        fixture_wait(&fixture);
    }
    cr_expect_eq(world_number(&fixture, "SELECT granted FROM deployment_stratum WHERE stratum = 1"),
                 6);
    cr_expect_eq(activate(&tally, 36, 40), 3, "of its stratum");
    cr_expect_eq(activate(&tally, 2, 2), 1, "another is not held up");
    world_sql(&fixture, "UPDATE deployment_stratum SET halted = true WHERE stratum = 1");
    cr_expect_eq(activate(&tally, 1, 1), 0);
    cr_expect_str_eq(tally.reason, "halted");
    tally.outcomes[GRANT_NOT_NOW] = 0;
    send_grants(&tally, 41, 41, 2, 3);
    fixture_wait(&fixture);
    cr_expect_eq(tally.outcomes[GRANT_NOT_NOW], 1, "nor does a new one get it");
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, switches_holds_and_freezes_are_honoured_by_both_permissions)
{
    static const struct {
        const char *what;
        const char *on;
        const char *off;
        bool grants; /* fetching goes on */
        const char *reason;
    } cases[] = {
        {"the group's kill switch", "UPDATE device_group SET updates_stopped = true",
         "UPDATE device_group SET updates_stopped = false", false, "stopped"},
        {"the tenant's", "UPDATE tenant SET updates_stopped = true",
         "UPDATE tenant SET updates_stopped = false", false, "stopped"},
        {"a group on hold", "UPDATE device_group SET hold_until = 'infinity'",
         "UPDATE device_group SET hold_until = now()", false, "held"},
        {"devices on hold", "UPDATE device SET hold_until = now() + interval '1 h'",
         "UPDATE device SET hold_until = NULL", false, "held"},
        {"quarantine", "UPDATE device SET state = 'quarantined'",
         "UPDATE device SET state = 'active'", false, "held"},
        {"a freeze",
         "INSERT INTO freeze_window (tenant_id, starts_at, ends_at, reason)"
         " VALUES (1, now() - interval '1 h', now() + interval '1 h', 'x')",
         "UPDATE freeze_window SET removed_at = now()", true, "frozen"},
    };
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 2 * COUNT(cases));
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t had = (int64_t)i + 1, new = (int64_t)(COUNT(cases) + i) + 1;

        cr_assert_eq(grant(&tally, had, had), 1, "%s", cases[i].what);
        world_sql(&fixture, "%s", cases[i].on);
        cr_expect_eq(grant(&tally, new, new), cases[i].grants, "%s", cases[i].what);
        cr_expect_eq(activate(&tally, had, had), 0, "%s", cases[i].what);
        cr_expect_str_eq(tally.reason, cases[i].reason, "%s", cases[i].what);
        world_sql(&fixture, "%s", cases[i].off);
        cr_expect_eq(activate(&tally, had, had), 1, "%s", cases[i].what);
    }
    /* a security release with a second person's approval goes through a freeze */
    world_sql(&fixture, "UPDATE freeze_window SET removed_at = NULL;"
                        "INSERT INTO operator_token (tenant_id, digest, name, role)"
                        " VALUES (1, sha256('x'), 'x', 'approver');"
                        "UPDATE deployment SET is_security = true");
    cr_expect_eq(activate(&tally, 12, 12), 0, "nobody approved it");
    world_sql(&fixture, "UPDATE deployment SET approver_id = (SELECT max(id) FROM operator_token)");
    cr_expect_eq(activate(&tally, 12, 12), 1);
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, verdicts_are_given_once_by_whose_fault_it_was)
{
    static const struct {
        enum update_state state;
        enum refusal reason;
        const char *verdict;
    } cases[] = {
        {UPDATE_SUCCEEDED, REFUSAL_NONE, "success"},
        {UPDATE_ROLLED_BACK, REFUSAL_HEALTH, "failure"},
        {UPDATE_FAILED, REFUSAL_SPACE, "device"},
        {UPDATE_FAILED, REFUSAL_SNAPSHOT_HASH, "server"},
        {UPDATE_CANCELLED, REFUSAL_CANCELLED, ""},
        {UPDATE_SKIPPED, REFUSAL_NONE, ""},
    };
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, COUNT(cases));
    (void)grant(&tally, 1, COUNT(cases));
    for (size_t i = 0; i < COUNT(cases); i++) {
        report(&tally, (int64_t)i + 1, cases[i].state, cases[i].reason);
        cr_expect_str_eq(world_text(&fixture,
                                    "SELECT coalesce(verdict, '') FROM deployment_device"
                                    " WHERE device_id = %zu",
                                    i + 1),
                         cases[i].verdict, "%s", refusal_name(cases[i].reason));
    }
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, a_retry_is_a_new_try_of_the_same_row_and_no_second_verdict)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 1);
    (void)grant(&tally, 1, 1);
    report(&tally, 1, UPDATE_FAILED, REFUSAL_HEALTH);
    cr_expect_eq(grant(&tally, 1, 1), 0, "there are no retries");
    world_sql(&fixture, "UPDATE deployment SET retry_max = 1, retry_after_s = 60");
    cr_expect_eq(grant(&tally, 1, 1), 0, "it is too early");
    world_sql(&fixture, "UPDATE deployment_device SET updated_at = now() - interval '1 minute'");
    cr_expect_eq(grant(&tally, 1, 1), 1);
    cr_expect_str_eq(world_text(&fixture, "SELECT state || ' ' || attempts || ' ' || verdict"
                                          " FROM deployment_device"),
                     "offered 2 failure");
    report(&tally, 1, UPDATE_SUCCEEDED, REFUSAL_NONE);
    cr_expect_str_eq(world_text(&fixture, "SELECT state || ' ' || verdict FROM deployment_device"),
                     "succeeded failure");
    world_sql(&fixture, "UPDATE deployment_device SET updated_at = now() - interval '1 h'");
    cr_expect_eq(grant(&tally, 1, 1), 0, "nothing to try again");
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}

Test(store_budget, three_failures_in_a_row_put_a_device_in_the_penalty_box)
{
    struct fixture fixture;
    struct tally tally;

    budget_open(&tally, &fixture, 1);
    world_sql(&fixture, "UPDATE deployment SET retry_max = 9, retry_after_s = 1");
    for (int i = 0; i < 3; i++) {
        world_sql(&fixture, "UPDATE deployment_device SET updated_at = now() - interval '1 h'");
        cr_assert_eq(grant(&tally, 1, 1), 1, "%d", i);
        report(&tally, 1, UPDATE_ROLLED_BACK, REFUSAL_HEALTH);
    }
    world_sql(&fixture, "UPDATE deployment_device SET updated_at = now() - interval '1 h'");
    cr_expect_eq(grant(&tally, 1, 1), 0);
    cr_expect_eq(world_number(&fixture, "SELECT (penalty_until > now() + interval '23 h')::int"
                                        " FROM device"),
                 1);
    world_sql(&fixture, "UPDATE device SET penalty_until = now()");
    cr_expect_eq(grant(&tally, 1, 1), 1, "it has served its time");
    report(&tally, 1, UPDATE_SUCCEEDED, REFUSAL_NONE);
    cr_expect_eq(world_number(&fixture, "SELECT failures FROM device"), 0);
    fixture_close(&fixture);
}

Test(store_budget, a_stepping_stone_is_a_step_of_the_same_row)
{
    struct fixture fixture;
    struct tally tally;
    int64_t assignment;

    budget_open(&tally, &fixture, 1);
    world_sql(&fixture, "UPDATE deployment SET release_id = 3"); /* and v2 lies before it */
    cr_assert_eq(grant(&tally, 1, 1), 1);
    cr_expect_eq(world_number(&fixture, "SELECT is_step::int FROM deployment_device"), 1);
    cr_assert_eq(activate(&tally, 1, 1), 1);
    assignment = world_number(&fixture, "SELECT assignment FROM device");
    report(&tally, 1, UPDATE_SUCCEEDED, REFUSAL_NONE);
    cr_expect_str_eq(world_text(&fixture, "SELECT state || coalesce(image_id::text, ' bare')"
                                          " || coalesce(verdict, '') FROM deployment_device"),
                     "offered bare");
    cr_expect_eq(world_number(&fixture, "SELECT assignment FROM device"), assignment + 1);
    expect_no_drift(&fixture);

    tally.outcomes[GRANT_GIVEN] = 0;
    send_grants(&tally, 1, 1, 3, 2);
    fixture_wait(&fixture);
    cr_expect_eq(tally.outcomes[GRANT_GIVEN], 1);
    cr_assert_eq(activate(&tally, 1, 1), 1);
    report(&tally, 1, UPDATE_SUCCEEDED, REFUSAL_NONE);
    cr_expect_str_eq(world_text(&fixture, "SELECT state || ' ' || verdict || ' ' || attempts"
                                          " FROM deployment_device"),
                     "succeeded success 1");
    cr_expect_eq(world_number(&fixture, "SELECT touched FROM deployment_stratum"), 1,
                 "touched is touched");
    expect_no_drift(&fixture);
    fixture_close(&fixture);
}
