/* A claim moves `next_at` ahead by the lease: a sender that dies leaves its rows due again, without
 * anybody who looks after them. */
#include "server/store/store_delivery.h"

/* Of each webhook only the first few that are due, so that one slow receiver does not take all the
 * places. What is looked at is bounded; the rows are locked in the order of their ids. */
static const struct db_stmt delivery_claim = {
    .name = "delivery_claim",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH due AS MATERIALIZED ("
           "  SELECT id, next_at, row_number() OVER (PARTITION BY webhook_id"
           "                                         ORDER BY next_at, id) AS n"
           "    FROM (SELECT id, webhook_id, next_at FROM webhook_delivery"
           "           WHERE state = 'queued' AND next_at <= now()"
           "           ORDER BY next_at, id LIMIT 2000) AS first),"
           " mine AS MATERIALIZED ("
           "  SELECT d.id FROM webhook_delivery d"
           "   WHERE d.id IN (SELECT id FROM due WHERE n <= $2::bigint"
           "                   ORDER BY next_at, id LIMIT $1::bigint)"
           "     AND d.state = 'queued' AND d.next_at <= now()"
           "   ORDER BY d.id FOR UPDATE SKIP LOCKED)"
           " UPDATE webhook_delivery d"
           "    SET tries = d.tries + 1, next_at = now() + $3::bigint * interval '1 second'"
           "   FROM mine, webhook w"
           "  WHERE d.id = mine.id AND w.id = d.webhook_id"
           " RETURNING d.id, d.public_id, w.url, w.secret, w.template, d.event,"
           "           slipway_time(d.at), d.object::text, d.tries",
};

void store_delivery_claim(struct db *db, const struct store_delivery_claim *claim, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &delivery_claim, done, arg);

    db_bind_i64(call, claim->limit);
    db_bind_i64(call, claim->limit_of_one);
    db_bind_i64(call, claim->lease_s);
    db_send(call);
}

static const struct db_stmt delivery_end = {
    .name = "delivery_end",
    .params = 7,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE webhook_delivery"
           "   SET state = CASE WHEN $3 THEN 'delivered' WHEN $4::bigint < 0 THEN 'dead'"
           "                    ELSE 'queued' END,"
           "       next_at = CASE WHEN $3::boolean OR $4 < 0 THEN next_at"
           "                      ELSE now() + $4 * interval '1 millisecond' END,"
           "       ended_at = CASE WHEN $3 OR $4 < 0 THEN now() END,"
           "       status = nullif($5::integer, 0), latency_ms = $6::integer, detail = $7"
           " WHERE id = $1::bigint AND tries = $2::integer AND state = 'queued'",
};

void store_delivery_end(struct db *db, const struct store_delivery_end *end, db_done_fn *done,
                        void *arg)
{
    struct db_call *call = db_call_new(db, &delivery_end, done, arg);

    db_bind_i64(call, end->id);
    db_bind_i64(call, end->tries);
    db_bind_bool(call, end->is_delivered);
    db_bind_i64(call, end->wait_ms);
    db_bind_i64(call, (int64_t)end->status);
    db_bind_i64(call, end->latency_ms);
    db_bind_text(call, end->detail);
    db_send(call);
}

const struct db_stmt *const store_delivery_statements[] = {&delivery_claim, &delivery_end, NULL};
