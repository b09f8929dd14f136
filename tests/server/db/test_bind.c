#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/limits.h"
#include "tests/support/db_fixture.h"

static const struct db_stmt scalars = {
    .scope = DB_NO_TENANT,
    .name = "scalars",
    .params = 8,
    .sql = "SELECT $1::text, $2::bigint, $3::smallint, $4::boolean, $5::bytea, $6::timestamptz,"
           " $7::jsonb->>'a', $8::uuid",
};

Test(bind, scalars_arrive_as_they_were)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct db_call *call;

    fixture_open(&fixture, 1);
    call = db_call_new(fixture.db, &scalars, answer_done, &answer);
    db_bind_text(call, "it's \\ \"so\"");
    db_bind_i64(call, INT64_MIN);
    db_bind_i64(call, -7);
    db_bind_bool(call, true);
    db_bind_bytes(call, "a\0b", 3);
    db_bind_time_ms(call, 1795370400123);
    db_bind_json(call, "{\"a\":\"b\"}");
    db_bind_text(call, "00000000-0000-0000-0000-00000000002a");
    answer_wait(&answer, call);

    cr_assert_str_eq(answer.text, "it's \\ \"so\"|-9223372036854775808|-7|t|\\x610062|"
                                  "2026-11-22 18:00:00.123+00|b|"
                                  "00000000-0000-0000-0000-00000000002a");
    fixture_close(&fixture);
}

Test(bind, null_pointers_and_null_are_sql_null)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct db_call *call;

    fixture_open(&fixture, 1);
    call = db_call_new(fixture.db, &scalars, answer_done, &answer);
    db_bind_text(call, NULL);
    db_bind_null(call);
    db_bind_i64(call, 0);
    db_bind_bool(call, false);
    db_bind_bytes(call, NULL, 0);
    db_bind_time_ms(call, 0);
    db_bind_json(call, NULL);
    db_bind_text_len(call, NULL, 5);
    answer_wait(&answer, call);

    cr_assert_str_eq(answer.text, "NULL|NULL|0|f|NULL|1970-01-01 00:00:00+00|NULL|NULL");
    fixture_close(&fixture);
}

static const struct db_stmt arrays = {
    .scope = DB_NO_TENANT,
    .name = "arrays",
    .params = 5,
    .sql = "SELECT i, n, w, s, b FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[],"
           " $4::text[], $5::bytea[]) AS u (i, n, w, s, b)",
};

Test(bind, arrays_arrive_as_they_were)
{
    static const int64_t i64s[] = {1, -2, INT64_MAX};
    static const int32_t i32s[] = {INT32_MIN, 0, 5};
    static const int64_t times_ms[] = {0, 946684800000, 1795370400500};
    static const char *const texts[] = {"a,{}\"", NULL, ""};
    static const struct db_slice slices[] = {{"\0\xff", 2}, {NULL, 0}, {"", 0}};
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct db_call *call;

    fixture_open(&fixture, 1);
    call = db_call_new(fixture.db, &arrays, answer_done, &answer);
    db_bind_i64_array(call, i64s, 3);
    db_bind_i32_array(call, i32s, 3);
    db_bind_time_ms_array(call, times_ms, 3);
    db_bind_text_array(call, texts, 3);
    db_bind_bytes_array(call, slices, 3);
    answer_wait(&answer, call);
    cr_assert_str_eq(answer.text, "1|-2147483648|1970-01-01 00:00:00+00|a,{}\"|\\x00ff;"
                                  "-2|0|2000-01-01 00:00:00+00|NULL|NULL;"
                                  "9223372036854775807|5|2026-11-22 18:00:00.5+00||\\x");

    call = db_call_new(fixture.db, &arrays, answer_done, &answer);
    db_bind_i64_array(call, NULL, 0);
    db_bind_i32_array(call, NULL, 0);
    db_bind_time_ms_array(call, NULL, 0);
    db_bind_text_array(call, NULL, 0);
    db_bind_bytes_array(call, NULL, 0);
    answer_wait(&answer, call);
    cr_assert_eq(answer.code, ERR_NONE);
    cr_assert_str_eq(answer.text, "", "an empty array has no rows");
    fixture_close(&fixture);
}

Test(bind, refuses_a_nul_in_text_and_values_that_are_too_long)
{
    static const struct db_stmt length = {
        .scope = DB_NO_TENANT, .name = "length", .params = 1, .sql = "SELECT length($1::text)"};
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    char *big = mem_alloc(DB_CALL_BYTES_MAX + 1u);
    struct db_call *call;

    fixture_open(&fixture, 1);
    call = db_call_new(fixture.db, &length, answer_done, &answer);
    db_bind_text_len(call, "a\0b", 3);
    answer_wait(&answer, call);
    cr_assert_eq(answer.code, ERR_INVALID);

    memset(big, 'x', DB_CALL_BYTES_MAX + 1u);
    call = db_call_new(fixture.db, &length, answer_done, &answer);
    db_bind_text_len(call, big, DB_CALL_BYTES_MAX + 1u);
    answer_wait(&answer, call);
    cr_assert_eq(answer.code, ERR_LIMIT);

    call = db_call_new(fixture.db, &length, answer_done, &answer);
    db_bind_text_len(call, big, 9u << 20);
    answer_wait(&answer, call);
    cr_assert_str_eq(answer.text, "9437184", "more than fits into the socket at once");
    mem_free(big);
    fixture_close(&fixture);
}
