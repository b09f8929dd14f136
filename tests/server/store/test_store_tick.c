#include "server/store/store_tick.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/store/store_model.h"
#include "tests/support/world.h"

static const char *wait_for(struct answer *answer)
{
    answer->fixture->pending++;
    fixture_wait(answer->fixture);
    return answer->text;
}

static const struct store_stop halt = {.gate = "install",
                                       .to = "halted",
                                       .stratum = -1,
                                       .reason = "7 failed",
                                       .evidence = "{\"failed\":7}"};

Test(store_tick, moves_only_what_is_where_the_caller_saw_it)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_stop stop = halt;
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "5000,100000");

    store_tick_advance(fixture.db, id, 2, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is not in phase 2");
    store_tick_advance(fixture.db, id, 1, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    store_tick_advance(fixture.db, id, 2, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "there is no phase 3");
    store_tick_finish(fixture.db, id, 1, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is not in phase 1");
    world_sql(&fixture, "UPDATE deployment SET state = 'paused'");
    store_tick_finish(fixture.db, id, 2, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is paused");
    world_sql(&fixture, "UPDATE deployment SET state = 'running'");
    store_tick_finish(fixture.db, id, 2, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    stop.deployment_id = id;
    store_tick_stop(fixture.db, &stop, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is finished");

    cr_expect_str_eq(world_text(&fixture, "SELECT string_agg(event || coalesce(object->>'phase',"
                                          " ''), ' ' ORDER BY id) FROM notice"),
                     "deployment.phase2 deployment.finished");
    cr_expect_eq(world_number(&fixture, "SELECT baseline_deployment_id FROM device_group"), id);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM change_log"), 3,
                 "each move is announced");
    fixture_close(&fixture);
}

Test(store_tick, halts_also_what_is_paused_and_keeps_the_evidence)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_stop stop = halt;
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'paused'");
    stop.deployment_id = id;
    store_tick_stop(fixture.db, &stop, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");

    cr_expect_str_eq(world_text(&fixture, "SELECT state || ' ' || (halt->>'failed') || ' ' ||"
                                          " (ended_at IS NOT NULL) FROM deployment"),
                     "halted 7 true");
    cr_expect_eq(world_number(&fixture, "SELECT count(baseline_deployment_id) FROM device_group"),
                 0);
    fixture_close(&fixture);
}

Test(store_tick, one_server_at_a_time_moves)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    static const struct db_stmt lock = {
        .scope = DB_NO_TENANT, .name = "lock", .sql = "SELECT pg_advisory_lock(1953063787)"};
    static const struct db_stmt unlock = {
        .scope = DB_NO_TENANT, .name = "unlock", .sql = "SELECT pg_advisory_unlock_all()"};
    struct fixture other;
    int64_t id;

    world_open(&fixture, 1);
    fixture_open_at(&other, fixture.conninfo, 1);
    id = world_deployment(&fixture, 2, "100000");
    answer.fixture = &other;
    answer_wait(&answer, db_call_new(other.db, &lock, answer_done, &answer));
    answer.fixture = &fixture;

    store_tick_finish(fixture.db, id, 1, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "the other one is at it");
    answer.fixture = &other;
    answer_wait(&answer, db_call_new(other.db, &unlock, answer_done, &answer));
    answer.fixture = &fixture;
    store_tick_finish(fixture.db, id, 1, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    fixture_close(&other);
    fixture_close(&fixture);
}

Test(store_tick, moves_on_only_while_nobody_failed_since_it_was_judged)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "5000,100000");
    world_sql(&fixture, "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, failed)"
                        " VALUES (1, 0, 1, 1), (1, 1, 1, 2)");

    store_tick_advance(fixture.db, id, 1, 2, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "one more failed meanwhile");
    store_tick_advance(fixture.db, id, 1, 3, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    store_tick_finish(fixture.db, id, 2, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "");
    fixture_close(&fixture);
}

Test(store_tick, settles_once_in_a_phase)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "5000,100000");
    store_tick_settle(fixture.db, id, 1, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    store_tick_settle(fixture.db, id, 1, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it has");
    store_tick_advance(fixture.db, id, 1, 0, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    cr_expect_eq(world_number(&fixture, "SELECT count(settled_at) FROM deployment"), 0,
                 "the next phase has not");
    fixture_close(&fixture);
}

Test(store_tick, stops_one_stratum_once_and_leaves_the_others)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_stop stop = halt;

    world_open(&fixture, 1);
    stop.deployment_id = world_deployment(&fixture, 2, "100000");
    stop.stratum = 2;
    world_sql(&fixture, "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id)"
                        " VALUES (1, 1, 1), (1, 2, 1)");
    store_tick_stop(fixture.db, &stop, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    store_tick_stop(fixture.db, &stop, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it stands already");
    stop.stratum = 9;
    store_tick_stop(fixture.db, &stop, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "there is no such stratum");

    cr_expect_str_eq(world_text(&fixture, "SELECT state || (SELECT string_agg(halted::text, ' '"
                                          " ORDER BY stratum) FROM deployment_stratum)"
                                          " FROM deployment"),
                     "runningfalse true");
    cr_expect_str_eq(world_text(&fixture, "SELECT gate || ' ' || verdict || ' ' || stratum ||"
                                          " (evidence->>'failed') FROM deployment_verdict"),
                     "install stop 27");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM audit WHERE action = 'deploy.stop'"),
                 1);
    fixture_close(&fixture);
}

Test(store_tick, lifts_caps_and_rolls_back_to_the_baseline)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_stop stop = halt;
    static const struct store_walk rows[] = {
        {-1, -1.5, 30, 1, false}, {1, -4.5, 20, 0, true}, {2, 0.5, 10, 1, false}};
    static const struct store_walk older_rows[] = {{-1, 0, 29, 1, true}};
    static const struct store_walks walks = {rows, COUNT(rows), "{\"install\":{}}"};
    static const struct store_walks older = {older_rows, COUNT(older_rows), "{\"install\":1}"};
    int64_t id;

    world_open(&fixture, 1);
    (void)world_deployment(&fixture, 1, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'finished';"
                        "UPDATE device_group SET baseline_deployment_id = 1");
    id = stop.deployment_id = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture, "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id)"
                        " VALUES (2, 1, 1), (2, 2, 1)");
    store_tick_walk(fixture.db, id, &walks, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "2");
    store_tick_walk(fixture.db, id, &older, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "another server saw less");
    cr_expect_str_eq(world_text(&fixture, "SELECT statistic || ' ' || judged_succeeded || ' ' ||"
                                          " (evidence ? 'install')"
                                          " || (SELECT count(*) FROM deployment_verdict"
                                          "      WHERE verdict = 'lift' AND stratum = 1)"
                                          " FROM deployment WHERE id = 2"),
                     "-1.5 30 true1");
    cr_expect_str_eq(world_text(&fixture, "SELECT cap_lifted || (SELECT string_agg("
                                          " cap_lifted::text, ' ' ORDER BY stratum)"
                                          " FROM deployment_stratum)"
                                          " FROM deployment WHERE id = 2"),
                     "falsetrue false");

    store_tick_roll_back(fixture.db, id, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it has not been halted");
    store_tick_stop(fixture.db, &stop, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "2");
    store_tick_roll_back(fixture.db, id, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "3");
    cr_expect_str_eq(world_text(&fixture, "SELECT state || ' ' || action || ' ' || release_id"
                                          " FROM deployment WHERE rolls_back_id = 2"),
                     "rolling-back downgrade 1");
    store_tick_roll_back(fixture.db, id, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "once");
    fixture_close(&fixture);
}

Test(store_tick, starts_what_was_scheduled_when_its_time_has_come)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture,
              "UPDATE deployment SET state = 'scheduled', start_at = now() + interval '1 hour'");
    store_tick_start(fixture.db, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "");
    world_sql(&fixture, "UPDATE deployment SET start_at = now()");
    store_tick_start(fixture.db, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), world_deployment_uuid(&fixture, id));
    fixture_close(&fixture);
}

