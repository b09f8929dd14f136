/*
 * A change marks the device's row with its time (in whole milliseconds, as memory reads it), and
 * the change log tells the servers to look. What the device was offered is taken back by its next
 * poll; only one that will not poll again is taken out of its deployment here.
 */
#include "server/store/store_device_change.h"

#include "server/store/device_json.h"
#include "server/store/moves.h"

#define CHANGED_NOW "date_trunc('milliseconds', now())"
#define DEVICE_ITEM "json_build_object(" DEVICE_FIELDS ")"

/* What of a device is an operator's, for the audit. */
#define DEVICE_STATE(t)                                                                            \
    "jsonb_build_object('group', " t ".group_id, 'state', " t ".state, 'reason', " t               \
    ".state_reason, 'hold', " t ".hold_until, 'hold_reason', " t ".hold_reason, 'tags', " t        \
    ".tags, 'replaced_by', " t ".replaced_by)"

/* $1 tenant, $2 device: the row as it was, locked. */
#define OLD_DEVICE                                                                                 \
    "old AS ("                                                                                     \
    "  SELECT * FROM device"                                                                       \
    "   WHERE tenant_id = $1::bigint AND device_id = $2::bytea FOR NO KEY UPDATE)"
#define NOT_GONE                                                                                   \
    "checked AS ("                                                                                 \
    "  SELECT old.id, CASE WHEN old.state = 'decommissioned' THEN slipway_refuse('SL409',"         \
    "    'the device was decommissioned') ELSE true END AS ok FROM old)"

/* What follows from a device `d` that changed. $3, $4: who, by which request. */
#define DEVICE_CHANGED(action)                                                                     \
    " noted AS (INSERT INTO change_log (tenant_id, what) SELECT $1, 'device' FROM d),"             \
    " audited AS MATERIALIZED ("                                                                   \
    "  SELECT slipway_audit($3::bigint, $4::text, '" action "',"                                   \
    "           'device ' || encode(d.device_id, 'hex'), g.product_id, g.id,"                      \
    "           " DEVICE_STATE("old") ", " DEVICE_STATE(                                           \
        "d") ") AS seq"                                                                            \
             "    FROM d JOIN old ON old.id = d.id JOIN device_group g ON g.id = d.group_id)"      \
             " SELECT " DEVICE_ITEM " FROM audited, d" DEVICE_JOIN

static void bind_device(struct db_call *call, const struct store_device_id *device)
{
    db_bind_i64(call, device->actor->tenant_id);
    db_bind_bytes(call, device->device, HASH_BYTES);
    store_actor_bind(call, device->actor);
}

/* --- states ------------------------------------------------------------------------------------
 */

/* Who lets a device go on also takes it out of the penalty box. */
#define DEVICE_ACT(title, state, action)                                                           \
    {                                                                                              \
        .name = (title), .params = 5, .scope = DB_TENANT, .tenant_param = 1,                       \
        .sql = "WITH " OLD_DEVICE ", " NOT_GONE ","                                                \
               " d AS ("                                                                           \
               "  UPDATE device v SET state = '" state "', state_reason = $5::text,"               \
               "         failures = CASE '" state "' WHEN 'active' THEN 0 ELSE v.failures END,"    \
               "         penalty_until = CASE '" state "' WHEN 'active' THEN NULL"                 \
               "                                          ELSE v.penalty_until END,"               \
               "         changed_at = " CHANGED_NOW                                                \
               "    FROM checked WHERE v.id = checked.id AND checked.ok"                           \
               "  RETURNING v.*)," DEVICE_CHANGED(action),                                         \
    }

static const struct db_stmt device_quarantine =
    DEVICE_ACT("device_quarantine", "quarantined", "device.quarantine");
static const struct db_stmt device_release =
    DEVICE_ACT("device_release", "active", "device.release");

/* The device will not say how its updates end. Its open rows are closed without a verdict, so that
 * no gate waits and no count is off. Of devices in `gone` (id). */
