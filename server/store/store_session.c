/* A device that renews its session every second does not fill the table: with a new one its
 * older ones go, but for the last, which may still be in use on another connection. */
#include "server/store/store_session.h"

static const struct db_stmt session_add = {
    .name = "session_add",
    .params = 4,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH old AS ("
           "  DELETE FROM device_session s WHERE s.device_id = $2::bigint AND s.digest NOT IN ("
           "    SELECT k.digest FROM device_session k"
           "     WHERE k.device_id = $2 AND k.expires_at > now()"
           "     ORDER BY k.expires_at DESC, k.digest LIMIT $4::bigint - 1))"
           " INSERT INTO device_session (digest, tenant_id, device_id, expires_at)"
           " SELECT $1::bytea, v.tenant_id, v.id, $3::timestamptz FROM device v WHERE v.id = $2",
};

void store_session_add(struct db *db, const struct store_session *session, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &session_add, done, arg);

    db_bind_bytes(call, session->digest, sizeof(session->digest));
    db_bind_i64(call, session->device_id);
    db_bind_time_ms(call, session->expires_ms);
    db_bind_i64(call, STORE_SESSIONS_PER_DEVICE);
    db_send(call);
}

static const struct db_stmt session_page = {
    .name = "session_page",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT s.digest, s.device_id, s.expires_at FROM device_session s"
           " WHERE s.expires_at > now() AND ($1::bytea IS NULL OR s.digest > $1)"
           " ORDER BY s.digest LIMIT $2::bigint",
};

void store_session_page(struct db *db, const uint8_t *after, size_t limit, db_done_fn *done,
                        void *arg)
{
    struct db_call *call = db_call_new(db, &session_page, done, arg);

    db_bind_bytes(call, after, HASH_BYTES);
    db_bind_i64(call, (int64_t)limit);
    db_send(call);
}

void store_session_read(const struct db_result *result, size_t row, struct store_session *out)
{
    ASSERT(db_bytes(result, row, 0, out->digest, sizeof(out->digest)));
    out->device_id = db_i64(result, row, 1);
    out->expires_ms = db_time_ms(result, row, 2);
}

const struct db_stmt *const store_session_statements[] = {&session_add, &session_page, NULL};
