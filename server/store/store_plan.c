/*
 * Both statements are the same text behind `asked`, a row with the group and the release. What is
 * long is bounded: images of one product, deltas kept to a release's images, the outcomes of the
 * last thousand devices.
 */
#include "server/store/store_plan.h"

#include "server/store/budget.h"

#define IMAGE_ROW                                                                                  \
    "json_build_object('hwid', h.hwid, 'sha256', encode(i.sha256, 'hex'), 'path', i.path,"         \
    "   'counter', i.release_counter, 'stepping_stone', i.stepping_stone, 'length', i.length)"

#define IMAGES                                                                                     \
    "(SELECT coalesce(json_agg(" IMAGE_ROW "), '[]') FROM release_image ri"                        \
    "   JOIN image i ON i.id = ri.image_id"                                                        \
    "   JOIN component c ON c.id = i.component_id AND c.type = 'os'"                               \
    "  CROSS JOIN unnest(i.hwids) AS h (hwid) WHERE ri.release_id = r.id)"

/* Whatever may lie before an image of the release that has a stepping stone. */
#define STONES                                                                                     \
    "(SELECT coalesce(json_agg(" IMAGE_ROW " ORDER BY i.release_counter), '[]') FROM image i"      \
    "  CROSS JOIN unnest(i.hwids) AS h (hwid)"                                                     \
    "  WHERE i.component_id IN (SELECT n.component_id FROM release_image ri"                       \
    "          JOIN image n ON n.id = ri.image_id AND n.stepping_stone > 0"                        \
    "          JOIN component c ON c.id = n.component_id AND c.type = 'os'"                        \
    "         WHERE ri.release_id = r.id))"

#define DELTAS                                                                                     \
    "(SELECT coalesce(json_agg(json_build_object('from', encode(f.sha256, 'hex'),"                 \
    "         'to', encode(t.sha256, 'hex'), 'length', x.length)"                                  \
    "         ORDER BY f.sha256, t.sha256), '[]')"                                                 \
    "   FROM image t JOIN delta x ON x.to_image_id = t.id AND x.state = 'kept'"                    \
    "   JOIN image f ON f.id = x.from_image_id"                                                    \
    "  WHERE t.component_id IN (SELECT n.component_id FROM release_image ri"                       \
    "          JOIN image n ON n.id = ri.image_id WHERE ri.release_id = r.id))"

/* Would the installed image let its device go back to the baseline's? */
#define ROLLBACK                                                                                   \
    "coalesce((SELECT json_build_object('possible', bool_and(b.no IS NULL),"                       \
    "                 'reason', coalesce(min(b.no), 'its images allow the way back'))"             \
    "   FROM (SELECT CASE"                                                                         \
    "           WHEN was.release_counter = goal.release_counter THEN NULL"                         \
    "           WHEN was.release_counter < goal.floor"                                             \
    "             THEN 'the baseline is below the floor of an image of the release'"               \
    "           WHEN was.release_counter < goal.release_counter"                                   \
    "                AND NOT was.release_counter = ANY (goal.revert_to)"                           \
    "             THEN 'an image of the release was not signed to go back to the baseline'"        \
    "           WHEN was.release_counter < goal.release_counter"                                   \
    "                AND (goal.revert_until IS NULL OR goal.revert_until <= now())"                \
    "             THEN 'the signed permission to go back has ended' END AS no"                     \
    "          FROM deployment base JOIN release_image was_in ON was_in.release_id = "             \
    "base.release_id"                                                                              \
    "          JOIN image was ON was.id = was_in.image_id"                                         \
    "          JOIN release_image goal_in ON goal_in.release_id = r.id"                            \
    "          JOIN image goal ON goal.id = goal_in.image_id"                                      \
    "           AND goal.component_id = was.component_id AND goal.hwids && was.hwids"              \
    "         WHERE base.id = g.baseline_deployment_id) AS b HAVING count(*) > 0),"                \
    "  json_build_object('possible', false, 'reason', 'the group has no baseline to go back to'))"

#define LAST_DEPLOYMENTS                                                                           \
    "(SELECT o.id FROM deployment o"                                                               \
    "  WHERE o.group_id = g.id AND o.state IN ('finished', 'halted', 'running', 'paused')"         \
    "  ORDER BY o.id DESC LIMIT 5)"

/* Before the update, of the same devices and others of their kind. */
#define CRASHES                                                                                    \
    "'crash_bad', (SELECT coalesce(sum(h.bad), 0) FROM deployment_health h"                        \
    "    WHERE NOT h.updated AND h.deployment_id IN " LAST_DEPLOYMENTS "),"                        \
    "'crash_exposure_s', (SELECT coalesce(sum(h.exposure_s), 0) FROM deployment_health h"          \
    "    WHERE NOT h.updated AND h.deployment_id IN " LAST_DEPLOYMENTS ")"

#define HISTORY                                                                                    \
    "(SELECT json_build_object('deployments', count(DISTINCT s.deployment_id),"                    \
    "        'succeeded', coalesce(sum(s.succeeded), 0), 'failed', coalesce(sum(s.failed), "       \
    "0), " CRASHES ","                                                                             \
    "        'install_s', (SELECT to_json(percentile_disc(ARRAY[0.5, 0.95])"                       \
    "             WITHIN GROUP (ORDER BY greatest(1, extract(epoch FROM"                           \
    "               dd.verdict_at - dd.offered_at)::bigint)))"                                     \
    "             FROM (SELECT w.verdict_at, w.offered_at FROM deployment_device w"                \
    "                    WHERE w.deployment_id IN " LAST_DEPLOYMENTS                               \
    "                      AND w.verdict = 'success' LIMIT 1000) AS dd))"                          \
    "   FROM deployment_stratum s WHERE s.deployment_id IN " LAST_DEPLOYMENTS ")"

