/*
 * The primary key of reports is the only index there is (they arrive by the million), so a page
 * walks that: all of a device, or those of each device that a deployment was offered to.
 */
#include "server/store/store_report_view.h"

/* $1 tenant, $2 device, $3 deployment, $4-$6 after, $7 limit */
#define REPORT_PAGE(from)                                                                          \
    "SELECT json_build_object("                                                                    \
    "         'items', coalesce(json_agg(item ORDER BY n) FILTER (WHERE n <= $7::bigint), '[]'),"  \
    "         'next', CASE WHEN count(*) > $7 THEN max(cursor) FILTER (WHERE n = $7) END)"         \
    "  FROM (SELECT row_number() OVER () AS n, cursor, item FROM ("                                \
    "    SELECT t.device_id || '.' || encode(t.epoch, 'hex') || '.' || t.seq AS cursor,"           \
    "           json_build_object('device', encode(d.device_id, 'hex'),"                           \
    "             'epoch', encode(t.epoch, 'hex'), 'seq', t.seq,"                                  \
    "             'deployment', m.public_id, 'state', t.state, 'reason', t.reason,"                \
    "             'detail', t.detail, 'image', encode(t.image, 'hex'),"                            \
    "             'fetched_bytes', t.fetched_bytes, 'time', slipway_time(t.device_time),"          \
    "             'received', slipway_time(t.received_at)) AS item"                                \
    "      FROM looked_at " from "      JOIN device d ON d.id = t.device_id"                       \
    "      LEFT JOIN deployment m ON m.id = t.deployment_id"                                       \
    "     WHERE t.tenant_id = $1 AND (t.device_id, t.epoch, t.seq) >"                              \
    "           ($4::bigint, $5::bytea, $6::bigint)"                                               \
    "       AND (looked_at.deployment IS NULL OR t.deployment_id = looked_at.deployment)"          \
    "     ORDER BY t.device_id, t.epoch, t.seq LIMIT $7 + 1) AS limited) AS page"

#define DEPLOYMENT_ID                                                                              \
    "coalesce((SELECT id FROM deployment WHERE tenant_id = $1 AND public_id = $3),"                \
    "         slipway_missing('deployment'))"

static const struct db_stmt report_list_of_device = {
    .name = "report_list_of_device",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH looked_at AS MATERIALIZED ("
           "  SELECT coalesce((SELECT id FROM device"
           "                    WHERE tenant_id = $1::bigint AND device_id = $2::bytea),"
           "                  slipway_missing('device')) AS device,"
           "         CASE WHEN $3::uuid IS NOT NULL THEN " DEPLOYMENT_ID
           " END AS deployment) " REPORT_PAGE("JOIN report t ON t.device_id = looked_at.device"),
};

static const struct db_stmt report_list_of_deployment = {
    .name = "report_list_of_deployment",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH looked_at AS MATERIALIZED ("
           "  SELECT $1::bigint AS tenant, $2::bytea AS device, CASE WHEN $3::uuid IS NOT NULL"
           "         THEN " DEPLOYMENT_ID " END AS deployment) " REPORT_PAGE(
               "JOIN deployment_device dd ON dd.deployment_id = looked_at.deployment"
               "  AND dd.device_id >= $4::bigint"
               " JOIN report t ON t.device_id = dd.device_id"),
};

void store_report_list(struct db *db, const struct store_report_page *page,
                       const uint8_t *device_id, const char *deployment, db_done_fn *done,
                       void *arg)
{
    struct db_call *call =
        db_call_new(db, device_id ? &report_list_of_device : &report_list_of_deployment, done, arg);

    db_bind_i64(call, page->tenant_id);
    db_bind_bytes(call, device_id, device_id ? HASH_BYTES : 0);
    db_bind_text(call, deployment);
    db_bind_i64(call, page->after_device);
    db_bind_bytes(call, page->after_epoch, STORE_REPORT_EPOCH_BYTES);
    db_bind_i64(call, page->after_seq);
    db_bind_i64(call, page->limit);
    db_send(call);
}

const struct db_stmt *const store_report_view_statements[] = {&report_list_of_device,
                                                              &report_list_of_deployment, NULL};
