/*
 * An image's row says what the offline signature says; nothing here is an operator's input but
 * the bytes, and those were compared with the signed hash. Which component it is a version of
 * follows from type, name and hardware ids: exactly one product may fit.
 */
#include "server/store/store_image.h"

#define IMAGE_JSON                                                                                 \
    "json_build_object('sha256', encode(i.sha256, 'hex'), 'length', i.length, 'path', i.path,"     \
    " 'version', i.version, 'component', c.name, 'component_id', c.public_id, 'type', c.type,"     \
    " 'product', p.name, 'product_id', p.public_id, 'hwids', to_json(i.hwids),"                    \
    " 'role', i.role, 'release_counter', i.release_counter, 'security_epoch', i.security_epoch,"   \
    " 'floor', i.floor, 'stepping_stone', i.stepping_stone,"                                       \
    " 'requires', i.requires, 'revert_to', to_json(i.revert_to),"                                  \
    " 'revert_until', slipway_time(i.revert_until),"                                               \
    " 'sbom', (SELECT json_build_object('format', s.format, 'version', s.version,"                 \
    "                    'packages', s.packages, 'length', octet_length(s.document),"              \
    "                    'sha256', encode(s.sha256, 'hex'), 'stored', slipway_time(s.stored_at))"  \
    "             FROM image_sbom s WHERE s.image_id = i.id),"                                     \
    " 'removed', slipway_time(i.removed_at), 'full_zstd_length', i.full_zstd_length, 'created', "  \
    "slipway_time(i.created_at))"
#define IMAGE_JOIN                                                                                 \
    " JOIN component c ON c.id = i.component_id JOIN product p ON p.id = c.product_id"

/* $1 tenant, $3 type, $4 name, $5 hwids: the one component that fits, or a refusal. */
#define CHECKED                                                                                    \
    "checked AS ("                                                                                 \
    "  SELECT min(c.id) AS component_id,"                                                          \
    "         CASE count(*) WHEN 1 THEN true"                                                      \
    "           WHEN 0 THEN slipway_refuse('SL409', format("                                       \
    "             'no product for the hardware ids %s has a component ''%s'' of type ''%s''',"     \
    "             array_to_string($5::text[], ', '), $4::text, $3::text))"                         \
    "           ELSE slipway_refuse('SL409', format("                                              \
    "             'more than one product has a component ''%s'' for the hardware ids %s',"         \
    "             $4, array_to_string($5, ', '))) END AS ok"                                       \
    "    FROM component c JOIN product p ON p.id = c.product_id"                                   \
    "   WHERE c.tenant_id = $1::bigint AND c.type = $3 AND c.name = $4 AND p.hwids @> $5)"

static void bind_image(struct db_call *call, const struct store_image *image)
{
    db_bind_i64(call, image->actor->tenant_id);
    db_bind_bytes(call, image->entry.sha256, HASH_BYTES);
    db_bind_text(call, image->type);
    db_bind_text(call, image->name);
    db_bind_text_array(call, image->hwids, image->hwid_count);
}

static const struct db_stmt image_expect = {
    .name = "image_expect",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH " CHECKED " SELECT (SELECT " IMAGE_JSON " FROM image i" IMAGE_JOIN
           "          WHERE i.tenant_id = $1 AND i.sha256 = $2::bytea AND i.removed_at IS NULL)"
           "   FROM checked WHERE ok",
};

void store_image_expect(struct db *db, const struct store_image *image, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &image_expect, done, arg);

    bind_image(call, image);
    db_send(call);
}

