#include "server/fleet/fleet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/fleet/plan.h"
#include "server/limits.h"
#include "server/rollout/phase.h"
#include "server/store/store_session.h"
#include "tests/support/world.h"

static const int64_t NOW_MS = 1800000000000;

struct memory {
    struct fixture fixture;
    struct fleet *fleet;
};

static void memory_open(struct memory *memory)
{
    memory->fleet = fleet_new();
    fleet_start(memory->fleet, memory->fixture.loop, memory->fixture.db);
    while (!fleet_is_ready(memory->fleet))
        loop_turn(memory->fixture.loop);
}

static void memory_close(struct memory *memory)
{
    db_close(memory->fixture.db);
    fleet_stop(memory->fleet);
    fleet_free(memory->fleet);
    memory->fixture.db = NULL;
    fixture_close(&memory->fixture);
}

/* The model with the change that is in the database now. */
static struct model *model_now(struct memory *memory)
{
    int64_t version = world_number(&memory->fixture, "INSERT INTO change_log (tenant_id, what)"
                                                     " VALUES (1, 'test') RETURNING id");
    struct model *model = NULL;

    fleet_reload(memory->fleet);
    for (;;) {
        model_unref(model);
        model = model_holder_get(fleet_model_of(memory->fleet));
        if (model_version(model) >= version)
            return model;
        loop_turn(memory->fixture.loop);
    }
}

Test(fleet, is_filled_from_the_database_over_many_pages)
{
    struct memory memory;
    uint8_t digest[HASH_BYTES];
    uint8_t id[32];
    struct fleet_index *index;

    world_open(&memory.fixture, 1);
    world_devices(&memory.fixture, 2 * FLEET_PAGE_ROWS + 3);
    world_sql(&memory.fixture,
              "INSERT INTO device_session (digest, tenant_id, device_id, expires_at)"
              " SELECT sha256(id::text::bytea), 1, id, now() + interval '1 hour' FROM device");
    memory_open(&memory);
    index = fleet_index_of(memory.fleet);

    cr_expect_eq(fleet_index_count(index), 2 * FLEET_PAGE_ROWS + 3);
    for (unsigned n = 1; n < 2 * FLEET_PAGE_ROWS; n += 999) {
        char text[16];

        world_device_id(n, id);
        (void)snprintf(text, sizeof(text), "%u", n);
        hash_sha256(text, strlen(text), digest);
        cr_assert_not_null(fleet_index_find(index, id), "%u", n);
        cr_expect_eq(fleet_session_find(index, digest, 0), fleet_index_find(index, id), "%u", n);
    }
    memory_close(&memory);
}

Test(fleet, the_model_follows_what_operators_change)
{
    struct memory memory;
    struct model *model;
    const struct model_group *group;
    struct model_reader reader;
    int64_t id;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    model_reader_init(&reader, fleet_model_of(memory.fleet));
    cr_assert_not_null(model_reader_get(&reader));
    cr_expect_null(model_group_find(model_reader_get(&reader), 1)->current);

    id = world_deployment(&memory.fixture, 2, "5000,100000");
    model = model_now(&memory);
    group = model_group_find(model, 1);
    cr_assert_not_null(group->current);
    cr_expect_eq(model_reader_get(&reader), model, "readers see the new one");
    cr_expect_eq(group->current->id, id);
    cr_expect_eq(group->current->phase_count, 2);
    cr_expect_eq(group->current->phases[0].share_milli, 5000);
    cr_expect_eq(group->current->standing, ROLLOUT_OPEN);
    cr_expect_not_null(model_image_for(group->current, "board"));
    cr_expect_null(model_image_for(group->current, "toaster"));
    cr_expect_null(group->baseline);
    model_unref(model);

    world_sql(&memory.fixture, "UPDATE deployment SET state = 'halted'");
    model = model_now(&memory);
    cr_expect_eq(model_group_find(model, 1)->current->standing, ROLLOUT_HALTED);
    model_unref(model);

    world_sql(&memory.fixture, "UPDATE deployment SET state = 'finished';"
                               "UPDATE device_group SET baseline_deployment_id = 1");
    model = model_now(&memory);
    group = model_group_find(model, 1);
    cr_expect_null(group->current);
    cr_expect_eq(group->baseline->id, id);
    cr_expect(group->baseline->is_finished);
    model_unref(model);
    model_reader_done(&reader);
    memory_close(&memory);
}

