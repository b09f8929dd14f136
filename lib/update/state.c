/* The table is the whole machine. Until the loader is told to try the new slot an update can be
 * refused or cancelled without a trace; afterwards only the new system's own health or the
 * loader's fall-back ends it. */
#include "lib/update/state.h"

#include <string.h>

static const char *const state_names[] = {
    [UPDATE_IDLE] = "idle",
    [UPDATE_OFFERED] = "offered",
    [UPDATE_DOWNLOADING] = "downloading",
    [UPDATE_STAGED] = "staged",
    [UPDATE_ACTIVATING] = "activating",
    [UPDATE_VERIFYING] = "verifying",
    [UPDATE_SUCCEEDED] = "succeeded",
    [UPDATE_FAILED] = "failed",
    [UPDATE_ROLLED_BACK] = "rolled-back",
    [UPDATE_CANCELLED] = "cancelled",
    [UPDATE_SKIPPED] = "skipped",
};
_Static_assert(COUNT(state_names) == UPDATE_STATE_COUNT, "every state has a name");

static const char *const event_names[] = {
    [UPDATE_EVENT_OFFERED] = "offered",     [UPDATE_EVENT_ACCEPTED] = "accepted",
    [UPDATE_EVENT_SKIPPED] = "skipped",     [UPDATE_EVENT_REFUSED] = "refused",
    [UPDATE_EVENT_WRITTEN] = "written",     [UPDATE_EVENT_CANCELLED] = "cancelled",
    [UPDATE_EVENT_ALLOWED] = "allowed",     [UPDATE_EVENT_STARTED] = "started",
    [UPDATE_EVENT_HEALTHY] = "healthy",     [UPDATE_EVENT_UNHEALTHY] = "unhealthy",
    [UPDATE_EVENT_FELL_BACK] = "fell-back", [UPDATE_EVENT_CLOSED] = "closed",
};
_Static_assert(COUNT(event_names) == UPDATE_EVENT_COUNT, "every event has a name");

/* clang-format off */
static const struct update_move moves[] = {
    /* from               on                      to                   because */
    {UPDATE_IDLE,        UPDATE_EVENT_OFFERED,   UPDATE_OFFERED,     "the server granted a fetch"},

    {UPDATE_OFFERED,     UPDATE_EVENT_ACCEPTED,  UPDATE_DOWNLOADING, "the offered image is signed for this device"},
    {UPDATE_OFFERED,     UPDATE_EVENT_SKIPPED,   UPDATE_SKIPPED,     "the device runs this image already"},
    {UPDATE_OFFERED,     UPDATE_EVENT_REFUSED,   UPDATE_FAILED,      "the offered image is not one this device may run"},
    {UPDATE_OFFERED,     UPDATE_EVENT_CANCELLED, UPDATE_CANCELLED,   "the server took the offer back"},

    {UPDATE_DOWNLOADING, UPDATE_EVENT_WRITTEN,   UPDATE_STAGED,      "the other slot was written and read back"},
    {UPDATE_DOWNLOADING, UPDATE_EVENT_REFUSED,   UPDATE_FAILED,      "the bytes or the slot did not hold what was signed"},
    {UPDATE_DOWNLOADING, UPDATE_EVENT_CANCELLED, UPDATE_CANCELLED,   "the server took the offer back"},

    {UPDATE_STAGED,      UPDATE_EVENT_ALLOWED,   UPDATE_ACTIVATING,  "the server allowed the switch"},
    {UPDATE_STAGED,      UPDATE_EVENT_REFUSED,   UPDATE_FAILED,      "the staged slot no longer holds the image"},
    {UPDATE_STAGED,      UPDATE_EVENT_CANCELLED, UPDATE_CANCELLED,   "the server took the offer back"},

    {UPDATE_ACTIVATING,  UPDATE_EVENT_STARTED,   UPDATE_VERIFYING,   "the loader started the new slot"},
    {UPDATE_ACTIVATING,  UPDATE_EVENT_FELL_BACK, UPDATE_ROLLED_BACK, "the loader gave the new slot up before the agent ran"},

    {UPDATE_VERIFYING,   UPDATE_EVENT_HEALTHY,   UPDATE_SUCCEEDED,   "the new system is healthy and reached the server"},
    {UPDATE_VERIFYING,   UPDATE_EVENT_UNHEALTHY, UPDATE_ROLLED_BACK, "the new system failed its health checks"},
    {UPDATE_VERIFYING,   UPDATE_EVENT_FELL_BACK, UPDATE_ROLLED_BACK, "the new system never confirmed itself"},

    {UPDATE_SUCCEEDED,   UPDATE_EVENT_CLOSED,    UPDATE_IDLE,        "the end was queued for the server"},
    {UPDATE_FAILED,      UPDATE_EVENT_CLOSED,    UPDATE_IDLE,        "the end was queued for the server"},
    {UPDATE_ROLLED_BACK, UPDATE_EVENT_CLOSED,    UPDATE_IDLE,        "the end was queued for the server"},
    {UPDATE_CANCELLED,   UPDATE_EVENT_CLOSED,    UPDATE_IDLE,        "the end was queued for the server"},
    {UPDATE_SKIPPED,     UPDATE_EVENT_CLOSED,    UPDATE_IDLE,        "the end was queued for the server"},
};
/* clang-format on */

const char *update_state_name(enum update_state state)
{
    ASSERT(state < UPDATE_STATE_COUNT);
    return state_names[state];
}

const char *update_event_name(enum update_event event)
{
    ASSERT(event < UPDATE_EVENT_COUNT);
    return event_names[event];
}

bool update_state_parse(const char *name, size_t len, enum update_state *out)
{
    for (size_t i = 0; i < COUNT(state_names); i++) {
        if (strlen(state_names[i]) != len || strncmp(state_names[i], name, len) != 0)
            continue;
        *out = (enum update_state)i;
        return true;
    }
    return false;
}

bool update_state_is_terminal(enum update_state state)
{
    return state >= UPDATE_SUCCEEDED;
}

unsigned update_state_rank(enum update_state state)
{
    ASSERT(state < UPDATE_STATE_COUNT);
    return update_state_is_terminal(state) ? UPDATE_SUCCEEDED : state;
}

const struct update_move *update_move_find(enum update_state from, enum update_event on)
{
    for (size_t i = 0; i < COUNT(moves); i++)
        if (moves[i].from == from && moves[i].on == on)
            return &moves[i];
    return NULL;
}

const struct update_move *update_moves(size_t *count)
{
    *count = COUNT(moves);
    return moves;
}
