/* Groups of one's own, from their making to their end. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

static char *product(struct api *api)
{
    return api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\",\"b\"]}");
}

static char *make(struct api *api, const char *product, const char *name)
{
    AUTO_FREE char *body = mem_printf("{\"product\":\"%s\",\"name\":\"%s\"}", product, name);

    return api_create(api, "/api/v1/groups", body);
}

static struct api_answer ask(struct api *api, const char *method, const char *group,
                             const char *rest, const char *body)
{
    AUTO_FREE char *path = mem_printf("/api/v1/groups/%s%s", group, rest);

    return api_ask(api, method, path, body);
}

/* A device's row, as a claim would have made it. */
static void add_device(struct api *api, const char *group, unsigned number)
{
    world_sql(&api->fixture,
              "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
              " SELECT g.tenant_id, decode(lpad(to_hex(%u), 64, '0'), 'hex'),"
              "        decode(repeat('00', 32), 'hex'), g.id, 'a'"
              "   FROM device_group g WHERE g.public_id = '%s'",
              number, group);
}

Test(group, is_made_with_its_properties_once_in_a_product)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *body =
        mem_printf("{\"product\":\"%s\",\"name\":\"lab\",\"poll_interval_s\":60,\"concurrency\":7,"
                   "\"maintenance\":{\"days\":[\"sat\"],\"start\":\"22:00\",\"end\":\"04:00\"}}",
                   cam);
    AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/groups", body);
    AUTO_ANSWER again = api_ask(api, "POST", "/api/v1/groups", body);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/groups?name=lab", NULL);

    cr_expect_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect_str_eq(api_text(&made, "name"), "lab");
    cr_expect_eq(api_number(&made, "poll_interval_s"), 60);
    cr_expect_eq(api_number(&made, "concurrency"), 7);
    cr_expect_str_eq(api_text(&made, "maintenance.start"), "22:00");
    cr_expect_str_eq(api_text(&made, "feed"), "retail");
    cr_expect(strstr(buf_text(&made.body), "\"is_default\" : false"));
    cr_expect_eq(again.status, 409);
    cr_expect(strstr(api_text(&again, "detail"), "'lab'"));
    cr_expect_eq(api_number(&list, "items"), 1);
    cr_expect_eq(world_number(&api->fixture, "SELECT count(*) FROM audit"
                                             " WHERE action = 'group.write'"),
                 1);
    api_close(api);
}

Test(group, changes_what_is_said_and_keeps_the_rest)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *lab = make(api, cam, "lab");
    AUTO_ANSWER first = ask(api, "PATCH", lab, "",
                            "{\"bytes_per_hour\":5000000000,\"crash_dumps\":true,"
                            "\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02:00\","
                            "\"end\":\"05:00\"}}");
    AUTO_ANSWER second =
        ask(api, "PATCH", lab, "", "{\"name\":\"bench\",\"maintenance\":null,\"feed\":\"own\"}");

    cr_expect_eq(first.status, 200, "%s", buf_text(&first.body));
    cr_expect_str_eq(api_text(&first, "maintenance.days.0"), "mon");
    cr_expect_eq(second.status, 200, "%s", buf_text(&second.body));
    cr_expect_str_eq(api_text(&second, "name"), "bench");
    cr_expect_str_eq(api_text(&second, "feed"), "own");
    cr_expect_str_eq(api_text(&second, "maintenance.start"), "");
    cr_expect_eq(api_number(&second, "bytes_per_hour"), 5000000000);
    cr_expect(strstr(buf_text(&second.body), "\"crash_dumps\" : true"));
    cr_expect_eq(api_number(&second, "poll_interval_s"), 300);
    api_close(api);
}

Test(group, takes_no_name_that_is_another_s_and_keeps_a_default_one)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *lab = make(api, cam, "lab");
    AUTO_FREE char *production = mem_strdup(
        world_text(&api->fixture, "SELECT public_id FROM device_group WHERE name = 'production'"));
    AUTO_ANSWER taken = ask(api, "PATCH", lab, "", "{\"name\":\"production\"}");
    AUTO_ANSWER same = ask(api, "PATCH", lab, "", "{\"name\":\"lab\"}");
    AUTO_ANSWER fixed = ask(api, "PATCH", production, "", "{\"name\":\"field\"}");

    cr_expect_eq(taken.status, 409);
    cr_expect(strstr(api_text(&taken, "detail"), "'production' already"));
    cr_expect_eq(same.status, 200);
    cr_expect_eq(fixed.status, 409);
    cr_expect(strstr(api_text(&fixed, "detail"), "default group"));
    api_close(api);
}

