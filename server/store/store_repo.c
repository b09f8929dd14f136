/*
 * A publication is one transaction: lock, look whether anybody was faster, add, announce. The
 * lock and the look are two statements, because a statement that waited for a lock still sees
 * the world as it was before it waited.
 */
#include "server/store/store_repo.h"

/* clang-format off */
#define NEWEST(role)                                                                               \
    "coalesce((SELECT max(version) FROM repo_document"                                             \
    "           WHERE tenant_id = t.id AND role = '" role "'), 0)"

static const struct db_stmt repo_heads = {
    .name = "repo_heads",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT t.id, t.name, "
           NEWEST("root") ", " NEWEST("targets") ", "
           NEWEST("snapshot") ", " NEWEST("timestamp")
           "  FROM tenant t ORDER BY t.id",
};
/* clang-format on */

void store_repo_heads(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &repo_heads, done, arg));
}

static const struct db_stmt repo_documents = {
    .name = "repo_documents",
    .params = 1,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT role, version, bytes, expires_at"
           "  FROM (SELECT role, version, bytes, expires_at,"
           "               row_number() OVER (PARTITION BY role ORDER BY version DESC) AS age"
           "          FROM repo_document WHERE tenant_id = $1) AS d"
           " WHERE role = 'root' OR age <= 3 ORDER BY role, version",
};

void store_repo_documents(struct db *db, int64_t tenant_id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &repo_documents, done, arg);

    db_bind_i64(call, tenant_id);
    db_send(call);
}

/* The update that changes nothing makes RETURNING show the row that was there first. */
static const struct db_stmt repo_keys = {
    .name = "repo_keys",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "INSERT INTO repo_online_key (tenant_id, role, seed, public_key)"
           " VALUES ($1::bigint, 'snapshot', $2, $3), ($1, 'timestamp', $4, $5)"
           " ON CONFLICT (tenant_id, role) DO UPDATE SET role = excluded.role"
           " RETURNING role, seed",
};

void store_repo_keys(struct db *db, int64_t tenant_id, const struct store_online_key *snapshot,
                     const struct store_online_key *timestamp, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &repo_keys, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, snapshot->seed, sizeof(snapshot->seed));
    db_bind_bytes(call, snapshot->public_key, sizeof(snapshot->public_key));
    db_bind_bytes(call, timestamp->seed, sizeof(timestamp->seed));
    db_bind_bytes(call, timestamp->public_key, sizeof(timestamp->public_key));
    db_send(call);
}

static const struct db_stmt repo_lock = {
    .name = "repo_lock",
    .params = 1,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT id FROM tenant WHERE id = $1 FOR NO KEY UPDATE",
};

/* clang-format off */
static const struct db_stmt repo_unchanged = {
    .name = "repo_unchanged",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT CASE WHEN "
           NEWEST("root") " = $2::bigint AND " NEWEST("targets") " = $3::bigint AND "
           NEWEST("snapshot") " = $4::bigint AND " NEWEST("timestamp") " = $5::bigint"
           " THEN true ELSE slipway_refuse('SL409',"
           "   'the repository changed meanwhile: look at its status and try again') END"
           "  FROM tenant t WHERE t.id = $1",
};
/* clang-format on */

static const struct db_stmt repo_add = {
    .name = "repo_add",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "INSERT INTO repo_document (tenant_id, role, version, bytes, expires_at)"
           " VALUES ($1, $2, $3, $4, $5)",
};

static const struct db_stmt repo_announce = {
    .name = "repo_announce",
    .params = 1,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "INSERT INTO change_log (tenant_id, what) VALUES ($1, 'repo')",
};

void store_repo_publish(struct db *db, const struct store_publication *publication,
                        db_tx_done_fn *done, void *arg)
{
    struct db_tx *tx = db_tx_new(db, done, arg);
    struct db_call *call = db_tx_call(tx, &repo_lock);

    db_bind_i64(call, publication->tenant_id);
    call = db_tx_call(tx, &repo_unchanged);
    db_bind_i64(call, publication->tenant_id);
    for (size_t i = 0; i < COUNT(publication->before); i++)
        db_bind_i64(call, (int64_t)publication->before[i]);
    for (size_t i = 0; i < publication->count; i++) {
        const struct store_document *document = &publication->documents[i];

        call = db_tx_call(tx, &repo_add);
        db_bind_i64(call, publication->tenant_id);
        db_bind_text(call, document->role);
        db_bind_i64(call, (int64_t)document->version);
        db_bind_bytes(call, document->bytes, document->len);
        db_bind_time_ms(call, document->expires_ms);
    }
    call = db_tx_call(tx, &repo_announce);
    db_bind_i64(call, publication->tenant_id);
    db_tx_send(tx);
}

const struct db_stmt *const store_repo_statements[] = {
    &repo_heads,     &repo_documents, &repo_keys,     &repo_lock,
    &repo_unchanged, &repo_add,       &repo_announce, NULL};
