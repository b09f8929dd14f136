#pragma once
/*
 * Why a device gets what it gets: the decision of a poll taken once more (fleet_plan_trace()),
 * with the numbers that grants and activations are measured by, step by step. Shared by why*.c.
 */
#include "lib/json/json.h"
#include "server/fleet/plan.h"

enum why_verdict {
    WHY_PASSES,
    WHY_STOPS,
    WHY_NONE, /* it has no say here */
};

struct why {
    const struct model *model;
    const struct fleet_facts *facts; /* NULL: memory does not know the device yet */
    struct fleet_plan plan;
    struct fleet_trace trace;
    const json_t *stored; /* store_why_load()'s */
    int64_t now_ms;
    json_t *steps; /* owned */
};

/* Appends {"step", "verdict", "reason", "text", "facts"}; takes over `facts` (NULL: {}). `reason`
 * is
 * "" for what passes. */
void why_add(struct why *why, const char *step, enum why_verdict verdict, const char *reason,
             json_t *facts, const char *fmt, ...) PRINTF(6, 7);

/* known, service, kill-switch, hold, penalty, policy, baseline, deployment, image, phase */
void why_add_decision(struct why *why);
/* window, freeze, budget, gate */
void why_add_permissions(struct why *why);
/* {"action", "reason", "text"}: what its next poll is answered. */
json_t *why_answer(const struct why *why);

/* The whole answer; the caller owns it. `stored` is store_why_load()'s. */
json_t *why_json(const struct model *model, const struct fleet_facts *facts, const json_t *stored,
                 int64_t now_ms);

/* Members of what is stored; "" and 0 for what is missing or null. */
const char *why_text(const json_t *object, const char *name);
int64_t why_number(const json_t *object, const char *name);
bool why_is(const json_t *object, const char *name);
