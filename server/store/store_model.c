/*
 * A deployment matters while devices may have open rows in it that stand: the newest of its group
 * unless it was aborted, and every group's baseline.
 */
#include "server/store/store_model.h"

static const struct db_stmt model_version = {
    .name = "model_version",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT coalesce(max(id), 0) FROM change_log",
};

void store_model_version(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &model_version, done, arg));
}

static const struct db_stmt model_scheduled = {
    .name = "model_scheduled",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT min(coalesce(d.start_at, d.created_at)) FROM deployment d"
           " WHERE d.state = 'scheduled'",
};

static const struct db_stmt model_groups = {
    .name = "model_groups",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT g.id, g.tenant_id, t.name, g.poll_interval_s, g.update_policy <> 'none',"
           "       g.baseline_deployment_id, g.product_id, g.updates_stopped OR t.updates_stopped,"
           "       g.hold_until = 'infinity',"
           "       CASE WHEN g.hold_until < 'infinity' THEN g.hold_until END,"
           "       coalesce(g.maintenance::text, ''), coalesce(g.public_id::text, ''), g.name"
           "  FROM device_group g JOIN tenant t ON t.id = g.tenant_id",
};

#define MATTERS                                                                                    \
    "WITH matters AS ("                                                                            \
    "  SELECT n.id, n.release_id"                                                                  \
    "    FROM device_group g CROSS JOIN LATERAL ("                                                 \
    "         SELECT d.id, d.release_id, d.state FROM deployment d"                                \
    "          WHERE d.group_id = g.id AND d.state NOT IN ('draft',"                               \
    "             'awaiting-approval', 'scheduled')"                                               \
    "          ORDER BY d.id DESC LIMIT 1) AS n"                                                   \
    "   WHERE n.state IN ('running', 'paused', 'rolling-back', 'halted')"                          \
    "   UNION"                                                                                     \
    "  SELECT d.id, d.release_id FROM device_group g"                                              \
    "    JOIN deployment d ON d.id = g.baseline_deployment_id)"

static const struct db_stmt model_deployments = {
    .name = "model_deployments",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = MATTERS " SELECT d.id, d.tenant_id, d.group_id, d.release_id, d.public_id, d.state,"
                   "        d.phase, d.salt, d.soak_s, d.failed_percent, d.min_finished,"
                   "        d.action = 'downgrade', d.gate::text, d.on_stop, d.cap_lifted,"
                   "        d.settled_at, d.delta_policy, d.delta_until, d.retry_max > 0,"
                   "        d.retry_after_s, d.is_security AND d.approver_id IS NOT NULL,"
                   "        d.phase_started_at, d.created_at"
                   "   FROM matters JOIN deployment d ON d.id = matters.id ORDER BY d.id",
};

static const struct db_stmt model_phases = {
    .name = "model_phases",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = MATTERS " SELECT p.deployment_id, p.share_milli, p.device_count, p.filter, p.soak_s,"
                   "        p.soak_device_h, p.advance = 'manual', p.advance_now"
                   "   FROM matters JOIN deployment_phase p ON p.deployment_id = matters.id"
                   "  ORDER BY p.deployment_id, p.phase",
};

static const struct db_stmt model_images = {
    .name = "model_images",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = MATTERS " SELECT m.release_id, h.hwid, i.sha256, i.path, i.release_counter,"
                   "        i.stepping_stone, i.length"
                   "   FROM (SELECT DISTINCT release_id FROM matters) AS m"
                   "   JOIN release_image ri ON ri.release_id = m.release_id"
                   "   JOIN image i ON i.id = ri.image_id"
                   "   JOIN component c ON c.id = i.component_id AND c.type = 'os'"
                   "  CROSS JOIN unnest(i.hwids) AS h (hwid)"
                   " ORDER BY m.release_id",
};

