/* Devices that join without a token. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/text.h"
#include "server/limits.h"
#include "server/store/store_enroll.h"
#include "tests/support/desk_world.h"

static int64_t count_of(struct desk_world *world, const char *table)
{
    return world_number(&world->fixture, "SELECT count(*) FROM %s", table);
}

static void expect(struct desk_world *world, const struct gadget *gadget)
{
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(gadget->id, sizeof(gadget->id), hex);
    world_sql(&world->fixture,
              "INSERT INTO preregistration (tenant_id, device_id, group_id, tags)"
              " VALUES (1, decode('%s', 'hex'), 1, '{\"site\":\"x\"}')",
              hex);
}

Test(enroll_api, an_expected_device_joins_with_its_tags_and_again_with_the_same_answer)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_open(&gadget, &world);
    expect(&world, &gadget);
    cr_expect_eq(gadget_claim(&gadget, "", "other"), 403, "its hardware is not the product's");
    cr_expect_eq(count_of(&world, "device"), 0);
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 200);
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 200, "the same again");
    cr_expect_eq(gadget_claim(&gadget, WORLD_CLAIM, "board"), 409);
    cr_expect_eq(gadget_session(&gadget), 200);
    cr_expect_str_eq(world_text(&world.fixture, "SELECT tags ->> 'site' FROM device"), "x");
    cr_expect_eq(count_of(&world, "preregistration WHERE claimed_at IS NOT NULL"), 1);
    cr_expect_eq(count_of(&world, "pending_claim"), 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(enroll_api, an_unknown_device_waits_until_a_person_decides)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_open(&gadget, &world);
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 403);
    cr_expect(strstr(buf_text(&gadget.reply.body), "waits for an operator"));
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 403);
    cr_expect_eq(count_of(&world, "pending_claim"), 1, "once, however often it asks");

    world_sql(&world.fixture, "UPDATE pending_claim SET rejected_at = now()");
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 403);
    cr_expect(strstr(buf_text(&gadget.reply.body), "rejected"));

    expect(&world, &gadget); /* what accepting does */
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 200);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(enroll_api, whose_tenant_is_meant_must_be_clear)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    world_sql(&world.fixture,
              "INSERT INTO tenant (name) VALUES ('second');"
              "INSERT INTO product (tenant_id, name, hwids)"
              " SELECT id, 'twin', '{board,own}' FROM tenant WHERE name = 'second'");
    gadget_open(&gadget, &world);
    cr_expect_eq(gadget_claim(&gadget, "", "nothing"), 403);
    cr_expect(strstr(buf_text(&gadget.reply.body), "no product has hardware"));
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 403);
    cr_expect(strstr(buf_text(&gadget.reply.body), "more than one tenant"));
    cr_expect_eq(count_of(&world, "pending_claim"), 0);

    cr_expect_eq(gadget_claim(&gadget, "@second", "board"), 403);
    cr_expect(strstr(buf_text(&gadget.reply.body), "waits for an operator"));
    cr_expect_eq(count_of(&world, "pending_claim w JOIN tenant t ON t.id = w.tenant_id"
                                  " AND t.name = 'second'"),
                 1);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(enroll_api, so_many_may_wait_and_who_gave_up_is_forgotten)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_open(&gadget, &world);
    world_sql(&world.fixture,
              "INSERT INTO pending_claim (tenant_id, device_id, hwid)"
              " SELECT 1, sha256(n::text::bytea), 'board' FROM generate_series(1, %d) AS n",
              STORE_PENDING_MAX);
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 503);
    world_sql(&world.fixture, "UPDATE pending_claim SET asked_at = now() - interval '8 days'"
                              " WHERE id > 1");
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 503, "it made room");
    cr_expect_eq(gadget_claim(&gadget, "", "board"), 403);
    cr_expect_eq(count_of(&world, "pending_claim"), 2);
    gadget_close(&gadget);
    desk_world_close(&world);
}
