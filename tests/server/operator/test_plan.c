/* Plans, forecasts and who is stuck, over the API; that a plan comes true is a story. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/fleet/fleet.h"
#include "tests/support/api.h"

#define NOBODY "00000000-0000-0000-0000-000000000000"
#define ALL "\"phases\":[{\"percent\":100}]"

struct scene {
    struct api *api;
    char *release;
    char *older;
    char *group;
    struct fleet *fleets[4]; /* the last is the worker's */
    size_t fleet_count;
};

static char *release(struct api *api, const char *version, unsigned counter)
{
    AUTO_FREE char *image = api_image(api, version, counter, version, strlen(version));
    AUTO_FREE char *body = mem_printf("{\"name\":\"%s\",\"product\":\"%s\",\"images\":[\"%s\"]}",
                                      version, api->product, image);

    return api_create(api, "/api/v1/releases", body);
}

/* What memory knew is stale: it is read again, into another one. The older one may still wait for
 * an answer, so it goes after the database. */
static void remember(struct scene *scene)
{
    struct api *api = scene->api;

    if (api->worker.fleet)
        fleet_stop(api->worker.fleet);
    cr_assert_lt(scene->fleet_count, COUNT(scene->fleets));
    scene->fleets[scene->fleet_count++] = api->worker.fleet = fleet_new();
    fleet_start(api->worker.fleet, api->fixture.loop, api->fixture.db);
    while (!fleet_is_ready(api->worker.fleet))
        loop_turn(api->fixture.loop);
}

/* `count` devices that run v1 and were heard of just now. */
static void add_devices(const struct scene *scene, unsigned count)
{
    AUTO_FREE char *sql = mem_printf(
        "WITH made AS (INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid,"
        "                                  installed)"
        "  SELECT g.tenant_id, sha256(n::text::bytea), sha256(n::text::bytea), g.id, 'h1',"
        "         ARRAY[sha256('v1')]"
        "    FROM device_group g, generate_series(1, %u) AS n WHERE g.public_id = '%s'"
        "  RETURNING id, tenant_id)"
        " INSERT INTO device_seen (device_id, tenant_id, seen_at)"
        " SELECT id, tenant_id, now() FROM made",
        count, scene->group);

    fixture_sql(&scene->api->fixture, sql);
}

static struct scene scene_open(unsigned devices)
{
    struct scene scene = {.api = api_open()};
    AUTO_ANSWER groups = {0};

    api_begin(scene.api);
    scene.older = release(scene.api, "v1", 1);
    scene.release = release(scene.api, "v2", 2);
    groups = api_ask(scene.api, "GET", "/api/v1/groups?name=production", NULL);
    scene.group = mem_strdup(api_text(&groups, "items.0.id"));
    add_devices(&scene, devices);
    remember(&scene);
    return scene;
}

static void scene_close(struct scene *scene)
{
    db_close(TAKE(scene->api->fixture.db)); /* its answers must find what asked */
    fleet_stop(scene->api->worker.fleet);
    mem_free(scene->older);
    mem_free(scene->release);
    mem_free(scene->group);
    api_close(scene->api);
    for (size_t i = 0; i < scene->fleet_count; i++)
        fleet_free(scene->fleets[i]);
}

static struct api_answer plan(const struct scene *scene, const char *query, const char *more)
{
    AUTO_FREE char *path = mem_printf("/api/v1/deployments:plan%s", query);
    AUTO_FREE char *body =
        mem_printf("{\"group\":\"%s\",\"release\":\"%s\",%s}", scene->group, scene->release, more);

    return api_ask(scene->api, "POST", path, body);
}

