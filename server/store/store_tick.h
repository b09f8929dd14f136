#pragma once
/*
 * The clock of deployments: what the counters say, and the moves that no operator makes. Of several
 * servers one at a time moves (an advisory lock), and only what is still where the caller saw it;
 * what has moved is announced to every server's memory, and what a gate did is in the audit.
 */
#include "server/db/db.h"

extern const struct db_stmt *const store_tick_statements[];

/* What verdicts are made from, in one transaction, of the deployments of `ids` that are under way;
 * every part comes by deployment. */
enum store_tick_part {
    TICK_DEPLOYMENTS,
    TICK_STRATA, /* by deployment and stratum */
    /* only with `with_health` */
    TICK_HEALTH, /* by deployment and hour */
    /* How the devices that are updated did in the 14 days before: deployment, uptime in s, bad
     * days. */
    TICK_BEFORE,
    TICK_PART_COUNT,
};
void store_tick_load(struct db *db, const int64_t *ids, size_t count, bool with_health,
                     db_tx_done_fn *done, void *arg);

struct store_tick {
    int64_t deployment_id;
    int64_t phase;
    int64_t succeeded;  /* rows of the whole deployment */
    int64_t failed;     /* and rolled back */
    int64_t admitted;   /* rows of the running phase */
    int64_t ended;      /* ... that have ended */
    int64_t settled_ms; /* when everybody of the phase had settled first; 0: not yet */
    int64_t updated_s;  /* uptime that updated devices reported since the phase began */
    bool is_running;    /* neither paused nor over */
    bool is_way_back;   /* it rolls another one back */
    bool cap_lifted;
    int64_t server_excused;
    double statistic; /* of the common test, and what it has seen */
    int64_t judged_succeeded;
    int64_t judged_failed;
};
void store_tick_read(const struct db_result *result, size_t row, struct store_tick *out);

struct store_stratum {
    int64_t deployment_id;
    int64_t stratum;
    int64_t touched;
    int64_t open;
    int64_t succeeded;
    int64_t failed;
    int64_t device;
    int64_t server;
    bool cap_lifted;
    bool halted;
    double statistic;
    int64_t judged_succeeded;
    int64_t judged_failed;
};
void store_stratum_read(const struct db_result *result, size_t row, struct store_stratum *out);

/* One hour of one stratum, both sides. */
struct store_health {
    int64_t deployment_id;
    int64_t stratum;
    int64_t hour_ms;
    int64_t updated_s;
    int64_t updated_bad;
    int64_t control_s;
    int64_t control_bad;
};
void store_health_read(const struct db_result *result, size_t row, struct store_health *out);

/* --- moves: one row when it moved, none when it was elsewhere by now or another server was at it.
 */
/* Everybody of the phase has settled: from now on it soaks. */
void store_tick_settle(struct db *db, int64_t deployment_id, int64_t phase, db_done_fn *done,
                       void *arg);
/* `failed` is what the strata said in sum: when it has grown meanwhile, nothing moves. */
void store_tick_advance(struct db *db, int64_t deployment_id, int64_t phase, int64_t failed,
                        db_done_fn *done, void *arg);
/* The group's baseline is this deployment from now on; what it rolled back is aborted. */
void store_tick_finish(struct db *db, int64_t deployment_id, int64_t phase, int64_t failed,
                       db_done_fn *done, void *arg);

/* A gate's word. Texts are copied. */
struct store_stop {
    int64_t deployment_id;
    const char *gate;     /* "install" */
    const char *to;       /* "halted" or "paused" */
    int64_t stratum;      /* negative: all; else only this one stops, and the rest goes on */
    const char *reason;   /* a sentence for people */
    const char *evidence; /* the JSON object that operators see */
};
void store_tick_stop(struct db *db, const struct store_stop *stop, db_done_fn *done, void *arg);
/* Makes the deployment back to the group's baseline, for what was halted with `on_stop` roll-back.
 * None: there is no baseline, or something else runs by now. */
void store_tick_roll_back(struct db *db, int64_t deployment_id, db_done_fn *done, void *arg);
/* Where a test of install failures stands, and whether its cap is gone. */
struct store_walk {
    int64_t stratum; /* negative: all together */
    double statistic;
    int64_t succeeded;
    int64_t failed;
    bool cap_lifted;
};
struct store_walks {
    const struct store_walk *rows;
    size_t count;
    const char *evidence; /* what the gates see now, for people to look at */
};
/* A cap that went stays so and is a verdict. */
void store_tick_walk(struct db *db, int64_t deployment_id, const struct store_walks *walks,
                     db_done_fn *done, void *arg);
/* Starts what was scheduled for a time that has come. One row each, its public id. */
void store_tick_start(struct db *db, db_done_fn *done, void *arg);
