/*
 * Creating a deployment writes the deployment, its phases and its counters, all zero; not one
 * row per device. Progress is read from the counters alone.
 */
#include "server/store/store_deployment.h"

static const struct db_stmt deployment_create = {
    .name = "deployment_create",
    .params = 11,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH target AS ("
        "  SELECT g.id, g.public_id, g.name, g.product_id, g.baseline_deployment_id"
        "    FROM device_group g WHERE g.tenant_id = $1::bigint AND g.public_id = $2::uuid"
        "     FOR NO KEY UPDATE),"
        " goal AS ("
        "  SELECT r.id, r.public_id, r.name, r.product_id"
        "    FROM release r WHERE r.tenant_id = $1 AND r.public_id = $3::uuid),"
        " unfinished AS ("
        "  SELECT d.public_id FROM deployment d JOIN target ON target.id = d.group_id"
        "   WHERE d.state IN ('awaiting-approval', 'running', 'paused')),"
        " older AS ("
        "  SELECT c.name, now_i.release_counter AS now_counter, new_i.release_counter,"
        "         CASE WHEN new_i.release_counter < now_i.floor THEN 'below its floor'"
        "              WHEN NOT new_i.release_counter = ANY (now_i.revert_to)"
        "                THEN 'not among the counters it was signed to go back to'"
        "              WHEN now_i.revert_until IS NULL OR now_i.revert_until <= now()"
        "                THEN 'no longer allowed: the signed permission has ended' END AS no"
        "    FROM target JOIN deployment base ON base.id = target.baseline_deployment_id"
        "    JOIN release_image now_ri ON now_ri.release_id = base.release_id"
        "    JOIN image now_i ON now_i.id = now_ri.image_id"
        "    JOIN component c ON c.id = now_i.component_id"
        "    JOIN goal ON true"
        "    JOIN release_image new_ri ON new_ri.release_id = goal.id"
        "    JOIN image new_i ON new_i.id = new_ri.image_id"
        "     AND new_i.component_id = now_i.component_id AND new_i.hwids && now_i.hwids"
        "   WHERE new_i.release_counter < now_i.release_counter),"
        " checked AS ("
        "  SELECT CASE"
        "    WHEN NOT EXISTS (SELECT 1 FROM target) THEN"
        "      slipway_refuse('SL404', 'there is no such group')"
        "    WHEN NOT EXISTS (SELECT 1 FROM goal) THEN"
        "      slipway_refuse('SL404', 'there is no such release')"
        "    WHEN (SELECT product_id FROM target) <> (SELECT product_id FROM goal) THEN"
        "      slipway_refuse('SL409', 'the release is of another product than the group')"
        "    WHEN EXISTS (SELECT 1 FROM unfinished) THEN slipway_refuse('SL409', format("
        "      'the group has an unfinished deployment, %s', (SELECT public_id FROM unfinished)))"
        "    WHEN $11::text = 'update' AND EXISTS (SELECT 1 FROM older) THEN"
        "      slipway_refuse('SL409', (SELECT format("
        "      'a downgrade is refused: release counter %s of component ''%s'' is below %s of"
        " the group''s baseline', release_counter, name, now_counter) FROM older LIMIT 1))"
        "    WHEN $11 = 'downgrade' AND NOT EXISTS (SELECT 1 FROM older) THEN"
        "      slipway_refuse('SL409', 'no downgrade: the release is not below the group''s"
        " baseline')"
        "    WHEN $11 = 'downgrade' AND EXISTS (SELECT 1 FROM older WHERE no IS NOT NULL) THEN"
        "      slipway_refuse('SL409', (SELECT format("
        "      'the downgrade cannot work: release counter %s of component ''%s'' is %s, says the"
        " installed image, %s', release_counter, name, no, now_counter)"
        "        FROM older WHERE no IS NOT NULL LIMIT 1))"
        "    ELSE true END AS ok),"
        " fresh AS MATERIALIZED (SELECT gen_random_uuid() AS public_id),"
        " made AS ("
        "  INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt,"
        "                          soak_s, failed_percent, min_finished, author_id, action, gate)"
        "  SELECT fresh.public_id, $1, target.id, goal.id,"
        "         CASE WHEN slipway_needs_approval($1, target.id) THEN 'awaiting-approval'"
        "              ELSE 'running' END,"
        "         coalesce($4::text, fresh.public_id::text), $5::integer, $6::integer,"
        "         $7::integer, $9::bigint, $11, jsonb_build_object('install', NULL, 'health', NULL,"
        "           'silence', NULL, 'threshold',"
        "           jsonb_build_object('failed_percent', $6, 'min_finished', $7))"
        "    FROM checked, fresh, target, goal WHERE checked.ok"
        "  RETURNING id, public_id, state, phase, salt, soak_s, failed_percent, min_finished,"
        "            action, created_at),"
        " steps AS ("
        "  INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli, soak_s)"
        "  SELECT made.id, given.phase, $1, given.share_milli, made.soak_s"
        "    FROM made, unnest($8::integer[]) WITH ORDINALITY AS given (share_milli, phase)"
        "  RETURNING phase, share_milli),"
        " counters AS ("
        "  INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
        "  SELECT made.id, steps.phase, word.state, $1, 0"
        "    FROM made, steps, unnest(ARRAY['offered', 'downloading', 'staged', 'activating',"
        "         'verifying', 'succeeded', 'failed', 'rolled-back', 'cancelled', 'skipped',"
        "         'touched']) AS word (state)),"
        " planned AS ("
        "  UPDATE release SET deltas_planned_at = NULL FROM goal, made WHERE release.id = goal.id),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'deployment' FROM made),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($9, $10::text, 'deploy.create', 'deployment ' || made.public_id,"
        "           target.product_id, target.id, NULL, to_jsonb(made) || jsonb_build_object("
        "             'group', target.public_id, 'release', goal.public_id, 'shares', $8)) AS seq"
        "    FROM made, target, goal)"
        " SELECT json_build_object('id', made.public_id, 'group', target.name,"
        "   'group_id', target.public_id, 'release', goal.name, 'release_id', goal.public_id,"
        "   'action', made.action, 'state', made.state, 'phase', made.phase, 'salt', made.salt,"
        "   'soak_s', made.soak_s,"
        "   'gate', json_build_object('failed_percent', made.failed_percent,"
        "                             'min_finished', made.min_finished),"
        "   'phases', (SELECT json_agg(json_build_object('phase', phase,"
        "                       'percent', trim_scale(share_milli / 1000.0)) ORDER BY phase)"
        "                FROM steps),"
        "   'created', slipway_time(made.created_at))"
        "   FROM made, target, goal, audited",
};

void store_deployment_create(struct db *db, const struct store_deployment *deployment,
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_create, done, arg);

    db_bind_i64(call, deployment->actor->tenant_id);
    db_bind_text(call, deployment->group);
    db_bind_text(call, deployment->release);
    db_bind_text(call, deployment->salt);
    db_bind_i64(call, deployment->soak_s);
    db_bind_i64(call, deployment->failed_percent);
    db_bind_i64(call, deployment->min_finished);
    db_bind_i32_array(call, deployment->shares_milli, deployment->phase_count);
    store_actor_bind(call, deployment->actor);
    db_bind_text(call, deployment->is_downgrade ? "downgrade" : "update");
    db_send(call);
}

