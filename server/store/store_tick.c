/* Reading needs no lock: what a verdict was made from is checked again where it is written. */
#include "server/store/store_tick.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/store/gather.h"
#include "server/store/moves.h"

/* Any number that nobody else uses: "tick" in ASCII. */
#define ONE_SERVER "pg_try_advisory_xact_lock(1953063787)"
#define UNDER_WAY "d.state IN ('running', 'rolling-back', 'paused')"

/* --- what is known ------------------------------------------------------------------------------
 */

static const struct db_stmt tick_deployments = {
    .name = "tick_deployments",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT d.id, d.phase,"
           "       coalesce(sum(c.n) FILTER (WHERE c.state = 'succeeded'), 0)::bigint,"
           "       coalesce(sum(c.n) FILTER (WHERE c.state IN ('failed', 'rolled-back')), 0)"
           "         ::bigint,"
           "       coalesce(sum(c.n) FILTER (WHERE c.phase = d.phase AND c.state <> 'touched'), 0)"
           "         ::bigint,"
           "       coalesce(sum(c.n) FILTER (WHERE c.phase = d.phase AND slipway_rank(c.state) = 6"
           "                                   AND c.state <> 'touched'), 0)::bigint,"
           "       d.settled_at,"
           "       (SELECT coalesce(sum(h.exposure_s), 0)::bigint FROM deployment_health h"
           "         WHERE h.deployment_id = d.id AND h.updated"
           "           AND h.hour >= date_trunc('hour', d.phase_started_at)),"
           "       d.state <> 'paused', d.rolls_back_id IS NOT NULL, d.cap_lifted,"
           "       d.server_excused, d.statistic, d.judged_succeeded, d.judged_failed"
           "  FROM deployment d LEFT JOIN deployment_counter c ON c.deployment_id = d.id"
           " WHERE d.id = ANY ($1::bigint[]) AND " UNDER_WAY " GROUP BY d.id ORDER BY d.id",
};

static const struct db_stmt tick_strata = {
    .name = "tick_strata",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT s.deployment_id, s.stratum, s.touched, s.open, s.succeeded, s.failed, s.device,"
           "       s.server, s.cap_lifted, s.halted, s.statistic, s.judged_succeeded,"
           "       s.judged_failed"
           "  FROM deployment_stratum s WHERE s.deployment_id = ANY ($1::bigint[])"
           " ORDER BY s.deployment_id, s.stratum",
};

static const struct db_stmt tick_health = {
    .name = "tick_health",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT h.deployment_id, h.stratum, h.hour,"
           "       coalesce(sum(h.exposure_s) FILTER (WHERE h.updated), 0)::bigint,"
           "       coalesce(sum(h.bad) FILTER (WHERE h.updated), 0)::bigint,"
           "       coalesce(sum(h.exposure_s) FILTER (WHERE NOT h.updated), 0)::bigint,"
           "       coalesce(sum(h.bad) FILTER (WHERE NOT h.updated), 0)::bigint"
           "  FROM deployment_health h WHERE h.deployment_id = ANY ($1::bigint[])"
           " GROUP BY h.deployment_id, h.stratum, h.hour"
           " ORDER BY h.deployment_id, h.hour, h.stratum",
};

/* Bounded: once a minute at most, and only where hardly anybody is left to compare with. */
static const struct db_stmt tick_before = {
    .name = "tick_before",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT b.deployment_id, b.uptime_s, b.bad FROM deployment_before b"
           " WHERE b.deployment_id = ANY ($1::bigint[])",
};

void store_tick_load(struct db *db, const int64_t *ids, size_t count, bool with_health,
                     db_tx_done_fn *done, void *arg)
{
    static const struct db_stmt *const parts[] = {
        [TICK_DEPLOYMENTS] = &tick_deployments,
        [TICK_STRATA] = &tick_strata,
        [TICK_HEALTH] = &tick_health,
        [TICK_BEFORE] = &tick_before,
    };
    struct db_tx *tx = db_tx_new(db, done, arg);

    _Static_assert(COUNT(parts) == TICK_PART_COUNT, "every part has a statement");
    for (size_t i = 0; i < (with_health ? TICK_PART_COUNT : (size_t)TICK_HEALTH); i++)
        db_bind_i64_array(db_tx_call(tx, parts[i]), ids, count);
    db_tx_send(tx);
}