Test(fleet, a_lost_notification_is_found_by_the_check)
{
    struct memory memory;
    struct model *model;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 2, "100000"); /* nobody listens here */
    fleet_check(memory.fleet);
    do {
        loop_turn(memory.fixture.loop);
        model = model_holder_get(fleet_model_of(memory.fleet));
        model_unref(model);
    } while (!model_group_find(model, 1)->current);
    memory_close(&memory);
}

Test(fleet, writes_who_was_seen_behind)
{
    struct memory memory;
    struct wire_poll poll = {0};
    struct fleet_facts facts;

    world_open(&memory.fixture, 1);
    world_devices(&memory.fixture, SEEN_BATCH_MAX + 10);
    memory_open(&memory);
    for (int64_t row = 1; row <= SEEN_BATCH_MAX + 10; row++)
        (void)fleet_device_poll(fleet_index_find_row(fleet_index_of(memory.fleet), row), &poll,
                                1700000000000 + row, &facts);
    fleet_flush_seen(memory.fleet);
    fleet_flush_seen(memory.fleet); /* one at a time: nothing happens */
    while (fleet_is_flushing(memory.fleet))
        loop_turn(memory.fixture.loop);

    cr_expect_eq(world_number(&memory.fixture, "SELECT count(*) FROM device_seen"
                                               " WHERE extract(epoch FROM seen_at) * 1000"
                                               "       = 1700000000000 + device_id"),
                 SEEN_BATCH_MAX + 10);
    memory_close(&memory);
}

Test(fleet, paces_the_baseline_in_each_group_alone)
{
    struct fleet *fleet = fleet_new();
    int granted = 0;

    for (int i = 0; i < 1000; i++)
        granted += fleet_pace(fleet, 1, 50000);
    cr_expect_eq(granted, BASELINE_GRANTS_PER_S_MAX, "a second's worth at once: %d", granted);
    cr_expect(fleet_pace(fleet, 2, 50000), "another group");
    for (int i = 0; i < 1000; i++)
        granted += fleet_pace(fleet, 1, 50500);
    cr_expect_eq(granted, BASELINE_GRANTS_PER_S_MAX * 3 / 2, "half a second later: %d", granted);
    fleet_free(fleet);
}

/* --- plans --------------------------------------------------------------------------------------
 */

static struct fleet_facts facts_of(unsigned number, unsigned version)
{
    struct fleet_facts facts = {.standing = {.device_id = number},
                                .tenant_id = 1,
                                .group_id = 1,
                                .hwid = "board",
                                .installed_count = 1};

    world_device_id(number, facts.id);
    world_image(version, facts.installed[0]);
    return facts;
}

Test(fleet_plan, grants_by_place_and_phase)
{
    struct memory memory;
    struct fleet_plan plan;
    struct model *model;
    unsigned granted = 0;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 2, "20000,100000");
    model = model_now(&memory);
    for (unsigned n = 1; n <= 500; n++) {
        struct fleet_facts facts = facts_of(n, 1);
        bool is_first = place_in_share(place_of("salt", facts.id), 20000);

        fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
        cr_assert_eq(plan.action, is_first ? ROLLOUT_GRANT : ROLLOUT_NOTHING, "%u", n);
        cr_assert_eq(plan.reason, is_first ? REASON_NONE : REASON_PHASE, "%u", n);
        cr_assert_eq(fleet_waits_for(model, plan.group->current, &facts, NOW_MS),
                     is_first ? FLEET_WAIT_FOR_IT : FLEET_WAIT_NOT);
        granted += plan.action == ROLLOUT_GRANT;
        if (plan.action == ROLLOUT_GRANT)
            cr_assert_eq(plan.phase, 1);
    }
    cr_expect(granted > 60 && granted < 140, "%u", granted);
    model_unref(model);

    world_sql(&memory.fixture, "UPDATE deployment SET phase = 2");
    model = model_now(&memory);
    for (unsigned n = 1; n <= 100; n++) {
        struct fleet_facts facts = facts_of(n, 1);

        fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
        cr_assert_eq(plan.action, ROLLOUT_GRANT);
        cr_assert_eq(plan.phase, place_in_share(place_of("salt", facts.id), 20000) ? 1 : 2);
    }
    model_unref(model);
    memory_close(&memory);
}

