#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

/* The product with two releases, v1 (counter 1, the baseline) and v2 (counter 2), and its group
 * "production". */
struct scene {
    struct api *api;
    char *releases[2];
    char *group;
};

#define ALL "\"phases\":[{\"percent\":100}]"

static char *release(struct api *api, const char *version, unsigned counter)
{
    AUTO_FREE char *image = api_image(api, version, counter, version, strlen(version));
    AUTO_FREE char *body = mem_printf("{\"name\":\"%s\",\"product\":\"%s\",\"images\":[\"%s\"]}",
                                      version, api->product, image);

    return api_create(api, "/api/v1/releases", body);
}

static void sql(const struct scene *scene, const char *text)
{
    fixture_sql(&scene->api->fixture, text);
}

/* The caller frees the id. */
static char *deploy(const struct scene *scene, const char *release_id, const char *more)
{
    AUTO_FREE char *body =
        mem_printf("{\"group\":\"%s\",\"release\":\"%s\",%s}", scene->group, release_id, more);

    return api_create(scene->api, "/api/v1/deployments", body);
}

/* The first release runs everywhere. */
static void make_baseline(const struct scene *scene)
{
    mem_free(deploy(scene, scene->releases[0], ALL));
    sql(scene, "UPDATE deployment SET state = 'finished'");
    sql(scene, "UPDATE device_group g SET baseline_deployment_id = d.id FROM deployment d"
               " WHERE g.id = d.group_id");
}

static struct scene scene_open(void)
{
    struct scene scene = {.api = api_open()};
    AUTO_ANSWER groups = {0};

    api_begin(scene.api);
    scene.releases[0] = release(scene.api, "v1", 1);
    scene.releases[1] = release(scene.api, "v2", 2);
    groups = api_ask(scene.api, "GET", "/api/v1/groups?name=production", NULL);
    scene.group = mem_strdup(api_text(&groups, "items.0.id"));
    make_baseline(&scene);
    sql(&scene, "UPDATE image SET revert_to = '{1}', revert_until = now() + interval '1 h'"
                " WHERE release_counter = 2");
    return scene;
}

static void scene_close(struct scene *scene)
{
    mem_free(scene->releases[0]);
    mem_free(scene->releases[1]);
    mem_free(scene->group);
    api_close(scene->api);
}

static struct api_answer step(const struct scene *scene, const char *id, const char *what,
                              const char *body)
{
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/%s", id, what);

    return api_ask(scene->api, "POST", path, body);
}

static void expect_step(const struct scene *scene, const char *id, const char *what, int status,
                        const char *says)
{
    AUTO_ANSWER answer = step(scene, id, what, NULL);

    cr_expect_eq(answer.status, status, "%s: %d %s", what, answer.status, buf_text(&answer.body));
    cr_expect_str_eq(status == 409 ? "" : api_text(&answer, "state"), status == 409 ? "" : says,
                     "%s: %s", what, buf_text(&answer.body));
    cr_expect(status != 409 || strstr(api_text(&answer, "detail"), says), "%s: %s", what,
              buf_text(&answer.body));
}

static struct api_answer look(const struct scene *scene, const char *id)
{
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s", id);

    return api_ask(scene->api, "GET", path, NULL);
}

Test(deployment_steer, a_draft_is_started_once)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL ",\"draft\":true");

    expect_step(&scene, id, "pause", 409, "the deployment is draft");
    expect_step(&scene, id, "start", 200, "running");
    expect_step(&scene, id, "start", 409, "the deployment is running");
    cr_expect_eq(world_number(&scene.api->fixture,
                              "SELECT count(*) FROM audit WHERE action = 'deploy.start'"),
                 1);
    scene_close(&scene);
}

Test(deployment_steer, a_draft_with_a_time_waits_for_it_unless_it_is_started_again)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id =
        deploy(&scene, scene.releases[1], ALL ",\"draft\":true,\"start\":\"2099-01-01T00:00:00Z\"");

    expect_step(&scene, id, "start", 200, "scheduled");
    expect_step(&scene, id, "approve", 409, "the deployment is scheduled");
    expect_step(&scene, id, "start", 200, "running");
    scene_close(&scene);
}

