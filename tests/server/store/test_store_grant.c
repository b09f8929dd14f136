#include "server/store/store_grant.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "server/db/sync.h"
#include "server/store/store_activate.h"
#include "tests/support/world.h"

/* Of "device|assignment|deployment|phase|state|wants image|word|..." the columns up to the state
 * and, with `word`, the one that says how it went. */
static const char *short_of(char *text, bool word)
{
    char *bars[7] = {NULL};
    unsigned count = 0;

    for (char *at = strchr(text, '|'); at && count < COUNT(bars); at = strchr(at + 1, '|'))
        bars[count++] = at;
    if (count < 5)
        return text;
    if (count == COUNT(bars))
        *bars[6] = '\0';
    if (word && count > 5)
        memmove(bars[4], bars[5], strlen(bars[5]) + 1);
    else
        *bars[4] = '\0';
    return text;
}

static const char *grant_with(struct answer *answer, const struct store_grant *ask)
{
    answer->fixture->pending++;
    store_grant_add(answer->fixture->db, ask, 1, answer_done, answer);
    fixture_wait(answer->fixture);
    return short_of(answer->text, true);
}

/* The image of the deployment's own version. */
static const char *grant(struct answer *answer, int64_t device, int64_t deployment, int64_t phase,
                         int64_t assignment)
{
    uint8_t image[HASH_BYTES];
    struct store_grant ask = {.device_id = device,
                              .deployment_id = deployment,
                              .phase = phase,
                              .assignment = assignment,
                              .image = image,
                              .bytes = 100};

    world_image((unsigned)world_number(answer->fixture,
                                       "SELECT release_id FROM deployment WHERE id = %lld",
                                       (long long)deployment),
                image);
    return grant_with(answer, &ask);
}

static const char *withdraw(struct answer *answer, int64_t device, int64_t deployment,
                            int64_t assignment)
{
    struct store_withdrawal ask = {device, deployment, assignment, 0};

    answer->fixture->pending++;
    store_grant_withdraw(answer->fixture->db, &ask, 1, answer_done, answer);
    fixture_wait(answer->fixture);
    return short_of(answer->text, false);
}

/* A device whose own number is ahead: the database came back from a backup. */
static int64_t grant_ahead(struct fixture *fixture, int64_t device, int64_t deployment, int64_t own)
{
    struct answer answer = {.fixture = fixture};
    uint8_t image[HASH_BYTES];
    struct store_grant ask = {device, deployment, 1, 0, own, image, NULL, 100};

    world_image(2, image);
    (void)grant_with(&answer, &ask);
    return world_number(fixture, "SELECT assignment FROM device WHERE id = %lld",
                        (long long)device);
}

static const char *activate(struct answer *answer, int64_t device, int64_t deployment,
                            int64_t assignment)
{
    char uuid[64];
    struct store_activation ask = {device, uuid, assignment};

    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(answer->fixture, deployment));
    answer->fixture->pending++;
    store_grant_activate(answer->fixture->db, &ask, 1, answer_done, answer);
    fixture_wait(answer->fixture);
    return short_of(answer->text, true);
}

static void set_state(const struct fixture *fixture, int64_t deployment, const char *state)
{
    world_sql(fixture, "UPDATE deployment SET state = '%s' WHERE id = %lld", state,
              (long long)deployment);
}

/* As if reports had come. */
static void set_row(const struct fixture *fixture, int64_t device, const char *state)
{
    world_sql(
        fixture,
        "WITH old AS (SELECT * FROM deployment_device WHERE device_id = %lld AND"
        "  deployment_id = (SELECT deployment_id FROM device WHERE id = %lld) AND state <> '%s'),"
        " new AS (UPDATE deployment_device d SET state = '%s' FROM old"
        "   WHERE d.device_id = old.device_id AND d.deployment_id = old.deployment_id),"
        " less AS (UPDATE deployment_counter c SET n = n - 1 FROM old"
        "   WHERE c.deployment_id = old.deployment_id AND c.phase = old.phase"
        "     AND c.state = old.state)"
        " INSERT INTO deployment_counter AS c"
        " SELECT deployment_id, phase, '%s', 1, 1 FROM old"
        " ON CONFLICT (deployment_id, phase, state) DO UPDATE SET n = c.n + 1",
        (long long)device, (long long)device, state, state, state);
}

