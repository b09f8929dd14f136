/* A product is made with the five groups that design.md names, so a fleet can start at once. */
#include "server/store/store_product.h"

#define PRODUCT_JSON                                                                               \
    "json_build_object('id', public_id, 'name', name, 'hwids', to_json(hwids),"                    \
    " 'created', slipway_time(created_at))"

static const struct db_stmt product_create = {
    .name = "product_create",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH made AS ("
        "  INSERT INTO product (tenant_id, name, hwids) VALUES ($1::bigint, $2, $3::text[])"
        "  ON CONFLICT (tenant_id, name) DO NOTHING"
        "  RETURNING id, public_id, name, hwids, created_at),"
        " groups AS ("
        "  INSERT INTO device_group (tenant_id, product_id, name, is_default)"
        "  SELECT $1, made.id, given.name, true"
        "    FROM made, unnest(ARRAY['development', 'field-test', 'production',"
        "                            'field-test-os-evaluation', 'production-os-evaluation'])"
        "         AS given (name)),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'product' FROM made),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($4::bigint, $5::text, 'product.write', 'product ' || public_id, id,"
        "                       NULL, NULL, to_jsonb(made)) AS seq FROM made)"
        " SELECT " PRODUCT_JSON " FROM made, audited",
};

void store_product_create(struct db *db, const struct store_product *product, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &product_create, done, arg);

    db_bind_i64(call, product->actor->tenant_id);
    db_bind_text(call, product->name);
    db_bind_text_array(call, product->hwids, product->hwid_count);
    store_actor_bind(call, product->actor);
    db_send(call);
}

static const struct db_stmt product_change = {
    .name = "product_change",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS ("
           "  SELECT * FROM product"
           "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid FOR UPDATE),"
           " given AS ("
           "  SELECT old.id, coalesce($3::text, old.name) AS name, old.hwids || array("
           "           SELECT h FROM unnest($4::text[]) WITH ORDINALITY AS a (h, n)"
           "            WHERE h <> ALL (old.hwids) ORDER BY n) AS hwids FROM old),"
           " checked AS ("
           "  SELECT given.*, CASE"
           "    WHEN EXISTS (SELECT 1 FROM product o WHERE o.tenant_id = $1 AND o.name = given.name"
           "                    AND o.id <> given.id) THEN slipway_refuse('SL409',"
           "      format('a product named ''%s'' exists already', given.name))"
           "    WHEN cardinality(given.hwids) > $5::bigint THEN slipway_refuse('SL409',"
           "      format('the product would have %s hardware ids, %s at most',"
           "             cardinality(given.hwids), $5))"
           "    ELSE true END AS ok FROM given),"
           " made AS ("
           "  UPDATE product p SET name = checked.name, hwids = checked.hwids"
           "    FROM checked WHERE p.id = checked.id AND checked.ok"
           "  RETURNING p.*),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'product' FROM made),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($6::bigint, $7::text, 'product.write',"
           "           'product ' || made.public_id, made.id, NULL, to_jsonb(old), to_jsonb(made))"
           "         AS seq FROM made, old)"
           " SELECT " PRODUCT_JSON " FROM made, audited",
};

void store_product_change(struct db *db, const char *id, const struct store_product *change,
                          int64_t hwid_max, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &product_change, done, arg);

    db_bind_i64(call, change->actor->tenant_id);
    db_bind_text(call, id);
    db_bind_text(call, change->name);
    db_bind_text_array(call, change->hwids, change->hwid_count);
    db_bind_i64(call, hwid_max);
    store_actor_bind(call, change->actor);
    db_send(call);
}

static const struct db_stmt product_list = {
    .name = "product_list",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT id, " PRODUCT_JSON " AS item"
                      "  FROM product"
                      " WHERE tenant_id = $1::bigint AND id > $2::bigint"
                      "   AND ($4::text IS NULL OR name = $4)"),
};

void store_product_list(struct db *db, const struct store_page *page, const char *name,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &product_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, name);
    db_send(call);
}

static const struct db_stmt product_get = {
    .name = "product_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " PRODUCT_JSON " FROM product WHERE tenant_id = $1 AND public_id = $2::uuid",
};

void store_product_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &product_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_send(call);
}

const struct db_stmt *const store_product_statements[] = {&product_create, &product_change,
                                                          &product_list, &product_get, NULL};
