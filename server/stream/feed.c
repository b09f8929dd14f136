/*
 * A reading that is asked for while one runs is done after it, so no notice waits for the next. A
 * notification may be lost with its connection: there is a look every few seconds besides.
 */
#include "server/stream/feed.h"

#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/limits.h"
#include "server/store/store_notice.h"
#include "server/stream/hub.h"

struct stream_batch {
    _Atomic unsigned refs;
    int64_t newest;
    size_t count;
    struct stream_notice notices[];
};

struct stream_feed {
    struct loop *loop;
    struct db *db;
    struct loop_timer *timer;
    struct loop_timer *forget;
    struct {
        struct stream_hub *hub;
        struct loop *loop;
    } hubs[WORKERS_MAX];
    unsigned hub_count;
    _Atomic bool is_ready;
    _Atomic int64_t newest;
    _Atomic int64_t oldest;
    _Atomic uint64_t listeners;
    bool is_reading;
    bool again;
};

/* --- batches -----------------------------------------------------------------------------------
 */

void stream_format(int64_t seq, const char *event, const char *data, struct buf *out)
{
    buf_printf(out, "id: %lld\nevent: %s\ndata: ", (long long)seq, event);
    buf_add_text(out, data);
    buf_add_text(out, "\n\n");
}

static struct stream_batch *batch_new(const struct db_result *result, int64_t newest)
{
    size_t rows = db_rows(result);
    struct stream_batch *batch = mem_alloc(sizeof(*batch) + rows * sizeof(batch->notices[0]));

    batch->newest = newest;
    batch->count = rows;
    for (size_t i = 0; i < rows; i++) {
        struct buf text;

        buf_init(&text, STREAM_NOTICE_BYTES_MAX);
        stream_format(db_i64(result, i, 0), db_text(result, i, 2), db_text(result, i, 3), &text);
        if (text.failed) { /* nobody can be told all of it; that it happened, they can */
            buf_reset(&text);
            stream_format(db_i64(result, i, 0), db_text(result, i, 2), "{}", &text);
        }
        batch->notices[i] = (struct stream_notice){
            .seq = db_i64(result, i, 0), .tenant_id = db_i64(result, i, 1), .len = text.len};
        batch->notices[i].text = (char *)buf_take(&text);
    }
    return batch;
}

void stream_batch_unref(struct stream_batch *batch)
{
    if (atomic_fetch_sub(&batch->refs, 1) != 1)
        return;
    for (size_t i = 0; i < batch->count; i++)
        mem_free(batch->notices[i].text);
    mem_free(batch);
}

const struct stream_notice *stream_batch_notices(const struct stream_batch *batch, size_t *count)
{
    *count = batch->count;
    return batch->notices;
}

int64_t stream_batch_newest(const struct stream_batch *batch)
{
    return batch->newest;
}

static void hand_on(struct stream_feed *feed, struct stream_batch *batch)
{
    atomic_store(&batch->refs, feed->hub_count + 1);
    for (unsigned i = 0; i < feed->hub_count; i++)
        stream_hub_post(feed->hubs[i].hub, feed->hubs[i].loop, batch);
    stream_batch_unref(batch);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void on_taken(const struct db_result *result, const struct err *err, void *arg)
{
    struct stream_feed *feed = arg;
    size_t rows = err ? 0 : db_rows(result);

    feed->is_reading = false;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR("stream.read_failed", "reason='%s'", err->text);
    if (rows > 0) {
        int64_t newest = db_i64(result, rows - 1, 0);

        hand_on(feed, batch_new(result, newest));
        atomic_store(&feed->newest, newest);
    }
    if (!err && (feed->again || rows == STREAM_PAGE_ROWS))
        stream_feed_wake(feed);
}

static void on_bounds(const struct db_result *result, const struct err *err, void *arg)
{
    struct stream_feed *feed = arg;

    feed->is_reading = false;
    if (err)
        return; /* the timer asks again */
    if (!atomic_load(&feed->is_ready))
        atomic_store(&feed->newest, db_i64(result, 0, 0));
    atomic_store(&feed->oldest, db_i64(result, 0, 1));
    atomic_store(&feed->is_ready, true);
    stream_feed_wake(feed);
}

void stream_feed_wake(struct stream_feed *feed)
{
    feed->again = feed->is_reading;
    if (feed->is_reading || !feed->timer)
        return;
    feed->is_reading = true;
    if (atomic_load(&feed->is_ready))
        store_notice_take(feed->db, atomic_load(&feed->newest), STREAM_PAGE_ROWS, on_taken, feed);
    else
        store_notice_bounds(feed->db, on_bounds, feed);
}

static void on_time(void *arg)
{
    struct stream_feed *feed = arg;

    loop_timer_set(feed->timer, STREAM_CHECK_MS);
    stream_feed_wake(feed);
}

static void on_oldest(const struct db_result *result, const struct err *err, void *arg)
{
    struct stream_feed *feed = arg;

    if (!err)
        atomic_store(&feed->oldest, db_i64(result, 0, 1));
}

static void on_forgotten(const struct db_result *result, const struct err *err, void *arg)
{
    struct stream_feed *feed = arg;

    (void)result;
    if (err)
        LOG_WARNING("stream.forget_failed", "reason='%s'", err->text);
    else
        store_notice_bounds(feed->db, on_oldest, feed);
}

static void on_forget(void *arg)
{
    struct stream_feed *feed = arg;

    loop_timer_set(feed->forget, STREAM_FORGET_MS);
    store_notice_forget(feed->db, on_forgotten, feed);
}

/* --- the feed ----------------------------------------------------------------------------------
 */

struct stream_feed *stream_feed_new(void)
{
    return mem_alloc(sizeof(struct stream_feed));
}

void stream_feed_free(struct stream_feed *feed)
{
    mem_free(feed);
}

void stream_feed_add(struct stream_feed *feed, struct stream_hub *hub, struct loop *loop)
{
    ASSERT(feed->hub_count < WORKERS_MAX);
    feed->hubs[feed->hub_count].hub = hub;
    feed->hubs[feed->hub_count].loop = loop;
    feed->hub_count++;
}

void stream_feed_start(struct stream_feed *feed, struct loop *loop, struct db *db)
{
    feed->loop = loop;
    feed->db = db;
    feed->timer = loop_timer_new(loop, on_time, feed);
    feed->forget = loop_timer_new(loop, on_forget, feed);
    loop_timer_set(feed->timer, 0);
    loop_timer_set(feed->forget, STREAM_FORGET_MS);
}

void stream_feed_stop(struct stream_feed *feed)
{
    if (!feed)
        return;
    loop_timer_free(feed->timer);
    loop_timer_free(feed->forget);
    feed->timer = feed->forget = NULL;
}

bool stream_feed_ready(const struct stream_feed *feed)
{
    return atomic_load(&feed->is_ready);
}

int64_t stream_feed_newest(const struct stream_feed *feed)
{
    return atomic_load(&feed->newest);
}

int64_t stream_feed_oldest(const struct stream_feed *feed)
{
    return atomic_load(&feed->oldest);
}

bool stream_feed_enter(struct stream_feed *feed)
{
    if (atomic_fetch_add(&feed->listeners, 1) < STREAM_LISTENERS_MAX)
        return true;
    stream_feed_leave(feed);
    return false;
}

void stream_feed_leave(struct stream_feed *feed)
{
    (void)atomic_fetch_sub(&feed->listeners, 1);
}

uint64_t stream_feed_listeners(const struct stream_feed *feed)
{
    return atomic_load(&feed->listeners);
}
