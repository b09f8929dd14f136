#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"

/* The product with two releases, v1 (counter 1) and v2 (counter 2), and its group "production". */
struct scene {
    struct api *api;
    char *releases[2];
    char *group;
};

static char *release(struct api *api, const char *version, unsigned counter)
{
    AUTO_FREE char *image = api_image(api, version, counter, version, strlen(version));
    AUTO_FREE char *body = mem_printf("{\"name\":\"%s\",\"product\":\"%s\",\"images\":[\"%s\"]}",
                                      version, api->product, image);

    return api_create(api, "/api/v1/releases", body);
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
    return scene;
}

static void scene_close(struct scene *scene)
{
    mem_free(scene->releases[0]);
    mem_free(scene->releases[1]);
    mem_free(scene->group);
    api_close(scene->api);
}

static struct api_answer deploy(const struct scene *scene, const char *release_id, const char *more)
{
    AUTO_FREE char *body =
        mem_printf("{\"group\":\"%s\",\"release\":\"%s\",%s}", scene->group, release_id, more);

    return api_ask(scene->api, "POST", "/api/v1/deployments", body);
}

static int step(const struct scene *scene, const char *id, const char *what)
{
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/%s", id, what);
    AUTO_ANSWER answer = api_ask(scene->api, "POST", path, NULL);

    return answer.status;
}

Test(deployment, refuses_phases_gates_and_salts_that_make_no_sense)
{
    static const struct {
        const char *more;
        const char *says;
    } cases[] = {
        {"\"x\":1", "'x'"},
        {"\"phases\":[]", "'phases' is empty"},
        {"\"phases\":[{\"percent\":50}]", "not 100"},
        {"\"phases\":[{\"percent\":50},{\"percent\":40},{\"percent\":100}]", "phases[1]"},
        {"\"phases\":[{\"percent\":50},{\"percent\":50},{\"percent\":100}]", "phases[1]"},
        {"\"phases\":[{\"percent\":101}]", "phases[0]"},
        {"\"phases\":[{\"percent\":0},{\"percent\":100}]", "phases[0]"},
        {"\"phases\":[{\"percent\":-1},{\"percent\":100}]", "phases[0]"},
        {"\"phases\":[{\"percent\":0.0001},{\"percent\":100}]", "phases[0]"},
        {"\"phases\":[{\"percent\":1.00005},{\"percent\":100}]", "phases[0]"},
        {"\"phases\":[{\"percent\":\"5\"},{\"percent\":100}]", "phases[0]"},
        {"\"phases\":[{\"percent\":1e300},{\"percent\":100}]", "phases[0]"},
        {"\"phases\":[{\"percnt\":5},{\"percent\":100}]", "percnt"},
        {"\"phases\":[5,100]", "phases[0]"},
        {"\"phases\":100", "'phases'"},
        {"\"phases\":[{\"percent\":100}],\"soak_s\":-1", "'soak_s'"},
        {"\"phases\":[{\"percent\":100}],\"gate\":{\"failed_percent\":101}", "failed_percent"},
        {"\"phases\":[{\"percent\":100}],\"gate\":{\"min_finished\":0}", "min_finished"},
        {"\"phases\":[{\"percent\":100}],\"gate\":{\"typo\":1}", "typo"},
        {"\"phases\":[{\"percent\":100}],\"salt\":\"\"", "'salt'"},
        {"\"phases\":[{\"percent\":100}],\"salt\":\"\\u00e9\"", "'salt'"},
    };
    struct scene scene = scene_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = deploy(&scene, scene.releases[0], cases[i].more);

        cr_expect_eq(answer.status, 400, "%s: %s", cases[i].more, buf_text(&answer.body));
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s: %s", cases[i].more,
                  buf_text(&answer.body));
    }
    scene_close(&scene);
}

Test(deployment, begins_with_its_phases_and_counters_and_no_row_per_device)
{
    struct scene scene = scene_open();
    AUTO_ANSWER made = deploy(&scene, scene.releases[0],
                              "\"phases\":[{\"percent\":0.5},{\"percent\":50},{\"percent\":100}],"
                              "\"soak_s\":60,\"gate\":{\"failed_percent\":5}");
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s", api_text(&made, "id"));
    AUTO_ANSWER got = api_ask(scene.api, "GET", path, NULL);
    AUTO_ANSWER list = api_ask(scene.api, "GET", "/api/v1/deployments?state=running", NULL);

    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect_str_eq(api_text(&made, "salt"), api_text(&made, "id"));
    cr_expect_str_eq(api_text(&got, "state"), "running");
    cr_expect_str_eq(api_text(&got, "release"), "v1");
    cr_expect_str_eq(api_text(&got, "group"), "production");
    cr_expect_eq(api_number(&got, "phase"), 1);
    cr_expect_eq(api_number(&got, "phases"), 3);
    cr_expect_float_eq(json_number_value(json_object_get(
                           json_array_get(json_object_get(got.json, "phases"), 0), "percent")),
                       0.5, 1e-9);
    cr_expect_str_eq(api_text(&got, "phases.0.state"), "running");
    cr_expect_str_eq(api_text(&got, "phases.1.state"), "waiting");
    cr_expect_eq(json_object_size(json_object_get(got.json, "counts")), 10);
    cr_expect(json_is_integer(json_object_get(json_object_get(got.json, "counts"), "rolled-back")));
    cr_expect(json_is_integer(json_object_get(got.json, "touched")));
    cr_expect(json_is_null(json_object_get(got.json, "halt")));
    cr_expect_eq(api_number(&got, "gate.threshold.failed_percent"), 5);
    cr_expect_eq(api_number(&got, "gate.threshold.min_finished"), 3);
    cr_expect_eq(api_number(&got, "images.0.length"), 2);
    cr_expect_eq(api_number(&got, "images.0.deltas"), 0);
    cr_expect_str_eq(api_text(&list, "items.0.id"), api_text(&made, "id"));
    scene_close(&scene);
}

