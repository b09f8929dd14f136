#include "server/http/state.h"

#include <criterion/criterion.h>

#include "server/limits.h"

Test(connection_state, every_open_state_can_close_and_a_closed_one_is_final)
{
    for (int i = 0; i < CONNECTION_STATE_COUNT; i++) {
        enum connection_state state = (enum connection_state)i;

        cr_expect_eq(connection_may_move(state, CONNECTION_CLOSED), state != CONNECTION_CLOSED,
                     "%s", connection_state_name(state));
        cr_expect_not(connection_may_move(CONNECTION_CLOSED, state));
        cr_expect_not(connection_may_move(state, state));
    }
}

Test(connection_state, no_request_is_begun_before_the_last_was_answered)
{
    cr_expect_not(connection_may_move(CONNECTION_WAIT, CONNECTION_HEAD));
    cr_expect_not(connection_may_move(CONNECTION_WAIT, CONNECTION_IDLE));
    cr_expect_not(connection_may_move(CONNECTION_ANSWER, CONNECTION_HEAD));
    cr_expect_not(connection_may_move(CONNECTION_LINGER, CONNECTION_IDLE));
}

Test(connection_state, every_wait_for_a_client_ends)
{
    static const struct {
        enum connection_state state;
        int64_t limit_ms; /* 0: none */
    } cases[] = {
        {CONNECTION_HANDSHAKE, HTTP_HEAD_MS_MAX},
        {CONNECTION_IDLE, HTTP_IDLE_MS_MAX},
        {CONNECTION_HEAD, HTTP_HEAD_MS_MAX},
        {CONNECTION_ANSWER, HTTP_STALL_MS_MAX},
        {CONNECTION_LINGER, HTTP_LINGER_MS_MAX},
        {CONNECTION_WAIT, 0},
        {CONNECTION_STREAM, 0},
        {CONNECTION_CLOSED, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct connection_progress progress = {.state = cases[i].state, .since_mono_ms = 1000};
        const char *name = connection_state_name(cases[i].state);

        cr_expect_not(connection_overdue(&progress, 1000 + cases[i].limit_ms), "%s", name);
        cr_expect_eq(connection_overdue(&progress, 1001 + cases[i].limit_ms), cases[i].limit_ms > 0,
                     "%s", name);
    }
}

Test(connection_state, a_body_must_come_at_a_minimum_rate_after_a_grace)
{
    static const struct {
        uint64_t bytes;
        int64_t elapsed_ms;
        bool held;
        bool overdue;
    } cases[] = {
        {0, HTTP_BODY_GRACE_MS, false, false},
        {0, HTTP_BODY_GRACE_MS + 999, false, false},
        {0, HTTP_BODY_GRACE_MS + 1000, false, true},
        {HTTP_BODY_BYTES_PER_S_MIN, HTTP_BODY_GRACE_MS + 1000, false, false},
        {HTTP_BODY_BYTES_PER_S_MIN, HTTP_BODY_GRACE_MS + 2000, false, true},
        {100UL * HTTP_BODY_BYTES_PER_S_MIN, HTTP_BODY_GRACE_MS + 100000, false, false},
        {100UL * HTTP_BODY_BYTES_PER_S_MIN - 1, HTTP_BODY_GRACE_MS + 100000, false, true},
        {0, 86400000, true, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct connection_progress progress = {
            .state = CONNECTION_BODY, .held = cases[i].held, .body_bytes = cases[i].bytes};

        cr_expect_eq(connection_overdue(&progress, cases[i].elapsed_ms), cases[i].overdue, "%zu",
                     i);
    }
}

Test(connection_state, a_stream_waits_for_its_client_only_while_there_is_something_to_take)
{
    struct connection_progress progress = {.state = CONNECTION_STREAM, .since_mono_ms = 1000};

    cr_expect_not(connection_overdue(&progress, INT64_MAX), "silence is the handler's");
    progress.waiting = true;
    cr_expect_not(connection_overdue(&progress, 1000 + HTTP_STALL_MS_MAX));
    cr_expect(connection_overdue(&progress, 1001 + HTTP_STALL_MS_MAX));
}
