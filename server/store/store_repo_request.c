/* Everything about a request is read in one transaction, and what depends on all its signatures is
 * decided after the row was locked. */
#include "server/store/store_repo_request.h"

#include "lib/base/mem.h"
#include "server/store/gather.h"

/* clang-format off */
static const struct db_stmt request_create = {
    .name = "repo_request_create",
    .params = 12,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH made AS ("
           "  INSERT INTO repo_request (tenant_id, author_id, note)"
           "  VALUES ($1::bigint, $2::bigint, $3) RETURNING id, public_id),"
           " documents AS ("
           "  INSERT INTO repo_request_document (request_id, tenant_id, position, repository, role,"
           "                                     version, sha256, signed, summary)"
           "  SELECT made.id, $1, d.position - 1, d.repository, d.role, d.version, d.sha256,"
           "         d.signed, d.summary"
           "    FROM made, unnest($4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[],"
           "                      $9::text[]) WITH ORDINALITY"
           "         AS d (repository, role, version, sha256, signed, summary, position)),"
           " files AS ("
           "  INSERT INTO repo_request_file (request_id, tenant_id, path, bytes)"
           "  SELECT made.id, $1, f.path, f.bytes"
           "    FROM made, unnest($10::text[], $11::bytea[]) AS f (path, bytes)),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($2::bigint, $12::text, 'repo.request',"
           "           'request ' || made.public_id, NULL, NULL, NULL,"
           "           jsonb_build_object('documents', to_jsonb($7::bytea[]))) AS seq FROM made)"
           " SELECT made.public_id FROM made, audited",
};
/* clang-format on */

static void bind_documents(struct db_call *call, const struct store_request *request)
{
    const struct store_request_document *documents = request->documents;
    size_t count = request->document_count;
    AUTO_FREE const char **texts = mem_array(count, sizeof(char *));
    AUTO_FREE struct db_slice *slices = mem_array(count, sizeof(*slices));

    for (size_t i = 0; i < count; i++)
        texts[i] = documents[i].repository;
    db_bind_text_array(call, texts, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = documents[i].role;
    db_bind_text_array(call, texts, count);
    BIND_I64S(call, documents, count, struct store_request_document, version);
    for (size_t i = 0; i < count; i++)
        slices[i] = (struct db_slice){.data = documents[i].sha256, .len = HASH_BYTES};
    db_bind_bytes_array(call, slices, count);
    for (size_t i = 0; i < count; i++)
        slices[i] = (struct db_slice){.data = documents[i].signed_part, .len = documents[i].len};
    db_bind_bytes_array(call, slices, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = documents[i].summary;
    db_bind_text_array(call, texts, count);
}

static void bind_files(struct db_call *call, const struct store_request *request)
{
    size_t count = request->file_count;
    AUTO_FREE const char **paths = mem_array(count + 1, sizeof(char *));
    AUTO_FREE struct db_slice *bytes = mem_array(count + 1, sizeof(*bytes));

    for (size_t i = 0; i < count; i++) {
        paths[i] = request->files[i].path;
        /* An empty file is no NULL. */
        bytes[i] = (struct db_slice){.data = request->files[i].bytes ? request->files[i].bytes : "",
                                     .len = request->files[i].len};
    }
    db_bind_text_array(call, paths, count);
    db_bind_bytes_array(call, bytes, count);
}

void store_repo_request_create(struct db *db, const struct store_request *request, db_done_fn *done,
                               void *arg)
{
    struct db_call *call = db_call_new(db, &request_create, done, arg);

    db_bind_i64(call, request->actor->tenant_id);
    db_bind_i64(call, request->actor->token_id);
    db_bind_text(call, request->note);
    bind_documents(call, request);
    bind_files(call, request);
    db_bind_text(call, request->actor->request);
    db_send(call);
}

static const struct db_stmt request_list = {
    .name = "repo_request_list",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE(
        "SELECT r.id, json_build_object('id', r.public_id, 'state', r.state, 'note', r.note,"
        "         'author', slipway_token_name(r.author_id),"
        "         'approver', slipway_token_name(r.approver_id),"
        "         'created', slipway_time(r.created_at), 'ended', slipway_time(r.ended_at),"
        "         'documents', (SELECT json_agg(json_build_object('repository', d.repository,"
        "             'role', d.role, 'version', d.version) ORDER BY d.position)"
        "            FROM repo_request_document d WHERE d.request_id = r.id)) AS item"
        "  FROM repo_request r"
        " WHERE r.tenant_id = $1::bigint AND r.id > $2::bigint"
        "   AND ($4::text IS NULL OR r.state = $4)"),
};

void store_repo_request_list(struct db *db, const struct store_page *page, const char *state,
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &request_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, state);
    db_send(call);
}

/* --- one request -------------------------------------------------------------------------------
 */

#define OF_REQUEST                                                                                 \
    " WHERE request_id = (SELECT id FROM repo_request"                                             \
    "                      WHERE tenant_id = $1 AND public_id = $2::uuid)"

static const struct db_stmt request_head = {
    .name = "repo_request_head",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT id, state, note, slipway_token_name(author_id), slipway_token_name(approver_id),"
           "       slipway_time(created_at), slipway_time(ended_at)"
           "  FROM repo_request WHERE tenant_id = $1 AND public_id = $2::uuid",
};
static const struct db_stmt request_documents = {
    .name = "repo_request_documents",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT repository, role, version, sha256, signed, summary"
           "  FROM repo_request_document" OF_REQUEST " ORDER BY position",
};
static const struct db_stmt request_files = {
    .name = "repo_request_files",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT path, bytes FROM repo_request_file" OF_REQUEST " ORDER BY path",
};
static const struct db_stmt request_signatures = {
    .name = "repo_request_signatures",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT position, keyid, sig"
           "  FROM repo_request_signature" OF_REQUEST " ORDER BY position, created_at, keyid",
};

static void add_reading(struct db_tx *tx, int64_t tenant_id, const char *public_id)
{
    static const struct db_stmt *const parts[] = {
        [STORE_REQUEST_HEAD] = &request_head,
        [STORE_REQUEST_DOCUMENTS] = &request_documents,
        [STORE_REQUEST_FILES] = &request_files,
        [STORE_REQUEST_SIGNATURES] = &request_signatures,
    };

    for (size_t i = 0; i < COUNT(parts); i++) {
        struct db_call *call = db_tx_call(tx, parts[i]);

        db_bind_i64(call, tenant_id);
        db_bind_text(call, public_id);
    }
}

void store_repo_request_get(struct db *db, int64_t tenant_id, const char *public_id,
                            db_tx_done_fn *done, void *arg)
{
    struct db_tx *tx = db_tx_new(db, done, arg);

    add_reading(tx, tenant_id, public_id);
    db_tx_send(tx);
}

static const struct db_stmt request_lock = {
    .name = "repo_request_lock",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH found AS (SELECT id, state FROM repo_request"
           "                WHERE tenant_id = $1 AND public_id = $2::uuid FOR NO KEY UPDATE)"
           " SELECT CASE WHEN state = 'open' THEN id ELSE"
           "   slipway_refuse('SL409', 'the request is not open: ' || state)::int END FROM found",
};

static const struct db_stmt request_sign = {
    .name = "repo_request_sign",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "INSERT INTO repo_request_signature (request_id, tenant_id, position, keyid, sig)"
           " SELECT r.id, r.tenant_id, s.position, s.keyid, s.sig"
           "   FROM repo_request r,"
           "        unnest($3::bigint[], $4::text[], $5::text[]) AS s (position, keyid, sig)"
           "  WHERE r.tenant_id = $1 AND r.public_id = $2::uuid"
           " ON CONFLICT DO NOTHING",
};

static const struct db_stmt request_sign_audit = {
    .name = "repo_request_sign_audit",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "SELECT slipway_audit($3::bigint, $4::text, 'repo.sign', 'request ' || r.public_id, NULL,"
        "                     NULL, NULL, to_jsonb($5::text[]))"
        "  FROM repo_request r WHERE r.tenant_id = $1 AND r.public_id = $2::uuid",
};

static void bind_keyids(struct db_call *call, const struct store_request_signature *signatures,
                        size_t count)
{
    AUTO_FREE const char **texts = mem_array(count + 1, sizeof(char *));

    for (size_t i = 0; i < count; i++)
        texts[i] = signatures[i].keyid;
    db_bind_text_array(call, texts, count);
}

static void bind_signatures(struct db_call *call, const struct store_request_signature *signatures,
                            size_t count)
{
    AUTO_FREE const char **texts = mem_array(count + 1, sizeof(char *));

    BIND_I64S(call, signatures, count, struct store_request_signature, position);
    for (size_t i = 0; i < count; i++)
        texts[i] = signatures[i].keyid;
    db_bind_text_array(call, texts, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = signatures[i].sig;
    db_bind_text_array(call, texts, count);
}

void store_repo_request_sign(struct db *db, const struct store_request_signing *signing,
                             db_tx_done_fn *done, void *arg)
{
    const struct store_actor *actor = signing->actor;
    struct db_tx *tx = db_tx_new(db, done, arg);
    struct db_call *call = db_tx_call(tx, &request_lock);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, signing->public_id);
    call = db_tx_call(tx, &request_sign);
    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, signing->public_id);
    bind_signatures(call, signing->signatures, signing->count);
    call = db_tx_call(tx, &request_sign_audit);
    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, signing->public_id);
    store_actor_bind(call, actor);
    bind_keyids(call, signing->signatures, signing->count);
    add_reading(tx, actor->tenant_id, signing->public_id);
    db_tx_send(tx);
}

/* From one of the states before it, or not at all. */
#define MOVE(to, ended, said, more)                                                                \
    "WITH found AS (SELECT id, public_id, state FROM repo_request"                                 \
    "                WHERE tenant_id = $1 AND public_id = $2::uuid FOR NO KEY UPDATE),"            \
    " moved AS (UPDATE repo_request r SET state = '" to "', ended_at = " ended "  FROM found f"    \
    "            WHERE r.id = f.id AND CASE WHEN f.state IN ('open', 'awaiting-approval') THEN"    \
    "              true ELSE slipway_refuse('SL409', '" said ": it is ' || f.state) END"           \
    "           RETURNING r.public_id, r.state)" more                                              \
    " SELECT json_build_object('id', moved.public_id, 'state', moved.state) FROM moved"

/* clang-format off */
static const struct db_stmt request_withdraw = {
    .name = "repo_request_withdraw",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = MOVE("withdrawn", "now()", "the request cannot be withdrawn",
                ", audited AS MATERIALIZED ("
                "  SELECT slipway_audit($3::bigint, $4::text, 'repo.request',"
                "           'request ' || found.public_id, NULL, NULL,"
                "           jsonb_build_object('state', found.state),"
                "           jsonb_build_object('state', moved.state)) AS seq FROM found, moved)")
           ", audited",
};
/* clang-format on */
static const struct db_stmt request_await = {
    .name = "repo_request_await",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = MOVE("awaiting-approval", "NULL", "the request cannot wait for approval", ""),
};

void store_repo_request_withdraw(struct db *db, const struct store_actor *actor,
                                 const char *public_id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &request_withdraw, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, public_id);
    store_actor_bind(call, actor);
    db_send(call);
}

void store_repo_request_await(struct db *db, int64_t tenant_id, const char *public_id,
                              db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &request_await, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, public_id);
    db_send(call);
}

const struct db_stmt *const store_repo_request_statements[] = {
    &request_create,   &request_list,       &request_head, &request_documents,
    &request_files,    &request_signatures, &request_lock, &request_sign,
    &request_withdraw, &request_await,      NULL};