Test(store_grant, is_written_only_while_the_deployment_runs_and_its_phase_has_come)
{
    static const struct {
        const char *what;
        const char *state;
        int64_t phase;
        int64_t assignment;
        const char *answer;
    } cases[] = {
        {"the next phase", "running", 2, 0, "1|0|NULL|NULL|NULL|f"},
        {"paused between poll and grant", "paused", 1, 0, "1|0|NULL|NULL|NULL|f"},
        {"halted between poll and grant", "halted", 1, 0, "1|0|NULL|NULL|NULL|f"},
        {"aborted between poll and grant", "aborted", 1, 0, "1|0|NULL|NULL|NULL|f"},
        {"finished, but not the baseline", "finished", 1, 0, "1|0|NULL|NULL|NULL|f"},
        {"memory is late", "running", 1, 5, "1|0|NULL|NULL|NULL|f"},
        {"it runs", "running", 1, 0, "1|1|1|1|offered|t"},
        {"once more", "running", 1, 0, "1|1|1|1|offered|t"},
        {"once more with the new assignment", "running", 1, 1, "1|1|1|1|offered|t"},
    };
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 1);
    id = world_deployment(&fixture, 2, "5000,100000");
    for (size_t i = 0; i < COUNT(cases); i++) {
        set_state(&fixture, id, cases[i].state);
        cr_expect_str_eq(grant(&answer, 1, id, cases[i].phase, cases[i].assignment),
                         cases[i].answer, "%s: %s", cases[i].what, answer.text);
        cr_expect_eq(world_counters_wrong(&fixture), 0, "%s", cases[i].what);
    }
    world_sql(&fixture, "UPDATE device_group SET update_policy = 'none'");
    world_devices(&fixture, 1);
    cr_expect_str_eq(grant(&answer, 2, id, 1, 0), "2|0|NULL|NULL|NULL|f", "%s", answer.text);
    fixture_close(&fixture);
}

Test(store_grant, follows_the_baseline_and_never_opens_an_ended_row_again)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 2);
    id = world_deployment(&fixture, 2, "100000");
    set_state(&fixture, id, "finished");
    world_sql(&fixture, "UPDATE device_group SET baseline_deployment_id = 1");

    cr_expect_str_eq(grant(&answer, 1, id, 1, 0), "1|1|1|1|offered|t", "%s", answer.text);
    set_row(&fixture, 1, "failed");
    cr_expect_str_eq(grant(&answer, 1, id, 1, 1), "1|1|1|1|failed|t", "%s", answer.text);

    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

Test(store_grant, supersedes_what_was_not_activated_and_waits_for_what_was)
{
    static const struct {
        const char *state;
        const char *answer;
        const char *older;
    } cases[] = {
        {"offered", "1|2|2|1|offered|t", "cancelled"},
        {"downloading", "2|2|2|1|offered|t", "cancelled"},
        {"staged", "3|2|2|1|offered|t", "cancelled"},
        {"activating", "4|1|1|1|activating|f", "activating"},
        {"verifying", "5|1|1|1|verifying|f", "verifying"},
        {"succeeded", "6|2|2|1|offered|t", "succeeded"},
        {"rolled-back", "7|2|2|1|offered|t", "rolled-back"},
    };
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t older, newer;

    world_open(&fixture, 1);
    world_devices(&fixture, COUNT(cases));
    older = world_deployment(&fixture, 2, "100000");
    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)grant(&answer, (int64_t)i + 1, older, 1, 0);
        set_row(&fixture, (int64_t)i + 1, cases[i].state);
    }
    set_state(&fixture, older, "aborted");
    newer = world_deployment(&fixture, 3, "100000");

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_str_eq(grant(&answer, (int64_t)i + 1, newer, 1, 1), cases[i].answer, "%s: %s",
                         cases[i].state, answer.text);
        cr_expect_str_eq(world_text(&fixture,
                                    "SELECT state FROM deployment_device"
                                    " WHERE deployment_id = %lld AND device_id = %zu",
                                    (long long)older, i + 1),
                         cases[i].older, "%s", cases[i].state);
    }
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

