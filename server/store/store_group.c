/* Groups are made with their product; here they are looked at and set up. */
#include "server/store/store_group.h"

#define GROUP_JSON                                                                                 \
    "json_build_object('id', g.public_id, 'name', g.name, 'product', p.name,"                      \
    " 'product_id', p.public_id, 'poll_interval_s', g.poll_interval_s,"                            \
    " 'update_policy', g.update_policy,"                                                           \
    " 'baseline', (SELECT json_build_object('release', r.name, 'release_id', r.public_id,"         \
    "                                       'deployment_id', d.public_id)"                         \
    "                FROM deployment d JOIN release r ON r.id = d.release_id"                      \
    "               WHERE d.id = g.baseline_deployment_id),"                                       \
    " 'deployment_id', (SELECT d.public_id FROM deployment d"                                      \
    "                    WHERE d.group_id = g.id AND d.state IN"                                   \
    "                        ('awaiting-approval', 'running', 'paused')),"                         \
    " 'created', slipway_time(g.created_at))"

static const struct db_stmt group_list = {
    .name = "group_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT g.id, " GROUP_JSON " AS item"
                      "  FROM device_group g JOIN product p ON p.id = g.product_id"
                      " WHERE g.tenant_id = $1::bigint AND g.id > $2::bigint"
                      "   AND ($4::uuid IS NULL OR p.public_id = $4)"
                      "   AND ($5::text IS NULL OR g.name = $5)"),
};

void store_group_list(struct db *db, const struct store_page *page, const char *product,
                      const char *name, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, product);
    db_bind_text(call, name);
    db_send(call);
}

static const struct db_stmt group_get = {
    .name = "group_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " GROUP_JSON " FROM device_group g JOIN product p ON p.id = g.product_id"
           " WHERE g.tenant_id = $1 AND g.public_id = $2::uuid",
};

void store_group_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_send(call);
}

static const struct db_stmt group_change = {
    .name = "group_change",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS ("
           "  SELECT id, poll_interval_s, update_policy FROM device_group"
           "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid FOR UPDATE),"
           " g AS ("
           "  UPDATE device_group d"
           "     SET poll_interval_s = coalesce(nullif($3::integer, 0), d.poll_interval_s),"
           "         update_policy = coalesce($4::text, d.update_policy)"
           "    FROM old WHERE d.id = old.id"
           "  RETURNING d.id, d.public_id, d.product_id, d.name, d.poll_interval_s,"
           "            d.update_policy, d.baseline_deployment_id, d.created_at),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'group' FROM g),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($5::bigint, $6::text, 'group.write', 'group ' || g.public_id,"
           "           g.product_id, g.id, to_jsonb(old), jsonb_build_object('id', g.id,"
           "             'poll_interval_s', g.poll_interval_s, 'update_policy', g.update_policy)) "
           "AS seq"
           "    FROM g, old)"
           " SELECT " GROUP_JSON "   FROM audited, g JOIN product p ON p.id = g.product_id",
};

void store_group_change(struct db *db, const struct store_actor *actor, const char *id,
                        const struct store_group_change *change, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_change, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    db_bind_i64(call, change->poll_interval_s);
    db_bind_text(call, change->update_policy);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_group_statements[] = {&group_list, &group_get, &group_change,
                                                        NULL};
