/* What people are told about a device, in the states that it can be in; and that the next poll then
 * does what they were told. */
#include "server/operator/why.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/store/store_why.h"
#include "tests/support/desk_world.h"

struct loaded {
    struct fixture *fixture;
    json_t *stored;
};

static void on_loaded(const struct db_result *result, const struct err *err, void *arg)
{
    struct loaded *loaded = arg;

    cr_assert_null(err, "%s", err ? err->text : "");
    if (db_rows(result) > 0)
        loaded->stored = json_loads(db_text(result, 0, 0), 0, NULL);
    fixture_answered(loaded->fixture);
}

static json_t *load(struct desk_world *world, int64_t tenant, const uint8_t id[32])
{
    struct loaded loaded = {&world->fixture, NULL};

    world->fixture.pending++;
    store_why_load(world->fixture.db, tenant, id, on_loaded, &loaded);
    fixture_wait(&world->fixture);
    return loaded.stored;
}

static json_t *why(struct gadget *gadget)
{
    struct fleet *fleet = gadget->world->worker.fleet;
    struct fleet_device *device = fleet_index_find(fleet_index_of(fleet), gadget->id);
    AUTO_JSON *stored = load(gadget->world, 1, gadget->id);
    struct model *model;
    struct fleet_facts facts;
    json_t *tree;

    cr_assert(stored && device);
    fleet_device_read(device, &facts);
    model = model_holder_get(fleet_model_of(fleet));
    tree = why_json(model, &facts, stored, clock_now_ms());
    model_unref(model);
    cr_assert(tree);
    return tree;
}

static const char *verdict_of(const json_t *tree, const char *name)
{
    size_t i;
    const json_t *step;

    json_array_foreach(json_object_get(tree, "steps"), i, step)
    {
        if (text_equal(why_text(step, "step"), name))
            return why_text(step, "verdict");
    }
    return "missing";
}

/* "ACTION REASON" of the answer; at most one step stops it, the one named (NULL: any). */
static void expect(struct gadget *gadget, const char *answer, const char *stops, const char *when)
{
    AUTO_JSON *tree = why(gadget);
    const json_t *said = json_object_get(tree, "answer");
    AUTO_FREE char *words = mem_printf("%s %s", why_text(said, "action"), why_text(said, "reason"));
    AUTO_FREE char *all = json_text(tree);

    cr_expect_str_eq(words, answer, "%s: %s", when, all);
    cr_expect(strlen(why_text(said, "text")) > 0);
    if (stops)
        cr_expect_str_eq(verdict_of(tree, stops), "stops", "%s: %s", when, all);
}

static void set(struct gadget *gadget, const char *sql)
{
    world_sql(&gadget->world->fixture, "%s", sql);
    desk_world_reload(gadget->world);
}

static void open_with_gadget(struct desk_world *world, struct gadget *gadget, unsigned version)
{
    desk_world_open(world);
    gadget_open(gadget, world);
    cr_assert_eq(gadget_claim(gadget, WORLD_CLAIM, "board"), 200);
    cr_assert_eq(gadget_session(gadget), 200);
    world_image(version, gadget->poll.installed[0]);
    gadget->poll.installed_count = 1;
    cr_assert_eq(gadget_poll(gadget), 200);
}

