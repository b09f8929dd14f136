#pragma once
/*
 * The schema's history: files NNNN_what.sql, numbered from 0001 without a gap, each applied once,
 * in order, in a transaction, and remembered with its hash in table schema_migration.
 *
 * Both functions refuse a database that a newer program migrated, and a file that was edited
 * after it was applied (ERR_CONFLICT). They block.
 */
#include "lib/base/err.h"

/* The folder of this program's migrations: the installed one, or that of the checkout the
 * program was built in. `out` holds `room` bytes. */
MUST_USE bool migrate_find_dir(char *out, size_t room, struct err *err);
/* Applies what is missing; one process at a time, others wait. */
MUST_USE bool migrate_apply(const char *conninfo, const char *dir, unsigned *applied,
                            struct err *err);
/* Refuses a database where something is missing. */
MUST_USE bool migrate_check(const char *conninfo, const char *dir, struct err *err);
