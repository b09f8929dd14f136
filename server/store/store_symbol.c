/*
 * An issue whose functions are those of an older one is the same trouble in another build. It is
 * not merged, its counts are its own; it points at the older one, and when that was resolved it has
 * come back.
 */
#include "server/store/store_symbol.h"

enum { STORE_FRAMES_MAX = 32 };

static const struct db_stmt symbol_add = {
    .name = "symbol_add",
    .params = 6,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS MATERIALIZED ("
           "  SELECT encode(sha256, 'hex') AS sha256 FROM symbol_file"
           "   WHERE tenant_id = $1::bigint AND build_id = $2::bytea),"
           " made AS ("
           "  INSERT INTO symbol_file (tenant_id, build_id, sha256, length)"
           "  VALUES ($1, $2, $3::bytea, $4::bigint)"
           "  ON CONFLICT (tenant_id, build_id) DO UPDATE"
           "     SET sha256 = excluded.sha256, length = excluded.length, uploaded_at = now()"
           "  RETURNING build_id, sha256, length, uploaded_at),"
           " due AS ("
           "  UPDATE issue SET is_symbols_due = true"
           "   WHERE tenant_id = $1 AND backtrace @> jsonb_build_array("
           "           jsonb_build_object('build_id', encode($2, 'hex')))),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($5::bigint, $6::text, 'symbols.write',"
           "           'symbols ' || encode(made.build_id, 'hex'), NULL, NULL,"
           "           (SELECT to_jsonb(old) FROM old),"
           "           jsonb_build_object('sha256', encode(made.sha256, 'hex'))) AS seq FROM made)"
           " SELECT json_build_object('build_id', encode(build_id, 'hex'),"
           "          'sha256', encode(sha256, 'hex'), 'length', length,"
           "          'uploaded', slipway_time(uploaded_at))"
           "   FROM made, audited",
};

void store_symbol_add(struct db *db, const struct store_symbol_file *file, db_done_fn *done,
                      void *arg)
{
    struct db_call *call = db_call_new(db, &symbol_add, done, arg);

    db_bind_i64(call, file->actor.tenant_id);
    db_bind_bytes(call, file->build_id, file->build_id_len);
    db_bind_bytes(call, file->sha256, HASH_BYTES);
    db_bind_i64(call, (int64_t)file->length);
    store_actor_bind(call, &file->actor);
    db_send(call);
}

static const struct db_stmt symbol_list = {
    .name = "symbol_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object("
           "         'items', coalesce(json_agg(json_build_object("
           "           'build_id', id, 'sha256', encode(sha256, 'hex'), 'length', length,"
           "           'uploaded', slipway_time(uploaded_at)) ORDER BY id)"
           "           FILTER (WHERE n <= $3::bigint), '[]'),"
           "         'next', CASE WHEN count(*) > $3 THEN max(id) FILTER (WHERE n <= $3) END)"
           "  FROM (SELECT encode(build_id, 'hex') AS id, sha256, length, uploaded_at,"
           "               row_number() OVER (ORDER BY build_id) AS n"
           "          FROM symbol_file"
           "         WHERE tenant_id = $1::bigint"
           "           AND ($2::text IS NULL OR build_id > decode($2, 'hex'))"
           "         ORDER BY build_id LIMIT $3 + 1) AS page",
};

void store_symbol_list(struct db *db, int64_t tenant_id, const char *after, int64_t limit,
                       db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &symbol_list, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, after);
    db_bind_i64(call, limit);
    db_send(call);
}

static const struct db_stmt symbol_due = {
    .name = "symbol_due",
    .params = 2,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH i AS MATERIALIZED ("
           "  SELECT id, tenant_id, category, class, component, backtrace FROM issue"
           "   WHERE is_symbols_due AND id > $1::bigint ORDER BY id LIMIT 1)"
           " SELECT i.id, i.category, i.class, i.component, f.frame ->> 'build_id',"
           "        (f.frame ->> 'offset')::bigint, s.sha256"
           "   FROM i CROSS JOIN LATERAL jsonb_array_elements(i.backtrace)"
           "     WITH ORDINALITY AS f (frame, place)"
           "   LEFT JOIN symbol_file s ON s.tenant_id = i.tenant_id"
           "    AND s.build_id = decode(f.frame ->> 'build_id', 'hex')"
           "  ORDER BY f.place LIMIT $2::bigint",
};

void store_symbol_due(struct db *db, int64_t after, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &symbol_due, done, arg);

    db_bind_i64(call, after);
    db_bind_i64(call, STORE_FRAMES_MAX);
    db_send(call);
}

static const struct db_stmt symbol_done = {
    .name = "symbol_done",
    .params = 3,
    .scope = DB_EVERY_TENANT,
    .sql = "WITH i AS MATERIALIZED ("
           "  SELECT id, tenant_id, product_id FROM issue WHERE id = $1::bigint FOR NO KEY UPDATE),"
           " older AS MATERIALIZED ("
           "  SELECT o.id, o.state, o.state_at, o.regress_from FROM i"
           "    JOIN issue o ON o.tenant_id = i.tenant_id AND o.product_id = i.product_id"
           "     AND o.symbol_key = $3::bytea AND o.id < i.id"
           "   ORDER BY o.id LIMIT 1),"
           " n AS (UPDATE issue n"
           "    SET symbols = $2::jsonb, is_symbols_due = false, symbol_key = $3,"
           "        same_as = (SELECT id FROM older),"
           "        state = CASE WHEN c.is_back THEN 'regressed' ELSE n.state END,"
           "        state_at = CASE WHEN c.is_back THEN now() ELSE n.state_at END,"
           "        regressions = n.regressions + c.is_back::integer"
           "   FROM i, (SELECT EXISTS ("
           "              SELECT 1 FROM older JOIN issue m ON m.id = $1"
           "               WHERE m.state = 'open' AND older.state = 'resolved'"
           "                 AND m.last_seen > older.state_at"
           "                 AND (older.regress_from IS NULL"
           "                      OR m.newest_counter >= older.regress_from)) AS is_back) AS c"
           "  WHERE n.id = i.id"
           "  RETURNING n.tenant_id, n.product_id, n.public_id, n.title, n.category, n.component,"
           "            c.is_back)"
           " SELECT slipway_notice(n.tenant_id, 'issue.regressed', jsonb_build_object("
           "          'issue', n.public_id, 'title', n.title, 'category', n.category,"
           "          'component', n.component, 'product', p.name))"
           "   FROM n JOIN product p ON p.id = n.product_id WHERE n.is_back",
};

void store_symbol_done(struct db *db, int64_t issue, const char *symbols,
                       const uint8_t key[HASH_BYTES], db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &symbol_done, done, arg);

    db_bind_i64(call, issue);
    db_bind_json(call, symbols);
    db_bind_bytes(call, key, key ? HASH_BYTES : 0);
    db_send(call);
}

const struct db_stmt *const store_symbol_statements[] = {&symbol_add, &symbol_list, &symbol_due,
                                                         &symbol_done, NULL};
