/* Frames get names; what the child says is believed only when it has the right form. */
#include <criterion/criterion.h>

#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "server/artifact/store.h"
#include "server/jobs/symbolize.h"
#include "tests/support/temp.h"
#include "tests/support/world.h"

struct scene {
    struct fixture fixture;
    struct artifact_store *store;
    struct symbolizer *symbolizer;
};

/* A program that stands in for slipway-symbolize. */
static void write_program(const char *script)
{
    AUTO_FREE char *text = mem_printf("#!/bin/sh\n%s\n", script);
    const char *path = temp_path("symbolize");

    temp_write(path, text, strlen(text));
    cr_assert_eq(chmod(path, 0755), 0);
}

static void add_issue(struct scene *scene, unsigned number, const char *state)
{
    world_sql(&scene->fixture,
              "INSERT INTO issue (tenant_id, product_id, signature, category, class, component,"
              "                   title, first_seen, last_seen, count, devices, backtrace,"
              "                   is_symbols_due, state, state_at)"
              " VALUES (1, 1, sha256('%u'), 'app-crash', 'app', 'pump', 't', now(), now(), 1, 1,"
              "         '[{\"build_id\":\"0101010%u\",\"offset\":256},"
              "           {\"build_id\":\"ffffffff\",\"offset\":1},"
              "           {\"build_id\":\"0101010%u\",\"offset\":512}]', true, '%s',"
              "         now() - interval '1 hour')",
              number, number, number, state);
    world_sql(&scene->fixture,
              "INSERT INTO symbol_file (tenant_id, build_id, sha256, length)"
              " VALUES (1, '\\x0101010%u', sha256('file'), 1)",
              number);
}

static void scene_open(struct scene *scene, const char *script)
{
    struct symbolize_place place;
    struct err err;

    world_open(&scene->fixture, 1);
    write_program(script);
    cr_assert(artifact_store_open(temp_path("symbols"), &scene->store, &err), "%s", err.text);
    place = (struct symbolize_place){.db = scene->fixture.db,
                                     .loop = scene->fixture.loop,
                                     .symbols = scene->store,
                                     .program = temp_path("symbolize")};
    scene->symbolizer = symbolizer_new(&place);
}

/* Until no issue is due. */
static void run(struct scene *scene)
{
    do {
        symbolizer_run(scene->symbolizer); /* nothing while the last run goes on */
        loop_turn(scene->fixture.loop);
    } while (world_number(&scene->fixture, "SELECT count(*) FROM issue WHERE is_symbols_due") > 0);
}

static void scene_close(struct scene *scene)
{
    fixture_close(&scene->fixture);
    symbolizer_free(scene->symbolizer);
    artifact_store_close(scene->store);
    temp_done();
}

Test(symbolize, names_the_frames_whose_file_is_there)
{
    struct scene scene;

    scene_open(&scene, "[ $# = 4 ] && [ \"$2 $4\" = '256 511' ] || exit 1\n"
                       "printf 'pump_read\\tpump.c\\t7\\nmain\\tmain.c\\t3\\n'");
    add_issue(&scene, 1, "open");
    run(&scene);
    cr_expect_str_eq(world_text(&scene.fixture,
                                "SELECT string_agg((f ->> 'function') || ':' || (f ->> 'line'),"
                                "                  ' ' ORDER BY n)"
                                "  FROM issue, jsonb_array_elements(symbols)"
                                "       WITH ORDINALITY AS s (f, n)"),
                     "pump_read:7 :0 main:3");
    scene_close(&scene);
}

Test(symbolize, a_child_that_dies_or_lies_leaves_frames_without_names)
{
    static const char *const scripts[] = {
        "exit 1",
        "kill -SEGV $$",
        "printf 'pump_read\\tpump.c\\t7\\n'",
        "printf 'a b\\tpump.c\\t7\\nmain\\tmain.c\\t3\\n'",
        "yes | head -c 100000",
        "printf 'pump_read\\tpump.c\\t7\\nmain\\tmain.c\\t3\\nmore\\t\\t0\\n'",
    };

    struct scene scene;

    scene_open(&scene, "");
    add_issue(&scene, 1, "open");
    for (size_t i = 0; i < COUNT(scripts); i++) {
        write_program(scripts[i]);
        world_sql(&scene.fixture, "UPDATE issue SET is_symbols_due = true, symbols = NULL");
        run(&scene);
        cr_expect_str_eq(world_text(&scene.fixture,
                                    "SELECT symbols -> 0 ->> 'function' || (symbol_key IS NULL)"
                                    "  FROM issue"),
                         "true", "%s", scripts[i]);
    }
    scene_close(&scene);
}

Test(symbolize, the_same_functions_in_another_build_are_the_older_issue_come_back)
{
    struct scene scene;

    scene_open(&scene, "printf 'pump_read\\tpump.c\\t7\\nmain\\tmain.c\\t3\\n'");
    add_issue(&scene, 1, "resolved");
    add_issue(&scene, 2, "open");
    run(&scene);
    cr_expect_str_eq(world_text(&scene.fixture, "SELECT string_agg(state || coalesce(same_as, 0),"
                                                "                  ' ' ORDER BY id) FROM issue"),
                     "resolved0 regressed1");
    scene_close(&scene);
}
