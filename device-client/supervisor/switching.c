/* A deferral is a person's word and comes first; when it is over, the window still counts. */
#include "device-client/supervisor/switching.h"

#include "device-client/limits.h"
#include "lib/base/text.h"

static bool is_deferred(const struct switching *switching, int64_t now_ms, int64_t *until_ms)
{
    int64_t latest_ms = switching->offered_ms + DEFER_MS_MAX;

    *until_ms = switching->deferred_ms < latest_ms ? switching->deferred_ms : latest_ms;
    return switching->deferred_ms && now_ms < *until_ms;
}

bool switching_is_due(const struct switching *switching, int64_t now_ms, int64_t *until_ms,
                      struct err *why)
{
    char text[TEXT_TIME_ROOM];

    if (is_deferred(switching, now_ms, until_ms)) {
        text_from_time(*until_ms, text);
        return err_refuse(why, REFUSAL_DEFERRED, "deferred until %s", text);
    }
    *until_ms = 0;
    if (!switching->window.set)
        return true;
    *until_ms = INT64_MAX;
    if (!switching->knows_time)
        return err_refuse(why, REFUSAL_WINDOW, "the window needs a clock, which is not set yet");
    *until_ms = window_next_ms(&switching->window, now_ms, switching->zone, switching->zone_arg);
    if (*until_ms <= now_ms)
        return true;
    if (*until_ms == INT64_MAX)
        return err_refuse(why, REFUSAL_WINDOW, "the window never opens");
    text_from_time(*until_ms, text);
    return err_refuse(why, REFUSAL_WINDOW, "the window opens at %s", text);
}