void store_tick_read(const struct db_result *result, size_t row, struct store_tick *out)
{
    *out = (struct store_tick){
        .deployment_id = db_i64(result, row, 0),
        .phase = db_i64(result, row, 1),
        .succeeded = db_i64(result, row, 2),
        .failed = db_i64(result, row, 3),
        .admitted = db_i64(result, row, 4),
        .ended = db_i64(result, row, 5),
        .settled_ms = db_time_ms(result, row, 6),
        .updated_s = db_i64(result, row, 7),
        .is_running = db_bool(result, row, 8),
        .is_way_back = db_bool(result, row, 9),
        .cap_lifted = db_bool(result, row, 10),
        .server_excused = db_i64(result, row, 11),
        .statistic = strtod(db_text(result, row, 12), NULL),
        .judged_succeeded = db_i64(result, row, 13),
        .judged_failed = db_i64(result, row, 14),
    };
}

void store_stratum_read(const struct db_result *result, size_t row, struct store_stratum *out)
{
    *out = (struct store_stratum){
        .deployment_id = db_i64(result, row, 0),
        .stratum = db_i64(result, row, 1),
        .touched = db_i64(result, row, 2),
        .open = db_i64(result, row, 3),
        .succeeded = db_i64(result, row, 4),
        .failed = db_i64(result, row, 5),
        .device = db_i64(result, row, 6),
        .server = db_i64(result, row, 7),
        .cap_lifted = db_bool(result, row, 8),
        .halted = db_bool(result, row, 9),
        .statistic = strtod(db_text(result, row, 10), NULL),
        .judged_succeeded = db_i64(result, row, 11),
        .judged_failed = db_i64(result, row, 12),
    };
}

void store_health_read(const struct db_result *result, size_t row, struct store_health *out)
{
    *out = (struct store_health){
        .deployment_id = db_i64(result, row, 0),
        .stratum = db_i64(result, row, 1),
        .hour_ms = db_time_ms(result, row, 2),
        .updated_s = db_i64(result, row, 3),
        .updated_bad = db_i64(result, row, 4),
        .control_s = db_i64(result, row, 5),
        .control_bad = db_i64(result, row, 6),
    };
}

/* --- moves --------------------------------------------------------------------------------------
 */

static void send_id(struct db *db, const struct db_stmt *stmt, int64_t deployment_id, int64_t phase,
                    db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, stmt, done, arg);

    db_bind_i64(call, deployment_id);
    db_bind_i64(call, phase);
    db_send(call);
}

static const struct db_stmt tick_settle = {
    .name = "tick_settle",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE deployment d SET settled_at = now()"
           " WHERE d.id = $1::bigint AND d.phase = $2::bigint AND " STORE_RUNS
           "   AND d.settled_at IS NULL AND " ONE_SERVER " RETURNING d.id",
};

void store_tick_settle(struct db *db, int64_t deployment_id, int64_t phase, db_done_fn *done,
                       void *arg)
{
    send_id(db, &tick_settle, deployment_id, phase, done, arg);
}

#define NOBODY_FAILED_SINCE                                                                        \
    "(SELECT coalesce(sum(s.failed), 0) FROM deployment_stratum s WHERE s.deployment_id = d.id)"   \
    " = $3::bigint"