Test(why, tells_what_stands_in_the_way_of_a_grant)
{
    static const struct {
        const char *when;
        const char *sql, *undo;
        const char *answer;
        const char *stops;
    } cases[] = {
        {"kill switch", "UPDATE device_group SET updates_stopped = true, stopped_reason = 'fire'",
         "UPDATE device_group SET updates_stopped = false", "nothing stopped", "kill-switch"},
        {"tenant's switch", "UPDATE tenant SET updates_stopped = true, stopped_reason = 'fire'",
         "UPDATE tenant SET updates_stopped = false", "nothing stopped", "kill-switch"},
        {"group held", "UPDATE device_group SET hold_until = now() + interval '1 hour'",
         "UPDATE device_group SET hold_until = NULL", "nothing held", "hold"},
        {"policy", "UPDATE device_group SET update_policy = 'none'",
         "UPDATE device_group SET update_policy = 'all'", "nothing policy", "policy"},
        {"paused", "UPDATE deployment SET state = 'paused'",
         "UPDATE deployment SET state = 'running'", "nothing paused", "deployment"},
        {"halted", "UPDATE deployment SET state = 'halted', state_reason = 'it burns'",
         "UPDATE deployment SET state = 'running'", "nothing halted", "deployment"},
        {"phase", "UPDATE deployment_phase SET share_milli = NULL, filter = 'has(nothing)'",
         "UPDATE deployment_phase SET share_milli = 100000, filter = ''", "nothing phase", "phase"},
        {"count",
         "UPDATE deployment_phase SET share_milli = NULL, device_count = 1;"
         "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
         " VALUES (1, 1, 'succeeded', 1, 1)",
         "UPDATE deployment_phase SET share_milli = 100000, device_count = NULL;"
         "DELETE FROM deployment_counter",
         "nothing count", "phase"},
        {"bytes", "UPDATE deployment SET bytes_per_hour = 60; UPDATE group_budget SET bytes = -5",
         "UPDATE deployment SET bytes_per_hour = NULL", "nothing bytes", "budget"},
        {"delta", "UPDATE deployment SET delta_policy = 'delta-only'",
         "UPDATE deployment SET delta_policy = 'full'", "nothing waits-for-delta", "image"},
    };
    struct desk_world world;
    struct gadget gadget;

    open_with_gadget(&world, &gadget, 1);
    expect(&gadget, "nothing no-deployment", NULL, "before");
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    expect(&gadget, "grant none", NULL, "deployment");
    for (size_t i = 0; i < COUNT(cases); i++) {
        set(&gadget, cases[i].sql);
        expect(&gadget, cases[i].answer, cases[i].stops, cases[i].when);
        cr_assert_eq(gadget_poll(&gadget), 200);
        cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM deployment_device"), 0,
                     "%s: the poll does as it was said", cases[i].when);
        set(&gadget, cases[i].undo);
        expect(&gadget, "grant none", NULL, cases[i].when);
    }
    set(&gadget, "UPDATE device SET penalty_until = now() + interval '1 hour', failures = 3");
    expect(&gadget, "nothing penalty", "penalty", "stored, memory does not know yet");
    cr_assert_eq(gadget_poll(&gadget), 200);
    expect(&gadget, "nothing penalty", "penalty", "both know");
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(why, tells_what_stands_in_the_way_of_a_switch)
{
    struct desk_world world;
    struct gadget gadget;
    struct wire_activate_answer answer;

    open_with_gadget(&world, &gadget, 1);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_assert_eq(gadget_report(&gadget, UPDATE_STAGED), 200);
    expect(&gadget, "keep under-way", NULL, "staged");

    set(&gadget, "UPDATE deployment_device SET reason = 'DEFERRED'");
    expect(&gadget, "keep deferred", "window", "deferred");
    set(&gadget, "UPDATE deployment_device SET reason = 'WINDOW'");
    expect(&gadget, "keep window", "window", "window");
    set(&gadget, "UPDATE deployment_device SET reason = 'NONE'");

    set(&gadget, "INSERT INTO freeze_window (tenant_id, starts_at, ends_at, reason)"
                 " VALUES (1, now() - interval '1 minute', now() + interval '1 hour', 'fair')");
    expect(&gadget, "keep frozen", "freeze", "frozen");
    cr_assert_eq(gadget_activate(&gadget, &answer), 200);
    cr_expect(!answer.go && text_equal(answer.reason, "frozen"));
    set(&gadget, "UPDATE freeze_window SET removed_at = now()");

    set(&gadget, "UPDATE deployment SET gate = '{\"install\":{\"start\":3}}';"
                 "UPDATE deployment_stratum SET open = 3");
    expect(&gadget, "keep gate", "gate", "cap");
    cr_assert_eq(gadget_activate(&gadget, &answer), 200);
    cr_expect(!answer.go && text_equal(answer.reason, "gate"));
    set(&gadget, "UPDATE deployment_stratum SET open = 0");
    expect(&gadget, "keep under-way", NULL, "room");
    cr_assert_eq(gadget_activate(&gadget, &answer), 200);
    cr_expect(answer.go);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(why, tells_who_runs_it_who_ended_and_what_it_said)
{
    struct desk_world world;
    struct gadget gadget;

    open_with_gadget(&world, &gadget, 2);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    expect(&gadget, "nothing runs-it", "image", "runs it");
    world_image(3, gadget.poll.installed[0]);
    cr_assert_eq(gadget_poll(&gadget), 200);
    expect(&gadget, "nothing runs-newer", "image", "newer");
    world_image(1, gadget.poll.installed[0]);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_assert_eq(gadget_report(&gadget, UPDATE_FAILED), 200);
    expect(&gadget, "nothing ended", "image", "failed");
    {
        AUTO_JSON *tree = why(&gadget);

        cr_expect_str_eq(why_text(json_object_get(tree, "row"), "state"), "failed");
        cr_expect(strlen(why_text(tree, "last_seen")) > 0 &&
                  strlen(why_text(tree, "next_poll")) > 0);
    }
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(why, knows_no_device_of_another_tenant)
{
    struct desk_world world;
    struct gadget gadget;
    AUTO_JSON *stored = NULL;

    open_with_gadget(&world, &gadget, 1);
    stored = load(&world, 2, gadget.id);
    cr_expect_null(stored);
    gadget_close(&gadget);
    desk_world_close(&world);
}
