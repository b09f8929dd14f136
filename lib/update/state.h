#pragma once
/*
 * The life of one update on one device: states, events and the one table of moves. The state
 * names are the words of reports, API and database; `idle` is the agent's alone.
 *
 * Pure: the agent's supervisor and the fleet simulator drive the same table; the server uses
 * rank and terminal, because reports may reach it late.
 */
#include "lib/base/base.h"

enum update_state {
    UPDATE_IDLE,
    UPDATE_OFFERED,
    UPDATE_DOWNLOADING,
    UPDATE_STAGED,
    UPDATE_ACTIVATING,
    UPDATE_VERIFYING,
    UPDATE_SUCCEEDED,
    UPDATE_FAILED,
    UPDATE_ROLLED_BACK,
    UPDATE_CANCELLED,
    UPDATE_SKIPPED,
    UPDATE_STATE_COUNT,
};

enum update_event {
    UPDATE_EVENT_OFFERED,   /* the server granted a fetch */
    UPDATE_EVENT_ACCEPTED,  /* what was offered is signed and fits */
    UPDATE_EVENT_SKIPPED,   /* it runs already */
    UPDATE_EVENT_REFUSED,   /* a check said no */
    UPDATE_EVENT_WRITTEN,   /* the other slot holds the image */
    UPDATE_EVENT_CANCELLED, /* the server took the offer back */
    UPDATE_EVENT_ALLOWED,   /* the server allowed the switch */
    UPDATE_EVENT_STARTED,   /* the boot loader started the new slot */
    UPDATE_EVENT_HEALTHY,   /* the new system passed its checks and reached the server */
    UPDATE_EVENT_UNHEALTHY, /* it did not */
    UPDATE_EVENT_FELL_BACK, /* the boot loader gave the new slot up */
    UPDATE_EVENT_CLOSED,    /* the end is in the report queue */
    UPDATE_EVENT_COUNT,
};

/* One row of the table; `because` is a sentence for docs and logs. */
struct update_move {
    enum update_state from;
    enum update_event on;
    enum update_state to;
    const char *because;
};

/* "idle", "offered", ..., "rolled-back". */
const char *update_state_name(enum update_state state);
const char *update_event_name(enum update_event event);
/* False when the name is none of ours; `*out` is then untouched. */
MUST_USE bool update_state_parse(const char *name, size_t len, enum update_state *out);

/* Nothing follows it but the end of the update. */
bool update_state_is_terminal(enum update_state state);
/* idle 0 < offered 1 < ... < verifying 5 < every terminal state 6. */
unsigned update_state_rank(enum update_state state);

/* The row for (from, on), or NULL when the table has none. */
const struct update_move *update_move_find(enum update_state from, enum update_event on);
/* The whole table, for the docs and the exhaustive tests. */
const struct update_move *update_moves(size_t *count);
