#pragma once
/* Holds: of a device or a group, kept on what it runs. */
#include "server/db/db.h"

/* A hold: INT64_MAX is until somebody ends it, 0 ends it. */
struct store_hold {
    int64_t until_ms;
    const char *reason;
};

/* Binds the time and the reason. */
static inline void store_hold_bind(struct db_call *call, const struct store_hold *hold)
{
    if (hold->until_ms == INT64_MAX)
        db_bind_text(call, "infinity");
    else if (hold->until_ms == 0)
        db_bind_null(call);
    else
        db_bind_time_ms(call, hold->until_ms);
    db_bind_text(call, hold->reason);
}

/* As JSON, of a row `t`: {"until": TIME | null, "reason"}, or null when nothing holds it. */
#define STORE_HOLD_JSON(t)                                                                         \
    "CASE WHEN " t ".hold_until > now() THEN json_build_object('until',"                           \
    " CASE WHEN isfinite(" t ".hold_until) THEN slipway_time(" t ".hold_until) END,"               \
    " 'reason', " t ".hold_reason) END"