Test(plan, counts_devices_phases_bytes_and_cost_and_writes_nothing)
{
    struct scene scene = scene_open(40);
    AUTO_ANSWER answer = plan(&scene, "?price_per_gb=500000000",
                              "\"salt\":\"s\",\"phases\":[{\"count\":3},"
                              "{\"percent\":50,\"advance\":\"manual\"},{\"percent\":100}]");
    AUTO_ANSWER deployments = {0};

    cr_assert_eq(answer.status, 200, "%s", buf_text(&answer.body));
    cr_expect_eq(api_number(&answer, "devices"), 40);
    cr_expect_eq(api_number(&answer, "eligible"), 40);
    cr_expect_eq(api_number(&answer, "phases.0.devices"), 3);
    cr_expect_eq(api_number(&answer, "phases.0.devices") + api_number(&answer, "phases.1.devices") +
                     api_number(&answer, "phases.2.devices"),
                 40);
    cr_expect_eq(api_number(&answer, "bytes.full.devices"), 40);
    cr_expect_eq(api_number(&answer, "bytes.total"), 80, "an image is two bytes");
    cr_expect_float_eq(
        json_number_value(json_object_get(json_object_get(answer.json, "cost"), "amount")), 40.0,
        1e-6);
    cr_expect_str_eq(api_text(&answer, "rollback.reason"),
                     "the group has no baseline to go back to");
    cr_expect(strlen(api_text(&answer, "forecast.likely")) > 0);
    cr_expect_eq(json_array_size(json_object_get(answer.json, "refused")), 0);
    deployments = api_ask(scene.api, "GET", "/api/v1/deployments", NULL);
    cr_expect_eq(json_array_size(json_object_get(deployments.json, "items")), 0);
    scene_close(&scene);
}

Test(plan, says_what_creating_it_would_say_and_warns)
{
    struct scene scene = scene_open(4);
    AUTO_ANSWER answer = {0};

    fixture_sql(&scene.api->fixture,
                "UPDATE device_group SET updates_stopped = true WHERE name = 'production'");
    answer = plan(&scene, "", ALL ",\"action\":\"downgrade\",\"on_stop\":\"roll-back\"");
    cr_assert_eq(answer.status, 200, "%s", buf_text(&answer.body));
    cr_expect_eq(api_number(&answer, "skipped.runs-older"), 4);
    cr_expect_eq(api_number(&answer, "eligible"), 0);
    cr_expect(strstr(api_text(&answer, "refused.0"), "no downgrade"));
    cr_expect(strstr(api_text(&answer, "warnings.0"), "stopped"));
    cr_expect(strstr(api_text(&answer, "warnings.1"), "roll-back"));
    scene_close(&scene);
}

Test(plan, proposes_a_p0_where_the_group_fails_by_itself)
{
    struct scene scene = scene_open(4);
    AUTO_ANSWER answer = {0};
    AUTO_FREE char *sql = mem_printf(
        "WITH made AS (INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, "
        "salt,"
        "    soak_s, author_id) SELECT gen_random_uuid(), g.tenant_id, g.id, r.id, 'finished', "
        "'s', 0,"
        "    (SELECT min(id) FROM operator_token) FROM device_group g, release r"
        "    WHERE g.public_id = '%s' AND r.public_id = '%s' RETURNING id, tenant_id)"
        " INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, succeeded, failed)"
        " SELECT id, 1, tenant_id, 980, 20 FROM made",
        scene.group, scene.older);

    fixture_sql(&scene.api->fixture, sql);
    answer = plan(&scene, "", ALL);
    cr_assert_eq(answer.status, 200, "%s", buf_text(&answer.body));
    cr_expect_float_eq(
        json_number_value(json_object_get(json_object_get(answer.json, "gate"), "proposed_p0")),
        0.04, 1e-9);
    cr_expect(strstr(api_text(&answer, "warnings.1"), "above half of p0"), "%s",
              buf_text(&answer.body));
    scene_close(&scene);
}

Test(plan, refuses_what_makes_no_sense)
{
    static const struct {
        const char *query, *more;
        int status;
        const char *says;
    } cases[] = {
        {"", "\"phases\":[{\"percent\":5}]", 400, "phases[0].percent"},
        {"", ALL ",\"first\":\"ram <\"", 400, "filter, character 6"},
        {"?price_per_gb=", ALL, 400, "price_per_gb"},
        {"?price_per_gb=1.2.3", ALL, 400, "price_per_gb"},
        {"?price_per_gb=-1", ALL, 400, "price_per_gb"},
        {"?price_per_gb=1e9", ALL, 400, "price_per_gb"},
    };
    struct scene scene = scene_open(1);

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = plan(&scene, cases[i].query, cases[i].more);

        cr_expect_eq(answer.status, cases[i].status, "%s", buf_text(&answer.body));
        cr_expect(strstr(buf_text(&answer.body), cases[i].says), "%s", buf_text(&answer.body));
    }
    scene_close(&scene);
}

