/*
 * A filter that is not asked for is `NULL IS NULL`, which PostgreSQL folds away when it plans, so
 * every combination walks the index that fits and stops at the page's end. What is looked up once
 * stands in a sub-select of its own for the same reason.
 */
#include "server/store/store_event_view.h"

#include "lib/crypto/hash.h"

/* $4 group, $5 device, $6 release, $7 image */
#define ONE(table, column, value)                                                                  \
    "(SELECT coalesce((SELECT id FROM " table " WHERE tenant_id = $1 AND " column " = " value      \
    "), slipway_missing('" table "')))"
#define GROUP_ID                                                                                   \
    "(SELECT coalesce((SELECT id FROM device_group WHERE tenant_id = $1 AND public_id = $4),"      \
    " slipway_missing('group')))"
#define IMAGES_OF_RELEASE                                                                          \
    "ARRAY(SELECT i.sha256 FROM release_image ri JOIN image i ON i.id = ri.image_id"               \
    "       WHERE ri.release_id = " ONE("release", "public_id", "$6") ")"

/* All filters but the release. */
#define FITS                                                                                       \
    "e.tenant_id = $1::bigint AND ($2::bigint = 0 OR e.id < $2)"                                   \
    " AND ($4::uuid IS NULL OR e.group_id = " GROUP_ID ")"                                         \
    " AND ($5::bytea IS NULL OR e.device_id = " ONE(                                               \
        "device", "device_id",                                                                     \
        "$5") ")"                                                                                  \
              " AND ($7::bytea IS NULL OR e.image = $7)"                                           \
              " AND ($8::uuid IS NULL OR e.signature = (SELECT s.signature FROM issue s"           \
              "       WHERE s.id = " ONE(                                                          \
                  "issue", "public_id",                                                            \
                  "$8") "))"                                                                       \
                        " AND ($9::text IS NULL OR e.category = $9) AND ($10::text IS NULL OR "    \
                        "e.class = $10)"                                                           \
                        " AND ($11::timestamptz IS NULL OR (e.day >= ($11 AT TIME ZONE "           \
                        "'UTC')::date"                                                             \
                        "                                   AND e.received_at >= $11))"            \
                        " AND ($12::timestamptz IS NULL OR (e.day <= ($12 AT TIME ZONE "           \
                        "'UTC')::date"                                                             \
                        "                                   AND e.received_at < $12))"
#define NEWEST " ORDER BY e.id DESC LIMIT $3::bigint + 1"

#define OF_ALL "event e WHERE $6::uuid IS NULL AND " FITS
/* A walk for each image of the release, and then the newest of them all. */
#define OF_RELEASE                                                                                 \
    "unnest(" IMAGES_OF_RELEASE ") AS k (sha256) CROSS JOIN LATERAL ("                             \
    "  SELECT e.* FROM event e WHERE e.image = k.sha256 AND " FITS NEWEST ") AS e"

#define FOUND(from)                                                                                \
    "WITH found AS MATERIALIZED ("                                                                 \
    "  SELECT e.*, row_number() OVER (ORDER BY e.id DESC) AS n FROM " from NEWEST "),"             \
    " shown AS ("                                                                                  \
    "  SELECT f.*, encode(v.device_id, 'hex') AS device, g.public_id AS group_uuid,"               \
    "         g.name AS group_name, i.version, s.public_id AS issue, a.stored_at"                  \
    "    FROM found f JOIN device v ON v.id = f.device_id"                                         \
    "    JOIN device_group g ON g.id = f.group_id"                                                 \
    "    LEFT JOIN image i ON i.tenant_id = f.tenant_id AND i.sha256 = f.image"                    \
    "    LEFT JOIN issue s ON s.tenant_id = f.tenant_id AND s.signature = f.signature"             \
    "    LEFT JOIN event_attachment a ON a.device_id = f.device_id"                                \
    "     AND a.sha256 = f.attachment_sha256)"

#define NEXT "CASE WHEN count(*) > $3 THEN (min(id) FILTER (WHERE n <= $3))::text END"

#define ITEM                                                                                       \
    "json_build_object('id', id::text, 'received', slipway_time(received_at), 'device', device,"   \
    "  'group', group_uuid, 'group_name', group_name, 'category', category, 'class', class,"       \
    "  'component', component, 'count', count, 'start', slipway_time(started_at),"                 \
    "  'end', slipway_time(ended_at), 'clock_moved', is_moved, 'planned', is_planned,"             \
    "  'image', encode(image, 'hex'), 'version', version, 'exit_status', exit_status,"             \
    "  'signal', signal, 'summary', summary, 'backtrace', backtrace, 'issue', issue,"              \
    "  'attachment', CASE WHEN attachment_sha256 IS NOT NULL THEN json_build_object("              \
    "    'kind', attachment_kind, 'sha256', encode(attachment_sha256, 'hex'),"                     \
    "    'length', attachment_length, 'stored', stored_at IS NOT NULL) END)"

