#pragma once
/* A filter over devices in an operator's input, for SQL. Pure. */
#include "lib/base/arena.h"
#include "lib/base/err.h"

/* The program of slipway_filter(), in the arena; NULL for NULL. */
MUST_USE bool input_filter(const char *text, struct arena *arena, const char **out,
                           struct err *err);