Test(deployment_steer, what_passes_a_freeze_waits_for_a_second_person)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL ",\"security\":true,\"draft\":true");
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/approve", id);
    AUTO_ANSWER own = {0};
    AUTO_ANSWER other = {0};

    expect_step(&scene, id, "start", 200, "awaiting-approval");
    own = api_ask(scene.api, "POST", path, NULL);
    cr_expect_eq(own.status, 409, "%s", buf_text(&own.body));
    other = api_send(scene.api, &(struct api_request){
                                    .method = "POST", .path = path, .token = "default-approver"});
    cr_expect_eq(other.status, 200, "%s", buf_text(&other.body));
    cr_expect_str_eq(api_text(&other, "state"), "running");
    scene_close(&scene);
}

Test(deployment_steer, a_resume_forgives_what_a_gate_saw_and_clears_the_reason)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL);
    AUTO_ANSWER before = {0};
    AUTO_ANSWER after = {0};

    sql(&scene, "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, server,"
                "   statistic) SELECT id, 1, tenant_id, 7, 5.5 FROM deployment"
                "  WHERE state = 'running'");
    sql(&scene, "UPDATE deployment SET state = 'paused', statistic = 6, state_reason ="
                " '7 devices refused what we sent: your metadata or your server'"
                " WHERE state = 'running'");
    before = look(&scene, id);
    cr_expect(strstr(api_text(&before, "reason"), "your metadata"));
    cr_expect_eq(api_number(&before, "strata.0.server"), 7);
    expect_step(&scene, id, "resume", 200, "running");
    after = look(&scene, id);
    cr_expect(json_is_null(json_object_get(after.json, "reason")));
    cr_expect_eq(json_number_value(json_object_get(
                     json_array_get(json_object_get(after.json, "strata"), 0), "statistic")),
                 0);
    cr_expect_eq(world_number(&scene.api->fixture, "SELECT server_excused FROM deployment"
                                                   " WHERE state = 'running' AND statistic = 0"),
                 7);
    expect_step(&scene, id, "pause", 200, "paused");
    expect_step(&scene, id, "pause", 409, "paused by an operator");
    scene_close(&scene);
}

Test(deployment_steer, a_phase_by_hand_goes_on_when_told_and_no_other)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1],
                                "\"phases\":[{\"percent\":5,\"advance\":\"manual\"},"
                                "{\"percent\":100}]");
    AUTO_ANSWER wrong = step(&scene, id, "advance", "{\"phase\":2}");
    AUTO_ANSWER no_phase = step(&scene, id, "advance", "{\"phase\":0}");
    AUTO_ANSWER unknown = step(&scene, id, "advance", "{\"fase\":1}");
    AUTO_ANSWER right = step(&scene, id, "advance", "{\"phase\":1}");
    AUTO_ANSWER got = look(&scene, id);

    cr_expect_eq(wrong.status, 409, "%s", buf_text(&wrong.body));
    cr_expect_eq(no_phase.status, 400);
    cr_expect_eq(unknown.status, 400);
    cr_expect_eq(right.status, 200, "%s", buf_text(&right.body));
    cr_expect(json_is_true(
        json_object_get(json_array_get(json_object_get(got.json, "phases"), 0), "advance_now")));
    expect_step(&scene, id, "advance", 200, "running");
    sql(&scene, "UPDATE deployment SET phase = 2 WHERE state = 'running'");
    expect_step(&scene, id, "advance", 409, "phase 2 goes on by itself");
    expect_step(&scene, id, "pause", 200, "paused");
    expect_step(&scene, id, "advance", 409, "the deployment is paused");
    scene_close(&scene);
}