/* clang-format off */
static const struct db_stmt image_add = {
    .name = "image_add",
    .params = 20,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH " CHECKED ","
           " made AS ("
           "  INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
           "                     release_counter, security_epoch, floor, stepping_stone, role,"
           "                     entry, match, revert_to, revert_until, requires)"
           "  SELECT $1, component_id, $2::bytea, $6::bigint, $7::text, $8::text, $5, $9::bigint,"
           "         $10::bigint, $11::bigint, $12::bigint, $13::text, $14::text, $15::text,"
           "         $16::bigint[], nullif($17::timestamptz, 'epoch'), $18::jsonb"
           "    FROM checked WHERE ok"
           "  ON CONFLICT (tenant_id, sha256) DO UPDATE"
           "     SET removed_at = NULL, unneeded_at = NULL, is_gone = false"
           "   WHERE image.removed_at IS NOT NULL" /* taken again */
           "  RETURNING *),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'image' FROM made),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($19::bigint, $20::text, 'image.upload',"
           "           'image ' || encode(made.sha256, 'hex'), c.product_id, NULL, NULL,"
           "           to_jsonb(made)) AS seq"
           "    FROM made JOIN component c ON c.id = made.component_id)"
           " SELECT " IMAGE_JSON
           "   FROM (SELECT * FROM made"
           "         UNION ALL"
           "         SELECT * FROM image WHERE tenant_id = $1 AND sha256 = $2"
           "            AND NOT EXISTS (SELECT FROM made)) i" IMAGE_JOIN
           "  WHERE (SELECT count(seq) FROM audited) >= 0", /* so that it is called */
};
/* clang-format on */

void store_image_add(struct db *db, const struct store_image *image, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &image_add, done, arg);

    bind_image(call, image);
    db_bind_i64(call, (int64_t)image->length);
    db_bind_text(call, image->entry.path);
    db_bind_text(call, image->version);
    db_bind_i64(call, (int64_t)image->release_counter);
    db_bind_i64(call, (int64_t)image->security_epoch);
    db_bind_i64(call, (int64_t)image->entry.floor);
    db_bind_i64(call, (int64_t)image->entry.stepping_stone);
    db_bind_text(call, image->entry.role);
    db_bind_text(call, image->entry.entry);
    db_bind_text(call, image->entry.match);
    db_bind_text(call, image->entry.revert_to);
    db_bind_time_ms(call, image->entry.revert_until_ms);
    db_bind_json(call, image->entry.requires);
    store_actor_bind(call, image->actor);
    db_send(call);
}

static const struct db_stmt image_list = {
    .name = "image_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT i.id, " IMAGE_JSON " AS item"
                      "  FROM image i" IMAGE_JOIN
                      " WHERE i.tenant_id = $1::bigint AND i.id > $2::bigint"),
};

void store_image_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &image_list, done, arg);

    store_page_bind(call, page);
    db_send(call);
}

static const struct db_stmt image_get = {
    .name = "image_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "SELECT " IMAGE_JSON " FROM image i" IMAGE_JOIN " WHERE i.tenant_id = $1 AND i.sha256 = $2",
};

void store_image_get(struct db *db, int64_t tenant_id, const uint8_t sha256[HASH_BYTES],
                     db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &image_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_send(call);
}

static const struct db_stmt image_file = {
    .name = "image_file",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT i.length FROM image i JOIN tenant t ON t.id = i.tenant_id"
           " WHERE t.name = $1 AND i.sha256 = $2 AND i.path = $3 AND i.removed_at IS NULL"
           " UNION "
           "SELECT f.length FROM repo_file f JOIN tenant t ON t.id = f.tenant_id"
           " WHERE t.name = $1 AND f.sha256 = $2 AND f.path = $3",
};

void store_image_file(struct db *db, const char *tenant, const uint8_t sha256[HASH_BYTES],
                      const char *path, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &image_file, done, arg);

    db_bind_text(call, tenant);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_bind_text(call, path);
    db_send(call);
}

static const struct db_stmt delta_file = {
    .name = "delta_file",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    /* Noted once a day, so that the next downloads write nothing. */
    .sql = "WITH found AS ("
           "  SELECT d.id, d.length, d.used_at FROM delta d JOIN tenant t ON t.id = d.tenant_id"
           "   WHERE t.name = $1 AND d.sha256 = $2 AND d.state = 'kept' LIMIT 1),"
           " used AS ("
           "  UPDATE delta SET used_at = now()"
           "   WHERE id = (SELECT id FROM found"
           "                WHERE used_at IS NULL OR used_at < now() - interval '1 day'))"
           " SELECT length FROM found",
};

void store_delta_file(struct db *db, const char *tenant, const uint8_t sha256[HASH_BYTES],
                      db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_file, done, arg);

    db_bind_text(call, tenant);
    db_bind_bytes(call, sha256, HASH_BYTES);
    db_send(call);
}

const struct db_stmt *const store_image_statements[] = {
    &image_expect, &image_add, &image_list, &image_get, &image_file, &delta_file, NULL};
