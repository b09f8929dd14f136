/* A device's own claim, and what operators prepared or decide. */
#include "server/store/store_enroll.h"

/* --- the claim ---------------------------------------------------------------------------------
 */

/* Who asks and is not expected waits for a person, if exactly one tenant can be meant and not too
 * many wait there. Who has not asked for a week is forgotten. */
static const struct db_stmt enroll_claim = {
    .name = "enroll_claim",
    .params = 5,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH known AS ("
           "  SELECT v.group_id, v.claim_token_id IS NULL AS is_same,"
           "         v.state = 'decommissioned' AS is_gone"
           "    FROM device v WHERE v.device_id = $1::bytea),"
           " expected AS MATERIALIZED ("
           "  SELECT e.id, $3::text = ANY (p.hwids) AS fits, count(*) OVER () AS n"
           "    FROM preregistration e JOIN device_group g ON g.id = e.group_id"
           "    JOIN product p ON p.id = g.product_id JOIN tenant t ON t.id = e.tenant_id"
           "   WHERE e.device_id = $1 AND e.claimed_at IS NULL"
           "     AND ($4::text IS NULL OR t.name = $4)),"
           " used AS ("
           "  UPDATE preregistration e SET claimed_at = now() FROM expected x"
           "   WHERE e.id = x.id AND x.n = 1 AND x.fits AND e.claimed_at IS NULL"
           "     AND NOT EXISTS (SELECT 1 FROM known)"
           "  RETURNING e.tenant_id, e.group_id, e.tags),"
           " added AS ("
           "  INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid, tags)"
           "  SELECT tenant_id, $1, $2::bytea, group_id, $3, tags FROM used"
           "  RETURNING group_id),"
           " meant AS MATERIALIZED ("
           "  SELECT min(p.tenant_id) AS tenant_id, count(DISTINCT p.tenant_id) AS n"
           "    FROM product p JOIN tenant t ON t.id = p.tenant_id"
           "   WHERE $3 = ANY (p.hwids) AND ($4 IS NULL OR t.name = $4)),"
           " waits AS MATERIALIZED ("
           "  SELECT meant.tenant_id FROM meant WHERE meant.n = 1"
           "     AND NOT EXISTS (SELECT 1 FROM known) AND NOT EXISTS (SELECT 1 FROM expected)"
           "     AND (EXISTS (SELECT 1 FROM pending_claim w WHERE w.device_id = $1"
           "                     AND w.tenant_id = meant.tenant_id)"
           "          OR $5::bigint > (SELECT count(*) FROM pending_claim w"
           "                            WHERE w.tenant_id = meant.tenant_id))),"
           " asked AS ("
           "  INSERT INTO pending_claim AS w (tenant_id, device_id, hwid)"
           "  SELECT tenant_id, $1, $3 FROM waits"
           "  ON CONFLICT (device_id) DO UPDATE SET asked_at = now(), hwid = excluded.hwid,"
           "     tenant_id = excluded.tenant_id,"
           "     rejected_at = CASE WHEN w.tenant_id = excluded.tenant_id THEN w.rejected_at END"
           "  RETURNING w.rejected_at IS NOT NULL AS is_rejected),"
           " forgotten AS ("
           "  DELETE FROM pending_claim w"
           "   WHERE w.device_id <> $1 AND w.asked_at < now() - interval '7 days'),"
           " mine AS ("
           "  SELECT group_id FROM added"
           "  UNION ALL SELECT group_id FROM known WHERE is_same AND NOT is_gone)"
           " SELECT CASE"
           "    WHEN EXISTS (SELECT 1 FROM mine) THEN 'good'"
           "    WHEN EXISTS (SELECT 1 FROM known WHERE is_gone) THEN 'gone'"
           "    WHEN EXISTS (SELECT 1 FROM known) THEN 'other'"
           "    WHEN EXISTS (SELECT 1 FROM expected WHERE n > 1) THEN 'unclear'"
           "    WHEN EXISTS (SELECT 1 FROM expected) THEN 'other-hardware'"
           "    WHEN EXISTS (SELECT 1 FROM asked WHERE is_rejected) THEN 'rejected'"
           "    WHEN EXISTS (SELECT 1 FROM asked) THEN 'pending'"
           "    WHEN (SELECT n FROM meant) = 0 THEN 'nowhere'"
           "    WHEN (SELECT n FROM meant) > 1 THEN 'unclear'"
           "    ELSE 'full' END, t.name, p.name, g.name"
           "   FROM (VALUES (1)) AS one LEFT JOIN mine ON true"
           "   LEFT JOIN device_group g ON g.id = mine.group_id"
           "   LEFT JOIN product p ON p.id = g.product_id"
           "   LEFT JOIN tenant t ON t.id = g.tenant_id",
};

void store_enroll_claim(struct db *db, const struct wire_claim *claim, const uint8_t device[32],
                        const char *tenant, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &enroll_claim, done, arg);

    db_bind_bytes(call, device, 32);
    db_bind_bytes(call, claim->public_key, sizeof(claim->public_key));
    db_bind_text(call, claim->hwid);
    db_bind_text(call, tenant);
    db_bind_i64(call, STORE_PENDING_MAX);
    db_send(call);
}

