/* Four eyes: what one person may not do alone. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

struct scene {
    struct api *api;
    char *release;
    char *group;
};

static struct api_answer ask_as(const struct scene *scene, const char *token, const char *method,
                                const char *path, const char *body)
{
    return api_send(scene->api, &(struct api_request){.method = method,
                                                      .path = path,
                                                      .token = token,
                                                      .body = body,
                                                      .body_len = body ? strlen(body) : 0});
}

/* A release for a group of three devices. */
static struct scene scene_open(void)
{
    struct scene scene = {.api = api_open()};
    AUTO_ANSWER groups = {0};
    AUTO_FREE char *image = NULL;
    AUTO_FREE char *body = NULL;

    api_begin(scene.api);
    image = api_image(scene.api, "v1", 1, "one", 3);
    body = mem_printf("{\"name\":\"v1\",\"product\":\"%s\",\"images\":[\"%s\"]}",
                      scene.api->product, image);
    scene.release = api_create(scene.api, "/api/v1/releases", body);
    groups = api_ask(scene.api, "GET", "/api/v1/groups?name=production", NULL);
    scene.group = mem_strdup(api_text(&groups, "items.0.id"));
    fixture_sql(&scene.api->fixture,
                "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
                " SELECT tenant_id, id, sha256('c'), 9, now() FROM device_group"
                "  WHERE name = 'production'");
    fixture_sql(&scene.api->fixture,
                "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id,"
                "                    hwid)"
                " SELECT tenant_id, sha256(n::text::bytea), sha256('k'), group_id, id, 'h1'"
                "   FROM claim_token, generate_series(1, 3) AS n");
    return scene;
}

static void scene_close(struct scene *scene)
{
    mem_free(scene->release);
    mem_free(scene->group);
    api_close(scene->api);
}

static void set_limit(const struct scene *scene, int devices)
{
    AUTO_FREE char *body = mem_printf("{\"approval_devices\":%d}", devices);
    AUTO_ANSWER answer = api_ask(scene->api, "PATCH", "/api/v1/tenant", body);

    cr_assert_eq(answer.status, 200, "%s", buf_text(&answer.body));
    cr_assert_eq(api_number(&answer, "approval_devices"), devices);
}

static struct api_answer deploy(const struct scene *scene, const char *token)
{
    AUTO_FREE char *body =
        mem_printf("{\"group\":\"%s\",\"release\":\"%s\",\"phases\":[{\"percent\":100}]}",
                   scene->group, scene->release);

    return ask_as(scene, token, "POST", "/api/v1/deployments", body);
}

static struct api_answer step(const struct scene *scene, const char *token, const char *id,
                              const char *what)
{
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/%s", id, what);

    return ask_as(scene, token, "POST", path, NULL);
}

Test(approval, is_needed_for_more_devices_than_the_tenant_says)
{
    static const struct {
        int limit;
        const char *state;
    } cases[] = {
        {0, "running"}, /* off */
        {2, "awaiting-approval"},
        {3, "running"}, /* the group has just as many */
        {4, "running"},
    };
    struct scene scene = scene_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER made = {0};
        AUTO_ANSWER aborted = {0};

        set_limit(&scene, cases[i].limit);
        made = deploy(&scene, "default-contributor");
        cr_expect_str_eq(api_text(&made, "state"), cases[i].state, "limit %d: %s", cases[i].limit,
                         buf_text(&made.body));
        aborted = step(&scene, API_ADMIN, api_text(&made, "id"), "abort");
        cr_expect_eq(aborted.status, 200);
    }
    scene_close(&scene);
}

