#pragma once
/*
 * When a deployment goes on, ends or stops: all gates first, then the phase. Pure: the same facts
 * and time always give the same ruling.
 *
 * A phase has settled when no member that is awake waits, and there is evidence: some device ended,
 * or nobody is left at all. A device in a drawer does not hold the fleet up; it converges through
 * the baseline when it wakes. From then on it soaks: members who wake later are waited for, but do
 * not start that again.
 */
#include "server/rollout/gate/health.h"
#include "server/rollout/gate/silence.h"
#include "server/rollout/phase.h"

struct rollout_facts {
    const struct rollout_phase *phase; /* that runs */
    uint32_t number;                   /* its own, from 1 */
    uint32_t count;
    bool is_running;  /* neither paused nor over */
    bool is_way_back; /* it rolls another one back: nothing stops it */
    /* rows of the whole deployment */
    uint64_t succeeded;
    uint64_t failed; /* or rolled back */
    /* rows of the running phase */
    uint64_t admitted;
    /* who is still waited for; not known: nothing settles */
    bool is_census_known;
    uint64_t waiting;
    uint64_t awake_waiting;
    uint64_t awake_candidates; /* for a phase that counts */
    struct gate_silent silent;
    /* strata, by number; their walks are moved on */
    struct gate_stratum *strata;
    size_t strata_count;
    struct gate_walk pooled;
    bool cap_lifted;
    uint64_t server_excused; /* trust refusals that an operator has seen and resumed after */
    /* health; NULL: not looked at this time */
    const struct gate_hour *hours;
    size_t hour_count;
    const struct gate_hour *before;
    /* the soak */
    int64_t settled_ms; /* 0: not yet */
    int64_t updated_ms; /* uptime of updated devices since the phase began */
    int64_t now_ms;
};

enum rollout_verdict {
    ROLLOUT_STAY,
    ROLLOUT_SETTLE, /* everybody settled just now: the soak begins */
    ROLLOUT_ADVANCE,
    ROLLOUT_FINISH,
    ROLLOUT_STOP,
};

enum { RULING_REASON_ROOM = 160 };

struct rollout_ruling {
    enum rollout_verdict verdict;
    /* of a stop */
    const char *gate;                /* "install", "health", "silence", "threshold", "server" */
    int64_t stratum;                 /* negative: all */
    bool is_pause;                   /* whatever the deployment says: not the release's fault */
    char reason[RULING_REASON_ROOM]; /* a sentence for people */
    /* the cap on open outcomes */
    bool lifts; /* for all together, since now */
    struct gate_install install;
    struct gate_health health;
    struct gate_silence silence;
};

/* Moves facts->pooled and the walks and caps of facts->strata on. */
void rollout_judge(const struct gate_settings *settings, struct rollout_facts *facts,
                   struct rollout_ruling *out);
/* What the gates saw, as JSON, for people to look at; `stop` tells only what led to it. */
void rollout_evidence_format(const struct gate_settings *settings,
                             const struct rollout_facts *facts, const struct rollout_ruling *ruling,
                             struct buf *out);
void rollout_stop_format(const struct gate_settings *settings, const struct rollout_facts *facts,
                         const struct rollout_ruling *ruling, struct buf *out);
