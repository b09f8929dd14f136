/* "Full jitter": the whole span is random, not a part of it. */
#include "device-client/transport/backoff.h"

#include "device-client/limits.h"

/* Uniform in [0, span). */
static int64_t part_of(int64_t span, uint32_t random)
{
    return (int64_t)((uint64_t)span * random >> 32);
}

int64_t backoff_ms(unsigned failures, uint64_t retry_after_s, uint32_t random)
{
    int64_t bound = BACKOFF_BASE_MS;

    if (retry_after_s > 0) {
        uint64_t max_s = BACKOFF_MS_MAX / 1000;
        int64_t wait = (int64_t)(retry_after_s < max_s ? retry_after_s : max_s) * 1000;

        return wait + part_of(wait / 10 + 1, random);
    }
    for (unsigned i = 0; i < failures && bound < BACKOFF_MS_MAX; i++)
        bound *= 2;
    return 1 + part_of(bound < BACKOFF_MS_MAX ? bound : BACKOFF_MS_MAX, random);
}

int64_t backoff_poll_ms(uint64_t next_poll_s, int64_t floor_ms, uint32_t random)
{
    int64_t interval = (int64_t)next_poll_s * 1000;
    int64_t span = interval * 2 * POLL_JITTER_PERCENT / 100;
    int64_t wait = interval - span / 2 + part_of(span + 1, random);

    return wait > floor_ms ? wait : floor_ms;
}
