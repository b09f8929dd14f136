/* Devices by hand: states, holds, tags, moves, repairs, and how they are found again. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

/* Product "cam" (hardware a, b) with devices 1 to 3 in production, product "gw" (hardware g). */
struct fleet {
    struct api *api;
    char *production;
    char *lab;
    char *other; /* production of gw */
};

static char *group_id(struct api *api, const char *product, const char *name)
{
    return mem_strdup(world_text(&api->fixture,
                                 "SELECT g.public_id FROM device_group g"
                                 "  JOIN product p ON p.id = g.product_id"
                                 " WHERE p.name = '%s' AND g.name = '%s'",
                                 product, name));
}

static void add_device(struct api *api, const char *group, unsigned number, const char *hwid)
{
    world_sql(&api->fixture,
              "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid, attributes)"
              " SELECT g.tenant_id, decode(lpad(to_hex(%u), 64, '0'), 'hex'),"
              "        decode(repeat('00', 32), 'hex'), g.id, '%s', '{\"site\":\"s%u\"}'"
              "   FROM device_group g WHERE g.public_id = '%s'",
              number, hwid, number, group);
}

static void open_fleet(struct fleet *fleet)
{
    struct api *api = fleet->api = api_open();

    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\",\"b\"]}"));
    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"gw\",\"hwids\":[\"g\"]}"));
    fleet->production = group_id(api, "cam", "production");
    fleet->lab = group_id(api, "cam", "development");
    fleet->other = group_id(api, "gw", "production");
    for (unsigned i = 1; i <= 3; i++)
        add_device(api, fleet->production, i, "a");
}

static void close_fleet(struct fleet *fleet)
{
    mem_free(fleet->production);
    mem_free(fleet->lab);
    mem_free(fleet->other);
    api_close(fleet->api);
}

/* Asks about device `number`; `fmt` is what stands behind it in the path. */
static struct api_answer ask(struct fleet *fleet, const char *method, unsigned number,
                             const char *rest, const char *body)
{
    AUTO_FREE char *path = mem_printf("/api/v1/devices/%064x%s", number, rest);

    return api_ask(fleet->api, method, path, body);
}

static void ask_well(struct fleet *fleet, unsigned number, const char *rest, const char *body)
{
    AUTO_ANSWER answer = ask(fleet, "POST", number, rest, body);

    cr_assert_eq(answer.status, 200, "%s: %s", rest, buf_text(&answer.body));
}

static json_int_t found(struct fleet *fleet, const char *query)
{
    AUTO_FREE char *path = mem_printf("/api/v1/devices?%s", query);
    AUTO_ANSWER answer = api_ask(fleet->api, "GET", path, NULL);

    cr_assert_eq(answer.status, 200, "%s: %s", query, buf_text(&answer.body));
    return api_number(&answer, "items");
}

Test(device_change, quarantines_with_a_reason_and_releases)
{
    struct fleet fleet;

    open_fleet(&fleet);
    {
        AUTO_ANSWER bare = ask(&fleet, "POST", 1, "/quarantine", "{}");
        AUTO_ANSWER out = ask(&fleet, "POST", 1, "/quarantine", "{\"reason\":\"two epochs\"}");
        json_int_t listed = found(&fleet, "quarantined=true");
        AUTO_ANSWER back = ask(&fleet, "POST", 1, "/release", NULL);
        AUTO_ANSWER none = ask(&fleet, "POST", 9, "/quarantine", "{\"reason\":\"x\"}");

        cr_expect_eq(bare.status, 400);
        cr_expect_eq(out.status, 200, "%s", buf_text(&out.body));
        cr_expect_str_eq(api_text(&out, "state"), "quarantined");
        cr_expect_str_eq(api_text(&out, "state_reason"), "two epochs");
        cr_expect_eq(listed, 1);
        cr_expect_str_eq(api_text(&back, "state"), "active");
        cr_expect_str_eq(api_text(&back, "state_reason"), "");
        cr_expect_eq(none.status, 404);
        cr_expect_eq(found(&fleet, "quarantined=true"), 0);
    }
    cr_expect_eq(
        world_number(&fleet.api->fixture, "SELECT count(*) FROM change_log WHERE what = 'device'"),
        2);
    close_fleet(&fleet);
}

