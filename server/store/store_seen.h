#pragma once
/* When devices were last seen: written behind, in big batches, into a narrow table. */
#include "server/db/db.h"

extern const struct db_stmt *const store_seen_statements[];

struct store_seen {
    int64_t device_id;
    int64_t tenant_id;
    int64_t seen_ms;
};

/* A crash of PostgreSQL may lose the last moments of these, and only of these. Each device at
 * most once. */
void store_seen_write(struct db *db, const struct store_seen *rows, size_t count, db_done_fn *done,
                      void *arg);

/* A row for each tenant with devices that were last seen before `silent_ms`: its name, how many
 * there are, and the ids of those that fell silent after `since_ms`, at most STORE_SILENT_MAX.
 * Looks at every device: for the clock, now and then. */
enum { STORE_SILENT_MAX = 20 };
void store_seen_silent(struct db *db, int64_t silent_ms, int64_t since_ms, db_done_fn *done,
                       void *arg);