Test(fleet_plan, waits_for_a_device_that_runs_the_image_but_has_not_said_how_it_ended)
{
    static const struct {
        enum update_state state;
        bool waits;
    } cases[] = {{UPDATE_ACTIVATING, true},
                 {UPDATE_VERIFYING, true},
                 {UPDATE_SUCCEEDED, false},
                 {UPDATE_ROLLED_BACK, false}};
    struct memory memory;
    struct model *model;
    int64_t id;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    id = world_deployment(&memory.fixture, 2, "100000");
    model = model_now(&memory);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fleet_facts facts = facts_of(1, 2);

        facts.standing.deployment_id = id;
        facts.standing.state = cases[i].state;
        cr_expect_eq(fleet_waits_for(model, model_deployment_find(model, id), &facts, NOW_MS),
                     cases[i].waits ? FLEET_WAIT_FOR_IT : FLEET_WAIT_NOT, "%s",
                     update_state_name(cases[i].state));
    }
    model_unref(model);
    memory_close(&memory);
}

Test(fleet_plan, says_which_of_holds_penalties_and_switches_forbids_it)
{
    struct memory memory;
    struct fleet_plan plan;
    struct fleet_facts facts;
    struct model *model;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 2, "100000");
    model = model_now(&memory);
    facts = facts_of(1, 1);
    facts.penalty_until_ms = NOW_MS + 1;
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.reason, REASON_PENALTY);
    cr_expect_eq(fleet_waits_for(model, plan.group->current, &facts, NOW_MS), FLEET_WAIT_NOT);
    fleet_plan_make(model, &facts, 0, NOW_MS + 1, &plan);
    cr_expect_eq(plan.action, ROLLOUT_GRANT, "its time is served");
    facts.hold_until_ms = INT64_MAX;
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.reason, REASON_HELD);
    facts.is_out = true;
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.reason, REASON_OUT);
    model_unref(model);

    facts = facts_of(1, 1);
    world_sql(&memory.fixture, "UPDATE device_group SET hold_until = 'infinity'");
    model = model_now(&memory);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.reason, REASON_HELD);
    model_unref(model);
    world_sql(&memory.fixture, "UPDATE tenant SET updates_stopped = true");
    model = model_now(&memory);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.reason, REASON_STOPPED);
    model_unref(model);
    memory_close(&memory);
}

Test(fleet_plan, gives_a_stratum_that_stopped_nothing_and_does_not_wait_for_it)
{
    struct memory memory;
    struct fleet_plan plan;
    struct fleet_facts facts;
    struct model *model;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 3, "100000");
    world_sql(&memory.fixture,
              "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, hwid, source,"
              "                                halted)"
              " SELECT 1, 1, 1, 'board', sha256, true FROM image WHERE release_counter = 1");
    model = model_now(&memory);
    facts = facts_of(1, 1);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING);
    cr_expect_eq(plan.reason, REASON_HALTED);
    cr_expect_eq(fleet_waits_for(model, plan.group->current, &facts, NOW_MS), FLEET_WAIT_NOT);
    facts.standing = (struct store_standing){1, 1, 1, 1, UPDATE_STAGED, false};
    cr_expect_eq(fleet_waits_for(model, plan.group->current, &facts, NOW_MS), FLEET_WAIT_NOT);
    facts.standing.state = UPDATE_ACTIVATING;
    cr_expect_eq(fleet_waits_for(model, plan.group->current, &facts, NOW_MS), FLEET_WAIT_FOR_IT);
    facts = facts_of(2, 2);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_GRANT, "another image before is another stratum");
    model_unref(model);
    memory_close(&memory);
}

/* v3 can be installed from v2 on, which can be from v1 on. */
Test(fleet_plan, goes_over_stepping_stones_and_says_when_none_leads_there)
{
    struct memory memory;
    struct fleet_plan plan;
    struct fleet_facts facts;
    struct model *model;
    uint8_t image[HASH_BYTES];

    world_open(&memory.fixture, 1);
    world_sql(&memory.fixture,
              "UPDATE image SET stepping_stone = release_counter - 1 WHERE release_counter > 1");
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 3, "100000");
    model = model_now(&memory);
    facts = facts_of(1, 1);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_GRANT);
    world_image(2, image);
    cr_assert_not_null(plan.image);
    cr_expect_arr_eq(plan.image->sha256, image, HASH_BYTES, "first v2");
    facts = facts_of(1, 2);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    world_image(3, image);
    cr_expect_arr_eq(plan.image->sha256, image, HASH_BYTES, "then v3");
    facts = facts_of(1, 99);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_arr_eq(plan.image->sha256, image, HASH_BYTES, "an unknown image: the goal");
    model_unref(model);

    world_sql(&memory.fixture, "UPDATE image SET stepping_stone = 3 WHERE release_counter = 2");
    model = model_now(&memory);
    facts = facts_of(1, 1);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING);
    cr_expect_eq(plan.reason, REASON_STEPPING_STONE);
    cr_expect_eq(fleet_waits_for(model, plan.group->current, &facts, NOW_MS), FLEET_WAIT_NOT);
    model_unref(model);
    memory_close(&memory);
}

