/* Every change of the fleet model is in the audit, and a narrowed token changes only what it
 * reaches. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/auth/tokens.h"
#include "server/http/route.h"
#include "server/operator/routes_fleet.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

#define DEVICE "000000000000000000000000000000000000000000000000000000000000000"

/* `@` in a path or a body stands for the id that `id` yields. */
struct step {
    const char *method;
    const char *path;
    const char *body;
    const char *id; /* SQL */
    const char *action;
};

#define LAB "SELECT public_id FROM device_group WHERE name = 'lab'"
#define FIRST(table) "SELECT public_id FROM " table " ORDER BY id LIMIT 1"

/* clang-format off */
static const struct step steps[] = {
    {"PATCH",  "/api/v1/products/@", "{\"add_hwids\":[\"b\"]}", FIRST("product"), "product.write"},
    {"POST",   "/api/v1/groups", "{\"product\":\"@\",\"name\":\"lab\"}", FIRST("product"), "group.write"},
    {"POST",   "/api/v1/groups/@/hold", "{\"reason\":\"r\"}", LAB, "group.hold"},
    {"POST",   "/api/v1/groups/@/unhold", "", LAB, "group.hold"},
    {"POST",   "/api/v1/devices/" DEVICE "1/move", "{\"to\":\"@\"}", LAB, "device.move"},
    {"POST",   "/api/v1/devices:move", "{\"to\":\"@\",\"filter\":\"device = '" DEVICE "2'\"}", LAB, "device.move"},
    {"POST",   "/api/v1/devices/" DEVICE "1/quarantine", "{\"reason\":\"r\"}", NULL, "device.quarantine"},
    {"POST",   "/api/v1/devices/" DEVICE "1/release", "", NULL, "device.release"},
    {"POST",   "/api/v1/devices/" DEVICE "1/hold", "{\"reason\":\"r\"}", NULL, "device.hold"},
    {"POST",   "/api/v1/devices/" DEVICE "1/unhold", "", NULL, "device.hold"},
    {"PUT",    "/api/v1/devices/" DEVICE "1/tags", "{\"a\":\"b\"}", NULL, "device.tag"},
    {"PATCH",  "/api/v1/devices/" DEVICE "1/tags", "{\"a\":null}", NULL, "device.tag"},
    {"POST",   "/api/v1/devices/" DEVICE "1/capabilities", "{\"name\":\"sideload\",\"expires\":\"@\",\"reason\":\"r\"}", "SELECT slipway_time(now() + interval '1 day')", "capability.issue"},
    {"POST",   "/api/v1/capabilities/@/revoke", "", FIRST("capability"), "capability.revoke"},
    {"POST",   "/api/v1/devices/" DEVICE "1/replace", "{\"by\":\"" DEVICE "2\"}", NULL, "device.replace"},
    {"POST",   "/api/v1/devices/" DEVICE "3/decommission", "{\"reason\":\"r\"}", NULL, "device.decommission"},
    {"POST",   "/api/v1/claim-tokens/@/revoke", "", FIRST("claim_token"), "claim.write"},
    {"POST",   "/api/v1/preregistrations", "{\"device\":\"" DEVICE "9\",\"group\":\"cam/lab\"}", NULL, "claim.write"},
    {"DELETE", "/api/v1/preregistrations/" DEVICE "9", "", NULL, "claim.write"},
    {"POST",   "/api/v1/pending-claims/" DEVICE "8/reject", "", NULL, "claim.reject"},
    {"POST",   "/api/v1/pending-claims/" DEVICE "8/accept", "{\"group\":\"@\"}", "SELECT public_id FROM device_group WHERE name = 'production'", "claim.accept"},
    {"DELETE", "/api/v1/freezes/@", "", FIRST("freeze_window"), "freeze.write"},
    {"PUT",    "/api/v1/images/" DEVICE "7/sbom", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\"}", NULL, "image.sbom"},
    {"DELETE", "/api/v1/groups/@", "", "SELECT public_id FROM device_group WHERE name = 'empty'", "group.delete"},
};
/* clang-format on */

static char *fill_in(const char *text, const char *id)
{
    AUTO_BUF out;

    buf_init(&out, 4096);
    for (const char *c = text; *c; c++) {
        if (*c == '@')
            buf_add_text(&out, id);
        else
            buf_add(&out, c, 1);
    }
    return (char *)buf_take(&out);
}

static void prepare(struct api *api)
{
    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}"));
    world_sql(&api->fixture,
              "INSERT INTO device_group (tenant_id, product_id, name)"
              " SELECT tenant_id, id, 'empty' FROM product;"
              "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
              " SELECT tenant_id, decode(lpad(n::text, 64, '0'), 'hex'), sha256('k'), id, 'a'"
              "   FROM device_group, generate_series(1, 3) AS n WHERE name = 'production';"
              "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
              " SELECT tenant_id, id, sha256('c'), 9, now() FROM device_group"
              "  WHERE name = 'production';"
              "INSERT INTO pending_claim (tenant_id, device_id, hwid)"
              " SELECT tenant_id, decode(lpad('8', 64, '0'), 'hex'), 'a' FROM product;"
              "INSERT INTO freeze_window (tenant_id, starts_at, ends_at, reason)"
              " SELECT tenant_id, now(), now() + interval '1 day', 'r' FROM product;"
              "INSERT INTO component (tenant_id, product_id, type, name)"
              " SELECT tenant_id, id, 'os', 'o' FROM product;"
              "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
              "    release_counter, security_epoch, floor, stepping_stone)"
              " SELECT tenant_id, id, decode(lpad('7', 64, '0'), 'hex'), 1, 'p', 'v', '{a}', 1, 0,"
              "        0, 0 FROM component");
}

