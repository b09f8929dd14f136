/* Every statement of the operator's half is one that PostgreSQL understands. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/db/sync.h"
#include "server/store/store_audit.h"
#include "server/store/store_capability.h"
#include "server/store/store_claim.h"
#include "server/store/store_collect.h"
#include "server/store/store_component.h"
#include "server/store/store_dashboard.h"
#include "server/store/store_delta.h"
#include "server/store/store_delta_view.h"
#include "server/store/store_deployment.h"
#include "server/store/store_device_change.h"
#include "server/store/store_device_view.h"
#include "server/store/store_enroll.h"
#include "server/store/store_event_view.h"
#include "server/store/store_freeze.h"
#include "server/store/store_group.h"
#include "server/store/store_image.h"
#include "server/store/store_issue.h"
#include "server/store/store_key.h"
#include "server/store/store_once.h"
#include "server/store/store_plan.h"
#include "server/store/store_product.h"
#include "server/store/store_release.h"
#include "server/store/store_repo.h"
#include "server/store/store_repo_request.h"
#include "server/store/store_report_view.h"
#include "server/store/store_sbom.h"
#include "server/store/store_stuck.h"
#include "server/store/store_tenant.h"
#include "server/store/store_webhook.h"
#include "server/store/store_why.h"
#include "tests/support/pg.h"

static const struct db_stmt *const *const files[] = {
    store_device_change_statements,
    store_enroll_statements,
    store_freeze_statements,
    store_once_statements,
    store_artifact_statements,
    store_sbom_statements,
    store_capability_statements,
    store_claim_statements,
    store_component_statements,
    store_delta_statements,
    store_delta_view_statements,
    store_deployment_statements,
    store_deployment_create_statements,
    store_deployment_steer_statements,
    store_device_view_statements,
    store_group_statements,
    store_image_statements,
    store_product_statements,
    store_release_statements,
    store_report_view_statements,
    store_repo_statements,
    store_key_statements,
    store_repo_request_statements,
    store_tenant_statements,
    store_token_statements,
    store_audit_statements,
    store_why_statements,
    store_plan_statements,
    store_stuck_statements,
    store_event_view_statements,
    store_issue_statements,
    store_dashboard_statements,
    store_webhook_statements,
};

Test(statements, are_prepared_with_as_many_parameters_as_they_say)
{
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

/* Row security does not stand behind these: whoever adds one here says why it needs all tenants. */
Test(statements, see_every_tenant_only_where_the_server_works_for_all_of_them)
{
    static const char *const allowed[] = {
        "enroll_claim",                  /* a device that is nobody's yet */
        "tenant_create",                 /* writes the first token of another tenant */
        "audit_foreign",                 /* is it somebody else's? */
        "token_all",     "token_used",   /* memory, last uses: batches of all tenants */
        "image_file",    "delta_file",   /* public files, by the tenant's name */
        "repo_heads",    "keys_to_move", /* memory of all repositories */
        "delta_plan",    "delta_claim",  "delta_collect",
        "delta_renew",   "delta_made",   "delta_failed", /* jobs */
    };

    for (size_t f = 0; f < COUNT(files); f++) {
        for (const struct db_stmt *const *at = files[f]; *at; at++) {
            bool may = (*at)->scope != DB_EVERY_TENANT;

            for (size_t i = 0; i < COUNT(allowed) && !may; i++)
                may = text_equal(allowed[i], (*at)->name);
            cr_expect(may, "%s", (*at)->name);
        }
    }
}
