/*
 * The states are enumerated, not stored: all pairs of counts within `most`, each with the last
 * bit where both kinds were seen.
 */
#include "lib/delta/history.h"

enum { RARER_MAX = 5 };

/* The larger count's bound when the smaller one is the index. */
static const uint8_t most[RARER_MAX + 1] = {30, 24, 12, 8, 6, 5};

/* What is left of the other kind's count after this kind was seen. */
static unsigned forgotten(unsigned count)
{
    return count > 3 ? 3 + (count - 3) / 3 : count;
}

static bool exists(unsigned zeros, unsigned ones)
{
    unsigned less = zeros < ones ? zeros : ones;
    unsigned more = zeros < ones ? ones : zeros;

    return less <= RARER_MAX && more <= most[less];
}

/* Numbers in order of zeros, ones and last bit. */
static unsigned number(unsigned zeros, unsigned ones, unsigned last)
{
    unsigned out = 0;

    for (unsigned a = 0; a <= most[0]; a++)
        for (unsigned b = 0; b <= most[0]; b++) {
            if (!exists(a, b))
                continue;
            if (a == zeros && b == ones)
                return out + (a > 0 && b > 0 ? last : 0);
            out += a > 0 && b > 0 ? 2 : 1;
        }
    return 0;
}

static unsigned after(unsigned zeros, unsigned ones, unsigned bit)
{
    unsigned same = bit ? ones : zeros;
    unsigned other = forgotten(bit ? zeros : ones);

    same++;
    /* At the bounds the older kind gives way first, then the count stays. */
    while (!exists(same, other) && other > RARER_MAX)
        other--;
    while (!exists(same, other) && same > 1)
        same--;
    return bit ? number(other, same, bit) : number(same, other, bit);
}

void delta_history_init(struct delta_history *history)
{
    for (unsigned a = 0; a <= most[0]; a++)
        for (unsigned b = 0; b <= most[0]; b++)
            for (unsigned last = 0; last < 2; last++) {
                unsigned state;

                if (!exists(a, b))
                    continue;
                state = number(a, b, last);
                ASSERT(state < DELTA_STATES);
                history->next[state][0] = (uint8_t)after(a, b, 0);
                history->next[state][1] = (uint8_t)after(a, b, 1);
                history->start[state] = (uint16_t)((b * 10 + 4) * 65535 / ((a + b) * 10 + 8));
                history->seen[state] = (uint8_t)(a + b);
            }
    for (unsigned i = 0; i <= DELTA_EXPERIENCE_MAX; i++)
        history->inertia[i] = (uint16_t)(2 * 65536 / (2 * i + 3));
}
