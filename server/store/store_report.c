/*
 * Of several new reports of one device about one deployment the furthest counts; of two ends the
 * one that was said first. States between the old and the new one are not counted: nobody could
 * have seen them.
 */
#include "server/store/store_report.h"

#include "server/store/gather.h"
#include "server/store/moves.h"
#include "server/store/standing.h"

static const struct db_stmt report_add = {
    .name = "report_add",
    .params = 12,
    .scope = DB_EVERY_TENANT,
    .sql =
        "WITH said AS MATERIALIZED ("
        "  SELECT a.device_id, a.tenant_id, a.epoch, a.seq, d.id AS deployment_id, a.state,"
        "         a.reason, a.detail, a.image, a.fetched_bytes, a.device_time, a.blame"
        "    FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::text[],"
        "                $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bigint[],"
        "                $11::timestamptz[], $12::text[])"
        "      AS a (device_id, tenant_id, epoch, seq, deployment, state, reason, detail,"
        "            image, fetched_bytes, device_time, blame)"
        "    LEFT JOIN deployment d ON d.public_id = a.deployment::uuid"
        "     AND d.tenant_id = a.tenant_id),"
        " stored AS ("
        "  INSERT INTO report (device_id, epoch, seq, tenant_id, deployment_id, state, reason,"
        "                      detail, image, fetched_bytes, device_time)"
        "  SELECT device_id, epoch, seq, tenant_id, deployment_id, state, reason, detail,"
        "         image, fetched_bytes, device_time"
        "    FROM said ORDER BY device_id, epoch, seq"
        "  ON CONFLICT DO NOTHING"
        "  RETURNING device_id, epoch, seq, deployment_id, state, reason, detail,"
        "            fetched_bytes),"
        " ranked AS ("
        "  SELECT s.device_id, s.seq, s.deployment_id, s.state, s.reason, s.detail,"
        "         s.fetched_bytes, said.blame, slipway_rank(s.state) AS rank"
        "    FROM stored s JOIN said USING (device_id, epoch, seq)"
        "   WHERE s.deployment_id IS NOT NULL AND s.state <> ''),"
        " furthest AS MATERIALIZED ("
        "  SELECT DISTINCT ON (device_id, deployment_id)"
        "         device_id, deployment_id, state, rank, reason, detail, fetched_bytes, blame"
        "    FROM ranked"
        "   ORDER BY device_id, deployment_id, rank DESC,"
        "            CASE WHEN rank = 6 THEN seq ELSE -seq END),"
        /* an end also changes the device: locked before its rows */
        " mine AS MATERIALIZED ("
        "  SELECT v.id FROM device v"
        "   WHERE v.id IN (SELECT device_id FROM furthest WHERE rank = 6)"
        "   ORDER BY v.id FOR NO KEY UPDATE),"
        " held AS MATERIALIZED ("
        "  SELECT dd.deployment_id, dd.device_id, dd.state AS old_state, dd.verdict AS old_verdict,"
        "         f.rank >= slipway_rank(dd.state) AS is_news,"
        "         dd.is_step AND f.state = 'succeeded' AS is_step_done,"
        "         CASE WHEN dd.is_step AND f.state = 'succeeded' THEN 'offered'"
        "              ELSE f.state END AS new_state,"
        "         CASE f.state WHEN 'succeeded' THEN 'success' WHEN 'failed' THEN nullif(f.blame, "
        "'')"
        "                      WHEN 'rolled-back' THEN nullif(f.blame, '') END AS new_verdict,"
        "         f.reason, f.detail, f.fetched_bytes"
        "    FROM furthest f JOIN deployment_device dd"
        "      ON dd.deployment_id = f.deployment_id AND dd.device_id = f.device_id"
        "   WHERE slipway_rank(dd.state) < 6 AND (SELECT count(*) FROM mine) >= 0"
        "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
        " moved AS ("
        "  UPDATE deployment_device dd"
        "     SET state = CASE WHEN held.is_news THEN held.new_state ELSE dd.state END,"
        "         reason = CASE WHEN held.is_news THEN held.reason ELSE dd.reason END,"
        "         detail = CASE WHEN held.is_news THEN held.detail ELSE dd.detail END,"
        "         image_id = CASE WHEN held.is_step_done THEN NULL ELSE dd.image_id END,"
        "         verdict = CASE WHEN held.is_step_done THEN dd.verdict"
        "                        ELSE coalesce(dd.verdict, held.new_verdict) END,"
        "         verdict_at = CASE WHEN NOT held.is_step_done AND dd.verdict IS NULL"
        "                            AND held.new_verdict IS NOT NULL THEN now()"
        "                           ELSE dd.verdict_at END,"
        "         fetched_bytes = greatest(dd.fetched_bytes, held.fetched_bytes),"
        "         updated_at = now()"
        "    FROM held"
        "   WHERE dd.deployment_id = held.deployment_id AND dd.device_id = held.device_id"
        "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase, dd.stratum,"
        "            held.old_state, dd.state, held.is_step_done, held.new_verdict,"
        "            CASE WHEN held.old_verdict IS NULL THEN dd.verdict END AS verdict),"
        /* three failures in a row are enough for a day */
        " kept AS ("
        "  UPDATE device v"
        "     SET assignment = v.assignment + moved.is_step_done::integer,"
        "         failures = CASE moved.new_verdict WHEN 'success' THEN 0"
        "                                           ELSE v.failures + 1 END,"
        "         penalty_until = CASE WHEN moved.new_verdict = 'success' THEN NULL"
        "                              WHEN v.failures + 1 >= 3 THEN now() + interval '1 day'"
        "                              ELSE v.penalty_until END"
        "    FROM moved WHERE v.id = moved.device_id"
        "     AND (moved.is_step_done OR moved.new_verdict IN ('success', 'failure'))"
        "  RETURNING v.id, v.assignment),"
        " counted AS (" STORE_COUNT_BEGIN
        "  SELECT deployment_id, phase, tenant_id, old_state AS state, -1 AS n FROM moved"
        "  UNION ALL"
        "  SELECT deployment_id, phase, tenant_id, state, 1 FROM moved"
        "  " STORE_COUNT_END "),"
        " strata AS (" STORE_STRATA_BEGIN
        "  SELECT deployment_id, stratum, tenant_id, 0 AS touched,"
        "         " STORE_IS_OPEN("state") " - " STORE_IS_OPEN(
            "old_state") " AS open,"
                         "         coalesce(verdict = 'success', false)::integer AS succeeded,"
                         "         coalesce(verdict = 'failure', false)::integer AS failed,"
                         "         coalesce(verdict = 'device', false)::integer AS device,"
                         "         coalesce(verdict = 'server', false)::integer AS server FROM "
                         "moved"
                         "  " STORE_STRATA_END ")"
                         " SELECT s.device_id, coalesce(kept.assignment, v.assignment), "
                         "s.deployment_id,"
                         "        coalesce(m.phase, dd.phase), coalesce(m.state, dd.state),"
                         "        coalesce(m.is_step_done, false), coalesce(m.state <> "
                         "m.old_state, false)"
                         "   FROM (SELECT DISTINCT device_id, deployment_id FROM said"
                         "          WHERE deployment_id IS NOT NULL) AS s"
                         "   JOIN device v ON v.id = s.device_id"
                         "   LEFT JOIN kept ON kept.id = s.device_id"
                         "   LEFT JOIN moved m"
                         "     ON m.device_id = s.device_id AND m.deployment_id = s.deployment_id"
                         "   LEFT JOIN deployment_device dd"
                         "     ON dd.device_id = s.device_id AND dd.deployment_id = "
                         "s.deployment_id",
};

