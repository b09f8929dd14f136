#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/jobs/delta.h"
#include "tests/support/api.h"
#include "tests/support/temp.h"

/* Two images of one component, a release of the second, and one device that runs the first. */
struct scene {
    struct api *api;
    struct delta_worker *worker;
    char *one;
    char *two;
};

/* A program that stands in for deltagen: the arguments are `diff --json --threads 1
 * --memory N OLD NEW PATCH`. */
static void write_program(const char *script)
{
    AUTO_FREE char *text = mem_printf("#!/bin/sh\n%s\n", script);
    const char *path = temp_path("deltagen");

    temp_write(path, text, strlen(text));
    cr_assert_eq(chmod(path, 0755), 0);
}

/* What an image is worth a delta for. */
static uint64_t devices_min = 1;

static void scene_open(struct scene *scene, const char *script)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *body = NULL;
    struct delta_place place = {.db = api->worker.db,
                                .loop = api->worker.loop,
                                .offload = api->worker.offload,
                                .artifacts = api->worker.artifacts,
                                .program = temp_path("deltagen"),
                                .devices_min = devices_min,
                                .memory_bytes = 64 << 20};

    write_program(script);
    scene->api = api;
    scene->one = api_image(api, "1.0", 1, "one", 3);
    scene->two = api_image(api, "2.0", 2, "two", 3);
    fixture_sql(&api->fixture,
                "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
                " SELECT tenant_id, id, sha256('c'), 1, now() FROM device_group"
                "  WHERE name = 'production'");
    fixture_sql(&api->fixture,
                "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id,"
                "   hwid, installed)"
                " SELECT tenant_id, sha256('d'), sha256('d'), group_id, id, 'h1',"
                "   ARRAY[sha256('one')] FROM claim_token");
    body = mem_printf("{\"name\":\"2.0\",\"product\":\"%s\",\"images\":[\"%s\"]}", api->product,
                      scene->two);
    mem_free(api_create(api, "/api/v1/releases", body));
    scene->worker = delta_worker_new(&place);
}

static void scene_close(struct scene *scene)
{
    offload_close(scene->api->worker.offload);
    scene->api->worker.offload = NULL;
    loop_flush(scene->api->worker.loop);
    db_close(TAKE(scene->api->fixture.db)); /* first, as the header says */
    delta_worker_free(scene->worker);
    mem_free(scene->one);
    mem_free(scene->two);
    api_close(scene->api);
}

/* Runs the worker until the one delta is in a state. */
static struct api_answer wait_for(struct scene *scene, const char *state)
{
    int64_t deadline_ms = clock_mono_ms() + 60000;
    AUTO_FREE char *path = mem_printf("/api/v1/deltas?state=%s", state);

    delta_worker_run(scene->worker);
    for (;;) {
        struct api_answer answer = api_ask(scene->api, "GET", path, NULL);

        if (api_number(&answer, "items") == 1)
            return answer;
        api_answer_done(&answer);
        cr_assert_lt(clock_mono_ms(), deadline_ms, "no delta is %s", state);
        delta_worker_run(scene->worker);
        loop_turn(scene->api->worker.loop);
    }
}

#define SAYS(pays)                                                                                 \
    "echo 'a {warning}'; echo "                                                                    \
    "'{\"old_bytes\":3,\"new_bytes\":3,\"patch_bytes\":5,\"full_zstd_bytes\":12,"                  \
    "\"codec\":\"zstd\",\"pays\":" pays ",\"header_length\":3,"                                    \
    "\"header_sha256\":\"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\","      \
    "\"memory_bytes\":1000,\"packed\":{\"same\":{\"parts\":1,\"bytes\":2}}}'"

Test(delta, of_what_devices_run_is_made_kept_and_served)
{
    struct scene scene;
    AUTO_ANSWER kept = {0};
    AUTO_ANSWER file = {0};
    AUTO_ANSWER image = {0};
    AUTO_FREE char *path = NULL;
    AUTO_FREE char *image_path = NULL;

    scene_open(&scene,
               "[ \"$1 $2\" = 'diff --json' ] || exit 1\nprintf patch >\"$9\"\n" SAYS("true"));
    kept = wait_for(&scene, "kept");
    cr_expect_str_eq(api_text(&kept, "items.0.from"), scene.one);
    cr_expect_str_eq(api_text(&kept, "items.0.to"), scene.two);
    cr_expect_eq(api_number(&kept, "items.0.length"), 5);
    cr_expect_eq(api_number(&kept, "items.0.full_zstd_length"), 12);
    cr_expect_eq(api_number(&kept, "items.0.devices"), 1);
    path = mem_printf("/t/default/image/deltas/%s", api_text(&kept, "items.0.sha256"));
    file = api_ask(scene.api, "GET", path, NULL);
    cr_expect_str_eq(buf_text(&file.body), "patch");
    image_path = mem_printf("/api/v1/images/%s", scene.two);
    image = api_ask(scene.api, "GET", image_path, NULL);
    cr_expect_eq(api_number(&image, "full_zstd_length"), 12);
    scene_close(&scene);
}

