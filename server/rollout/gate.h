#pragma once
/*
 * When a deployment goes on, ends or stops. Pure: the same rules, counts and time always give
 * the same verdict.
 */
#include "lib/base/base.h"

struct rollout_rules {
    uint32_t failed_percent; /* more than this share of the finished halts ... */
    uint64_t finished_min;   /* ... once so many have finished */
    int64_t soak_ms;         /* how long a phase rests after its last device settled */
    uint32_t phase_count;
};

/* Devices of the whole deployment so far. Cancelled and skipped ones say nothing. */
struct rollout_counts {
    uint64_t succeeded;
    uint64_t failed; /* failed or rolled back */
};

/* The members of the phases so far that have not settled: they run another image and their row,
 * if any, is still open. */
struct rollout_census {
    bool is_known; /* false: it was not taken for this phase yet */
    uint64_t waiting;
    uint64_t awake_waiting; /* of these, seen lately */
};

enum rollout_verdict { ROLLOUT_STAY, ROLLOUT_ADVANCE, ROLLOUT_FINISH, ROLLOUT_HALT };

struct rollout_progress {
    uint32_t phase;        /* that runs, from 1 */
    int64_t settled_at_ms; /* when nobody awake was waiting in this phase, first; 0: not yet */
};

/* The gate alone: true when the deployment must stop. */
bool rollout_gate_says_stop(const struct rollout_rules *rules, const struct rollout_counts *counts);
/* The gate first, then the phase. Keeps `settled_at_ms`; a new phase begins with 0. */
enum rollout_verdict rollout_judge(const struct rollout_rules *rules,
                                   const struct rollout_counts *counts,
                                   const struct rollout_census *census, int64_t now_ms,
                                   struct rollout_progress *progress);
