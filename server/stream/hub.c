/*
 * Numbers are given in the order of commits (slipway_notices()), so a listener's place is one
 * number. A page that was not full, asked for when the hub stood at N, means: nothing of the
 * listener's tenant is missing up to N.
 */
#include "server/stream/hub.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/auth/operator.h"
#include "server/http/http.h"
#include "server/limits.h"
#include "server/store/store_notice.h"
#include "server/stream/feed.h"

struct stream_hub {
    struct stream_feed *feed;
    struct loop *loop; /* NULL: stopped */
    struct db *db;
    struct auth_tokens *tokens;
    struct loop_timer *beat;
    struct list listeners;
    int64_t newest; /* all up to here was given to live listeners */
};

struct listener {
    struct list link;
    struct stream_hub *hub;
    struct http_request *req; /* NULL: over, and only the page on its way holds it */
    int64_t tenant_id;
    int64_t cursor; /* all up to here was sent */
    int64_t asked;  /* where the hub stood when the page was asked for */
    bool is_live;
    bool is_paging;
    bool is_full; /* its client has to take something first */
};

struct post {
    struct stream_hub *hub;
    struct stream_batch *batch;
};

/* --- the end of a listener ----------------------------------------------------------------------
 */

/* Its last words name the event and why; the client comes again from where it was. */
static void end_listener(struct listener *listener, const char *event, const char *reason)
{
    struct http_request *req = listener->req;
    char *last;

    ASSERT(req); /* it ends once */
    last = arena_printf(req->arena, "event: %s\ndata: {\"reason\":\"%s\"}\n\n", event, reason);
    listener->req = NULL;
    list_remove(&listener->link);
    stream_feed_leave(listener->hub->feed);
    http_answer_stream_end(req, last, strlen(last));
    if (!listener->is_paging)
        loop_defer_free(listener->hub->loop, mem_free, listener);
}

/* The client left, or the server stops: one of them reads the last words. */
static void on_gone(void *arg)
{
    end_listener(arg, "stream.end", "the server stops");
}

/* --- catching up --------------------------------------------------------------------------------
 */

static void on_page(const struct db_result *result, const struct err *err, void *arg);

static void read_page(struct listener *listener)
{
    listener->is_paging = true;
    listener->asked = listener->hub->newest;
    store_notice_page(listener->hub->db, listener->tenant_id, listener->cursor, STREAM_PAGE_ROWS,
                      on_page, listener);
}

static bool send_text(const struct listener *listener, const char *text, size_t len)
{
    return http_answer_stream_write(listener->req, text, len);
}

/* False when the client has to take something first. */
static bool send_page(struct listener *listener, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++) {
        AUTO_BUF text;

        buf_init(&text, STREAM_NOTICE_BYTES_MAX);
        stream_format(db_i64(result, row, 0), db_text(result, row, 2), db_text(result, row, 3),
                      &text);
        if (!text.failed && !send_text(listener, buf_text(&text), text.len))
            return false;
        listener->cursor = db_i64(result, row, 0);
    }
    return true;
}

static void on_page(const struct db_result *result, const struct err *err, void *arg)
{
    struct listener *listener = arg;
    const struct stream_hub *hub = listener->hub;

    listener->is_paging = false;
    if (!listener->req) {
        mem_free(listener);
        return;
    }
    if (err) {
        if (err->code != ERR_UNAVAILABLE)
            LOG_ERROR("stream.page_failed", "reason='%s'", err->text);
        end_listener(listener, "stream.cut", "the database cannot answer now");
        return;
    }
    listener->is_full = !send_page(listener, result);
    if (listener->is_full)
        return;
    if (db_rows(result) < STREAM_PAGE_ROWS && listener->asked > listener->cursor)
        listener->cursor = listener->asked;
    listener->is_live = db_rows(result) < STREAM_PAGE_ROWS && listener->cursor >= hub->newest;
    if (!listener->is_live)
        read_page(listener);
}

static void on_room(void *arg)
{
    struct listener *listener = arg;

    if (!listener->is_full)
        return;
    listener->is_full = false;
    read_page(listener);
}

/* --- live ---------------------------------------------------------------------------------------
 */

static void give(struct stream_hub *hub, const struct stream_notice *notice)
{
    LIST_EACH(link, &hub->listeners)
    {
        struct listener *listener = LIST_OF(link, struct listener, link);

        if (!listener->is_live || listener->tenant_id != notice->tenant_id ||
            notice->seq <= listener->cursor)
            continue;
        if (send_text(listener, notice->text, notice->len))
            listener->cursor = notice->seq;
        else
            end_listener(listener, "stream.cut", "too slow: come again from the last id");
    }
}