Test(delta, that_does_not_pay_is_dropped)
{
    struct scene scene;
    AUTO_ANSWER dropped = {0};

    scene_open(&scene, "printf patch >\"$9\"\n" SAYS("false"));
    dropped = wait_for(&scene, "dropped");
    cr_expect(json_is_null(
        json_object_get(json_array_get(json_object_get(dropped.json, "items"), 0), "sha256")));
    scene_close(&scene);
}

Test(delta, that_fails_is_tried_three_times_and_says_why)
{
    struct scene scene;
    AUTO_ANSWER failed = {0};

    scene_open(&scene, "echo 'out of ideas' >&2; exit 1");
    failed = wait_for(&scene, "failed");
    cr_expect_eq(api_number(&failed, "items.0.attempts"), 3);
    cr_expect(strstr(api_text(&failed, "items.0.detail"), "out of ideas"), "%s",
              buf_text(&failed.body));
    scene_close(&scene);
}

Test(delta, fails_when_the_program_lies_or_is_missing)
{
    static const char *const scripts[] = {
        "true",                   /* no result */
        "echo '{\"pays\":true}'", /* half a result */
        SAYS("true"),             /* no patch */
        "rm -f \"$0\"; exit 1",   /* gone after the first time */
    };

    struct scene scene;

    scene_open(&scene, scripts[0]);
    for (size_t i = 0; i < COUNT(scripts); i++) {
        AUTO_ANSWER failed = {0};

        write_program(scripts[i]);
        fixture_sql(&scene.api->fixture, "UPDATE delta SET state = 'queued', attempts = 0");
        failed = wait_for(&scene, "failed");
        cr_expect_eq(api_number(&failed, "items.0.attempts"), 3, "%s", scripts[i]);
    }
    scene_close(&scene);
}

Test(delta, of_a_dead_worker_is_taken_over_when_its_lease_ran_out)
{
    struct scene scene;
    AUTO_ANSWER kept = {0};
    AUTO_ANSWER still = {0};

    scene_open(&scene, "printf patch >\"$9\"\n" SAYS("true"));
    fixture_sql(&scene.api->fixture,
                "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state, attempts,"
                "   leased_until) SELECT min(tenant_id), min(id), max(id), 'running', 1,"
                "   now() + interval '1 h' FROM image");
    delta_worker_run(scene.worker);
    still = wait_for(&scene, "running");
    cr_expect_eq(api_number(&still, "items.0.attempts"), 1);
    fixture_sql(&scene.api->fixture, "UPDATE delta SET leased_until = now() - interval '1 s'");
    kept = wait_for(&scene, "kept");
    cr_expect_eq(api_number(&kept, "items.0.attempts"), 2);
    scene_close(&scene);
}

/* Runs the worker until every release was looked at again. */
static void plan_again(struct scene *scene)
{
    fixture_sql(&scene->api->fixture, "UPDATE release SET deltas_planned_at = NULL");
    for (;;) {
        AUTO_FREE char *left = NULL;

        delta_worker_run(scene->worker);
        loop_turn(scene->api->worker.loop);
        left = fixture_text(&scene->api->fixture,
                            "SELECT count(*)::text FROM release WHERE deltas_planned_at IS NULL");
        if (strcmp(left, "0") == 0)
            return;
    }
}

Test(delta, is_not_made_for_fewer_devices_than_are_worth_it)
{
    struct scene scene;
    AUTO_FREE char *found = NULL;

    devices_min = 2;
    scene_open(&scene, "printf patch >\"$9\"\n" SAYS("true"));
    devices_min = 1;
    plan_again(&scene);
    found = fixture_text(&scene.api->fixture, "SELECT count(*)::text FROM delta");
    cr_expect_str_eq(found, "0");
    scene_close(&scene);
}

