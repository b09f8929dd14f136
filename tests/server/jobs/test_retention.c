/* What is too old goes, and nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "server/artifact/store.h"
#include "server/jobs/retention.h"
#include "tests/support/temp.h"
#include "tests/support/world.h"

static void put_file(struct artifact_store *store, const uint8_t hash[HASH_BYTES])
{
    char temp[ARTIFACT_PATH_ROOM];
    struct err err;

    artifact_store_temp(store, temp);
    temp_write(temp, "x", 1);
    cr_assert(artifact_store_adopt(store, temp, hash, &err), "%s", err.text);
}

static bool has_file(struct artifact_store *store, const uint8_t hash[HASH_BYTES])
{
    char path[ARTIFACT_PATH_ROOM];

    artifact_store_path(store, hash, path);
    return file_exists(path);
}

Test(retention, makes_partitions_and_removes_old_attachments_with_their_files)
{
    static const uint8_t old[HASH_BYTES] = {[31] = 1};
    static const uint8_t shared[HASH_BYTES] = {[31] = 2};
    static const uint8_t young[HASH_BYTES] = {[31] = 3};
    struct fixture fixture;
    struct retention_place place = {.raw_days = 14, .attachment_days = 29};
    struct artifact_store *store;
    struct offload *offload;
    struct retention *retention;
    struct err err;

    world_open(&fixture, 1);
    world_devices(&fixture, 2);
    cr_assert(artifact_store_open(temp_path("files"), &store, &err), "%s", err.text);
    cr_assert(offload_open(&offload, &err));
    put_file(store, old);
    put_file(store, shared);
    put_file(store, young);
    world_sql(&fixture,
              "INSERT INTO event_attachment (device_id, sha256, tenant_id, kind, length,"
              "                              declared_at, stored_at)"
              " SELECT device, decode(lpad(file::text, 64, '0'), 'hex'), 1, 'log', 1,"
              "        now() - days * interval '1 day', now()"
              "   FROM (VALUES (1, 1, 30), (1, 2, 30), (2, 2, 28), (2, 3, 28))"
              "     AS f (device, file, days);"
              "INSERT INTO event_epoch (device_id, epoch, tenant_id, high, recent, seen_at) VALUES"
              " (1, decode(repeat('01', 16), 'hex'), 1, 1, 1, now() - interval '401 days'),"
              " (1, decode(repeat('02', 16), 'hex'), 1, 1, 1, now() - interval '399 days')");
    place.db = fixture.db;
    place.loop = fixture.loop;
    place.offload = offload;
    place.attachments = store;
    retention = retention_new(&place);
    retention_run(retention);
    while (has_file(store, old))
        loop_turn(fixture.loop);
    cr_expect(has_file(store, shared), "another device's row names it");
    cr_expect(has_file(store, young));
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event_attachment"), 2);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event_epoch"), 1);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM pg_inherits"
                                        " WHERE inhparent = 'event'::regclass"),
                 5, "four days and what they do not hold");
    offload_close(offload);
    loop_flush(fixture.loop);
    fixture_close(&fixture);
    retention_free(retention);
    artifact_store_close(store);
    temp_done();
}