Test(device_change, decommissions_for_good_and_closes_what_was_open)
{
    struct fleet fleet;

    open_fleet(&fleet);
    world_sql(&fleet.api->fixture,
              "INSERT INTO release (tenant_id, product_id, name)"
              " SELECT tenant_id, product_id, 'v1' FROM device_group WHERE public_id = '%s';"
              "INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt)"
              " SELECT gen_random_uuid(), g.tenant_id, g.id, r.id, 'running', 's'"
              "   FROM release r, device_group g WHERE g.public_id = '%s';"
              "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state,"
              "                               stratum)"
              " SELECT d.id, v.id, v.tenant_id, 1, 'verifying', 0 FROM deployment d, device v"
              "  ORDER BY v.id LIMIT 1;"
              "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
              " SELECT id, 1, 'verifying', tenant_id, 1 FROM deployment;"
              "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, touched, open)"
              " SELECT id, 0, tenant_id, 1, 1 FROM deployment;"
              "INSERT INTO device_session (digest, tenant_id, device_id, expires_at)"
              " SELECT sha256('s'), tenant_id, id, now() + interval '1 day' FROM device"
              "  ORDER BY id LIMIT 1",
              fleet.production, fleet.production);
    {
        AUTO_ANSWER gone = ask(&fleet, "POST", 1, "/decommission", "{\"reason\":\"scrapped\"}");
        AUTO_ANSWER again = ask(&fleet, "POST", 1, "/decommission", "{\"reason\":\"scrapped\"}");
        AUTO_ANSWER back = ask(&fleet, "POST", 1, "/release", NULL);
        AUTO_ANSWER held = ask(&fleet, "POST", 1, "/hold", "{\"reason\":\"x\"}");

        cr_expect_eq(gone.status, 200, "%s", buf_text(&gone.body));
        cr_expect_str_eq(api_text(&gone, "state"), "decommissioned");
        cr_expect_eq(again.status, 409);
        cr_expect_eq(back.status, 409);
        cr_expect_eq(held.status, 409);
    }
    cr_expect_eq(world_number(&fleet.api->fixture, "SELECT count(*) FROM device_session"), 0);
    cr_expect_str_eq(world_text(&fleet.api->fixture, "SELECT state FROM deployment_device"),
                     "cancelled");
    cr_expect_eq(world_number(&fleet.api->fixture, "SELECT open FROM deployment_stratum"), 0);
    cr_expect_eq(world_counters_wrong(&fleet.api->fixture), 0);
    close_fleet(&fleet);
}

Test(device_change, tags_whole_or_one_by_one_within_bounds)
{
    struct fleet fleet;
    AUTO_BUF many;

    open_fleet(&fleet);
    buf_init(&many, 65536);
    buf_add_text(&many, "{");
    for (int i = 1; i < 64; i++)
        buf_printf(&many, "%s\"t%d\":\"x\"", i > 1 ? "," : "", i);
    buf_add_text(&many, "}");
    {
        AUTO_ANSWER put = ask(&fleet, "PUT", 1, "/tags", "{\"site\":\"berlin\",\"rack\":\"7\"}");
        AUTO_ANSWER patched = ask(&fleet, "PATCH", 1, "/tags", "{\"rack\":null,\"lab\":\"yes\"}");
        AUTO_ANSWER cleared = ask(&fleet, "PUT", 2, "/tags", "{}");
        AUTO_ANSWER full = ask(&fleet, "PUT", 3, "/tags", buf_text(&many));
        AUTO_ANSWER last = ask(&fleet, "PATCH", 3, "/tags", "{\"a\":\"1\"}");
        AUTO_ANSWER above = ask(&fleet, "PATCH", 3, "/tags", "{\"b\":\"1\"}");

        cr_expect_eq(put.status, 200, "%s", buf_text(&put.body));
        cr_expect_str_eq(api_text(&put, "tags.rack"), "7");
        cr_expect_str_eq(api_text(&patched, "tags.rack"), "");
        cr_expect_str_eq(api_text(&patched, "tags.site"), "berlin");
        cr_expect_str_eq(api_text(&patched, "tags.lab"), "yes");
        cr_expect_eq(cleared.status, 200);
        cr_expect_eq(full.status, 200, "%s", buf_text(&full.body));
        cr_expect_eq(last.status, 200, "64 are good");
        cr_expect_eq(above.status, 409);
        cr_expect(strstr(api_text(&above, "detail"), "65 tags"));
    }
    cr_expect_eq(found(&fleet, "tag=site"), 1);
    cr_expect_eq(found(&fleet, "tag=site%3Dberlin"), 1);
    cr_expect_eq(found(&fleet, "tag=site%3Dparis"), 0);
    cr_expect_eq(found(&fleet, "filter=tag.lab%20%3D%20'yes'"), 1);
    close_fleet(&fleet);
}

Test(device_change, refuses_tags_that_are_none)
{
    static const struct {
        const char *method;
        const char *body;
    } cases[] = {
        {"PUT", "[]"},           {"PUT", "{\"a b\":\"x\"}"},
        {"PUT", "{\"\":\"x\"}"}, {"PUT", "{\"a\":7}"},
        {"PUT", "{\"a\":\"\"}"}, {"PUT", "{\"a\":\"x\\ty\"}"},
        {"PUT", "{\"a\":null}"}, /* only a PATCH takes away */
        {"PATCH", "{\"a\":{}}"}, {"PUT", "{\"a\":\"1\",\"a\":\"2\"}"},
    };
    struct fleet fleet;

    open_fleet(&fleet);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = ask(&fleet, cases[i].method, 1, "/tags", cases[i].body);

        cr_expect_eq(answer.status, 400, "%s", cases[i].body);
    }
    close_fleet(&fleet);
}

