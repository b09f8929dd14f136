/* Poisson by Knuth for small means, a rounded normal for large ones. */
#include "tests/support/sim_random.h"

#include <math.h>

uint64_t sim_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double sim_chance(uint64_t *state)
{
    return (double)(sim_random(state) >> 11) * 0x1p-53;
}

int64_t sim_poisson(uint64_t *state, double mean)
{
    double limit = exp(-mean), product = 1;
    int64_t count = -1;

    if (mean > 50) {
        double u = sim_chance(state) + 0x1p-60, v = sim_chance(state);
        double draw = mean + sqrt(mean) * sqrt(-2 * log(u)) * cos(6.283185307179586 * v) + 0.5;

        return draw > 0 ? (int64_t)draw : 0;
    }
    do {
        product *= sim_chance(state);
        count++;
    } while (product > limit);
    return count;
}