/* In the words of creating it. */
#define REFUSED                                                                                    \
    "(SELECT coalesce(json_agg(no), '[]') FROM (VALUES"                                            \
    "   (CASE WHEN g.product_id <> r.product_id"                                                   \
    "         THEN 'the release is of another product than the group' END),"                       \
    "   ((SELECT 'the group has an unfinished deployment, ' || u.public_id FROM deployment u"      \
    "      WHERE u.group_id = g.id AND u.id IS DISTINCT FROM asked.deployment_id"                  \
    "        AND u.state IN ('draft', 'awaiting-approval', 'scheduled', 'running', 'paused',"      \
    "                        'rolling-back') LIMIT 1)),"                                           \
    "   (CASE WHEN NOT asked.is_downgrade AND EXISTS (" BELOW_BASELINE ")"                         \
    "         THEN 'the release is below the group''s baseline: only a downgrade goes there' "     \
    "END),"                                                                                        \
    "   (CASE WHEN asked.is_downgrade AND NOT EXISTS (" BELOW_BASELINE ")"                         \
    "         THEN 'no downgrade: the release is not below the group''s baseline' END)"            \
    "  ) AS said (no) WHERE no IS NOT NULL)"
#define BELOW_BASELINE                                                                             \
    "SELECT 1 FROM deployment base JOIN release_image was_in ON was_in.release_id = "              \
    "base.release_id"                                                                              \
    "  JOIN image was ON was.id = was_in.image_id"                                                 \
    "  JOIN release_image goal_in ON goal_in.release_id = r.id"                                    \
    "  JOIN image goal ON goal.id = goal_in.image_id AND goal.component_id = was.component_id"     \
    "   AND goal.hwids && was.hwids"                                                               \
    " WHERE base.id = g.baseline_deployment_id AND goal.release_counter < was.release_counter"

#define RUNNING                                                                                    \
    "(SELECT json_build_object('row', d.id, 'state', d.state, 'phase', d.phase,"                   \
    "        'cap_lifted', d.cap_lifted, 'admitted', " STORE_ADMITTED ","                          \
    "        'concurrency', d.concurrency, 'bytes_per_hour', d.bytes_per_hour,"                    \
    "        'phase_age_s', extract(epoch FROM now() - d.phase_started_at)::bigint,"               \
    "        'settled_age_s', extract(epoch FROM now() - d.settled_at)::bigint,"                   \
    "        'updated', (SELECT coalesce(sum(s.succeeded), 0) FROM deployment_stratum s"           \
    "                     WHERE s.deployment_id = d.id),"                                          \
    "        'counts', (SELECT coalesce(json_object_agg(k.state, k.n), '{}') FROM ("               \
    "             SELECT c.state, sum(c.n) AS n FROM deployment_counter c"                         \
    "              WHERE c.deployment_id = d.id GROUP BY c.state) AS k))"                          \
    "   FROM deployment d WHERE d.id = asked.deployment_id)"

#define PLAN_OF_ASKED                                                                              \
    " SELECT json_build_object('group_row', g.id, 'group', g.name, 'group_id', g.public_id,"       \
    "   'release', r.name, 'release_id', r.public_id, 'poll_interval_s', g.poll_interval_s,"       \
    "   'concurrency', g.concurrency, 'bytes_per_hour', g.bytes_per_hour,"                         \
    "   'update_policy', g.update_policy, 'is_stopped', g.updates_stopped OR t.updates_stopped,"   \
    "   'is_held', coalesce(g.hold_until > now(), false),"                                         \
    "   'penalised', (SELECT count(*) FROM device v"                                               \
    "                  WHERE v.group_id = g.id AND v.penalty_until > now()),"                      \
    "   'refused', " REFUSED ", 'images', " IMAGES ", 'stones', " STONES ","                       \
    "   'deltas', " DELTAS ", 'rollback', " ROLLBACK ", 'history', " HISTORY ","                   \
    "   'deployment', " RUNNING ")"                                                                \
    "   FROM asked JOIN device_group g ON g.id = asked.group_id"                                   \
    "   JOIN release r ON r.id = asked.release_id JOIN tenant t ON t.id = g.tenant_id"

static const struct db_stmt plan_load = {
    .name = "plan_load",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH asked AS ("
           "  SELECT coalesce((SELECT id FROM device_group"
           "                    WHERE tenant_id = $1::bigint AND public_id = $2::uuid),"
           "                  slipway_missing('group')) AS group_id,"
           "         coalesce((SELECT id FROM release"
           "                    WHERE tenant_id = $1 AND public_id = $3::uuid),"
           "                  slipway_missing('release')) AS release_id,"
           "         $4::boolean AS is_downgrade, NULL::bigint AS deployment_id)" PLAN_OF_ASKED,
};

void store_plan_load(struct db *db, const struct store_plan *plan, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &plan_load, done, arg);

    db_bind_i64(call, plan->tenant_id);
    db_bind_text(call, plan->group);
    db_bind_text(call, plan->release);
    db_bind_bool(call, plan->is_downgrade);
    db_send(call);
}

static const struct db_stmt plan_load_running = {
    .name = "plan_load_running",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH asked AS ("
           "  SELECT d.group_id, d.release_id, d.action = 'downgrade' AS is_downgrade,"
           "         d.id AS deployment_id"
           "    FROM deployment d"
           "   WHERE d.tenant_id = $1::bigint AND d.public_id = $2::uuid)" PLAN_OF_ASKED,
};

void store_plan_load_running(struct db *db, int64_t tenant_id, const char *deployment,
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &plan_load_running, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, deployment);
    db_send(call);
}

const struct db_stmt *const store_plan_statements[] = {&plan_load, &plan_load_running, NULL};
