/*
 * The facts come in one statement, so that they belong together: the device's newest grant, the
 * image that its release has for this hardware, and the patch to it from what the device says it
 * runs. Saving compares the version that was read, so that of two signers one wins.
 */
#include "server/store/store_director.h"

static const struct db_stmt director_load = {
    .name = "director_load",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT t.name, t.version_floor, encode(v.device_id, 'hex'), v.hwid, v.assignment,"
           "       i.id IS NOT NULL, coalesce(p.public_id::text, ''), coalesce(p.action, ''),"
           "       coalesce(i.path, ''), coalesce(i.length, 0), i.sha256, coalesce(i.match, ''),"
           "       x.sha256, x.length, x.header_length, x.header_sha256, x.memory, x.from_sha256,"
           "       x.from_length,"
           "       h.assignment IS DISTINCT FROM v.assignment"
           "         OR h.delta_sha256 IS DISTINCT FROM x.sha256"
           "         OR h.signed_at < (SELECT max(r.created_at) FROM repo_document r"
           "                            WHERE r.tenant_id = t.id AND r.repository = 'director'"
           "                              AND r.role = 'root'),"
           "       coalesce(h.targets_version, 0), coalesce(h.snapshot_version, 0),"
           "       coalesce(h.timestamp_version, 0), h.targets_expires_at, h.signed_at"
           "  FROM device v JOIN tenant t ON t.id = v.tenant_id"
           "  LEFT JOIN deployment_device dd"
           "    ON dd.deployment_id = v.deployment_id AND dd.device_id = v.id"
           "   AND dd.state IN ('offered', 'downloading', 'staged', 'activating', 'verifying',"
           "                    'succeeded')"
           "  LEFT JOIN deployment p ON p.id = dd.deployment_id"
           "  LEFT JOIN image i ON i.id = dd.image_id"
           "  LEFT JOIN LATERAL ("
           "       SELECT x.sha256, x.length, x.header_length, x.header_sha256, x.memory,"
           "              f.sha256 AS from_sha256, f.length AS from_length"
           "         FROM delta x JOIN image f ON f.id = x.from_image_id"
           "        WHERE x.to_image_id = i.id AND x.state = 'kept'"
           "          AND x.header_sha256 IS NOT NULL AND f.sha256 = ANY (v.installed)"
           "          AND dd.state <> 'succeeded'"
           "        ORDER BY x.length, x.id LIMIT 1) AS x ON true"
           "  LEFT JOIN director_head h ON h.device_id = v.id"
           " WHERE v.id = $1::bigint",
};

void store_director_load(struct db *db, int64_t device_id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &director_load, done, arg);

    db_bind_i64(call, device_id);
    db_send(call);
}

static void read_target(const struct db_result *result, struct store_director *out)
{
    ASSERT(db_bytes(result, 0, 10, out->sha256, sizeof(out->sha256)));
    out->has_delta = !db_is_null(result, 0, 12);
    if (!out->has_delta)
        return;
    ASSERT(db_bytes(result, 0, 12, out->delta_sha256, sizeof(out->delta_sha256)));
    ASSERT(db_bytes(result, 0, 15, out->delta_header_sha256, sizeof(out->delta_header_sha256)));
    ASSERT(db_bytes(result, 0, 17, out->from_sha256, sizeof(out->from_sha256)));
    out->delta_length = db_i64(result, 0, 13);
    out->delta_header_length = db_i64(result, 0, 14);
    out->delta_memory = db_i64(result, 0, 16);
    out->from_length = db_i64(result, 0, 18);
}

bool store_director_read(const struct db_result *result, struct store_director *out)
{
    if (db_rows(result) == 0)
        return false;
    *out = (struct store_director){
        .tenant = db_text(result, 0, 0),
        .version_floor = db_i64(result, 0, 1),
        .device = db_text(result, 0, 2),
        .hwid = db_text(result, 0, 3),
        .assignment = db_i64(result, 0, 4),
        .has_target = db_bool(result, 0, 5),
        .deployment = db_text(result, 0, 6),
        .action = db_text(result, 0, 7),
        .path = db_text(result, 0, 8),
        .length = db_i64(result, 0, 9),
        .match = db_text(result, 0, 11),
        .is_moved = db_bool(result, 0, 19),
        .targets_version = db_i64(result, 0, 20),
        .snapshot_version = db_i64(result, 0, 21),
        .timestamp_version = db_i64(result, 0, 22),
        .targets_expires_ms = db_time_ms(result, 0, 23),
        .signed_ms = db_time_ms(result, 0, 24),
    };
    if (out->has_target)
        read_target(result, out);
    return true;
}

