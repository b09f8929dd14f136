/* Written in SQL so that the tests do not believe the code they test. */
#include "tests/support/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "server/db/sync.h"
#include "tests/support/pg.h"

enum { SQL_ROOM = 4096 };

static char last_text[SQL_ROOM];

static void run(const struct fixture *fixture, const char *sql, const char **first)
{
    AUTO_DB_SYNC *sync = NULL;
    const struct db_result *result;
    struct err err;

    cr_assert(db_sync_open(fixture->conninfo, &sync, &err), "%s", err.text);
    if (!first) {
        cr_assert(db_sync_run(sync, sql, &err), "%s", err.text);
        return;
    }
    cr_assert(db_sync_query(sync, sql, NULL, 0, &result, &err), "%s", err.text);
    cr_assert_eq(db_rows(result), 1, "%s", sql);
    (void)text_copy(last_text, sizeof(last_text), db_text(result, 0, 0));
    *first = last_text;
}

void world_sql(const struct fixture *fixture, const char *fmt, ...)
{
    char sql[SQL_ROOM];
    va_list args;

    va_start(args, fmt);
    cr_assert(vsnprintf(sql, sizeof(sql), fmt, args) < (int)sizeof(sql));
    va_end(args);
    run(fixture, sql, NULL);
}

const char *world_text(const struct fixture *fixture, const char *fmt, ...)
{
    const char *text = NULL;
    char sql[SQL_ROOM];
    va_list args;

    va_start(args, fmt);
    cr_assert(vsnprintf(sql, sizeof(sql), fmt, args) < (int)sizeof(sql));
    va_end(args);
    run(fixture, sql, &text);
    return text;
}

int64_t world_number(const struct fixture *fixture, const char *fmt, ...)
{
    const char *text = NULL;
    char sql[SQL_ROOM];
    va_list args;

    va_start(args, fmt);
    cr_assert(vsnprintf(sql, sizeof(sql), fmt, args) < (int)sizeof(sql));
    va_end(args);
    run(fixture, sql, &text);
    return strtoll(text, NULL, 10);
}

void world_image(unsigned version, uint8_t out[32])
{
    memset(out, (int)version, 32);
}

void world_device_id(unsigned number, uint8_t out[32])
{
    memset(out, 0, 32);
    for (unsigned i = 0; i < 4; i++)
        out[31 - i] = (uint8_t)(number >> (8 * i));
}

void world_open(struct fixture *fixture, unsigned connections)
{
    AUTO_FREE char *database = pg_test_database();
    char digest[HASH_HEX_ROOM];
    uint8_t hash[HASH_BYTES];

    fixture_open_at(fixture, database, connections);
    hash_sha256(WORLD_CLAIM, strlen(WORLD_CLAIM), hash);
    text_from_hex_bytes(hash, sizeof(hash), digest);
    world_sql(fixture,
              "INSERT INTO tenant (name) VALUES ('default');"
              "INSERT INTO product (tenant_id, name, hwids) VALUES (1, 'board', '{board}');"
              "INSERT INTO device_group (tenant_id, product_id, name, poll_interval_s)"
              " VALUES (1, 1, 'production', 1);"
              "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
              " VALUES (1, 1, '\\x%s', 1000000, now() + interval '1 day');"
              "INSERT INTO component (tenant_id, product_id, type, name) VALUES (1, 1, 'os', 'os')",
              digest);
    world_sql(fixture,
              "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
              "                   release_counter, security_epoch, floor, stepping_stone)"
              " SELECT 1, 1, decode(repeat(lpad(n::text, 2, '0'), 32), 'hex'), 1000,"
              "        'os/board/v' || n, 'v' || n, '{board}', n, 1, 0, 0"
              "   FROM generate_series(1, %d) AS n;"
              "INSERT INTO release (tenant_id, product_id, name)"
              " SELECT 1, 1, 'v' || n FROM generate_series(1, %d) AS n;"
              "INSERT INTO release_image (release_id, image_id, tenant_id)"
              " SELECT n, n, 1 FROM generate_series(1, %d) AS n",
              WORLD_VERSIONS, WORLD_VERSIONS, WORLD_VERSIONS);
}

void world_devices(const struct fixture *fixture, unsigned count)
{
    world_sql(fixture,
              "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id,"
              "                    hwid, installed)"
              " SELECT 1, decode(lpad(to_hex(n), 64, '0'), 'hex'),"
              "        decode(lpad(to_hex(n), 64, '0'), 'hex'), 1, 1, 'board',"
              "        ARRAY[decode(repeat('01', 32), 'hex')]"
              "   FROM generate_series((SELECT count(*) + 1 FROM device),"
              "                        (SELECT count(*) FROM device) + %u) AS n",
              count);
}

int64_t world_deployment(const struct fixture *fixture, unsigned version, const char *shares)
{
    int64_t id = world_number(
        fixture,
        "INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt,"
        "                        failed_percent, min_finished, gate)"
        " VALUES (gen_random_uuid(), 1, 1, %u, 'running', 'salt', 20, 5,"
        "  '{\"install\":null,\"health\":null,\"silence\":null,"
        "    \"threshold\":{\"failed_percent\":20,\"min_finished\":5}}') RETURNING id",
        version);

    world_sql(fixture,
              "INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli)"
              " SELECT %lld, phase, 1, share"
              "   FROM unnest(ARRAY[%s]) WITH ORDINALITY AS p (share, phase);"
              "INSERT INTO change_log (tenant_id, what) VALUES (1, 'deployment')",
              (long long)id, shares);
    return id;
}

const char *world_deployment_uuid(const struct fixture *fixture, int64_t id)
{
    return world_text(fixture, "SELECT public_id FROM deployment WHERE id = %lld", (long long)id);
}

int64_t world_counters_wrong(const struct fixture *fixture)
{
    return world_number(
        fixture,
        "SELECT count(*)"
        "  FROM (SELECT deployment_id, phase, state, count(*) AS n FROM deployment_device"
        "         GROUP BY 1, 2, 3"
        "         UNION ALL"
        "        SELECT deployment_id, phase, 'touched', count(*) FROM deployment_device"
        "         WHERE activated_at IS NOT NULL GROUP BY 1, 2) AS r"
        "  FULL JOIN (SELECT deployment_id, phase, state, n FROM deployment_counter WHERE n <> 0)"
        "    AS c USING (deployment_id, phase, state)"
        " WHERE r.n IS DISTINCT FROM c.n");
}