static const struct db_stmt tick_advance = {
    .name = "tick_advance",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH moved AS ("
           "  UPDATE deployment d"
           "     SET phase = d.phase + 1, phase_started_at = now(), settled_at = NULL"
           "   WHERE d.id = $1::bigint AND d.phase = $2::bigint AND " STORE_RUNS
           "     AND EXISTS (SELECT 1 FROM deployment_phase p"
           "                  WHERE p.deployment_id = d.id AND p.phase = d.phase + 1)"
           "     AND " NOBODY_FAILED_SINCE " AND " ONE_SERVER
           "  RETURNING d.id, d.tenant_id, d.public_id, d.phase),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'phase' FROM moved),"
           " noticed AS MATERIALIZED ("
           "  SELECT slipway_notice(moved.tenant_id, 'deployment.phase',"
           "                        jsonb_build_object('deployment', moved.public_id, 'phase', "
           "moved.phase)) AS id"
           "    FROM moved)"
           " SELECT moved.id FROM moved, noticed",
};

static void send_counted(struct db *db, const struct db_stmt *stmt, const int64_t values[3],
                         db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, stmt, done, arg);

    for (size_t i = 0; i < 3; i++)
        db_bind_i64(call, values[i]);
    db_send(call);
}

void store_tick_advance(struct db *db, int64_t deployment_id, int64_t phase, int64_t failed,
                        db_done_fn *done, void *arg)
{
    const int64_t values[] = {deployment_id, phase, failed};

    send_counted(db, &tick_advance, values, done, arg);
}

static const struct db_stmt tick_finish = {
    .name = "tick_finish",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH moved AS ("
           "  UPDATE deployment d SET state = 'finished', ended_at = now(), state_reason = ''"
           "   WHERE d.id = $1::bigint AND d.phase = $2::bigint AND " STORE_RUNS
           "     AND " NOBODY_FAILED_SINCE " AND " ONE_SERVER
           "  RETURNING d.id, d.tenant_id, d.group_id, d.public_id),"
           " based AS ("
           "  UPDATE device_group g SET baseline_deployment_id = moved.id"
           "    FROM moved WHERE g.id = moved.group_id),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'finished' FROM moved),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit_server(tenant_id, 'rollout', 'deploy.finish',"
           "                              'deployment ' || public_id, NULL,"
           "                              jsonb_build_object('state', 'finished')) AS seq"
           "    FROM moved),"
           " noticed AS MATERIALIZED ("
           "  SELECT slipway_notice(moved.tenant_id, 'deployment.finished',"
           "                        jsonb_build_object('deployment', moved.public_id)) AS id"
           "    FROM moved)"
           " SELECT moved.id FROM moved, audited, noticed",
};

void store_tick_finish(struct db *db, int64_t deployment_id, int64_t phase, int64_t failed,
                       db_done_fn *done, void *arg)
{
    const int64_t values[] = {deployment_id, phase, failed};

    send_counted(db, &tick_finish, values, done, arg);
}

/* A stratum that stops leaves the deployment running; a second word for the same is none. */
static const struct db_stmt tick_stop = {
    .name = "tick_stop",
    .params = 6,
    .scope = DB_EVERY_TENANT,
    .sql =
        "WITH found AS ("
        "  SELECT d.id, d.tenant_id, d.public_id, d.phase, d.state FROM deployment d"
        "   WHERE d.id = $1::bigint AND " UNDER_WAY
        "     AND ($4::bigint >= 0 OR d.state <> $3::text) AND " ONE_SERVER "   FOR NO KEY UPDATE),"
        " stopped AS ("
        "  UPDATE deployment d"
        "     SET state = $3, ended_at = CASE $3 WHEN 'halted' THEN now() END,"
        "         halt = CASE $3 WHEN 'halted' THEN $6::jsonb END, state_reason = $5::text"
        "    FROM found WHERE d.id = found.id AND $4 < 0),"
        " narrowed AS ("
        "  UPDATE deployment_stratum s SET halted = true"
        "    FROM found WHERE s.deployment_id = found.id AND s.stratum = $4 AND NOT s.halted"
        "  RETURNING s.deployment_id AS id),"
        " moved AS ("
        "  SELECT found.* FROM found"
        "   WHERE $4 < 0 OR EXISTS (SELECT 1 FROM narrowed WHERE narrowed.id = found.id)),"
        " told AS ("
        "  INSERT INTO deployment_verdict (deployment_id, tenant_id, phase, gate, verdict,"
        "                                  stratum, evidence)"
        "  SELECT id, tenant_id, phase, $2::text, 'stop', CASE WHEN $4 >= 0 THEN $4 END, $6"
        "    FROM moved),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'halted' FROM moved),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit_server(tenant_id, 'gate ' || $2, 'deploy.stop',"
        "                              'deployment ' || public_id,"
        "                              jsonb_build_object('state', state), $6) AS seq"
        "    FROM moved)"
        " SELECT id FROM moved, audited",
};

void store_tick_stop(struct db *db, const struct store_stop *stop, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tick_stop, done, arg);

    db_bind_i64(call, stop->deployment_id);
    db_bind_text(call, stop->gate);
    db_bind_text(call, stop->to);
    db_bind_i64(call, stop->stratum);
    db_bind_text(call, stop->reason);
    db_bind_json(call, stop->evidence);
    db_send(call);
}