Test(deployment, is_one_at_a_time_of_known_things_and_never_a_downgrade)
{
    static const char nothing[] = "00000000-0000-0000-0000-000000000000";
    static const char phases[] = "\"phases\":[{\"percent\":100}]";
    struct scene scene = scene_open();
    AUTO_FREE char *other =
        api_create(scene.api, "/api/v1/products", "{\"name\":\"other\",\"hwids\":[\"h2\"]}");
    AUTO_FREE char *path = mem_printf("/api/v1/products/%s/groups", other);
    AUTO_ANSWER groups = api_ask(scene.api, "GET", path, NULL);
    AUTO_FREE char *foreign =
        mem_printf("{\"group\":\"%s\",\"release\":\"%s\",%s}", api_text(&groups, "items.0.id"),
                   scene.releases[0], phases);
    AUTO_ANSWER no_release = deploy(&scene, nothing, phases);
    AUTO_ANSWER wrong_product = api_ask(scene.api, "POST", "/api/v1/deployments", foreign);
    AUTO_ANSWER first = deploy(&scene, scene.releases[1], phases);
    AUTO_ANSWER second = deploy(&scene, scene.releases[1], phases);
    AUTO_ANSWER downgrade = {0};
    AUTO_ANSWER again = {0};

    cr_expect_eq(no_release.status, 404);
    cr_expect_eq(wrong_product.status, 409);
    cr_expect_eq(first.status, 201);
    cr_expect_eq(second.status, 409);
    cr_expect(strstr(api_text(&second, "detail"), api_text(&first, "id")));

    fixture_sql(&scene.api->fixture, "UPDATE deployment SET state = 'finished'");
    fixture_sql(&scene.api->fixture,
                "UPDATE device_group g SET baseline_deployment_id = d.id FROM deployment d"
                " WHERE g.id = d.group_id");
    downgrade = deploy(&scene, scene.releases[0], phases);
    again = deploy(&scene, scene.releases[1], phases);
    cr_expect_eq(downgrade.status, 409);
    cr_expect(strstr(api_text(&downgrade, "detail"), "downgrade"), "%s", buf_text(&downgrade.body));
    cr_expect_eq(again.status, 201, "%s", buf_text(&again.body));
    scene_close(&scene);
}

Test(deployment, is_steered_only_as_its_state_allows)
{
    static const struct {
        const char *state;
        int pause, resume, abort;
    } cases[] = {
        {"running", 200, 409, 200},  {"paused", 409, 200, 200},  {"halted", 409, 409, 200},
        {"finished", 409, 409, 409}, {"aborted", 409, 409, 409},
    };
    struct scene scene = scene_open();
    AUTO_ANSWER made = deploy(&scene, scene.releases[0], "\"phases\":[{\"percent\":100}]");
    const char *id = api_text(&made, "id");

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *reset = mem_printf("UPDATE deployment SET state = '%s'", cases[i].state);

        fixture_sql(&scene.api->fixture, reset);
        cr_expect_eq(step(&scene, id, "pause"), cases[i].pause, "pause %s", cases[i].state);
        fixture_sql(&scene.api->fixture, reset);
        cr_expect_eq(step(&scene, id, "resume"), cases[i].resume, "resume %s", cases[i].state);
        fixture_sql(&scene.api->fixture, reset);
        cr_expect_eq(step(&scene, id, "abort"), cases[i].abort, "abort %s", cases[i].state);
    }
    cr_expect_eq(step(&scene, "00000000-0000-0000-0000-000000000000", "pause"), 404);
    {
        AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/abort", id);
        AUTO_ANSWER theirs = api_send(
            scene.api,
            &(struct api_request){.method = "POST", .path = path, .token = "other-administrator"});

        cr_expect_eq(theirs.status, 404);
    }
    scene_close(&scene);
}