/* Whatever may lie between what a device runs and an image with a stepping stone. */
static const struct db_stmt model_stones = {
    .name = "model_stones",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = MATTERS ", goals AS ("
                   "  SELECT DISTINCT i.component_id FROM matters"
                   "    JOIN release_image ri ON ri.release_id = matters.release_id"
                   "    JOIN image i ON i.id = ri.image_id AND i.stepping_stone > 0"
                   "    JOIN component c ON c.id = i.component_id AND c.type = 'os')"
                   " SELECT c.product_id, h.hwid, i.sha256, i.path, i.release_counter,"
                   "        i.stepping_stone, i.length"
                   "   FROM goals JOIN image i ON i.component_id = goals.component_id"
                   "   JOIN component c ON c.id = i.component_id"
                   "  CROSS JOIN unnest(i.hwids) AS h (hwid)"
                   "  ORDER BY c.product_id, i.release_counter",
};

static const struct db_stmt model_halted = {
    .name = "model_halted",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = MATTERS " SELECT s.deployment_id, s.hwid, s.source"
                   "   FROM matters JOIN deployment_stratum s ON s.deployment_id = matters.id"
                   "  WHERE s.halted AND s.stratum > 0 ORDER BY s.deployment_id",
};

static const struct db_stmt model_counters = {
    .name = "model_counters",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT i.tenant_id, i.sha256, i.release_counter"
           "  FROM image i JOIN component c ON c.id = i.component_id AND c.type = 'os'",
};

static const struct db_stmt model_deltas = {
    .name = "model_deltas",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = MATTERS " SELECT x.tenant_id, f.sha256, i.sha256, x.sha256, x.length"
                   "   FROM (SELECT DISTINCT release_id FROM matters) AS m"
                   "   JOIN release_image ri ON ri.release_id = m.release_id"
                   "   JOIN image i ON i.id = ri.image_id"
                   "   JOIN delta x ON x.to_image_id = i.id AND x.state = 'kept'"
                   "   JOIN image f ON f.id = x.from_image_id",
};

void store_model_load(struct db *db, db_tx_done_fn *done, void *arg)
{
    static const struct db_stmt *const parts[] = {
        [MODEL_VERSION] = &model_version,         [MODEL_GROUPS] = &model_groups,
        [MODEL_DEPLOYMENTS] = &model_deployments, [MODEL_PHASES] = &model_phases,
        [MODEL_IMAGES] = &model_images,           [MODEL_COUNTERS] = &model_counters,
        [MODEL_SCHEDULED] = &model_scheduled,     [MODEL_HALTED] = &model_halted,
        [MODEL_STONES] = &model_stones,           [MODEL_DELTAS] = &model_deltas,
    };
    struct db_tx *tx = db_tx_new(db, done, arg);

    _Static_assert(COUNT(parts) == MODEL_PART_COUNT, "every part has a statement");
    for (size_t i = 0; i < COUNT(parts); i++)
        (void)db_tx_call(tx, parts[i]); /* no values to bind */
    db_tx_send(tx);
}

int64_t store_model_scheduled_read(const struct db_result *result)
{
    return db_time_ms(result, 0, 0);
}

void store_model_halted_read(const struct db_result *result, size_t row,
                             struct store_model_halted *out)
{
    *out = (struct store_model_halted){
        .deployment_id = db_i64(result, row, 0),
        .hwid = db_text(result, row, 1),
    };
    out->has_source = db_bytes(result, row, 2, out->source, sizeof(out->source));
}

int64_t store_model_version_read(const struct db_result *result)
{
    return db_i64(result, 0, 0);
}

