/*
 * The pages that fill the index join what is narrow and often written (device_seen, the newest
 * row in a deployment) to the device, so that the start of the server is a few big reads.
 */
#include "server/store/store_device.h"

#include <string.h>

#include "lib/base/text.h"
#include "server/store/gather.h"

#define DEVICE_SELECT                                                                              \
    "SELECT v.id, v.tenant_id, v.group_id, v.device_id, v.public_key, v.hwid,"                     \
    "       v.id, v.assignment, v.deployment_id, dd.phase, dd.state,"                              \
    "       dd.state = 'offered' AND dd.image_id IS NULL,"                                         \
    "       coalesce((SELECT string_agg(image, ''::bytea ORDER BY place)"                          \
    "                   FROM unnest(v.installed) WITH ORDINALITY AS i (image, place)), ''),"       \
    "       v.attributes_hash, s.seen_at, v.attributes::text, v.tags::text,"                       \
    "       coalesce(v.changed_at, 'epoch'), v.state <> 'active', v.state = 'decommissioned',"     \
    "       coalesce(v.hold_until = 'infinity', false),"                                           \
    "       CASE WHEN v.hold_until < 'infinity' THEN v.hold_until ELSE 'epoch' END,"               \
    "       v.penalty_until"                                                                       \
    "  FROM device v"                                                                              \
    "  LEFT JOIN deployment_device dd"                                                             \
    "    ON dd.deployment_id = v.deployment_id AND dd.device_id = v.id"                            \
    "  LEFT JOIN device_seen s ON s.device_id = v.id"

static const struct db_stmt device_page = {
    .name = "device_page",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = DEVICE_SELECT " WHERE v.id > $1::bigint ORDER BY v.id LIMIT $2::bigint",
};

void store_device_page(struct db *db, int64_t after, size_t limit, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_page, done, arg);

    db_bind_i64(call, after);
    db_bind_i64(call, (int64_t)limit);
    db_send(call);
}

static const struct db_stmt device_find = {
    .name = "device_find",
    .params = 1,
    .scope = DB_EVERY_TENANT,
    .sql = DEVICE_SELECT " WHERE v.device_id = $1::bytea",
};

void store_device_find(struct db *db, const uint8_t device[32], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_find, done, arg);

    db_bind_bytes(call, device, 32);
    db_send(call);
}

static const struct db_stmt device_changed = {
    .name = "device_changed",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = DEVICE_SELECT " WHERE v.changed_at IS NOT NULL"
                         "   AND (v.changed_at, v.id) > ($1::timestamptz, $2::bigint)"
                         " ORDER BY v.changed_at, v.id LIMIT $3::bigint",
};

void store_device_changed(struct db *db, int64_t after_ms, int64_t after_row, size_t limit,
                          db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_changed, done, arg);

    db_bind_time_ms(call, after_ms);
    db_bind_i64(call, after_row);
    db_bind_i64(call, (int64_t)limit);
    db_send(call);
}

/* Images beyond the ones that memory keeps are not looked at. */
static void read_installed(const struct db_result *result, size_t row, unsigned col,
                           struct store_device *out)
{
    AUTO_BUF images;

    buf_init(&images, (size_t)WIRE_INSTALLED_MAX * HASH_BYTES);
    db_bytes_add(result, row, col, &images);
    out->installed_count = images.len / HASH_BYTES;
    if (out->installed_count > STORE_INSTALLED_MAX)
        out->installed_count = STORE_INSTALLED_MAX;
    if (out->installed_count > 0)
        memcpy(out->installed, images.data, out->installed_count * HASH_BYTES);
}

void store_device_read(const struct db_result *result, size_t row, struct store_device *out)
{
    *out = (struct store_device){
        .id = db_i64(result, row, 0),
        .tenant_id = db_i64(result, row, 1),
        .group_id = db_i64(result, row, 2),
        .hwid = db_text(result, row, 5),
        .seen_ms = db_time_ms(result, row, 14),
        .attributes = db_text(result, row, 15),
        .tags = db_text(result, row, 16),
        .changed_ms = db_time_ms(result, row, 17),
        .is_out = db_bool(result, row, 18),
        .is_gone = db_bool(result, row, 19),
        .hold_until_ms = db_bool(result, row, 20) ? INT64_MAX : db_time_ms(result, row, 21),
        .penalty_until_ms = db_time_ms(result, row, 22),
    };
    ASSERT(db_bytes(result, row, 3, out->device, sizeof(out->device)));
    ASSERT(db_bytes(result, row, 4, out->public_key, sizeof(out->public_key)));
    store_standing_read(result, row, 6, &out->standing);
    read_installed(result, row, 12, out);
    out->attributes_hash.set =
        db_bytes(result, row, 13, out->attributes_hash.bytes, sizeof(out->attributes_hash.bytes));
}

