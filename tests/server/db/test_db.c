#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/limits.h"
#include "tests/support/db_fixture.h"

static const struct db_stmt echo = {
    .scope = DB_NO_TENANT, .name = "echo", .params = 1, .sql = "SELECT $1::text"};
static const struct db_stmt make_table = {
    .scope = DB_NO_TENANT,
    .name = "make_table",
    .sql = "CREATE TABLE t (id bigint PRIMARY KEY, who integer, note text)"};
static const struct db_stmt add = {
    .scope = DB_NO_TENANT, .name = "add", .params = 1, .sql = "INSERT INTO t (id) VALUES ($1)"};
static const struct db_stmt count = {
    .scope = DB_NO_TENANT, .name = "count", .sql = "SELECT count(*) FROM t"};
static const struct db_stmt broken = {
    .scope = DB_NO_TENANT, .name = "broken", .sql = "SELECT nothing FROM nowhere"};

Test(db, a_call_answers_once_and_later)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct db_call *call;

    fixture_open(&fixture, 1);
    call = db_call_new(fixture.db, &echo, answer_done, &answer);
    db_bind_text(call, "hello");
    fixture.pending = 1;
    db_send(call);
    cr_assert_eq(answer.runs, 0, "never from inside the call");

    fixture_wait(&fixture);

    cr_assert_eq(answer.runs, 1);
    cr_assert_str_eq(answer.text, "hello");
    cr_assert(db_is_up(fixture.db));
    fixture_close(&fixture);
}

struct sequence {
    struct fixture *fixture;
    unsigned expected;
};

static void on_next(const struct db_result *result, const struct err *err, void *arg)
{
    struct sequence *sequence = arg;

    cr_assert_null(err);
    cr_assert_eq(db_i64(result, 0, 0), (int64_t)sequence->expected++);
    fixture_answered(sequence->fixture);
}

Test(db, one_connection_answers_in_the_order_of_sending_also_past_its_pipeline)
{
    enum { CALLS = 3 * DB_PIPELINE_MAX };
    struct fixture fixture;
    struct sequence sequence = {.fixture = &fixture};
    struct db_stats stats;

    fixture_open(&fixture, 1);
    fixture.pending = CALLS;
    for (unsigned i = 0; i < CALLS; i++) {
        struct db_call *call = db_call_new(fixture.db, &echo, on_next, &sequence);

        db_bind_i64(call, i);
        db_send(call);
    }

    fixture_wait(&fixture);

    cr_assert_eq(sequence.expected, CALLS);
    db_stats(fixture.db, &stats);
    cr_assert_eq(stats.sent, CALLS);
    cr_assert_eq(stats.failed, 0);
    cr_assert_eq(stats.connects, 1);
    cr_assert_eq(stats.in_flight + stats.waiting, 0);
    fixture_close(&fixture);
}

static void find_add(const struct db_stmt *stmt, uint64_t sent, void *arg)
{
    if (text_equal(stmt->name, "add"))
        *(uint64_t *)arg = sent;
}

Test(db, a_failing_call_fails_alone_among_its_neighbours)
{
    struct fixture fixture;
    struct answer answers[3] = {
        {.fixture = &fixture}, {.fixture = &fixture}, {.fixture = &fixture}};
    struct answer made = {.fixture = &fixture};
    uint64_t sent = 0;

    fixture_open(&fixture, 1);
    answer_wait(&made, db_call_new(fixture.db, &make_table, answer_done, &made));
    fixture.pending = 3;
    for (size_t i = 0; i < 3; i++) {
        struct db_call *call = db_call_new(fixture.db, &add, answer_done, &answers[i]);

        db_bind_i64(call, i == 2 ? 2 : 1);
        db_send(call);
    }
    fixture_wait(&fixture);

    cr_assert_eq(answers[0].code, ERR_NONE);
    cr_assert_eq(answers[1].code, ERR_CONFLICT);
    cr_assert(strstr(answers[1].text, "t_pkey"), "%s", answers[1].text);
    cr_assert_eq(answers[2].code, ERR_NONE);
    db_each_count(fixture.db, find_add, &sent);
    cr_assert_eq(sent, 3);
    fixture_close(&fixture);
}

Test(db, a_statement_that_cannot_be_prepared_says_so_every_time)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};

    fixture_open(&fixture, 1);
    for (unsigned i = 0; i < 2; i++) {
        answer_wait(&answer, db_call_new(fixture.db, &broken, answer_done, &answer));
        cr_assert_eq(answer.code, ERR_SYSTEM, "%s", answer.text);
    }
    /* What is wrong today may be right tomorrow, on the same connection. */
    fixture_sql(&fixture, "CREATE TABLE nowhere (nothing text)");
    answer_wait(&answer, db_call_new(fixture.db, &broken, answer_done, &answer));
    cr_assert_eq(answer.code, ERR_NONE, "%s", answer.text);
    fixture_close(&fixture);
}

