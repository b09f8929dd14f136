#pragma once
/*
 * A server that plays a script: connection N gets answer N and is closed. What clients sent is
 * kept. It runs on a thread of the test's process.
 */
#include "lib/base/buf.h"

struct scripted_answer {
    const char *text;    /* sent once the request's head is complete */
    const char *more;    /* sent after it, when not NULL */
    bool hold_open;      /* keeps the connection until the end of the test */
    bool close_silently; /* sends nothing */
};

struct scripted;

struct scripted *scripted_start(const struct scripted_answer *answers, size_t count);
/* "http://127.0.0.1:PORT" */
const char *scripted_origin(const struct scripted *server);
/* Waits for the thread; the heads it saw, one after the other. */
const char *scripted_stop(struct scripted *server);
