/*
 * A publication is one transaction: lock, look whether anybody was faster, add, announce. The
 * lock and the look are two statements, because a statement that waited for a lock still sees
 * the world as it was before it waited.
 */
#include "server/store/store_repo.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/limits.h"
#include "server/store/gather.h"

#define NEWEST(repository, role)                                                                   \
    "coalesce((SELECT max(version) FROM repo_document WHERE tenant_id = t.id"                      \
    "           AND repository = '" repository "' AND role = '" role "'), 0)"

/* clang-format off */
static const struct db_stmt repo_heads = {
    .name = "repo_heads",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT t.id, t.name, t.version_floor, "
           NEWEST("image", "root") ", " NEWEST("director", "root") ", "
           NEWEST("image", "timestamp")
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
    .sql = "SELECT repository, role, version, bytes"
           "  FROM (SELECT repository, role, version, bytes,"
           "               row_number() OVER (PARTITION BY repository, role"
           "                                  ORDER BY version DESC) AS age"
           "          FROM repo_document WHERE tenant_id = $1) AS d"
           " WHERE role = 'root' OR age <= 3 ORDER BY repository, role, version",
};

void store_repo_documents(struct db *db, int64_t tenant_id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &repo_documents, done, arg);

    db_bind_i64(call, tenant_id);
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
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT CASE WHEN "
           NEWEST("image", "root") " = $2::bigint AND "
           NEWEST("director", "root") " = $3::bigint AND "
           NEWEST("image", "timestamp") " = $4::bigint"
           " THEN true ELSE slipway_refuse('SL409',"
           "   'the repository changed meanwhile: look at its status and try again') END"
           "  FROM tenant t WHERE t.id = $1",
};
/* clang-format on */

static const struct db_stmt repo_add = {
    .name = "repo_add",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "INSERT INTO repo_document (tenant_id, repository, role, version, bytes, expires_at)"
           " SELECT $1::bigint, d.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bytea[],"
           "                            $6::timestamptz[]) AS d",
};

static void add_documents(struct db_call *call, const struct store_publication *publication)
{
    size_t count = publication->count;
    AUTO_FREE const char **repositories = mem_array(count, sizeof(char *));
    AUTO_FREE const char **roles = mem_array(count, sizeof(char *));
    AUTO_FREE struct db_slice *bytes = mem_array(count, sizeof(*bytes));

    for (size_t i = 0; i < count; i++) {
        const struct store_document *document = &publication->documents[i];

        repositories[i] = document->repository;
        roles[i] = document->role;
        bytes[i] = (struct db_slice){.data = document->bytes, .len = document->len};
    }
    db_bind_i64(call, publication->tenant_id);
    db_bind_text_array(call, repositories, count);
    db_bind_text_array(call, roles, count);
    BIND_I64S(call, publication->documents, count, struct store_document, version);
    db_bind_bytes_array(call, bytes, count);
    BIND_TIMES(call, publication->documents, count, struct store_document, expires_ms);
}

static const struct db_stmt repo_add_files = {
    .name = "repo_add_files",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "INSERT INTO repo_file (tenant_id, path, sha256, length)"
           " SELECT $1::bigint, f.* FROM unnest($2::text[], $3::bytea[], $4::bigint[]) AS f"
           " ON CONFLICT DO NOTHING",
};

static void add_files(struct db_call *call, const struct store_publication *publication)
{
    size_t count = publication->file_count;
    AUTO_FREE const char **paths = mem_array(count, sizeof(char *));
    AUTO_FREE struct db_slice *hashes = mem_array(count, sizeof(*hashes));

    for (size_t i = 0; i < count; i++) {
        paths[i] = publication->files[i].path;
        hashes[i] = (struct db_slice){.data = publication->files[i].sha256, .len = HASH_BYTES};
    }
    db_bind_i64(call, publication->tenant_id);
    db_bind_text_array(call, paths, count);
    db_bind_bytes_array(call, hashes, count);
    BIND_I64S(call, publication->files, count, struct store_file, len);
}

/* Of an image that is stored already: what is signed of it may move to another role, and a new
 * floor or way back may be said. Its bytes and its match section never change. */
static const struct db_stmt repo_resign = {
    .name = "repo_resign",
    .params = 11,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "UPDATE image i"
           "   SET role = s.role, entry = s.entry, match = s.match, floor = s.floor,"
           "       stepping_stone = s.stepping_stone, revert_to = s.revert_to::bigint[],"
           "       revert_until = CASE WHEN s.revert_until > 'epoch' THEN s.revert_until END,"
           "       requires = s.requires::jsonb"
           "  FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[],"
           "              $7::bigint[], $8::bigint[], $9::text[], $10::timestamptz[], $11::text[])"
           "       AS s (path, sha256, role, entry, match, floor, stepping_stone, revert_to,"
           "             revert_until, requires)"
           " WHERE i.tenant_id = $1 AND i.sha256 = s.sha256 AND i.path = s.path",
};

/* One text member of every row, as an array. */
#define BIND_TEXTS(call, rows, count, member)                                                      \
    do {                                                                                           \
        AUTO_FREE const char **texts_ = mem_array(count, sizeof(char *));                          \
        for (size_t i_ = 0; i_ < (count); i_++)                                                    \
            texts_[i_] = (rows)[i_].member;                                                        \
        db_bind_text_array(call, texts_, count);                                                   \
    } while (0)

