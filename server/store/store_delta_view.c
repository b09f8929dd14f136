/* Deltas with the sizes that say whether one was worth keeping. */
#include "server/store/store_delta_view.h"

static const struct db_stmt delta_list = {
    .name = "delta_list",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE(
        "SELECT d.id, json_build_object('id', d.public_id, 'component', c.name,"
        "       'from', encode(f.sha256, 'hex'), 'from_version', f.version,"
        "       'to', encode(t.sha256, 'hex'), 'to_version', t.version, 'state', d.state,"
        "       'sha256', encode(d.sha256, 'hex'), 'length', d.length,"
        "       'full_length', t.length, 'full_zstd_length', d.full_zstd_length,"
        "       'header_length', d.header_length, 'header_sha256', encode(d.header_sha256, 'hex'),"
        "       'memory', d.memory,"
        "       'devices', d.devices, 'attempts', d.attempts, 'detail', d.detail,"
        "       'created', slipway_time(d.created_at), 'ended', slipway_time(d.ended_at)) AS item"
        "  FROM delta d JOIN image f ON f.id = d.from_image_id"
        "  JOIN image t ON t.id = d.to_image_id JOIN component c ON c.id = t.component_id"
        " WHERE d.tenant_id = $1::bigint AND d.id > $2::bigint"
        "   AND ($4::text IS NULL OR d.state = $4)"),
};

void store_delta_list(struct db *db, const struct store_page *page, const char *state,
                      db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &delta_list, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, state);
    db_send(call);
}

const struct db_stmt *const store_delta_view_statements[] = {&delta_list, NULL};
