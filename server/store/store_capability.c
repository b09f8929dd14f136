/* One of a name at a time for a device, so that revoking it takes it away. */
#include "server/store/store_capability.h"

/* The keys of the document are in order and its values need no escapes: it is canonical as it is.
 */
#define CAPABILITY_JSON                                                                            \
    "json_build_object('id', c.public_id, 'device', encode(v.device_id, 'hex'), 'name', c.name,"   \
    " 'reason', c.reason, 'issued', slipway_time(c.issued_at),"                                    \
    " 'expires', slipway_time(c.expires_at), 'revoked', slipway_time(c.revoked_at),"               \
    " 'document', format('{\"_type\":\"capability\",\"capability\":\"%s\",\"device\":\"%s\","      \
    "\"expires\":\"%s\",\"id\":\"%s\",\"issued\":\"%s\",\"tenant\":\"%s\"}', c.name,"              \
    "   encode(v.device_id, 'hex'), slipway_time(c.expires_at), c.public_id,"                      \
    "   slipway_time(c.issued_at), t.name))"
#define CAPABILITY_JOIN " JOIN device v ON v.id = c.device_id JOIN tenant t ON t.id = c.tenant_id"

static const struct db_stmt capability_issue = {
    .name = "capability_issue",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH target AS ("
           "  SELECT id, state FROM device"
           "   WHERE tenant_id = $1::bigint AND device_id = $2::bytea FOR NO KEY UPDATE),"
           " checked AS ("
           "  SELECT target.id, CASE"
           "    WHEN target.state = 'decommissioned'"
           "      THEN slipway_refuse('SL409', 'the device was decommissioned')"
           "    WHEN EXISTS (SELECT 1 FROM capability k WHERE k.device_id = target.id"
           "                    AND k.name = $3::text AND k.revoked_at IS NULL"
           "                    AND k.expires_at > now())"
           "      THEN slipway_refuse('SL409', format('the device has ''%s'' already', $3))"
           "    ELSE true END AS ok FROM target),"
           " c AS ("
           "  INSERT INTO capability (tenant_id, device_id, name, reason, expires_at)"
           "  SELECT $1, id, $3, $4::text, $5::timestamptz FROM checked WHERE ok"
           "  RETURNING *),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($6::bigint, $7::text, 'capability.issue',"
           "           'device ' || encode(v.device_id, 'hex'), g.product_id, g.id, NULL,"
           "           to_jsonb(c)) AS seq"
           "    FROM c JOIN device v ON v.id = c.device_id"
           "    JOIN device_group g ON g.id = v.group_id)"
           " SELECT " CAPABILITY_JSON " FROM audited, c" CAPABILITY_JOIN,
};

void store_capability_issue(struct db *db, const struct store_capability *capability,
                            db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &capability_issue, done, arg);

    db_bind_i64(call, capability->actor->tenant_id);
    db_bind_bytes(call, capability->device, HASH_BYTES);
    db_bind_text(call, capability->name);
    db_bind_text(call, capability->reason);
    db_bind_time_ms(call, capability->expires_ms);
    store_actor_bind(call, capability->actor);
    db_send(call);
}

static const struct db_stmt capability_list = {
    .name = "capability_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT c.id, " CAPABILITY_JSON " AS item"
                      "  FROM capability c" CAPABILITY_JOIN
                      " WHERE c.tenant_id = $1::bigint AND c.id > $2::bigint"
                      "   AND ($4::bytea IS NULL OR v.device_id = $4)"
                      "   AND ($5::boolean OR (c.revoked_at IS NULL AND c.expires_at > now()))"),
};

void store_capability_list(struct db *db, const struct store_page *page, const uint8_t *device,
                           bool past, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &capability_list, done, arg);

    store_page_bind(call, page);
    db_bind_bytes(call, device, HASH_BYTES);
    db_bind_bool(call, past);
    db_send(call);
}

static const struct db_stmt capability_revoke = {
    .name = "capability_revoke",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH c AS ("
           "  UPDATE capability SET revoked_at = coalesce(revoked_at, now())"
           "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid"
           "  RETURNING *),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'capability.revoke',"
           "           'device ' || encode(v.device_id, 'hex'), g.product_id, g.id,"
           "           to_jsonb(c) - 'revoked_at', to_jsonb(c)) AS seq"
           "    FROM c JOIN device v ON v.id = c.device_id"
           "    JOIN device_group g ON g.id = v.group_id)"
           " SELECT " CAPABILITY_JSON " FROM audited, c" CAPABILITY_JOIN,
};

void store_capability_revoke(struct db *db, const struct store_actor *actor, const char *id,
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &capability_revoke, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_capability_statements[] = {&capability_issue, &capability_list,
                                                             &capability_revoke, NULL};