/* --- who is expected ---------------------------------------------------------------------------
 */

#define EXPECTED_JSON                                                                              \
    "json_build_object('device', encode(e.device_id, 'hex'), 'group', g.name,"                     \
    " 'group_id', g.public_id, 'product', p.name, 'tags', e.tags,"                                 \
    " 'created', slipway_time(e.created_at), 'claimed', slipway_time(e.claimed_at))"
#define GROUP_JOIN " JOIN device_group g ON g.id = e.group_id JOIN product p ON p.id = g.product_id"

static const struct db_stmt enroll_expect = {
    .name = "enroll_expect",
    .params = 8,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH given AS MATERIALIZED ("
        "  SELECT a.device_id, a.ref, a.tags::jsonb AS tags, $5::bigint + a.n - 1 AS line"
        "    FROM unnest($2::bytea[], $3::text[], $4::text[])"
        "      WITH ORDINALITY AS a (device_id, ref, tags, n)),"
        " named AS MATERIALIZED ("
        "  SELECT r.ref, g.id, g.public_id, g.product_id"
        "    FROM (SELECT DISTINCT ref FROM given) AS r"
        "    JOIN product p ON p.tenant_id = $1::bigint"
        "    JOIN device_group g ON g.product_id = p.id AND g.deleted_at IS NULL"
        "     AND (g.public_id::text = r.ref OR p.name || '/' || g.name = r.ref)"
        "     FOR KEY SHARE OF g),"
        " lost AS (SELECT line, ref FROM given WHERE ref NOT IN (SELECT ref FROM named)"
        "           ORDER BY line LIMIT 1),"
        " twice AS (SELECT min(line) AS first, max(line) AS line FROM given"
        "            GROUP BY device_id HAVING count(*) > 1 ORDER BY 2 LIMIT 1),"
        " checked AS MATERIALIZED ("
        "  SELECT CASE"
        "    WHEN EXISTS (SELECT 1 FROM lost) THEN slipway_refuse('SL404',"
        "      (SELECT format('line %s: there is no such group: ''%s''', line, ref) FROM lost))"
        "    WHEN EXISTS (SELECT 1 FROM twice) THEN slipway_refuse('SL409',"
        "      (SELECT format('line %s: the device stands in line %s, too', line, first)"
        "         FROM twice))"
        "    WHEN $6::bigint < (SELECT count(*) FROM given) + (SELECT count(*) FROM preregistration"
        "                        WHERE tenant_id = $1 AND claimed_at IS NULL)"
        "      THEN slipway_refuse('SL409', format('more than %s devices would be expected', $6))"
        "    ELSE true END AS ok),"
        " fresh AS MATERIALIZED ("
        "  SELECT given.device_id, given.tags, named.id AS group_id"
        "    FROM given JOIN named ON named.ref = given.ref, checked"
        "   WHERE checked.ok"
        "     AND NOT EXISTS (SELECT 1 FROM device v WHERE v.device_id = given.device_id)),"
        " put AS ("
        "  INSERT INTO preregistration AS e (tenant_id, device_id, group_id, tags)"
        "  SELECT $1, device_id, group_id, tags FROM fresh ORDER BY device_id"
        "  ON CONFLICT (tenant_id, device_id) DO UPDATE"
        "     SET group_id = excluded.group_id, tags = excluded.tags"
        "   WHERE e.claimed_at IS NULL"
        "  RETURNING e.device_id, e.group_id, xmax = 0 AS is_new),"
        " settled AS ("
        "  DELETE FROM pending_claim w USING put"
        "   WHERE w.device_id = put.device_id AND w.tenant_id = $1),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($7::bigint, $8::text, 'claim.write', 'group ' || named.public_id,"
        "           named.product_id, named.id, NULL, jsonb_build_object("
        "             'expected', (SELECT count(*) FROM put WHERE put.group_id = named.id),"
        "             'devices_sha256', (SELECT encode(sha256(coalesce(string_agg(put.device_id,"
        "                ''::bytea ORDER BY put.device_id), '')), 'hex')"
        "                FROM put WHERE put.group_id = named.id))) AS seq"
        "    FROM named, checked WHERE checked.ok)"
        " SELECT json_build_object('added', count(*) FILTER (WHERE is_new),"
        "          'changed', count(*) FILTER (WHERE NOT is_new),"
        "          'claimed', (SELECT count(*) FROM given) - count(is_new))"
        "   FROM checked LEFT JOIN put ON true"
        "  WHERE checked.ok AND (SELECT count(seq) FROM audited) > 0",
};

void store_enroll_expect(struct db *db, const struct store_expected *expected, db_done_fn *done,
                         void *arg)
{
    struct db_call *call = db_call_new(db, &enroll_expect, done, arg);

    db_bind_i64(call, expected->actor->tenant_id);
    db_bind_bytes_array(call, expected->devices, expected->count);
    db_bind_text_array(call, expected->groups, expected->count);
    db_bind_text_array(call, expected->tags, expected->count);
    db_bind_i64(call, expected->first_line);
    db_bind_i64(call, STORE_EXPECTED_MAX);
    store_actor_bind(call, expected->actor);
    db_send(call);
}

static const struct db_stmt enroll_list = {
    .name = "enroll_list",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT e.id, " EXPECTED_JSON " AS item"
                      "  FROM preregistration e" GROUP_JOIN
                      " WHERE e.tenant_id = $1::bigint AND e.id > $2::bigint"
                      "   AND ($4::uuid IS NULL OR g.public_id = $4)"
                      "   AND ($5::boolean IS NULL OR (e.claimed_at IS NOT NULL) = $5)"),
};

