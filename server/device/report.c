/*
 * Reports are answered 200 after their commit and not before. A batch that the database could not
 * take, but may the next moment, is tried again, whole; one that it refuses is split in halves
 * until the one report that it refuses stands alone, so that nobody else's is lost with it.
 */
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/store/store_report.h"

/* Halving 512 reports leaves at most this many pieces to do. */
enum { PIECES_MAX = 16 };

struct reporting {
    struct batch_item item;
    struct http_request *req;
    struct fleet_device *device;
    struct wire_report report;
};

struct piece {
    size_t at;
    size_t count;
};

struct report_run {
    struct device_desk *desk;
    struct batch_item *const *items; /* NULL: none is on its way */
    struct piece pieces[PIECES_MAX]; /* the last one is being done */
    size_t piece_count;
    unsigned tries; /* of the last piece */
    struct loop_timer *retry;
};

static struct reporting *reporting_of(struct batch_item *item)
{
    return LIST_OF(item, struct reporting, item);
}

static void run_piece(struct report_run *run);

/* The piece is done: on to the next one, or the batch is. */
static void finish_piece(struct report_run *run)
{
    run->tries = 0;
    if (--run->piece_count > 0) {
        run_piece(run);
        return;
    }
    run->items = NULL;
    batch_sent(run->desk->reports);
}

static void answer_piece(struct report_run *run, const struct err *err)
{
    struct piece piece = run->pieces[run->piece_count - 1];

    for (size_t i = piece.at; i < piece.at + piece.count; i++) {
        struct http_request *req = reporting_of(run->items[i])->req;

        if (err)
            http_answer_error(req, err);
        else
            http_answer_json(req, 200, "{}");
    }
}

static void split_piece(struct report_run *run)
{
    struct piece *piece = &run->pieces[run->piece_count - 1];
    size_t half = piece->count / 2;

    ASSERT(run->piece_count < PIECES_MAX);
    run->pieces[run->piece_count++] = (struct piece){piece->at + half, piece->count - half};
    piece->count = half;
    run->tries = 0;
    run_piece(run);
}

/* What the database said is what memory says from now on. */
static void note_moves(const struct report_run *run, const struct db_result *result)
{
    bool is_moved = false;

    for (size_t row = 0; row < db_rows(result); row++) {
        struct store_reported reported;
        struct fleet_device *device;

        store_reported_read(result, row, &reported);
        is_moved = is_moved || reported.is_moved;
        device = fleet_index_find_row(desk_index(run->desk), reported.standing.device_id);
        if (reported.standing.wants_image)
            fleet_device_stand(device, &reported.standing);
        else if (reported.standing.state != UPDATE_IDLE)
            fleet_device_moved(device, reported.standing.deployment_id, reported.standing.state);
    }
    if (is_moved)
        fleet_moved(run->desk->place.fleet);
}

static void on_stored(const struct db_result *result, const struct err *err, void *arg)
{
    struct report_run *run = arg;

    if (!err) {
        note_moves(run, result);
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
        LOG_WARNING("report.refused", "reason='%s'", err->text);
    answer_piece(run, err);
    finish_piece(run);
}

static void run_piece(struct report_run *run)
{
    struct piece piece = run->pieces[run->piece_count - 1];
    AUTO_FREE struct store_report *reports = mem_array(piece.count, sizeof(*reports));

    for (size_t i = 0; i < piece.count; i++) {
        const struct reporting *reporting = reporting_of(run->items[piece.at + i]);

        reports[i] =
            (struct store_report){fleet_device_row(reporting->device),
                                  fleet_device_tenant(reporting->device), &reporting->report};
    }
    store_report_add(run->desk->place.db, reports, piece.count, on_stored, run);
}

static void on_retry(void *arg)
{
    run_piece(arg);
}

void send_reports(struct batch_item *const *items, size_t count, void *arg)
{
    const struct device_desk *desk = arg;
    struct report_run *run = desk->report_run;

    ASSERT(!run->items);
    run->items = items;
    run->pieces[0] = (struct piece){0, count};
    run->piece_count = 1;
    run->tries = 0;
    run_piece(run);
}

struct report_run *report_run_new(struct device_desk *desk)
{
    struct report_run *run = mem_alloc(sizeof(*run));

    run->desk = desk;
    run->retry = loop_timer_new(desk->place.loop, on_retry, run);
    return run;
}

void report_run_free(struct report_run *run)
{
    if (!run)
        return;
    if (run->items) { /* it waits for the timer: the database is closed */
        for (; run->piece_count > 0; run->piece_count--) {
            struct piece piece = run->pieces[run->piece_count - 1];

            for (size_t i = piece.at; i < piece.at + piece.count; i++)
                answer_stopping(reporting_of(run->items[i])->req);
        }
        batch_sent(run->desk->reports);
    }
    loop_timer_free(run->retry);
    mem_free(run);
}

void refuse_reports(struct batch *batch)
{
    struct batch_item *item;

    while ((item = batch_pop(batch)) != NULL)
        answer_stopping(reporting_of(item)->req);
}

static bool check(const struct device_desk *desk, const struct wire_report *report, struct err *err)
{
    if (report->seq > INT64_MAX || report->bytes > INT64_MAX)
        return err_set(err, ERR_INVALID, "a number is too big");
    return batch_waiting(desk->reports) < REPORT_QUEUE_MAX ||
           err_set(err, ERR_UNAVAILABLE, "too many reports are waiting");
}

void on_report(struct http_request *req, void *app)
{
    struct device_desk *desk = desk_of(app);
    struct reporting *reporting = arena_alloc(req->arena, sizeof(*reporting));
    struct err err;

    reporting->req = req;
    reporting->device = req->identity.device;
    if (!wire_report_parse(req->body, req->body_len, &reporting->report, &err) ||
        !check(desk, &reporting->report, &err)) {
        http_answer_error(req, &err);
        return;
    }
    batch_add(desk->reports, &reporting->item);
}
