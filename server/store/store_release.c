/*
 * A release is made of images that are stored, so a deployment of it can never wait for bytes.
 * A new one has no deltas_planned_at: the delta planner takes it up (store_delta.c).
 */
#include "server/store/store_release.h"

#define PART_JSON                                                                                  \
    "json_build_object('sha256', encode(i.sha256, 'hex'), 'length', i.length,"                     \
    " 'version', i.version, 'component', c.name, 'hwids', to_json(i.hwids),"                       \
    " 'release_counter', i.release_counter)"
#define RELEASE_JSON(images)                                                                       \
    "json_build_object('id', r.public_id, 'name', r.name, 'product', p.name,"                      \
    " 'product_id', p.public_id, 'notes', r.notes, 'images', " images                              \
    ", 'created', slipway_time(r.created_at))"
#define WANTED_PARTS                                                                               \
    "(SELECT json_agg(" PART_JSON " ORDER BY i.id)"                                                \
    "   FROM wanted w JOIN image i ON i.id = w.id"                                                 \
    "   JOIN component c ON c.id = i.component_id)"
#define STORED_PARTS                                                                               \
    "(SELECT json_agg(" PART_JSON " ORDER BY i.id)"                                                \
    "   FROM release_image ri JOIN image i ON i.id = ri.image_id"                                  \
    "   JOIN component c ON c.id = i.component_id WHERE ri.release_id = r.id)"

#define RELEASE_SHOWN RELEASE_JSON(STORED_PARTS)
#define RELEASE_MADE RELEASE_JSON(WANTED_PARTS)

static const struct db_stmt release_create = {
    .name = "release_create",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH goal AS ("
           "  SELECT coalesce((SELECT id FROM product"
           "                    WHERE tenant_id = $1::bigint AND public_id = $2::uuid),"
           "                  slipway_missing('product')) AS product_id),"
           " wanted AS ("
           "  SELECT given.sha256, i.id, i.component_id, i.hwids, c.product_id"
           "    FROM unnest($5::bytea[]) AS given (sha256)"
           "    LEFT JOIN image i ON i.tenant_id = $1 AND i.sha256 = given.sha256"
           "    LEFT JOIN component c ON c.id = i.component_id),"
           " missing AS (SELECT encode(sha256, 'hex') AS hex FROM wanted WHERE id IS NULL LIMIT 1),"
           " foreigner AS (SELECT encode(w.sha256, 'hex') AS hex FROM wanted w, goal"
           "                WHERE w.product_id <> goal.product_id LIMIT 1),"
           " twin AS (SELECT encode(a.sha256, 'hex') AS hex, encode(b.sha256, 'hex') AS other"
           "            FROM wanted a JOIN wanted b ON b.component_id = a.component_id"
           "             AND b.id > a.id AND b.hwids && a.hwids LIMIT 1),"
           " checked AS ("
           "  SELECT product_id, CASE"
           "    WHEN EXISTS (SELECT 1 FROM missing) THEN slipway_refuse('SL409',"
           "      format('image %s is not uploaded', (SELECT hex FROM missing)))"
           "    WHEN EXISTS (SELECT 1 FROM foreigner) THEN slipway_refuse('SL409',"
           "      format('image %s is of another product', (SELECT hex FROM foreigner)))"
           "    WHEN EXISTS (SELECT 1 FROM twin) THEN slipway_refuse('SL409',"
           "      (SELECT format('images %s and %s are for the same component and hardware',"
           "                     hex, other) FROM twin))"
           "    ELSE true END AS ok FROM goal),"
           " r AS ("
           "  INSERT INTO release (tenant_id, product_id, name, notes)"
           "  SELECT $1, product_id, $3::text, $4::text FROM checked WHERE ok"
           "  ON CONFLICT (product_id, name) DO NOTHING"
           "  RETURNING id, public_id, product_id, name, notes, created_at),"
           " parts AS ("
           "  INSERT INTO release_image (release_id, image_id, tenant_id)"
           "  SELECT r.id, wanted.id, $1 FROM r, wanted),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'release' FROM r),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($6::bigint, $7::text, 'release.write', 'release ' || public_id,"
           "           product_id, NULL, NULL, to_jsonb(r) || jsonb_build_object('images',"
           "             (SELECT jsonb_agg(encode(sha256, 'hex') ORDER BY sha256) FROM wanted)))"
           "           AS seq FROM r)"
           " SELECT " RELEASE_MADE "   FROM audited, r JOIN product p ON p.id = r.product_id",
};

void store_release_create(struct db *db, const struct store_release *release, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &release_create, done, arg);

    db_bind_i64(call, release->actor->tenant_id);
    db_bind_text(call, release->product);
    db_bind_text(call, release->name);
    db_bind_text(call, release->notes);
    db_bind_bytes_array(call, release->images, release->image_count);
    store_actor_bind(call, release->actor);
    db_send(call);
}

static const struct db_stmt release_list = {
    .name = "release_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT r.id, " RELEASE_SHOWN " AS item"
                      "  FROM release r JOIN product p ON p.id = r.product_id"
                      " WHERE r.tenant_id = $1::bigint AND r.id > $2::bigint"
                      "   AND ($4::uuid IS NULL OR p.public_id = $4)"
                      "   AND ($5::text IS NULL OR r.name = $5)"),
};

void store_release_list(struct db *db, const struct store_page *page, const char *product,
                        const char *name, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &release_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, product);
    db_bind_text(call, name);
    db_send(call);
}

static const struct db_stmt release_get = {
    .name = "release_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " RELEASE_SHOWN "  FROM release r JOIN product p ON p.id = r.product_id"
           " WHERE r.tenant_id = $1 AND r.public_id = $2::uuid",
};

void store_release_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &release_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_send(call);
}

const struct db_stmt *const store_release_statements[] = {&release_create, &release_list,
                                                          &release_get, NULL};