/* clang-format off */
/* What the counters say, of all phases or of the phase `s`. */
#define COUNTS_WHERE                                                                               \
    "(SELECT json_object_agg(k.state, k.n) FROM (SELECT state, sum(n) AS n"                        \
    "   FROM deployment_counter WHERE deployment_id = d.id AND state <> 'touched'"
#define TOUCHED_WHERE                                                                              \
    "(SELECT coalesce(sum(n), 0) FROM deployment_counter"                                          \
    "  WHERE deployment_id = d.id AND state = 'touched'"
#define COUNTS_OF_ALL    COUNTS_WHERE " GROUP BY state) k)"
#define COUNTS_OF_PHASE  COUNTS_WHERE " AND phase = s.phase GROUP BY state) k)"
#define TOUCHED_OF_ALL   TOUCHED_WHERE ")"
#define TOUCHED_OF_PHASE TOUCHED_WHERE " AND phase = s.phase)"

#define DEPLOYMENT_FIELDS                                                                          \
    "'id', d.public_id, 'product', p.name, 'group', g.name, 'group_id', g.public_id,"              \
    " 'release', r.name, 'release_id', r.public_id, 'action', d.action, 'state', d.state,"         \
    " 'phase', d.phase,"                                                                           \
    " 'salt', d.salt, 'soak_s', d.soak_s,"                                                         \
    " 'gate', json_build_object('failed_percent', d.failed_percent,"                               \
    "                           'min_finished', d.min_finished),"                                  \
    " 'phases', (SELECT json_agg(json_build_object('phase', s.phase,"                              \
    "     'percent', trim_scale(s.share_milli / 1000.0),"                                          \
    "     'state', CASE WHEN s.phase < d.phase OR d.state = 'finished' THEN 'done'"                \
    "                   WHEN s.phase = d.phase THEN d.state ELSE 'waiting' END,"                   \
    "     'counts', " COUNTS_OF_PHASE ", 'touched', " TOUCHED_OF_PHASE ") ORDER BY s.phase)"       \
    "   FROM deployment_phase s WHERE s.deployment_id = d.id),"                                    \
    " 'counts', " COUNTS_OF_ALL ", 'touched', " TOUCHED_OF_ALL ", 'halt', d.halt,"                 \
    " 'author', slipway_token_name(d.author_id),"                                                   \
    " 'approver', slipway_token_name(d.approver_id),"                                              \
    " 'created', slipway_time(d.created_at), 'phase_started', slipway_time(d.phase_started_at),"   \
    " 'ended', slipway_time(d.ended_at)"
#define DEPLOYMENT_JOIN                                                                            \
    " FROM deployment d JOIN device_group g ON g.id = d.group_id"                                  \
    " JOIN product p ON p.id = g.product_id JOIN release r ON r.id = d.release_id"