Test(deployment_steer, a_roll_back_is_a_deployment_to_the_baseline)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL);
    AUTO_ANSWER back = step(&scene, id, "rollback", NULL);
    AUTO_ANSWER old = look(&scene, id);
    AUTO_FREE char *back_id = mem_strdup(api_text(&back, "id"));
    AUTO_ANSWER got = look(&scene, back_id);

    cr_assert_eq(back.status, 201, "%s", buf_text(&back.body));
    cr_expect_str_eq(api_text(&got, "state"), "rolling-back");
    cr_expect_str_eq(api_text(&got, "action"), "downgrade");
    cr_expect_str_eq(api_text(&got, "release"), "v1");
    cr_expect_str_eq(api_text(&got, "rolls_back"), id);
    cr_expect_eq(api_number(&got, "phases.0.percent"), 100);
    cr_expect_str_eq(api_text(&old, "state"), "aborted");
    cr_expect_str_eq(api_text(&old, "rolled_back_by"), back_id);
    cr_expect_eq(world_number(&scene.api->fixture,
                              "SELECT count(*) FROM audit WHERE action = 'deploy.rollback'"),
                 1);
    expect_step(&scene, id, "rollback", 409, "a newer deployment followed it");
    expect_step(&scene, back_id, "rollback", 409, "the deployment is rolling-back");
    expect_step(&scene, back_id, "pause", 200, "paused");
    expect_step(&scene, back_id, "resume", 200, "rolling-back");
    scene_close(&scene);
}

Test(deployment_steer, a_roll_back_starts_from_what_has_begun_and_may_go_back)
{
    static const struct {
        const char *state;
        const char *set; /* of the image of v2 */
        int status;
        const char *says;
    } cases[] = {
        {"draft", "floor = 1", 409, "the deployment is draft"},
        {"scheduled", "floor = 1", 409, "the deployment is scheduled"},
        {"running", "revert_to = '{}'", 409, "cannot work"},
        {"running", "revert_to = '{1}', floor = 2", 409, "below its floor"},
        {"running", "floor = 1, revert_until = now()", 409, "has ended"},
        {"halted", "revert_until = now() + interval '1 h'", 201, "rolling-back"},
    };
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL);
    AUTO_ANSWER old = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *state = mem_printf(
            "UPDATE deployment SET state = '%s' WHERE public_id = '%s'", cases[i].state, id);
        AUTO_FREE char *image =
            mem_printf("UPDATE image SET %s WHERE release_counter = 2", cases[i].set);

        sql(&scene, state);
        sql(&scene, image);
        expect_step(&scene, id, "rollback", cases[i].status, cases[i].says);
    }
    old = look(&scene, id);
    cr_expect_str_eq(api_text(&old, "state"), "halted", "what a gate said stays");
    scene_close(&scene);
}

Test(deployment_steer, a_finished_one_goes_back_to_what_was_before_it)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL);
    AUTO_FREE char *finish = mem_printf(
        "WITH d AS (UPDATE deployment SET state = 'finished' WHERE public_id = '%s'"
        " RETURNING id, group_id) UPDATE device_group g SET baseline_deployment_id = d.id FROM d"
        " WHERE g.id = d.group_id",
        id);
    AUTO_ANSWER back = {0};

    sql(&scene, finish);
    back = step(&scene, id, "rollback", NULL);
    cr_expect_eq(back.status, 201, "%s", buf_text(&back.body));
    cr_expect_str_eq(api_text(&back, "release"), "v1");
    scene_close(&scene);
}

Test(deployment_steer, without_a_baseline_there_is_nothing_to_go_back_to)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = NULL;

    sql(&scene, "UPDATE device_group SET baseline_deployment_id = NULL");
    id = deploy(&scene, scene.releases[1], ALL);
    expect_step(&scene, id, "rollback", 409, "no baseline");
    scene_close(&scene);
}

Test(deployment_steer, the_kill_switch_of_the_tenant_has_a_reason)
{
    static const struct {
        const char *body;
        int status;
        const char *says;
    } cases[] = {
        {"{\"updates_stopped\":1}", 400, "updates_stopped"},
        {"{\"reason\":\"x\"}", 400, "reason"},
        {"{\"updates_stopped\":false,\"reason\":\"x\"}", 400, "reason"},
        {"{\"updates_stopped\":true,\"reason\":\"fire\"}", 200, "\"fire\""},
        {"{\"updates_stopped\":false}", 200, "\"stopped_reason\" : \"\""},
    };
    struct scene scene = scene_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t noted = world_number(&scene.api->fixture, "SELECT count(*) FROM change_log");
        AUTO_ANSWER answer = api_ask(scene.api, "PATCH", "/api/v1/tenant", cases[i].body);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].body,
                     buf_text(&answer.body));
        cr_expect(strstr(buf_text(&answer.body), cases[i].says), "%s: %s", cases[i].body,
                  buf_text(&answer.body));
        cr_expect_eq(world_number(&scene.api->fixture, "SELECT count(*) FROM change_log") > noted,
                     cases[i].status == 200, "%s is told to every server", cases[i].body);
    }
    scene_close(&scene);
}

