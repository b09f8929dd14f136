/* What an operator does to a device by hand, as the device sees it. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/store/store_device_change.h"
#include "tests/support/desk_world.h"

#define OFFER_NONE ""

/* Who acts: a token of the world's tenant. */
static struct store_actor actor_of(struct desk_world *world)
{
    world_sql(&world->fixture, "INSERT INTO operator_token (tenant_id, digest, name, role)"
                               " VALUES (1, sha256('operator'), 'o', 'administrator')"
                               " ON CONFLICT DO NOTHING");
    return (struct store_actor){
        .tenant_id = 1,
        .token_id = world_number(&world->fixture, "SELECT max(id) FROM operator_token"),
        .request = "r"};
}

static void on_done(const struct db_result *result, const struct err *err, void *arg)
{
    (void)result;
    cr_assert_null(err, "%s", err ? err->text : "");
    *(bool *)arg = true;
}

static struct fleet_facts facts_of(struct gadget *gadget)
{
    struct fleet_index *index = fleet_index_of(gadget->world->worker.fleet);
    struct fleet_facts facts;

    fleet_device_read(fleet_index_find(index, gadget->id), &facts);
    return facts;
}

/* Waits until the statement ran; then memory is told, as the notification would. */
static void settle(struct desk_world *world, const bool *done)
{
    while (!*done)
        loop_turn(world->worker.loop);
    fleet_reload(world->worker.fleet);
}

static void act(struct gadget *gadget, enum store_device_act what)
{
    struct store_actor actor = actor_of(gadget->world);
    const struct store_device_id device = {&actor, gadget->id};
    bool done = false;

    store_device_act(gadget->world->fixture.db, &device, what, "a reason", on_done, &done);
    settle(gadget->world, &done);
    while (facts_of(gadget).is_out != (what != DEVICE_RELEASE))
        loop_turn(gadget->world->worker.loop);
}

Test(change_api, a_quarantined_device_polls_but_loses_what_it_was_offered)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_assert_str_neq(gadget.offered.deployment, OFFER_NONE);

    act(&gadget, DEVICE_QUARANTINE);
    do {
        cr_assert_eq(gadget_poll(&gadget), 200);
    } while (facts_of(&gadget).standing.state != UPDATE_CANCELLED);
    cr_expect_str_eq(gadget.offered.deployment, OFFER_NONE);
    cr_expect_eq(world_counters_wrong(&world.fixture), 0);
    cr_expect_eq(gadget_session(&gadget), 200, "it may come back to talk");

    act(&gadget, DEVICE_RELEASE);
    cr_expect_not(facts_of(&gadget).is_out);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(change_api, a_decommissioned_device_is_refused_with_its_session_and_its_claim)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    act(&gadget, DEVICE_DECOMMISSION);

    cr_expect_eq(gadget_poll(&gadget), 401);
    cr_expect_eq(gadget_session(&gadget), 403);
    cr_expect_eq(gadget_claim(&gadget, WORLD_CLAIM, "board"), 403, "the same key never again");
    desk_world_restart(&world);
    peer_close(gadget.peer);
    gadget.peer = peer_open(&world.front);
    cr_expect_eq(gadget_session(&gadget), 403, "nor after a restart");
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(change_api, a_moved_device_follows_its_new_group)
{
    struct desk_world world;
    struct gadget gadget;
    struct store_actor actor;
    struct store_move move = {.actor = &actor, .device_count = 1};
    struct db_slice slice;
    AUTO_FREE char *lab = NULL;
    int64_t lab_id;
    bool done = false;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    world_sql(&world.fixture, "INSERT INTO device_group (tenant_id, product_id, name)"
                              " VALUES (1, 1, 'lab')");
    lab_id = world_number(&world.fixture, "SELECT id FROM device_group WHERE name = 'lab'");
    lab = mem_strdup(
        world_text(&world.fixture, "SELECT public_id FROM device_group WHERE name = 'lab'"));
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_assert_str_neq(gadget.offered.deployment, OFFER_NONE);

    actor = actor_of(&world);
    slice = (struct db_slice){.data = gadget.id, .len = sizeof(gadget.id)};
    move.to = lab;
    move.devices = &slice;
    store_device_move(world.fixture.db, &move, on_done, &done);
    settle(&world, &done);
    while (facts_of(&gadget).group_id != lab_id)
        loop_turn(world.worker.loop);
    do {
        cr_assert_eq(gadget_poll(&gadget), 200);
    } while (facts_of(&gadget).standing.state != UPDATE_CANCELLED);
    cr_expect_str_eq(gadget.offered.deployment, OFFER_NONE, "nothing runs in the lab");
    cr_expect_eq(world_counters_wrong(&world.fixture), 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(change_api, a_held_device_gets_nothing_until_the_hold_ends)
{
    struct desk_world world;
    struct gadget gadget;
    struct store_actor actor;
    struct store_device_id device;
    bool done = false;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    actor = actor_of(&world);
    device = (struct store_device_id){&actor, gadget.id};
    store_device_hold(world.fixture.db, &device, &(struct store_hold){INT64_MAX, "a fair"}, on_done,
                      &done);
    settle(&world, &done);
    while (facts_of(&gadget).hold_until_ms != INT64_MAX)
        loop_turn(world.worker.loop);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_str_eq(gadget.offered.deployment, OFFER_NONE);

    done = false;
    store_device_hold(world.fixture.db, &device, &(struct store_hold){0, ""}, on_done, &done);
    settle(&world, &done);
    while (facts_of(&gadget).hold_until_ms != 0)
        loop_turn(world.worker.loop);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_str_neq(gadget.offered.deployment, OFFER_NONE);
    gadget_close(&gadget);
    desk_world_close(&world);
}
