#pragma once
/*
 * Where a request's body ends, and its bytes without their chunk lines (RFC 9112 §6-7). Pure: fed
 * with what arrived, it says piece by piece what belongs to the body.
 */
#include "lib/base/bytes.h"
#include "server/http/parse.h"

enum http_body_state {
    BODY_LENGTH,     /* `left` more bytes */
    BODY_SIZE,       /* in a chunk's size */
    BODY_EXTENSION,  /* behind it, in what is ignored */
    BODY_SIZE_LF,    /* the LF of that line */
    BODY_DATA,       /* `left` more bytes of the chunk */
    BODY_DATA_CR,    /* the CR behind a chunk */
    BODY_DATA_LF,    /* and its LF */
    BODY_TRAILER,    /* at the start of a line behind the last chunk */
    BODY_TRAILER_IN, /* inside such a line */
    BODY_TRAILER_LF, /* the LF of such a line */
    BODY_END_LF,     /* the LF of the empty line */
    BODY_DONE,
};

struct http_body {
    enum http_body_state state;
    uint64_t left;
    uint64_t received; /* bytes of the body so far */
    uint64_t max;      /* longest body: 413 past it */
    size_t line;       /* characters of the current chunk line, or of all trailers */
};

void http_body_start(struct http_body *body, const struct http_head *head, uint64_t max);
bool http_body_ended(const struct http_body *body);
/*
 * Takes some of `in`; of what it took, `*piece` (which may be empty) belongs to the body. To be
 * called until nothing is left or the body ended.
 */
MUST_USE bool http_body_feed(struct http_body *body, struct bytes *in, struct bytes *piece,
                             struct http_refusal *refusal);
