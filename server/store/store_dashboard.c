/*
 * The groups that are asked for come first (`g`), at most a tenant's; everything else is looked up
 * by group. A look at a group stands until the next one, so the state at a moment is the newest
 * look before it.
 */
#include "server/store/store_dashboard.h"

#define SCOPE                                                                                      \
    "WITH g AS MATERIALIZED ("                                                                     \
    "  SELECT o.id, o.public_id, o.name, p.name AS product, p.public_id AS product_id"             \
    "    FROM device_group o JOIN product p ON p.id = o.product_id"                                \
    "   WHERE o.tenant_id = $1::bigint AND o.deleted_at IS NULL"                                   \
    "     AND ($2::uuid IS NULL OR p.public_id = $2) AND ($3::uuid IS NULL OR o.public_id = $3))"

/* Asked for something that is not there? Then no row. */
#define WHERE_SCOPE " WHERE ($2 IS NULL AND $3 IS NULL) OR EXISTS (SELECT 1 FROM g)"

#define LATEST                                                                                     \
    " latest AS MATERIALIZED ("                                                                    \
    "  SELECT g.*, v.at, v.counts, v.classes FROM g"                                               \
    "   CROSS JOIN LATERAL (SELECT * FROM version_count c WHERE c.group_id = g.id"                 \
    "                        ORDER BY c.at DESC LIMIT 1) AS v)"

static void bind_scope(struct db_call *call, const struct store_dashboard_scope *scope)
{
    db_bind_i64(call, scope->tenant_id);
    db_bind_text(call, scope->product);
    db_bind_text(call, scope->group);
}

static void bind_history(struct db_call *call, const struct store_dashboard_scope *scope)
{
    bind_scope(call, scope);
    db_bind_time_ms(call, scope->since_ms);
    db_bind_time_ms(call, scope->until_ms);
    db_bind_i64(call, scope->points);
}

/* --- a deployment --------------------------------------------------------------------------------
 */

#define PHASES                                                                                     \
    "(SELECT coalesce(json_agg(json_build_object('phase', p.phase,"                                \
    "          'percent_of_fleet', p.share_milli / 1000.0, 'devices', p.device_count,"             \
    "          'filter', p.filter,"                                                                \
    "          'states', (SELECT coalesce(json_agg(json_build_object('state', c.state,"            \
    "                              'count', c.n) ORDER BY slipway_rank(c.state), c.state), '[]')"  \
    "                       FROM deployment_counter c WHERE c.deployment_id = d.id"                \
    "                        AND c.phase = p.phase AND c.state <> 'touched' AND c.n <> 0),"        \
    "          'granted', (SELECT coalesce(sum(c.n), 0) FROM deployment_counter c"                 \
    "                       WHERE c.deployment_id = d.id AND c.phase = p.phase"                    \
    "                         AND c.state <> 'touched'),"                                          \
    "          'fetched', (SELECT coalesce(sum(c.n), 0) FROM deployment_counter c"                 \
    "                       WHERE c.deployment_id = d.id AND c.phase = p.phase AND c.state IN"     \
    "                        ('staged', 'activating', 'verifying', 'succeeded', 'rolled-back')),"  \
    "          'touched', (SELECT coalesce(sum(c.n), 0) FROM deployment_counter c"                 \
    "                       WHERE c.deployment_id = d.id AND c.phase = p.phase"                    \
    "                         AND c.state = 'touched')) ORDER BY p.phase), '[]')"                  \
    "   FROM deployment_phase p WHERE p.deployment_id = d.id)"

#define STRATA                                                                                     \
    "(SELECT coalesce(json_agg(json_build_object('stratum', t.stratum, 'hwid', t.hwid,"            \
    "          'source', encode(t.source, 'hex'), 'granted', t.granted, 'touched', t.touched,"     \
    "          'open', t.open, 'halted', t.halted, 'verdicts', json_build_array("                  \
    "            json_build_object('verdict', 'succeeded', 'count', t.succeeded),"                 \
    "            json_build_object('verdict', 'failed', 'count', t.failed),"                       \
    "            json_build_object('verdict', 'device', 'count', t.device),"                       \
    "            json_build_object('verdict', 'server', 'count', t.server))) ORDER BY t.stratum)," \
    "  '[]') FROM deployment_stratum t WHERE t.deployment_id = d.id)"

static const struct db_stmt dashboard_progress = {
    .name = "dashboard_progress",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object('deployment', d.public_id, 'group', g.name,"
           "         'release', r.name, 'state', d.state, 'reason', d.state_reason,"
           "         'phase', d.phase, 'started', slipway_time(d.created_at),"
           "         'ended', slipway_time(d.ended_at), 'phases', " PHASES ", 'strata', " STRATA ","
           "         'history', (SELECT coalesce(json_agg(json_build_object("
           "                        'at', slipway_time(h.at), 'phase', h.phase, 'state', h.state,"
           "                        'phases', h.counters, 'strata', h.strata) ORDER BY h.at), '[]')"
           "            FROM (SELECT * FROM deployment_history o WHERE o.deployment_id = d.id"
           "                     AND o.at >= $3::timestamptz AND o.at <= $4::timestamptz"
           "                   ORDER BY o.at DESC LIMIT $5::bigint) AS h))"
           "  FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "  JOIN release r ON r.id = d.release_id"
           " WHERE d.tenant_id = $1::bigint AND d.public_id = $2::uuid",
};

void store_dashboard_progress(struct db *db, const struct store_dashboard_scope *scope,
                              const char *deployment, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &dashboard_progress, done, arg);

    db_bind_i64(call, scope->tenant_id);
    db_bind_text(call, deployment);
    db_bind_time_ms(call, scope->since_ms);
    db_bind_time_ms(call, scope->until_ms);
    db_bind_i64(call, scope->points);
    db_send(call);
}

