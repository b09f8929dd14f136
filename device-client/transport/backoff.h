#pragma once
/*
 * How long to wait. Pure: randomness is an argument, uniform over all 32-bit numbers.
 */
#include "lib/base/base.h"

/* After `failures` failures in a row (from 1): uniform below a bound that doubles, so that a
 * fleet that lost its server does not come back in step. A server's Retry-After (in seconds, 0:
 * none) is waited for in full, plus up to a tenth of it. */
int64_t backoff_ms(unsigned failures, uint64_t retry_after_s, uint32_t random);
/* The server's poll interval, 20 % more or less, at least `floor_ms`. */
int64_t backoff_poll_ms(uint64_t next_poll_s, int64_t floor_ms, uint32_t random);