void store_enroll_list(struct db *db, const struct store_page *page, const char *group,
                       const char *claimed, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &enroll_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, group);
    db_bind_text(call, claimed);
    db_send(call);
}

static const struct db_stmt enroll_forget = {
    .name = "enroll_forget",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH e AS ("
           "  DELETE FROM preregistration"
           "   WHERE tenant_id = $1::bigint AND device_id = $2::bytea AND claimed_at IS NULL"
           "  RETURNING *),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'claim.write',"
           "           'expected ' || encode(e.device_id, 'hex'), g.product_id, g.id, to_jsonb(e), "
           "NULL)"
           "         AS seq"
           "    FROM e JOIN device_group g ON g.id = e.group_id)"
           " SELECT " EXPECTED_JSON "   FROM audited, e" GROUP_JOIN,
};

void store_enroll_forget(struct db *db, const struct store_actor *actor,
                         const uint8_t device[HASH_BYTES], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &enroll_forget, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_bytes(call, device, HASH_BYTES);
    store_actor_bind(call, actor);
    db_send(call);
}

/* --- who waits ---------------------------------------------------------------------------------
 */

#define PENDING_JSON                                                                               \
    "json_build_object('device', encode(w.device_id, 'hex'), 'hwid', w.hwid,"                      \
    " 'first_asked', slipway_time(w.created_at), 'asked', slipway_time(w.asked_at),"               \
    " 'rejected', slipway_time(w.rejected_at))"

static const struct db_stmt pending_list = {
    .name = "pending_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT w.id, " PENDING_JSON " AS item"
                      "  FROM pending_claim w"
                      " WHERE w.tenant_id = $1::bigint AND w.id > $2::bigint"
                      "   AND w.asked_at > now() - interval '7 days'"),
};

