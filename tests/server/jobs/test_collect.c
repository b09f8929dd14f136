/* What nothing keeps goes, after its time, and nothing else. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "server/artifact/store.h"
#include "server/jobs/collect.h"
#include "tests/support/temp.h"
#include "tests/support/world.h"

struct place {
    struct fixture fixture;
    struct artifact_store *store;
    struct offload *offload;
    struct collector *collector;
};

static void put_file(struct place *place, const uint8_t hash[HASH_BYTES])
{
    char temp[ARTIFACT_PATH_ROOM];
    struct err err;

    artifact_store_temp(place->store, temp);
    temp_write(temp, "x", 1);
    cr_assert(artifact_store_adopt(place->store, temp, hash, &err), "%s", err.text);
}

static bool has_file(struct place *place, unsigned version)
{
    uint8_t hash[HASH_BYTES];
    char path[ARTIFACT_PATH_ROOM];

    world_image(version, hash);
    artifact_store_path(place->store, hash, path);
    return file_exists(path);
}

/* Five images with files that nothing keeps yet. */
static void open_place(struct place *place)
{
    struct collect_place options = {.grace_s = COLLECT_GRACE_S};
    struct err err;

    world_open(&place->fixture, 2);
    cr_assert(artifact_store_open(temp_path("files"), &place->store, &err), "%s", err.text);
    cr_assert(offload_open(&place->offload, &err), "%s", err.text);
    options.db = place->fixture.db;
    options.loop = place->fixture.loop;
    options.offload = place->offload;
    options.artifacts = place->store;
    place->collector = collector_new(&options);
    for (unsigned i = 1; i <= WORLD_VERSIONS; i++) {
        uint8_t hash[HASH_BYTES];

        world_image(i, hash);
        put_file(place, hash);
    }
    world_sql(&place->fixture, "UPDATE image SET revert_to = '{}', stepping_stone = 0");
}

static void close_place(struct place *place)
{
    offload_close(place->offload);
    loop_flush(place->fixture.loop);
    collector_free(place->collector);
    artifact_store_close(place->store);
    fixture_close(&place->fixture);
    temp_done();
}

/* A run, `days` after the one before. */
static void run(struct place *place, unsigned days)
{
    world_sql(&place->fixture,
              "UPDATE image SET looked_at = '-infinity',"
              "       unneeded_at = unneeded_at - interval '%u days'",
              days);
    collector_run(place->collector);
    while (collector_is_running(place->collector))
        loop_turn(place->fixture.loop);
}

static const char *reasons(struct place *place, unsigned version)
{
    return world_text(&place->fixture,
                      "SELECT coalesce(string_agg(r.reason, ' ' ORDER BY r.reason), '')"
                      "  FROM image i, slipway_image_reasons(i) r"
                      " WHERE i.sha256 = decode(repeat('%02x', 32), 'hex')",
                      version);
}

static int64_t removals(struct place *place)
{
    return world_number(&place->fixture,
                        "SELECT count(*) FROM audit WHERE action = 'image.remove'");
}

Test(collect, removes_what_nothing_keeps_after_thirty_days_and_says_so)
{
    struct place place;

    open_place(&place);
    world_sql(&place.fixture, "UPDATE image SET lock_reason = 'x', locked_at = now()"
                              " WHERE release_counter <> 2");
    run(&place, 0);
    cr_expect(has_file(&place, 2), "the time begins");
    run(&place, 29);
    cr_expect(has_file(&place, 2), "29 days");
    cr_expect_eq(removals(&place), 0);
    run(&place, 1);
    cr_expect(!has_file(&place, 2), "30 days");
    cr_expect(has_file(&place, 1) && has_file(&place, 3));
    cr_expect_eq(removals(&place), 1);
    run(&place, 100);
    cr_expect_eq(removals(&place), 1, "once");
    close_place(&place);
}

Test(collect, counts_the_days_anew_when_there_was_a_reason_in_between)
{
    struct place place;

    open_place(&place);
    world_sql(&place.fixture, "UPDATE image SET lock_reason = 'x', locked_at = now()"
                              " WHERE release_counter <> 2");
    run(&place, 0);
    world_sql(&place.fixture, "UPDATE image SET lock_reason = 'x', locked_at = now()");
    run(&place, 29);
    world_sql(&place.fixture, "UPDATE image SET lock_reason = NULL WHERE release_counter = 2");
    run(&place, 0);
    run(&place, 29);
    cr_expect(has_file(&place, 2));
    close_place(&place);
}

