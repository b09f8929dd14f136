/* Which devices a phase holds is computed from their places, never stored. */
#include "server/rollout/phase.h"

uint32_t rollout_phase_of(const uint32_t *share_milli, uint32_t count, uint64_t place)
{
    uint32_t phase = 1;

    while (phase <= count && !place_in_share(place, share_milli[phase - 1]))
        phase++;
    return phase;
}
