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

Test(store_tick, moves_only_what_is_where_the_caller_saw_it)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "5000,100000");

    store_tick_advance(fixture.db, id, 2, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is not in phase 2");
    store_tick_advance(fixture.db, id, 1, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    store_tick_advance(fixture.db, id, 2, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "there is no phase 3");
    store_tick_finish(fixture.db, id, 1, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is not in phase 1");
    world_sql(&fixture, "UPDATE deployment SET state = 'paused'");
    store_tick_finish(fixture.db, id, 2, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is paused");
    world_sql(&fixture, "UPDATE deployment SET state = 'running'");
    store_tick_finish(fixture.db, id, 2, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    store_tick_halt(fixture.db, id, "{\"failed\":1}", answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "it is finished");

    cr_expect_eq(world_number(&fixture, "SELECT baseline_deployment_id FROM device_group"), id);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM change_log"), 3,
                 "each move is announced");
    fixture_close(&fixture);
}

Test(store_tick, halts_also_what_is_paused_and_keeps_the_evidence)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t id;

    world_open(&fixture, 1);
    id = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'paused'");
    store_tick_halt(fixture.db, id, "{\"failed\":7}", answer_done, &answer);
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

    store_tick_finish(fixture.db, id, 1, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "", "the other one is at it");
    answer.fixture = &other;
    answer_wait(&answer, db_call_new(other.db, &unlock, answer_done, &answer));
    answer.fixture = &fixture;
    store_tick_finish(fixture.db, id, 1, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "1");
    fixture_close(&other);
    fixture_close(&fixture);
}

Test(store_tick, counts_ends_of_deployments_that_are_not_over)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    int64_t ids[2];

    world_open(&fixture, 1);
    ids[0] = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture, "UPDATE deployment SET state = 'aborted'");
    ids[1] = world_deployment(&fixture, 3, "5000,100000");
    world_sql(&fixture, "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
                        " VALUES (2, 1, 'succeeded', 1, 5), (2, 2, 'succeeded', 1, 6),"
                        " (2, 1, 'failed', 1, 2), (2, 2, 'rolled-back', 1, 3),"
                        " (2, 1, 'cancelled', 1, 9), (2, 1, 'touched', 1, 9)");
    store_tick_counts(fixture.db, ids, 2, answer_done, &answer);
    cr_expect_str_eq(wait_for(&answer), "2|1|11|5|t");
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
