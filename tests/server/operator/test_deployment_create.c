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

#define ALL "\"phases\":[{\"percent\":100}]"

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

static struct api_answer look(const struct scene *scene, const char *id)
{
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s", id);

    return api_ask(scene->api, "GET", path, NULL);
}

static void sql(const struct scene *scene, const char *text)
{
    fixture_sql(&scene->api->fixture, text);
}

/* The first release runs everywhere: it is the baseline. */
static void finish(const struct scene *scene)
{
    AUTO_ANSWER made = deploy(scene, scene->releases[0], ALL);

    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    sql(scene, "UPDATE deployment SET state = 'finished'");
    sql(scene, "UPDATE device_group g SET baseline_deployment_id = d.id FROM deployment d"
               " WHERE g.id = d.group_id");
}

static void expect_refusal(const struct scene *scene, const char *release_id, const char *more,
                           const char *says)
{
    AUTO_ANSWER answer = deploy(scene, release_id, more);

    cr_expect_eq(answer.status, 409, "%s: %d %s", more, answer.status, buf_text(&answer.body));
    cr_expect(strstr(api_text(&answer, "detail"), says), "%s: %s", more, buf_text(&answer.body));
}

Test(deployment_create, keeps_everything_that_was_said)
{
    struct scene scene = scene_open();
    AUTO_ANSWER made = deploy(
        &scene, scene.releases[0],
        "\"phases\":[{\"count\":3,\"soak_device_h\":24},{\"percent\":15,\"advance\":\"manual\","
        "\"filter\":\"ram > 5\",\"soak_s\":7},{\"percent\":100}],\"first\":\"tag.ring = 'lab'\","
        "\"soak_s\":60,\"gate\":{\"silence\":null,\"install\":{\"p0\":0.01}},\"salt\":\"canary\","
        "\"concurrency\":500,\"bytes_per_hour\":1000000000000,\"delta_policy\":\"wait-for-delta\","
        "\"delta_deadline_s\":60,\"retry\":{\"max\":2,\"after_s\":30},\"on_stop\":\"pause\"");
    AUTO_ANSWER got = look(&scene, api_text(&made, "id"));

    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect_eq(api_number(&got, "phases"), 4, "%s", buf_text(&got.body));
    cr_expect_str_eq(api_text(&got, "phases.0.kind"), "filter");
    cr_expect_str_eq(api_text(&got, "phases.0.filter"), "tag.ring = 'lab'");
    cr_expect_str_eq(api_text(&got, "phases.1.kind"), "count");
    cr_expect_eq(api_number(&got, "phases.1.count"), 3);
    cr_expect_eq(api_number(&got, "phases.1.soak_s"), 60);
    cr_expect_eq(api_number(&got, "phases.1.soak_device_h"), 24);
    cr_expect_str_eq(api_text(&got, "phases.2.kind"), "percent");
    cr_expect_str_eq(api_text(&got, "phases.2.advance"), "manual");
    cr_expect_eq(api_number(&got, "phases.2.soak_s"), 7);
    cr_expect_str_eq(api_text(&got, "phases.3.advance"), "auto");
    cr_expect(json_is_null(json_object_get(json_object_get(got.json, "gate"), "silence")));
    cr_expect_eq(api_number(&got, "gate.install.start"), 3);
    cr_expect_str_eq(api_text(&got, "salt"), "canary");
    cr_expect_eq(api_number(&got, "concurrency"), 500);
    cr_expect_eq(api_number(&got, "bytes_per_hour"), 1000000000000);
    cr_expect_str_eq(api_text(&got, "delta_policy"), "wait-for-delta");
    cr_expect(json_is_string(json_object_get(got.json, "delta_until")));
    cr_expect_eq(api_number(&got, "retry.max"), 2);
    cr_expect_eq(api_number(&got, "retry.after_s"), 30);
    cr_expect_str_eq(api_text(&got, "on_stop"), "pause");
    cr_expect_eq(api_number(&got, "strata"), 0);
    cr_expect_eq(api_number(&got, "verdicts"), 0);
    scene_close(&scene);
}

Test(deployment_create, begins_as_what_was_asked_for)
{
    static const struct {
        const char *more;
        const char *state;
    } cases[] = {
        {ALL, "running"},
        {ALL ",\"start\":\"2099-01-01T00:00:00Z\"", "scheduled"},
        {ALL ",\"start\":\"2020-01-01T00:00:00Z\"", "running"},
        {ALL ",\"draft\":true,\"start\":\"2099-01-01T00:00:00Z\"", "draft"},
        {ALL ",\"security\":true", "awaiting-approval"},
        {ALL ",\"security\":true,\"draft\":true", "draft"},
    };
    struct scene scene = scene_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER made = deploy(&scene, scene.releases[0], cases[i].more);

        cr_assert_eq(made.status, 201, "%s: %s", cases[i].more, buf_text(&made.body));
        cr_expect_str_eq(api_text(&made, "state"), cases[i].state, "%s", cases[i].more);
        expect_refusal(&scene, scene.releases[0], ALL, cases[i].state);
        sql(&scene, "UPDATE deployment SET state = 'aborted'");
    }
    scene_close(&scene);
}

