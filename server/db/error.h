#pragma once
/*
 * The one place that says what a PostgreSQL error means for the caller: a table from SQLSTATE
 * (or its class, the first two characters) to our few codes. Pure.
 */
#include "lib/base/err.h"

/* Sets `err` from the five characters of a SQLSTATE and the primary message. A NULL or empty
 * `sqlstate` is a failure of libpq itself: the connection. */
void db_error_set(struct err *err, const char *sqlstate, const char *message);
