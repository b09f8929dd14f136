#include "server/db/error.h"

#include <string.h>

#include <criterion/criterion.h>

Test(db_error, sqlstates_become_what_the_caller_does_next)
{
    static const struct {
        const char *what;
        const char *sqlstate;
        enum err_code code;
    } cases[] = {
        {"a lost connection", NULL, ERR_UNAVAILABLE},
        {"a lost connection, empty", "", ERR_UNAVAILABLE},
        {"connection_failure", "08006", ERR_UNAVAILABLE},
        {"admin_shutdown", "57P01", ERR_UNAVAILABLE},
        {"cannot_connect_now", "57P03", ERR_UNAVAILABLE},
        {"query_canceled", "57014", ERR_UNAVAILABLE},
        {"too_many_connections", "53300", ERR_UNAVAILABLE},
        {"serialization_failure", "40001", ERR_UNAVAILABLE},
        {"deadlock_detected", "40P01", ERR_UNAVAILABLE},
        {"lock_not_available", "55P03", ERR_UNAVAILABLE},
        {"read_only_sql_transaction", "25006", ERR_UNAVAILABLE},
        {"unique_violation", "23505", ERR_CONFLICT},
        {"foreign_key_violation", "23503", ERR_CONFLICT},
        {"check_violation", "23514", ERR_CONFLICT},
        {"not_null_violation", "23502", ERR_SYSTEM},
        {"invalid_text_representation", "22P02", ERR_INVALID},
        {"raise_exception", "P0001", ERR_INVALID},
        {"no_data_found", "P0002", ERR_NOT_FOUND},
        {"too_many_rows", "P0003", ERR_SYSTEM},
        {"our denial", "SL403", ERR_DENIED},
        {"another operator's business", "SLRBA", ERR_DENIED},
        {"the author's own approval", "SLEYE", ERR_CONFLICT},
        {"syntax_error", "42601", ERR_SYSTEM},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};

        db_error_set(&err, cases[i].sqlstate, "words");
        cr_expect_eq(err.code, cases[i].code, "%s", cases[i].what);
        cr_expect(strstr(err.text, "words"), "%s", cases[i].what);
    }
}

Test(db_error, messages_are_one_line_with_single_quotes)
{
    struct err err;

    db_error_set(&err, "23505", "violates \"x\"\nand more\n");
    cr_assert_str_eq(err.text, "violates 'x' and more");
    db_error_set(&err, NULL, NULL);
    cr_assert_str_eq(err.text, "database: no message");
}

Test(db_error, our_own_sqlstates_have_a_code_for_clients)
{
    struct err err;

    db_error_set(&err, "SLRBA", "no");
    cr_expect_eq(err.refusal, REFUSAL_RBAC);
    db_error_set(&err, "SLEYE", "no");
    cr_expect_eq(err.refusal, REFUSAL_FOUR_EYES);
    db_error_set(&err, "SL403", "no");
    cr_expect_eq(err.refusal, REFUSAL_NONE);
    db_error_set(&err, NULL, "no");
    cr_expect_eq(err.refusal, REFUSAL_NONE);
}
