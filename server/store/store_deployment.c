/*
 * Looking at deployments. Progress is read from the counters alone, whatever the fleet's size: a
 * state that no counter names yet is a zero.
 */
#include "server/store/store_deployment.h"

const char *const store_deployment_states[] = {
    "draft",  "awaiting-approval", "scheduled", "running", "paused",
    "halted", "rolling-back",      "finished",  "aborted", NULL};

/* clang-format off */
#define WORDS                                                                                      \
    "unnest(ARRAY['offered', 'downloading', 'staged', 'activating', 'verifying', 'succeeded',"     \
    " 'failed', 'rolled-back', 'cancelled', 'skipped']) AS word (state)"
/* What the counters say, of all phases or of the phase `s`. */
#define COUNTS(which)                                                                              \
    "(SELECT json_object_agg(word.state, (SELECT coalesce(sum(k.n), 0) FROM deployment_counter k"  \
    "    WHERE k.deployment_id = d.id AND k.state = word.state" which ")) FROM " WORDS ")"
#define TOUCHED(which)                                                                             \
    "(SELECT coalesce(sum(k.n), 0) FROM deployment_counter k"                                      \
    "  WHERE k.deployment_id = d.id AND k.state = 'touched'" which ")"
#define OF_PHASE " AND k.phase = s.phase"

#define PHASE_JSON                                                                                 \
    "json_build_object('phase', s.phase,"                                                          \
    "     'kind', CASE WHEN s.share_milli IS NOT NULL THEN 'percent'"                              \
    "                  WHEN s.device_count IS NOT NULL THEN 'count' ELSE 'filter' END,"            \
    "     'percent', trim_scale(s.share_milli / 1000.0), 'count', s.device_count,"                 \
    "     'filter', nullif(s.filter, ''), 'soak_s', s.soak_s, 'soak_device_h', s.soak_device_h,"   \
    "     'advance', s.advance, 'advance_now', s.advance_now,"                                     \
    "     'state', CASE WHEN s.phase < d.phase OR d.state = 'finished' THEN 'done'"                \
    "                   WHEN s.phase = d.phase THEN d.state ELSE 'waiting' END,"                   \
    "     'counts', " COUNTS(OF_PHASE) ", 'touched', " TOUCHED(OF_PHASE) ")"

#define ID_OF(row) "(SELECT o.public_id FROM deployment o WHERE o.id = " row ")"

/* In two halves: a function of PostgreSQL takes a hundred arguments. */
#define DEPLOYMENT_JSON                                                                            \
    "jsonb_build_object("                                                                          \
    " 'id', d.public_id, 'product', p.name, 'group', g.name, 'group_id', g.public_id,"             \
    " 'release', r.name, 'release_id', r.public_id, 'action', d.action, 'state', d.state,"         \
    " 'reason', nullif(d.state_reason, ''), 'phase', d.phase, 'salt', d.salt,"                     \
    " 'soak_s', d.soak_s, 'gate', d.gate, 'on_stop', d.on_stop, 'evidence', d.evidence,"           \
    " 'cap_lifted', d.cap_lifted, 'halt', d.halt,"                                                 \
    " 'phases', (SELECT json_agg(" PHASE_JSON " ORDER BY s.phase)"                                 \
    "              FROM deployment_phase s WHERE s.deployment_id = d.id),"                         \
    " 'counts', " COUNTS("") ", 'touched', " TOUCHED("") ") || jsonb_build_object("                \
    " 'concurrency', d.concurrency, 'bytes_per_hour', d.bytes_per_hour,"                           \
    " 'delta_policy', d.delta_policy, 'delta_until', slipway_time(d.delta_until),"                 \
    " 'retry', json_build_object('max', d.retry_max, 'after_s', d.retry_after_s),"                 \
    " 'security', d.is_security, 'supersedes', " ID_OF("d.supersedes_id") ","                      \
    " 'superseded_by', (SELECT o.public_id FROM deployment o WHERE o.group_id = d.group_id"        \
    "                      AND o.supersedes_id = d.id ORDER BY o.id LIMIT 1),"                     \
    " 'rolls_back', " ID_OF("d.rolls_back_id") ","                                                 \
    " 'rolled_back_by', (SELECT o.public_id FROM deployment o WHERE o.group_id = d.group_id"       \
    "                       AND o.rolls_back_id = d.id ORDER BY o.id DESC LIMIT 1),"               \
    " 'author', slipway_token_name(d.author_id),"                                                  \
    " 'approver', slipway_token_name(d.approver_id),"                                              \
    " 'created', slipway_time(d.created_at), 'start', slipway_time(d.start_at),"                   \
    " 'phase_started', slipway_time(d.phase_started_at), 'settled', slipway_time(d.settled_at),"   \
    " 'ended', slipway_time(d.ended_at))"
#define DEPLOYMENT_JOIN                                                                            \
    " FROM deployment d JOIN device_group g ON g.id = d.group_id"                                  \
    " JOIN product p ON p.id = g.product_id JOIN release r ON r.id = d.release_id"

/* "source": what its devices ran; NULL in the rest (stratum 0). */
#define STRATA                                                                                     \
    "(SELECT coalesce(json_agg(json_build_object('stratum', t.stratum, 'hwid', t.hwid,"            \
    "     'source', encode(t.source, 'hex'), 'source_version', (SELECT i.version FROM image i"     \
    "         WHERE i.tenant_id = d.tenant_id AND i.sha256 = t.source ORDER BY i.id LIMIT 1),"     \
    "     'granted', t.granted, 'touched', t.touched, 'open', t.open,"                             \
    "     'succeeded', t.succeeded, 'failed', t.failed, 'device', t.device, 'server', t.server,"   \
    "     'statistic', round(t.statistic::numeric, 4), 'cap_lifted', t.cap_lifted,"                \
    "     'halted', t.halted) ORDER BY t.stratum), '[]')"                                          \
    "   FROM deployment_stratum t WHERE t.deployment_id = d.id)"