/* T56 */
Test(approval, is_anothers_than_the_authors)
{
    static const struct {
        const char *token;
        int status;
        const char *code;
        const char *state; /* after it */
    } cases[] = {
        {"default-reader", 403, "RBAC", "awaiting-approval"},
        {"default-contributor", 403, "RBAC", "awaiting-approval"},
        {"default-auditor", 403, "RBAC", "awaiting-approval"},
        {API_ADMIN, 409, "FOUR_EYES", "awaiting-approval"}, /* the author */
        {"other-approver", 404, "", "awaiting-approval"},
        {"default-approver", 200, "", "running"},
        {"default-approver", 409, "", "running"}, /* there is nothing left to approve */
    };
    struct scene scene = scene_open();
    AUTO_ANSWER reader = {0};
    AUTO_ANSWER made = {0};
    AUTO_FREE char *path = NULL;

    set_limit(&scene, 1);
    reader = deploy(&scene, "default-reader");
    cr_expect_eq(reader.status, 403);
    cr_expect_str_eq(api_text(&reader, "code"), "RBAC");
    made = deploy(&scene, API_ADMIN);
    path = mem_printf("/api/v1/deployments/%s", api_text(&made, "id"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = step(&scene, cases[i].token, api_text(&made, "id"), "approve");
        AUTO_ANSWER now = api_ask(scene.api, "GET", path, NULL);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].token,
                     buf_text(&answer.body));
        cr_expect_str_eq(api_text(&answer, "code"), cases[i].code, "%s", cases[i].token);
        cr_expect_str_eq(api_text(&now, "state"), cases[i].state, "%s", cases[i].token);
    }
    {
        AUTO_ANSWER now = api_ask(scene.api, "GET", path, NULL);

        cr_expect(text_starts_with(api_text(&now, "author"), "slw_"));
        cr_expect(text_starts_with(api_text(&now, "approver"), "slw_"));
        cr_expect_str_neq(api_text(&now, "author"), api_text(&now, "approver"));
    }
    scene_close(&scene);
}

Test(approval, is_not_a_second_token_that_the_author_made_for_it)
{
    struct scene scene = scene_open();
    AUTO_ANSWER made = {0};
    AUTO_ANSWER answer = {0};

    set_limit(&scene, 1);
    made = deploy(&scene, API_ADMIN);
    world_sql(&scene.api->fixture, "UPDATE operator_token SET created_at = now(), created_by ="
                                   " (SELECT author_id FROM deployment) WHERE name = 'approver'");
    answer = step(&scene, "default-approver", api_text(&made, "id"), "approve");
    cr_expect_eq(answer.status, 409);
    cr_expect_str_eq(api_text(&answer, "code"), "FOUR_EYES");
    world_sql(&scene.api->fixture, "UPDATE operator_token SET created_at = now() - interval '1 day'"
                                   " WHERE name = 'approver'");
    api_answer_done(&answer);
    answer = step(&scene, "default-approver", api_text(&made, "id"), "approve");
    cr_expect_eq(answer.status, 200, "one that was there before is somebody else's");
    scene_close(&scene);
}

Test(approval, holds_back_everything_until_it_is_given)
{
    struct scene scene = scene_open();
    AUTO_ANSWER made = {0};
    AUTO_ANSWER second = {0};
    AUTO_ANSWER paused = {0};

    set_limit(&scene, 1);
    made = deploy(&scene, "default-contributor");
    second = deploy(&scene, "default-contributor");
    paused = step(&scene, API_ADMIN, api_text(&made, "id"), "pause");
    cr_expect_eq(second.status, 409, "it is the group's unfinished deployment");
    cr_expect_eq(paused.status, 409);
    cr_expect_eq(world_number(&scene.api->fixture, "SELECT count(*) FROM deployment_device"), 0);
    scene_close(&scene);
}

Test(approval, settings_are_the_administrators)
{
    static const struct {
        const char *token;
        const char *body;
        int status;
    } cases[] = {
        {"default-reader", "{\"approval_devices\":1}", 403},
        {"default-contributor", "{\"approval_devices\":0}", 403},
        {"default-approver", "{\"approval_devices\":0}", 403},
        {API_ADMIN, "{\"approval_devices\":-1}", 400},
        {API_ADMIN, "{\"approval_devices\":\"1\"}", 400},
        {API_ADMIN, "{\"approval_changes\":1}", 400},
        {API_ADMIN, "{\"x\":1}", 400},
        {API_ADMIN, "{}", 400},
        {API_ADMIN, "{\"approval_changes\":true}", 200},
    };
    struct scene scene = {.api = api_open()};
    AUTO_ANSWER got = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer =
            ask_as(&scene, cases[i].token, "PATCH", "/api/v1/tenant", cases[i].body);

        cr_expect_eq(answer.status, cases[i].status, "%s %s: %s", cases[i].token, cases[i].body,
                     buf_text(&answer.body));
    }
    got = ask_as(&scene, "default-reader", "GET", "/api/v1/tenant", NULL);
    cr_expect_eq(api_number(&got, "approval_devices"), 0);
    cr_expect(json_is_true(json_object_get(got.json, "approval_changes")));
    api_close(scene.api);
}
