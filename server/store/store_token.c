/* A token that is narrowed keeps the row ids of its products and groups: names may change hands,
 * rows do not. */
#include "server/store/store_token.h"

#include "server/store/gather.h"

#define TOKEN_JSON                                                                                 \
    "json_build_object('id', 'slw_' || k.public_id, 'name', k.name, 'role', k.role,"               \
    " 'products', (SELECT json_agg(p.name ORDER BY p.id) FROM product p"                           \
    "               WHERE p.id = ANY (k.product_ids)),"                                            \
    " 'groups', (SELECT json_agg(p.name || '/' || g.name ORDER BY g.id)"                           \
    "              FROM device_group g JOIN product p ON p.id = g.product_id"                      \
    "             WHERE g.id = ANY (k.group_ids)),"                                                \
    " 'created', slipway_time(k.created_at), 'expires', slipway_time(k.expires_at),"               \
    " 'last_used', slipway_time(k.last_used_at), 'revoked', slipway_time(k.revoked_at))"

/* The ids of what `list` (uuids as text[]) names in `table`, or a refusal; NULL for none. */
#define IDS_OF(list, table, what)                                                                  \
    "(SELECT CASE WHEN cardinality(" list ") = 0 THEN NULL"                                        \
    "             WHEN count(*) < cardinality(" list ") THEN"                                      \
    "               ARRAY[slipway_missing('" what "')]"                                            \
    "             ELSE array_agg(id) END"                                                          \
    "   FROM " table " WHERE tenant_id = $1 AND public_id = ANY (" list "::uuid[]))"
#define PRODUCT_IDS IDS_OF("$6::text[]", "product", "product")
#define GROUP_IDS IDS_OF("$7::text[]", "device_group", "group")

static const struct db_stmt token_create = {
    .name = "token_create",
    .params = 10,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH k AS ("
           "  INSERT INTO operator_token (tenant_id, public_id, digest, name, role, product_ids,"
           "                              group_ids, expires_at, created_by)"
           "  VALUES ($1::bigint, $2::text, $3::bytea, $4::text, $5::text,"
           "          " PRODUCT_IDS ", " GROUP_IDS ", $8::timestamptz, $9::bigint)"
           "  ON CONFLICT (tenant_id, public_id) DO NOTHING"
           "  RETURNING public_id, name, role, product_ids, group_ids, created_at, expires_at,"
           "            last_used_at, revoked_at),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'token' FROM k),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($9, $10::text, 'token.create', 'token slw_' || public_id, NULL,"
           "                       NULL, NULL, to_jsonb(k)) AS seq FROM k)"
           " SELECT " TOKEN_JSON " FROM k, audited",
};

void store_token_create(struct db *db, const struct store_token *token, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &token_create, done, arg);

    db_bind_i64(call, token->actor->tenant_id);
    db_bind_text(call, token->secret.id);
    db_bind_bytes(call, token->secret.digest, HASH_BYTES);
    db_bind_text(call, token->name);
    db_bind_text(call, token->role);
    db_bind_text_array(call, token->products, token->product_count);
    db_bind_text_array(call, token->groups, token->group_count);
    db_bind_time_ms(call, token->expires_ms);
    store_actor_bind(call, token->actor);
    db_send(call);
}

static const struct db_stmt token_list = {
    .name = "token_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT k.id, " TOKEN_JSON " AS item FROM operator_token k"
                      " WHERE k.tenant_id = $1::bigint AND k.id > $2::bigint"),
};

void store_token_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &token_list, done, arg);

    store_page_bind(call, page);
    db_send(call);
}

static const struct db_stmt token_revoke = {
    .name = "token_revoke",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS ("
           "  SELECT id, revoked_at FROM operator_token"
           "   WHERE tenant_id = $1::bigint AND public_id = $2::text FOR UPDATE),"
           " k AS ("
           "  UPDATE operator_token o SET revoked_at = coalesce(old.revoked_at, now())"
           "    FROM old WHERE o.id = old.id"
           "  RETURNING o.public_id, o.name, o.role, o.product_ids, o.group_ids, o.created_at,"
           "            o.expires_at, o.last_used_at, o.revoked_at),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'token' FROM k),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'token.revoke', 'token slw_' || public_id,"
           "                       NULL, NULL, jsonb_build_object('revoked', old.revoked_at),"
           "                       jsonb_build_object('revoked', k.revoked_at)) AS seq FROM k, old)"
           " SELECT " TOKEN_JSON " FROM k, audited",
};

void store_token_revoke(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &token_revoke, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

static const struct db_stmt token_all = {
    .name = "token_all",
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT id, tenant_id, digest, role, expires_at FROM operator_token"
           " WHERE revoked_at IS NULL",
};

void store_token_all(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &token_all, done, arg));
}

static const struct db_stmt token_used = {
    .name = "token_used",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE operator_token k SET last_used_at = a.used_at"
           "  FROM (SELECT u.id, max(u.used_at) AS used_at"
           "          FROM unnest($1::bigint[], $2::timestamptz[]) AS u (id, used_at)"
           "         GROUP BY u.id) AS a"
           " WHERE k.id = a.id AND (k.last_used_at IS NULL OR k.last_used_at < a.used_at)",
};

void store_token_used(struct db *db, const struct store_token_use *uses, size_t count,
                      db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &token_used, done, arg);
    AUTO_FREE int64_t *times_ms = mem_array(count, sizeof(*times_ms));

    for (size_t i = 0; i < count; i++)
        times_ms[i] = uses[i].used_ms;
    BIND_I64S(call, uses, count, struct store_token_use, token_id);
    db_bind_time_ms_array(call, times_ms, count);
    db_send(call);
}

const struct db_stmt *const store_token_statements[] = {&token_create, &token_list, &token_revoke,
                                                        &token_all,    &token_used, NULL};
