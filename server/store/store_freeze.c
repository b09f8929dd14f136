/* Activations look at the table themselves (budget.h), so a freeze holds from the moment on that it
 * was made. Two that are made at the same time are serial: both lock the tenant's row. */
#include "server/store/store_freeze.h"

#include "server/store/last.h"

#define FREEZE_JSON                                                                                \
    "json_build_object('id', f.public_id, 'starts', slipway_time(f.starts_at),"                    \
    " 'ends', slipway_time(f.ends_at), 'reason', f.reason,"                                        \
    " 'holds', f.removed_at IS NULL AND now() >= f.starts_at AND now() < f.ends_at,"               \
    " 'created', slipway_time(f.created_at), 'removed', slipway_time(f.removed_at))"

static const struct db_stmt freeze_lock = {
    .name = "freeze_lock",
    .params = 1,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT id FROM tenant WHERE id = $1::bigint FOR NO KEY UPDATE",
};

static const struct db_stmt freeze_add = {
    .name = "freeze_add",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH other AS ("
           "  SELECT public_id, reason FROM freeze_window"
           "   WHERE tenant_id = $1::bigint AND removed_at IS NULL"
           "     AND starts_at < $3::timestamptz AND ends_at > $2::timestamptz"
           "   ORDER BY id LIMIT 1),"
           " checked AS ("
           "  SELECT CASE WHEN EXISTS (SELECT 1 FROM other) THEN slipway_refuse('SL409',"
           "    (SELECT format('it overlaps the freeze %s (''%s'')', public_id, reason)"
           "       FROM other)) ELSE true END AS ok),"
           " f AS ("
           "  INSERT INTO freeze_window (tenant_id, starts_at, ends_at, reason)"
           "  SELECT $1, $2, $3, $4::text FROM checked WHERE ok"
           "  RETURNING *),"
           " noted AS (INSERT INTO change_log (tenant_id, what) SELECT $1, 'freeze' FROM f),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($5::bigint, $6::text, 'freeze.write', 'freeze ' || f.public_id,"
           "                       NULL, NULL, NULL, to_jsonb(f)) AS seq FROM f)"
           " SELECT " FREEZE_JSON " FROM audited, f",
};

void store_freeze_add(struct db *db, const struct store_freeze *freeze, db_done_fn *done, void *arg)
{
    struct db_tx *tx = store_last_tx(db, done, arg);
    struct db_call *call = db_tx_call(tx, &freeze_lock);

    db_bind_i64(call, freeze->actor->tenant_id);
    call = db_tx_call(tx, &freeze_add);
    db_bind_i64(call, freeze->actor->tenant_id);
    db_bind_time_ms(call, freeze->starts_ms);
    db_bind_time_ms(call, freeze->ends_ms);
    db_bind_text(call, freeze->reason);
    store_actor_bind(call, freeze->actor);
    db_tx_send(tx);
}

static const struct db_stmt freeze_list = {
    .name = "freeze_list",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT f.id, " FREEZE_JSON " AS item"
                      "  FROM freeze_window f"
                      " WHERE f.tenant_id = $1::bigint AND f.id > $2::bigint"
                      "   AND ($4::boolean OR (f.removed_at IS NULL AND f.ends_at > now()))"),
};

void store_freeze_list(struct db *db, const struct store_page *page, bool past, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &freeze_list, done, arg);

    store_page_bind(call, page);
    db_bind_bool(call, past);
    db_send(call);
}

static const struct db_stmt freeze_remove = {
    .name = "freeze_remove",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH f AS ("
           "  UPDATE freeze_window SET removed_at = now()"
           "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid AND removed_at IS NULL"
           "  RETURNING *),"
           " noted AS (INSERT INTO change_log (tenant_id, what) SELECT $1, 'freeze' FROM f),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'freeze.write', 'freeze ' || f.public_id,"
           "                       NULL, NULL, to_jsonb(f) - 'removed_at', to_jsonb(f)) AS seq"
           "    FROM f)"
           " SELECT " FREEZE_JSON " FROM audited, f",
};

void store_freeze_remove(struct db *db, const struct store_actor *actor, const char *id,
                         db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &freeze_remove, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_freeze_statements[] = {&freeze_lock, &freeze_add, &freeze_list,
                                                         &freeze_remove, NULL};
