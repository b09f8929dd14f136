#pragma once
/*
 * What the files of this folder share, and nobody else includes.
 *
 *   listener.c    the server: accepts connections, looks at deadlines, drains
 *   connection.c  one connection: its states, what it waits for, its deadlines
 *   input.c       bytes that come in        output.c  bytes that go out
 *   dispatch.c    from a head to a handler: route, credential, limits
 *   exchange.c    one request and its memory, which may outlive the connection
 *   latency.c     how long answers took
 *   answer.c      http_answer*()       stream.c      http_answer_stream_*()
 */
#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/list.h"
#include "lib/http/date.h"
#include "lib/http/problem.h"
#include "server/http/body.h"
#include "server/http/file.h"
#include "server/http/http.h"
#include "server/http/io.h"
#include "server/http/parse.h"
#include "server/http/state.h"
#include "server/limits.h"

struct http_server {
    struct loop *loop;
    const struct http_app *app;
    struct tls_context *tls;
    struct loop_event *listening; /* NULL when draining */
    struct loop_timer *sweep;
    struct loop_timer *drain_timer;
    loop_fn *drained; /* while draining, until it ran */
    void *drained_arg;
    struct list connections;
    struct list exchanges; /* not answered yet, with or without a connection */
    struct list finished;  /* exchanges whose memory goes at the turn's end */
    struct arena *arenas[HTTP_ARENAS_KEPT];
    size_t arena_count;
    struct buf answer; /* where an answer is put together before it is sent */
    uint64_t next_request;
    int64_t date_s; /* what `date` is for */
    _Atomic uint64_t accepted;
    _Atomic uint64_t open;
    _Atomic uint64_t requests;
    _Atomic uint64_t refused;
    _Atomic uint64_t bytes_sent;
    uint32_t run_id; /* random: tells request ids of different runs apart */
    unsigned port;
    int worker;
    int listen_fd;
    bool accepting;
    bool draining;
    struct http_latency *latencies; /* of every route, table by table */
    char date[HTTP_DATE_ROOM];
    uint8_t scratch[HTTP_READ_BODY_BYTES]; /* one read, when nothing was left from the last */
};

struct connection {
    struct list link; /* in server->connections */
    struct http_server *server;
    struct loop_event *event;
    struct exchange *exchange; /* the request being served, or NULL */
    struct io io;
    struct buf in;  /* bytes that came and are not used yet; no memory while empty */
    struct buf out; /* bytes of an answer that could not be sent yet; no memory while empty */
    size_t out_sent;
    struct http_scan scan;
    int64_t since_mono_ms; /* see struct connection_progress */
    uint64_t lingered_bytes;
    enum connection_state state;
    int tls_wants; /* LOOP_READ or LOOP_WRITE that OpenSSL asked for against our direction */
    bool input_ended;
    bool pumping;     /* inside connection_pump() */
    bool pump_queued; /* it will run at the turn's end */
};

struct exchange {
    struct http_request req; /* first: handlers hold a pointer to it */
    struct list link;        /* in server->exchanges or server->finished */
    struct http_server *server;
    struct connection *connection; /* NULL: the client is gone */
    struct http_head head;
    struct http_body body;
    struct buf whole; /* the body, unless streamed */
    http_body_fn *body_fn;
    void *body_arg;
    struct buf extra; /* the handler's own header lines */
    struct http_file file;
    http_capture_fn *capture; /* of the coming answer */
    void *capture_arg;
    loop_fn *on_room; /* of a stream */
    int64_t began_mono_us;
    int64_t held_since_mono_ms; /* 0: not held */
    bool paused;                /* by the handler */
    bool last_given;            /* body_fn saw `last` */
    bool continue_due;          /* the client waits for 100 */
    bool handed;                /* the handler was called */
    bool answered;
    bool streaming; /* begun, and answered when it ends */
    bool close;     /* after the answer */
    bool has_cache_control;
    bool told_not_found; /* http_app.on_not_found heard of it */
};

