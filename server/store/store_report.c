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
    .params = 11,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH said AS MATERIALIZED ("
           "  SELECT a.device_id, a.tenant_id, a.epoch, a.seq, d.id AS deployment_id, a.state,"
           "         a.reason, a.detail, a.image, a.fetched_bytes, a.device_time"
           "    FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::text[],"
           "                $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bigint[],"
           "                $11::timestamptz[])"
           "      AS a (device_id, tenant_id, epoch, seq, deployment, state, reason, detail,"
           "            image, fetched_bytes, device_time)"
           "    LEFT JOIN deployment d ON d.public_id = a.deployment::uuid"
           "     AND d.tenant_id = a.tenant_id),"
           " stored AS ("
           "  INSERT INTO report (device_id, epoch, seq, tenant_id, deployment_id, state, reason,"
           "                      detail, image, fetched_bytes, device_time)"
           "  SELECT device_id, epoch, seq, tenant_id, deployment_id, state, reason, detail,"
           "         image, fetched_bytes, device_time"
           "    FROM said ORDER BY device_id, epoch, seq"
           "  ON CONFLICT DO NOTHING"
           "  RETURNING device_id, seq, deployment_id, state, reason, detail, fetched_bytes),"
           " ranked AS ("
           "  SELECT device_id, seq, deployment_id, state, reason, detail, fetched_bytes,"
           "         slipway_rank(state) AS rank"
           "    FROM stored WHERE deployment_id IS NOT NULL AND state <> ''),"
           " furthest AS ("
           "  SELECT DISTINCT ON (device_id, deployment_id)"
           "         device_id, deployment_id, state, rank, reason, detail, fetched_bytes"
           "    FROM ranked"
           "   ORDER BY device_id, deployment_id, rank DESC,"
           "            CASE WHEN rank = 6 THEN seq ELSE -seq END),"
           " held AS MATERIALIZED ("
           "  SELECT dd.deployment_id, dd.device_id, dd.state AS old_state,"
           "         f.rank >= slipway_rank(dd.state) AS is_news,"
           "         f.state AS new_state, f.reason, f.detail, f.fetched_bytes"
           "    FROM furthest f JOIN deployment_device dd"
           "      ON dd.deployment_id = f.deployment_id AND dd.device_id = f.device_id"
           "   WHERE slipway_rank(dd.state) < 6"
           "   ORDER BY dd.device_id, dd.deployment_id FOR NO KEY UPDATE OF dd),"
           " moved AS ("
           "  UPDATE deployment_device dd"
           "     SET state = CASE WHEN held.is_news THEN held.new_state ELSE dd.state END,"
           "         reason = CASE WHEN held.is_news THEN held.reason ELSE dd.reason END,"
           "         detail = CASE WHEN held.is_news THEN held.detail ELSE dd.detail END,"
           "         fetched_bytes = greatest(dd.fetched_bytes, held.fetched_bytes),"
           "         updated_at = now()"
           "    FROM held"
           "   WHERE dd.deployment_id = held.deployment_id AND dd.device_id = held.device_id"
           "  RETURNING dd.deployment_id, dd.device_id, dd.tenant_id, dd.phase, held.old_state,"
           "            dd.state),"
           " counted AS (" STORE_COUNT_BEGIN
           "  SELECT deployment_id, phase, tenant_id, old_state AS state, -1 AS n FROM moved"
           "  UNION ALL"
           "  SELECT deployment_id, phase, tenant_id, state, 1 FROM moved"
           "  " STORE_COUNT_END ")"
           " SELECT s.device_id, s.deployment_id, coalesce(m.phase, dd.phase),"
           "        coalesce(m.state, dd.state), coalesce(m.state <> m.old_state, false)"
           "   FROM (SELECT DISTINCT device_id, deployment_id FROM said"
           "          WHERE deployment_id IS NOT NULL) AS s"
           "   LEFT JOIN moved m"
           "     ON m.device_id = s.device_id AND m.deployment_id = s.deployment_id"
           "   LEFT JOIN deployment_device dd"
           "     ON dd.device_id = s.device_id AND dd.deployment_id = s.deployment_id",
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
    db_send(call);
}

void store_reported_read(const struct db_result *result, size_t row, struct store_reported *out)
{
    *out = (struct store_reported){
        .device_id = db_i64(result, row, 0),
        .deployment_id = db_i64(result, row, 1),
        .phase = db_i64(result, row, 2),
        .state = store_state_read(result, row, 3),
        .is_moved = db_bool(result, row, 4),
    };
}

const struct db_stmt *const store_report_statements[] = {&report_add, NULL};
