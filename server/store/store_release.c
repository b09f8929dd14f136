/*
 * A release is made of images that are stored, so a deployment of it can never wait for bytes.
 * A new one has no deltas_planned_at: the delta planner takes it up (store_delta.c).
 */
#include "server/store/store_release.h"

#define PART_JSON                                                                                  \
    "json_build_object('sha256', encode(i.sha256, 'hex'), 'length', i.length,"                     \
    " 'version', i.version, 'component', c.name, 'hwids', to_json(i.hwids),"                       \
    " 'type', c.type, 'release_counter', i.release_counter, 'security_epoch', i.security_epoch,"   \
    " 'floor', i.floor, 'stepping_stone', i.stepping_stone, 'requires', i.requires,"               \
    " 'revert_to', to_json(i.revert_to))"
#define RELEASE_JSON(images)                                                                       \
    "json_build_object('id', r.public_id, 'name', r.name, 'product', p.name,"                      \
    " 'product_id', p.public_id, 'notes', r.notes, 'exact', r.is_exact,"                           \
    " 'reversible', r.is_reversible, 'assumes', r.assumes, 'images', " images                      \
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

/* What an image requires, of each hardware that it is for, is in the release or assumed. */
#define LACKING                                                                                    \
    "SELECT encode(w.sha256, 'hex') AS hex, q.wants, q.least, h.has"                               \
    "  FROM wanted w, LATERAL (SELECT r ->> 'type' || '/' || (r ->> 'name') AS wants,"             \
    "                                 (r ->> 'min_counter')::bigint AS least"                      \
    "                            FROM jsonb_array_elements(w.requires) AS r) AS q,"                \
    "       LATERAL (SELECT max(o.release_counter) AS has FROM wanted o"                           \
    "                 WHERE o.type || '/' || o.name = q.wants AND o.hwids @> w.hwids) AS h"        \
    " WHERE greatest(h.has, ($10::jsonb ->> q.wants)::bigint) IS NULL"                             \
    "    OR greatest(h.has, ($10 ->> q.wants)::bigint) < q.least"                                  \
    " LIMIT 1"

/* The baselines of the product's groups that an older image of the release's components is, and
 * that the release's image does not allow to go back to. */
#define STUCK                                                                                      \
    "SELECT encode(w.sha256, 'hex') AS hex, b.release_counter AS counter, g.name"                  \
    "  FROM wanted w JOIN device_group g ON g.product_id = w.product_id AND g.deleted_at IS NULL"  \
    "  JOIN deployment d ON d.id = g.baseline_deployment_id"                                       \
    "  JOIN release_image ri ON ri.release_id = d.release_id"                                      \
    "  JOIN image b ON b.id = ri.image_id AND b.component_id = w.component_id"                     \
    "   AND b.hwids && w.hwids AND b.release_counter < w.release_counter"                          \
    " WHERE NOT (b.release_counter = ANY (w.revert_to)"                                            \
    "            AND coalesce(w.revert_until > now(), false))"                                     \
    " ORDER BY g.id LIMIT 1"

static const struct db_stmt release_create = {
    .name = "release_create",
    .params = 10,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH goal AS ("
           "  SELECT coalesce((SELECT id FROM product"
           "                    WHERE tenant_id = $1::bigint AND public_id = $2::uuid),"
           "                  slipway_missing('product')) AS product_id),"
           " wanted AS ("
           "  SELECT given.sha256, i.id, i.component_id, i.hwids, i.release_counter, i.requires,"
           "         i.revert_to, i.revert_until, c.product_id, c.type, c.name"
           "    FROM unnest($5::bytea[]) AS given (sha256)"
           "    LEFT JOIN image i ON i.tenant_id = $1 AND i.sha256 = given.sha256"
           "                     AND i.removed_at IS NULL"
           "    LEFT JOIN component c ON c.id = i.component_id),"
           " missing AS (SELECT encode(sha256, 'hex') AS hex FROM wanted WHERE id IS NULL LIMIT 1),"
           " foreigner AS (SELECT encode(w.sha256, 'hex') AS hex FROM wanted w, goal"
           "                WHERE w.product_id <> goal.product_id LIMIT 1),"
           " twin AS (SELECT encode(a.sha256, 'hex') AS hex, encode(b.sha256, 'hex') AS other"
           "            FROM wanted a JOIN wanted b ON b.component_id = a.component_id"
           "             AND b.id > a.id AND b.hwids && a.hwids LIMIT 1),"
           " lacking AS (" LACKING "),"
           " stuck AS (" STUCK "),"
           " checked AS ("
           "  SELECT product_id, CASE"
           "    WHEN EXISTS (SELECT 1 FROM missing) THEN slipway_refuse('SL409',"
           "      format('image %s is not uploaded', (SELECT hex FROM missing)))"
           "    WHEN EXISTS (SELECT 1 FROM foreigner) THEN slipway_refuse('SL409',"
           "      format('image %s is of another product', (SELECT hex FROM foreigner)))"
           "    WHEN EXISTS (SELECT 1 FROM twin) THEN slipway_refuse('SL409',"
           "      (SELECT format('images %s and %s are for the same component and hardware',"
           "                     hex, other) FROM twin))"
           "    WHEN EXISTS (SELECT 1 FROM lacking) THEN slipway_refuse('SL409', (SELECT format("
           "      'image %s requires %s at %s: the release has %s, and nothing is assumed of it',"
           "      hex, wants, least, coalesce('it at ' || has, 'none')) FROM lacking))"
           "    WHEN $9::boolean AND EXISTS (SELECT 1 FROM stuck) THEN slipway_refuse('SL409',"
           "      (SELECT format('not reversible: image %s does not allow to go back to %s, which"
           " group ''%s'' runs', hex, counter, name) FROM stuck))"
           "    ELSE true END AS ok FROM goal),"
           " r AS ("
           "  INSERT INTO release (tenant_id, product_id, name, notes, is_exact, is_reversible,"
           "                       assumes)"
           "  SELECT $1, product_id, $3::text, $4::text, $8::boolean, $9, $10::jsonb"
           "    FROM checked WHERE ok"
           "  ON CONFLICT (product_id, name) DO NOTHING"
           "  RETURNING *),"
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
    db_bind_bool(call, release->is_exact);
    db_bind_bool(call, release->is_reversible);
    db_bind_json(call, release->assumes);
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
