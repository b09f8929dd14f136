/*
 * A tenant is made with its first administrator's token, in one statement: a tenant that nobody
 * may enter would need the database's owner to help.
 */
#include "server/store/store_tenant.h"

#define TENANT_JSON                                                                                \
    "json_build_object('id', public_id, 'name', name, 'created', slipway_time(created_at))"

static const struct db_stmt tenant_create = {
    .name = "tenant_create",
    .params = 3,
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
           "  INSERT INTO operator_token (tenant_id, digest, name, role)"
           "  SELECT id, $3::bytea, 'first', 'administrator' FROM made),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT id, 'tenant' FROM made)"
           " SELECT " TENANT_JSON " FROM made",
};

void store_tenant_create(struct db *db, int64_t tenant_id, const char *name,
                         const uint8_t token_digest[HASH_BYTES], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tenant_create, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, name);
    db_bind_bytes(call, token_digest, HASH_BYTES);
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

static const struct db_stmt operator_tokens = {
    .name = "operator_tokens",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT id, tenant_id, digest, role, expires_at FROM operator_token"
           " WHERE revoked_at IS NULL",
};

void store_operator_tokens(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &operator_tokens, done, arg));
}

const struct db_stmt *const store_tenant_statements[] = {&tenant_create, &tenant_list,
                                                         &operator_tokens, NULL};