struct tx_answer {
    struct fixture *fixture;
    size_t count;
    int64_t last;
    enum err_code code;
};

static void on_tx(const struct db_result *const *results, size_t results_count,
                  const struct err *err, void *arg)
{
    struct tx_answer *answer = arg;

    answer->count = results_count;
    answer->code = err ? err->code : ERR_NONE;
    answer->last = err ? -1 : db_i64(results[results_count - 1], 0, 0);
    fixture_answered(answer->fixture);
}

static void send_two_and_count(struct fixture *fixture, struct tx_answer *answer, int64_t first,
                               int64_t second)
{
    struct db_tx *tx = db_tx_new(fixture->db, on_tx, answer);

    answer->fixture = fixture;
    db_bind_i64(db_tx_call(tx, &add), first);
    db_bind_i64(db_tx_call(tx, &add), second);
    (void)db_tx_call(tx, &count);
    fixture->pending++;
    db_tx_send(tx);
}

Test(db, a_transaction_happens_whole_or_not_at_all)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct tx_answer good = {0};
    struct tx_answer bad = {0};
    struct tx_answer good_again = {0};

    fixture_open(&fixture, 1);
    answer_wait(&answer, db_call_new(fixture.db, &make_table, answer_done, &answer));
    send_two_and_count(&fixture, &good, 1, 2);
    send_two_and_count(&fixture, &bad, 3, 2);
    send_two_and_count(&fixture, &good_again, 3, 4);
    fixture_wait(&fixture);

    cr_assert_eq(good.code, ERR_NONE);
    cr_assert_eq(good.count, 3);
    cr_assert_eq(good.last, 2);
    cr_assert_eq(bad.code, ERR_CONFLICT);
    cr_assert_eq(bad.count, 0);
    cr_assert_eq(good_again.last, 4, "row 3 of the failed one was rolled back");
    fixture_close(&fixture);
}

Test(db, a_commit_that_fails_is_an_error)
{
    static const struct db_stmt child = {
        .scope = DB_NO_TENANT, .name = "child", .sql = "INSERT INTO child (parent) VALUES (1)"};
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};

    fixture_open(&fixture, 1);
    fixture_sql(&fixture, "CREATE TABLE parent (id integer PRIMARY KEY);"
                          "CREATE TABLE child (parent integer REFERENCES parent"
                          " DEFERRABLE INITIALLY DEFERRED)");
    answer_wait(&answer, db_call_new(fixture.db, &child, answer_done, &answer));
    cr_assert_eq(answer.code, ERR_CONFLICT, "%s", answer.text);
    cr_assert(strstr(answer.text, "child_parent_fkey"), "%s", answer.text);
    fixture_close(&fixture);
}

Test(db, what_sql_raises_arrives_as_our_codes)
{
    static const struct db_stmt raise = {
        .scope = DB_NO_TENANT, .name = "raise", .params = 2, .sql = "SELECT raise($1, $2)"};
    static const struct {
        const char *sqlstate;
        enum err_code code;
    } cases[] = {
        {"P0001", ERR_INVALID},     {"P0002", ERR_NOT_FOUND}, {"SL400", ERR_INVALID},
        {"SL403", ERR_DENIED},      {"SL404", ERR_NOT_FOUND}, {"SL409", ERR_CONFLICT},
        {"40001", ERR_UNAVAILABLE}, {"XX000", ERR_SYSTEM},
    };
    struct fixture fixture;

    fixture_open(&fixture, 2);
    fixture_sql(&fixture, "CREATE FUNCTION raise(code text, words text) RETURNS void"
                          " LANGUAGE plpgsql AS $$ BEGIN"
                          " RAISE EXCEPTION USING ERRCODE = code, MESSAGE = words; END $$");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer answer = {.fixture = &fixture};
        struct db_call *call = db_call_new(fixture.db, &raise, answer_done, &answer);

        db_bind_text(call, cases[i].sqlstate);
        db_bind_text(call, "the \"group\" is full");
        answer_wait(&answer, call);
        cr_expect_eq(answer.code, cases[i].code, "%s", cases[i].sqlstate);
        cr_expect(strstr(answer.text, "the 'group' is full"), "%s", answer.text);
    }
    fixture_close(&fixture);
}

/* Each takes its own lock, waits until the other has done so, and wants the other's. */
static void send_crossing(struct fixture *fixture, struct tx_answer *answer, int64_t own,
                          int64_t other)
{
    static const struct db_stmt hurry = {.scope = DB_NO_TENANT,
                                         .name = "hurry",
                                         .sql =
                                             "SELECT set_config('deadlock_timeout', '10ms', true)"};
    static const struct db_stmt take = {.scope = DB_NO_TENANT,
                                        .name = "take",
                                        .params = 1,
                                        .sql = "SELECT 0 FROM pg_advisory_xact_lock($1)"};
    static const struct db_stmt see = {
        .scope = DB_NO_TENANT, .name = "see", .params = 1, .sql = "SELECT see($1)"};
    struct db_tx *tx = db_tx_new(fixture->db, on_tx, answer);

    answer->fixture = fixture;
    (void)db_tx_call(tx, &hurry);
    db_bind_i64(db_tx_call(tx, &take), own);
    db_bind_i64(db_tx_call(tx, &see), other);
    db_bind_i64(db_tx_call(tx, &take), other);
    fixture->pending++;
    db_tx_send(tx);
}

