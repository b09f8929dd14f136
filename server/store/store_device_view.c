/*
 * What a device is and runs. The list is one statement in several forms, because each filter that
 * finds few devices has an index of its own; the others are looked at row by row.
 */
#include "server/store/store_device_view.h"

#include "lib/base/text.h"
#include "server/store/device_json.h"

#define DEVICE_FITS                                                                                \
    "slipway_filter($14, d.attributes, d.tags, slipway_filter_fixed($14, d.hwid, d.device_id,"     \
    " d.group_id, d.tenant_id, d.installed))"

/* `found` is what the index answers; the rest holds for every form. The group is looked at in
 * any case, so that one that is not there is told. */
#define DEVICE_LIST(found)                                                                         \
    "WITH looked_at AS MATERIALIZED ("                                                             \
    "  SELECT CASE WHEN $4::uuid IS NOT NULL THEN"                                                 \
    "    coalesce((SELECT id FROM device_group WHERE tenant_id = $1::bigint"                       \
    "                 AND public_id = $4 AND deleted_at IS NULL), slipway_missing('group'))"       \
    "    END AS id)"                                                                               \
    " SELECT page.shown FROM (SELECT count(id) AS n FROM looked_at) AS looked, (" STORE_PAGE(      \
        "SELECT d.id, json_build_object(" DEVICE_FIELDS ") AS item"                                \
        "  FROM device d" DEVICE_JOIN " WHERE d.tenant_id = $1 AND d.id > $2::bigint AND " found   \
        "   AND ($4 IS NULL OR d.group_id = (SELECT id FROM looked_at))"                           \
        "   AND ($5::text IS NULL OR d.state = $5)"                                                \
        "   AND ($6::text IS NULL OR d.tags ? $6)"                                                 \
        "   AND ($7::jsonb IS NULL OR d.tags @> $7)"                                               \
        "   AND ($8::jsonb IS NULL OR d.attributes @> $8)"                                         \
        "   AND ($9::text IS NULL OR d.installed && array(SELECT i.sha256 FROM image i"            \
        "          WHERE i.tenant_id = $1 AND i.version = $9))"                                    \
        "   AND ($10::boolean IS NULL OR (d.hold_until IS NOT NULL AND d.hold_until > now()) = "   \
        "$10)"                                                                                     \
        "   AND ($11::bytea IS NULL OR d.device_id BETWEEN $11 AND $12::bytea)"                    \
        "   AND ($13::text IS NULL OR strpos(lower(d.hwid || d.tags::text || d.attributes::text)," \
        "                                    lower($13)) > 0)"                                     \
        "   AND ($14::jsonb IS NULL OR " DEVICE_FITS ")") ") AS page (shown) WHERE looked.n >= 0"

/* clang-format off */
#define FORM(title, found) \
    {.name = (title), .params = 14, .scope = DB_TENANT, .tenant_param = 1, .sql = DEVICE_LIST(found)}
static const struct db_stmt device_list              = FORM("device_list", "true");
static const struct db_stmt device_list_of_group     = FORM("device_list_of_group", "d.group_id = (SELECT id FROM looked_at)");
static const struct db_stmt device_list_not_active   = FORM("device_list_not_active", "d.state <> 'active'");
static const struct db_stmt device_list_held         = FORM("device_list_held", "d.hold_until IS NOT NULL");
static const struct db_stmt device_list_tagged       = FORM("device_list_tagged", "d.tags @> $7::jsonb");
static const struct db_stmt device_list_of_attribute = FORM("device_list_of_attribute", "d.attributes @> $8::jsonb");
static const struct db_stmt device_list_named        = FORM("device_list_named", "d.device_id BETWEEN $11 AND $12");
/* clang-format on */

static const struct db_stmt *form_of(const struct store_device_filter *filter)
{
    if (filter->has_prefix)
        return &device_list_named;
    if (filter->tag_value)
        return &device_list_tagged;
    if (filter->attribute)
        return &device_list_of_attribute;
    if (filter->state && !text_equal(filter->state, "active"))
        return &device_list_not_active;
    if (filter->held == STORE_YES)
        return &device_list_held;
    return filter->group ? &device_list_of_group : &device_list;
}

