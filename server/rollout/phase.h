#pragma once
/*
 * Phases of a deployment. Shares are cumulative, in thousandths of a percent, and strictly rise
 * to PLACE_SHARE_ALL; phases count from 1. Pure.
 */
#include "lib/update/place.h"

/* The first phase whose share holds the place; `count` + 1 when none does. */
uint32_t rollout_phase_of(const uint32_t *share_milli, uint32_t count, uint64_t place);
