#pragma once
/* The states of a connection, which moves there are, and how long each may take. Pure. */
#include "lib/base/base.h"

enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_IDLE,
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_WAIT,
    CONNECTION_STREAM,
    CONNECTION_ANSWER,
    CONNECTION_LINGER,
    CONNECTION_CLOSED,
    CONNECTION_STATE_COUNT,
};

const char *connection_state_name(enum connection_state state);
/* Whether the table has the move. */
bool connection_may_move(enum connection_state from, enum connection_state to);

struct connection_progress {
    enum connection_state state;
    bool held;             /* nothing is expected of the client: the handler paused its body */
    bool waiting;          /* a stream's bytes wait for the client */
    int64_t since_mono_ms; /* when the state began; while answering or streaming, when bytes last
                              went out */
    uint64_t body_bytes;   /* received in CONNECTION_BODY */
};

/* Whether the client has used up its time. */
bool connection_overdue(const struct connection_progress *progress, int64_t now_mono_ms);