/* clang-format on */

static const struct db_stmt deployment_list = {
    .name = "deployment_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        STORE_PAGE("SELECT d.id, json_build_object(" DEPLOYMENT_FIELDS ") AS item" DEPLOYMENT_JOIN
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

/* With what an update costs: each image's length, whole and compressed, and the kept deltas to
 * it, the one that most devices can use first. */
static const struct db_stmt deployment_get = {
    .name = "deployment_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object(" DEPLOYMENT_FIELDS ","
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

static const struct db_stmt deployment_move = {
    .name = "deployment_move",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH found AS ("
           "  SELECT d.id, d.public_id, d.state, d.group_id, d.author_id, d.created_at,"
           "         g.product_id"
           "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
           "   WHERE d.tenant_id = $1::bigint AND d.public_id = $2::uuid FOR UPDATE OF d),"
           " moved AS ("
           "  UPDATE deployment d"
           "     SET state = $4::text, ended_at = CASE WHEN $4 = 'aborted' THEN now() END,"
           "         phase_started_at = CASE WHEN found.state = 'awaiting-approval' THEN now()"
           "                                 ELSE d.phase_started_at END,"
           "         approver_id = CASE WHEN $5::text = 'deploy.approve' THEN $6::bigint"
           "                            ELSE d.approver_id END"
           "    FROM found"
           "   WHERE d.id = found.id"
           "     AND CASE WHEN NOT found.state = ANY ($3::text[]) THEN slipway_refuse('SL409',"
           "                     format('the deployment is %s', found.state))"
           "              WHEN $5 <> 'deploy.approve' THEN true"
           "              ELSE slipway_other_eyes(found.author_id, $6, found.created_at) END"
           "  RETURNING d.public_id, d.state, d.phase),"
           " noted AS ("
           "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'deployment' FROM moved),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($6, $7::text, $5, 'deployment ' || found.public_id,"
           "                       found.product_id, found.group_id,"
           "                       jsonb_build_object('state', found.state),"
           "                       jsonb_build_object('state', moved.state)) AS seq"
           "    FROM found, moved)"
           " SELECT json_build_object('id', public_id, 'state', state, 'phase', phase)"
           "   FROM moved, audited",
};

void store_deployment_move(struct db *db, const struct store_actor *actor, const char *id,
                           enum store_deployment_move move, db_done_fn *done, void *arg)
{
    /* clang-format off */
    static const struct {
        const char *action; /* in the audit */
        const char *to;
        size_t from_count;
        const char *from[4];
    } moves[] = {
        [DEPLOYMENT_APPROVE] = {"deploy.approve", "running", 1, {"awaiting-approval"}},
        [DEPLOYMENT_PAUSE]   = {"deploy.pause",   "paused",  1, {"running"}},
        [DEPLOYMENT_RESUME]  = {"deploy.resume",  "running", 1, {"paused"}},
        [DEPLOYMENT_ABORT]   = {"deploy.abort",   "aborted", 4,
                                {"awaiting-approval", "running", "paused", "halted"}},
    };
    /* clang-format on */
    _Static_assert(COUNT(moves) == DEPLOYMENT_MOVE_COUNT, "every move has its states");
    struct db_call *call = db_call_new(db, &deployment_move, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    db_bind_text_array(call, moves[move].from, moves[move].from_count);
    db_bind_text(call, moves[move].to);
    db_bind_text(call, moves[move].action);
    store_actor_bind(call, actor);
    db_send(call);
}

static const struct db_stmt deployment_devices = {
    .name = "deployment_devices",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH looked_at AS MATERIALIZED ("
        "  SELECT coalesce((SELECT id FROM deployment"
        "                    WHERE tenant_id = $1::bigint AND public_id = $4::uuid),"
        "                  slipway_missing('deployment')) AS id) " STORE_PAGE(
            "SELECT d.id, json_build_object('device', encode(d.device_id, 'hex'),"
            "       'state', dd.state, 'phase', dd.phase, 'reason', dd.reason, 'detail', dd.detail,"
            "       'fetched_bytes', dd.fetched_bytes, 'offered', slipway_time(dd.offered_at),"
            "       'activated', slipway_time(dd.activated_at),"
            "       'updated', slipway_time(dd.updated_at)) AS item"
            "  FROM looked_at JOIN deployment_device dd ON dd.deployment_id = looked_at.id"
            "  JOIN device d ON d.id = dd.device_id"
            " WHERE dd.tenant_id = $1 AND dd.device_id > $2::bigint"
            "   AND ($5::text IS NULL OR dd.state = $5)"),
};

void store_deployment_devices(struct db *db, const struct store_page *page, const char *id,
                              const char *state, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_devices, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, id);
    db_bind_text(call, state);
    db_send(call);
}

const struct db_stmt *const store_deployment_statements[] = {&deployment_create,  &deployment_list,
                                                             &deployment_get,     &deployment_move,
                                                             &deployment_devices, NULL};
