#pragma once
/*
 * Time for a device whose clock may be wrong, or that has none. Pure: clocks are read and bytes
 * are sent by the caller.
 *
 * A lower bound is always known: when this program was built, the last time that was trusted, and
 * when the newest verified director document was issued. Time never goes back below it. A clock
 * far above it is not believed unless the server's time key attests it: else a wrong clock makes
 * every file expire.
 *
 * Attested time: POST {"nonce"} -> {"signed":{"_type":"time","nonce","time"},"signatures":[...]}.
 * Good for the own nonce, signed with a time key of the anchors, within TIME_ROUND_TRIP_MS_MAX of
 * asking by the monotonic clock.
 */
#include "device-client/trust/anchors.h"
#include "lib/base/buf.h"

enum { TIME_NONCE_BYTES = 32, TIME_ROUND_TRIP_MS_MAX = 60 * 1000, TIME_ANSWER_BYTES_MAX = 4096 };

/* When this program was built: the commit's date, or SOURCE_DATE_EPOCH. 0: it was not said. */
int64_t time_built_ms(void);

/* Now, for expiry: never before `lower_ms`; TIME_JUMP when the clock is more than TIME_JUMP_MS_MAX
 * ahead of it (0: nothing is known yet). */
MUST_USE bool trust_time(int64_t lower_ms, int64_t clock_ms, int64_t *out_ms, struct err *err);

/* The question for the tenant's time key, appended. */
void time_ask_format(const uint8_t nonce[TIME_NONCE_BYTES], const char *tenant, struct buf *out);
/* What the answer says. TIME_SIGNATURE (also for what cannot be parsed), TIME_NONCE, TIME_LATE. */
MUST_USE bool time_answer_check(const struct anchors *anchors, const struct buf *answer,
                                const uint8_t nonce[TIME_NONCE_BYTES], int64_t took_ms,
                                int64_t *out_ms, struct err *err);