#define OPEN_STATES "('offered', 'downloading', 'staged', 'activating', 'verifying')"
#define ROWS_CLOSED                                                                                \
    " open AS MATERIALIZED ("                                                                      \
    "  SELECT dd.deployment_id, dd.device_id, dd.state FROM gone"                                  \
    "    JOIN deployment_device dd ON dd.device_id = gone.id AND dd.state IN " OPEN_STATES         \
    "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"                         \
    " closed AS ("                                                                                 \
    "  UPDATE deployment_device dd SET state = 'cancelled', reason = 'CANCELLED',"                 \
    "         detail = 'the device was decommissioned', updated_at = now()"                        \
    "    FROM open"                                                                                \
    "   WHERE dd.deployment_id = open.deployment_id AND dd.device_id = open.device_id"             \
    "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase, dd.stratum, dd.verdict,"  \
    "            open.state),"                                                                     \
    " counted AS (" STORE_COUNT_BEGIN                                                              \
    "  SELECT deployment_id, phase, tenant_id, state, -1 AS n FROM closed"                         \
    "  UNION ALL"                                                                                  \
    "  SELECT deployment_id, phase, tenant_id, 'cancelled', 1 FROM closed"                         \
    "  " STORE_COUNT_END "),"                                                                      \
    " strata AS (" STORE_STRATA_BEGIN "  SELECT deployment_id, stratum, tenant_id, 0 AS touched,"  \
    "         -" STORE_IS_OPEN("state") " AS open, 0 AS succeeded, 0 AS failed, 0 AS device,"      \
                                        "         0 AS server FROM closed WHERE " STORE_IS_OPEN(   \
                                            "state") " = 1"                                        \
                                                     "  " STORE_STRATA_END "),"                    \
                                                     " sessions AS ("                              \
                                                     "  DELETE FROM device_session s USING gone "  \
                                                     "WHERE s.device_id = gone.id),"

static const struct db_stmt device_decommission = {
    .name = "device_decommission",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH " OLD_DEVICE ", " NOT_GONE ","
           " gone AS MATERIALIZED (SELECT id FROM checked WHERE ok)," ROWS_CLOSED " d AS ("
           "  UPDATE device v SET state = 'decommissioned', state_reason = $5::text,"
           "         assignment = v.assignment + 1, changed_at = " CHANGED_NOW
           "    FROM gone WHERE v.id = gone.id"
           "  RETURNING v.*)," DEVICE_CHANGED("device.decommission"),
};

void store_device_act(struct db *db, const struct store_device_id *device,
                      enum store_device_act act, const char *reason, db_done_fn *done, void *arg)
{
    static const struct db_stmt *const statements[] = {
        [DEVICE_QUARANTINE] = &device_quarantine,
        [DEVICE_RELEASE] = &device_release,
        [DEVICE_DECOMMISSION] = &device_decommission,
    };
    struct db_call *call;

    _Static_assert(COUNT(statements) == DEVICE_ACT_COUNT, "every act has a statement");
    call = db_call_new(db, statements[act], done, arg);
    bind_device(call, device);
    db_bind_text(call, reason);
    db_send(call);
}

/* --- holds and tags ----------------------------------------------------------------------------
 */

static const struct db_stmt device_hold = {
    .name = "device_hold",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH " OLD_DEVICE ", " NOT_GONE ","
           " d AS ("
           "  UPDATE device v SET hold_until = $5::timestamptz, hold_reason = $6::text,"
           "         changed_at = " CHANGED_NOW
           "    FROM checked WHERE v.id = checked.id AND checked.ok"
           "  RETURNING v.*)," DEVICE_CHANGED("device.hold"),
};

void store_device_hold(struct db *db, const struct store_device_id *device,
                       const struct store_hold *hold, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_hold, done, arg);

    bind_device(call, device);
    store_hold_bind(call, hold);
    db_send(call);
}

static const struct db_stmt device_tag = {
    .name = "device_tag",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH " OLD_DEVICE ","
           " given AS ("
           "  SELECT old.id, jsonb_strip_nulls(CASE WHEN $6::boolean THEN $5::jsonb"
           "                                        ELSE old.tags || $5 END) AS tags FROM old),"
           " checked AS ("
           "  SELECT given.id, given.tags, CASE WHEN n > $7::bigint THEN slipway_refuse('SL409',"
           "           format('the device would have %s tags, %s at most', n, $7))"
           "         ELSE true END AS ok"
           "    FROM given, LATERAL (SELECT count(*) AS n FROM jsonb_object_keys(tags)) AS k),"
           " d AS ("
           "  UPDATE device v SET tags = checked.tags, changed_at = " CHANGED_NOW
           "    FROM checked WHERE v.id = checked.id AND checked.ok"
           "  RETURNING v.*)," DEVICE_CHANGED("device.tag"),
};

void store_device_tag(struct db *db, const struct store_device_id *device,
                      const struct store_tags *tags, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_tag, done, arg);

    bind_device(call, device);
    db_bind_json(call, tags->json);
    db_bind_bool(call, tags->whole);
    db_bind_i64(call, tags->count_max);
    db_send(call);
}

/* --- a repair ----------------------------------------------------------------------------------
 */

/* The audit has an entry for each group of the two: a narrowed token takes no device out of a group
 * that it does not reach. */