/* The token is spent only together with the row that it makes. */
static const struct db_stmt device_claim = {
    .name = "device_claim",
    .params = 4,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH token AS ("
           "  SELECT c.id, c.expires_at > now() AND c.revoked_at IS NULL AS is_valid,"
           "         $4::text = ANY (p.hwids) AS fits"
           "    FROM claim_token c JOIN device_group g ON g.id = c.group_id"
           "    JOIN product p ON p.id = g.product_id"
           "   WHERE c.digest = $1::bytea),"
           " known AS ("
           "  SELECT v.group_id, v.claim_token_id IN (SELECT id FROM token) AS is_same,"
           "         v.state = 'decommissioned' AS is_gone"
           "    FROM device v WHERE v.device_id = $2::bytea),"
           " used AS ("
           "  UPDATE claim_token c SET used = c.used + 1 FROM token"
           "   WHERE c.id = token.id AND token.is_valid AND token.fits AND c.used < c.count"
           "     AND c.revoked_at IS NULL"
           "     AND NOT EXISTS (SELECT 1 FROM known)"
           "  RETURNING c.id, c.tenant_id, c.group_id),"
           " added AS ("
           "  INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id, hwid)"
           "  SELECT tenant_id, $2, $3::bytea, group_id, id, $4 FROM used"
           "  RETURNING group_id),"
           " mine AS ("
           "  SELECT group_id FROM added"
           "  UNION ALL SELECT group_id FROM known WHERE is_same AND NOT is_gone)"
           " SELECT CASE"
           "    WHEN EXISTS (SELECT 1 FROM mine) THEN 'good'"
           "    WHEN NOT EXISTS (SELECT 1 FROM token) THEN 'unknown'"
           "    WHEN EXISTS (SELECT 1 FROM known WHERE is_gone AND is_same) THEN 'gone'"
           "    WHEN EXISTS (SELECT 1 FROM known) THEN 'other'"
           "    WHEN NOT (SELECT is_valid FROM token) THEN 'expired'"
           "    WHEN NOT (SELECT fits FROM token) THEN 'other-hardware'"
           "    ELSE 'used-up' END, t.name, p.name, g.name"
           "   FROM (VALUES (1)) AS one LEFT JOIN mine ON true"
           "   LEFT JOIN device_group g ON g.id = mine.group_id"
           "   LEFT JOIN product p ON p.id = g.product_id"
           "   LEFT JOIN tenant t ON t.id = g.tenant_id",
};

void store_device_claim(struct db *db, const struct wire_claim *claim, const uint8_t device[32],
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_claim, done, arg);
    uint8_t digest[HASH_BYTES];

    hash_sha256(claim->claim, strlen(claim->claim), digest);
    db_bind_bytes(call, digest, sizeof(digest));
    db_bind_bytes(call, device, 32);
    db_bind_bytes(call, claim->public_key, sizeof(claim->public_key));
    db_bind_text(call, claim->hwid);
    db_send(call);
}

void store_claimed_read(const struct db_result *result, struct store_claimed *out)
{
    static const char *const words[] = {
        [CLAIM_GOOD] = "good",         [CLAIM_UNKNOWN] = "unknown",
        [CLAIM_EXPIRED] = "expired",   [CLAIM_USED_UP] = "used-up",
        [CLAIM_OTHER] = "other",       [CLAIM_OTHER_HARDWARE] = "other-hardware",
        [CLAIM_GONE] = "gone",         [CLAIM_PENDING] = "pending",
        [CLAIM_REJECTED] = "rejected", [CLAIM_FULL] = "full",
        [CLAIM_NOWHERE] = "nowhere",   [CLAIM_UNCLEAR] = "unclear",
    };
    size_t i = 0;

    _Static_assert(COUNT(words) == CLAIM_OUTCOME_COUNT, "every outcome has a word");
    while (i < COUNT(words) && !text_equal(words[i], db_text(result, 0, 0)))
        i++;
    ASSERT(i < COUNT(words));
    *out = (struct store_claimed){
        .outcome = (enum store_claim_outcome)i,
        .tenant = db_text(result, 0, 1),
        .product = db_text(result, 0, 2),
        .group = db_text(result, 0, 3),
    };
}

/* A device's images travel as one value, its hashes one after the other. */
static const struct db_stmt device_installed = {
    .name = "device_installed",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH said AS ("
           "  SELECT v.id, array(SELECT substring(a.images FROM 32 * i + 1 FOR 32)"
           "                       FROM generate_series(0, length(a.images) / 32 - 1) AS i"
           "                      ORDER BY i) AS images"
           "    FROM unnest($1::bigint[], $2::bytea[]) AS a (device_id, images)"
           "    JOIN device v ON v.id = a.device_id ORDER BY v.id FOR NO KEY UPDATE OF v)"
           " UPDATE device v SET installed = said.images FROM said WHERE v.id = said.id",
};

void store_device_installed(struct db *db, const struct store_installed *rows, size_t count,
                            db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_installed, done, arg);
    AUTO_FREE struct db_slice *slices = mem_array(count, sizeof(*slices));

    for (size_t i = 0; i < count; i++)
        slices[i] = (struct db_slice){rows[i].images, rows[i].count * HASH_BYTES};
    BIND_I64S(call, rows, count, struct store_installed, device_id);
    db_bind_bytes_array(call, slices, count);
    db_send(call);
}

static const struct db_stmt device_attributes = {
    .name = "device_attributes",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "UPDATE device SET attributes = $2::jsonb, attributes_hash = $3::bytea"
           " WHERE id = $1::bigint",
};

void store_device_attributes(struct db *db, int64_t device_id, const char *json,
                             const uint8_t hash[HASH_BYTES], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &device_attributes, done, arg);

    db_bind_i64(call, device_id);
    db_bind_json(call, json);
    db_bind_bytes(call, hash, HASH_BYTES);
    db_send(call);
}

const struct db_stmt *const store_device_statements[] = {
    &device_page,       &device_find, &device_changed, &device_claim, &device_installed,
    &device_attributes, NULL};