#define LINE                                                                                       \
    "concat_ws(',', id, slipway_time(received_at), device, slipway_csv(group_name), category,"     \
    "  class, slipway_csv(component), count, slipway_time(started_at), slipway_time(ended_at),"    \
    "  is_moved, is_planned, coalesce(encode(image, 'hex'), ''), slipway_csv(version),"            \
    "  coalesce(exit_status::text, ''), coalesce(signal::text, ''), slipway_csv(summary),"         \
    "  coalesce(issue::text, ''), coalesce(encode(attachment_sha256, 'hex'), ''))"

#define AS_JSON                                                                                    \
    " SELECT json_build_object("                                                                   \
    "   'items', coalesce(json_agg(" ITEM " ORDER BY n) FILTER (WHERE n <= $3), '[]'),"            \
    "   'next', " NEXT ") FROM shown"
#define AS_LINES                                                                                   \
    " SELECT coalesce(string_agg(" ITEM "::jsonb::text || E'\\n', '' ORDER BY n)"                  \
    "                 FILTER (WHERE n <= $3), ''), " NEXT " FROM shown"
#define AS_CSV                                                                                     \
    " SELECT coalesce(string_agg(" LINE " || E'\\r\\n', '' ORDER BY n)"                            \
    "                 FILTER (WHERE n <= $3), ''), " NEXT " FROM shown"

#define STATEMENT(word, text)                                                                      \
    static const struct db_stmt word = {                                                           \
        .name = #word, .params = 12, .scope = DB_TENANT, .tenant_param = 1, .sql = (text)}
STATEMENT(event_list, FOUND(OF_ALL) AS_JSON);
STATEMENT(event_lines, FOUND(OF_ALL) AS_LINES);
STATEMENT(event_csv, FOUND(OF_ALL) AS_CSV);
STATEMENT(event_list_of_release, FOUND(OF_RELEASE) AS_JSON);
STATEMENT(event_lines_of_release, FOUND(OF_RELEASE) AS_LINES);
STATEMENT(event_csv_of_release, FOUND(OF_RELEASE) AS_CSV);

static void bind_time_if(struct db_call *call, int64_t time_ms)
{
    if (time_ms == 0)
        db_bind_null(call);
    else
        db_bind_time_ms(call, time_ms);
}

void store_event_list(struct db *db, const struct store_event_query *query,
                      enum store_event_form form, db_done_fn *done, void *arg)
{
    static const struct db_stmt *const forms[][2] = {
        [STORE_EVENT_JSON] = {&event_list, &event_list_of_release},
        [STORE_EVENT_LINES] = {&event_lines, &event_lines_of_release},
        [STORE_EVENT_CSV] = {&event_csv, &event_csv_of_release},
    };
    struct db_call *call = db_call_new(db, forms[form][query->release != NULL], done, arg);

    db_bind_i64(call, query->tenant_id);
    db_bind_i64(call, query->before);
    db_bind_i64(call, query->limit);
    db_bind_text(call, query->group);
    db_bind_bytes(call, query->device, query->device ? HASH_BYTES : 0);
    db_bind_text(call, query->release);
    db_bind_bytes(call, query->image, query->image ? HASH_BYTES : 0);
    db_bind_text(call, query->issue);
    db_bind_text(call, query->category);
    db_bind_text(call, query->class);
    bind_time_if(call, query->since_ms);
    bind_time_if(call, query->until_ms);
    db_send(call);
}

/* At most a row for each day, category and class of the time that is asked for. */
static const struct db_stmt event_days = {
    .name = "event_days",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object('items', coalesce(json_agg(json_build_object("
           "         'day', day, 'category', category, 'class', class, 'planned', is_planned,"
           "         'events', events, 'count', count, 'devices', devices, 'uptime_s', uptime_s)"
           "         ORDER BY day, category, class, is_planned), '[]'))"
           "  FROM (SELECT day, category, class, is_planned, sum(events) AS events,"
           "               sum(count) AS count, sum(devices) AS devices, sum(uptime_s) AS uptime_s"
           "          FROM event_day e"
           "         WHERE e.tenant_id = $1::bigint AND e.day >= ($2::timestamptz AT TIME ZONE "
           "'UTC')::date"
           "           AND e.day <= ($3::timestamptz AT TIME ZONE 'UTC')::date"
           "           AND ($4::uuid IS NULL OR e.group_id = " GROUP_ID ")"
           "           AND ($5::bytea IS NULL OR e.image = $5)"
           "           AND ($6::text IS NULL OR e.category = $6)"
           "         GROUP BY day, category, class, is_planned) AS days",
};

void store_event_days(struct db *db, const struct store_event_query *query, db_done_fn *done,
                      void *arg)
{
    struct db_call *call = db_call_new(db, &event_days, done, arg);

    db_bind_i64(call, query->tenant_id);
    db_bind_time_ms(call, query->since_ms);
    db_bind_time_ms(call, query->until_ms);
    db_bind_text(call, query->group);
    db_bind_bytes(call, query->image, query->image ? HASH_BYTES : 0);
    db_bind_text(call, query->category);
    db_send(call);
}

const struct db_stmt *const store_event_view_statements[] = {
    &event_list,
    &event_lines,
    &event_csv,
    &event_list_of_release,
    &event_lines_of_release,
    &event_csv_of_release,
    &event_days,
    NULL,
};
