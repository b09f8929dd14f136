/* The clock against a real database: devices are rows and entries of the index, their reports
 * are made by SQL, and time is what the test says where it matters. */
#include "server/jobs/ticker.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/update/place.h"
#include "server/fleet/plan.h"
#include "server/jobs/census.h"
#include "server/limits.h"
#include "server/store/store_grant.h"
#include "tests/support/world.h"

struct clock_world {
    struct fixture fixture;
    struct fleet *fleet;
    struct ticker *ticker;
    struct loop_timer *beat;
};

static void on_beat(void *arg)
{
    struct clock_world *world = arg;

    loop_timer_set(world->beat, 5);
}

static void on_change(const char *payload, void *arg)
{
    (void)payload;
    fleet_reload(arg);
}

static void clock_open(struct clock_world *world, unsigned devices)
{
    world_open(&world->fixture, 1);
    world_devices(&world->fixture, devices);
    world->beat = loop_timer_new(world->fixture.loop, on_beat, world);
    loop_timer_set(world->beat, 0);
    world->fleet = fleet_new();
    fleet_start(world->fleet, world->fixture.loop, world->fixture.db);
    db_listen(world->fixture.db, "slipway_change", on_change, world->fleet);
    while (!fleet_is_ready(world->fleet))
        loop_turn(world->fixture.loop);
    world->ticker = ticker_new(world->fixture.loop, world->fixture.db, world->fleet);
}

static void clock_close(struct clock_world *world)
{
    db_close(world->fixture.db);
    ticker_free(world->ticker);
    fleet_stop(world->fleet);
    fleet_free(world->fleet);
    loop_timer_free(world->beat);
    world->fixture.db = NULL;
    fixture_close(&world->fixture);
}

static struct model *model_with(struct clock_world *world, int64_t deployment_id)
{
    for (;;) {
        struct model *model = model_holder_get(fleet_model_of(world->fleet));

        if (model_deployment_find(model, deployment_id))
            return model;
        model_unref(model);
        loop_turn(world->fixture.loop);
    }
}

static bool is(struct clock_world *world, int64_t id, const char *state, int phase)
{
    return world_number(&world->fixture,
                        "SELECT (state = '%s' AND phase = %d)::int FROM deployment"
                        " WHERE id = %lld",
                        state, phase, (long long)id) == 1;
}

static void tick_until(struct clock_world *world, int64_t id, const char *state, int phase)
{
    while (!is(world, id, state, phase)) {
        ticker_run(world->ticker);
        for (int turn = 0; turn < 5; turn++)
            loop_turn(world->fixture.loop);
    }
}

/* As many ticks as would have moved it long ago. */
static void tick_often(struct clock_world *world)
{
    for (int tick = 0; tick < 30; tick++) {
        ticker_run(world->ticker);
        for (int turn = 0; turn < 3; turn++)
            loop_turn(world->fixture.loop);
    }
}

/* All devices whose place is below the share now run v2 and have said how it went. */
static void finish_share(struct clock_world *world, int64_t id, uint32_t share_milli,
                         const char *state)
{
    uint8_t v2[HASH_BYTES];
    size_t count = fleet_index_count(fleet_index_of(world->fleet));

    world_image(2, v2);
    for (int64_t row = 1; row <= (int64_t)count; row++) {
        struct fleet_device *device = fleet_index_find_row(fleet_index_of(world->fleet), row);
        struct wire_poll poll = {.installed_count = 1};
        struct fleet_facts facts;

        fleet_device_read(device, &facts);
        if (!place_in_share(place_of("salt", facts.id), share_milli))
            continue;
        memcpy(poll.installed[0], v2, HASH_BYTES);
        (void)fleet_device_poll(device, &poll, clock_now_ms(), &facts);
        world_sql(&world->fixture,
                  "WITH d AS (SELECT phase FROM deployment WHERE id = %lld),"
                  " a AS (INSERT INTO deployment_device"
                  "  (deployment_id, device_id, tenant_id, phase, state)"
                  "  SELECT %lld, %lld, 1, phase, '%s' FROM d ON CONFLICT DO NOTHING"
                  "  RETURNING phase)"
                  " INSERT INTO deployment_counter AS c SELECT %lld, phase, '%s', 1, 1 FROM a"
                  " ON CONFLICT (deployment_id, phase, state) DO UPDATE SET n = c.n + 1",
                  (long long)id, (long long)id, (long long)row, state, (long long)id, state);
    }
}

static uint64_t statements(const struct clock_world *world)
{
    struct db_stats stats;

    db_stats(world->fixture.db, &stats);
    return stats.sent;
}

Test(ticker, runs_no_statement_without_a_deployment)
{
    struct clock_world world;
    uint64_t before;

    clock_open(&world, 10);
    before = statements(&world);
    tick_often(&world);
    cr_expect_eq(statements(&world), before);
    clock_close(&world);
}

Test(ticker, an_empty_group_takes_a_release_at_once)
{
    struct clock_world world;
    int64_t id;

    clock_open(&world, 0);
    id = world_deployment(&world.fixture, 2, "5000,50000,100000");
    tick_until(&world, id, "finished", 3);
    cr_expect_eq(world_number(&world.fixture, "SELECT baseline_deployment_id FROM device_group"),
                 id);
    clock_close(&world);
}

