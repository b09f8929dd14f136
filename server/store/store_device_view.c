/*
 * What a device is and runs. Two statements for the list, because each has an index of its own:
 * by group, and by tenant.
 */
#include "server/store/store_device_view.h"

/* A hash that is no image of ours is shown too, without a version: somebody installed it. */
#define INSTALLED                                                                                  \
    "(SELECT coalesce(json_agg(json_build_object('sha256', encode(run.sha256, 'hex'),"             \
    "          'version', i.version, 'release_counter', i.release_counter) ORDER BY run.n), '[]')" \
    "   FROM unnest(d.installed) WITH ORDINALITY AS run (sha256, n)"                               \
    "   LEFT JOIN image i ON i.tenant_id = d.tenant_id AND i.sha256 = run.sha256)"
#define DEVICE_FIELDS                                                                              \
    "'device', encode(d.device_id, 'hex'), 'product', p.name, 'group', g.name,"                    \
    " 'group_id', g.public_id, 'hwid', d.hwid, 'assignment', d.assignment,"                        \
    " 'installed', " INSTALLED ", 'last_seen', slipway_time(seen.seen_at),"                        \
    " 'claimed', slipway_time(d.claimed_at)"
#define DEVICE_JOIN                                                                                \
    " JOIN device_group g ON g.id = d.group_id JOIN product p ON p.id = g.product_id"              \
    " LEFT JOIN device_seen seen ON seen.device_id = d.id"

static const struct db_stmt device_list = {
    .name = "device_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT d.id, json_build_object(" DEVICE_FIELDS ") AS item"
                      "  FROM device d" DEVICE_JOIN
                      " WHERE d.tenant_id = $1::bigint AND d.id > $2::bigint"),
};

static const struct db_stmt device_list_of_group = {
    .name = "device_list_of_group",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH looked_at AS MATERIALIZED ("
           "  SELECT coalesce((SELECT id FROM device_group"
           "                    WHERE tenant_id = $1::bigint AND public_id = $4::uuid),"
           "                  slipway_missing('group')) AS id) " STORE_PAGE(
               "SELECT d.id, json_build_object(" DEVICE_FIELDS ") AS item"
               "  FROM looked_at JOIN device d ON d.group_id = looked_at.id" DEVICE_JOIN
               " WHERE d.tenant_id = $1 AND d.id > $2::bigint"),
};

void store_device_list(struct db *db, const struct store_page *page, const char *group,
                       db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, group ? &device_list_of_group : &device_list, done, arg);

    store_page_bind(call, page);
    if (group)
        db_bind_text(call, group);
    db_send(call);
}

static const struct db_stmt device_get = {
    .name = "device_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object(" DEVICE_FIELDS ", 'product_id', p.public_id,"
           " 'attributes', d.attributes,"
           " 'deployments', (SELECT coalesce(json_agg(item ORDER BY id DESC), '[]') FROM ("
           "     SELECT m.id, json_build_object('id', m.public_id, 'release', r.name,"
           "            'deployment_state', m.state, 'phase', dd.phase, 'state', dd.state,"
           "            'reason', dd.reason, 'detail', dd.detail,"
           "            'fetched_bytes', dd.fetched_bytes,"
           "            'offered', slipway_time(dd.offered_at),"
           "            'activated', slipway_time(dd.activated_at),"
           "            'updated', slipway_time(dd.updated_at)) AS item"
           "       FROM deployment_device dd JOIN deployment m ON m.id = dd.deployment_id"
           "       JOIN release r ON r.id = m.release_id"
           "      WHERE dd.device_id = d.id ORDER BY m.id DESC LIMIT 20) AS newest),"
           " 'reports', (SELECT coalesce(json_agg(item ORDER BY received_at DESC, seq DESC), '[]')"
           "   FROM (SELECT t.received_at, t.seq, json_build_object('state', t.state,"
           "            'reason', t.reason, 'detail', t.detail,"
           "            'image', encode(t.image, 'hex'), 'time', slipway_time(t.device_time),"
           "            'received', slipway_time(t.received_at)) AS item"
           "       FROM report t WHERE t.device_id = d.id"
           "      ORDER BY t.received_at DESC, t.seq DESC LIMIT 20) AS newest))"
           "  FROM device d" DEVICE_JOIN " WHERE d.tenant_id = $1 AND d.device_id = $2",
};

void store_device_get(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                      db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, device_id, HASH_BYTES);
    db_send(call);
}

static const struct db_stmt device_director = {
    .name = "device_director",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object('assignment', h.assignment,"
           " 'is_current', h.assignment = d.assignment, 'signed', slipway_time(h.signed_at),"
           " 'timestamp_version', h.timestamp_version,"
           " 'targets', convert_from(h.targets, 'UTF8')::json -> 'signed')"
           "  FROM device d JOIN director_head h ON h.device_id = d.id"
           " WHERE d.tenant_id = $1::bigint AND d.device_id = $2::bytea",
};

void store_device_director(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                           db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_director, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, device_id, HASH_BYTES);
    db_send(call);
}

const struct db_stmt *const store_device_view_statements[] = {&device_list, &device_list_of_group,
                                                              &device_get, &device_director, NULL};
