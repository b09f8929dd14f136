/*
 * Groups come with their product or are made by operators; a deleted one stays for history. What
 * makes a device a group's member (a claim, a move) shares a lock on the group's row, and deleting
 * takes it alone, so nothing joins a group that is being deleted.
 */
#include "server/store/store_group.h"

#include "server/store/last.h"
#include "server/store/until.h"

#define GROUP_JSON                                                                                 \
    "json_build_object('id', g.public_id, 'name', g.name, 'product', p.name,"                      \
    " 'product_id', p.public_id, 'is_default', g.is_default,"                                      \
    " 'poll_interval_s', g.poll_interval_s, 'update_policy', g.update_policy,"                     \
    " 'feed', g.feed, 'maintenance', g.maintenance, 'crash_dumps', g.crash_dumps,"                 \
    " 'concurrency', g.concurrency, 'bytes_per_hour', g.bytes_per_hour,"                           \
    " 'updates_stopped', g.updates_stopped, 'stopped_reason', g.stopped_reason,"                   \
    " 'hold', " STORE_HOLD_JSON(                                                                   \
        "g") ","                                                                                   \
             " 'baseline', (SELECT json_build_object('release', r.name, 'release_id', "            \
             "r.public_id,"                                                                        \
             "                                       'deployment_id', d.public_id)"                \
             "                FROM deployment d JOIN release r ON r.id = d.release_id"             \
             "               WHERE d.id = g.baseline_deployment_id),"                              \
             " 'deployment_id', (SELECT d.public_id FROM deployment d"                             \
             "                    WHERE d.group_id = g.id AND " UNFINISHED "),"                    \
             " 'created', slipway_time(g.created_at))"
#define UNFINISHED                                                                                 \
    "d.state IN ('draft', 'awaiting-approval', 'scheduled', 'running', 'paused', 'rolling-back')"
#define GROUP_JOIN " JOIN product p ON p.id = g.product_id"

static const struct db_stmt group_list = {
    .name = "group_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT g.id, " GROUP_JSON " AS item"
                      "  FROM device_group g" GROUP_JOIN
                      " WHERE g.tenant_id = $1::bigint AND g.id > $2::bigint"
                      "   AND g.deleted_at IS NULL"
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
    .sql = "SELECT " GROUP_JSON " FROM device_group g" GROUP_JOIN
           " WHERE g.tenant_id = $1 AND g.public_id = $2::uuid AND g.deleted_at IS NULL",
};

void store_group_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_send(call);
}

