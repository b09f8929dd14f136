#pragma once
/* What devices of a product run now, by the server's word: the counters a new release should allow
 * going back to. */
#include "cli/client/api.h"

enum { BASELINES_MAX = 8 };

struct baseline_query {
    const char *product;
    const char *component;
    const char *hwid;
};

/* Release counters, each once. */
struct baselines {
    uint64_t counters[BASELINES_MAX];
    size_t count;
};

/* Those of the component for the hardware in the last finished releases of the product's groups. */
MUST_USE bool baselines_find(struct api *api, const struct baseline_query *query,
                             struct baselines *out, struct err *err);