static const struct db_stmt tick_roll_back = {
    .name = "tick_roll_back",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH found AS ("
           "  SELECT d.id, d.tenant_id, d.public_id, d.group_id, base.release_id"
           "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "    JOIN deployment base ON base.id = g.baseline_deployment_id"
           "   WHERE d.id = $1::bigint AND d.state = 'halted' AND base.release_id <> d.release_id"
           "     AND NOT EXISTS (SELECT 1 FROM deployment o WHERE o.group_id = d.group_id"
           "            AND o.id > d.id)"
           "     AND " ONE_SERVER " FOR NO KEY UPDATE OF d),"
           " made AS ("
           "  INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt,"
           "                          action, rolls_back_id, state_reason)"
           "  SELECT gen_random_uuid(), tenant_id, group_id, release_id, 'rolling-back',"
           "         public_id::text, 'downgrade', id, 'rolls back ' || public_id FROM found"
           "  ON CONFLICT DO NOTHING"
           "  RETURNING id, tenant_id, public_id, rolls_back_id),"
           " steps AS ("
           "  INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli)"
           "  SELECT id, 1, tenant_id, 100000 FROM made),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'deployment' FROM made),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit_server(tenant_id, 'gate', 'deploy.rollback',"
           "                              'deployment ' || public_id, NULL,"
           "                              jsonb_build_object('rolls_back', rolls_back_id)) AS seq"
           "    FROM made),"
           " noticed AS MATERIALIZED ("
           "  SELECT slipway_notice(made.tenant_id, 'deployment.rolled-back',"
           "                        jsonb_build_object('deployment', made.public_id, 'rolls_back', "
           "(SELECT public_id FROM found))) AS id"
           "    FROM made)"
           " SELECT made.id FROM made, audited, noticed",
};

void store_tick_roll_back(struct db *db, int64_t deployment_id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tick_roll_back, done, arg);

    db_bind_i64(call, deployment_id);
    db_send(call);
}

/* Two servers may write the same walk; one that has seen less than what is there changes nothing.
 */