static void resign_images(struct db_call *call, const struct store_publication *publication)
{
    const struct store_signed *targets = publication->targets;
    size_t count = publication->target_count;
    AUTO_FREE struct db_slice *hashes = mem_array(count, sizeof(*hashes));

    for (size_t i = 0; i < count; i++)
        hashes[i] = (struct db_slice){.data = targets[i].sha256, .len = HASH_BYTES};
    db_bind_i64(call, publication->tenant_id);
    BIND_TEXTS(call, targets, count, path);
    db_bind_bytes_array(call, hashes, count);
    BIND_TEXTS(call, targets, count, role);
    BIND_TEXTS(call, targets, count, entry);
    BIND_TEXTS(call, targets, count, match);
    BIND_I64S(call, targets, count, struct store_signed, floor);
    BIND_I64S(call, targets, count, struct store_signed, stepping_stone);
    BIND_TEXTS(call, targets, count, revert_to);
    BIND_TIMES(call, targets, count, struct store_signed, revert_until_ms);
    BIND_TEXTS(call, targets, count, requires);
}

static const struct db_stmt repo_eyes = {
    .name = "repo_eyes",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT CASE WHEN NOT t.approval_changes THEN true"
           "            WHEN r.id IS NULL THEN slipway_refuse('SLEYE',"
           "              'this changes keys or raises a floor: ask for it by a request, which"
           " another person approves')"
           "            WHEN $4::boolean THEN slipway_other_eyes(r.author_id, $3::bigint, "
           "r.created_at)"
           "            ELSE slipway_refuse('SLEYE', 'the request waits for an approval') END"
           "  FROM tenant t LEFT JOIN repo_request r ON r.tenant_id = t.id AND r.id = $2::bigint"
           " WHERE t.id = $1",
};

static const struct db_stmt repo_request_publish = {
    .name = "repo_request_publish",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH done AS ("
           "  UPDATE repo_request SET state = 'published', ended_at = now(),"
           "         approver_id = nullif($3::bigint, 0)"
           "   WHERE tenant_id = $1 AND id = $2 AND state IN ('open', 'awaiting-approval')"
           "  RETURNING id)"
           " SELECT CASE WHEN count(*) = 1 THEN true ELSE slipway_refuse('SL409',"
           "   'the request was published or withdrawn meanwhile') END FROM done",
};

static const struct db_stmt repo_audit = {
    .name = "repo_audit",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT slipway_audit($2::bigint, $3::text, $4::text, $5::text, NULL, NULL, NULL,"
           "                     $6::jsonb) FROM tenant WHERE id = $1",
};

/* "image root 2, image os-demo 7", and each document's hash. */
static void audit(struct db_call *call, const struct store_publication *publication)
{
    AUTO_BUF object;
    AUTO_BUF after;

    buf_init(&object, DB_CALL_BYTES_MAX);
    buf_init(&after, DB_CALL_BYTES_MAX);
    for (size_t i = 0; i < publication->count; i++) {
        const struct store_document *document = &publication->documents[i];
        uint8_t digest[HASH_BYTES];
        char hex[HASH_HEX_ROOM];

        hash_sha256(document->bytes, document->len, digest);
        text_from_hex_bytes(digest, sizeof(digest), hex);
        buf_printf(&object, "%s%s %s %llu", i ? ", " : "", document->repository, document->role,
                   (unsigned long long)document->version);
        buf_printf(&after, "%s\"%s %s %llu\":\"%s\"", i ? "," : "{", document->repository,
                   document->role, (unsigned long long)document->version, hex);
    }
    buf_add_text(&after, "}");
    db_bind_i64(call, publication->tenant_id);
    store_actor_bind(call, publication->actor);
    db_bind_text(call, publication->is_approval ? "repo.approve" : "repo.publish");
    db_bind_text(call, buf_text(&object));
    db_bind_json(call, buf_text(&after));
}

/* What a person answers for; renewals are nobody's. */
static void add_person(struct db_tx *tx, const struct store_publication *publication)
{
    const struct store_actor *actor = publication->actor;
    struct db_call *call;

    if (publication->needs_approval) {
        call = db_tx_call(tx, &repo_eyes);
        db_bind_i64(call, publication->tenant_id);
        db_bind_i64(call, publication->request_id);
        db_bind_i64(call, actor->token_id);
        db_bind_bool(call, publication->is_approval);
    }
    if (publication->request_id > 0) {
        call = db_tx_call(tx, &repo_request_publish);
        db_bind_i64(call, publication->tenant_id);
        db_bind_i64(call, publication->request_id);
        db_bind_i64(call, publication->is_approval ? actor->token_id : 0);
    }
    audit(db_tx_call(tx, &repo_audit), publication);
}

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
    add_documents(db_tx_call(tx, &repo_add), publication);
    if (publication->file_count > 0)
        add_files(db_tx_call(tx, &repo_add_files), publication);
    if (publication->target_count > 0)
        resign_images(db_tx_call(tx, &repo_resign), publication);
    if (publication->actor)
        add_person(tx, publication);
    call = db_tx_call(tx, &repo_announce);
    db_bind_i64(call, publication->tenant_id);
    db_tx_send(tx);
}

const struct db_stmt *const store_repo_statements[] = {
    &repo_heads, &repo_documents, &repo_lock,     &repo_unchanged,
    &repo_add,   &repo_add_files, &repo_resign,   &repo_request_publish,
    &repo_eyes,  &repo_audit,     &repo_announce, NULL};