Test(store_grant, withdraws_only_what_is_over_and_not_past_the_switch)
{
    static const struct {
        const char *what;
        const char *row;
        const char *deployment;
        const char *answer;
    } cases[] = {
        {"it runs", "staged", "running", "1|1|1|1|staged"},
        {"a pause keeps", "staged", "paused", "2|1|1|1|staged"},
        {"a halt keeps", "staged", "halted", "3|1|1|1|staged"},
        {"aborted while offered", "offered", "aborted", "4|2|1|1|cancelled"},
        {"aborted while staged", "staged", "aborted", "5|2|1|1|cancelled"},
        {"aborted while activating", "activating", "aborted", "6|1|1|1|activating"},
        {"aborted after its end", "succeeded", "aborted", "7|1|1|1|succeeded"},
        {"finished and no baseline", "downloading", "finished", "8|2|1|1|cancelled"},
    };
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, COUNT(cases) + 2);
    id = world_deployment(&fixture, 2, "100000");
    for (size_t i = 0; i < COUNT(cases) + 2; i++)
        (void)grant(&answer, (int64_t)i + 1, id, 1, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        set_row(&fixture, (int64_t)i + 1, cases[i].row);
        set_state(&fixture, id, cases[i].deployment);
        cr_expect_str_eq(withdraw(&answer, (int64_t)i + 1, id, 1), cases[i].answer, "%s: %s",
                         cases[i].what, answer.text);
    }

    set_state(&fixture, id, "halted");
    (void)world_deployment(&fixture, 3, "100000");
    cr_expect_str_eq(withdraw(&answer, 9, id, 0), "9|1|1|1|offered", "memory is late");
    cr_expect_str_eq(withdraw(&answer, 9, id, 1), "9|2|1|1|cancelled", "halted and followed");
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

Test(store_grant, activates_under_a_deployment_that_stands_and_says_why_not)
{
    static const struct {
        const char *what;
        const char *row;
        const char *deployment;
        const char *answer;
    } cases[] = {
        {"it runs", "staged", "running", "1|1|1|1|activating|go"},
        {"the answer was lost", "activating", "running", "2|1|1|1|activating|go"},
        {"a device whose reports are late", "offered", "running", "3|1|1|1|activating|go"},
        {"paused", "staged", "paused", "4|1|1|1|staged|paused"},
        {"halted", "staged", "halted", "5|1|1|1|staged|halted"},
        {"aborted", "staged", "aborted", "6|1|1|1|staged|aborted"},
        {"finished, not seen as the baseline", "staged", "finished", "7|1|1|1|staged|not-now"},
        {"ended already", "failed", "running", "8|1|1|1|failed|superseded"},
        {"past the switch", "verifying", "running", "9|1|1|1|verifying|superseded"},
        {"allowed once, then a pause", "activating", "paused", "10|1|1|1|activating|paused"},
        {"allowed once, then a halt", "activating", "halted", "11|2|1|1|cancelled|halted"},
    };
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, COUNT(cases) + 1);
    id = world_deployment(&fixture, 2, "100000");
    for (size_t i = 0; i < COUNT(cases) + 1; i++)
        (void)grant(&answer, (int64_t)i + 1, id, 1, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strcmp(cases[i].row, "activating") == 0)
            cr_expect_str_eq(strrchr(activate(&answer, (int64_t)i + 1, id, 1), '|'), "|go");
        else
            set_row(&fixture, (int64_t)i + 1, cases[i].row);
        set_state(&fixture, id, cases[i].deployment);
        cr_expect_str_eq(activate(&answer, (int64_t)i + 1, id, 1), cases[i].answer, "%s: %s",
                         cases[i].what, answer.text);
        cr_expect_eq(world_counters_wrong(&fixture), 0, "%s", cases[i].what);
        set_state(&fixture, id, "running");
    }

    cr_expect_str_eq(activate(&answer, 12, id, 2), "12|1|1|1|offered|superseded",
                     "another assignment: %s", answer.text);
    set_state(&fixture, id, "finished");
    world_sql(&fixture, "UPDATE device_group SET baseline_deployment_id = 1");
    cr_expect_str_eq(activate(&answer, 12, id, 1), "12|1|1|1|activating|go",
                     "under the baseline: %s", answer.text);
    set_state(&fixture, world_deployment(&fixture, 3, "100000"), "finished");
    world_sql(&fixture, "UPDATE device_group SET baseline_deployment_id = 2");
    cr_expect_str_eq(activate(&answer, 7, id, 1), "7|1|1|1|staged|superseded",
                     "another baseline: %s", answer.text);
    cr_expect_eq(world_number(&fixture, "SELECT sum(n) FROM deployment_counter"
                                        " WHERE state = 'touched'"),
                 6);
    fixture_close(&fixture);
}

