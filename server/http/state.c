/* Time is measured from the state's beginning, not from the last byte, wherever a client could
 * otherwise stay for ever by sending a byte now and then. */
#include "server/http/state.h"

#include "server/limits.h"

/* clang-format off */
static const struct {
    enum connection_state from;
    enum connection_state to;
    const char *because;
} moves[] = {
    {CONNECTION_HANDSHAKE, CONNECTION_IDLE,   "TLS is set up"},
    {CONNECTION_IDLE,      CONNECTION_HEAD,   "the first byte of a request came"},
    {CONNECTION_HEAD,      CONNECTION_BODY,   "the head was accepted and a body follows"},
    {CONNECTION_HEAD,      CONNECTION_WAIT,   "the whole request is there"},
    {CONNECTION_BODY,      CONNECTION_WAIT,   "the body ended"},
    {CONNECTION_HEAD,      CONNECTION_ANSWER, "the head was refused"},
    {CONNECTION_BODY,      CONNECTION_ANSWER, "the answer did not wait for the body's end"},
    {CONNECTION_WAIT,      CONNECTION_ANSWER, "the handler answered"},
    {CONNECTION_WAIT,      CONNECTION_STREAM, "the handler began an answer without an end"},
    {CONNECTION_STREAM,    CONNECTION_ANSWER, "the handler ended it"},
    {CONNECTION_ANSWER,    CONNECTION_IDLE,   "the answer was sent, the connection is kept"},
    {CONNECTION_ANSWER,    CONNECTION_LINGER, "the last answer was sent; the client reads it"},
    {CONNECTION_HANDSHAKE, CONNECTION_CLOSED, "no TLS, too slow, or the server stops"},
    {CONNECTION_IDLE,      CONNECTION_CLOSED, "the client left, was silent, or the server stops"},
    {CONNECTION_HEAD,      CONNECTION_CLOSED, "the client left"},
    {CONNECTION_BODY,      CONNECTION_CLOSED, "the client left"},
    {CONNECTION_WAIT,      CONNECTION_CLOSED, "the client left"},
    {CONNECTION_STREAM,    CONNECTION_CLOSED, "the client left or takes nothing"},
    {CONNECTION_ANSWER,    CONNECTION_CLOSED, "the client left or takes nothing"},
    {CONNECTION_LINGER,    CONNECTION_CLOSED, "the client closed, or its time is over"},
};

static const char *const names[] = {
    [CONNECTION_HANDSHAKE] = "handshake",
    [CONNECTION_IDLE]      = "idle",
    [CONNECTION_HEAD]      = "head",
    [CONNECTION_BODY]      = "body",
    [CONNECTION_WAIT]      = "wait",
    [CONNECTION_STREAM]    = "stream",
    [CONNECTION_ANSWER]    = "answer",
    [CONNECTION_LINGER]    = "linger",
    [CONNECTION_CLOSED]    = "closed",
};
/* clang-format on */
_Static_assert(COUNT(names) == CONNECTION_STATE_COUNT, "every state has a name");

const char *connection_state_name(enum connection_state state)
{
    return names[state];
}

bool connection_may_move(enum connection_state from, enum connection_state to)
{
    for (size_t i = 0; i < COUNT(moves); i++) {
        if (moves[i].from == from && moves[i].to == to)
            return true;
    }
    return false;
}

static bool body_is_slow(uint64_t body_bytes, int64_t elapsed_ms)
{
    int64_t counted_ms = elapsed_ms - HTTP_BODY_GRACE_MS;

    return counted_ms > 0 && body_bytes / HTTP_BODY_BYTES_PER_S_MIN < (uint64_t)(counted_ms / 1000);
}

bool connection_overdue(const struct connection_progress *progress, int64_t now_mono_ms)
{
    int64_t elapsed_ms = now_mono_ms - progress->since_mono_ms;

    switch (progress->state) {
    case CONNECTION_HANDSHAKE:
    case CONNECTION_HEAD:
        return elapsed_ms > HTTP_HEAD_MS_MAX;
    case CONNECTION_IDLE:
        return elapsed_ms > HTTP_IDLE_MS_MAX;
    case CONNECTION_BODY:
        return !progress->held && body_is_slow(progress->body_bytes, elapsed_ms);
    case CONNECTION_STREAM:
        return progress->waiting && elapsed_ms > HTTP_STALL_MS_MAX;
    case CONNECTION_ANSWER:
        return elapsed_ms > HTTP_STALL_MS_MAX;
    case CONNECTION_LINGER:
        return elapsed_ms > HTTP_LINGER_MS_MAX;
    case CONNECTION_WAIT: /* the handler's time, not the client's */
    case CONNECTION_CLOSED:
    case CONNECTION_STATE_COUNT:
        break;
    }
    return false;
}
