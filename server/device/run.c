/* The piece of the batch that is being done is the last of a stack: halves are pushed onto it. */
#include "server/device/run.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/device/internal.h"
#include "server/limits.h"

/* Halving 512 requests leaves at most this many pieces to do. */
enum { PIECES_MAX = 16 };

struct piece {
    size_t at;
    size_t count;
};

struct run {
    struct device_desk *desk;
    const struct run_kind *kind;
    struct batch *batch;
    struct batch_item *const *items; /* NULL: none is on its way */
    struct piece pieces[PIECES_MAX]; /* the last one is being done */
    size_t piece_count;
    unsigned tries; /* of the last piece */
    struct loop_timer *retry;
};

static void do_piece(struct run *run)
{
    struct piece piece = run->pieces[run->piece_count - 1];

    run->kind->store(run, run->items + piece.at, piece.count);
}

/* The piece is done: on to the next one, or the batch is. */
static void finish_piece(struct run *run)
{
    run->tries = 0;
    if (--run->piece_count > 0) {
        do_piece(run);
        return;
    }
    run->items = NULL;
    batch_sent(run->batch);
}

static void answer_piece(struct run *run, const struct err *err)
{
    struct piece piece = run->pieces[run->piece_count - 1];

    for (size_t i = piece.at; i < piece.at + piece.count; i++) {
        struct http_request *req = run->kind->request_of(run->items[i]);

        if (err)
            http_answer_error(req, err);
        else
            http_answer_json(req, 200, "{}");
    }
}

static void split_piece(struct run *run)
{
    struct piece *piece = &run->pieces[run->piece_count - 1];
    size_t half = piece->count / 2;

    ASSERT(run->piece_count < PIECES_MAX);
    run->pieces[run->piece_count++] = (struct piece){piece->at + half, piece->count - half};
    piece->count = half;
    run->tries = 0;
    do_piece(run);
}

void run_stored(const struct db_result *result, const struct err *err, void *arg)
{
    struct run *run = arg;

    if (!err) {
        run->kind->note(run->desk, result);
        answer_piece(run, NULL);
        finish_piece(run);
        return;
    }
    if (err->code == ERR_UNAVAILABLE && db_is_up(run->desk->place.db) &&
        ++run->tries < REPORT_TRIES_MAX) { /* a deadlock, or one connection of several */
        loop_timer_set(run->retry, REPORT_RETRY_MS);
        return;
    }
    if (err->code != ERR_UNAVAILABLE && run->pieces[run->piece_count - 1].count > 1) {
        split_piece(run);
        return;
    }
    if (err->code != ERR_UNAVAILABLE)
        LOG_WARNING("report.refused", "kind=%s reason='%s'", run->kind->name, err->text);
    answer_piece(run, err);
    finish_piece(run);
}

static void on_retry(void *arg)
{
    do_piece(arg);
}

static void send_run(struct batch_item *const *items, size_t count, void *arg)
{
    struct run *run = arg;

    ASSERT(!run->items);
    run->items = items;
    run->pieces[0] = (struct piece){0, count};
    run->piece_count = 1;
    run->tries = 0;
    do_piece(run);
}

struct run *run_new(struct device_desk *desk, const struct run_kind *kind)
{
    struct run *run = mem_alloc(sizeof(*run));

    run->desk = desk;
    run->kind = kind;
    run->batch = batch_new(desk->place.loop, DEVICE_BATCH_MAX, send_run, run);
    run->retry = loop_timer_new(desk->place.loop, on_retry, run);
    return run;
}

void run_stop(struct run *run)
{
    struct batch_item *item;

    if (run->items) { /* it waits for the timer: the database is closed */
        for (; run->piece_count > 0; run->piece_count--) {
            struct piece piece = run->pieces[run->piece_count - 1];

            for (size_t i = piece.at; i < piece.at + piece.count; i++)
                answer_stopping(run->kind->request_of(run->items[i]));
        }
        run->items = NULL;
        batch_sent(run->batch);
    }
    while ((item = batch_pop(run->batch)) != NULL)
        answer_stopping(run->kind->request_of(item));
}

void run_free(struct run *run)
{
    if (!run)
        return;
    loop_timer_free(run->retry);
    batch_free(run->batch);
    mem_free(run);
}

struct batch *run_batch(struct run *run)
{
    return run->batch;
}

struct device_desk *run_desk(struct run *run)
{
    return run->desk;
}