/* --- exchange.c ---------------------------------------------------------------------------------
 */
struct exchange *exchange_of(struct http_request *req);
struct exchange *exchange_new(struct connection *connection);
/* The connection is gone, or serves it no more: tells the handler unless it has answered. */
void exchange_detach(struct exchange *exchange);
/* Answered and sent (or to nobody): its memory goes at the end of the turn. */
void exchange_finish(struct exchange *exchange);
/* Nothing of the body can be taken now. */
bool exchange_is_held(const struct exchange *exchange);
/* To be called when that may have changed. */
void exchange_hold_changed(struct exchange *exchange);

/* --- answer.c -----------------------------------------------------------------------------------
 */
#define HTTP_LENGTH_UNKNOWN UINT64_MAX
/* To the server's answer buffer. */
void answer_add_head(struct exchange *exchange, int status, const char *content_type, uint64_t len);

/* --- latency.c ----------------------------------------------------------------------------------
 */
struct http_latency *latency_new(const struct http_app *app);
/* The exchange is being answered now. */
void latency_note(const struct exchange *exchange);

/* --- stream.c -----------------------------------------------------------------------------------
 */
/* All that was written went out. */
void stream_has_room(struct exchange *exchange);
/* The server stops. */
void stream_drain(struct exchange *exchange);

/* --- dispatch.c ---------------------------------------------------------------------------------
 */
/* The handler, or first what stands in front of it. The body is whole, or streamed. */
void dispatch_handler(struct exchange *exchange);
/* A whole head of `len` bytes at `head`; `rest` is what came behind it. Moves the connection. */
void dispatch(struct connection *connection, const char *head, size_t len, struct bytes *rest);
/* Answers what cannot be understood or took too long; the connection closes after it. A request
 * that was being served is told that its client is gone. */
void dispatch_refuse(struct connection *connection, const struct http_refusal *refusal);

/* --- connection.c -------------------------------------------------------------------------------
 */
void connection_new(struct http_server *server, int fd);
void connection_close(struct connection *connection);
void connection_move(struct connection *connection, enum connection_state to);
/* Does all that can be done now. */
void connection_pump(struct connection *connection);
/* ... at the end of this turn. */
void connection_queue_pump(struct connection *connection);
/* The exchange's answer was written; a file may follow. */
void connection_answered(struct connection *connection);
/* Closes what has used up its time. */
void connection_sweep(struct connection *connection, int64_t now_mono_ms);
/* The server stops: closes what serves no request. */
void connection_drain(struct connection *connection);

/* An operation ended with `result` instead of being done, where `expected` is the direction that it
 * waits for as a rule. False when the connection was lost; it is closed then. */
bool connection_blocked(struct connection *connection, enum io_result result, int expected);

/* What one wake-up may still do. */
struct turn {
    size_t budget;
    bool drained; /* the kernel had less than we asked for: no need to ask again */
};

/* --- input.c ------------------------------------------------------------------------------------
 */
/* Uses what was kept. True when something came of it. */
bool input_use_kept(struct connection *connection);
/* Reads once and uses what came. True when it is worth going on. */
bool input_step(struct connection *connection, struct turn *turn);

/* --- output.c -----------------------------------------------------------------------------------
 */
/* Sends, or keeps until it can be sent; `more` says that other bytes follow at once. */
void connection_write(struct connection *connection, const void *data, size_t len, bool more);
/* Something is kept. */
bool output_is_waiting(const struct connection *connection);
/* Sends what was kept. True when nothing is left. */
bool output_flush(struct connection *connection, struct turn *turn);
/* Goes on with the answer. True when it is out, and the connection went on to its next state. */
bool output_step_answer(struct connection *connection, struct turn *turn);

/* --- listener.c ---------------------------------------------------------------------------------
 */
/* One less: accepts again, or ends the draining. */
void server_connection_closed(struct http_server *server);
/* Only the server's own thread adds, others may read: no locked instruction is needed. */
static inline void server_count(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + more, memory_order_relaxed);
}
