#pragma once
/*
 * Looking at events: pages of the raw ones, newest first, as JSON or as lines to keep elsewhere;
 * and days.
 */
#include "server/db/db.h"

extern const struct db_stmt *const store_event_view_statements[];

enum store_event_form { STORE_EVENT_JSON, STORE_EVENT_LINES, STORE_EVENT_CSV };

/* NULL and 0 do not filter. Times are those of arrival, or of days of device_time in `days`. */
struct store_event_query {
    int64_t tenant_id;
    int64_t before; /* the id below which the page begins; 0: the newest */
    int64_t limit;
    const char *group;
    const uint8_t *device; /* HASH_BYTES */
    const char *release;
    const uint8_t *image; /* HASH_BYTES */
    const char *issue;
    const char *category;
    const char *class;
    int64_t since_ms;
    int64_t until_ms; /* not itself */
};

/* One row. JSON: {"items","next"}; otherwise the lines, and the cursor of what follows or NULL. */
void store_event_list(struct db *db, const struct store_event_query *query,
                      enum store_event_form form, db_done_fn *done, void *arg);
/* Sums by day, category and class: {"items":[...]}. */
void store_event_days(struct db *db, const struct store_event_query *query, db_done_fn *done,
                      void *arg);
