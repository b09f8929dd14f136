#pragma once
/*
 * Roles that grew too long for a device's memory: the role keeps only a succinct delegation (TAP
 * 15) and its entries move into 2^bits bins by the hash of their path. Pure.
 */
#include "cli/trust/plan.h"

enum { BINS_BITS_MAX = 8 };

/* The role that lists (or would list) `path`: `role` itself or one of its bins. False when the
 * name would be too long. */
MUST_USE bool bins_place(const struct plan *plan, const char *role, const char *path, char *out,
                         size_t room);
/* The names of the bins, a list of texts; empty when there are none. The caller's. */
json_t *bins_names(const struct plan *plan, const char *role);
/* Divides `role` when its draft, or that of one of its bins, would be too long signed. ERR_LIMIT
 * when the most bins are not enough. */
MUST_USE bool bins_divide(struct plan *plan, const char *role, struct err *err);