Test(device_change, moves_one_by_list_by_group_and_by_filter)
{
    struct fleet fleet;
    AUTO_FREE char *one = NULL, *list = NULL, *filter = NULL, *back = NULL;

    open_fleet(&fleet);
    one = mem_printf("{\"to\":\"%s\"}", fleet.lab);
    list = mem_printf("{\"to\":\"%s\",\"devices\":[\"%064x\",\"%064x\"]}", fleet.lab, 1, 2);
    filter = mem_printf("{\"to\":\"%s\",\"group\":\"%s\",\"filter\":\"site = 's3'\"}", fleet.lab,
                        fleet.production);
    back = mem_printf("{\"to\":\"%s\",\"group\":\"%s\"}", fleet.production, fleet.lab);
    {
        AUTO_ANSWER first = ask(&fleet, "POST", 1, "/move", one);
        AUTO_ANSWER second = api_ask(fleet.api, "POST", "/api/v1/devices:move", list);
        AUTO_ANSWER third = api_ask(fleet.api, "POST", "/api/v1/devices:move", filter);
        AUTO_FREE char *in_lab = mem_printf("group=%s", fleet.lab);
        json_int_t there = found(&fleet, in_lab);
        AUTO_ANSWER fourth = api_ask(fleet.api, "POST", "/api/v1/devices:move", back);
        AUTO_ANSWER again = api_ask(fleet.api, "POST", "/api/v1/devices:move", back);

        cr_expect_eq(first.status, 200, "%s", buf_text(&first.body));
        cr_expect_eq(api_number(&first, "moved"), 1);
        cr_expect_eq(api_number(&second, "moved"), 1, "the other one is there already");
        cr_expect_eq(api_number(&third, "moved"), 1, "%s", buf_text(&third.body));
        cr_expect_eq(there, 3);
        cr_expect_eq(api_number(&fourth, "moved"), 3);
        cr_expect_eq(again.status, 200, "%s", buf_text(&again.body));
        cr_expect_eq(api_number(&again, "moved"), 0);
    }
    close_fleet(&fleet);
}

Test(device_change, moves_nobody_when_one_may_not)
{
    struct fleet fleet;

    open_fleet(&fleet);
    ask_well(&fleet, 3, "/decommission", "{\"reason\":\"x\"}");
    {
        const struct {
            char *body;
            int status;
            const char *says;
        } cases[] = {
            {mem_printf("{\"to\":\"%s\",\"devices\":[\"%064x\",\"%064x\"]}", fleet.lab, 1, 9), 404,
             "no such device"},
            {mem_printf("{\"to\":\"%s\",\"devices\":[\"%064x\",\"%064x\"]}", fleet.lab, 1, 3), 409,
             "decommissioned"},
            {mem_printf("{\"to\":\"%s\",\"devices\":[\"%064x\"]}", fleet.other, 1), 409,
             "not one of product 'gw'"},
            {mem_printf("{\"to\":\"%s\"}", fleet.lab), 400, "'devices'"},
            {mem_printf("{\"to\":\"%s\",\"devices\":[]}", fleet.lab), 400, "empty"},
            {mem_printf("{\"to\":\"%s\",\"devices\":[\"x\"]}", fleet.lab), 400, "devices[0]"},
            {mem_printf("{\"to\":\"%s\",\"filter\":\"site = \"}", fleet.lab), 400, "character"},
            {mem_printf("{\"to\":\"%s\",\"devices\":[\"%064x\"],\"filter\":\"has(site)\"}",
                        fleet.lab, 1),
             400, "'devices'"},
            {mem_printf("{\"to\":\"00000000-0000-0000-0000-000000000000\",\"devices\":[\"%064x\"]}",
                        1),
             404, "no such group"},
            {mem_printf("{\"to\":\"%s\",\"group\":\"00000000-0000-0000-0000-000000000000\"}",
                        fleet.lab),
             404, "group"},
        };

        for (size_t i = 0; i < COUNT(cases); i++) {
            AUTO_ANSWER answer = api_ask(fleet.api, "POST", "/api/v1/devices:move", cases[i].body);

            cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].body,
                         buf_text(&answer.body));
            cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s: %s", cases[i].body,
                      buf_text(&answer.body));
            mem_free(cases[i].body);
        }
    }
    cr_expect_eq(world_number(&fleet.api->fixture, "SELECT count(*) FROM audit"
                                                   " WHERE action = 'device.move'"),
                 0);
    close_fleet(&fleet);
}