/* --- versions -----------------------------------------------------------------------------------
 */

/* The operating systems among the images that looks name, by version; the devices whose image
 * nobody knows make it whole. All moments are told in one pass, the newest look as the last. */
/* clang-format off */
static const struct db_stmt dashboard_versions = {
    .name = "dashboard_versions",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = SCOPE "," LATEST ","
           " os_image AS MATERIALIZED ("
           "  SELECT encode(i.sha256, 'hex') AS hex, i.version, i.release_counter"
           "    FROM image i JOIN component c ON c.id = i.component_id AND c.type = 'os'"
           "   WHERE i.tenant_id = $1),"
           " moment AS MATERIALIZED (" /* else row security keeps the sum out of the index */
           "  SELECT $4::timestamptz + n * (($5::timestamptz - $4) / $6::integer) AS at"
           "    FROM generate_series(1, $6) AS n),"
           " look AS MATERIALIZED ("
           "  SELECT 'infinity'::timestamptz AS moment, counts, classes FROM latest"
           "  UNION ALL"
           "  SELECT m.at, v.counts, v.classes FROM moment m CROSS JOIN g"
           "   CROSS JOIN LATERAL (SELECT c.counts, c.classes FROM version_count c"
           "     WHERE c.group_id = g.id AND c.at <= m.at ORDER BY c.at DESC LIMIT 1) AS v),"
           " known AS MATERIALIZED ("
           "  SELECT l.moment, i.version, i.release_counter, sum(c.n::bigint) AS n"
           "    FROM look l CROSS JOIN LATERAL jsonb_each_text(l.counts) AS c (hex, n)"
           "    JOIN os_image i ON i.hex = c.hex"
           "   GROUP BY l.moment, i.version, i.release_counter),"
           " whole AS ("
           "  SELECT l.moment, sum(k.n::bigint) AS n"
           "    FROM look l CROSS JOIN LATERAL jsonb_each_text(l.classes) AS k (word, n)"
           "   GROUP BY l.moment),"
           " told AS MATERIALIZED ("
           "  SELECT o.moment, json_agg(json_build_object('version', o.version,"
           "           'release_counter', o.release_counter, 'count', o.n)"
           "           ORDER BY o.release_counter DESC NULLS LAST, o.version) AS versions"
           "    FROM (SELECT moment, version, release_counter, n FROM known"
           "          UNION ALL"
           "          SELECT w.moment, NULL, NULL, w.n - coalesce(k.n, 0)"
           "            FROM whole w LEFT JOIN (SELECT moment, sum(n) AS n FROM known"
           "                                     GROUP BY moment) AS k ON k.moment = w.moment"
           "           WHERE w.n > coalesce(k.n, 0)) AS o"
           "   GROUP BY o.moment)"
           " SELECT json_build_object("
           "    'as_of', (SELECT slipway_time(max(at)) FROM latest),"
           "    'versions', coalesce((SELECT versions FROM told WHERE moment = 'infinity'), '[]'),"
           "    'history', (SELECT coalesce(json_agg(json_build_object("
           "        'at', slipway_time(m.moment), 'versions', coalesce(t.versions, '[]'))"
           "        ORDER BY m.moment), '[]')"
           "      FROM (SELECT DISTINCT moment FROM look WHERE moment < 'infinity') AS m"
           "      LEFT JOIN told t ON t.moment = m.moment))" WHERE_SCOPE,
};
/* clang-format on */

void store_dashboard_versions(struct db *db, const struct store_dashboard_scope *scope,
                              db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &dashboard_versions, done, arg);

    bind_history(call, scope);
    db_send(call);
}

/* --- health -------------------------------------------------------------------------------------
 */

#define CLASSES(source)                                                                            \
    "(SELECT coalesce(json_agg(json_build_object('class', word, 'count', n)"                       \
    "                          ORDER BY place), '[]')"                                             \
    "   FROM (SELECT k.word, k.place, coalesce(sum((s.classes ->> k.word)::bigint), 0) AS n"       \
    "           FROM unnest(ARRAY['online', 'quiet', 'failing', 'held', 'quarantined'])"           \
    "                WITH ORDINALITY AS k (word, place) LEFT JOIN " source " AS s ON true"         \
    "          GROUP BY k.word, k.place) AS o)"

#define TOTAL(source)                                                                              \
    "(SELECT coalesce(sum(k.n::bigint), 0) FROM " source " AS s"                                   \
    "  CROSS JOIN LATERAL jsonb_each_text(s.classes) AS k (word, n))"