static void on_counts(const struct db_result *const *results, size_t count, const struct err *err,
                      void *arg)
{
    struct fixture *fixture = arg;
    struct store_tick tick;
    struct store_stratum stratum;
    struct store_health health;

    cr_assert_null(err);
    cr_assert_eq(count, TICK_PART_COUNT);
    cr_assert_eq(db_rows(results[TICK_DEPLOYMENTS]), 1, "what is over is left out");
    store_tick_read(results[TICK_DEPLOYMENTS], 0, &tick);
    cr_expect_eq(tick.deployment_id, 2);
    cr_expect_eq(tick.succeeded, 11);
    cr_expect_eq(tick.failed, 5);
    cr_expect_eq(tick.admitted, 21, "rows of the running phase");
    cr_expect_eq(tick.ended, 16);
    cr_expect_eq(tick.updated_s, 3600);
    cr_expect(tick.is_running);
    cr_expect_not(tick.is_way_back);
    cr_assert_eq(db_rows(results[TICK_STRATA]), 1);
    store_stratum_read(results[TICK_STRATA], 0, &stratum);
    cr_expect_eq(stratum.touched, 9);
    cr_expect_eq(stratum.failed, 2);
    cr_assert_eq(db_rows(results[TICK_HEALTH]), 1, "both sides of an hour in one row");
    store_health_read(results[TICK_HEALTH], 0, &health);
    cr_expect_eq(health.updated_s, 3600);
    cr_expect_eq(health.updated_bad, 1);
    cr_expect_eq(health.control_s, 7200);
    cr_expect_eq(health.control_bad, 0);
    fixture_answered(fixture);
}