Test(group, is_held_with_a_reason_until_a_time_or_until_somebody_ends_it)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *lab = make(api, cam, "lab");
    AUTO_ANSWER open = ask(api, "POST", lab, "/hold", "{\"reason\":\"a trade fair\"}");
    AUTO_ANSWER until = ask(api, "POST", lab, "/hold",
                            "{\"reason\":\"a trade fair\",\"until\":\"2030-01-02T03:04:05Z\"}");
    AUTO_ANSWER ended = ask(api, "POST", lab, "/unhold", NULL);
    AUTO_ANSWER bare = ask(api, "POST", lab, "/hold", "{}");
    AUTO_ANSWER past =
        ask(api, "POST", lab, "/hold", "{\"reason\":\"x\",\"until\":\"2020-01-01T00:00:00Z\"}");

    cr_expect_eq(open.status, 200, "%s", buf_text(&open.body));
    cr_expect_str_eq(api_text(&open, "hold.reason"), "a trade fair");
    cr_expect(strstr(buf_text(&open.body), "\"until\" : null"));
    cr_expect_str_eq(api_text(&until, "hold.until"), "2030-01-02T03:04:05Z");
    cr_expect_eq(ended.status, 200);
    cr_expect(strstr(buf_text(&ended.body), "\"hold\" : null"));
    cr_expect_eq(bare.status, 400);
    cr_expect(strstr(api_text(&bare, "detail"), "'reason'"));
    cr_expect_eq(past.status, 400);
    cr_expect(strstr(api_text(&past, "detail"), "'until'"));
    api_close(api);
}

Test(group, is_deleted_only_when_nothing_depends_on_it_and_its_name_is_free_again)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *lab = make(api, cam, "lab");
    AUTO_FREE char *production = mem_strdup(
        world_text(&api->fixture, "SELECT public_id FROM device_group WHERE name = 'production'"));
    AUTO_FREE char *claim = mem_printf("{\"group\":\"%s\"}", lab);
    AUTO_ANSWER token = api_ask(api, "POST", "/api/v1/claim-tokens", claim);
    AUTO_ANSWER kept = ask(api, "DELETE", production, "", NULL);

    cr_expect_eq(token.status, 201);
    cr_expect_eq(kept.status, 409);
    cr_expect(strstr(api_text(&kept, "detail"), "default group"));

    add_device(api, lab, 1);
    {
        AUTO_ANSWER full = ask(api, "DELETE", lab, "", NULL);

        cr_expect_eq(full.status, 409);
        cr_expect(strstr(api_text(&full, "detail"), "devices"));
    }
    world_sql(&api->fixture, "UPDATE device SET state = 'decommissioned'");
    {
        AUTO_ANSWER gone = ask(api, "DELETE", lab, "", NULL);
        AUTO_ANSWER again = ask(api, "DELETE", lab, "", NULL);
        AUTO_ANSWER look = ask(api, "GET", lab, "", NULL);
        AUTO_ANSWER change = ask(api, "PATCH", lab, "", "{\"feed\":\"x\"}");
        AUTO_FREE char *other = make(api, cam, "lab");

        cr_expect_eq(gone.status, 200, "%s", buf_text(&gone.body));
        cr_expect_eq(again.status, 404);
        cr_expect_eq(look.status, 404);
        cr_expect_eq(change.status, 404);
        cr_expect_str_neq(other, lab);
    }
    cr_expect_eq(world_number(&api->fixture, "SELECT count(*) FROM claim_token"
                                             " WHERE revoked_at IS NOT NULL"),
                 1);
    api_close(api);
}

Test(group, with_an_unfinished_deployment_stays)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *lab = make(api, cam, "lab");

    world_sql(&api->fixture,
              "WITH r AS (INSERT INTO release (tenant_id, product_id, name)"
              "  SELECT tenant_id, product_id, 'v1' FROM device_group WHERE public_id = '%s'"
              "  RETURNING id, tenant_id)"
              " INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt)"
              " SELECT gen_random_uuid(), g.tenant_id, g.id, r.id, 'paused', 's'"
              "   FROM r, device_group g WHERE g.public_id = '%s'",
              lab, lab);
    {
        AUTO_ANSWER busy = ask(api, "DELETE", lab, "", NULL);

        cr_expect_eq(busy.status, 409);
        cr_expect(strstr(api_text(&busy, "detail"), "unfinished deployment"));
    }
    world_sql(&api->fixture, "UPDATE deployment SET state = 'aborted'");
    {
        AUTO_ANSWER gone = ask(api, "DELETE", lab, "", NULL);

        cr_expect_eq(gone.status, 200, "%s", buf_text(&gone.body));
    }
    api_close(api);
}

Test(group, is_deleted_by_administrators_alone)
{
    struct api *api = api_open();
    AUTO_FREE char *cam = product(api);
    AUTO_FREE char *lab = make(api, cam, "lab");
    AUTO_FREE char *path = mem_printf("/api/v1/groups/%s", lab);
    AUTO_ANSWER refused = api_send(
        api,
        &(struct api_request){.method = "DELETE", .path = path, .token = "default-contributor"});
    AUTO_ANSWER foreign = api_send(
        api,
        &(struct api_request){.method = "DELETE", .path = path, .token = "other-administrator"});

    cr_expect_eq(refused.status, 403);
    cr_expect_eq(foreign.status, 404);
    api_close(api);
}
