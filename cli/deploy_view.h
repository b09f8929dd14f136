#pragma once
/*
 * A deployment as people look at it: a bar for each phase, what its gates have seen between their
 * bounds, and the strata that fare worse than the rest. Pure: from the API's answer to lines.
 *
 *     v2 to camera/production: running, phase 2 of 3
 *       done     3        [##############################]  3 succeeded
 *       running  10 %     [###########                   ]  4 succeeded, 7 downloading
 *       waiting  100 %    [                              ]  nobody yet, hold
 *     gates
 *       install  good |-----*----------:------------------| bad   7 of 7 succeeded
 */
#include "lib/base/buf.h"
#include "lib/json/json.h"

/* "" when it is not there. Borrowed. */
const char *deploy_text(const json_t *object, const char *name);
/* "12 succeeded, 1 rolled-back, 3 downloading" */
void deploy_print_counts(const json_t *counts, struct buf *out);
/* What each gate saw, a line each; of a deployment's "evidence", or of its "halt" what was "seen".
 */
void deploy_print_gates(const json_t *evidence, struct buf *out);
/* Whole lines. */
void deploy_print(const json_t *deployment, struct buf *out);
/* A statistic between its bounds, DEPLOY_SCALE_WIDTH characters and a NUL: "|---*---:------|"; the
 * colon is zero, where nothing has been seen. Beyond a bound it stands at it. */
enum { DEPLOY_SCALE_WIDTH = 34 };
void deploy_scale(double statistic, double lower, double upper, char out[DEPLOY_SCALE_WIDTH + 1]);