/* Ten older images: the nth runs on n devices, and the second is so long that a delta from it saves
 * as much but takes far more time. */
Test(delta, sources_are_few_and_those_that_save_most_for_their_time)
{
    struct scene scene;
    AUTO_FREE char *sources = NULL;

    scene_open(&scene, "exit 1");
    fixture_sql(&scene.api->fixture,
                "INSERT INTO image OVERRIDING SYSTEM VALUE"
                " SELECT (jsonb_populate_record(i, jsonb_build_object('id', 1000 + n,"
                "   'sha256', sha256(n::text::bytea), 'version', '0.' || n,"
                "   'length', CASE WHEN n = 10 THEN 100000000000 ELSE 3 END,"
                "   'release_counter', 0, 'path', 'old/' || n))).*"
                "   FROM image i, generate_series(1, 10) n WHERE version = '2.0'");
    fixture_sql(&scene.api->fixture,
                "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id,"
                "   hwid, installed)"
                " SELECT tenant_id, sha256((n * 100 + k)::text::bytea),"
                "   sha256((n * 100 + k)::text::bytea), group_id, id, 'h1',"
                "   ARRAY[sha256(n::text::bytea)]"
                "   FROM claim_token, generate_series(1, 10) n, generate_series(1, 10) k"
                "  WHERE k <= n");
    plan_again(&scene);
    sources = fixture_text(&scene.api->fixture,
                           "SELECT string_agg(f.version, ' ' ORDER BY d.worth DESC, d.id)"
                           "  FROM delta d JOIN image f ON f.id = d.from_image_id");
    cr_expect_str_eq(sources, "0.9 0.8 0.7 0.6 0.5 0.4 0.3 0.2");
    scene_close(&scene);
}

Test(delta, that_nobody_fetches_goes_and_comes_back_when_it_is_wanted)
{
    struct scene scene;
    AUTO_ANSWER kept = {0};
    AUTO_ANSWER used = {0};
    AUTO_ANSWER file = {0};
    AUTO_ANSWER gone = {0};
    AUTO_ANSWER again = {0};
    AUTO_FREE char *path = NULL;

    scene_open(&scene, "printf patch >\"$9\"\n" SAYS("true"));
    kept = wait_for(&scene, "kept");
    path = mem_printf("/t/default/image/deltas/%s", api_text(&kept, "items.0.sha256"));
    fixture_sql(&scene.api->fixture, "UPDATE delta SET ended_at = now() - interval '31 days'");
    file = api_ask(scene.api, "GET", path, NULL);
    cr_expect_eq(file.status, 200);
    delta_worker_collect(scene.worker);
    used = wait_for(&scene, "kept"); /* it was fetched just now */
    cr_expect_eq(api_number(&used, "items"), 1);
    fixture_sql(&scene.api->fixture, "UPDATE delta SET used_at = now() - interval '31 days'");
    delta_worker_collect(scene.worker);
    gone = wait_for(&scene, "collected");
    cr_expect_eq(api_number(&gone, "items"), 1);
    api_answer_done(&file);
    file = api_ask(scene.api, "GET", path, NULL);
    cr_expect_eq(file.status, 404);
    plan_again(&scene);
    again = wait_for(&scene, "kept");
    cr_expect_eq(api_number(&again, "items.0.attempts"), 1);
    scene_close(&scene);
}

Test(delta, child_ends_with_the_worker)
{
    struct scene scene;
    AUTO_ANSWER running = {0};
    char text[32] = "";
    const char *pid_file;
    FILE *file = NULL;
    long pid;

    scene_open(&scene, "echo $$ >\"$0.pid\"; exec cat /dev/zero >/dev/null");
    running = wait_for(&scene, "running");
    cr_expect_eq(api_number(&running, "items.0.attempts"), 1);
    pid_file = temp_path("deltagen.pid");
    while (!file || !fgets(text, sizeof(text), file)) {
        if (file)
            (void)fclose(file);
        delta_worker_run(scene.worker);
        loop_turn(scene.api->worker.loop);
        file = fopen(pid_file, "r");
    }
    (void)fclose(file);
    pid = strtol(text, NULL, 10);
    cr_assert_gt(pid, 1);
    scene_close(&scene);
    cr_expect_neq(kill((pid_t)pid, 0), 0, "the child still lives");
}