Test(ticker, phases_begin_when_nobody_awake_is_waited_for)
{
    struct clock_world world;
    int64_t id;

    clock_open(&world, 40);
    id = world_deployment(&world.fixture, 2, "30000,100000");
    model_unref(model_with(&world, id));
    tick_often(&world);
    cr_expect(is(&world, id, "running", 1), "its members still run v1");
    finish_share(&world, id, 30000, "succeeded");
    tick_until(&world, id, "running", 2);
    tick_often(&world);
    cr_expect(is(&world, id, "running", 2), "the others still run v1");
    finish_share(&world, id, PLACE_SHARE_ALL, "succeeded");
    tick_until(&world, id, "finished", 2);
    clock_close(&world);
}

Test(ticker, a_gate_halts_also_between_ticks)
{
    struct clock_world world;
    int64_t id;

    clock_open(&world, 60);
    id = world_deployment(&world.fixture, 2, "30000,100000");
    model_unref(model_with(&world, id));
    finish_share(&world, id, 30000, "rolled-back");
    fleet_moved(world.fleet); /* as the reports' batch does */
    while (!is(&world, id, "halted", 1))
        loop_turn(world.fixture.loop);

    cr_expect_eq(world_number(&world.fixture, "SELECT ((halt->>'failed')::int >= 5 AND"
                                              " halt->>'gate' = 'threshold')::int"
                                              " FROM deployment"),
                 1);
    tick_often(&world);
    cr_expect(is(&world, id, "halted", 1));
    clock_close(&world);
}

Test(ticker, a_pause_stops_the_phases_and_not_the_gate)
{
    struct clock_world world;
    int64_t id;

    clock_open(&world, 40);
    id = world_deployment(&world.fixture, 2, "30000,100000");
    model_unref(model_with(&world, id));
    world_sql(&world.fixture, "UPDATE deployment SET state = 'paused'"); /* memory is late */
    finish_share(&world, id, 30000, "succeeded");
    tick_often(&world);
    cr_expect(is(&world, id, "paused", 1));
    finish_share(&world, id, PLACE_SHARE_ALL, "failed");
    tick_until(&world, id, "halted", 1);
    clock_close(&world);
}

Test(census, calls_nobody_silent_for_what_a_restart_takes)
{
    struct clock_world world;
    struct model *model;
    struct census *census;
    struct census_tally tally;
    int64_t now_ms = 1800000000000;
    int64_t id;

    clock_open(&world, 20);
    id = world_deployment(&world.fixture, 2, "100000");
    model = model_with(&world, id);
    for (int64_t row = 1; row <= 20; row++) {
        struct fleet_device *device = fleet_index_find_row(fleet_index_of(world.fleet), row);
        struct wire_poll poll = {.installed_count = 1, .installed = {{9}}};
        struct fleet_facts facts;

        (void)fleet_device_poll(device, &poll, now_ms - SILENT_MS_MIN - (row % 2), &facts);
    }
    census = census_new(model, fleet_index_of(world.fleet), now_ms, 0);
    while (census_step(census, 1000))
        ;
    tally = census_of(census, model_deployment_find(model, id));
    cr_expect_eq(tally.control, 20);
    cr_expect_eq(tally.control_silent, 10, "%llu", (unsigned long long)tally.control_silent);
    census_free(census);
    model_unref(model);
    clock_close(&world);
}

Test(census, counts_who_is_in_the_phase_runs_something_else_and_is_awake)
{
    struct clock_world world;
    struct model *model;
    struct census *census;
    const struct model_deployment *deployment;
    struct census_tally tally;
    uint64_t in_share = 0;
    int64_t now_ms = 1800000000000;
    int64_t id;

    clock_open(&world, 200);
    id = world_deployment(&world.fixture, 2, "50000,100000");
    model = model_with(&world, id);
    deployment = model_deployment_find(model, id);
    for (int64_t row = 1; row <= 200; row++) {
        struct fleet_device *device = fleet_index_find_row(fleet_index_of(world.fleet), row);
        struct wire_poll poll = {.installed_count = 1, .installed = {{9}}};
        struct fleet_facts facts;

        /* every second one was seen within the window, the others just before it */
        (void)fleet_device_poll(device, &poll, now_ms - AWAKE_MS_MIN - (row % 2), &facts);
        if (place_in_share(place_of("salt", facts.id), 50000))
            in_share++;
    }

    census = census_new(model, fleet_index_of(world.fleet), now_ms, 0);
    while (census_step(census, 7))
        ;
    tally = census_of(census, deployment);
    cr_expect(tally.is_known);
    cr_expect_eq(tally.waiting, in_share);
    cr_expect(tally.awake_waiting > in_share / 4 && tally.awake_waiting < in_share * 3 / 4, "%llu",
              (unsigned long long)tally.awake_waiting);
    census_free(census);

    census = census_new(model, fleet_index_of(world.fleet), now_ms, now_ms - AWAKE_MS_MIN);
    while (census_step(census, 1000))
        ;
    tally = census_of(census, deployment);
    cr_expect_eq(tally.awake_waiting, in_share, "a server that just started waits for all");
    census_free(census);
    model_unref(model);
    clock_close(&world);
}
