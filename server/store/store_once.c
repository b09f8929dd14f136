/* What decides is in the schema (migration 0010), because the change's own transaction takes part.
 */
#include "server/store/store_once.h"

#include "lib/crypto/hash.h"

static const struct db_stmt once_begin = {
    .name = "once_begin",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT o.verdict, (o.kept).status, (o.kept).content_type, (o.kept).answer,"
           "       (o.kept).audit_seq, (o.kept).object"
           "  FROM slipway_once($1::bigint, $2::bigint, $3::text, $4::bytea, $5::text) AS o",
};

static const struct db_stmt once_keep = {
    .name = "once_keep",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "UPDATE idempotency SET status = $5::integer, content_type = $6::text,"
           "       answer = $7::text"
           " WHERE tenant_id = $1::bigint AND token_id = $2::bigint AND key = $3::text"
           "   AND request_id = $4::text",
};

static const struct db_stmt once_forget = {
    .name = "once_forget",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "DELETE FROM idempotency"
           " WHERE tenant_id = $1::bigint AND token_id = $2::bigint AND key = $3::text"
           "   AND request_id = $4::text AND audit_seq IS NULL",
};

static const struct db_stmt once_give_up = {
    .name = "once_give_up",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "UPDATE idempotency SET backend = 0"
           " WHERE tenant_id = $1::bigint AND token_id = $2::bigint AND key = $3::text"
           "   AND request_id = $4::text",
};

static const struct db_stmt version = {
    .name = "version",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT slipway_version(t.id, $2::text || ' ' ||"
           "         CASE WHEN $2 = 'tenant' THEN t.name ELSE $3::text END)"
           "  FROM tenant t WHERE t.id = $1::bigint",
};

const struct db_stmt *const store_once_statements[] = {
    &once_begin, &once_keep, &once_forget, &once_give_up, &version, NULL,
};

static struct db_call *call_of(struct db *db, const struct db_stmt *stmt,
                               const struct store_once *once, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, stmt, done, arg);

    db_bind_i64(call, once->tenant_id);
    db_bind_i64(call, once->token_id);
    db_bind_text(call, once->key);
    return call;
}

void store_once_begin(struct db *db, const struct store_once *once, db_done_fn *done, void *arg)
{
    struct db_call *call = call_of(db, &once_begin, once, done, arg);

    db_bind_bytes(call, once->hash, HASH_BYTES);
    db_bind_text(call, once->request);
    db_send(call);
}

void store_once_keep(struct db *db, const struct store_once *once,
                     const struct store_once_answer *answer, db_done_fn *done, void *arg)
{
    struct db_call *call = call_of(db, &once_keep, once, done, arg);

    db_bind_text(call, once->request);
    db_bind_i64(call, answer->status);
    db_bind_text(call, answer->content_type);
    db_bind_text(call, answer->text);
    db_send(call);
}

void store_once_forget(struct db *db, const struct store_once *once, db_done_fn *done, void *arg)
{
    struct db_call *call = call_of(db, &once_forget, once, done, arg);

    db_bind_text(call, once->request);
    db_send(call);
}

void store_once_give_up(struct db *db, const struct store_once *once, db_done_fn *done, void *arg)
{
    struct db_call *call = call_of(db, &once_give_up, once, done, arg);

    db_bind_text(call, once->request);
    db_send(call);
}

void store_version(struct db *db, int64_t tenant_id, const char *kind, const char *id,
                   db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &version, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, kind);
    db_bind_text(call, id);
    db_send(call);
}
