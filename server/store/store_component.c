/* A product has one component of type os at most; an index of the schema says so too. */
#include "server/store/store_component.h"

#define COMPONENT_JSON                                                                             \
    "json_build_object('id', c.public_id, 'type', c.type, 'name', c.name, 'product', p.name,"      \
    " 'product_id', p.public_id, 'created', slipway_time(c.created_at))"

static const struct db_stmt component_create = {
    .name = "component_create",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH c AS ("
        "  INSERT INTO component (tenant_id, product_id, type, name)"
        "  SELECT $1::bigint, coalesce((SELECT id FROM product"
        "                                WHERE tenant_id = $1 AND public_id = $2::uuid),"
        "                              slipway_missing('product')), $3::text, $4::text"
        "  ON CONFLICT DO NOTHING"
        "  RETURNING public_id, product_id, type, name, created_at),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'component' FROM c),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($5::bigint, $6::text, 'component.write', 'component ' || public_id,"
        "                       product_id, NULL, NULL, to_jsonb(c)) AS seq FROM c)"
        " SELECT " COMPONENT_JSON "   FROM audited, c JOIN product p ON p.id = c.product_id",
};

void store_component_create(struct db *db, const struct store_component *component,
                            db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &component_create, done, arg);

    db_bind_i64(call, component->actor->tenant_id);
    db_bind_text(call, component->product);
    db_bind_text(call, component->type);
    db_bind_text(call, component->name);
    store_actor_bind(call, component->actor);
    db_send(call);
}

static const struct db_stmt component_list = {
    .name = "component_list",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT c.id, " COMPONENT_JSON " AS item"
                      "  FROM component c JOIN product p ON p.id = c.product_id"
                      " WHERE c.tenant_id = $1::bigint AND c.id > $2::bigint"
                      "   AND ($4::text IS NULL OR c.name = $4)"
                      "   AND ($5::text IS NULL OR c.type = $5)"
                      "   AND ($6::uuid IS NULL OR p.public_id = $6)"),
};

void store_component_list(struct db *db, const struct store_page *page,
                          const struct store_component_filter *filter, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &component_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, filter->name);
    db_bind_text(call, filter->type);
    db_bind_text(call, filter->product);
    db_send(call);
}

const struct db_stmt *const store_component_statements[] = {&component_create, &component_list,
                                                            NULL};
