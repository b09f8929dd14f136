/* Everything that hangs on an issue is found by its signature; nothing is counted here. */
#include "server/store/store_issue.h"

enum { STORE_ISSUE_DAYS = 90, STORE_ISSUE_DEVICES = 50, STORE_ISSUE_SAMPLES = 10 };

/* The first release with the image that had it first: where it came in. */
#define FIRST_RELEASE                                                                              \
    "(SELECT r.name FROM image i JOIN release_image ri ON ri.image_id = i.id"                      \
    "   JOIN release r ON r.id = ri.release_id"                                                    \
    "  WHERE i.tenant_id = s.tenant_id AND i.sha256 = s.first_image ORDER BY r.id LIMIT 1)"

#define BRIEF                                                                                      \
    "'id', s.public_id, 'title', s.title, 'category', s.category, 'class', s.class,"               \
    " 'component', s.component, 'product', p.name, 'state', s.state,"                              \
    " 'state_since', slipway_time(s.state_at), 'note', s.note, 'assignee', s.assignee,"            \
    " 'first_seen', slipway_time(s.first_seen), 'last_seen', slipway_time(s.last_seen),"           \
    " 'first_image', encode(s.first_image, 'hex'), 'first_release', " FIRST_RELEASE ","            \
    " 'count', s.count, 'devices', s.devices, 'regressions', s.regressions,"                       \
    " 'same_as', (SELECT o.public_id FROM issue o WHERE o.id = s.same_as)"

static const struct db_stmt issue_list = {
    .name = "issue_list",
    .params = 9,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql =
        "SELECT json_build_object("
        "         'items', coalesce(json_agg(item ORDER BY n) FILTER (WHERE n <= $3), '[]'),"
        "         'next', CASE WHEN count(*) > $3 THEN (min(id) FILTER (WHERE n <= $3))::text END)"
        "  FROM (SELECT s.id, json_build_object(" BRIEF ") AS item,"
        "               row_number() OVER (ORDER BY s.id DESC) AS n"
        "          FROM issue s JOIN product p ON p.id = s.product_id"
        "         WHERE s.tenant_id = $1::bigint AND ($2::bigint = 0 OR s.id < $2)"
        "           AND ($4::text IS NULL OR s.state = $4)"
        "           AND ($5::text IS NULL OR s.category = $5)"
        "           AND ($6::uuid IS NULL OR p.public_id = $6)"
        "           AND ($7::text IS NULL OR s.component = $7)"
        "           AND ($8::bytea IS NULL OR s.signature IN ("
        "                 SELECT m.signature FROM issue_image m"
        "                  WHERE m.tenant_id = $1 AND m.image = $8))"
        "           AND ($9::uuid IS NULL OR s.signature IN ("
        "                 SELECT m.signature FROM release r"
        "                   JOIN release_image ri ON ri.release_id = r.id"
        "                   JOIN image i ON i.id = ri.image_id"
        "                   JOIN issue_image m ON m.tenant_id = $1 AND m.image = i.sha256"
        "                  WHERE r.tenant_id = $1 AND r.public_id = $9))"
        "         ORDER BY s.id DESC LIMIT $3::bigint + 1) AS page",
};

void store_issue_list(struct db *db, const struct store_issue_query *query, db_done_fn *done,
                      void *arg)
{
    struct db_call *call = db_call_new(db, &issue_list, done, arg);

    db_bind_i64(call, query->tenant_id);
    db_bind_i64(call, query->before);
    db_bind_i64(call, query->limit);
    db_bind_text(call, query->state);
    db_bind_text(call, query->category);
    db_bind_text(call, query->product);
    db_bind_text(call, query->component);
    db_bind_bytes(call, query->image, query->image ? HASH_BYTES : 0);
    db_bind_text(call, query->release);
    db_send(call);
}

#define VERSIONS                                                                                   \
    "(SELECT coalesce(json_agg(json_build_object("                                                 \
    "          'image', nullif(encode(m.image, 'hex'), ''), 'version', i.version,"                 \
    "          'release_counter', i.release_counter,"                                              \
    "          'releases', (SELECT coalesce(json_agg(r.name ORDER BY r.id), '[]')"                 \
    "                         FROM release_image ri JOIN release r ON r.id = ri.release_id"        \
    "                        WHERE ri.image_id = i.id),"                                           \
    "          'count', m.count, 'first_seen', slipway_time(m.first_seen),"                        \
    "          'last_seen', slipway_time(m.last_seen)) ORDER BY i.release_counter, m.image), "     \
    "'[]')"                                                                                        \
    "   FROM issue_image m"                                                                        \
    "   LEFT JOIN image i ON i.tenant_id = m.tenant_id AND i.sha256 = m.image"                     \
    "  WHERE m.tenant_id = s.tenant_id AND m.signature = s.signature)"

