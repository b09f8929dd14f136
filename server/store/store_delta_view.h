#pragma once
/* Deltas as operators see them. See store_tenant.h; the work behind them is store_delta.h. */
#include "server/store/page.h"

extern const struct db_stmt *const store_delta_view_statements[];

/* `state` may be NULL: all. */
void store_delta_list(struct db *db, const struct store_page *page, const char *state,
                      db_done_fn *done, void *arg);