/* A group that shall not be updated is not switched either, whatever was staged before. */
Test(store_grant, is_no_permission_to_activate_while_the_group_takes_no_updates)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 2);
    id = world_deployment(&fixture, 2, "100000");
    (void)grant(&answer, 1, id, 1, 0);
    (void)grant(&answer, 2, id, 1, 0);
    set_row(&fixture, 1, "staged");
    cr_expect_str_eq(activate(&answer, 2, id, 1), "2|1|1|1|activating|go", "%s", answer.text);

    world_sql(&fixture, "UPDATE device_group SET update_policy = 'none'");
    cr_expect_str_eq(activate(&answer, 1, id, 1), "1|1|1|1|staged|not-now", "%s", answer.text);
    cr_expect_str_eq(activate(&answer, 2, id, 1), "2|1|1|1|activating|not-now",
                     "a lost answer is not given again: %s", answer.text);
    cr_expect_eq(world_counters_wrong(&fixture), 0);

    world_sql(&fixture, "UPDATE device_group SET update_policy = 'all'");
    cr_expect_str_eq(activate(&answer, 1, id, 1), "1|1|1|1|activating|go", "%s", answer.text);
    fixture_close(&fixture);
}

/* Sends the question, waits until PostgreSQL lets it wait for a lock, ends the other transaction,
 * and waits for the answer. */
static void activate_behind(struct answer *answer, const struct store_activation *ask,
                            struct db_sync *other)
{
    struct err err;
    unsigned looks = 0;

    answer->fixture->pending++;
    store_grant_activate(answer->fixture->db, ask, 1, answer_done, answer);
    loop_turn(answer->fixture->loop); /* it is sent */
    while (world_number(answer->fixture, "SELECT count(*) FROM pg_stat_activity"
                                         " WHERE wait_event_type = 'Lock'"
                                         "   AND datname = current_database()") == 0)
        cr_assert_lt(++looks, 5000, "it does not wait");
    cr_assert(db_sync_run(other, "COMMIT", &err), "%s", err.text);
    fixture_wait(answer->fixture);
}

/* The statement sees the group as it was when it began, the deployment as it is after its wait. */
Test(store_grant, of_a_deployment_that_finishes_meanwhile_is_not_lost)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    AUTO_DB_SYNC *other = NULL;
    char uuid[64];
    struct store_activation ask = {1, uuid, 1};
    struct err err;
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 1);
    id = world_deployment(&fixture, 2, "100000");
    (void)grant(&answer, 1, id, 1, 0);
    cr_expect_str_eq(activate(&answer, 1, id, 1), "1|1|1|1|activating|go", "%s", answer.text);
    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(&fixture, id));

    cr_assert(db_sync_open(fixture.conninfo, &other, &err), "%s", err.text);
    cr_assert(db_sync_run(other,
                          "BEGIN; UPDATE deployment SET state = 'finished';"
                          "UPDATE device_group SET baseline_deployment_id = 1",
                          &err),
              "%s", err.text);
    activate_behind(&answer, &ask, other);

    cr_expect_str_eq(short_of(answer.text, true), "1|1|1|1|activating|not-now");
    cr_expect_str_eq(activate(&answer, 1, id, 1), "1|1|1|1|activating|go", "%s", answer.text);
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

struct many {
    struct fixture *fixture;
    unsigned offered;
    unsigned failed;
};