#define TIMELINE                                                                                   \
    "(SELECT coalesce(json_agg(json_build_object('day', d.day, 'count', d.count)"                  \
    "                          ORDER BY d.day), '[]')"                                             \
    "   FROM (SELECT day, count FROM issue_day"                                                    \
    "          WHERE tenant_id = s.tenant_id AND signature = s.signature"                          \
    "          ORDER BY day DESC LIMIT $3::bigint) AS d)"

#define DEVICES                                                                                    \
    "(SELECT coalesce(json_agg(json_build_object('device', encode(v.device_id, 'hex'),"            \
    "          'count', d.count, 'first_seen', slipway_time(d.first_seen),"                        \
    "          'last_seen', slipway_time(d.last_seen))), '[]')"                                    \
    "   FROM (SELECT device_id, count, first_seen, last_seen FROM issue_device"                    \
    "          WHERE tenant_id = s.tenant_id AND signature = s.signature"                          \
    "          LIMIT $4::bigint) AS d JOIN device v ON v.id = d.device_id)"

#define SAMPLES                                                                                    \
    "(SELECT coalesce(json_agg(json_build_object('id', e.id::text,"                                \
    "          'received', slipway_time(e.received_at), 'device', encode(v.device_id, 'hex'),"     \
    "          'summary', e.summary, 'signal', e.signal, 'exit_status', e.exit_status,"            \
    "          'image', encode(e.image, 'hex'), 'attachment', encode(e.attachment_sha256, 'hex'))" \
    "          ORDER BY e.id DESC), '[]')"                                                         \
    "   FROM (SELECT * FROM event WHERE tenant_id = s.tenant_id AND signature = s.signature"       \
    "          ORDER BY id DESC LIMIT $5::bigint) AS e JOIN device v ON v.id = e.device_id)"

static const struct db_stmt issue_get = {
    .name = "issue_get",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT json_build_object(" BRIEF ", 'backtrace', s.backtrace, 'frames', s.symbols,"
           "         'versions', " VERSIONS ", 'timeline', " TIMELINE ","
           "         'affected', " DEVICES ", 'samples', " SAMPLES ")"
           "  FROM issue s JOIN product p ON p.id = s.product_id"
           " WHERE s.tenant_id = $1::bigint AND s.public_id = $2::uuid",
};

void store_issue_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &issue_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_bind_i64(call, STORE_ISSUE_DAYS);
    db_bind_i64(call, STORE_ISSUE_DEVICES);
    db_bind_i64(call, STORE_ISSUE_SAMPLES);
    db_send(call);
}

/* A release says from which release counter on the trouble is to be gone. */
static const struct db_stmt issue_change = {
    .name = "issue_change",
    .params = 8,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS MATERIALIZED ("
           "  SELECT id, state, note, assignee, regress_from FROM issue"
           "   WHERE tenant_id = $1::bigint AND public_id = $2::uuid FOR NO KEY UPDATE),"
           " gone AS MATERIALIZED ("
           "  SELECT CASE WHEN $4::uuid IS NOT NULL THEN coalesce("
           "    (SELECT min(i.release_counter) FROM release r"
           "       JOIN release_image ri ON ri.release_id = r.id JOIN image i ON i.id = ri.image_id"
           "      WHERE r.tenant_id = $1 AND r.public_id = $4), slipway_missing('release'))"
           "  END AS regress_from),"
           " s AS ("
           "  UPDATE issue n"
           "     SET state = coalesce($3::text, n.state),"
           "         state_at = CASE WHEN $3 IS NULL THEN n.state_at ELSE now() END,"
           "         regress_from = CASE WHEN $3 IS NULL THEN n.regress_from"
           "                             ELSE gone.regress_from END,"
           "         note = coalesce($5::text, n.note), assignee = coalesce($6::text, n.assignee)"
           "    FROM old, gone WHERE n.id = old.id"
           "  RETURNING n.*),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($7::bigint, $8::text, 'issue.steer',"
           "           'issue ' || s.public_id || CASE WHEN $3 IS NULL THEN ''"
           "                                           ELSE ' ' || s.state END,"
           "           s.product_id, NULL, to_jsonb(old) - 'id',"
           "           jsonb_build_object('state', s.state, 'note', s.note, 'assignee', s.assignee,"
           "                              'regress_from', s.regress_from)) AS seq"
           "    FROM s, old)"
           " SELECT json_build_object(" BRIEF ")"
           "   FROM s JOIN product p ON p.id = s.product_id, audited",
};

void store_issue_change(struct db *db, const struct store_issue_change *change, db_done_fn *done,
                        void *arg)
{
    struct db_call *call = db_call_new(db, &issue_change, done, arg);

    db_bind_i64(call, change->actor.tenant_id);
    db_bind_text(call, change->id);
    db_bind_text(call, change->state);
    db_bind_text(call, change->release);
    db_bind_text(call, change->note);
    db_bind_text(call, change->assignee);
    store_actor_bind(call, &change->actor);
    db_send(call);
}

const struct db_stmt *const store_issue_statements[] = {&issue_list, &issue_get, &issue_change,
                                                        NULL};
