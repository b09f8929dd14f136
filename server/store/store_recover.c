/* Used from the command line, with a blocking connection; servers that run hear of it by the
 * change log. */
#include "server/store/store_recover.h"

#include <inttypes.h>
#include <stdio.h>

static const char recover_sql[] =
    "WITH before AS ("
    "  SELECT id, version_floor FROM tenant WHERE version_floor < $1::bigint FOR UPDATE),"
    " raised AS ("
    "  UPDATE tenant t SET version_floor = $1::bigint FROM before WHERE t.id = before.id"
    "  RETURNING t.id, t.version_floor, before.version_floor AS was),"
    " noted AS ("
    "  INSERT INTO change_log (tenant_id, what) SELECT id, 'recover' FROM raised)"
    " SELECT slipway_audit_server(id, 'console', 'repo.recover', 'version_floor ' || version_floor,"
    "                             jsonb_build_object('version_floor', was),"
    "                             jsonb_build_object('version_floor', version_floor))"
    "   FROM raised";

bool store_recover(struct db_sync *sync, int64_t not_before_ms, uint64_t *tenants, struct err *err)
{
    const struct db_result *result;
    char floor[32];
    const char *values[] = {floor};

    (void)snprintf(floor, sizeof(floor), "%" PRId64, not_before_ms);
    if (!db_sync_query(sync, recover_sql, values, COUNT(values), &result, err))
        return false;
    *tenants = db_rows(result);
    return true;
}
