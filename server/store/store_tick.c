/* Reading needs no lock: what a verdict was made from is checked again where it is written. */
#include "server/store/store_tick.h"

/* Any number that nobody else uses: "tick" in ASCII. */
#define ONE_SERVER "pg_try_advisory_xact_lock(1953063787)"

static const struct db_stmt tick_counts = {
    .name = "tick_counts",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT d.id, d.phase,"
           "       coalesce(sum(c.n) FILTER (WHERE c.state = 'succeeded'), 0)::bigint,"
           "       coalesce(sum(c.n) FILTER (WHERE c.state IN ('failed', 'rolled-back')), 0)"
           "         ::bigint, d.state = 'running'"
           "  FROM deployment d LEFT JOIN deployment_counter c ON c.deployment_id = d.id"
           " WHERE d.id = ANY ($1::bigint[]) AND d.state IN ('running', 'paused')"
           " GROUP BY d.id",
};

void store_tick_counts(struct db *db, const int64_t *deployment_ids, size_t count, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &tick_counts, done, arg);

    db_bind_i64_array(call, deployment_ids, count);
    db_send(call);
}

void store_tick_read(const struct db_result *result, size_t row, struct store_count *out)
{
    *out = (struct store_count){
        .deployment_id = db_i64(result, row, 0),
        .phase = db_i64(result, row, 1),
        .succeeded = db_i64(result, row, 2),
        .failed = db_i64(result, row, 3),
        .is_running = db_bool(result, row, 4),
    };
}

static const struct db_stmt tick_advance = {
    .name = "tick_advance",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH moved AS ("
           "  UPDATE deployment d SET phase = d.phase + 1, phase_started_at = now()"
           "   WHERE d.id = $1::bigint AND d.phase = $2::bigint AND d.state = 'running'"
           "     AND EXISTS (SELECT 1 FROM deployment_phase p"
           "                  WHERE p.deployment_id = d.id AND p.phase = d.phase + 1)"
           "     AND " ONE_SERVER " RETURNING d.id, d.tenant_id),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'phase' FROM moved)"
           " SELECT id FROM moved",
};

void store_tick_advance(struct db *db, int64_t deployment_id, int64_t phase, db_done_fn *done,
                        void *arg)
{
    struct db_call *call = db_call_new(db, &tick_advance, done, arg);

    db_bind_i64(call, deployment_id);
    db_bind_i64(call, phase);
    db_send(call);
}

static const struct db_stmt tick_finish = {
    .name = "tick_finish",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH moved AS ("
           "  UPDATE deployment d SET state = 'finished', ended_at = now()"
           "   WHERE d.id = $1::bigint AND d.phase = $2::bigint AND d.state = 'running'"
           "     AND " ONE_SERVER " RETURNING d.id, d.tenant_id, d.group_id),"
           " based AS ("
           "  UPDATE device_group g SET baseline_deployment_id = moved.id"
           "    FROM moved WHERE g.id = moved.group_id),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'finished' FROM moved)"
           " SELECT id FROM moved",
};

void store_tick_finish(struct db *db, int64_t deployment_id, int64_t phase, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &tick_finish, done, arg);

    db_bind_i64(call, deployment_id);
    db_bind_i64(call, phase);
    db_send(call);
}

static const struct db_stmt tick_halt = {
    .name = "tick_halt",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH moved AS ("
           "  UPDATE deployment d SET state = 'halted', ended_at = now(), halt = $2::jsonb"
           "   WHERE d.id = $1::bigint AND d.state IN ('running', 'paused')"
           "     AND " ONE_SERVER " RETURNING d.id, d.tenant_id),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'halted' FROM moved)"
           " SELECT id FROM moved",
};

void store_tick_halt(struct db *db, int64_t deployment_id, const char *evidence, db_done_fn *done,
                     void *arg)
{
    struct db_call *call = db_call_new(db, &tick_halt, done, arg);

    db_bind_i64(call, deployment_id);
    db_bind_json(call, evidence);
    db_send(call);
}

const struct db_stmt *const store_tick_statements[] = {&tick_counts, &tick_advance, &tick_finish,
                                                       &tick_halt, NULL};