static const struct db_stmt director_save = {
    .name = "director_save",
    .params = 12,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH changed AS ("
           "  UPDATE director_head SET assignment = $3::bigint, delta_sha256 = $4::bytea,"
           "         targets_version = $5::bigint, snapshot_version = $6::bigint,"
           "         timestamp_version = $7::bigint, targets = coalesce($8::bytea, targets),"
           "         snapshot = coalesce($9::bytea, snapshot), \"timestamp\" = $10::bytea,"
           "         targets_expires_at = $11::timestamptz, signed_at = $12::timestamptz"
           "   WHERE device_id = $1::bigint AND timestamp_version = $2::bigint"
           "  RETURNING device_id),"
           " made AS ("
           "  INSERT INTO director_head (device_id, tenant_id, assignment, delta_sha256,"
           "              targets_version, snapshot_version, timestamp_version, targets, snapshot,"
           "              \"timestamp\", targets_expires_at, signed_at)"
           "  SELECT v.id, v.tenant_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"
           "    FROM device v WHERE v.id = $1 AND $2 = 0"
           "  ON CONFLICT (device_id) DO NOTHING RETURNING device_id)"
           " SELECT device_id FROM changed UNION ALL SELECT device_id FROM made",
};

static void bind_bytes_of(struct db_call *call, const struct buf *bytes)
{
    if (bytes)
        db_bind_bytes(call, bytes->data, bytes->len);
    else
        db_bind_null(call);
}

void store_director_save(struct db *db, const struct store_director_save *save, db_done_fn *done,
                         void *arg)
{
    struct db_call *call = db_call_new(db, &director_save, done, arg);

    db_bind_i64(call, save->device_id);
    db_bind_i64(call, save->timestamp_version_before);
    db_bind_i64(call, save->assignment);
    db_bind_bytes(call, save->delta_sha256, HASH_BYTES);
    db_bind_i64(call, save->targets_version);
    db_bind_i64(call, save->snapshot_version);
    db_bind_i64(call, save->timestamp_version);
    bind_bytes_of(call, save->targets);
    bind_bytes_of(call, save->snapshot);
    bind_bytes_of(call, save->timestamp);
    db_bind_time_ms(call, save->targets_expires_ms);
    db_bind_time_ms(call, save->signed_ms);
    db_send(call);
}

/* One statement for each part: a column cannot be a parameter. */
#define PART(part, column, version_column)                                                         \
    {                                                                                              \
        .name = "director_" part, .params = 2, .scope = DB_EVERY_TENANT,                           \
        .sql = "SELECT " column ", " version_column " FROM director_head"                          \
               " WHERE device_id = $1::bigint AND ($2::bigint = 0 OR " version_column " = $2)",    \
    }
static const struct db_stmt parts[] = {
    [STORE_DIRECTOR_TARGETS] = PART("targets", "targets", "targets_version"),
    [STORE_DIRECTOR_SNAPSHOT] = PART("snapshot", "snapshot", "snapshot_version"),
    [STORE_DIRECTOR_TIMESTAMP] = PART("timestamp", "\"timestamp\"", "timestamp_version"),
};

void store_director_part(struct db *db, int64_t device_id, enum store_director_part part,
                         int64_t version, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &parts[part], done, arg);

    db_bind_i64(call, device_id);
    db_bind_i64(call, version);
    db_send(call);
}

const struct db_stmt *const store_director_statements[] = {
    &director_load,
    &director_save,
    &parts[STORE_DIRECTOR_TARGETS],
    &parts[STORE_DIRECTOR_SNAPSHOT],
    &parts[STORE_DIRECTOR_TIMESTAMP],
    NULL,
};