Test(db, a_deadlock_is_unavailable_so_that_the_caller_tries_again)
{
    struct fixture fixture;
    struct tx_answer answers[2];
    struct db_stats stats;

    fixture_open(&fixture, 2);
    fixture_sql(&fixture, "CREATE FUNCTION see(lock bigint) RETURNS void LANGUAGE plpgsql AS $$"
                          " BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks AS l"
                          " JOIN pg_database AS d ON d.oid = l.database"
                          " WHERE d.datname = current_database() AND l.locktype = 'advisory'"
                          " AND l.objid = lock::oid) LOOP PERFORM pg_sleep(0.001);"
                          " END LOOP; END $$");
    do { /* both connections are needed */
        loop_turn(fixture.loop);
        db_stats(fixture.db, &stats);
    } while (stats.connects < 2);
    send_crossing(&fixture, &answers[0], 1, 2);
    send_crossing(&fixture, &answers[1], 2, 1);
    fixture_wait(&fixture);
    cr_assert((answers[0].code == ERR_UNAVAILABLE) != (answers[1].code == ERR_UNAVAILABLE));
    fixture_close(&fixture);
}

Test(db, waiting_calls_are_refused_above_their_number_and_end_when_nobody_answers)
{
    enum { OVER = 3 };
    struct fixture fixture;
    struct answer *answers = mem_array(DB_WAITING_MAX + OVER, sizeof(*answers));
    struct db_stats stats;

    fixture_open_empty_at(&fixture, "host=/nonexistent dbname=none", 1);
    fixture.pending = DB_WAITING_MAX + OVER;
    for (size_t i = 0; i < DB_WAITING_MAX + OVER; i++) {
        struct db_call *call = db_call_new(fixture.db, &echo, answer_done, &answers[i]);

        answers[i].fixture = &fixture;
        db_bind_text(call, "x");
        db_send(call);
    }
    db_stats(fixture.db, &stats);
    cr_assert_eq(stats.waiting, DB_WAITING_MAX);
    cr_assert_not(db_is_up(fixture.db));
    while (fixture.pending > DB_WAITING_MAX)
        loop_turn(fixture.loop);
    for (size_t i = 0; i < DB_WAITING_MAX + OVER; i++)
        cr_assert_eq(answers[i].runs, i < DB_WAITING_MAX ? 0 : 1, "call %zu", i);

    fixture_wait(&fixture);

    for (size_t i = 0; i < DB_WAITING_MAX + OVER; i++)
        cr_assert_eq(answers[i].code, ERR_UNAVAILABLE);
    db_stats(fixture.db, &stats);
    cr_assert_eq(stats.failed, DB_WAITING_MAX + OVER);
    cr_assert_eq(stats.sent, 0);
    fixture_close(&fixture);
    mem_free(answers);
}

Test(db, closing_ends_every_call)
{
    static const struct db_stmt sleep_long = {
        .scope = DB_NO_TENANT, .name = "sleep", .sql = "SELECT pg_sleep(600)"};
    struct fixture fixture;
    struct answer answers[3] = {
        {.fixture = &fixture}, {.fixture = &fixture}, {.fixture = &fixture}};
    struct answer first = {.fixture = &fixture};
    struct db_stats stats;

    fixture_open(&fixture, 1);
    answer_wait(&first, db_call_new(fixture.db, &count, answer_done, &first)); /* now it is up */
    fixture.pending = 3;
    db_send(db_call_new(fixture.db, &sleep_long, answer_done, &answers[0]));
    do {
        loop_turn(fixture.loop);
        db_stats(fixture.db, &stats);
    } while (stats.in_flight == 0);
    db_send(db_call_new(fixture.db, &count, answer_done, &answers[1]));
    db_send(db_call_new(fixture.db, &count, answer_done, &answers[2]));
    db_call_free(db_call_new(fixture.db, &count, answer_done, NULL)); /* never sent */

    fixture_close(&fixture);

    cr_assert_eq(fixture.pending, 0);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(answers[i].code, ERR_UNAVAILABLE);
}

Test(db, a_connection_string_that_makes_no_sense_is_refused)
{
    struct loop *loop;
    struct db *db = NULL;
    struct err err;

    cr_assert(loop_open(&loop, &err));
    cr_assert_not(db_open(loop, "host=here nonsense", NULL, 1, &db, &err));
    cr_assert_eq(err.code, ERR_INVALID);
    cr_assert_null(db);
    loop_close(loop);
}
