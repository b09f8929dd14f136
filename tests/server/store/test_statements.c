/* Every statement of the device's half is one that PostgreSQL understands. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/db/sync.h"
#include "server/store/store_activate.h"
#include "server/store/store_attachment.h"
#include "server/store/store_collect.h"
#include "server/store/store_delivery.h"
#include "server/store/store_device.h"
#include "server/store/store_director.h"
#include "server/store/store_event.h"
#include "server/store/store_figures.h"
#include "server/store/store_grant.h"
#include "server/store/store_model.h"
#include "server/store/store_notice.h"
#include "server/store/store_quarantine.h"
#include "server/store/store_recount.h"
#include "server/store/store_report.h"
#include "server/store/store_seen.h"
#include "server/store/store_session.h"
#include "server/store/store_symbol.h"
#include "server/store/store_tick.h"
#include "tests/support/pg.h"

Test(store, prepares_every_statement_with_as_many_parameters_as_it_says)
{
    static const struct db_stmt *const *const files[] = {
        store_device_statements,   store_grant_statements,   store_model_statements,
        store_report_statements,   store_seen_statements,    store_session_statements,
        store_event_statements,    store_tick_statements,    store_director_statements,
        store_activate_statements, store_recount_statements, store_attachment_statements,
        store_symbol_statements,   store_collect_statements, store_quarantine_statements,
        store_delivery_statements, store_figures_statements, store_notice_statements,
    };
    AUTO_FREE char *database = pg_test_database();
    AUTO_DB_SYNC *sync = NULL;
    struct err err = {0};

    cr_assert(db_sync_open(database, &sync, &err), "%s", err.text);
    for (size_t f = 0; f < COUNT(files); f++) {
        for (const struct db_stmt *const *at = files[f]; *at; at++) {
            AUTO_FREE char *prepare = mem_printf("PREPARE %s AS %s", (*at)->name, (*at)->sql);
            const char *name = (*at)->name;
            const struct db_result *result;

            cr_expect(db_stmt_has_scope(*at), "%s", name);
            cr_expect(db_sync_run(sync, prepare, &err), "%s: %s", (*at)->name, err.text);
            cr_assert(db_sync_query(sync,
                                    "SELECT coalesce(cardinality(parameter_types), 0)"
                                    "  FROM pg_prepared_statements WHERE name = $1",
                                    &name, 1, &result, &err),
                      "%s", err.text);
            if (db_rows(result) == 1)
                cr_expect_eq(db_i64(result, 0, 0), (int64_t)(*at)->params, "%s", (*at)->name);
        }
    }
}