void store_pending_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &pending_list, done, arg);

    store_page_bind(call, page);
    db_send(call);
}

static const struct db_stmt pending_accept = {
    .name = "pending_accept",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH asked AS MATERIALIZED ("
        "  SELECT * FROM pending_claim"
        "   WHERE tenant_id = $1::bigint AND device_id = $2::bytea FOR UPDATE),"
        " goal AS MATERIALIZED ("
        "  SELECT g.id, p.name AS product, p.hwids FROM device_group g"
        "    JOIN product p ON p.id = g.product_id"
        "   WHERE g.tenant_id = $1 AND g.public_id = $5::uuid AND g.deleted_at IS NULL"
        "     FOR KEY SHARE OF g),"
        " checked AS ("
        "  SELECT goal.id, CASE"
        "    WHEN goal.id IS NULL THEN slipway_refuse('SL404', 'there is no such group')"
        "    WHEN NOT asked.hwid = ANY (goal.hwids) THEN slipway_refuse('SL409',"
        "      format('hardware ''%s'' is not one of product ''%s''', asked.hwid, goal.product))"
        "    ELSE true END AS ok FROM asked LEFT JOIN goal ON true),"
        " e AS ("
        "  INSERT INTO preregistration AS k (tenant_id, device_id, group_id, tags)"
        "  SELECT $1, $2, checked.id, $6::jsonb FROM checked WHERE checked.ok"
        "  ON CONFLICT (tenant_id, device_id) DO UPDATE"
        "     SET group_id = excluded.group_id, tags = excluded.tags, claimed_at = NULL"
        "  RETURNING k.*),"
        " settled AS (DELETE FROM pending_claim w USING e WHERE w.device_id = e.device_id),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($3::bigint, $4::text, 'claim.accept',"
        "           'device ' || encode(e.device_id, 'hex'), g.product_id, g.id, NULL, to_jsonb(e))"
        "         AS seq"
        "    FROM e JOIN device_group g ON g.id = e.group_id)"
        " SELECT " EXPECTED_JSON "   FROM audited, e" GROUP_JOIN,
};

void store_pending_accept(struct db *db, const struct store_accept *accept, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &pending_accept, done, arg);

    db_bind_i64(call, accept->actor->tenant_id);
    db_bind_bytes(call, accept->device, HASH_BYTES);
    store_actor_bind(call, accept->actor);
    db_bind_text(call, accept->group);
    db_bind_json(call, accept->tags);
    db_send(call);
}

static const struct db_stmt pending_reject = {
    .name = "pending_reject",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "WITH w AS ("
        "  UPDATE pending_claim SET rejected_at = coalesce(rejected_at, now())"
        "   WHERE tenant_id = $1::bigint AND device_id = $2::bytea"
        "  RETURNING *),"
        " audited AS MATERIALIZED ("
        "  SELECT slipway_audit($3::bigint, $4::text, 'claim.reject',"
        "           'device ' || encode(w.device_id, 'hex'), NULL, NULL, NULL, to_jsonb(w)) AS seq"
        "    FROM w)"
        " SELECT " PENDING_JSON " FROM audited, w",
};

void store_pending_reject(struct db *db, const struct store_actor *actor,
                          const uint8_t device[HASH_BYTES], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &pending_reject, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_bytes(call, device, HASH_BYTES);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_enroll_statements[] = {
    &enroll_claim, &enroll_expect,  &enroll_list,    &enroll_forget,
    &pending_list, &pending_accept, &pending_reject, NULL};
