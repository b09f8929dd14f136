/* A document is kept byte for byte as it came, next to what lists show of it. */
#include "server/store/store_sbom.h"

static const struct db_stmt sbom_put = {
    .name = "sbom_put",
    .params = 8,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH target AS ("
           "  SELECT i.id, c.product_id FROM image i JOIN component c ON c.id = i.component_id"
           "   WHERE i.tenant_id = $1::bigint AND i.sha256 = $2::bytea),"
           " s AS ("
           "  INSERT INTO image_sbom (image_id, tenant_id, format, version, packages, sha256,"
           "                          document)"
           "  SELECT id, $1, $3::text, $4::text, $5::bigint, sha256($6::bytea), $6 FROM target"
           "  ON CONFLICT (image_id) DO UPDATE SET format = excluded.format,"
           "     version = excluded.version, packages = excluded.packages,"
           "     sha256 = excluded.sha256, document = excluded.document, stored_at = now()"
           "  RETURNING format, version, packages, sha256, stored_at),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($7::bigint, $8::text, 'image.sbom',"
           "           'image ' || encode($2, 'hex'), target.product_id, NULL, NULL,"
           "           to_jsonb(s)) AS seq FROM s, target)"
           " SELECT json_build_object('image', encode($2, 'hex'), 'format', s.format,"
           "          'version', s.version, 'packages', s.packages, 'length', octet_length($6),"
           "          'sha256', encode(s.sha256, 'hex'), 'stored', slipway_time(s.stored_at))"
           "   FROM audited, s",
};

void store_sbom_put(struct db *db, const struct store_sbom *sbom, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &sbom_put, done, arg);

    db_bind_i64(call, sbom->actor->tenant_id);
    db_bind_bytes(call, sbom->image, HASH_BYTES);
    db_bind_text(call, sbom->format);
    db_bind_text(call, sbom->version);
    db_bind_i64(call, sbom->packages);
    db_bind_bytes(call, sbom->document, sbom->len);
    store_actor_bind(call, sbom->actor);
    db_send(call);
}

static const struct db_stmt sbom_get = {
    .name = "sbom_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT s.format, s.document FROM image_sbom s JOIN image i ON i.id = s.image_id"
           " WHERE i.tenant_id = $1::bigint AND i.sha256 = $2::bytea",
};

void store_sbom_get(struct db *db, int64_t tenant_id, const uint8_t image[HASH_BYTES],
                    db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &sbom_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, image, HASH_BYTES);
    db_send(call);
}

const struct db_stmt *const store_sbom_statements[] = {&sbom_put, &sbom_get, NULL};