Test(plan, knows_nothing_of_what_is_not_there)
{
    static const struct {
        const char *method, *path, *body;
        int status;
    } cases[] = {
        {"POST", "/api/v1/deployments:plan",
         "{\"group\":\"" NOBODY "\",\"release\":\"" NOBODY "\"," ALL "}", 404},
        {"GET", "/api/v1/deployments/" NOBODY "/forecast", NULL, 404},
        {"GET", "/api/v1/deployments/" NOBODY "/stuck", NULL, 404},
        {"GET", "/api/v1/deployments/x/forecast", NULL, 400},
        {"GET", "/api/v1/deployments/" NOBODY "/stuck?after=x", NULL, 400},
        {"GET", "/api/v1/deployments/" NOBODY "/stuck?limit=0", NULL, 400},
        {"GET", "/api/v1/devices/abc/why", NULL, 400},
        {"GET",
         "/api/v1/devices/0000000000000000000000000000000000000000000000000000000000000000/why",
         NULL, 404},
    };
    struct scene scene = scene_open(1);

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_ask(scene.api, cases[i].method, cases[i].path, cases[i].body);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].path,
                     buf_text(&answer.body));
    }
    scene_close(&scene);
}

static char *run_deployment(struct scene *scene)
{
    AUTO_FREE char *body = mem_printf("{\"group\":\"%s\",\"release\":\"%s\","
                                      "\"phases\":[{\"percent\":100}]}",
                                      scene->group, scene->release);
    char *id = api_create(scene->api, "/api/v1/deployments", body);

    remember(scene);
    return id;
}

Test(forecast_api, says_when_what_runs_will_have_ended)
{
    struct scene scene = scene_open(30);
    AUTO_FREE char *id = run_deployment(&scene);
    AUTO_FREE char *path = mem_printf("/api/v1/deployments/%s/forecast", id);
    AUTO_ANSWER answer = api_ask(scene.api, "GET", path, NULL);
    AUTO_ANSWER over = {0};

    cr_assert_eq(answer.status, 200, "%s", buf_text(&answer.body));
    cr_expect_eq(api_number(&answer, "left"), 30);
    cr_expect_eq(api_number(&answer, "forecast.phases.0.devices"), 30);
    cr_expect(strlen(api_text(&answer, "forecast.late")) > 0);
    fixture_sql(&scene.api->fixture, "UPDATE deployment SET state = 'aborted'");
    remember(&scene);
    over = api_ask(scene.api, "GET", path, NULL);
    cr_expect_eq(over.status, 409);
    scene_close(&scene);
}

Test(stuck_api, pages_through_who_does_not_come_and_says_why)
{
    struct scene scene = scene_open(30);
    AUTO_FREE char *id = run_deployment(&scene);
    AUTO_FREE char *next = mem_strdup("0");
    unsigned found = 0, pages = 0;

    fixture_sql(&scene.api->fixture, "UPDATE device_seen SET seen_at = now() - interval '1 day'");
    for (; next[0]; pages++) {
        AUTO_FREE char *path =
            mem_printf("/api/v1/deployments/%s/stuck?limit=7&after=%s", id, next);
        AUTO_ANSWER answer = api_ask(scene.api, "GET", path, NULL);

        cr_assert_eq(answer.status, 200, "%s", buf_text(&answer.body));
        found += (unsigned)json_array_size(json_object_get(answer.json, "items"));
        if (found > 0)
            cr_expect_str_eq(api_text(&answer, "items.0.reason"), "not-polling");
        mem_free(next);
        next = mem_strdup(api_text(&answer, "next"));
    }
    cr_expect_eq(found, 30);
    cr_expect(pages >= 5, "seven a page: %u", pages);
    scene_close(&scene);
}
