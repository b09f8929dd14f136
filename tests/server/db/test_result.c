#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/db/sync.h"
#include "tests/support/pg.h"

static struct db_sync *connect(void)
{
    AUTO_FREE char *conninfo = pg_test_empty_database();
    struct db_sync *sync;
    struct err err;

    cr_assert(db_sync_open(conninfo, &sync, &err), "%s", err.text);
    return sync;
}

static const struct db_result *query(struct db_sync *sync, const char *sql)
{
    const struct db_result *result = NULL;
    struct err err;

    cr_assert(db_sync_query(sync, sql, NULL, 0, &result, &err), "%s", err.text);
    return result;
}

Test(result, columns_are_read_as_what_they_are)
{
    AUTO_DB_SYNC *sync = connect();
    const struct db_result *result = query(
        sync, "SELECT 'x'::text, (-5)::smallint, true, NULL::text, NULL::bigint, '\\x00ff'::bytea");
    uint8_t bytes[2];
    AUTO_BUF more;

    cr_assert_eq(db_rows(result), 1);
    cr_assert_eq(db_columns(result), 6);
    cr_assert_str_eq(db_text(result, 0, 0), "x");
    cr_assert_eq(db_i64(result, 0, 1), -5);
    cr_assert(db_bool(result, 0, 2));
    cr_assert(db_is_null(result, 0, 3));
    cr_assert_str_eq(db_text(result, 0, 3), "");
    cr_assert_eq(db_i64(result, 0, 4), 0);
    cr_assert_eq(db_bytes_len(result, 0, 5), 2);
    cr_assert(db_bytes(result, 0, 5, bytes, 2));
    cr_assert_arr_eq(bytes, "\x00\xff", 2);
    buf_init(&more, 100);
    buf_add_text(&more, "<");
    db_bytes_add(result, 0, 5, &more);
    cr_assert_eq(more.len, 3);
    cr_assert_arr_eq(more.data, "<\x00\xff", 3);
}

Test(result, bytes_of_another_length_or_null_are_refused)
{
    AUTO_DB_SYNC *sync = connect();
    const struct db_result *result = query(sync, "SELECT '\\x0102'::bytea, NULL::bytea, ''::bytea");
    uint8_t bytes[3];
    AUTO_BUF small;

    cr_assert_not(db_bytes(result, 0, 0, bytes, 1));
    cr_assert_not(db_bytes(result, 0, 0, bytes, 3));
    cr_assert_not(db_bytes(result, 0, 1, bytes, 0));
    cr_assert(db_bytes(result, 0, 2, bytes, 0));
    cr_assert_eq(db_bytes_len(result, 0, 1), 0);
    buf_init(&small, 1);
    db_bytes_add(result, 0, 0, &small);
    cr_assert(small.failed);
}

Test(result, times_are_milliseconds_cut_not_rounded)
{
    static const struct {
        const char *sql;
        int64_t time_ms;
    } cases[] = {
        {"SELECT timestamptz '1970-01-01 00:00:00+00'", 0},
        {"SELECT timestamptz '2026-11-22 18:00:00+00'", 1795370400000},
        {"SELECT timestamptz '2026-11-22 19:00:00.1+01'", 1795370400100},
        {"SELECT timestamptz '2026-11-22 18:00:00.123999+00'", 1795370400123},
        {"SELECT NULL::timestamptz", 0},
    };
    AUTO_DB_SYNC *sync = connect();

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(db_time_ms(query(sync, cases[i].sql), 0, 0), cases[i].time_ms, "%s",
                     cases[i].sql);
}

Test(result, touched_rows_are_counted)
{
    AUTO_DB_SYNC *sync = connect();

    cr_assert_eq(db_affected(query(sync, "CREATE TABLE t (a integer)")), 0);
    cr_assert_eq(db_affected(query(sync, "INSERT INTO t VALUES (1), (2), (3)")), 3);
    cr_assert_eq(db_affected(query(sync, "UPDATE t SET a = 4 WHERE a > 1")), 2);
}

Test(sync, errors_have_our_codes_and_quoting_doubles_quotes)
{
    AUTO_DB_SYNC *sync = connect();
    AUTO_DB_SYNC *none = NULL;
    AUTO_FREE char *quoted = db_sync_quote_name("a\"b");
    const char *values[] = {"not-a-uuid"};
    const struct db_result *result;
    struct err err;

    cr_assert_str_eq(quoted, "\"a\"\"b\"");
    cr_assert_not(db_sync_run(sync, "SELEC", &err));
    cr_assert_eq(err.code, ERR_SYSTEM);
    cr_assert_not(db_sync_query(sync, "SELECT $1::uuid", values, 1, &result, &err));
    cr_assert_eq(err.code, ERR_INVALID, "%s", err.text);
    cr_assert_not(db_sync_open("host=/nonexistent", &none, &err));
    cr_assert_eq(err.code, ERR_UNAVAILABLE);
}
