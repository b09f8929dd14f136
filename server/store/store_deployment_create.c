/*
 * Creating a deployment writes the deployment, its phases and its counters, all zero; not one row
 * per device. Every refusal looks at the group's baseline, which cannot move: a group has one
 * unfinished deployment, and only that one could become it. The unfinished one is locked before the
 * group, as whoever finishes it does.
 */
#include "server/store/store_deployment.h"

#include "server/store/way_back.h"

/* clang-format off */
#define TARGETS                                                                                    \
    "WITH unfinished AS MATERIALIZED ("                                                            \
    "  SELECT d.id, d.public_id, d.state"                                                          \
    "    FROM device_group g JOIN deployment d ON d.group_id = g.id"                               \
    "   WHERE g.tenant_id = $1::bigint AND g.public_id = $2::uuid AND " STORE_UNFINISHED           \
    "     FOR NO KEY UPDATE OF d),"                                                                \
    " target AS MATERIALIZED ("                                                                    \
    "  SELECT g.id, g.public_id, g.name, g.product_id, base.id AS base_id, base.release_id"        \
    "    FROM device_group g LEFT JOIN deployment base ON base.id = g.baseline_deployment_id"      \
    "   WHERE g.tenant_id = $1 AND g.public_id = $2 AND g.deleted_at IS NULL"                      \
    "     AND (SELECT count(*) FROM unfinished) >= 0 FOR NO KEY UPDATE OF g),"                     \
    " goal AS ("                                                                                   \
    "  SELECT r.id, r.public_id, r.name, r.product_id, r.assumes"                                  \
    "    FROM release r WHERE r.tenant_id = $1 AND r.public_id = $3::uuid),"                       \
    " given AS (SELECT $4::jsonb AS s),"                                                           \
    " goal_image AS MATERIALIZED ("                                                                \
    "  SELECT i.*, c.name, c.type FROM goal JOIN release_image ri ON ri.release_id = goal.id"      \
    "    JOIN image i ON i.id = ri.image_id JOIN component c ON c.id = i.component_id),"           \
    " base_image AS MATERIALIZED ("                                                                \
    "  SELECT i.*, c.name, c.type FROM target"                                                     \
    "    JOIN release_image ri ON ri.release_id = target.release_id"                               \
    "    JOIN image i ON i.id = ri.image_id JOIN component c ON c.id = i.component_id)"

/* The hardware of the group's devices, one step in the index for each kind, whatever the fleet's
 * size: a search for any device of the group would walk the whole table for a group without one. */
#define NEXT_HARDWARE(after)                                                                       \
    "SELECT v.hwid FROM device v WHERE v.group_id = (SELECT id FROM target)"                       \
    "   AND v.hwid > " after " ORDER BY v.hwid LIMIT 1"

/* What stands in the way, a row for each image. */
#define HINDRANCES                                                                                 \
    " older AS ("                                                                                  \
    "  SELECT b.name, b.release_counter AS now_counter, i.release_counter,"                        \
    "         " STORE_NO_WAY_BACK("b", "i") " AS no"                                               \
    "    FROM base_image b JOIN goal_image i"                                                      \
    "      ON i.component_id = b.component_id AND i.hwids && b.hwids"                              \
    "   WHERE i.release_counter < b.release_counter),"                                             \
    " one_way AS ("                                                                                \
    "  SELECT i.name, i.release_counter, b.release_counter AS base_counter,"                       \
    "         " STORE_NO_WAY_BACK_FROM("i", "b") " AS no"                                          \
    "    FROM goal_image i LEFT JOIN base_image b"                                                 \
    "      ON b.component_id = i.component_id AND b.hwids && i.hwids),"                            \
    " unmet AS ("                                                                                  \
    "  SELECT i.name, need.name AS needed, need.min_counter"                                       \
    "    FROM goal, goal_image i, jsonb_to_recordset(i.requires)"                                  \
    "           AS need (type text, name text, min_counter bigint)"                                \
    "   WHERE coalesce((goal.assumes ->> (need.type || '/' || need.name))::bigint, -1)"            \
    "           < need.min_counter"                                                                \
    "     AND NOT EXISTS ("                                                                        \
    "       SELECT 1 FROM (SELECT * FROM goal_image UNION ALL SELECT * FROM base_image) AS o"      \
    "        WHERE o.type = need.type AND o.name = need.name AND o.hwids && i.hwids"               \
    "          AND o.release_counter >= need.min_counter)),"                                       \
    " hardware AS MATERIALIZED ("                                                                  \
    "  SELECT array_agg(DISTINCT h) AS fits FROM goal_image i, unnest(i.hwids) AS h),"             \
    " present AS MATERIALIZED ("                                                                   \
    "  WITH RECURSIVE step AS ("                                                                   \
    "    SELECT (" NEXT_HARDWARE("''") ") AS hwid"                                                 \
    "    UNION ALL"                                                                                \
    "    SELECT (" NEXT_HARDWARE("step.hwid") ") FROM step WHERE step.hwid IS NOT NULL)"           \
    "  SELECT hwid FROM step WHERE hwid IS NOT NULL)"

