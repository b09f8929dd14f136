#pragma once
/*
 * Where a process learns what happened: one reader of notices, on the first worker's loop, woken
 * by PostgreSQL, hands them on to the hub of each worker. However many people listen, a notice is
 * read once.
 */
#include "lib/base/err.h"

struct loop;
struct db;
struct stream_feed;
struct stream_hub;

/* Notices of one reading, shared by the hubs: read only. */
struct stream_notice {
    int64_t seq;
    int64_t tenant_id;
    char *text; /* as the stream sends it */
    size_t len;
};
struct stream_batch;
const struct stream_notice *stream_batch_notices(const struct stream_batch *batch, size_t *count);
/* All notices up to here were handed on. */
int64_t stream_batch_newest(const struct stream_batch *batch);
void stream_batch_unref(struct stream_batch *batch);

/* How a notice looks on the wire; appended to the text. `data` is JSON on one line. */
struct buf;
void stream_format(int64_t seq, const char *event, const char *data, struct buf *out);

struct stream_feed *stream_feed_new(void);
void stream_feed_free(struct stream_feed *feed);
/* Before the loops run. */
void stream_feed_add(struct stream_feed *feed, struct stream_hub *hub, struct loop *loop);
/* Begins to read, on this loop, which is the only one to call what follows. */
void stream_feed_start(struct stream_feed *feed, struct loop *loop, struct db *db);
/* Before the loop is closed. */
void stream_feed_stop(struct stream_feed *feed);
/* There may be something new. */
void stream_feed_wake(struct stream_feed *feed);

/* From any thread. */
bool stream_feed_ready(const struct stream_feed *feed);
int64_t stream_feed_newest(const struct stream_feed *feed);
/* Notices before this one are forgotten. */
int64_t stream_feed_oldest(const struct stream_feed *feed);
/* One more listener; false when there are STREAM_LISTENERS_MAX. */
MUST_USE bool stream_feed_enter(struct stream_feed *feed);
void stream_feed_leave(struct stream_feed *feed);
uint64_t stream_feed_listeners(const struct stream_feed *feed);
