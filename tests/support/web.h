#pragma once
/*
 * A small HTTP/1.0 server on a thread of the test's process: one connection at a time, closed
 * after its answer, headers few. It can also behave as a hostile one does.
 */
#include "lib/base/buf.h"

struct web;

enum web_manner {
    WEB_WHOLE,   /* the body and its length */
    WEB_ENDLESS, /* the body, then zeros until the client hangs up; no length is announced */
    WEB_SLOW,    /* a byte every tenth of a second until the client hangs up */
    WEB_DROPPED, /* the connection is closed without a word */
};

struct web_request {
    const char *method;
    const char *path; /* as it was sent */
    const struct buf *body;
};

/* Begins as 404 with a page for people. */
struct web_answer {
    unsigned status;
    char lines[200]; /* of the head, each ended with CR LF */
    struct buf body;
    enum web_manner manner;
};

/* Called on the server's thread; what it looks at must not be changed while a client runs. */
typedef void web_fn(void *arg, const struct web_request *request, struct web_answer *answer);

struct web *web_start(web_fn *fn, void *arg);
void web_stop(struct web *web);
const char *web_origin(const struct web *web); /* "http://127.0.0.1:PORT" */
/* "METHOD PATH\n" of every request since the last web_forget(); valid until the next call. */
const char *web_log(struct web *web);
void web_forget(struct web *web);
/* Body bytes the last connection took before it was closed. */
uint64_t web_sent(struct web *web);