Test(collect, keeps_what_became_needed_since_it_was_marked)
{
    struct place place;

    open_place(&place);
    run(&place, 0);
    world_sql(&place.fixture, "UPDATE image SET lock_reason = 'x', locked_at = now()"
                              " WHERE release_counter = 2");
    /* marked long ago, and not looked at since */
    world_sql(&place.fixture, "UPDATE image SET unneeded_at = now() - interval '31 days',"
                              " looked_at = now()");
    collector_run(place.collector);
    while (collector_is_running(place.collector))
        loop_turn(place.fixture.loop);
    cr_expect(has_file(&place, 2));
    cr_expect(!has_file(&place, 3));
    close_place(&place);
}

Test(collect, knows_every_reason)
{
    static const struct {
        const char *reason;
        const char *sql;
    } cases[] = {
        {"", "SELECT"},
        {"installed", "UPDATE device SET installed = ARRAY[decode(repeat('02', 32), 'hex')]"},
        {"", "UPDATE device SET state = 'decommissioned'"},
        {"locked",
         "UPDATE image SET lock_reason = 'x', locked_at = now() WHERE release_counter = 2"},
        {"", "UPDATE image SET lock_reason = NULL"},
        {"revert-to", "UPDATE image SET revert_to = '{2}' WHERE release_counter = 3"},
        {"", "UPDATE image SET revert_until = now() - interval '1 s'"},
        {"stepping-stone", "UPDATE image SET stepping_stone = 2 WHERE release_counter = 4;"
                           "UPDATE image SET stepping_stone = 3 WHERE release_counter = 3"},
        {"", "UPDATE image SET stepping_stone = 0"},
        {"signed", "INSERT INTO repo_document (tenant_id, role, version, bytes, expires_at)"
                   " SELECT id, 'targets', 1, convert_to('x' || repeat('02', 32), 'UTF8'),"
                   "        now() + interval '1 h' FROM tenant"},
        {"", "INSERT INTO repo_document (tenant_id, role, version, bytes, expires_at)"
             " SELECT id, 'targets', 2, 'x', now() + interval '1 h' FROM tenant"},
        {"", "INSERT INTO repo_document (tenant_id, role, version, bytes, expires_at)"
             " SELECT id, 'os-x', 1, convert_to(repeat('02', 32), 'UTF8'), now() FROM tenant"},
    };
    struct place place;

    open_place(&place);
    world_devices(&place.fixture, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        world_sql(&place.fixture, "%s", cases[i].sql);
        cr_expect_str_eq(reasons(&place, 2), cases[i].reason, "%zu: %s, not %s", i,
                         reasons(&place, 2), cases[i].reason);
    }
    (void)world_deployment(&place.fixture, 2, "100000");
    cr_expect_str_eq(reasons(&place, 2), "deployment");
    world_sql(&place.fixture, "UPDATE deployment SET state = 'finished', ended_at = now();"
                              "UPDATE device_group SET baseline_deployment_id ="
                              " (SELECT id FROM deployment) WHERE name = 'production'");
    cr_expect_str_eq(reasons(&place, 2), "baseline");
    close_place(&place);
}

Test(collect, leaves_a_file_that_was_put_there_again_meanwhile_and_one_that_others_need)
{
    struct place place;
    uint8_t hash[HASH_BYTES];

    open_place(&place);
    world_image(2, hash);
    run(&place, 0);
    /* its row was removed an hour ago, and its file came back since; another one is a delta, too */
    world_sql(&place.fixture,
              "UPDATE image SET unneeded_at = now() - interval '31 days',"
              "       removed_at = now() - interval '1 h' WHERE release_counter IN (2, 3);"
              "UPDATE image SET lock_reason = 'x', locked_at = now() WHERE removed_at IS NULL;"
              "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state, sha256, length)"
              " SELECT tenant_id, min(id), max(id), 'kept', decode(repeat('03', 32), 'hex'), 1"
              "   FROM image GROUP BY tenant_id");
    run(&place, 0);
    cr_expect(has_file(&place, 2));
    cr_expect(has_file(&place, 3));
    cr_expect_eq(world_number(&place.fixture, "SELECT count(*) FROM image WHERE is_gone"), 1);
    close_place(&place);
}

Test(collect, puts_back_what_was_leaving_when_the_server_died)
{
    struct place place;
    uint8_t hash[HASH_BYTES];
    char path[ARTIFACT_PATH_ROOM], name[HASH_HEX_ROOM];
    AUTO_FREE char *leaving = NULL;
    struct err err;

    open_place(&place);
    world_image(4, hash);
    artifact_store_path(place.store, hash, path);
    text_from_hex_bytes(hash, HASH_BYTES, name);
    leaving = mem_printf("%s/leaving/%s", temp_path("files"), name);
    cr_assert(file_rename(path, leaving, &err), "%s", err.text);
    artifact_store_close(place.store);
    cr_assert(artifact_store_open(temp_path("files"), &place.store, &err), "%s", err.text);
    cr_expect(has_file(&place, 4));
    cr_expect(!file_exists(leaving));
    close_place(&place);
}