Test(deployment_create, refuses_a_release_that_no_device_of_the_group_can_run)
{
    struct scene scene = scene_open();
    AUTO_ANSWER empty = {0};
    AUTO_ANSWER one = {0};

    empty = deploy(&scene, scene.releases[0], ALL);
    cr_expect_eq(empty.status, 201, "a group without devices: %s", buf_text(&empty.body));
    sql(&scene, "UPDATE deployment SET state = 'aborted'");
    sql(&scene, "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
                " SELECT tenant_id, sha256('x'), sha256('x'), id, 'other' FROM device_group"
                "  WHERE name = 'production'");
    expect_refusal(&scene, scene.releases[0], ALL, "its images are for h1");
    sql(&scene, "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
                " SELECT tenant_id, sha256('y'), sha256('y'), id, 'h1' FROM device_group"
                "  WHERE name = 'production'");
    one = deploy(&scene, scene.releases[0], ALL);
    cr_expect_eq(one.status, 201, "one that can is enough: %s", buf_text(&one.body));
    scene_close(&scene);
}

Test(deployment_create, refuses_what_requires_more_than_release_and_baseline_have)
{
    static const struct {
        const char *what;
        const char *requires;
        const char *assumes;
        int status;
    } cases[] = {
        {"an app that nobody has", "app\",\"name\":\"radio\",\"min_counter\":1", "{}", 409},
        {"an app that it assumes", "app\",\"name\":\"radio\",\"min_counter\":1",
         "{\"app/radio\":1}", 201},
        {"an app that it assumes, but older", "app\",\"name\":\"radio\",\"min_counter\":2",
         "{\"app/radio\":1}", 409},
        {"what the release itself has", "os\",\"name\":\"os\",\"min_counter\":2", "{}", 201},
        {"more than the release has", "os\",\"name\":\"os\",\"min_counter\":3", "{}", 409},
    };
    struct scene scene = scene_open();

    sql(&scene, "UPDATE component SET name = 'os'");
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *image =
            mem_printf("UPDATE image SET requires = '[{\"type\":\"%s}]' WHERE release_counter = 2",
                       cases[i].requires);
        AUTO_FREE char *assumes =
            mem_printf("UPDATE release SET assumes = '%s' WHERE name = 'v2'", cases[i].assumes);
        AUTO_ANSWER answer = {0};

        sql(&scene, image);
        sql(&scene, assumes);
        answer = deploy(&scene, scene.releases[1], ALL);
        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].what,
                     buf_text(&answer.body));
        cr_expect(answer.status == 201 || strstr(api_text(&answer, "detail"), "requires"), "%s",
                  buf_text(&answer.body));
        sql(&scene, "UPDATE deployment SET state = 'aborted'");
    }
    scene_close(&scene);
}

Test(deployment_create, refuses_to_roll_back_on_a_stop_where_that_cannot_work)
{
    static const char back[] = ALL ",\"on_stop\":\"roll-back\"";
    static const struct {
        const char *set; /* of the image of v2 */
        const char *says;
    } cases[] = {
        {"revert_to = '{}'", "not among the counters"},
        {"revert_to = '{1}', revert_until = now() - interval '1 s'", "has ended"},
        {"revert_to = '{1}', revert_until = now() + interval '1 h', floor = 2", "below its floor"},
    };
    struct scene scene = scene_open();
    AUTO_ANSWER good = {0};

    expect_refusal(&scene, scene.releases[1], back, "no baseline");
    finish(&scene);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *set =
            mem_printf("UPDATE image SET %s WHERE release_counter = 2", cases[i].set);

        sql(&scene, set);
        expect_refusal(&scene, scene.releases[1], back, cases[i].says);
    }
    sql(&scene, "UPDATE image SET floor = 1 WHERE release_counter = 2");
    good = deploy(&scene, scene.releases[1], back);
    cr_expect_eq(good.status, 201, "%s", buf_text(&good.body));
    scene_close(&scene);
}

Test(deployment_create, supersedes_only_what_is_meant)
{
    static const char nothing[] = "00000000-0000-0000-0000-000000000000";
    struct scene scene = scene_open();
    AUTO_ANSWER first = deploy(&scene, scene.releases[0], ALL);
    AUTO_FREE char *other = mem_printf(ALL ",\"supersedes\":\"%s\"", nothing);
    AUTO_FREE char *mine = mem_printf(ALL ",\"supersedes\":\"%s\"", api_text(&first, "id"));
    AUTO_ANSWER second = {0};
    AUTO_ANSWER third = {0};
    AUTO_ANSWER old = {0};

    expect_refusal(&scene, scene.releases[1], ALL, "unfinished");
    expect_refusal(&scene, scene.releases[1], ALL ",\"supersedes\":false", "unfinished");
    expect_refusal(&scene, scene.releases[1], other, "cannot be superseded");
    second = deploy(&scene, scene.releases[1], mine);
    cr_assert_eq(second.status, 201, "%s", buf_text(&second.body));
    cr_expect_str_eq(api_text(&second, "supersedes"), api_text(&first, "id"));
    old = look(&scene, api_text(&first, "id"));
    cr_expect_str_eq(api_text(&old, "state"), "aborted");
    cr_expect_str_eq(api_text(&old, "superseded_by"), api_text(&second, "id"));
    cr_expect(strstr(api_text(&old, "reason"), "superseded"));

    third = deploy(&scene, scene.releases[1], ALL ",\"supersedes\":true");
    cr_expect_eq(third.status, 201, "whatever it is: %s", buf_text(&third.body));
    expect_refusal(&scene, scene.releases[1], mine, "cannot be superseded");
    scene_close(&scene);
}

Test(deployment_create, knows_no_group_that_was_deleted)
{
    struct scene scene = scene_open();
    AUTO_ANSWER answer = {0};

    sql(&scene, "UPDATE device_group SET deleted_at = now() WHERE name = 'production'");
    answer = deploy(&scene, scene.releases[0], ALL);
    cr_expect_eq(answer.status, 404, "%s", buf_text(&answer.body));
    scene_close(&scene);
}
