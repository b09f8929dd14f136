#pragma once
/*
 * The only readers of the clocks. Edges read them and pass `now_ms` in; pure code never does.
 */
#include "lib/base/base.h"

/* Milliseconds since 1970, UTC. */
int64_t clock_now_ms(void);
/* Milliseconds that never go back; only differences mean anything. */
int64_t clock_mono_ms(void);
/* The same in microseconds, for measuring. */
int64_t clock_mono_us(void);
