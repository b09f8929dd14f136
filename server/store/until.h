#pragma once
/* The end of a hold: a time, INT64_MAX for "until somebody ends it", 0 for no hold. */
#include "server/db/db.h"

static inline void store_bind_until(struct db_call *call, int64_t until_ms)
{
    if (until_ms == INT64_MAX)
        db_bind_text(call, "infinity");
    else if (until_ms == 0)
        db_bind_null(call);
    else
        db_bind_time_ms(call, until_ms);
}

/* As JSON, of a row `t`: {"until": TIME | null, "reason"}, or null when nothing holds it. */
#define STORE_HOLD_JSON(t)                                                                         \
    "CASE WHEN " t ".hold_until > now() THEN json_build_object('until',"                           \
    " CASE WHEN isfinite(" t ".hold_until) THEN slipway_time(" t ".hold_until) END,"               \
    " 'reason', " t ".hold_reason) END"
