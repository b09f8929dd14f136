/* The commit does not wait for the disk: set_config() holds for this transaction alone. Rows are
 * sorted, so that two servers cannot deadlock; an older time never replaces a newer one. */
#include "server/store/store_seen.h"

#include "server/store/gather.h"

static const struct db_stmt seen_write = {
    .name = "seen_write",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "INSERT INTO device_seen AS s (device_id, tenant_id, seen_at)"
           " SELECT a.device_id, a.tenant_id, a.seen_at"
           "   FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick,"
           "        unnest($1::bigint[], $2::bigint[], $3::timestamptz[])"
           "          AS a (device_id, tenant_id, seen_at)"
           "  ORDER BY a.device_id"
           " ON CONFLICT (device_id) DO UPDATE SET seen_at = excluded.seen_at"
           " WHERE s.seen_at < excluded.seen_at",
};

void store_seen_write(struct db *db, const struct store_seen *rows, size_t count, db_done_fn *done,
                      void *arg)
{
    struct db_call *call = db_call_new(db, &seen_write, done, arg);
    AUTO_FREE int64_t *times_ms = mem_array(count, sizeof(*times_ms));

    for (size_t i = 0; i < count; i++)
        times_ms[i] = rows[i].seen_ms;
    BIND_I64S(call, rows, count, struct store_seen, device_id);
    BIND_I64S(call, rows, count, struct store_seen, tenant_id);
    db_bind_time_ms_array(call, times_ms, count);
    db_send(call);
}

static const struct db_stmt seen_silent = {
    .name = "seen_silent",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT t.name, count(*),"
           "       coalesce(array_to_string((array_agg(encode(v.device_id, 'hex') ORDER BY v.id)"
           "                FILTER (WHERE s.seen_at >= $2::timestamptz))[1:$3::integer], ' '), '')"
           "  FROM device_seen s JOIN device v ON v.id = s.device_id"
           "  JOIN tenant t ON t.id = v.tenant_id"
           " WHERE s.seen_at < $1::timestamptz GROUP BY t.id ORDER BY t.id",
};

void store_seen_silent(struct db *db, int64_t silent_ms, int64_t since_ms, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &seen_silent, done, arg);

    db_bind_time_ms(call, silent_ms);
    db_bind_time_ms(call, since_ms);
    db_bind_i64(call, STORE_SILENT_MAX);
    db_send(call);
}

const struct db_stmt *const store_seen_statements[] = {&seen_write, &seen_silent, NULL};