static const struct db_stmt tick_walk = {
    .name = "tick_walk",
    .params = 7,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH walk AS MATERIALIZED ("
           "  SELECT w.stratum, w.statistic::double precision AS statistic, w.succeeded, w.failed,"
           "         w.cap_lifted = 1 AS cap_lifted"
           "    FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])"
           "      AS w (stratum, statistic, succeeded, failed, cap_lifted)),"
           " found AS MATERIALIZED ("
           "  SELECT d.id, d.tenant_id, d.phase, d.cap_lifted FROM deployment d"
           "   WHERE d.id = $1::bigint AND " UNDER_WAY " AND " ONE_SERVER "   FOR NO KEY UPDATE),"
           " whole AS ("
           "  UPDATE deployment d"
           "     SET statistic = walk.statistic, judged_succeeded = walk.succeeded,"
           "         judged_failed = walk.failed, cap_lifted = d.cap_lifted OR walk.cap_lifted,"
           "         evidence = d.evidence || $7::jsonb"
           "    FROM found, walk"
           "   WHERE d.id = found.id AND walk.stratum < 0"
           "     AND walk.succeeded + walk.failed >= d.judged_succeeded + d.judged_failed"
           "     AND (d.statistic, d.judged_succeeded, d.judged_failed, d.cap_lifted, d.evidence)"
           "         IS DISTINCT FROM (walk.statistic, walk.succeeded, walk.failed,"
           "                           d.cap_lifted OR walk.cap_lifted, d.evidence || $7)"
           "  RETURNING d.id, NOT found.cap_lifted AND d.cap_lifted AS is_lifted),"
           " before AS MATERIALIZED ("
           "  SELECT s.stratum, s.cap_lifted FROM deployment_stratum s"
           "   WHERE s.deployment_id = (SELECT id FROM found)"
           "   ORDER BY s.stratum FOR NO KEY UPDATE),"
           " parts AS ("
           "  UPDATE deployment_stratum s"
           "     SET statistic = walk.statistic, judged_succeeded = walk.succeeded,"
           "         judged_failed = walk.failed, cap_lifted = s.cap_lifted OR walk.cap_lifted"
           "    FROM found, walk, before"
           "   WHERE s.deployment_id = found.id AND s.stratum = walk.stratum"
           "     AND before.stratum = s.stratum"
           "     AND walk.succeeded + walk.failed >= s.judged_succeeded + s.judged_failed"
           "  RETURNING s.stratum, NOT before.cap_lifted AND s.cap_lifted AS is_lifted),"
           " told AS ("
           "  INSERT INTO deployment_verdict (deployment_id, tenant_id, phase, gate, verdict,"
           "                                  stratum, evidence)"
           "  SELECT found.id, found.tenant_id, found.phase, 'install', 'lift', lifted.stratum, $7"
           "    FROM found, (SELECT NULL::smallint AS stratum FROM whole WHERE is_lifted"
           "                 UNION ALL SELECT stratum FROM parts WHERE is_lifted) AS lifted)"
           " SELECT id FROM whole",
};

static void bind_walks(struct db_call *call, const struct store_walk *walks, size_t count)
{
    AUTO_FREE int64_t *lifted = mem_array(count, sizeof(*lifted));
    AUTO_FREE const char **texts = mem_array(count, sizeof(*texts));
    AUTO_FREE char *numbers = mem_alloc(count * 32);

    for (size_t i = 0; i < count; i++) {
        lifted[i] = walks[i].cap_lifted;
        (void)snprintf(&numbers[i * 32], 32, "%.17g", walks[i].statistic);
        texts[i] = &numbers[i * 32];
    }
    BIND_I64S(call, walks, count, struct store_walk, stratum);
    db_bind_text_array(call, texts, count);
    BIND_I64S(call, walks, count, struct store_walk, succeeded);
    BIND_I64S(call, walks, count, struct store_walk, failed);
    db_bind_i64_array(call, lifted, count);
}

void store_tick_walk(struct db *db, int64_t deployment_id, const struct store_walks *walks,
                     db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &tick_walk, done, arg);

    db_bind_i64(call, deployment_id);
    bind_walks(call, walks->rows, walks->count);
    db_bind_json(call, walks->evidence);
    db_send(call);
}

static const struct db_stmt tick_start = {
    .name = "tick_start",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH moved AS ("
           "  UPDATE deployment d SET state = 'running', phase_started_at = now()"
           "   WHERE d.state = 'scheduled' AND (d.start_at IS NULL OR d.start_at <= now())"
           "     AND " ONE_SERVER " RETURNING d.id, d.tenant_id, d.public_id),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'deployment' FROM moved),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit_server(tenant_id, 'rollout', 'deploy.start',"
           "                              'deployment ' || public_id, NULL,"
           "                              jsonb_build_object('state', 'running')) AS seq"
           "    FROM moved),"
           " noticed AS MATERIALIZED ("
           "  SELECT slipway_notice(moved.tenant_id, 'deployment.started',"
           "                        jsonb_build_object('deployment', moved.public_id)) AS id"
           "    FROM moved)"
           " SELECT moved.public_id FROM moved, audited, noticed",
};

void store_tick_start(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &tick_start, done, arg));
}

const struct db_stmt *const store_tick_statements[] = {
    &tick_deployments, &tick_strata,    &tick_health, &tick_settle, &tick_advance, &tick_finish,
    &tick_stop,        &tick_roll_back, &tick_walk,   &tick_before, &tick_start,   NULL};