static void bind_texts(struct db_call *call, const struct store_report *reports, size_t count)
{
    AUTO_FREE const char **texts = mem_array(count, sizeof(*texts));

    for (size_t i = 0; i < count; i++)
        texts[i] = reports[i].said->deployment[0] ? reports[i].said->deployment : NULL;
    db_bind_text_array(call, texts, count);
    for (size_t i = 0; i < count; i++)
        texts[i] =
            reports[i].said->state == UPDATE_IDLE ? "" : update_state_name(reports[i].said->state);
    db_bind_text_array(call, texts, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = refusal_name(reports[i].said->reason);
    db_bind_text_array(call, texts, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = reports[i].said->detail;
    db_bind_text_array(call, texts, count);
}

/* Whose fault an end was, for the verdict. */
static void bind_blames(struct db_call *call, const struct store_report *reports, size_t count)
{
    AUTO_FREE const char **words = mem_array(count, sizeof(*words));

    for (size_t i = 0; i < count; i++)
        words[i] = refusal_blame_name(refusal_blame(reports[i].said->reason));
    db_bind_text_array(call, words, count);
}

void store_report_add(struct db *db, const struct store_report *reports, size_t count,
                      db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &report_add, done, arg);
    AUTO_FREE struct db_slice *slices = mem_array(count, sizeof(*slices));
    AUTO_FREE int64_t *numbers = mem_array(count, sizeof(*numbers));

    BIND_I64S(call, reports, count, struct store_report, device_id);
    BIND_I64S(call, reports, count, struct store_report, tenant_id);
    for (size_t i = 0; i < count; i++)
        slices[i] = (struct db_slice){reports[i].said->epoch, sizeof(reports[i].said->epoch)};
    db_bind_bytes_array(call, slices, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)reports[i].said->seq;
    db_bind_i64_array(call, numbers, count);
    bind_texts(call, reports, count);
    for (size_t i = 0; i < count; i++)
        slices[i] = reports[i].said->image.set
                        ? (struct db_slice){reports[i].said->image.bytes, HASH_BYTES}
                        : (struct db_slice){NULL, 0};
    db_bind_bytes_array(call, slices, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)reports[i].said->bytes;
    db_bind_i64_array(call, numbers, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = reports[i].said->time_ms;
    db_bind_time_ms_array(call, numbers, count);
    bind_blames(call, reports, count);
    db_send(call);
}

void store_reported_read(const struct db_result *result, size_t row, struct store_reported *out)
{
    store_standing_read(result, row, 0, &out->standing);
    out->is_moved = db_bool(result, row, 6);
}

const struct db_stmt *const store_report_statements[] = {&report_add, NULL};
