#pragma once
/*
 * A real HTTP front on a free port of the loopback, with a small application, and clients that
 * speak to it from the same thread: whenever a client would wait, the loop takes a turn.
 */
#include "lib/base/buf.h"
#include "server/http/http.h"

enum { FRONT_FILE_BYTES = 3 << 20 };

struct front {
    struct loop *loop;
    struct http_server *server;
    struct http_app app;
    struct http_request *waiting; /* of GET /later: answered by the test */
    int file_fd;                  /* FRONT_FILE_BYTES bytes of a pattern, see front_byte() */
    uint8_t *file;
    int authenticated; /* calls */
    int handled;       /* handlers run */
    int gone;          /* on_gone calls */
    uint64_t streamed; /* bytes */
    int pieces;        /* calls of the body function */
    bool last_seen;    /* the body's end */
    bool begin_paused; /* PUT /stream pauses at its first piece */
    bool begin_unread; /* PUT /stream does not say where the body goes; front_read_stream() does */
    bool answer_early; /* PUT /stream answers 409 at its first piece */
    bool drained;
    int rooms;          /* on_room calls of GET /feed */
    bool end_when_gone; /* GET /feed ends with "over" when it is told so */
};

/*
 *   GET    /hello               "hello"
 *   GET    /items/:id/:path*    "id|path|query x"
 *   POST   /echo                the body, at most 1000 bytes
 *   POST   /secure              the same for a device; tokens: "good", "weak" (known, not allowed)
 *   PUT    /stream              streamed for operators, at most 64 MiB; "N bytes"
 *   GET    /later               answered by the test
 *   GET    /file                a file; its tag is "tag"
 *   GET    /error?code=N        http_answer_error
 *   GET    /feed                an answer without an end: the test writes to `waiting`
 *   DELETE /nothing             204
 */
struct front *front_open(struct tls_context *tls);
void front_close(struct front *front);
void front_turn(struct front *front);
/* For PUT /stream with begin_unread: the body goes to the usual function now. */
void front_read_stream(struct front *front);

struct peer {
    struct front *front;
    struct buf in; /* received and not yet taken by peer_reply() */
    int fd;
    bool ended; /* the server closed */
};

struct peer *peer_open(struct front *front);
void peer_close(struct peer *client);
/* Closes with a reset. */
void peer_abort(struct peer *client);
void peer_send(struct peer *client, const void *data, size_t len);
void peer_say(struct peer *client, const char *text);

struct reply {
    int status;
    char *head; /* lines with CR LF */
    struct buf body;
};

/* The next answer; `has_body` is false for answers to HEAD. False when the server closed before a
 * whole one came. */
bool peer_reply(struct peer *client, bool has_body, struct reply *out);
void reply_done(struct reply *reply);
/* Whether the head has that line. */
bool reply_has(const struct reply *reply, const char *line);
/* Says, waits, returns the status; -1 when the connection ended. */
int peer_ask(struct peer *client, const char *text);
/* Waits until the server closes; false when it sends anything more first. */
bool peer_sees_end(struct peer *client);