Test(deployment_steer, verdicts_come_in_pages_with_their_evidence)
{
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL);
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/verdicts?limit=2", id);
    AUTO_FREE char *next = NULL;
    AUTO_ANSWER first = {0};
    AUTO_ANSWER rest = {0};
    AUTO_ANSWER unknown =
        api_ask(scene.api, "GET",
                "/api/v1/deployments/00000000-0000-0000-0000-000000000000/verdicts", NULL);

    sql(&scene, "INSERT INTO deployment_verdict (deployment_id, tenant_id, phase, gate, verdict,"
                "   stratum, evidence) SELECT id, tenant_id, n, 'install', 'lift', NULL,"
                "   jsonb_build_object('succeeded', n) FROM deployment, generate_series(1, 3) AS n"
                "  WHERE state = 'running' ORDER BY n");
    first = api_ask(scene.api, "GET", path, NULL);
    cr_assert_eq(api_number(&first, "items"), 2, "%s", buf_text(&first.body));
    cr_expect_eq(api_number(&first, "items.1.evidence.succeeded"), 2);
    next = mem_printf("%s&after=%s", path, api_text(&first, "next"));
    rest = api_ask(scene.api, "GET", next, NULL);
    cr_assert_eq(api_number(&rest, "items"), 1, "%s", buf_text(&rest.body));
    cr_expect_eq(api_number(&rest, "items.0.phase"), 3);
    cr_expect_eq(unknown.status, 404);
    scene_close(&scene);
}

Test(deployment_steer, devices_are_found_by_what_became_of_them)
{
    static const struct {
        const char *query;
        int status;
        json_int_t items;
    } cases[] = {
        {"", 200, 2},
        {"?verdict=failure", 200, 1},
        {"?verdict=success", 200, 0},
        {"?verdict=perhaps", 400, 0},
        {"?stratum=1", 200, 1},
        {"?stratum=0", 200, 1},
        {"?stratum=33", 400, 0},
        {"?stratum=x", 400, 0},
        {"?reason=HEALTH", 200, 1},
        {"?reason=NONE", 200, 1},
        {"?reason=a%27b", 400, 0},
        {"?reason=", 400, 0},
        {"?state=failed&verdict=failure&stratum=1&reason=HEALTH", 200, 1},
    };
    struct scene scene = scene_open();
    AUTO_FREE char *id = deploy(&scene, scene.releases[1], ALL);

    sql(&scene, "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
                " SELECT tenant_id, sha256(n::text::bytea), sha256(n::text::bytea), id, 'h1'"
                "   FROM device_group, generate_series(1, 2) AS n WHERE name = 'production'");
    sql(&scene,
        "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state,"
        "   stratum, verdict, reason)"
        " SELECT m.id, d.id, d.tenant_id, 1, w.state, w.stratum, w.verdict, w.reason"
        "   FROM deployment m, (SELECT id, tenant_id, row_number() OVER (ORDER BY id) AS n"
        "          FROM device) AS d JOIN (VALUES (1, 'failed', 1, 'failure', 'HEALTH'),"
        "          (2, 'staged', 0, NULL, 'NONE')) AS w (n, state, stratum, verdict, reason)"
        "       ON w.n = d.n WHERE m.state = 'running'");
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/devices%s", id, cases[i].query);
        AUTO_ANSWER answer = api_ask(scene.api, "GET", path, NULL);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", path, buf_text(&answer.body));
        if (cases[i].status == 200)
            cr_expect_eq(api_number(&answer, "items"), cases[i].items, "%s: %s", path,
                         buf_text(&answer.body));
    }
    scene_close(&scene);
}