/* A claimed device that was offered the newest deployment and said three things. */
static void add_device(const struct scene *scene)
{
    const struct fixture *db = &scene->api->fixture;

    fixture_sql(db, "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
                    " SELECT tenant_id, id, sha256('c'), 1, now() FROM device_group"
                    "  WHERE name = 'production'");
    fixture_sql(db, "INSERT INTO device (tenant_id, device_id, public_key, group_id,"
                    "   claim_token_id, hwid, installed)"
                    " SELECT tenant_id, sha256('d'), sha256('d'), group_id, id, 'h1',"
                    "   ARRAY[sha256('v1'), sha256('unknown')] FROM claim_token");
    fixture_sql(db, "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase,"
                    "   state) SELECT m.id, d.id, d.tenant_id, 1, 'staged'"
                    "   FROM deployment m, device d");
    fixture_sql(db, "INSERT INTO report (device_id, epoch, seq, tenant_id, deployment_id, state,"
                    "   reason, detail, fetched_bytes, device_time)"
                    " SELECT d.id, substr(sha256('e'), 1, 16), n, d.tenant_id,"
                    "   CASE WHEN n < 3 THEN m.id END, CASE WHEN n < 3 THEN 'staged' ELSE '' END,"
                    "   CASE WHEN n = 3 THEN 'TIMESTAMP_EXPIRED' ELSE 'NONE' END, '', 7, now()"
                    "   FROM deployment m, device d, generate_series(1, 3) AS n");
}

Test(deployment, shows_devices_and_their_reports)
{
    struct scene scene = scene_open();
    AUTO_ANSWER made = deploy(&scene, scene.releases[0], "\"phases\":[{\"percent\":100}]");
    AUTO_ANSWER devices = {0};
    AUTO_ANSWER device = {0};
    AUTO_ANSWER of_deployment = {0};
    AUTO_ANSWER paged = {0};
    AUTO_FREE char *base = NULL;
    AUTO_FREE char *path = NULL;

    add_device(&scene);
    base = mem_printf("/api/v1/deployments/%s/devices", api_text(&made, "id"));
    devices = api_ask(scene.api, "GET", base, NULL);
    cr_assert_eq(api_number(&devices, "items"), 1, "%s", buf_text(&devices.body));
    cr_expect_str_eq(api_text(&devices, "items.0.state"), "staged");

    path = mem_printf("/api/v1/devices/%s", api_text(&devices, "items.0.device"));
    device = api_ask(scene.api, "GET", path, NULL);
    cr_expect_str_eq(api_text(&device, "installed.0.version"), "v1");
    cr_expect(json_is_null(
        json_object_get(json_array_get(json_object_get(device.json, "installed"), 1), "version")));
    cr_expect_str_eq(api_text(&device, "deployments.0.release"), "v1");
    cr_expect_eq(api_number(&device, "reports"), 3);
    cr_expect_str_eq(api_text(&device, "reports.0.reason"), "TIMESTAMP_EXPIRED");

    mem_free(TAKE(path));
    path = mem_printf("/api/v1/reports?deployment=%s", api_text(&made, "id"));
    of_deployment = api_ask(scene.api, "GET", path, NULL);
    cr_expect_eq(api_number(&of_deployment, "items"), 2, "%s", buf_text(&of_deployment.body));

    mem_free(TAKE(path));
    path = mem_printf("/api/v1/reports?device=%s&limit=2", api_text(&device, "device"));
    paged = api_ask(scene.api, "GET", path, NULL);
    cr_assert_eq(api_number(&paged, "items"), 2);
    cr_expect_eq(api_number(&paged, "items.1.seq"), 2);
    mem_free(TAKE(path));
    path = mem_printf("/api/v1/reports?device=%s&after=%s", api_text(&device, "device"),
                      api_text(&paged, "next"));
    api_answer_done(&paged);
    paged = api_ask(scene.api, "GET", path, NULL);
    cr_assert_eq(api_number(&paged, "items"), 1, "%s", buf_text(&paged.body));
    cr_expect_eq(api_number(&paged, "items.0.seq"), 3);
    cr_expect_str_eq(api_text(&paged, "items.0.reason"), "TIMESTAMP_EXPIRED");
    scene_close(&scene);
}

Test(deployment, refuses_questions_about_devices_and_reports_that_make_no_sense)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/api/v1/reports", 400},
        {"/api/v1/reports?device=abc", 400},
        {"/api/v1/reports?deployment=abc", 400},
        {"/api/v1/reports?deployment=00000000-0000-0000-0000-000000000000", 404},
        {"/api/v1/reports?deployment=00000000-0000-0000-0000-000000000000&after=1.2", 400},
        {"/api/v1/deployments/00000000-0000-0000-0000-000000000000/devices", 404},
        {"/api/v1/deployments/00000000-0000-0000-0000-000000000000/devices?state=lost", 400},
        {"/api/v1/deployments?group=x", 400},
        {"/api/v1/deployments?state=x", 400},
        {"/api/v1/deltas?state=x", 400},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_ask(api, "GET", cases[i].path, NULL);

        cr_expect_eq(answer.status, cases[i].status, "%s: %d %s", cases[i].path, answer.status,
                     buf_text(&answer.body));
    }
    api_close(api);
}
