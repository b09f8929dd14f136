#pragma once
/*
 * What a person is shown before signing: computed here, from the very bytes that will be signed
 * and the published documents they follow, never taken from the request. What cannot be shown
 * completely is refused: nobody signs a field that this program does not know.
 */
#include "cli/trust/state.h"
#include "lib/ceremony/bundle.h"

/* Writes the summary of every document of the bundle. An entry that only moves from one role to
 * another, unchanged, is counted and not listed. ERR_INVALID for fields that are not known,
 * ERR_LIMIT for more changes than are shown. */
MUST_USE bool difference_fill(const struct state *state, struct bundle *bundle, struct err *err);
