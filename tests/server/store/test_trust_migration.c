/* A database of the first schema, with what a server of that time wrote into it. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/db/migrate.h"
#include "server/db/sync.h"
#include "tests/support/pg.h"
#include "tests/support/temp.h"

/* The folder holds the first migration alone. */
static char *first_only(const char *all)
{
    AUTO_FREE char *from = mem_printf("%s/0001_first.sql", all);
    AUTO_FREE char *to = mem_printf("%s/0001_first.sql", temp_dir());
    AUTO_BUF sql;
    struct err err;

    buf_init(&sql, 1 << 20);
    cr_assert(file_read(from, &sql, &err), "%s", err.text);
    cr_assert(file_write(to, 0600, sql.data, sql.len, &err), "%s", err.text);
    return mem_strdup(temp_dir());
}

static const char fill[] =
    "INSERT INTO tenant (name) VALUES ('t');"
    "INSERT INTO product (tenant_id, name, hwids) VALUES (1, 'p', '{h1}');"
    "INSERT INTO component (tenant_id, product_id, type, name) VALUES (1, 1, 'os', 'base');"
    "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
    "    release_counter, security_epoch, floor, stepping_stone)"
    " SELECT 1, 1, sha256(p::bytea), 1, p, '1', '{h1}', 1, 0, 0, 0"
    "   FROM unnest(ARRAY['os/h1/1/a.img', 'os/h1/2/gone.img']) AS p;"
    "INSERT INTO repo_document (tenant_id, role, version, bytes, expires_at)"
    " SELECT 1, 'targets', v, convert_to(json_build_object('signatures', json_build_array(),"
    "    'signed', json_build_object('version', v, 'targets', json_build_object('os/h1/1/a.img',"
    "      json_build_object('length', 1, 'hashes', json_build_object('sha256',"
    "        encode(sha256('os/h1/1/a.img'), 'hex')), 'custom', json_build_object("
    "        'type', 'os', 'bb', v, 'a', json_build_array(true, 2, null), 'Z', E'\\\\\"\\n\\u00e4',"
    "        'match', json_build_object('version', 'v', 'name', 'base'))))))::text,"
    "    'UTF8'), now() FROM generate_series(1, 2) AS v;"
    "INSERT INTO repo_document (tenant_id, role, version, bytes, expires_at)"
    " SELECT 1, 'root', v, 'r', now() FROM generate_series(1, 5) AS v;";

static void expect(struct db_sync *sync, const char *sql, const char *text)
{
    const struct db_result *result;
    struct err err = {0};

    cr_assert(db_sync_query(sync, sql, NULL, 0, &result, &err), "%s: %s", sql, err.text);
    cr_expect_str_eq(db_text(result, 0, 0), text, "%s: %s", sql, db_text(result, 0, 0));
}

Test(trust_migration, keeps_what_the_first_schema_held_and_learns_the_signed_entries)
{
    AUTO_FREE char *database = pg_test_empty_database();
    AUTO_FREE char *all = pg_test_migrations();
    AUTO_FREE char *first = first_only(all);
    AUTO_DB_SYNC *sync = NULL;
    unsigned applied;
    struct err err = {0};

    cr_assert(migrate_apply(database, first, &applied, &err), "%s", err.text);
    cr_assert(db_sync_open(database, &sync, &err), "%s", err.text);
    cr_assert(db_sync_run(sync, fill, &err), "%s", err.text);
    cr_assert(migrate_apply(database, all, &applied, &err), "%s", err.text);

    expect(sync, "SELECT count(*) FROM repo_document WHERE repository = 'image'", "7");
    expect(sync, "SELECT match FROM image WHERE path LIKE '%a.img'",
           "{\"name\":\"base\",\"version\":\"v\"}");
    expect(sync,
           "SELECT replace(entry, encode(sha256, 'hex'), 'HASH') FROM image"
           " WHERE path LIKE '%a.img'",
           "{\"custom\":{\"Z\":\"\\\\\\\"\n\xc3\xa4\",\"a\":[true,2,null],\"bb\":2,"
           "\"match\":{\"name\":\"base\",\"version\":\"v\"},\"type\":\"os\"},"
           "\"hashes\":{\"sha256\":\"HASH\"},\"length\":1}");
    expect(sync, "SELECT entry || match || role FROM image WHERE path LIKE '%gone.img'", "targets");
    temp_done();
}

Test(trust_migration, takes_delegated_roles_and_of_the_director_only_roots)
{
    static const struct {
        const char *what;
        const char *repository;
        const char *role;
        bool good;
    } cases[] = {
        {"a delegated role", "image", "os-h1", true},
        {"a bin", "image", "os-h1.bins-0a", true},
        {"the director's root", "director", "root", true},
        {"an image root of the same version", "image", "root", true},
        {"the same again", "image", "root", false},
        {"the director's targets", "director", "targets", false},
        {"a third repository", "mirror", "root", false},
        {"a role that is a path", "image", "os/h1", false},
        {"a role without a name", "image", "", false},
    };
    AUTO_FREE char *database = pg_test_database();
    AUTO_DB_SYNC *sync = NULL;
    struct err err = {0};

    cr_assert(db_sync_open(database, &sync, &err), "%s", err.text);
    cr_assert(db_sync_run(sync, "INSERT INTO tenant (name) VALUES ('t')", &err), "%s", err.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *sql =
            mem_printf("INSERT INTO repo_document (tenant_id, repository, role, version, bytes,"
                       " expires_at) VALUES (1, '%s', '%s', 1, 'x', now())",
                       cases[i].repository, cases[i].role);

        cr_expect_eq(db_sync_run(sync, sql, &err), cases[i].good, "%s: %s", cases[i].what,
                     err.text);
    }
}
