/* Which devices a phase holds is computed, never stored. A phase that counted is closed with its
 * end: who it did not take waits for a later one. */
#include "server/rollout/phase.h"

bool rollout_phase_is_for(const struct rollout_phase *phase, const struct rollout_device *device)
{
    if (phase->is_closed)
        return false;
    if (phase->share_milli > 0 && !place_in_share(device->place, phase->share_milli))
        return false;
    return !phase->filter || device->matches(phase->filter, device->arg);
}

uint32_t rollout_phase_of(const struct rollout_phase *phases, uint32_t running,
                          const struct rollout_device *device)
{
    for (uint32_t n = 1; n <= running; n++) {
        const struct rollout_phase *phase = &phases[n - 1];

        if (phase->device_count > 0 && n < running)
            continue;
        if (rollout_phase_is_for(phase, device))
            return n;
    }
    return 0;
}
