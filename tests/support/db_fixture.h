#pragma once
/* A loop and a pool on a fresh database, and a way to wait for answers. */
#include "lib/loop/loop.h"
#include "server/db/db.h"

struct fixture {
    char *conninfo;
    struct loop *loop;
    struct db *db;
    struct loop_timer *patience;
    unsigned pending; /* answers still to come; at 0 fixture_wait() returns */
};

void fixture_open(struct fixture *fixture, unsigned connections);
/* Of a migrated database: as the server, in its runtime role ... */
void fixture_open_at(struct fixture *fixture, const char *conninfo, unsigned connections);
/* ... of one that has no such role: as who logs in. */
void fixture_open_empty_at(struct fixture *fixture, const char *conninfo, unsigned connections);
void fixture_close(struct fixture *fixture);
/* Runs the loop until `pending` is 0; fails the test after a long time. */
void fixture_wait(struct fixture *fixture);
/* One answer came. */
void fixture_answered(struct fixture *fixture);

/* The answer to one call, in text: "a|b;c|d" for rows, "error-code: text" for errors. */
struct answer {
    struct fixture *fixture;
    unsigned runs; /* how often `done` ran */
    enum err_code code;
    char text[512];
};
db_done_fn answer_done;
/* Sends a bound call that was made with answer_done and `answer`, and waits for the answer. */
void answer_wait(struct answer *answer, struct db_call *call);
/* Statement without values, on a connection of its own, outside the pool. */
void fixture_sql(const struct fixture *fixture, const char *sql);
/* The first column of the first row; the caller frees it. */
char *fixture_text(const struct fixture *fixture, const char *sql);
