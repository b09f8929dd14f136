#pragma once
/* Chance with a seed: splitmix64, by Sebastiano Vigna in the public domain. */
#include "lib/base/base.h"

uint64_t sim_random(uint64_t *state);
/* In [0, 1). */
double sim_chance(uint64_t *state);
int64_t sim_poisson(uint64_t *state, double mean);