#define VERDICT_JSON                                                                               \
    "json_build_object('id', t.id::text, 'at', slipway_time(t.at), 'phase', t.phase,"              \
    "     'gate', t.gate, 'verdict', t.verdict, 'stratum', t.stratum, 'evidence', t.evidence)"
/* clang-format on */

static const struct db_stmt deployment_list = {
    .name = "deployment_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT d.id, (" DEPLOYMENT_JSON ") AS item" DEPLOYMENT_JOIN
                      " WHERE d.tenant_id = $1::bigint AND d.id > $2::bigint"
                      "   AND ($4::uuid IS NULL OR g.public_id = $4)"
                      "   AND ($5::text IS NULL OR d.state = $5)"),
};

void store_deployment_list(struct db *db, const struct store_page *page, const char *group,
                           const char *state, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, group);
    db_bind_text(call, state);
    db_send(call);
}

/* With its strata, the last words of its gates, and what an update costs: each image's length,
 * whole and compressed, and the kept deltas to it, the one that most devices can use first. */
static const struct db_stmt deployment_get = {
    .name = "deployment_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " DEPLOYMENT_JSON " || jsonb_build_object('strata', " STRATA ","
           " 'verdicts', (SELECT coalesce(json_agg(last.item ORDER BY last.id), '[]') FROM ("
           "     SELECT t.id, " VERDICT_JSON " AS item FROM deployment_verdict t"
           "      WHERE t.deployment_id = d.id ORDER BY t.id DESC LIMIT 10) AS last),"
           " 'images', (SELECT json_agg(json_build_object('sha256', encode(i.sha256, 'hex'),"
           "     'version', i.version, 'hwids', to_json(i.hwids), 'length', i.length,"
           "     'full_zstd_length', i.full_zstd_length,"
           "     'deltas', (SELECT coalesce(json_agg(json_build_object("
           "         'from', encode(f.sha256, 'hex'), 'from_version', f.version,"
           "         'sha256', encode(delta.sha256, 'hex'), 'length', delta.length)"
           "         ORDER BY delta.devices DESC, delta.id), '[]')"
           "       FROM delta JOIN image f ON f.id = delta.from_image_id"
           "      WHERE delta.to_image_id = i.id AND delta.state = 'kept')) ORDER BY i.id)"
           "   FROM release_image ri JOIN image i ON i.id = ri.image_id"
           "  WHERE ri.release_id = d.release_id))" DEPLOYMENT_JOIN
           " WHERE d.tenant_id = $1 AND d.public_id = $2::uuid",
};

void store_deployment_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_send(call);
}

#define LOOKED_AT                                                                                  \
    "WITH looked_at AS MATERIALIZED ("                                                             \
    "  SELECT coalesce((SELECT id FROM deployment"                                                 \
    "                    WHERE tenant_id = $1::bigint AND public_id = $4::uuid),"                  \
    "                  slipway_missing('deployment')) AS id) "

static const struct db_stmt deployment_verdicts = {
    .name = "deployment_verdicts",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = LOOKED_AT STORE_PAGE("SELECT t.id, " VERDICT_JSON " AS item FROM looked_at"
                                "  JOIN deployment_verdict t ON t.deployment_id = looked_at.id"
                                " WHERE t.tenant_id = $1 AND t.id > $2::bigint"),
};

void store_deployment_verdicts(struct db *db, const struct store_page *page, const char *id,
                               db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_verdicts, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, id);
    db_send(call);
}

static const struct db_stmt deployment_devices = {
    .name = "deployment_devices",
    .params = 8,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = LOOKED_AT STORE_PAGE(
        "SELECT d.id, json_build_object('device', encode(d.device_id, 'hex'),"
        "       'state', dd.state, 'phase', dd.phase, 'reason', dd.reason, 'detail', dd.detail,"
        "       'verdict', dd.verdict, 'stratum', dd.stratum, 'attempts', dd.attempts,"
        "       'fetched_bytes', dd.fetched_bytes, 'offered', slipway_time(dd.offered_at),"
        "       'activated', slipway_time(dd.activated_at),"
        "       'judged', slipway_time(dd.verdict_at),"
        "       'updated', slipway_time(dd.updated_at)) AS item"
        "  FROM looked_at JOIN deployment_device dd ON dd.deployment_id = looked_at.id"
        "  JOIN device d ON d.id = dd.device_id"
        " WHERE dd.tenant_id = $1 AND dd.device_id > $2::bigint"
        "   AND ($5::text IS NULL OR dd.state = $5)"
        "   AND ($6::text IS NULL OR dd.verdict = $6)"
        "   AND ($7::text IS NULL OR dd.reason = $7)"
        "   AND ($8::bigint < 0 OR dd.stratum = $8)"),
};

void store_deployment_devices(struct db *db, const struct store_page *page,
                              const struct store_deployment_devices *which, db_done_fn *done,
                              void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_devices, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, which->id);
    db_bind_text(call, which->state);
    db_bind_text(call, which->verdict);
    db_bind_text(call, which->reason);
    db_bind_i64(call, which->stratum);
    db_send(call);
}

const struct db_stmt *const store_deployment_statements[] = {
    &deployment_list, &deployment_get, &deployment_verdicts, &deployment_devices, NULL};
