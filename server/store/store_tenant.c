/*
 * A tenant is made with its first administrator's token, in one statement: a tenant that nobody
 * may enter would need the database's owner to help.
 */
#include "server/store/store_tenant.h"

#define TENANT_JSON                                                                                \
    "json_build_object('id', public_id, 'name', name, 'created', slipway_time(created_at))"

static const struct db_stmt tenant_create = {
    .name = "tenant_create",
    .params = 6,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH allowed AS ("
           "  SELECT CASE WHEN parent_id IS NULL THEN true"
           "              ELSE slipway_refuse('SL403', 'only a tenant that was made with the"
           " installation may make others') END AS ok"
           "    FROM tenant WHERE id = $1::bigint),"
           " made AS ("
           "  INSERT INTO tenant (name, parent_id)"
           "  SELECT $2::text, $1 FROM allowed WHERE ok"
           "  ON CONFLICT (name) DO NOTHING"
           "  RETURNING id, public_id, name, created_at),"
           " token AS ("
           "  INSERT INTO operator_token (tenant_id, public_id, digest, name, role)"
           "  SELECT id, $3::text, $4::bytea, 'first', 'administrator' FROM made),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT id, 'tenant' FROM made),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($5::bigint, $6::text, 'tenant.create', 'tenant ' || name, NULL, "
           "NULL,"
           "                       NULL, to_jsonb(made)) AS seq FROM made)"
           " SELECT " TENANT_JSON " FROM made, audited",
};

void store_tenant_create(struct db *db, const struct store_actor *actor, const char *name,
                         const struct store_secret *first, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tenant_create, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, name);
    db_bind_text(call, first->id);
    db_bind_bytes(call, first->digest, HASH_BYTES);
    store_actor_bind(call, actor);
    db_send(call);
}

static const struct db_stmt tenant_list = {
    .name = "tenant_list",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT id, " TENANT_JSON " AS item"
                      "  FROM tenant"
                      " WHERE (id = $1::bigint OR parent_id = $1) AND id > $2::bigint"
                      "   AND ($4::text IS NULL OR name = $4)"),
};

void store_tenant_list(struct db *db, const struct store_page *page, const char *name,
                       db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tenant_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, name);
    db_send(call);
}

#define SETTINGS_JSON                                                                              \
    "json_build_object('id', public_id, 'name', name, 'approval_devices', approval_devices,"       \
    " 'approval_changes', approval_changes, 'updates_stopped', updates_stopped,"                   \
    " 'stopped_reason', stopped_reason)"

static const struct db_stmt tenant_settings = {
    .name = "tenant_settings",
    .params = 1,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " SETTINGS_JSON " FROM tenant WHERE id = $1",
};

void store_tenant_settings(struct db *db, int64_t tenant_id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tenant_settings, done, arg);

    db_bind_i64(call, tenant_id);
    db_send(call);
}

static const struct db_stmt tenant_change = {
    .name = "tenant_change",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS ("
           "  SELECT id, approval_devices, approval_changes, updates_stopped, stopped_reason"
           "    FROM tenant WHERE id = $1::bigint FOR NO KEY UPDATE),"
           " made AS ("
           "  UPDATE tenant t"
           "     SET approval_devices = CASE WHEN $2::integer < 0 THEN old.approval_devices"
           "                                 ELSE $2 END,"
           "         approval_changes = CASE WHEN $3::integer < 0 THEN old.approval_changes"
           "                                 ELSE $3 = 1 END,"
           "         updates_stopped = CASE WHEN $6::integer < 0 THEN old.updates_stopped"
           "                                ELSE $6 = 1 END,"
           "         stopped_reason = CASE WHEN $6 < 0 THEN old.stopped_reason ELSE $7::text END"
           "    FROM old WHERE t.id = old.id"
           "  RETURNING t.id, t.public_id, t.name, t.approval_devices, t.approval_changes,"
           "            t.updates_stopped, t.stopped_reason),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT id, 'tenant' FROM made),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($4::bigint, $5::text, 'tenant.settings', 'tenant ' || made.name,"
           "                       NULL, NULL, to_jsonb(old),"
           "                       to_jsonb(made) - 'public_id' - 'name') AS seq FROM made, old)"
           " SELECT " SETTINGS_JSON " FROM made, audited",
};

void store_tenant_change(struct db *db, const struct store_actor *actor,
                         const struct store_tenant_change *change, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tenant_change, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_i64(call, change->approval_devices);
    db_bind_i64(call, change->approval_changes);
    store_actor_bind(call, actor);
    db_bind_i64(call, change->updates_stopped);
    db_bind_text(call, change->reason);
    db_send(call);
}

const struct db_stmt *const store_tenant_statements[] = {&tenant_create, &tenant_list,
                                                         &tenant_settings, &tenant_change, NULL};