/* What is joined to it is joined from the left: a refusal has to be met even where there is no
 * group to look at. */
#define CHECKED                                                                                    \
    " checked AS MATERIALIZED ("                                                                   \
    "  SELECT CASE"                                                                                \
    "    WHEN NOT EXISTS (SELECT 1 FROM target) THEN"                                              \
    "      slipway_refuse('SL404', 'there is no such group')"                                      \
    "    WHEN NOT EXISTS (SELECT 1 FROM goal) THEN"                                                \
    "      slipway_refuse('SL404', 'there is no such release')"                                    \
    "    WHEN (SELECT product_id FROM target) <> (SELECT product_id FROM goal) THEN"               \
    "      slipway_refuse('SL409', 'the release is of another product than the group')"            \
    "    WHEN EXISTS (SELECT 1 FROM unfinished) AND NOT (s ->> 'supersedes')::boolean THEN"        \
    "      slipway_refuse('SL409', (SELECT format('the group has an unfinished deployment, %s,"    \
    " which is %s: supersede it, or abort it', public_id, state) FROM unfinished))"                \
    "    WHEN s ->> 'supersedes_id' IS NOT NULL AND NOT EXISTS (SELECT 1 FROM unfinished"          \
    "           WHERE public_id = (s ->> 'supersedes_id')::uuid) THEN"                             \
    "      slipway_refuse('SL409', format('%s cannot be superseded: it is not the unfinished"      \
    " deployment of the group', s ->> 'supersedes_id'))"                                           \
    "    WHEN s ->> 'action' = 'update' AND EXISTS (SELECT 1 FROM older) THEN"                     \
    "      slipway_refuse('SL409', (SELECT format("                                                \
    "      'a downgrade is refused: release counter %s of component ''%s'' is below %s of"         \
    " the group''s baseline', release_counter, name, now_counter) FROM older LIMIT 1))"            \
    "    WHEN s ->> 'action' = 'downgrade' AND NOT EXISTS (SELECT 1 FROM older) THEN"              \
    "      slipway_refuse('SL409', 'no downgrade: the release is not below the group''s"           \
    " baseline')"                                                                                  \
    "    WHEN s ->> 'action' = 'downgrade' AND EXISTS (SELECT 1 FROM older WHERE no IS NOT NULL)"  \
    "      THEN slipway_refuse('SL409', (SELECT format("                                           \
    "      'the downgrade cannot work: release counter %s of component ''%s'' is %s, says the"     \
    " installed image, %s', release_counter, name, no, now_counter)"                               \
    "        FROM older WHERE no IS NOT NULL LIMIT 1))"                                            \
    "    WHEN EXISTS (SELECT 1 FROM unmet) THEN slipway_refuse('SL409', (SELECT format("           \
    "      'component ''%s'' requires ''%s'' at least at release counter %s, which neither the"    \
    " release nor the group''s baseline has', name, needed, min_counter) FROM unmet LIMIT 1))"     \
    "    WHEN EXISTS (SELECT 1 FROM present) AND NOT EXISTS ("                                     \
    "           SELECT 1 FROM present, hardware WHERE present.hwid = ANY (hardware.fits)) THEN"    \
    "      slipway_refuse('SL409', (SELECT format('no device of the group can run it: its images"  \
    " are for %s', array_to_string(fits, ', ')) FROM hardware))"                                   \
    "    WHEN s ->> 'on_stop' = 'roll-back' AND (SELECT base_id FROM target) IS NULL THEN"         \
    "      slipway_refuse('SL409', 'on_stop ''roll-back'' cannot work: the group has no baseline"  \
    " to go back to')"                                                                             \
    "    WHEN s ->> 'on_stop' = 'roll-back' AND EXISTS (SELECT 1 FROM one_way WHERE no IS NOT"     \
    " NULL) THEN slipway_refuse('SL409', (SELECT format("                                          \
    "      'on_stop ''roll-back'' cannot work: the baseline''s release counter%s of component"     \
    " ''%s'' is %s, says the image %s', ' ' || base_counter, name, no, release_counter)"           \
    "        FROM one_way WHERE no IS NOT NULL LIMIT 1))"                                          \
    "    ELSE true END AS ok FROM given)"