static void on_post(void *arg)
{
    struct post *post = arg;
    size_t count;
    const struct stream_notice *notices = stream_batch_notices(post->batch, &count);

    if (post->hub->loop) {
        for (size_t i = 0; i < count; i++)
            give(post->hub, &notices[i]);
        post->hub->newest = stream_batch_newest(post->batch);
    }
    stream_batch_unref(post->batch);
    mem_free(post);
}

void stream_hub_post(struct stream_hub *hub, struct loop *loop, struct stream_batch *batch)
{
    struct post *post = mem_alloc(sizeof(*post));

    *post = (struct post){.hub = hub, .batch = batch};
    loop_post(loop, on_post, post);
}

/* --- the heartbeat: is the client there, and may it still listen? -------------------------------
 */

static bool may_listen(const struct stream_hub *hub, struct http_request *req)
{
    static const char scheme[] = "Bearer ";
    const char *value = http_header(req, "authorization");
    struct err err;

    return !value || authenticate_operator(req, value + sizeof(scheme) - 1, hub->tokens, &err) ||
           err.code != ERR_DENIED;
}

static void on_beat(void *arg)
{
    static const char beat[] = ":\n\n";
    struct stream_hub *hub = arg;

    LIST_EACH(link, &hub->listeners)
    {
        struct listener *listener = LIST_OF(link, struct listener, link);

        if (!may_listen(hub, listener->req))
            end_listener(listener, "stream.end", "the token is not valid any more");
        else if (!listener->is_full && !send_text(listener, beat, sizeof(beat) - 1))
            end_listener(listener, "stream.cut", "too slow: come again from the last id");
    }
    loop_timer_set(hub->beat, STREAM_BEAT_MS);
}

/* --- the hub ------------------------------------------------------------------------------------
 */

struct stream_hub *stream_hub_new(struct stream_feed *feed, struct loop *loop, struct db *db,
                                  struct auth_tokens *tokens)
{
    struct stream_hub *hub = mem_alloc(sizeof(*hub));

    *hub = (struct stream_hub){.feed = feed, .loop = loop, .db = db, .tokens = tokens};
    list_init(&hub->listeners);
    hub->beat = loop_timer_new(loop, on_beat, hub);
    loop_timer_set(hub->beat, STREAM_BEAT_MS);
    stream_feed_add(feed, hub, loop);
    return hub;
}

void stream_hub_stop(struct stream_hub *hub)
{
    if (!hub || !hub->loop)
        return;
    while (!list_is_empty(&hub->listeners))
        end_listener(LIST_OF(hub->listeners.next, struct listener, link), "stream.end",
                     "the server stops");
    loop_timer_free(hub->beat);
    hub->loop = NULL;
}

void stream_hub_free(struct stream_hub *hub)
{
    mem_free(hub);
}

static bool greet(struct listener *listener, int64_t after)
{
    static const char hello[] = "retry: 2000\n\n";
    static const char gap[] =
        "event: stream.gap\ndata: {\"reason\":\"older notices are forgotten\"}\n\n";
    bool is_gap = after >= 0 && after + 1 < stream_feed_oldest(listener->hub->feed);

    return send_text(listener, hello, sizeof(hello) - 1) &&
           (!is_gap || send_text(listener, gap, sizeof(gap) - 1));
}

bool stream_hub_listen(struct stream_hub *hub, struct http_request *req, int64_t after,
                       struct err *err)
{
    int64_t newest = stream_feed_newest(hub->feed);
    struct listener *listener;

    if (!stream_feed_ready(hub->feed) || !stream_feed_enter(hub->feed))
        return err_set(err, ERR_UNAVAILABLE, "too many listen already, or the server just started");
    listener = mem_alloc(sizeof(*listener));
    *listener = (struct listener){.hub = hub,
                                  .req = req,
                                  .tenant_id = req->identity.tenant_id,
                                  .cursor = after < 0 ? newest : after};
    req->on_gone = on_gone;
    req->gone_arg = listener;
    if (!http_answer_stream_begin(req, "text/event-stream", on_room)) {
        stream_feed_leave(hub->feed);
        mem_free(listener);
        return true; /* it was answered */
    }
    list_add(&hub->listeners, &listener->link);
    if (!greet(listener, after)) {
        end_listener(listener, "stream.cut", "gone");
        return true;
    }
    /* A batch may be on its way to this hub: it is read, and not given twice. */
    read_page(listener);
    return true;
}
