/*
 * The moves that people make. Each is one statement that locks the deployment, refuses what its
 * state does not allow, and tells every server's memory. Resuming begins the common test of install
 * failures anew from what was counted so far, and excuses the trust refusals: people have seen
 * them, and the next ones are judged again.
 */
#include "server/store/store_deployment.h"

#include "server/store/way_back.h"

static const struct db_stmt deployment_move = {
    .name = "deployment_move",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH found AS ("
        "  SELECT d.*, g.product_id, g.public_id AS group_public_id"
        "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
        "   WHERE d.tenant_id = $1::bigint AND d.public_id = $2::uuid FOR UPDATE OF d),"
        " goes AS ("
        "  SELECT found.*, CASE"
        "    WHEN NOT found.state = ANY ($3::text[]) THEN slipway_refuse('SL409',"
        "      format('the deployment is %s%s', found.state,"
        "             CASE WHEN found.state_reason <> '' THEN ': ' || found.state_reason END))"
        "    WHEN $4::text <> 'deploy.approve' THEN true"
        "    ELSE slipway_other_eyes(found.author_id, $5::bigint, found.created_at) END AS ok,"
        "    CASE WHEN $4 = 'deploy.pause' THEN 'paused' WHEN $4 = 'deploy.abort' THEN 'aborted'"
        "         WHEN $4 = 'deploy.resume' AND found.rolls_back_id IS NOT NULL"
        "           THEN 'rolling-back'"
        "         WHEN $4 = 'deploy.start' AND found.state = 'draft' AND (found.is_security"
        "              OR slipway_needs_approval($1, found.group_id)) THEN 'awaiting-approval'"
        "         WHEN found.state IN ('draft', 'awaiting-approval') AND found.start_at > now()"
        "           THEN 'scheduled'"
        "         ELSE 'running' END AS goal,"
        "    greatest(now(), found.start_at) - greatest(found.created_at, found.start_at) AS late"
        "    FROM found),"
        " moved AS ("
        "  UPDATE deployment d"
        "     SET state = goes.goal,"
        "         ended_at = CASE goes.goal WHEN 'aborted' THEN now() END,"
        "         state_reason = $7::text,"
        "         phase_started_at = CASE WHEN goes.state IN ('draft', 'awaiting-approval',"
        "                                  'scheduled') THEN now() ELSE d.phase_started_at END,"
        "         delta_until = CASE WHEN goes.state IN ('draft', 'awaiting-approval')"
        "                            THEN d.delta_until + goes.late ELSE d.delta_until END,"
        "         approver_id = CASE $4 WHEN 'deploy.approve' THEN $5 ELSE d.approver_id END,"
        "         statistic = CASE $4 WHEN 'deploy.resume' THEN 0 ELSE d.statistic END,"
        "         server_excused = CASE $4 WHEN 'deploy.resume' THEN"
        "           (SELECT coalesce(sum(t.server), 0) FROM deployment_stratum t"
        "             WHERE t.deployment_id = d.id) ELSE d.server_excused END"
        "    FROM goes WHERE d.id = goes.id AND goes.ok"
        "  RETURNING d.id, d.public_id, d.state, d.phase),"
        " anew AS ("
        "  UPDATE deployment_stratum t SET statistic = 0 FROM moved"
        "   WHERE t.deployment_id = moved.id AND $4 = 'deploy.resume' AND NOT t.halted),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'deployment' FROM moved),"
        " noticed AS MATERIALIZED ("
        "  SELECT count(slipway_notice($1, CASE $4 WHEN 'deploy.resume' THEN 'deployment.resumed'"
        "                                ELSE word.event END,"
        "           jsonb_build_object('deployment', moved.public_id,"
        "             'group', found.group_public_id, 'reason', $7))) AS n"
        "    FROM found, moved, (VALUES ('running', 'deployment.started'),"
        "           ('rolling-back', 'deployment.resumed'), ('paused', 'deployment.paused'),"
        "           ('aborted', 'deployment.aborted')) AS word (state, event)"
        "   WHERE word.state = moved.state),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($5, $6::text, $4, 'deployment ' || found.public_id,"
        "                       found.product_id, found.group_id,"
        "                       jsonb_build_object('state', found.state),"
        "                       jsonb_build_object('state', moved.state)) AS seq"
        "    FROM found, moved)"
        " SELECT json_build_object('id', public_id, 'state', state, 'phase', phase)"
        "   FROM moved, audited, noticed",
};

void store_deployment_move(struct db *db, const struct store_actor *actor, const char *id,
                           enum store_deployment_move move, db_done_fn *done, void *arg)
{
    /* clang-format off */
    static const struct {
        const char *action; /* in the audit */
        const char *reason; /* why it stands now */
        size_t from_count;
        const char *from[7];
    } moves[] = {
        [DEPLOYMENT_START]   = {"deploy.start",   "", 2, {"draft", "scheduled"}},
        [DEPLOYMENT_APPROVE] = {"deploy.approve", "", 1, {"awaiting-approval"}},
        [DEPLOYMENT_PAUSE]   = {"deploy.pause",   "paused by an operator", 2,
                                {"running", "rolling-back"}},
        [DEPLOYMENT_RESUME]  = {"deploy.resume",  "", 1, {"paused"}},
        [DEPLOYMENT_ABORT]   = {"deploy.abort",   "aborted by an operator", 7,
                                {"draft", "awaiting-approval", "scheduled", "running", "paused",
                                 "rolling-back", "halted"}},
    };
    /* clang-format on */
    _Static_assert(COUNT(moves) == DEPLOYMENT_MOVE_COUNT, "every move has its states");
    struct db_call *call = db_call_new(db, &deployment_move, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    db_bind_text_array(call, moves[move].from, moves[move].from_count);
    db_bind_text(call, moves[move].action);
    store_actor_bind(call, actor);
    db_bind_text(call, moves[move].reason);
    db_send(call);
}

static const struct db_stmt deployment_advance = {
    .name = "deployment_advance",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH found AS ("
        "  SELECT d.id, d.public_id, d.state, d.phase, d.group_id, g.product_id"
        "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
        "   WHERE d.tenant_id = $1::bigint AND d.public_id = $2::uuid FOR NO KEY UPDATE OF d),"
        " moved AS ("
        "  UPDATE deployment_phase p SET advance_now = true FROM found"
        "   WHERE p.deployment_id = found.id AND p.phase = found.phase AND CASE"
        "     WHEN found.state NOT IN ('running', 'rolling-back') THEN"
        "       slipway_refuse('SL409', format('the deployment is %s', found.state))"
        "     WHEN $3::bigint NOT IN (0, found.phase) THEN slipway_refuse('SL409',"
        "       format('phase %s is the one that runs', found.phase))"
        "     WHEN p.advance = 'auto' THEN slipway_refuse('SL409',"
        "       format('phase %s goes on by itself', found.phase))"
        "     ELSE true END"
        "  RETURNING p.deployment_id),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'deployment' FROM moved),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($4::bigint, $5::text, 'deploy.advance',"
        "                       'deployment ' || found.public_id, found.product_id,"
        "                       found.group_id, NULL,"
        "                       jsonb_build_object('phase', found.phase)) AS seq FROM found, moved)"
        " SELECT json_build_object('id', public_id, 'state', state, 'phase', phase,"
        "                          'advance_now', true) FROM found, audited",
};

void store_deployment_advance(struct db *db, const struct store_actor *actor, const char *id,
                              int64_t phase, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_advance, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    db_bind_i64(call, phase);
    store_actor_bind(call, actor);
    db_send(call);
}

/* Where `found` goes back to: the baseline, or what was the baseline before `found` became it. */
/* clang-format off */
#define WAY_BACK                                                                                   \
    " newer AS ("                                                                                  \
    "  SELECT d.public_id, d.state FROM found JOIN deployment d"                                   \
    "      ON d.group_id = found.group_id AND d.id > found.id"                                     \
    "   WHERE " STORE_UNFINISHED " OR EXISTS (SELECT 1 FROM deployment_counter c"                  \
    "           WHERE c.deployment_id = d.id AND c.n > 0)"                                         \
    "   ORDER BY d.id DESC LIMIT 1),"                                                              \
    " target AS ("                                                                                 \
    "  SELECT base.id, base.release_id FROM found JOIN deployment base ON base.id = CASE"          \
    "    WHEN found.baseline_deployment_id IS DISTINCT FROM found.id"                              \
    "      THEN found.baseline_deployment_id"                                                      \
    "    ELSE (SELECT prior.id FROM deployment prior WHERE prior.group_id = found.group_id"        \
    "             AND prior.state = 'finished' AND prior.id < found.id"                            \
    "           ORDER BY prior.id DESC LIMIT 1) END),"                                             \
    " one_way AS ("                                                                                \
    "  SELECT c.name, i.release_counter, b.release_counter AS base_counter,"                       \
    "         " STORE_NO_WAY_BACK_FROM("i", "b") " AS no"                                          \
    "    FROM found JOIN release_image ri ON ri.release_id = found.release_id"                     \
    "    JOIN image i ON i.id = ri.image_id JOIN component c ON c.id = i.component_id"             \
    "    LEFT JOIN (SELECT o.* FROM target t JOIN release_image ti ON ti.release_id = t.release_id"\
    "                 JOIN image o ON o.id = ti.image_id) AS b"                                    \
    "      ON b.component_id = i.component_id AND b.hwids && i.hwids)"
/* clang-format on */

static const struct db_stmt deployment_roll_back = {
    .name = "deployment_roll_back",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH found AS MATERIALIZED ("
        "  SELECT d.id, d.public_id, d.state, d.phase, d.group_id, d.release_id, g.product_id,"
        "         g.public_id AS group_public_id, g.name AS group_name, g.baseline_deployment_id"
        "    FROM deployment d JOIN device_group g ON g.id = d.group_id"
        "   WHERE d.tenant_id = $1::bigint AND d.public_id = $2::uuid FOR NO KEY UPDATE OF "
        "d)," WAY_BACK ", checked AS MATERIALIZED ("
        "  SELECT CASE"
        "    WHEN found.state IN ('draft', 'awaiting-approval', 'scheduled', 'rolling-back') THEN"
        "      slipway_refuse('SL409', format('the deployment is %s', found.state))"
        "    WHEN EXISTS (SELECT 1 FROM newer) THEN slipway_refuse('SL409', (SELECT format("
        "      'a newer deployment followed it, %s, which is %s', public_id, state) FROM newer))"
        "    WHEN NOT EXISTS (SELECT 1 FROM target) THEN slipway_refuse('SL409',"
        "      'the roll-back cannot work: the group has no baseline to go back to')"
        "    WHEN EXISTS (SELECT 1 FROM one_way WHERE no IS NOT NULL) THEN"
        "      slipway_refuse('SL409', (SELECT format('the roll-back cannot work: the baseline''s"
        " release counter%s of component ''%s'' is %s, says the installed image, %s',"
        "          ' ' || base_counter, name, no, release_counter)"
        "        FROM one_way WHERE no IS NOT NULL LIMIT 1))"
        "    ELSE true END AS ok FROM found),"
        " fresh AS MATERIALIZED (SELECT gen_random_uuid() AS public_id),"
        " aborted AS ("
        "  UPDATE deployment d"
        "     SET state = 'aborted', ended_at = now(),"
        "         state_reason = 'rolled back by ' || fresh.public_id"
        "    FROM found, checked, fresh"
        "   WHERE d.id = found.id AND checked.ok AND found.state IN ('running', 'paused')"
        "  RETURNING d.id, d.public_id),"
        " made AS ("
        "  INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt,"
        "                          author_id, action, rolls_back_id, state_reason)"
        "  SELECT fresh.public_id, $1, found.group_id, target.release_id, 'rolling-back',"
        "         fresh.public_id::text, $3::bigint, 'downgrade', found.id,"
        "         'rolls back ' || found.public_id"
        "    FROM fresh, found, target, checked LEFT JOIN aborted ON true WHERE checked.ok"
        "  RETURNING *),"
        " steps AS ("
        "  INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli)"
        "  SELECT id, 1, $1, 100000 FROM made),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'deployment' FROM made),"
        " noticed AS MATERIALIZED ("
        "  SELECT count(slipway_notice($1, said.event, jsonb_build_object('deployment', said.id,"
        "           'group', found.group_public_id, 'reason', said.reason))) AS n"
        "    FROM found, (SELECT 'deployment.aborted' AS event, a.public_id AS id,"
        "                        'rolled back' AS reason FROM aborted a"
        "                 UNION ALL SELECT 'deployment.rolled-back', m.public_id, m.state_reason"
        "                   FROM made m) AS said),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($3, $4::text, 'deploy.rollback', 'deployment ' || found.public_id,"
        "           found.product_id, found.group_id, jsonb_build_object('state', found.state),"
        "           jsonb_build_object('rolled_back_by', made.public_id)) AS seq FROM found, made)"
        " SELECT json_build_object('id', made.public_id, 'state', made.state,"
        "   'phase', made.phase, 'action', made.action, 'group', found.group_name,"
        "   'group_id', found.group_public_id, 'release', r.name, 'release_id', r.public_id,"
        "   'rolls_back', found.public_id, 'reason', made.state_reason)"
        "   FROM found, made JOIN release r ON r.id = made.release_id, audited, noticed",
};

void store_deployment_roll_back(struct db *db, const struct store_actor *actor, const char *id,
                                db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_roll_back, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_deployment_steer_statements[] = {
    &deployment_move, &deployment_advance, &deployment_roll_back, NULL};
