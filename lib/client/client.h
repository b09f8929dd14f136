#pragma once
/*
 * HTTP requests of the agent, the command line and the fleet simulator, and the only home of
 * libcurl. HTTP/1.1 over plain TCP or TLS 1.2 and later with verified certificates.
 *
 * What a device must not accept is refused here: a redirect (HTTP_REDIRECT), a content encoding
 * (HTTP_ENCODING), an answer longer than the caller's maximum (LENGTH_LIMIT), and a body slower
 * than the minimum rate (SLOW_RETRIEVAL). A network that fails is ERR_UNAVAILABLE. Any complete
 * answer, whatever its status, is a success of client_send(); client_answer_check() turns a
 * status into an error.
 *
 * A program that uses this ignores SIGPIPE: a peer that hangs up is an error here, not a death.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/crypto/hash.h"

struct client;

enum { CLIENT_ETAG_ROOM = 132, CLIENT_PROBLEM_BYTES_MAX = 65536 };

struct client_options {
    const char *origin;     /* "https://host:port": completes paths; bearer tokens go only there */
    const char *ca_file;    /* PEM; NULL: the system's */
    const char *user_agent; /* "slipway-agent/1" */
    unsigned slow_window_s; /* 0: 60; below 1 KiB/s over the window is too slow */
    /* Connects to public addresses only, whatever a name resolves to, and through no proxy: for
     * targets that other people chose. Others are ERR_DENIED. */
    bool public_only;
};

struct client_answer {
    unsigned status;
    char etag[CLIENT_ETAG_ROOM]; /* with its quotes; "" when none */
    bool has_retry_after;
    uint64_t retry_after_s;
    bool has_length;
    uint64_t length;     /* Content-Length */
    uint64_t range_from; /* of a 206 */
    struct buf body;     /* what went to no callback */
};

/* Every pointer is borrowed until the request is done. Zeroed fields mean "none". */
struct client_request {
    const char *method;
    const char *url;       /* absolute, or a path at the origin */
    const char *bearer;    /* sent only when the URL is at the origin */
    const void *body;      /* or: */
    size_t body_len;       /* sent as application/json unless content_type says otherwise */
    bool upload;           /* the body is upload_bytes bytes of upload_fd from where it stands */
    int upload_fd;         /* stays the caller's */
    uint64_t upload_bytes; /* of it */
    const char *content_type;
    const char *const *headers; /* NULL-terminated "Name: value" */
    uint64_t range_from;        /* > 0: ask for the bytes from here on ... */
    const char *if_range;       /* ... if the entity tag is still this one */
    uint64_t answer_bytes_max;  /* of a successful answer's body; 0: 1 MiB */
    /* Of a server that TLS does not verify, too: for what is verified by other means. It is never
     * sent a token. */
    bool unverified;
    int64_t total_ms; /* whole exchange; 0: only connecting and the minimum rate bound it */
    /* Before the first byte of a 2xx body: status, etag, range. May be NULL. */
    bool (*on_head)(void *arg, const struct client_answer *head, struct err *err);
    /* Pieces of a 2xx body; NULL collects them in answer->body. */
    bool (*on_body)(void *arg, const void *data, size_t len, struct err *err);
    /* Now and then; false ends the request with ERR_UNAVAILABLE. Bytes of the larger direction;
     * total is 0 while unknown. May be NULL. */
    bool (*on_progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

MUST_USE bool client_open(const struct client_options *options, struct client **out,
                          struct err *err);
void client_close(struct client *client);

/* From the next connection on a TLS server must have one of these public keys (SHA-256 of its
 * SubjectPublicKeyInfo), beside a certificate that is verified. None: any key. A server without
 * the key is PIN_MISMATCH, one whose certificate is not verified too, but ERR_UNAVAILABLE. */
void client_set_pins(struct client *client, const uint8_t (*pins)[HASH_BYTES], size_t count);

/* Blocks. On success the answer is released with client_answer_done(). */
MUST_USE bool client_send(struct client *client, const struct client_request *request,
                          struct client_answer *out, struct err *err);
void client_answer_done(struct client_answer *answer);
#define AUTO_CLIENT_ANSWER CLEANUP(client_answer_done) struct client_answer

/* True for 2xx. Otherwise the status decides the code, and a problem answer's detail is the text:
 * 401 and 403 DENIED, 404 and 410 NOT_FOUND, 409 and 412 CONFLICT, 413 LIMIT, 408 (a link
 * too slow for the server), 425, 429 and 5xx UNAVAILABLE, everything else INVALID. */
MUST_USE bool client_answer_check(const struct client_answer *answer, struct err *err);