Test(store_tick, reads_what_verdicts_are_made_from)
{
    struct fixture fixture;
    int64_t ids[2];

    world_open(&fixture, 1);
    ids[0] = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'aborted'");
    ids[1] = world_deployment(&fixture, 3, "5000,100000");
    world_sql(&fixture,
              "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
              " VALUES (2, 1, 'succeeded', 1, 5), (2, 2, 'succeeded', 1, 6),"
              " (2, 1, 'failed', 1, 2), (2, 2, 'rolled-back', 1, 3),"
              " (2, 1, 'cancelled', 1, 9), (2, 1, 'touched', 1, 9), (2, 1, 'staged', 1, 5);"
              "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, touched, failed)"
              " VALUES (2, 1, 1, 9, 2);"
              "INSERT INTO deployment_health (deployment_id, stratum, updated, hour, tenant_id,"
              "                               exposure_s, bad)"
              " VALUES (2, 1, true, date_trunc('hour', now()), 1, 3600, 1),"
              "        (2, 1, false, date_trunc('hour', now()), 1, 7200, 0)");
    fixture.pending = 1;
    store_tick_load(fixture.db, ids, 2, true, on_counts, &fixture);
    fixture_wait(&fixture);
    fixture_close(&fixture);
}

static void on_model(const struct db_result *const *results, size_t count, const struct err *err,
                     void *arg)
{
    struct fixture *fixture = arg;
    struct store_model_deployment deployment;
    struct store_model_image image;
    struct store_model_delta delta;
    struct store_model_group group;
    uint8_t hash[32];

    cr_assert_null(err);
    cr_assert_eq(count, MODEL_PART_COUNT);
    cr_expect_gt(store_model_version_read(results[MODEL_VERSION]), 0);
    store_model_group_read(results[MODEL_GROUPS], 0, &group);
    cr_expect_eq(group.baseline_id, 1);
    cr_expect_str_eq(group.tenant, "default");
    cr_assert_eq(db_rows(results[MODEL_DEPLOYMENTS]), 2, "the baseline and the running one");
    store_model_deployment_read(results[MODEL_DEPLOYMENTS], 1, &deployment);
    cr_expect_eq(deployment.id, 3);
    cr_expect_str_eq(deployment.state, "running");
    cr_expect_eq(db_rows(results[MODEL_PHASES]), 3);
    cr_expect_eq(db_rows(results[MODEL_IMAGES]), 2, "one row per hardware id");
    cr_expect_eq(db_rows(results[MODEL_COUNTERS]), WORLD_VERSIONS);
    store_model_image_read(results[MODEL_IMAGES], 0, &image);
    cr_expect_str_eq(image.hwid, "board");
    cr_assert_eq(db_rows(results[MODEL_DELTAS]), 1, "only kept ones, to images in use");
    store_model_delta_read(results[MODEL_DELTAS], 0, &delta);
    world_image(1, hash);
    cr_expect_arr_eq(delta.from, hash, 32);
    world_image(3, hash);
    cr_expect_arr_eq(delta.to, hash, 32);
    cr_expect_eq(delta.length, 77);
    fixture_answered(fixture);
}

Test(store_model, holds_what_stands_and_nothing_else)
{
    struct fixture fixture;

    world_open(&fixture, 1);
    (void)world_deployment(&fixture, 2, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'finished';"
                        "UPDATE device_group SET baseline_deployment_id = 1");
    (void)world_deployment(&fixture, 4, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'halted' WHERE id = 2");
    (void)world_deployment(&fixture, 3, "5000,100000");
    world_sql(&fixture, "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state, sha256,"
                        " length) VALUES (1, 1, 3, 'kept', sha256('x'), 77),"
                        " (1, 2, 3, 'dropped', NULL, NULL), (1, 1, 5, 'kept', sha256('y'), 1)");
    fixture.pending = 1;
    store_model_load(fixture.db, on_model, &fixture);
    fixture_wait(&fixture);
    fixture_close(&fixture);
}
