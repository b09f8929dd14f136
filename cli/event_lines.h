#pragma once
/*
 * Server-sent events, taken apart as they arrive (HTML standard, "Server-sent events"): lines end
 * with LF or CR LF; a blank line ends an event; lines that begin with a colon are heartbeats. Pure.
 */
#include "lib/base/buf.h"

enum { EVENT_LINE_BYTES_MAX = 256 << 10, EVENT_NAME_ROOM = 64, EVENT_ID_ROOM = 24 };

struct event_lines {
    struct buf line; /* not ended yet */
    struct buf data;
    char name[EVENT_NAME_ROOM];
    char next_id[EVENT_ID_ROOM]; /* of the event that has begun */
    char id[EVENT_ID_ROOM];      /* of the last whole event: where to go on from */
    bool is_broken;              /* a line or an event was too long */
};

/* `data` is borrowed for the call. False stops. */
typedef bool event_fn(const char *id, const char *name, const char *data, void *arg);

void event_lines_init(struct event_lines *lines);
void event_lines_done(struct event_lines *lines);
/* Forgets what was begun, not the id: after a lost connection. */
void event_lines_reset(struct event_lines *lines);
/* False when `fn` said so, or a line is too long (`is_broken`). */
MUST_USE bool event_lines_add(struct event_lines *lines, const void *data, size_t len, event_fn *fn,
                              void *arg);
