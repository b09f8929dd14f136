#pragma once
/*
 * The HTTP/1.1 front (RFC 9112) on raw events: listener, connections, requests, routes, answers.
 *
 * A request is parsed strictly: every ambiguity is 400 and the connection closes. Limits are
 * fixed in server/limits.h. A route says who may come (checked by `authenticate` before the body
 * is read, and before 100-continue), how long a body may be, and whether the handler gets the
 * body whole or streamed.
 *
 * The handler must answer every request exactly once, now or later, from the loop that gave it
 * the request. When the client goes away first, req->on_gone runs once (if set) and answering is
 * then a harmless no-op; the memory of the request stays valid until it is answered. A handler
 * never frees anything: what it needs lives in req->arena.
 */
#include <sys/types.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"
#include "server/auth/action.h"

struct http_server; /* one per worker loop */
struct http_request;
struct tls_context; /* server/http/tls.h */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

/* Who may call a route. The front only hands this to `authenticate`. */
enum http_access {
    ACCESS_PUBLIC,   /* everybody: `authenticate` is not called */
    ACCESS_DEVICE,   /* a device's session token */
    ACCESS_OPERATOR, /* an operator's token */
};

/* What authentication found; the fields that matter depend on the access. */
struct http_identity {
    int64_t tenant_id;
    int64_t subject_id; /* device row or operator token row */
    void *device;       /* the index entry of a device; owned by the index */
    int role;           /* operator role, see server/auth/role.h */
};

typedef void http_handler_fn(struct http_request *req, void *app);
/* A piece of a streamed body; the handler of the route was called before the first piece. */
typedef void http_body_fn(struct http_request *req, const void *data, size_t len, bool last,
                          void *arg);

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order in which tables are read
struct http_route {
    const char *method; /* "GET" also serves HEAD */
    /* "/device/v1/poll", "/api/v1/products/:id"; a last segment ":path*" takes the rest, slashes
     * included. The first route of the tables that fits is taken. */
    const char *path;
    enum http_access access;
    enum action action; /* for operators: what the role must allow, else ACTION_NONE */
    uint64_t body_max;  /* longest body; 0: a body is refused */
    bool streamed;      /* the body goes to http_stream_body()'s function, piece by piece */
    http_handler_fn *handler;
    const char *summary; /* one line for docs/API.md */
};

/* Plain data for handlers to read. Texts live as long as the request. */
struct http_request {
    struct arena *arena;
    struct loop *loop;
    int worker; /* index of the worker whose loop this is */
    enum http_method method;
    const char *path;      /* decoded, no query */
    const char *query;     /* raw, "" when none */
    const char *params[4]; /* the route's ":name" segments in order, decoded */
    const uint8_t *body;   /* whole body unless streamed */
    size_t body_len;
    uint64_t content_length; /* of a streamed body */
    const struct http_route *route;
    struct http_identity identity;
    char id[24];      /* request id: in every answer (X-Request-Id) and log line */
    void *state;      /* the handler's own */
    loop_fn *on_gone; /* with `gone_arg`, when the client left before the answer */
    void *gone_arg;
};

/* The value of a header (name in lower case), or NULL. */
const char *http_header(const struct http_request *req, const char *name);
/* The decoded value of a query parameter, or NULL. */
const char *http_query(struct http_request *req, const char *name);

/* --- answers: exactly one per request --------------------------------------------------------- */
void http_answer(struct http_request *req, int status, const char *content_type, const void *body,
                 size_t len);
void http_answer_json(struct http_request *req, int status, const char *json);
/* application/problem+json; status and type follow from err->code (see problem table), 503 gets
 * Retry-After. */
void http_answer_error(struct http_request *req, const struct err *err);
void http_answer_problem(struct http_request *req, int status, const char *type, const char *title,
                         const char *detail);
/* Sends (part of) a file: Range, If-Range, ETag, 206/416/304 are handled here; sendfile on plain
 * TCP. `etag` is the content's name (its hash in hex) without quotes. The file must not change.
 * Takes ownership of `fd`. */
void http_answer_file(struct http_request *req, int fd, uint64_t size, const char *etag,
                      const char *content_type, const char *cache_control);
/*
 * Answers without an end: a 200 whose length nobody knows, in pieces that are sent as they are
 * written. req->on_gone is set before and from then on means: the client is gone, or the server
 * stops; end it now. Whoever began one calls http_answer_stream_end() once, from there or at any
 * time; until then the request's memory stays.
 *
 * `on_room` (NULL: nobody asks), with req->gone_arg, runs when all that was written has been sent.
 * False: the server stops, and has said so. Not for HEAD.
 */
MUST_USE bool http_answer_stream_begin(struct http_request *req, const char *content_type,
                                       loop_fn *on_room);