static const struct db_stmt device_replace = {
    .name = "device_replace",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH both_of AS MATERIALIZED ("
           "  SELECT * FROM device"
           "   WHERE tenant_id = $1::bigint AND device_id IN ($2::bytea, $5::bytea)"
           "   ORDER BY id FOR NO KEY UPDATE),"
           " old AS (SELECT * FROM both_of WHERE device_id = $2),"
           " new AS (SELECT * FROM both_of WHERE device_id = $5),"
           " checked AS ("
           "  SELECT old.id AS old_id, new.id AS new_id, old.group_id, old.tags, old.hold_until,"
           "         old.hold_reason, CASE"
           "    WHEN new.id IS NULL THEN slipway_refuse('SL404',"
           "      'there is no such device to take its place')"
           "    WHEN new.id = old.id THEN slipway_refuse('SL409',"
           "      'a device does not take its own place')"
           "    WHEN old.replaced_by IS NOT NULL THEN slipway_refuse('SL409',"
           "      'the device was replaced already')"
           "    WHEN new.state = 'decommissioned' THEN slipway_refuse('SL409',"
           "      'the device that shall take its place was decommissioned')"
           "    WHEN NOT new.hwid = ANY (p.hwids) THEN slipway_refuse('SL409',"
           "      format('hardware ''%s'' is not one of product ''%s''', new.hwid, p.name))"
           "    ELSE true END AS ok"
           "    FROM old JOIN device_group g ON g.id = old.group_id"
           "    JOIN product p ON p.id = g.product_id LEFT JOIN new ON true),"
           " gone AS MATERIALIZED (SELECT old_id AS id FROM checked WHERE ok)," ROWS_CLOSED
           " took AS ("
           "  UPDATE device v SET group_id = c.group_id, tags = c.tags, hold_until = c.hold_until,"
           "         hold_reason = c.hold_reason, changed_at = " CHANGED_NOW
           "    FROM checked c WHERE v.id = c.new_id AND c.ok"
           "  RETURNING v.*),"
           " gave AS ("
           "  UPDATE device v SET state = 'decommissioned', replaced_by = c.new_id,"
           "         state_reason = CASE WHEN v.state = 'decommissioned' THEN v.state_reason"
           "                             ELSE 'replaced' END,"
           "         assignment = v.assignment + 1, changed_at = " CHANGED_NOW
           "    FROM checked c WHERE v.id = c.old_id AND c.ok"
           "  RETURNING v.*),"
           " noted AS (INSERT INTO change_log (tenant_id, what) SELECT $1, 'device' FROM took),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'device.replace',"
           "           'device ' || encode(gave.device_id, 'hex'), g.product_id, g.id,"
           "           jsonb_build_array(" DEVICE_STATE("old") ", " DEVICE_STATE(
               "new") "),"
                      "           jsonb_build_array(" DEVICE_STATE("gave") ", " DEVICE_STATE(
                          "took") ")) AS seq"
                                  "    FROM took, gave, old, new, device_group g"
                                  "   WHERE g.id IN (old.group_id, new.group_id))"
                                  " SELECT json_build_object("
                                  "   'old', (SELECT " DEVICE_ITEM " FROM gave d" DEVICE_JOIN "),"
                                  "   'new', (SELECT " DEVICE_ITEM " FROM took d" DEVICE_JOIN "))"
                                  "  FROM took WHERE (SELECT count(seq) FROM audited) > 0",
};

void store_device_replace(struct db *db, const struct store_device_id *device,
                          const uint8_t by[HASH_BYTES], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_replace, done, arg);

    bind_device(call, device);
    db_bind_bytes(call, by, HASH_BYTES);
    db_send(call);
}

/* --- moving ------------------------------------------------------------------------------------
 */

/* The audit has an entry for each group that somebody leaves and for the one that they join: a
 * narrowed token moves nobody out of, or into, a group that it does not reach. */