static struct api_answer take(struct api *api, const struct step *step, const char *token)
{
    AUTO_FREE char *id = mem_strdup(step->id ? world_text(&api->fixture, "%s", step->id) : "");
    AUTO_FREE char *path = fill_in(step->path, id);
    AUTO_FREE char *body = fill_in(step->body, id);

    return api_send(api, &(struct api_request){.method = step->method,
                                               .path = path,
                                               .token = token,
                                               .body = body,
                                               .body_len = strlen(body)});
}

Test(fleet_audit, has_every_change_with_its_action)
{
    struct api *api = api_open();

    prepare(api);
    for (size_t i = 0; i < COUNT(steps); i++) {
        int64_t before = world_number(&api->fixture, "SELECT max(seq) FROM audit");
        AUTO_ANSWER done = take(api, &steps[i], API_ADMIN);

        cr_expect(done.status == 200 || done.status == 201, "%s %s: %s", steps[i].method,
                  steps[i].path, buf_text(&done.body));
        cr_expect_gt(world_number(&api->fixture, "SELECT max(seq) FROM audit"), before, "%s",
                     steps[i].path);
        cr_expect_str_eq(
            world_text(&api->fixture, "SELECT action FROM audit ORDER BY seq DESC LIMIT 1"),
            steps[i].action, "%s", steps[i].path);
    }
    api_close(api);
}

/* A new route that changes something has to be added to the steps above. */
Test(fleet_audit, is_tested_for_every_route_of_the_fleet_model)
{
    static const struct http_route *const tables[] = {fleet_routes, NULL};
    static const size_t counts[] = {FLEET_ROUTE_COUNT};
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"POST", HTTP_POST}, {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};
    const struct http_app app = {.route_tables = tables, .route_counts = counts};

    for (size_t i = 0; i < FLEET_ROUTE_COUNT; i++) {
        bool is_tested = text_equal(fleet_routes[i].method, "GET") ||
                         text_equal(fleet_routes[i].path, "/api/v1/freezes"); /* test_freeze.c */

        for (size_t k = 0; k < COUNT(steps) && !is_tested; k++) {
            struct arena *arena = arena_new();
            struct http_match match;
            size_t m = 0;

            while (!text_equal(methods[m].name, steps[k].method))
                m++;
            is_tested = http_route_find(&app, methods[m].method, steps[k].path, arena, &match) ==
                            HTTP_MATCH_FOUND &&
                        match.route == &fleet_routes[i];
            arena_free(arena);
        }
        cr_expect(is_tested, "%s %s", fleet_routes[i].method, fleet_routes[i].path);
    }
}

static void know_token(struct api *api, const char *token)
{
    int status;

    auth_tokens_load(api->worker.tokens, api->worker.db);
    do {
        AUTO_ANSWER answer = api_send(
            api, &(struct api_request){.method = "GET", .path = "/api/v1/tenant", .token = token});

        status = answer.status;
    } while (status == 401);
}

Test(fleet_audit, a_narrowed_token_moves_nobody_in_or_out_of_other_groups)
{
    static const struct step cases[] = {
        {"POST", "/api/v1/devices/" DEVICE "1/move", "{\"to\":\"@\"}",
         "SELECT public_id FROM device_group WHERE name = 'empty'", NULL},
        {"POST", "/api/v1/devices/" DEVICE "1/hold", "{\"reason\":\"r\"}", NULL, NULL},
        {"POST", "/api/v1/devices/" DEVICE "1/replace", "{\"by\":\"" DEVICE "2\"}", NULL, NULL},
        {"POST", "/api/v1/preregistrations",
         "{\"device\":\"" DEVICE "9\",\"group\":\"cam/production\"}", NULL, NULL},
        {"DELETE", "/api/v1/freezes/@", "", FIRST("freeze_window"), NULL},
    };
    struct api *api = api_open();
    AUTO_FREE char *body = NULL;
    AUTO_ANSWER made = {0};

    prepare(api);
    body = mem_printf(
        "{\"name\":\"t\",\"role\":\"administrator\",\"groups\":[\"%s\"]}",
        world_text(&api->fixture, "SELECT public_id FROM device_group WHERE name = 'empty'"));
    made = api_ask(api, "POST", "/api/v1/operator-tokens", body);
    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    know_token(api, api_text(&made, "token"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = take(api, &cases[i], api_text(&made, "token"));

        cr_expect_eq(answer.status, 403, "%s: %s", cases[i].path, buf_text(&answer.body));
    }
    cr_expect_eq(world_number(&api->fixture, "SELECT count(*) FROM device WHERE changed_at IS NOT"
                                             " NULL"),
                 0);
    api_close(api);
}
