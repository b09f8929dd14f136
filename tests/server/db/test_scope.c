/* What the database is told about whose rows a statement may meet. */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/db_fixture.h"

#define SHOW "SELECT coalesce(current_setting('slipway.tenant', true), '')"

static const struct db_stmt of_one = {
    .name = "of_one",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 2,
    .sql = SHOW ", $1::text, $2::bigint",
};
static const struct db_stmt of_all = {
    .name = "of_all", .scope = DB_EVERY_TENANT, .sql = SHOW ", 'all'"};
static const struct db_stmt of_none = {
    .name = "of_none", .scope = DB_NO_TENANT, .sql = SHOW ", 'none'"};

static struct db_call *bound(struct db_call *call, const char *text, int64_t tenant_id)
{
    db_bind_text(call, text);
    db_bind_i64(call, tenant_id);
    return call;
}

Test(scope, is_the_tenant_of_the_named_parameter_for_this_statement_alone)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};

    fixture_open(&fixture, 1);
    answer_wait(&answer,
                bound(db_call_new(fixture.db, &of_one, answer_done, &answer), "first", 17));
    cr_expect_str_eq(answer.text, "17|first|17");
    answer_wait(&answer, db_call_new(fixture.db, &of_none, answer_done, &answer));
    cr_expect_str_eq(answer.text, "|none", "the tenant before it is forgotten");
    answer_wait(&answer, db_call_new(fixture.db, &of_all, answer_done, &answer));
    cr_expect_str_eq(answer.text, "*|all");
    answer_wait(&answer,
                bound(db_call_new(fixture.db, &of_one, answer_done, &answer), "second", 18));
    cr_expect_str_eq(answer.text, "18|second|18");
    fixture_close(&fixture);
}

struct tx_answer {
    struct fixture *fixture;
    char text[200];
};

static void on_tx(const struct db_result *const *results, size_t count, const struct err *err,
                  void *arg)
{
    struct tx_answer *answer = arg;
    struct buf text;

    cr_assert_null(err);
    buf_init(&text, sizeof(answer->text) - 1);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s=%s ", db_text(results[i], 0, 1), db_text(results[i], 0, 0));
    memcpy(answer->text, buf_text(&text), text.len);
    buf_done(&text);
    fixture_answered(answer->fixture);
}

Test(scope, changes_within_a_transaction_and_no_answer_is_taken_for_another)
{
    struct fixture fixture;
    struct tx_answer answer = {.fixture = &fixture};
    struct db_tx *tx;

    fixture_open(&fixture, 1);
    tx = db_tx_new(fixture.db, on_tx, &answer);
    (void)db_tx_call(tx, &of_none);
    (void)bound(db_tx_call(tx, &of_one), "a", 1);
    (void)bound(db_tx_call(tx, &of_one), "b", 1);
    (void)bound(db_tx_call(tx, &of_one), "c", 2);
    (void)db_tx_call(tx, &of_all);
    (void)db_tx_call(tx, &of_none);
    fixture.pending++;
    db_tx_send(tx);
    fixture_wait(&fixture);
    cr_expect_str_eq(answer.text, "none= a=1 b=1 c=2 all=* none= ");
    fixture_close(&fixture);
}

Test(scope, of_a_failed_statement_does_not_shift_the_answers_behind_it)
{
    static const struct db_stmt fail = {
        .name = "fail", .scope = DB_EVERY_TENANT, .sql = "SELECT 1 / 0"};
    struct fixture fixture;
    struct answer answers[2] = {{.fixture = &fixture}, {.fixture = &fixture}};

    fixture_open(&fixture, 1);
    fixture.pending = 2;
    db_send(db_call_new(fixture.db, &fail, answer_done, &answers[0]));
    db_send(bound(db_call_new(fixture.db, &of_one, answer_done, &answers[1]), "next", 5));
    fixture_wait(&fixture);
    cr_expect_eq(answers[0].code, ERR_INVALID);
    cr_expect_str_eq(answers[1].text, "5|next|5");
    fixture_close(&fixture);
}

Test(scope, is_asked_of_every_statement)
{
    static const struct {
        const char *what;
        struct db_stmt stmt;
        bool good;
    } cases[] = {
        {"none said", {.name = "a", .params = 1}, false},
        {"a tenant without its parameter", {.name = "b", .params = 1, .scope = DB_TENANT}, false},
        {"a parameter behind the last",
         {.name = "c", .params = 1, .scope = DB_TENANT, .tenant_param = 2},
         false},
        {"a parameter of every tenant",
         {.name = "d", .params = 1, .scope = DB_EVERY_TENANT, .tenant_param = 1},
         false},
        {"the last parameter",
         {.name = "e", .params = 2, .scope = DB_TENANT, .tenant_param = 2},
         true},
        {"every tenant", {.name = "f", .scope = DB_EVERY_TENANT}, true},
        {"no tenant", {.name = "g", .scope = DB_NO_TENANT}, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(db_stmt_has_scope(&cases[i].stmt), cases[i].good, "%s", cases[i].what);
}