/* Sent at the end of this turn. False, and nothing is taken, when the client is gone or more than
 * HTTP_STREAM_BYTES_MAX would wait for it. A client that takes nothing of what waits for
 * HTTP_STALL_MS_MAX is gone. */
MUST_USE bool http_answer_stream_write(struct http_request *req, const void *data, size_t len);
/* `last` (at most HTTP_STREAM_LAST_BYTES_MAX) goes out behind what waits, however much that is. */
void http_answer_stream_end(struct http_request *req, const void *last, size_t len);
/* An extra header for the coming answer; text is copied. */
void http_answer_header(struct http_request *req, const char *name, const char *value);

/* --- for http_app.before ---------------------------------------------------------------------- */
/* Calls the handler. */
void http_proceed(struct http_request *req);
struct http_answer {
    int status;
    const char *content_type;
    const void *body;
    size_t len;
};
/* The coming http_answer() (of an error, too) is not sent but given to `fn`, which is to call
 * http_answer() itself, now or later; what it is given is borrowed for the call. Files and streams
 * are not caught. */
typedef void http_capture_fn(struct http_request *req, const struct http_answer *answer, void *arg);
void http_capture(struct http_request *req, http_capture_fn *fn, void *arg);

/* For streamed routes: where the body goes. Called from the handler; pieces come after it
 * returned. The function answers when `last` was seen, or earlier with an error (the connection
 * then closes when the body was not read to its end). */
void http_stream_body(struct http_request *req, http_body_fn *fn, void *arg);
/* Stops and resumes reading a streamed body (back-pressure); never calls the function. */
void http_stream_pause(struct http_request *req, bool pause);

/* --- the server --------------------------------------------------------------------------------
 */
struct http_app {
    const struct http_route *const *route_tables; /* NULL-terminated list of tables ... */
    const size_t *route_counts;                   /* ... and their lengths */
    void *app;                                    /* handed to handlers */
    /* Fills req->identity, or sets err and returns false: ERR_DENIED is answered 401 while
     * identity.subject_id is 0 (no credential, or one that nobody has) and 403 when it is set
     * (known, but not allowed). Must not block: looks things up in memory. `token` is the bearer
     * token, or NULL. Once per request, before the body is read; not for ACCESS_PUBLIC. */
    bool (*authenticate)(struct http_request *req, const char *token, void *app, struct err *err);
    /* May be NULL. Sees every request in front of its handler (its body whole, unless streamed):
     * true, the handler is called; false, it answers or calls http_proceed(), now or later. */
    bool (*before)(struct http_request *req, void *app);
    /* May be NULL. Hears of a 404 to an operator (by http_answer_error) before it is sent, and
     * calls http_answer_error() by itself, now or later. Once per request. */
    void (*on_not_found)(struct http_request *req, const struct err *err, void *app);
};

struct http_options {
    const char *address;
    unsigned port;           /* 0: any free */
    struct tls_context *tls; /* NULL: plain */
    int worker;
};

/* Binds with SO_REUSEPORT and starts accepting on `loop`. */
MUST_USE bool http_server_open(struct loop *loop, const struct http_options *options,
                               const struct http_app *app, struct http_server **out,
                               struct err *err);
/* The port that was bound. */
unsigned http_server_port(const struct http_server *server);
/* Stops accepting, lets running requests end, closes idle connections; `done` runs when the last
 * connection closed or `timeout_ms` passed. */
void http_server_drain(struct http_server *server, int64_t timeout_ms, loop_fn *done, void *arg);
void http_server_close(struct http_server *server);
/* How long a route took from the head to the answer (its first byte, not its last): how many
 * answers in each bucket, up to http_latency_bounds_us[n] and above the one before; the last bucket
 * has no bound. */
enum { HTTP_LATENCY_BUCKETS = 10 };
extern const int64_t http_latency_bounds_us[HTTP_LATENCY_BUCKETS - 1];
struct http_latency {
    uint64_t buckets[HTTP_LATENCY_BUCKETS];
    uint64_t sum_us;
};
typedef void http_latency_fn(const struct http_route *route, const struct http_latency *latency,
                             void *arg);
/* Of the routes that were asked, on the server's own loop. */
void http_server_latencies(const struct http_server *server, http_latency_fn *fn, void *arg);

/* Counters of this worker, for tests and metrics; may be read from any thread. */
struct http_stats {
    uint64_t connections; /* accepted so far */
    uint64_t open;        /* of these, open now */
    uint64_t requests;    /* whole heads, refused ones included */
    uint64_t refused;    /* answered by the front itself: syntax, route, credential, limits, time */
    uint64_t bytes_sent; /* heads and bodies, before TLS */
};
void http_server_stats(const struct http_server *server, struct http_stats *out);
