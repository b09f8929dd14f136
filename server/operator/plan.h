#pragma once
/* What plan.c and plan_gate.c share. */
#include "server/operator/reach.h"

/* What the gates would do: {"failure_rate", "proposed_p0"?, "curve": [{"failing", "halted",
 * "touched"}], "crash_daily", "is_crash_assumed", "crash_ratio" | null}; what speaks against the
 * settings is added to `warnings`. */
json_t *plan_gate(const struct reach *reach, json_t *warnings);
void plan_warn(json_t *warnings, const char *text);
