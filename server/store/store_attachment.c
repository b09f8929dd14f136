/* A file is one, however many devices sent the same: it goes with the last row that names it. */
#include "server/store/store_attachment.h"

static const struct db_stmt attachment_expect = {
    .name = "attachment_expect",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT a.length, a.stored_at IS NOT NULL, g.crash_dumps,"
           "       (SELECT count(*) FROM event_attachment k WHERE k.device_id = $1"
           "           AND k.stored_at > now() - interval '1 day') >= $3::bigint"
           "  FROM event_attachment a JOIN device v ON v.id = a.device_id"
           "  JOIN device_group g ON g.id = v.group_id"
           " WHERE a.device_id = $1::bigint AND a.sha256 = $2::bytea",
};

void store_attachment_expect(struct db *db, int64_t device_id, const uint8_t sha256[HASH_BYTES],
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &attachment_expect, done, arg);

    db_bind_i64(call, device_id);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_bind_i64(call, STORE_ATTACHMENTS_A_DAY);
    db_send(call);
}

void store_attachment_expected_read(const struct db_result *result,
                                    struct store_attachment_expected *out)
{
    out->length = (uint64_t)db_i64(result, 0, 0);
    out->is_stored = db_bool(result, 0, 1);
    out->is_agreed = db_bool(result, 0, 2);
    out->is_too_many = db_bool(result, 0, 3);
}

static const struct db_stmt attachment_stored = {
    .name = "attachment_stored",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE event_attachment SET stored_at = now()"
           " WHERE device_id = $1::bigint AND sha256 = $2::bytea",
};

void store_attachment_stored(struct db *db, int64_t device_id, const uint8_t sha256[HASH_BYTES],
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &attachment_stored, done, arg);

    db_bind_i64(call, device_id);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_send(call);
}

static const struct db_stmt attachment_read = {
    .name = "attachment_read",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH found AS MATERIALIZED ("
           "  SELECT a.length, g.product_id, g.id AS group_id"
           "    FROM device v JOIN event_attachment a ON a.device_id = v.id"
           "    JOIN device_group g ON g.id = v.group_id"
           "   WHERE v.tenant_id = $1::bigint AND v.device_id = $2::bytea AND a.sha256 = $3::bytea"
           "     AND a.stored_at IS NOT NULL),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($4::bigint, $5::text, 'attachment.read',"
           "           'attachment ' || encode($3, 'hex') || ' of device ' || encode($2, 'hex'),"
           "           product_id, group_id, NULL, NULL) AS seq FROM found)"
           " SELECT length FROM found, audited",
};

void store_attachment_read(struct db *db, const struct store_actor *actor,
                           const uint8_t device[HASH_BYTES], const uint8_t sha256[HASH_BYTES],
                           db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &attachment_read, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_bytes(call, device, HASH_BYTES);
    db_bind_bytes(call, sha256, HASH_BYTES);
    store_actor_bind(call, actor);
    db_send(call);
}

static const struct db_stmt attachment_expire = {
    .name = "attachment_expire",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH old AS ("
           "  SELECT device_id, sha256 FROM event_attachment"
           "   WHERE declared_at < now() - $1::bigint * interval '1 day'"
           "   ORDER BY declared_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED),"
           " gone AS ("
           "  DELETE FROM event_attachment a USING old"
           "   WHERE a.device_id = old.device_id AND a.sha256 = old.sha256"
           "  RETURNING a.device_id, a.sha256)"
           " SELECT DISTINCT CASE WHEN NOT EXISTS ("
           "          SELECT 1 FROM event_attachment k WHERE k.sha256 = gone.sha256"
           "             AND NOT EXISTS (SELECT 1 FROM gone g WHERE g.sha256 = k.sha256"
           "                                AND g.device_id = k.device_id))"
           "        THEN gone.sha256 END"
           "   FROM gone",
};

void store_attachment_expire(struct db *db, int64_t days, int64_t count, db_done_fn *done,
                             void *arg)
{
    struct db_call *call = db_call_new(db, &attachment_expire, done, arg);

    db_bind_i64(call, days);
    db_bind_i64(call, count);
    db_send(call);
}

const struct db_stmt *const store_attachment_statements[] = {
    &attachment_expect, &attachment_stored, &attachment_read, &attachment_expire, NULL};
