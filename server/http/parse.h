#pragma once
/*
 * The head of a request (RFC 9112), from bytes to a struct, strictly: whatever two programs could
 * read differently is refused, and the caller closes the connection. Pure.
 *
 * First http_scan() finds where the head ends, refusing early what no head may contain; then
 * http_head_parse() takes the whole head apart in place.
 */
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "server/http/http.h"

enum http_scan_verdict { HTTP_SCAN_MORE, HTTP_SCAN_DONE, HTTP_SCAN_REFUSED };

/* How far a head was looked at; zeroed at its beginning. */
struct http_scan {
    size_t pos;  /* behind the last byte that was looked at; the head's length when done */
    size_t line; /* where the current line begins */
    size_t head; /* where the request line begins: an empty line before it is skipped */
};

/* A refusal: what to answer. The detail is a constant. */
struct http_refusal {
    int status;
    const char *detail;
};

/* `data` is everything from the head's first byte on; it may be longer than the head. */
enum http_scan_verdict http_scan(struct http_scan *scan, const char *data, size_t len,
                                 struct http_refusal *refusal);

struct http_header {
    const char *name; /* lower case */
    const char *value;
};

struct http_head {
    enum http_method method;
    const char *path;  /* decoded */
    const char *query; /* raw, valid, "" when none */
    const struct http_header *headers;
    size_t header_count;
    unsigned minor; /* HTTP/1.x */
    bool keep_alive;
    bool chunked;
    bool expects_continue;
    uint64_t content_length; /* 0 when chunked or none */
};

/* `data` is a whole head as http_scan() found it, from scan.head on, ending with an empty line.
 * Texts of `out` are in the arena. */
MUST_USE bool http_head_parse(const char *data, size_t len, struct arena *arena,
                              struct http_head *out, struct http_refusal *refusal);
/* The header's value, or NULL; `name` in lower case. */
const char *http_head_header(const struct http_head *head, const char *name);
const char *http_method_name(enum http_method method);