static const struct db_stmt group_create = {
    .name = "group_create",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH g AS ("
        "  INSERT INTO device_group (tenant_id, product_id, name, poll_interval_s, update_policy,"
        "      feed, maintenance, crash_dumps, concurrency, bytes_per_hour)"
        "  SELECT $1::bigint, coalesce((SELECT id FROM product"
        "             WHERE tenant_id = $1 AND public_id = ($2::jsonb ->> 'product')::uuid),"
        "           slipway_missing('product')), $2 ->> 'name',"
        "         coalesce(($2 ->> 'poll_interval_s')::integer, 300),"
        "         coalesce($2 ->> 'update_policy', 'all'), coalesce($2 ->> 'feed', 'retail'),"
        "         nullif($2 -> 'maintenance', 'null'),"
        "         coalesce(($2 ->> 'crash_dumps')::boolean, false),"
        "         ($2 ->> 'concurrency')::integer, ($2 ->> 'bytes_per_hour')::bigint"
        "  ON CONFLICT (product_id, name) WHERE deleted_at IS NULL DO NOTHING"
        "  RETURNING *),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'group' FROM g),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($3::bigint, $4::text, 'group.write', 'group ' || g.public_id,"
        "                       g.product_id, g.id, NULL, to_jsonb(g)) AS seq FROM g)"
        " SELECT " GROUP_JSON "   FROM audited, g" GROUP_JOIN,
};

void store_group_create(struct db *db, const struct store_actor *actor, const char *properties,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_create, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_json(call, properties);
    store_actor_bind(call, actor);
    db_send(call);
}

/* What follows from the change of a group `g` whose row was `old`. */
#define GROUP_CHANGED(action)                                                                      \
    " noted AS ("                                                                                  \
    "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'group' FROM g),"                       \
    " audited AS MATERIALIZED ("                                                                   \
    "  SELECT slipway_audit($3::bigint, $4::text, '" action "', 'group ' || g.public_id,"          \
    "                       g.product_id, g.id, to_jsonb(old), to_jsonb(g)) AS seq FROM g, old)"   \
    " SELECT " GROUP_JSON "   FROM audited, g" GROUP_JOIN

#define OLD_GROUP                                                                                  \
    "old AS ("                                                                                     \
    "  SELECT * FROM device_group"                                                                 \
    "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid AND deleted_at IS NULL FOR UPDATE)"

static const struct db_stmt group_change = {
    .name = "group_change",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH " OLD_GROUP ","
        " given AS (SELECT $5::jsonb AS p),"
        " checked AS ("
        "  SELECT old.id, CASE"
        "    WHEN p ->> 'name' = old.name THEN true"
        "    WHEN p ? 'name' AND old.is_default THEN slipway_refuse('SL409',"
        "      format('''%s'' is a default group and keeps its name', old.name))"
        "    WHEN p ? 'name' AND EXISTS (SELECT 1 FROM device_group o"
        "          WHERE o.product_id = old.product_id AND o.name = p ->> 'name'"
        "            AND o.deleted_at IS NULL) THEN slipway_refuse('SL409',"
        "      format('the product has a group named ''%s'' already', p ->> 'name'))"
        "    ELSE true END AS ok FROM old, given),"
        " g AS ("
        "  UPDATE device_group d"
        "     SET name = coalesce(p ->> 'name', d.name),"
        "         poll_interval_s = coalesce((p ->> 'poll_interval_s')::integer,"
        "                                    d.poll_interval_s),"
        "         update_policy = coalesce(p ->> 'update_policy', d.update_policy),"
        "         feed = coalesce(p ->> 'feed', d.feed),"
        "         crash_dumps = coalesce((p ->> 'crash_dumps')::boolean, d.crash_dumps),"
        "         maintenance = CASE WHEN p ? 'maintenance' THEN nullif(p -> 'maintenance', 'null')"
        "                            ELSE d.maintenance END,"
        "         concurrency = CASE WHEN p ? 'concurrency' THEN (p ->> 'concurrency')::integer"
        "                            ELSE d.concurrency END,"
        "         bytes_per_hour = CASE WHEN p ? 'bytes_per_hour'"
        "                               THEN (p ->> 'bytes_per_hour')::bigint"
        "                               ELSE d.bytes_per_hour END,"
        "         updates_stopped = coalesce((p ->> 'updates_stopped')::boolean,"
        "                                    d.updates_stopped),"
        "         stopped_reason = CASE WHEN (p ->> 'updates_stopped')::boolean"
        "                               THEN coalesce(p ->> 'reason', '')"
        "                               WHEN p ? 'updates_stopped' THEN ''"
        "                               ELSE d.stopped_reason END"
        "    FROM checked, given WHERE d.id = checked.id AND checked.ok"
        "  RETURNING d.*)," GROUP_CHANGED("group.write"),
};

void store_group_change(struct db *db, const struct store_actor *actor, const char *id,
                        const char *properties, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_change, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_bind_json(call, properties);
    db_send(call);
}

static const struct db_stmt group_hold = {
    .name = "group_hold",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH " OLD_GROUP ","
           " g AS ("
           "  UPDATE device_group d SET hold_until = $5::timestamptz, hold_reason = $6::text"
           "    FROM old WHERE d.id = old.id"
           "  RETURNING d.*)," GROUP_CHANGED("group.hold"),
};

void store_group_hold(struct db *db, const struct store_actor *actor, const char *id,
                      const struct store_hold *hold, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &group_hold, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    store_hold_bind(call, hold);
    db_send(call);
}

/* A statement of its own: the next one then sees everybody who joined before. */
static const struct db_stmt group_lock = {
    .name = "group_lock",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT id FROM device_group"
           " WHERE tenant_id = $1::bigint AND public_id = $2::uuid AND deleted_at IS NULL"
           "   FOR UPDATE",
};

static const struct db_stmt group_delete = {
    .name = "group_delete",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH " OLD_GROUP ","
        " checked AS ("
        "  SELECT old.id, CASE"
        "    WHEN old.is_default THEN slipway_refuse('SL409',"
        "      format('''%s'' is a default group and stays', old.name))"
        "    WHEN EXISTS (SELECT 1 FROM device v WHERE v.group_id = old.id"
        "                    AND v.state <> 'decommissioned')"
        "      THEN slipway_refuse('SL409', 'the group has devices: move them first')"
        "    WHEN EXISTS (SELECT 1 FROM preregistration e"
        "                  WHERE e.group_id = old.id AND e.claimed_at IS NULL)"
        "      THEN slipway_refuse('SL409', 'the group expects preregistered devices')"
        "    WHEN EXISTS (SELECT 1 FROM deployment d WHERE d.group_id = old.id AND " UNFINISHED ")"
        "      THEN slipway_refuse('SL409', format('the group has an unfinished deployment, %s',"
        "        (SELECT d.public_id FROM deployment d"
        "          WHERE d.group_id = old.id AND " UNFINISHED ")))"
        "    ELSE true END AS ok FROM old),"
        " revoked AS ("
        "  UPDATE claim_token c SET revoked_at = now()"
        "    FROM checked WHERE c.group_id = checked.id AND checked.ok AND c.revoked_at IS NULL),"
        " g AS ("
        "  UPDATE device_group d SET deleted_at = now()"
        "    FROM checked WHERE d.id = checked.id AND checked.ok"
        "  RETURNING d.*)," GROUP_CHANGED("group.delete"),
};

void store_group_delete(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg)
{
    struct db_tx *tx = store_last_tx(db, done, arg);
    struct db_call *call = db_tx_call(tx, &group_lock);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    call = db_tx_call(tx, &group_delete);
    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_tx_send(tx);
}

const struct db_stmt *const store_group_statements[] = {&group_list,   &group_get,  &group_create,
                                                        &group_change, &group_hold, &group_lock,
                                                        &group_delete, NULL};