#define CLASSES_NOW CLASSES("latest")
#define TOTAL_NOW TOTAL("latest")
#define CLASSES_OF_ONE CLASSES("(SELECT m.classes)")
#define TOTAL_OF_ONE TOTAL("(SELECT m.classes)")

/* clang-format off */
static const struct db_stmt dashboard_health = {
    .name = "dashboard_health",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = SCOPE "," LATEST
           " SELECT json_build_object("
           "    'as_of', (SELECT slipway_time(max(at)) FROM latest),"
           "    'total', " TOTAL_NOW ", 'classes', " CLASSES_NOW ","
           "    'groups', (SELECT coalesce(json_agg(json_build_object("
           "        'group', m.name, 'id', m.public_id, 'product', m.product,"
           "        'as_of', slipway_time(m.at), 'total', " TOTAL_OF_ONE ","
           "        'classes', " CLASSES_OF_ONE ") ORDER BY m.product, m.name), '[]')"
           "      FROM latest m))" WHERE_SCOPE,
};
/* clang-format on */

void store_dashboard_health(struct db *db, const struct store_dashboard_scope *scope,
                            db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &dashboard_health, done, arg);

    bind_scope(call, scope);
    db_send(call);
}

/* --- issues -------------------------------------------------------------------------------------
 */

/* By what happened in the days asked for, from the issues' days; a group narrows to its product. */
static const struct db_stmt dashboard_issues = {
    .name = "dashboard_issues",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = SCOPE
    ","
    " top AS ("
    "  SELECT i.signature, sum(i.count) AS n FROM issue_day i"
    "   WHERE i.tenant_id = $1 AND i.day >= ($4::timestamptz AT TIME ZONE 'UTC')::date"
    "     AND i.day <= ($5::timestamptz AT TIME ZONE 'UTC')::date"
    "   GROUP BY i.signature)"
    " SELECT json_build_object('total', coalesce(sum(t.n), 0), 'items',"
    "    coalesce(json_agg(json_build_object('id', t.public_id, 'title', t.title,"
    "      'category', t.category, 'product', t.product, 'state', t.state, 'count', t.n,"
    "      'devices', t.devices, 'last_seen', slipway_time(t.last_seen)) ORDER BY t.place)"
    "      FILTER (WHERE t.place <= $6::bigint), '[]'))"
    "  FROM (SELECT s.public_id, s.title, s.category, p.name AS product, s.state, s.devices,"
    "               s.last_seen, top.n, row_number() OVER (ORDER BY top.n DESC, s.id) AS place"
    "          FROM top JOIN issue s ON s.tenant_id = $1 AND s.signature = top.signature"
    "          JOIN product p ON p.id = s.product_id"
    "         WHERE s.state <> 'ignored' AND ($2 IS NULL AND $3 IS NULL"
    "               OR p.public_id IN (SELECT product_id FROM g))) AS t"
    " HAVING ($2 IS NULL AND $3 IS NULL) OR EXISTS (SELECT 1 FROM g)",
};

void store_dashboard_issues(struct db *db, const struct store_dashboard_scope *scope, int64_t limit,
                            db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &dashboard_issues, done, arg);

    bind_scope(call, scope);
    db_bind_time_ms(call, scope->since_ms);
    db_bind_time_ms(call, scope->until_ms);
    db_bind_i64(call, limit);
    db_send(call);
}

/* --- bytes --------------------------------------------------------------------------------------
 */

static const struct db_stmt dashboard_bytes = {
    .name = "dashboard_bytes",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = SCOPE
    ","
    " days AS MATERIALIZED ("
    "  SELECT t.day, sum(t.sent) AS sent, sum(t.saved) AS saved"
    "    FROM traffic_day t"
    "   WHERE t.tenant_id = $1 AND t.day >= ($4::timestamptz AT TIME ZONE 'UTC')::date"
    "     AND t.day <= ($5::timestamptz AT TIME ZONE 'UTC')::date"
    "     AND ($2 IS NULL AND $3 IS NULL OR t.group_id IN (SELECT id FROM g))"
    "   GROUP BY t.day)"
    " SELECT json_build_object('bytes', (SELECT json_build_array("
    "      json_build_object('kind', 'sent', 'count', coalesce(sum(sent), 0)),"
    "      json_build_object('kind', 'saved', 'count', coalesce(sum(saved), 0))) FROM days),"
    "    'days', (SELECT coalesce(json_agg(json_build_object('day', day, 'sent', sent,"
    "               'saved', saved) ORDER BY day), '[]') FROM days))" WHERE_SCOPE,
};

void store_dashboard_bytes(struct db *db, const struct store_dashboard_scope *scope,
                           db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &dashboard_bytes, done, arg);

    bind_scope(call, scope);
    db_bind_time_ms(call, scope->since_ms);
    db_bind_time_ms(call, scope->until_ms);
    db_send(call);
}

const struct db_stmt *const store_dashboard_statements[] = {
    &dashboard_progress, &dashboard_versions, &dashboard_health,
    &dashboard_issues,   &dashboard_bytes,    NULL};
