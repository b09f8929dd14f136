/* Who is expected, who waits, and tokens that end. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

#define DEVICE "00000000000000000000000000000000000000000000000000000000000000%02x"

static struct api *open_fleet(void)
{
    struct api *api = api_open();

    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}"));
    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"gw\",\"hwids\":[\"g\"]}"));
    return api;
}

static char *production(struct api *api, const char *product)
{
    return mem_strdup(world_text(&api->fixture,
                                 "SELECT g.public_id FROM device_group g"
                                 "  JOIN product p ON p.id = g.product_id"
                                 " WHERE p.name = '%s' AND g.name = 'production'",
                                 product));
}

static struct api_answer expect(struct api *api, const char *query, const char *lines)
{
    AUTO_FREE char *path = mem_printf("/api/v1/preregistrations%s", query);

    return api_ask(api, "POST", path, lines);
}

static void wait_for_a_person(struct api *api, unsigned number, const char *hwid)
{
    world_sql(&api->fixture,
              "INSERT INTO pending_claim (tenant_id, device_id, hwid)"
              " SELECT id, decode('" DEVICE "', 'hex'), '%s' FROM tenant WHERE name = 'default'",
              number, hwid);
}

Test(enroll, expects_devices_changes_them_and_skips_who_came)
{
    struct api *api = open_fleet();
    AUTO_FREE char *group = production(api, "cam");
    AUTO_FREE char *query = mem_printf("?group=%s", group);
    AUTO_FREE char *first = mem_printf("{\"device\":\"" DEVICE "\"}\n{\"device\":\"" DEVICE "\"}\n"
                                       "{\"device\":\"" DEVICE "\",\"group\":\"gw/production\"}\n",
                                       1, 2, 3);
    AUTO_FREE char *second = mem_printf("{\"device\":\"" DEVICE "\",\"tags\":{\"a\":\"b\"}}\n"
                                        "{\"device\":\"" DEVICE "\"}\n",
                                        1, 4);

    world_sql(&api->fixture,
              "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
              " SELECT tenant_id, decode('" DEVICE "', 'hex'), sha256('k'), id, 'a'"
              "   FROM device_group WHERE public_id = '%s'",
              2, group);
    {
        AUTO_ANSWER one = expect(api, query, first);
        AUTO_ANSWER two = expect(api, query, second);
        AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/preregistrations?claimed=false", NULL);
        AUTO_FREE char *of_group = mem_printf("/api/v1/preregistrations?group=%s", group);
        AUTO_ANSWER in_group = api_ask(api, "GET", of_group, NULL);

        cr_expect_eq(one.status, 200, "%s", buf_text(&one.body));
        cr_expect_eq(api_number(&one, "added"), 2);
        cr_expect_eq(api_number(&one, "claimed"), 1);
        cr_expect_eq(api_number(&two, "added"), 1);
        cr_expect_eq(api_number(&two, "changed"), 1);
        cr_expect_eq(api_number(&list, "items"), 3);
        cr_expect_str_eq(api_text(&list, "items.0.tags.a"), "b");
        cr_expect_eq(api_number(&in_group, "items"), 2);
    }
    cr_expect_eq(
        world_number(&api->fixture, "SELECT count(*) FROM audit WHERE action = 'claim.write'"), 3,
        "for each group of each list");
    api_close(api);
}

Test(enroll, takes_all_lines_or_none)
{
    struct api *api = open_fleet();
    AUTO_FREE char *lost = mem_printf("{\"device\":\"" DEVICE "\",\"group\":\"cam/production\"}\n"
                                      "{\"device\":\"" DEVICE "\",\"group\":\"cam/prod\"}\n",
                                      1, 2);
    AUTO_FREE char *twice = mem_printf("{\"device\":\"" DEVICE "\",\"group\":\"cam/production\"}\n"
                                       "{\"device\":\"" DEVICE "\",\"group\":\"cam/production\"}\n",
                                       1, 1);
    AUTO_ANSWER a = expect(api, "?first_line=1001", lost);
    AUTO_ANSWER b = expect(api, "", twice);
    AUTO_ANSWER c = expect(api, "", "x");
    AUTO_ANSWER d = expect(api, "?first_line=0", "x");
    AUTO_ANSWER e = api_send(api, &(struct api_request){.method = "POST",
                                                        .path = "/api/v1/preregistrations",
                                                        .token = "default-reader",
                                                        .body = twice,
                                                        .body_len = strlen(twice)});

    cr_expect_eq(a.status, 404);
    cr_expect(strstr(api_text(&a, "detail"), "line 1002: there is no such group: 'cam/prod'"));
    cr_expect_eq(b.status, 409);
    cr_expect(strstr(api_text(&b, "detail"), "line 2: the device stands in line 1, too"));
    cr_expect_eq(c.status, 400);
    cr_expect(strstr(api_text(&c, "detail"), "line 1: "));
    cr_expect_eq(d.status, 400);
    cr_expect_eq(e.status, 403);
    cr_expect_eq(world_number(&api->fixture, "SELECT count(*) FROM preregistration"), 0);
    api_close(api);
}

Test(enroll, forgets_whom_nobody_expects_any_more)
{
    struct api *api = open_fleet();
    AUTO_FREE char *line =
        mem_printf("{\"device\":\"" DEVICE "\",\"group\":\"cam/production\"}", 1);
    AUTO_FREE char *path = mem_printf("/api/v1/preregistrations/" DEVICE, 1);
    AUTO_ANSWER made = expect(api, "", line);
    AUTO_ANSWER gone = api_ask(api, "DELETE", path, NULL);
    AUTO_ANSWER again = api_ask(api, "DELETE", path, NULL);

    cr_expect_eq(made.status, 200);
    cr_expect_eq(gone.status, 200, "%s", buf_text(&gone.body));
    cr_expect_str_eq(api_text(&gone, "group"), "production");
    cr_expect_eq(again.status, 404);
    api_close(api);
}

Test(enroll, accepts_who_waits_into_a_group_that_fits)
{
    struct api *api = open_fleet();
    AUTO_FREE char *cam = production(api, "cam");
    AUTO_FREE char *gw = production(api, "gw");
    AUTO_FREE char *path = mem_printf("/api/v1/pending-claims/" DEVICE "/accept", 1);
    AUTO_FREE char *good = mem_printf("{\"group\":\"%s\",\"tags\":{\"a\":\"b\"}}", cam);
    AUTO_FREE char *misfit = mem_printf("{\"group\":\"%s\"}", gw);

    wait_for_a_person(api, 1, "a");
    {
        AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/pending-claims", NULL);
        AUTO_ANSWER wrong = api_ask(api, "POST", path, misfit);
        AUTO_ANSWER bare = api_ask(api, "POST", path, "{}");
        AUTO_ANSWER lost =
            api_ask(api, "POST", path, "{\"group\":\"00000000-0000-0000-0000-000000000000\"}");
        AUTO_ANSWER done = api_ask(api, "POST", path, good);
        AUTO_ANSWER again = api_ask(api, "POST", path, good);

        cr_expect_str_eq(api_text(&list, "items.0.hwid"), "a");
        cr_expect_eq(wrong.status, 409);
        cr_expect(strstr(api_text(&wrong, "detail"), "not one of product 'gw'"));
        cr_expect_eq(bare.status, 400);
        cr_expect_eq(lost.status, 404);
        cr_expect_eq(done.status, 200, "%s", buf_text(&done.body));
        cr_expect_str_eq(api_text(&done, "tags.a"), "b");
        cr_expect_eq(again.status, 404, "it does not wait any more");
    }
    api_close(api);
}

Test(enroll, rejects_who_waits_and_shows_that)
{
    struct api *api = open_fleet();
    AUTO_FREE char *path = mem_printf("/api/v1/pending-claims/" DEVICE "/reject", 1);

    wait_for_a_person(api, 1, "a");
    {
        AUTO_ANSWER done = api_ask(api, "POST", path, NULL);
        AUTO_ANSWER foreign = api_send(
            api,
            &(struct api_request){.method = "POST", .path = path, .token = "other-administrator"});

        cr_expect_eq(done.status, 200, "%s", buf_text(&done.body));
        cr_expect_str_neq(api_text(&done, "rejected"), "");
        cr_expect_eq(foreign.status, 404);
    }
    api_close(api);
}

Test(enroll, ends_claim_tokens_and_lists_them_by_product_and_group)
{
    struct api *api = open_fleet();
    AUTO_FREE char *group = production(api, "cam");
    AUTO_FREE char *body = mem_printf("{\"group\":\"%s\",\"count\":5}", group);
    AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/claim-tokens", body);
    AUTO_FREE char *path = mem_printf("/api/v1/claim-tokens/%s/revoke", api_text(&made, "id"));
    AUTO_ANSWER ended = api_ask(api, "POST", path, NULL);
    AUTO_FREE char *mine = mem_printf("/api/v1/claim-tokens?product=%s&group=%s",
                                      api_text(&made, "product_id"), group);
    AUTO_ANSWER list = api_ask(api, "GET", mine, NULL);
    AUTO_ANSWER none = api_ask(
        api, "GET", "/api/v1/claim-tokens?group=00000000-0000-0000-0000-000000000000", NULL);

    cr_expect_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect_eq(ended.status, 200, "%s", buf_text(&ended.body));
    cr_expect_str_neq(api_text(&ended, "revoked"), "");
    cr_expect_eq(api_number(&list, "items"), 1);
    cr_expect_eq(api_number(&none, "items"), 0);
    api_close(api);
}