void store_device_list(struct db *db, const struct store_page *page,
                       const struct store_device_filter *filter, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, form_of(filter), done, arg);

    store_page_bind(call, page);
    db_bind_text(call, filter->group);
    db_bind_text(call, filter->state);
    db_bind_text(call, filter->tag);
    db_bind_json(call, filter->tag_value);
    db_bind_json(call, filter->attribute);
    db_bind_text(call, filter->version);
    if (filter->held == STORE_EITHER)
        db_bind_null(call);
    else
        db_bind_bool(call, filter->held == STORE_YES);
    db_bind_bytes(call, filter->has_prefix ? filter->first : NULL, HASH_BYTES);
    db_bind_bytes(call, filter->has_prefix ? filter->last : NULL, HASH_BYTES);
    db_bind_text(call, filter->words);
    db_bind_json(call, filter->program);
    db_send(call);
}

static const struct db_stmt device_get = {
    .name = "device_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object(" DEVICE_FIELDS ", 'product_id', p.public_id,"
           " 'attributes', d.attributes, 'failures', d.failures,"
           " 'penalty_until', CASE WHEN d.penalty_until > now()"
           "                       THEN slipway_time(d.penalty_until) END,"
           " 'deployments', (SELECT coalesce(json_agg(item ORDER BY id DESC), '[]') FROM ("
           "     SELECT m.id, json_build_object('id', m.public_id, 'release', r.name,"
           "            'deployment_state', m.state, 'phase', dd.phase, 'state', dd.state,"
           "            'reason', dd.reason, 'detail', dd.detail,"
           "            'fetched_bytes', dd.fetched_bytes,"
           "            'offered', slipway_time(dd.offered_at),"
           "            'activated', slipway_time(dd.activated_at),"
           "            'updated', slipway_time(dd.updated_at)) AS item"
           "       FROM deployment_device dd JOIN deployment m ON m.id = dd.deployment_id"
           "       JOIN release r ON r.id = m.release_id"
           "      WHERE dd.device_id = d.id ORDER BY m.id DESC LIMIT 20) AS newest),"
           " 'reports', (SELECT coalesce(json_agg(item ORDER BY received_at DESC, seq DESC), '[]')"
           "   FROM (SELECT t.received_at, t.seq, json_build_object('state', t.state,"
           "            'reason', t.reason, 'detail', t.detail,"
           "            'image', encode(t.image, 'hex'), 'time', slipway_time(t.device_time),"
           "            'received', slipway_time(t.received_at)) AS item"
           "       FROM report t WHERE t.device_id = d.id"
           "      ORDER BY t.received_at DESC, t.seq DESC LIMIT 20) AS newest))"
           "  FROM device d" DEVICE_JOIN " WHERE d.tenant_id = $1 AND d.device_id = $2",
};

void store_device_get(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                      db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, device_id, HASH_BYTES);
    db_send(call);
}

static const struct db_stmt device_director = {
    .name = "device_director",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object('assignment', h.assignment,"
           " 'is_current', h.assignment = d.assignment, 'signed', slipway_time(h.signed_at),"
           " 'timestamp_version', h.timestamp_version,"
           " 'targets', convert_from(h.targets, 'UTF8')::json -> 'signed')"
           "  FROM device d JOIN director_head h ON h.device_id = d.id"
           " WHERE d.tenant_id = $1::bigint AND d.device_id = $2::bytea",
};

void store_device_director(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                           db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_director, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_bytes(call, device_id, HASH_BYTES);
    db_send(call);
}

const struct db_stmt *const store_device_view_statements[] = {&device_list,
                                                              &device_list_of_group,
                                                              &device_list_not_active,
                                                              &device_list_held,
                                                              &device_list_tagged,
                                                              &device_list_of_attribute,
                                                              &device_list_named,
                                                              &device_get,
                                                              &device_director,
                                                              NULL};