static void on_granted(const struct db_result *result, const struct err *err, void *arg)
{
    struct many *many = arg;
    struct store_granted granted;

    many->failed += err != NULL;
    for (size_t row = 0; !err && row < db_rows(result); row++) {
        store_granted_read(result, row, &granted);
        many->offered += granted.standing.state == UPDATE_OFFERED && granted.has_row;
    }
    fixture_answered(many->fixture);
}

Test(store_grant, batches_on_many_connections_grant_each_device_once)
{
    enum { DEVICES = 200, BATCHES = 12 };
    struct fixture fixture;
    struct many many = {.fixture = &fixture};
    struct store_grant asks[DEVICES];
    uint8_t images[2][HASH_BYTES];
    int64_t ids[2];

    world_image(2, images[0]);
    world_image(3, images[1]);

    world_open(&fixture, 4);
    world_devices(&fixture, DEVICES);
    ids[0] = world_deployment(&fixture, 2, "100000");
    set_state(&fixture, ids[0], "finished");
    world_sql(&fixture, "UPDATE device_group SET baseline_deployment_id = 1");
    ids[1] = world_deployment(&fixture, 3, "100000");
    fixture.pending = BATCHES;
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        for (unsigned i = 0; i < DEVICES; i++) /* in another order each time */
            asks[i] = (struct store_grant){.device_id = (i * 7 + batch * 13) % DEVICES + 1,
                                           .deployment_id = ids[batch % 2],
                                           .phase = 1,
                                           .image = images[batch % 2]};
        store_grant_add(fixture.db, asks, DEVICES, on_granted, &many);
    }
    fixture_wait(&fixture);

    cr_expect_eq(many.failed, 0, "%u batches failed", many.failed);
    cr_expect_geq(many.offered, DEVICES);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM deployment_device"), DEVICES);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM device WHERE assignment = 1"),
                 DEVICES);
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

Test(store_grant, a_new_assignment_is_above_the_device_s_own)
{
    struct fixture fixture;
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 3);
    id = world_deployment(&fixture, 2, "100000");
    cr_expect_eq(grant_ahead(&fixture, 1, id, 0), 1);
    cr_expect_eq(grant_ahead(&fixture, 2, id, 1), 2, "not the number it had for something else");
    cr_expect_eq(grant_ahead(&fixture, 3, id, INT64_C(1) << 52), (INT64_C(1) << 52) + 1);
    fixture_close(&fixture);
}

Test(store_grant, an_activation_adds_up_how_the_device_did_before)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 4);
    id = world_deployment(&fixture, 2, "100000");
    /* 1: bad on one of its last two days and one too long ago; 2: bad all the time, left out;
     * 3: bad today only; 4: nothing is known of it */
    world_sql(&fixture,
              "INSERT INTO device_health_day (day, device_id, tenant_id, group_id, uptime_s, bad,"
              "                               categories, bad_at)"
              " SELECT (now() AT TIME ZONE 'UTC')::date - ago, device, 1, 1, 1000, bad, 0, now()"
              "   FROM (VALUES (1, 1, 1), (1, 2, 0), (1, 15, 1), (2, 1, 1), (2, 2, 1), (2, 14, 2),"
              "                (3, 0, 1), (3, 14, 0)) AS d (device, ago, bad)");
    for (int64_t device = 1; device <= 4; device++) {
        (void)grant(&answer, device, id, 1, 0);
        world_sql(&fixture, "UPDATE deployment SET cap_lifted = true");
        world_sql(&fixture, "UPDATE deployment_stratum SET cap_lifted = true");
        for (int times = 0; times < 2; times++)
            cr_expect_str_eq(strrchr(activate(&answer, device, id, 1), '|'), "|go", "%s",
                             answer.text);
    }
    cr_expect_eq(world_number(&fixture, "SELECT devices FROM deployment_before"), 2);
    cr_expect_eq(world_number(&fixture, "SELECT uptime_s FROM deployment_before"), 3000);
    cr_expect_eq(world_number(&fixture, "SELECT bad FROM deployment_before"), 1);
    fixture_close(&fixture);
}
