#pragma once
/*
 * Shares of a whole that add up. Rounding each for itself gives 99.99 or 100.01 %; here what is
 * left over goes to those whose cut was largest (largest remainder; the first of equal ones), so
 * the sum is exact. Pure.
 */
#include "lib/json/json.h"

enum { SHARE_WHOLE = 10000 }; /* hundredths of a percent */

/* out[i] in hundredths of a percent: their sum is SHARE_WHOLE, or all are 0 when nothing was
 * counted. Each is within one hundredth of its exact share. */
void share_split(const uint64_t *counts, size_t count, uint32_t *out);

/* Every array in the tree whose members are all objects with an integer "count" is a whole: each
 * member gets "percent", a number with two decimals. */
void share_tree(json_t *tree);
