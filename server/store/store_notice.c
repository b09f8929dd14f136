/* What the stream shows of a notice is made in one place, so a live one and one that was missed
 * are the same bytes. */
#include "server/store/store_notice.h"

#define SHOWN                                                                                      \
    "n.seq, n.tenant_id, n.event,"                                                                 \
    " json_build_object('id', n.seq::text, 'at', slipway_time(n.at), 'event', n.event,"            \
    "                   'object', n.object)::text"

static const struct db_stmt notice_take = {
    .name = "notice_take",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT " SHOWN "  FROM slipway_notices($1::bigint, $2::integer) AS n ORDER BY n.seq",
};

void store_notice_take(struct db *db, int64_t after, int64_t limit, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &notice_take, done, arg);

    db_bind_i64(call, after);
    db_bind_i64(call, limit);
    db_send(call);
}

static const struct db_stmt notice_bounds = {
    .name = "notice_bounds",
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT coalesce(max(seq), 0), coalesce(min(seq), coalesce(max(seq), 0) + 1)"
           "  FROM notice",
};

void store_notice_bounds(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &notice_bounds, done, arg));
}

static const struct db_stmt notice_page = {
    .name = "notice_page",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " SHOWN " FROM notice n"
           " WHERE n.tenant_id = $1::bigint AND n.seq > $2::bigint"
           " ORDER BY n.seq LIMIT $3::bigint",
};

void store_notice_page(struct db *db, int64_t tenant_id, int64_t after, int64_t limit,
                       db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &notice_page, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_i64(call, after);
    db_bind_i64(call, limit);
    db_send(call);
}

/* The newest numbered one stays, so that a server that starts knows where the numbers are. */
static const struct db_stmt notice_forget = {
    .name = "notice_forget",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH gone AS ("
           "  DELETE FROM notice WHERE id IN ("
           "    SELECT id FROM notice WHERE at < now() - $1::bigint * interval '1 day'"
           "       AND seq < (SELECT max(seq) FROM notice) ORDER BY at LIMIT 10000)),"
           " ended AS ("
           "  DELETE FROM webhook_delivery WHERE id IN ("
           "    SELECT id FROM webhook_delivery"
           "     WHERE ended_at < now() - $2::bigint * interval '1 day' ORDER BY ended_at"
           "     LIMIT 10000))"
           " DELETE FROM version_count"
           "  WHERE at < now() - interval '7 days' AND extract(minute FROM at) <> 50",
};

void store_notice_forget(struct db *db, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &notice_forget, done, arg);

    db_bind_i64(call, STORE_NOTICE_DAYS);
    db_bind_i64(call, STORE_DELIVERY_DAYS);
    db_send(call);
}

const struct db_stmt *const store_notice_statements[] = {&notice_take, &notice_bounds, &notice_page,
                                                         &notice_forget, NULL};