void store_model_group_read(const struct db_result *result, size_t row,
                            struct store_model_group *out)
{
    *out = (struct store_model_group){
        .id = db_i64(result, row, 0),
        .tenant_id = db_i64(result, row, 1),
        .tenant = db_text(result, row, 2),
        .poll_interval_s = db_i64(result, row, 3),
        .updates_allowed = db_bool(result, row, 4),
        .baseline_id = db_i64(result, row, 5),
        .product_id = db_i64(result, row, 6),
        .updates_stopped = db_bool(result, row, 7),
        .hold_until_ms = db_bool(result, row, 8) ? INT64_MAX : db_time_ms(result, row, 9),
        .maintenance = db_text(result, row, 10),
        .public_id = db_text(result, row, 11),
        .name = db_text(result, row, 12),
    };
}

void store_model_deployment_read(const struct db_result *result, size_t row,
                                 struct store_model_deployment *out)
{
    *out = (struct store_model_deployment){
        .id = db_i64(result, row, 0),
        .tenant_id = db_i64(result, row, 1),
        .group_id = db_i64(result, row, 2),
        .release_id = db_i64(result, row, 3),
        .public_id = db_text(result, row, 4),
        .state = db_text(result, row, 5),
        .phase = db_i64(result, row, 6),
        .salt = db_text(result, row, 7),
        .soak_s = db_i64(result, row, 8),
        .failed_percent = db_i64(result, row, 9),
        .min_finished = db_i64(result, row, 10),
        .goes_back = db_bool(result, row, 11),
        .gate = db_text(result, row, 12),
        .on_stop = db_text(result, row, 13),
        .cap_lifted = db_bool(result, row, 14),
        .settled_ms = db_time_ms(result, row, 15),
        .delta_policy = db_text(result, row, 16),
        .delta_until_ms = db_time_ms(result, row, 17),
        .may_retry = db_bool(result, row, 18),
        .retry_after_s = db_i64(result, row, 19),
        .passes_freeze = db_bool(result, row, 20),
        .phase_started_ms = db_time_ms(result, row, 21),
        .created_ms = db_time_ms(result, row, 22),
    };
}

void store_model_phase_read(const struct db_result *result, size_t row,
                            struct store_model_phase *out)
{
    out->deployment_id = db_i64(result, row, 0);
    out->share_milli = db_i64(result, row, 1);
    out->device_count = db_i64(result, row, 2);
    out->filter = db_text(result, row, 3);
    out->soak_s = db_i64(result, row, 4);
    out->soak_device_h = db_i64(result, row, 5);
    out->is_manual = db_bool(result, row, 6);
    out->is_told = db_bool(result, row, 7);
}

void store_model_image_read(const struct db_result *result, size_t row,
                            struct store_model_image *out)
{
    *out = (struct store_model_image){
        .owner_id = db_i64(result, row, 0),
        .hwid = db_text(result, row, 1),
        .path = db_text(result, row, 3),
        .counter = db_i64(result, row, 4),
        .stepping_stone = db_i64(result, row, 5),
        .length = db_i64(result, row, 6),
    };
    ASSERT(db_bytes(result, row, 2, out->sha256, sizeof(out->sha256)));
}

void store_model_counter_read(const struct db_result *result, size_t row,
                              struct store_model_counter *out)
{
    out->tenant_id = db_i64(result, row, 0);
    ASSERT(db_bytes(result, row, 1, out->sha256, sizeof(out->sha256)));
    out->counter = db_i64(result, row, 2);
}

void store_model_delta_read(const struct db_result *result, size_t row,
                            struct store_model_delta *out)
{
    out->tenant_id = db_i64(result, row, 0);
    ASSERT(db_bytes(result, row, 1, out->from, sizeof(out->from)));
    ASSERT(db_bytes(result, row, 2, out->to, sizeof(out->to)));
    ASSERT(db_bytes(result, row, 3, out->sha256, sizeof(out->sha256)));
    out->length = db_i64(result, row, 4);
}

const struct db_stmt *const store_model_statements[] = {
    &model_version,     &model_scheduled, &model_halted, &model_groups,
    &model_deployments, &model_phases,    &model_images, &model_stones,
    &model_counters,    &model_deltas,    NULL};
