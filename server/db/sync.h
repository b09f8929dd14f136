#pragma once
/*
 * A blocking connection, for what happens before the loops run: migrations, the development
 * server's first tenant, tests. Never used on a loop. It sees every tenant's rows.
 */
#include "server/db/db.h"

struct db_sync;

#define AUTO_DB_SYNC CLEANUP(db_sync_cleanup) struct db_sync

MUST_USE bool db_sync_open(const char *conninfo, struct db_sync **out, struct err *err);
void db_sync_close(struct db_sync *sync);
void db_sync_cleanup(struct db_sync **sync);
/* Runs one or more statements without values; their results are dropped. */
MUST_USE bool db_sync_run(struct db_sync *sync, const char *sql, struct err *err);
/* One statement with `count` text values (NULL: SQL NULL). The result is valid until the next
 * call or the close; read it with db_rows(), db_text() and so on. */
MUST_USE bool db_sync_query(struct db_sync *sync, const char *sql, const char *const *values,
                            size_t count, const struct db_result **out, struct err *err);
/* A name as SQL wants it: in double quotes. The caller frees it with mem_free(). */
char *db_sync_quote_name(const char *name);
