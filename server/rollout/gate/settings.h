#pragma once
/*
 * What an operator may set of the gates of a deployment, and what holds when nothing is set. As
 * JSON (the API's "gate", and as it is stored):
 *
 *     {"install": {"p0", "p1", "alpha", "beta", "start"} | null,
 *      "health": {"ratio", "alpha", "beta"} | null,
 *      "silence": {"intervals", "ratio", "alpha"} | null,
 *      "threshold": {"failed_percent", "min_finished"} | null,
 *      "scope": "all" | "stratum"}
 *
 * A member that is missing holds its default, null switches its gate off. Pure.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

struct gate_install_settings {
    bool is_on;
    double p0;      /* the share of failures that is still good, ... */
    double p1;      /* ... and the one that is bad */
    double alpha;   /* at most this chance to stop a good release, */
    double beta;    /* ... to call a bad one good */
    uint64_t start; /* so many outcomes may be open at first; each success adds one */
};
struct gate_health_settings {
    bool is_on;
    double ratio; /* so many times the crashes are bad */
    double alpha;
    double beta;
};
struct gate_silence_settings {
    bool is_on;
    uint64_t intervals; /* not heard of for so many poll intervals is silent */
    double ratio;
    double alpha;
};
struct gate_threshold_settings {
    bool is_on;
    uint64_t failed_percent; /* more than this share of the ended ... */
    uint64_t finished_min;   /* ... once so many have ended */
};
struct gate_settings {
    struct gate_install_settings install;
    struct gate_health_settings health;
    struct gate_silence_settings silence;
    struct gate_threshold_settings threshold;
    bool is_by_stratum; /* a stratum that fails stops alone */
};

extern const struct gate_settings gate_settings_default;

/* `object` may be NULL or JSON null: all defaults. `path` names it in errors. */
MUST_USE bool gate_settings_read(const json_t *object, const char *path, struct gate_settings *out,
                                 struct err *err);
/* The same of a text, as stored. */
MUST_USE bool gate_settings_parse(const char *text, struct gate_settings *out, struct err *err);
/* Every member, so that later defaults change nothing that was decided. */
void gate_settings_format(const struct gate_settings *settings, struct buf *out);
/* The members, their ranges and defaults as a section of docs/API.md. */
void gate_settings_describe(struct buf *out);
