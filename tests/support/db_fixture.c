/* The loop is driven by hand, turn by turn, until the answers came. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/db/sync.h"
#include "tests/support/db_fixture.h"
#include "tests/support/pg.h"

enum { PATIENCE_MS = 60000 };

static void on_patience(void *arg)
{
    (void)arg;
    cr_assert_fail("an answer is missing");
}

static void open_as(struct fixture *fixture, const char *conninfo, const char *role,
                    unsigned connections)
{
    struct err err;

    *fixture = (struct fixture){.conninfo = mem_strdup(conninfo)};
    cr_assert(loop_open(&fixture->loop, &err), "%s", err.text);
    fixture->patience = loop_timer_new(fixture->loop, on_patience, NULL);
    cr_assert(db_open(fixture->loop, conninfo, role, connections, &fixture->db, &err), "%s",
              err.text);
}

void fixture_open_at(struct fixture *fixture, const char *conninfo, unsigned connections)
{
    open_as(fixture, conninfo, DB_RUNTIME_ROLE, connections);
}

void fixture_open_empty_at(struct fixture *fixture, const char *conninfo, unsigned connections)
{
    open_as(fixture, conninfo, NULL, connections);
}

void fixture_open(struct fixture *fixture, unsigned connections)
{
    AUTO_FREE char *conninfo = pg_test_empty_database();

    open_as(fixture, conninfo, NULL, connections);
}

void fixture_close(struct fixture *fixture)
{
    db_close(fixture->db);
    loop_timer_free(fixture->patience);
    loop_close(fixture->loop);
    mem_free(fixture->conninfo);
}

void fixture_wait(struct fixture *fixture)
{
    loop_timer_set(fixture->patience, PATIENCE_MS);
    while (fixture->pending > 0)
        loop_turn(fixture->loop);
    loop_timer_cancel(fixture->patience);
}

void fixture_answered(struct fixture *fixture)
{
    cr_assert_gt(fixture->pending, 0, "an answer came twice");
    fixture->pending--;
}

static void print_rows(struct answer *answer, const struct db_result *result)
{
    AUTO_BUF text;

    buf_init(&text, sizeof(answer->text) - 1);
    for (size_t row = 0; row < db_rows(result); row++) {
        buf_add_text(&text, row ? ";" : "");
        for (unsigned col = 0; col < db_columns(result); col++)
            buf_printf(&text, "%s%s", col ? "|" : "",
                       db_is_null(result, row, col) ? "NULL" : db_text(result, row, col));
    }
    cr_assert_not(text.failed);
    (void)snprintf(answer->text, sizeof(answer->text), "%s", buf_text(&text));
}

void answer_done(const struct db_result *result, const struct err *err, void *arg)
{
    struct answer *answer = arg;

    cr_assert((result == NULL) != (err == NULL));
    answer->runs++;
    answer->code = err ? err->code : ERR_NONE;
    if (err)
        (void)snprintf(answer->text, sizeof(answer->text), "%s", err->text);
    else
        print_rows(answer, result);
    fixture_answered(answer->fixture);
}

void answer_wait(struct answer *answer, struct db_call *call)
{
    answer->fixture->pending++;
    db_send(call);
    fixture_wait(answer->fixture);
}

void fixture_sql(const struct fixture *fixture, const char *sql)
{
    AUTO_DB_SYNC *sync = NULL;
    struct err err;

    cr_assert(db_sync_open(fixture->conninfo, &sync, &err), "%s", err.text);
    cr_assert(db_sync_run(sync, sql, &err), "%s", err.text);
}

char *fixture_text(const struct fixture *fixture, const char *sql)
{
    AUTO_DB_SYNC *sync = NULL;
    const struct db_result *result = NULL;
    struct err err;

    cr_assert(db_sync_open(fixture->conninfo, &sync, &err), "%s", err.text);
    cr_assert(db_sync_query(sync, sql, NULL, 0, &result, &err), "%s", err.text);
    cr_assert_gt(db_rows(result), 0);
    return mem_strdup(db_is_null(result, 0, 0) ? "" : db_text(result, 0, 0));
}