static const struct db_stmt deployment_create = {
    .name = "deployment_create",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = TARGETS "," HINDRANCES "," CHECKED ","
        " fresh AS MATERIALIZED (SELECT gen_random_uuid() AS public_id),"
        " superseded AS ("
        "  UPDATE deployment d"
        "     SET state = 'aborted', ended_at = now(),"
        "         state_reason = 'superseded by ' || fresh.public_id"
        "    FROM checked, fresh, unfinished WHERE checked.ok AND d.id = unfinished.id"
        "  RETURNING d.id, d.public_id),"
        " begins AS ("
        "  SELECT CASE WHEN (s ->> 'draft')::boolean THEN 'draft'"
        "              WHEN (s ->> 'security')::boolean OR slipway_needs_approval($1, target.id)"
        "                THEN 'awaiting-approval'"
        "              WHEN (s ->> 'start')::timestamptz > now() THEN 'scheduled'"
        "              ELSE 'running' END AS state,"
        "         (s ->> 'start')::timestamptz AS start_at"
        "    FROM given, checked LEFT JOIN target ON checked.ok WHERE checked.ok),"
        " made AS ("
        "  INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt, soak_s,"
        "      failed_percent, min_finished, author_id, action, gate, on_stop, start_at,"
        "      concurrency, bytes_per_hour, delta_policy, delta_until, retry_max, retry_after_s,"
        "      is_security, supersedes_id)"
        "  SELECT fresh.public_id, $1, target.id, goal.id, begins.state,"
        "         coalesce(s ->> 'salt', fresh.public_id::text), (s ->> 'soak_s')::integer,"
        "         (s #>> '{gate,threshold,failed_percent}')::integer,"
        "         (s #>> '{gate,threshold,min_finished}')::integer, $5::bigint, s ->> 'action',"
        "         s -> 'gate', s ->> 'on_stop', begins.start_at, (s ->> 'concurrency')::integer,"
        "         (s ->> 'bytes_per_hour')::bigint, s ->> 'delta_policy',"
        "         CASE s ->> 'delta_policy' WHEN 'wait-for-delta'"
        "              THEN greatest(now(), begins.start_at)"
        "                   + (s ->> 'delta_deadline_s')::integer * interval '1 second' END,"
        "         (s ->> 'retry_max')::integer, (s ->> 'retry_after_s')::integer,"
        "         (s ->> 'security')::boolean, superseded.id"
        "    FROM fresh, given, begins LEFT JOIN target ON true LEFT JOIN goal ON true"
        "    LEFT JOIN superseded ON true"
        "  RETURNING *),"
        " steps AS ("
        "  INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli,"
        "      device_count, filter, soak_s, soak_device_h, advance)"
        "  SELECT made.id, p.n, $1, (p.o ->> 'share_milli')::integer,"
        "         (p.o ->> 'device_count')::integer, p.o ->> 'filter',"
        "         (p.o ->> 'soak_s')::integer, (p.o ->> 'soak_device_h')::integer,"
        "         p.o ->> 'advance'"
        "    FROM made, given, jsonb_array_elements(s -> 'phases') WITH ORDINALITY AS p (o, n)"
        "  RETURNING *),"
        " counters AS ("
        "  INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
        "  SELECT made.id, steps.phase, word.state, $1, 0"
        "    FROM made, steps, unnest(ARRAY['offered', 'downloading', 'staged', 'activating',"
        "         'verifying', 'succeeded', 'failed', 'rolled-back', 'cancelled', 'skipped',"
        "         'touched']) AS word (state)),"
        /* Who plans its deltas at this moment plans for this deployment, too: not waited for. */
        " unplanned AS ("
        "  SELECT r.id FROM made JOIN goal ON true JOIN release r ON r.id = goal.id"
        "     FOR NO KEY UPDATE OF r SKIP LOCKED),"
        " planned AS ("
        "  UPDATE release SET deltas_planned_at = NULL FROM unplanned"
        "   WHERE release.id = unplanned.id),"
        " noted AS ("
        "  INSERT INTO change_log (tenant_id, what) SELECT $1, 'deployment' FROM made),"
        " noticed AS MATERIALIZED ("
        "  SELECT count(slipway_notice($1, said.event, jsonb_build_object('deployment', said.id,"
        "           'group', target.public_id, 'release', goal.name, 'reason', said.reason))) AS n"
        "    FROM target, goal,"
        "         (SELECT 'deployment.aborted' AS event, superseded.public_id AS id,"
        "                 'superseded by ' || fresh.public_id AS reason FROM superseded, fresh"
        "          UNION ALL SELECT 'deployment.started', public_id, NULL FROM made"
        "                     WHERE state = 'running') AS said),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($5, $6::text, 'deploy.create', 'deployment ' || made.public_id,"
        "           target.product_id, target.id, NULL, s || jsonb_build_object('state',"
        "             made.state, 'salt', made.salt, 'group', target.public_id, 'release',"
        "             goal.public_id, 'superseded', superseded.public_id)) AS seq"
        "    FROM made, target, goal, given LEFT JOIN superseded ON true)"
        " SELECT json_build_object('id', made.public_id, 'group', target.name,"
        "   'group_id', target.public_id, 'release', goal.name, 'release_id', goal.public_id,"
        "   'action', made.action, 'state', made.state, 'phase', made.phase, 'salt', made.salt,"
        "   'soak_s', made.soak_s, 'gate', made.gate, 'on_stop', made.on_stop,"
        "   'start', slipway_time(made.start_at),"
        "   'supersedes', (SELECT public_id FROM superseded),"
        "   'phases', (SELECT json_agg(json_build_object('phase', phase,"
        "                       'percent', trim_scale(share_milli / 1000.0),"
        "                       'count', device_count, 'filter', nullif(filter, ''),"
        "                       'soak_s', soak_s, 'soak_device_h', soak_device_h,"
        "                       'advance', advance) ORDER BY phase) FROM steps),"
        "   'created', slipway_time(made.created_at))"
        "   FROM made, target, goal, audited, noticed",
};
/* clang-format on */

void store_deployment_create(struct db *db, const struct store_deployment *deployment,
                             db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &deployment_create, done, arg);

    db_bind_i64(call, deployment->actor->tenant_id);
    db_bind_text(call, deployment->group);
    db_bind_text(call, deployment->release);
    db_bind_json(call, deployment->rest);
    store_actor_bind(call, deployment->actor);
    db_send(call);
}

const struct db_stmt *const store_deployment_create_statements[] = {&deployment_create, NULL};
