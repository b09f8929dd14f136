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

/* The process's time zone, by its IANA name ("Europe/Berlin"); "": UTC. False when this system does
 * not know it; then nothing changed. Before there are threads. */
MUST_USE bool clock_zone_set(const char *name);
/* Seconds by which that zone's clocks are ahead of UTC at a moment. */
int32_t clock_zone_offset_s(int64_t utc_s, void *unused);
