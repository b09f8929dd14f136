#include "server/db/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/db/sync.h"
#include "tests/support/pg.h"

static char dir[] = "/tmp/slipway-migrate-XXXXXX";
static char *conninfo;

static void put(const char *name, const char *sql)
{
    AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
    struct err err;

    cr_assert(file_write(path, 0600, sql, strlen(sql), &err), "%s", err.text);
}

static void drop(const char *name)
{
    AUTO_FREE char *path = mem_printf("%s/%s", dir, name);

    cr_assert_eq(remove(path), 0);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    conninfo = pg_test_empty_database();
    put("0001_first.sql", "CREATE TABLE a (x integer); INSERT INTO a VALUES (1);");
    put("0002_second.sql", "INSERT INTO a VALUES (2);");
    put("README", "not a migration");
}

static void teardown(void)
{
    struct err err;

    cr_assert(file_remove_tree(dir, &err), "%s", err.text);
    mem_free(conninfo);
}

static unsigned apply(void)
{
    unsigned applied = 99;
    struct err err;

    cr_assert(migrate_apply(conninfo, dir, &applied, &err), "%s", err.text);
    return applied;
}

static void expect_refusal(enum err_code code, const char *words)
{
    unsigned applied;
    struct err check;
    struct err again;

    cr_assert_not(migrate_check(conninfo, dir, &check));
    cr_assert_eq(check.code, code, "%s", check.text);
    cr_assert(strstr(check.text, words), "%s", check.text);
    cr_assert_not(migrate_apply(conninfo, dir, &applied, &again));
    cr_assert_str_eq(again.text, check.text);
}

static int64_t rows(const char *table)
{
    AUTO_FREE char *sql = mem_printf("SELECT count(*) FROM %s", table);
    AUTO_DB_SYNC *sync = NULL;
    const struct db_result *result;
    struct err err;

    cr_assert(db_sync_open(conninfo, &sync, &err), "%s", err.text);
    cr_assert(db_sync_query(sync, sql, NULL, 0, &result, &err), "%s", err.text);
    return db_i64(result, 0, 0);
}

TestSuite(migrate, .init = setup, .fini = teardown);

Test(migrate, each_file_is_applied_once_and_in_order)
{
    struct err err;

    cr_assert_eq(apply(), 2);
    cr_assert_eq(apply(), 0);
    put("0003_third.sql", "INSERT INTO a SELECT max(x) + 1 FROM a;");
    cr_assert_eq(apply(), 1);
    cr_assert_eq(rows("a"), 3);
    cr_assert(migrate_check(conninfo, dir, &err), "%s", err.text);
}

Test(migrate, a_database_that_lacks_something_is_refused_with_the_command_to_run)
{
    struct err err;

    cr_assert_not(migrate_check(conninfo, dir, &err));
    cr_assert_eq(err.code, ERR_CONFLICT);
    cr_assert_str_eq(err.text, "the database lacks migration '0001_first': run 'slipwayd migrate'");
    cr_assert_eq(apply(), 2);
    put("0003_third.sql", "");
    cr_assert_not(migrate_check(conninfo, dir, &err));
    cr_assert_str_eq(err.text, "the database lacks migration '0003_third': run 'slipwayd migrate'");
}

Test(migrate, a_newer_database_is_refused)
{
    cr_assert_eq(apply(), 2);
    drop("0002_second.sql");
    expect_refusal(ERR_CONFLICT, "newer than this program: it has migration '0002_second'");
}

Test(migrate, a_file_that_was_edited_after_it_was_applied_is_refused)
{
    cr_assert_eq(apply(), 2);
    put("0002_second.sql", "INSERT INTO a VALUES (2); -- and a comment");
    expect_refusal(ERR_CONFLICT, "'0002_second' was edited after it was applied");
}

Test(migrate, a_migration_that_fails_leaves_nothing_behind)
{
    unsigned applied;
    struct err err;

    put("0002_second.sql", "CREATE TABLE half (x integer); SELECT nonsense;");
    cr_assert_not(migrate_apply(conninfo, dir, &applied, &err));
    cr_assert(strstr(err.text, "0002_second"), "%s", err.text);
    cr_assert_eq(rows("pg_class WHERE relname = 'half'"), 0);
    cr_assert_eq(rows("schema_migration"), 1);
    put("0002_second.sql", "CREATE TABLE half (x integer);");
    cr_assert_eq(apply(), 1);
}

Test(migrate, folders_that_make_no_sense_are_refused)
{
    static const struct {
        const char *name;
        const char *words;
    } cases[] = {
        {"0002_twice.sql", "two migrations have the number"},
        {"0004_gap.sql", "0003 is missing"},
        {"third.sql", "is not named NNNN_what.sql"},
        {"0000_zero.sql", "is not named NNNN_what.sql"},
        {"0003_.sql", "is not named NNNN_what.sql"},
        {"0003_Capital.sql", "is not named NNNN_what.sql"},
        {"00003_long.sql", "is not named NNNN_what.sql"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err;

        put(cases[i].name, "SELECT 1;");
        cr_expect_not(migrate_check(conninfo, dir, &err), "%s", cases[i].name);
        cr_expect(strstr(err.text, cases[i].words), "%s: %s", cases[i].name, err.text);
        drop(cases[i].name);
    }
    drop("0001_first.sql");
    drop("0002_second.sql");
    expect_refusal(ERR_NOT_FOUND, "holds no migrations");
}

Test(migrate, this_checkouts_own_migrations_are_found_and_apply)
{
    AUTO_FREE char *own = pg_test_migrations();
    AUTO_FREE char *database = pg_test_database();
    struct err err;

    cr_assert(migrate_check(database, own, &err), "%s", err.text);
}
