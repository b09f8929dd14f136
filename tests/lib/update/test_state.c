#include "lib/update/state.h"

#include <criterion/criterion.h>
#include <string.h>

Test(update_state, every_name_parses_to_its_state)
{
    enum update_state state = UPDATE_IDLE;

    for (unsigned i = 0; i < UPDATE_STATE_COUNT; i++) {
        const char *name = update_state_name((enum update_state)i);

        cr_expect(update_state_parse(name, strlen(name), &state), "%s", name);
        cr_expect_eq(state, i, "%s", name);
        cr_expect_not(update_state_parse(name, strlen(name) - 1, &state), "%s", name);
    }
    cr_expect_not(update_state_parse("", 0, &state));
    cr_expect_not(update_state_parse("done", 4, &state));
}

Test(update_state, every_move_goes_forward_and_only_closing_goes_back_to_idle)
{
    size_t count;
    const struct update_move *moves = update_moves(&count);

    for (size_t i = 0; i < count; i++) {
        unsigned from = update_state_rank(moves[i].from);
        unsigned to = update_state_rank(moves[i].to);

        cr_expect_eq(update_move_find(moves[i].from, moves[i].on), &moves[i],
                     "row %zu is hidden by an earlier one", i);
        cr_expect_gt(strlen(moves[i].because), 10);
        if (moves[i].on == UPDATE_EVENT_CLOSED)
            cr_expect(update_state_is_terminal(moves[i].from) && moves[i].to == UPDATE_IDLE);
        else
            cr_expect_gt(to, from, "%s", moves[i].because);
    }
}

Test(update_state, an_end_can_be_reached_from_every_state)
{
    for (unsigned from = 0; from < UPDATE_STATE_COUNT; from++) {
        bool leaves = false;

        for (unsigned on = 0; on < UPDATE_EVENT_COUNT; on++)
            leaves |= update_move_find((enum update_state)from, (enum update_event)on) != NULL;
        cr_expect(leaves, "%s", update_state_name((enum update_state)from));
    }
}

Test(update_state, a_switch_that_was_allowed_can_no_longer_be_cancelled_or_refused)
{
    static const enum update_state after[] = {UPDATE_ACTIVATING, UPDATE_VERIFYING};

    for (size_t i = 0; i < COUNT(after); i++) {
        cr_expect_null(update_move_find(after[i], UPDATE_EVENT_CANCELLED));
        cr_expect_null(update_move_find(after[i], UPDATE_EVENT_REFUSED));
    }
    cr_expect_not_null(update_move_find(UPDATE_STAGED, UPDATE_EVENT_CANCELLED));
}

Test(update_state, no_state_but_staged_can_be_allowed_to_switch)
{
    for (unsigned from = 0; from < UPDATE_STATE_COUNT; from++)
        cr_expect_eq(update_move_find((enum update_state)from, UPDATE_EVENT_ALLOWED) != NULL,
                     from == UPDATE_STAGED);
}

Test(update_state, terminal_states_share_one_rank_above_all_others)
{
    for (unsigned i = 0; i < UPDATE_STATE_COUNT; i++) {
        enum update_state state = (enum update_state)i;

        if (update_state_is_terminal(state))
            cr_expect_eq(update_state_rank(state), 6);
        else
            cr_expect_eq(update_state_rank(state), i);
    }
}
