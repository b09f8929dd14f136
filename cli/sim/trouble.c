/* A device counts what happened since it last told: with the usual few seconds between, that is
 * one crash or none. */
#include "cli/sim/trouble.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const uint64_t day_ms = 86400000;

bool sim_crash_parse(const char *text, struct sim_crash *out, struct err *err)
{
    const char *equals = strrchr(text, '=');
    uint64_t rate;

    if (!equals || equals == text ||
        !text_to_u64(equals + 1, strlen(equals + 1), 1, SIM_CRASHES_PER_DAY_MAX, &rate))
        return err_set(err, ERR_INVALID,
                       "'%s' is not VERSION=RATE, crashes of a device in a day from 1 to %d", text,
                       SIM_CRASHES_PER_DAY_MAX);
    *out = (struct sim_crash){mem_strndup(text, (size_t)(equals - text)), rate};
    return true;
}

uint64_t sim_crash_rate(const struct sim_crash *crashes, size_t count, const char *version)
{
    for (size_t i = 0; version && i < count; i++)
        if (text_equal(crashes[i].version, version))
            return crashes[i].per_day;
    return 0;
}

uint64_t sim_crash_draw(uint64_t per_day, int64_t span_ms, uint32_t chance)
{
    uint64_t expected = per_day * (uint64_t)span_ms; /* at most 10^8 a day for a week of ms */
    uint64_t rest = expected % day_ms;

    return expected / day_ms + ((uint64_t)chance * day_ms >> 32 < rest);
}