Test(device_change, gives_a_repaired_device_the_place_of_the_old_one)
{
    struct fleet fleet;
    AUTO_FREE char *by = NULL, *self = NULL, *foreign = NULL;

    open_fleet(&fleet);
    add_device(fleet.api, fleet.lab, 7, "b");
    add_device(fleet.api, fleet.other, 8, "g");
    by = mem_printf("{\"by\":\"%064x\"}", 7);
    self = mem_printf("{\"by\":\"%064x\"}", 1);
    foreign = mem_printf("{\"by\":\"%064x\"}", 8);
    {
        AUTO_ANSWER tagged = ask(&fleet, "PUT", 1, "/tags", "{\"site\":\"berlin\"}");
        AUTO_ANSWER held = ask(&fleet, "POST", 1, "/hold", "{\"reason\":\"a fair\"}");
        AUTO_ANSWER itself = ask(&fleet, "POST", 1, "/replace", self);
        AUTO_ANSWER misfit = ask(&fleet, "POST", 1, "/replace", foreign);
        AUTO_ANSWER nobody = ask(&fleet, "POST", 9, "/replace", by);
        AUTO_ANSWER done = ask(&fleet, "POST", 1, "/replace", by);
        AUTO_ANSWER again = ask(&fleet, "POST", 1, "/replace", by);

        cr_expect_eq(tagged.status + held.status, 400);
        cr_expect_eq(itself.status, 409);
        cr_expect_eq(misfit.status, 409);
        cr_expect(strstr(api_text(&misfit, "detail"), "'g'"));
        cr_expect_eq(nobody.status, 404);
        cr_expect_eq(done.status, 200, "%s", buf_text(&done.body));
        cr_expect_str_eq(api_text(&done, "new.group"), "production");
        cr_expect_str_eq(api_text(&done, "new.tags.site"), "berlin");
        cr_expect_str_eq(api_text(&done, "new.hold.reason"), "a fair");
        cr_expect_str_eq(api_text(&done, "new.state"), "active");
        cr_expect_str_eq(api_text(&done, "old.state"), "decommissioned");
        cr_expect(text_ends_with(api_text(&done, "old.replaced_by"), "07"));
        cr_expect_eq(again.status, 409);
    }
    close_fleet(&fleet);
}

Test(device_change, finds_devices_by_what_is_known_of_them)
{
    static const struct {
        const char *query;
        json_int_t count;
    } cases[] = {
        {"", 3},
        {"state=active", 2},
        {"state=quarantined", 1},
        {"state=decommissioned", 0},
        {"held=true", 1},
        {"held=false", 2},
        {"attribute=site%3Ds2", 1},
        {"attribute=site%3Ds4", 0},
        {"q=0000", 3},
        {"q=0000000000000000000000000000000000000000000000000000000000000002", 1},
        {"q=S3", 1},
        {"q=nowhere", 0},
        {"version=v1", 1},
        {"version=v2", 0},
        {"held=false&state=active", 1},
        {"filter=site%20in%20('s1','s2')", 2},
    };
    struct fleet fleet;

    open_fleet(&fleet);
    ask_well(&fleet, 1, "/hold", "{\"reason\":\"x\"}");
    ask_well(&fleet, 2, "/quarantine", "{\"reason\":\"x\"}");
    world_sql(
        &fleet.api->fixture,
        "INSERT INTO component (tenant_id, product_id, type, name)"
        " SELECT tenant_id, id, 'os', 'o' FROM product WHERE name = 'cam';"
        "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
        "   release_counter, security_epoch, floor, stepping_stone, entry, match, role)"
        " SELECT tenant_id, id, sha256('i'), 1, 'p', 'v1', '{a}', 1, 0, 0, 0, '', '', 'targets'"
        "   FROM component;"
        "UPDATE device SET installed = ARRAY[sha256('i')] WHERE id = (SELECT min(id) FROM device)");
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(found(&fleet, cases[i].query), cases[i].count, "%s", cases[i].query);
    close_fleet(&fleet);
}

Test(device_change, refuses_to_look_for_what_is_no_question)
{
    static const char *const cases[] = {
        "state=broken",      "held=yes", "quarantined=false", "quarantined=true&state=active",
        "tag=a%20b",         "tag=%3Dx", "attribute=site",    "attribute=%3Dx",
        "filter=site%20%3D", "q=",       "group=x",
    };
    struct fleet fleet;

    open_fleet(&fleet);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/devices?%s", cases[i]);
        AUTO_ANSWER answer = api_ask(fleet.api, "GET", path, NULL);

        cr_expect_eq(answer.status, 400, "%s: %s", cases[i], buf_text(&answer.body));
    }
    close_fleet(&fleet);
}