static const struct db_stmt device_move = {
    .name = "device_move",
    .params = 8,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH goal AS MATERIALIZED ("
        "  SELECT g.id, g.public_id, g.product_id, p.hwids, p.name AS product"
        "    FROM device_group g JOIN product p ON p.id = g.product_id"
        "   WHERE g.tenant_id = $1::bigint AND g.public_id = $2::uuid AND g.deleted_at IS NULL"
        "     FOR KEY SHARE OF g),"
        " source AS MATERIALIZED ("
        "  SELECT CASE WHEN $6::uuid IS NOT NULL THEN"
        "    coalesce((SELECT id FROM device_group WHERE tenant_id = $1 AND public_id = $6"
        "                 AND deleted_at IS NULL), slipway_missing('group')) END AS id),"
        " given AS MATERIALIZED (SELECT unnest($5::bytea[]) AS device_id),"
        " found AS MATERIALIZED ("
        "  SELECT v.id, v.device_id, v.group_id, v.hwid, v.state FROM device v"
        "   WHERE v.tenant_id = $1 AND $5 IS NOT NULL"
        "     AND v.device_id IN (SELECT device_id FROM given)"
        "  UNION ALL"
        "  (SELECT v.id, v.device_id, v.group_id, v.hwid, v.state FROM device v, source"
        "    WHERE v.tenant_id = $1 AND $5 IS NULL AND v.state <> 'decommissioned'"
        "      AND (source.id IS NULL OR v.group_id = source.id)"
        "      AND v.group_id <> coalesce((SELECT id FROM goal), 0)"
        "      AND ($7::jsonb IS NULL"
        "           OR slipway_filter($7, v.attributes, v.tags, slipway_filter_fixed("
        "              $7, v.hwid, v.device_id, v.group_id, v.tenant_id, v.installed)))"
        "    ORDER BY v.id LIMIT $8::bigint)),"
        " lost AS (SELECT encode(device_id, 'hex') AS hex FROM given"
        "           WHERE device_id NOT IN (SELECT device_id FROM found) LIMIT 1),"
        " gone AS (SELECT encode(device_id, 'hex') AS hex FROM found"
        "           WHERE state = 'decommissioned' LIMIT 1),"
        " misfit AS (SELECT encode(f.device_id, 'hex') AS hex, f.hwid FROM found f, goal"
        "             WHERE NOT f.hwid = ANY (goal.hwids) LIMIT 1),"
        " checked AS MATERIALIZED ("
        "  SELECT goal.id, CASE"
        "    WHEN EXISTS (SELECT 1 FROM lost) THEN slipway_refuse('SL404',"
        "      format('there is no such device: %s', (SELECT hex FROM lost)))"
        "    WHEN EXISTS (SELECT 1 FROM gone) THEN slipway_refuse('SL409',"
        "      format('device %s was decommissioned', (SELECT hex FROM gone)))"
        "    WHEN EXISTS (SELECT 1 FROM misfit) THEN slipway_refuse('SL409', (SELECT"
        "      format('hardware ''%s'' of device %s is not one of product ''%s''', hwid, hex,"
        "             goal.product) FROM misfit))"
        "    ELSE true END AS ok FROM goal),"
        " locked AS MATERIALIZED ("
        "  SELECT v.id, v.group_id FROM device v, checked"
        "   WHERE v.id IN (SELECT id FROM found) AND v.group_id <> checked.id AND checked.ok"
        "     AND v.state <> 'decommissioned'"
        "   ORDER BY v.id FOR NO KEY UPDATE OF v),"
        " moved AS ("
        "  UPDATE device v SET group_id = checked.id, changed_at = " CHANGED_NOW
        "    FROM locked, checked WHERE v.id = locked.id AND checked.ok"
        "  RETURNING v.id, v.device_id, locked.group_id AS left_id),"
        " noted AS (INSERT INTO change_log (tenant_id, what)"
        "           SELECT $1, 'device' WHERE EXISTS (SELECT 1 FROM moved)),"
        " ends AS ("
        "  SELECT left_id AS group_id, count(*) AS n,"
        "         encode(sha256(string_agg(device_id, ''::bytea ORDER BY device_id)), 'hex') AS ids"
        "    FROM moved GROUP BY left_id"
        "  UNION ALL"
        "  SELECT checked.id, count(moved.id), encode(sha256(coalesce(string_agg("
        "         moved.device_id, ''::bytea ORDER BY moved.device_id), '')), 'hex')"
        "    FROM checked LEFT JOIN moved ON true WHERE checked.ok GROUP BY checked.id),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($3::bigint, $4::text, 'device.move', 'group ' || g.public_id,"
        "           g.product_id, g.id, NULL, jsonb_build_object('to', goal.public_id,"
        "             'count', ends.n, 'devices_sha256', ends.ids)) AS seq"
        "    FROM ends JOIN device_group g ON g.id = ends.group_id, goal)"
        " SELECT json_build_object('moved', (SELECT count(*) FROM moved),"
        "          'more', (SELECT count(*) FROM found) >= $8)"
        "   FROM checked WHERE (SELECT count(seq) FROM audited) > 0",
};

void store_device_move(struct db *db, const struct store_move *move, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_move, done, arg);

    db_bind_i64(call, move->actor->tenant_id);
    db_bind_text(call, move->to);
    store_actor_bind(call, move->actor);
    if (move->devices)
        db_bind_bytes_array(call, move->devices, move->device_count);
    else
        db_bind_null(call);
    db_bind_text(call, move->group);
    db_bind_json(call, move->program);
    db_bind_i64(call, STORE_MOVE_MAX);
    db_send(call);
}

const struct db_stmt *const store_device_change_statements[] = {
    &device_quarantine, &device_release, &device_decommission, &device_hold,
    &device_tag,        &device_replace, &device_move,         NULL};