Test(fleet_plan, waits_for_a_delta_as_the_deployment_says)
{
    static const struct {
        const char *policy;
        int64_t until_ms; /* from now */
        bool has_delta;
        bool offers_delta;
        enum rollout_action action;
    } cases[] = {
        {"delta-then-full", 0, false, false, ROLLOUT_GRANT},
        {"delta-then-full", 0, true, true, ROLLOUT_GRANT},
        {"full", 0, true, false, ROLLOUT_GRANT},
        {"delta-only", 0, false, false, ROLLOUT_NOTHING},
        {"delta-only", 0, true, true, ROLLOUT_GRANT},
        {"wait-for-delta", 1000, false, false, ROLLOUT_NOTHING},
        {"wait-for-delta", 1000, true, true, ROLLOUT_GRANT},
        {"wait-for-delta", 0, false, false, ROLLOUT_GRANT},
    };
    struct memory memory;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 2, "100000");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fleet_facts facts = facts_of(1, 1);
        struct fleet_plan plan;
        struct model *model;

        world_sql(&memory.fixture,
                  "DELETE FROM delta; UPDATE deployment SET delta_policy = '%s',"
                  " delta_until = to_timestamp(%lld / 1000.0)",
                  cases[i].policy, (long long)NOW_MS + cases[i].until_ms);
        if (cases[i].has_delta)
            world_sql(&memory.fixture,
                      "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state, sha256,"
                      " length) VALUES (1, 1, 2, 'kept', sha256('x'), 77)");
        model = model_now(&memory);
        fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
        cr_expect_eq(plan.action, cases[i].action, "%s %d", cases[i].policy, cases[i].has_delta);
        cr_expect_eq(plan.delta != NULL, cases[i].offers_delta, "%s", cases[i].policy);
        if (plan.action == ROLLOUT_GRANT)
            cr_expect_eq(fleet_plan_bytes(&plan) == 77, cases[i].offers_delta);
        else
            cr_expect_eq(plan.reason, REASON_DELTA);
        model_unref(model);
    }
    memory_close(&memory);
}

Test(fleet_plan, knows_hardware_images_and_what_is_older)
{
    struct memory memory;
    struct fleet_plan plan;
    struct fleet_facts facts;
    struct model *model;

    world_open(&memory.fixture, 1);
    memory_open(&memory);
    (void)world_deployment(&memory.fixture, 3, "100000");
    world_sql(&memory.fixture, "UPDATE deployment SET state = 'finished';"
                               "UPDATE device_group SET baseline_deployment_id = 1");
    model = model_now(&memory);

    facts = facts_of(1, 1);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_GRANT_BASELINE, "an older one converges");
    cr_expect_eq(plan.deployment->id, 1);
    facts = facts_of(1, 3);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING, "it runs it");
    facts = facts_of(1, 4);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING, "it runs a newer one");
    facts = facts_of(1, 99);
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_GRANT_BASELINE, "an image nobody knows");
    facts.hwid = "toaster";
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING, "other hardware");
    facts = facts_of(1, 1);
    facts.group_id = 77;
    fleet_plan_make(model, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING, "a group that memory does not know");
    cr_expect_null(plan.group);
    fleet_plan_make(NULL, &facts, 0, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_NOTHING, "no model at all");

    facts = facts_of(1, 1);
    facts.standing = (struct store_standing){1, 5, 1, 1, UPDATE_DOWNLOADING, false};
    fleet_plan_make(model, &facts, 4, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_RESEND, "it does not know its offer");
    cr_expect_eq(plan.deployment->id, 1);
    fleet_plan_make(model, &facts, 5, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_KEEP);
    facts.standing.deployment_id = 9;
    fleet_plan_make(model, &facts, 5, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_GRANT_BASELINE, "the old offer is gone, the baseline is not");
    facts.closed_id = 1;
    fleet_plan_make(model, &facts, 5, NOW_MS, &plan);
    cr_expect_eq(plan.action, ROLLOUT_WITHDRAW, "nor does it get the baseline again");
    model_unref(model);
    memory_close(&memory);
}
