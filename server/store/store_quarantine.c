/* A repeated report is known by its bytes, and costs no place. */
#include "server/store/store_quarantine.h"

/* The newest stay. A repeated one only counts: it is not kept twice, and makes nobody else's go. */
static const struct db_stmt quarantine_add = {
    .name = "quarantine_add",
    .params = 7,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH kept AS ("
           "  INSERT INTO report_quarantine AS q (tenant_id, device_id, digest, bytes, error)"
           "  VALUES ($1, $2, $3, $4, $5)"
           "  ON CONFLICT (device_id, digest) DO UPDATE"
           "     SET times = q.times + 1, last_at = now()"
           "  RETURNING id, times),"
           " old AS ("
           "  (SELECT q.id FROM report_quarantine q WHERE q.tenant_id = $1"
           "    ORDER BY q.id DESC OFFSET $6::bigint - 1)"
           "  UNION"
           "  (SELECT q.id FROM report_quarantine q WHERE q.device_id = $2"
           "    ORDER BY q.id DESC OFFSET $7::bigint - 1))"
           " DELETE FROM report_quarantine q USING kept"
           "  WHERE kept.times = 1 AND q.id <> kept.id AND q.id IN (SELECT id FROM old)",
};

void store_quarantine_add(struct db *db, const struct store_quarantine *refused, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &quarantine_add, done, arg);

    db_bind_i64(call, refused->tenant_id);
    db_bind_i64(call, refused->device_id);
    db_bind_bytes(call, refused->digest, HASH_BYTES);
    db_bind_bytes(call, refused->bytes, refused->len);
    db_bind_text(call, refused->error);
    db_bind_i64(call, STORE_QUARANTINE_MAX);
    db_bind_i64(call, STORE_QUARANTINE_DEVICE_MAX);
    db_send(call);
}

static const struct db_stmt quarantine_list = {
    .name = "quarantine_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT q.id, json_build_object('id', q.id::text,"
                      "         'device', encode(v.device_id, 'hex'), 'error', q.error,"
                      "         'bytes', translate(encode(q.bytes, 'base64'), E'\\n', ''),"
                      "         'times', q.times, 'first', slipway_time(q.first_at),"
                      "         'last', slipway_time(q.last_at)) AS item"
                      "  FROM report_quarantine q JOIN device v ON v.id = q.device_id"
                      " WHERE q.tenant_id = $1::bigint AND q.id > $2::bigint"),
};

void store_quarantine_list(struct db *db, const struct store_page *page, db_done_fn *done,
                           void *arg)
{
    struct db_call *call = db_call_new(db, &quarantine_list, done, arg);

    store_page_bind(call, page);
    db_send(call);
}

const struct db_stmt *const store_quarantine_statements[] = {&quarantine_add, &quarantine_list,
                                                             NULL};
