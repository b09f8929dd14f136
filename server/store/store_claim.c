/* Only a token's digest comes here; the token itself is shown once, by the handler. */
#include "server/store/store_claim.h"

#define CLAIM_JSON                                                                                 \
    "json_build_object('id', c.public_id, 'group', g.name, 'group_id', g.public_id,"               \
    " 'product', p.name, 'product_id', p.public_id, 'count', c.count, 'used', c.used,"             \
    " 'revoked', slipway_time(c.revoked_at),"                                                      \
    " 'expires', slipway_time(c.expires_at), 'created', slipway_time(c.created_at))"
#define CLAIM_JOIN " JOIN device_group g ON g.id = c.group_id JOIN product p ON p.id = g.product_id"

static const struct db_stmt claim_create = {
    .name = "claim_create",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH c AS ("
           "  INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
           "  SELECT $1::bigint, coalesce((SELECT id FROM device_group"
           "                                WHERE tenant_id = $1 AND public_id = $2::uuid"
           "                                  AND deleted_at IS NULL),"
           "                              slipway_missing('group')), $3::bytea, $4::integer,"
           "         $5::timestamptz"
           "  RETURNING public_id, group_id, count, used, expires_at, created_at, revoked_at),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($6::bigint, $7::text, 'claim.write', 'claim ' || c.public_id,"
           "                       g.product_id, c.group_id, NULL, to_jsonb(c)) AS seq"
           "    FROM c JOIN device_group g ON g.id = c.group_id)"
           " SELECT " CLAIM_JSON " FROM audited, c" CLAIM_JOIN,
};

void store_claim_create(struct db *db, const struct store_claim *claim, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &claim_create, done, arg);

    db_bind_i64(call, claim->actor->tenant_id);
    db_bind_text(call, claim->group);
    db_bind_bytes(call, claim->digest, HASH_BYTES);
    db_bind_i64(call, claim->count);
    db_bind_time_ms(call, claim->expires_ms);
    store_actor_bind(call, claim->actor);
    db_send(call);
}

static const struct db_stmt claim_list = {
    .name = "claim_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT c.id, " CLAIM_JSON " AS item"
                      "  FROM claim_token c" CLAIM_JOIN
                      " WHERE c.tenant_id = $1::bigint AND c.id > $2::bigint"
                      "   AND ($4::uuid IS NULL OR p.public_id = $4)"
                      "   AND ($5::uuid IS NULL OR g.public_id = $5)"),
};

void store_claim_list(struct db *db, const struct store_page *page, const char *product,
                      const char *group, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &claim_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, product);
    db_bind_text(call, group);
    db_send(call);
}

static const struct db_stmt claim_revoke = {
    .name = "claim_revoke",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH c AS ("
        "  UPDATE claim_token SET revoked_at = coalesce(revoked_at, now())"
        "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid"
        "  RETURNING *),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($3::bigint, $4::text, 'claim.write', 'claim ' || c.public_id,"
        "           g.product_id, g.id, NULL, jsonb_build_object('revoked', c.revoked_at)) AS seq"
        "    FROM c JOIN device_group g ON g.id = c.group_id)"
        " SELECT " CLAIM_JSON " FROM audited, c" CLAIM_JOIN,
};

void store_claim_revoke(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &claim_revoke, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_claim_statements[] = {&claim_create, &claim_list, &claim_revoke,
                                                        NULL};
