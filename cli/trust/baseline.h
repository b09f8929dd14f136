#pragma once
/* What devices of a product run now, by the server's word: the counters a new release should allow
 * going back to. */
#include "cli/client/api.h"

enum { BASELINES_MAX = 8 };

/* Counters of `component` for `hwid` in the last finished releases of the product's groups, each
 * once, at most BASELINES_MAX. */
MUST_USE bool baseline_counters(struct api *api, const char *product, const char *component,
                                const char *hwid, uint64_t *out, size_t *count, struct err *err);
