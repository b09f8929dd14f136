/* The secret is written once and answered by nothing here: whoever made the webhook has it. */
#include "server/store/store_webhook.h"

#define QUEUED(state)                                                                              \
    "(SELECT count(*) FROM (SELECT 1 FROM webhook_delivery d WHERE d.webhook_id = w.id"            \
    "   AND d.state = '" state "' LIMIT 10001) AS counted)"

#define WEBHOOK_JSON                                                                               \
    "json_build_object('id', w.public_id, 'url', w.url, 'events', to_json(w.events),"              \
    " 'template', w.template, 'enabled', w.is_enabled, 'created', slipway_time(w.created_at),"     \
    " 'queued', " QUEUED("queued") ", 'dead', " QUEUED("dead") ")"

/* What the audit hashes. */
#define STATE(w) "to_jsonb(" w ") - 'secret'"

static const struct db_stmt webhook_create = {
    .name = "webhook_create",
    .params = 8,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH w AS ("
           "  INSERT INTO webhook (tenant_id, url, secret, events, template)"
           "  SELECT $1::bigint, $2, $3::bytea, $4::text[], $5"
           "   WHERE (SELECT count(*) FROM webhook o WHERE o.tenant_id = $1"
           "                                          AND o.removed_at IS NULL) < $6::bigint"
           "      OR slipway_refuse('SL409', 'there are ' || $6 || ' webhooks already')"
           "  RETURNING *),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($7::bigint, $8::text, 'webhook.write', 'webhook ' || public_id,"
           "                       NULL, NULL, NULL, " STATE("w") ") AS seq FROM w)"
                                                                  " SELECT " WEBHOOK_JSON
                                                                  " FROM w, audited",
};

void store_webhook_create(struct db *db, const struct store_webhook *webhook, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_create, done, arg);

    db_bind_i64(call, webhook->actor.tenant_id);
    db_bind_text(call, webhook->url);
    db_bind_bytes(call, webhook->secret, 32);
    db_bind_text_array(call, webhook->events, webhook->event_count);
    db_bind_text(call, webhook->template);
    db_bind_i64(call, webhook->most);
    store_actor_bind(call, &webhook->actor);
    db_send(call);
}

static const struct db_stmt webhook_change = {
    .name = "webhook_change",
    .params = 9,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS MATERIALIZED ("
           "  SELECT * FROM webhook WHERE tenant_id = $1::bigint AND public_id = $2::uuid"
           "     AND removed_at IS NULL FOR NO KEY UPDATE),"
           " w AS ("
           "  UPDATE webhook n"
           "     SET url = coalesce($3::text, n.url), template = coalesce($4::text, n.template),"
           "         events = CASE WHEN cardinality($5::text[]) > 0 THEN $5 ELSE n.events END,"
           "         is_enabled = CASE WHEN $6::boolean THEN $7::boolean ELSE n.is_enabled END"
           "    FROM old WHERE n.id = old.id RETURNING n.*),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($8::bigint, $9::text, 'webhook.write',"
           "           'webhook ' || w.public_id, NULL, NULL, " STATE("old") ", " STATE(
               "w") ") AS seq"
                    "    FROM w, old)"
                    " SELECT " WEBHOOK_JSON " FROM w, audited",
};

void store_webhook_change(struct db *db, const struct store_webhook *webhook, db_done_fn *done,
                          void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_change, done, arg);

    db_bind_i64(call, webhook->actor.tenant_id);
    db_bind_text(call, webhook->id);
    db_bind_text(call, webhook->url);
    db_bind_text(call, webhook->template);
    db_bind_text_array(call, webhook->events, webhook->event_count);
    db_bind_bool(call, webhook->is_enabled != NULL);
    db_bind_bool(call, webhook->is_enabled && *webhook->is_enabled);
    store_actor_bind(call, &webhook->actor);
    db_send(call);
}

static const struct db_stmt webhook_remove = {
    .name = "webhook_remove",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH old AS MATERIALIZED ("
           "  SELECT * FROM webhook WHERE tenant_id = $1::bigint AND public_id = $2::uuid"
           "     AND removed_at IS NULL FOR NO KEY UPDATE),"
           " w AS ("
           "  UPDATE webhook n SET removed_at = now(), is_enabled = false"
           "    FROM old WHERE n.id = old.id RETURNING n.*),"
           " stopped AS ("
           "  UPDATE webhook_delivery d"
           "     SET state = 'dead', ended_at = now(), detail = 'the webhook was removed'"
           "    FROM w WHERE d.webhook_id = w.id AND d.state = 'queued'),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'webhook.remove',"
           "           'webhook ' || w.public_id, NULL, NULL, " STATE(
               "old") ", NULL) AS seq"
                      "    FROM w, old)"
                      " SELECT json_build_object('id', w.public_id) FROM w, audited",
};

void store_webhook_remove(struct db *db, const struct store_actor *actor, const char *id,
                          db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_remove, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

static const struct db_stmt webhook_list = {
    .name = "webhook_list",
    .params = 3,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = STORE_PAGE("SELECT w.id, " WEBHOOK_JSON " AS item FROM webhook w"
                      " WHERE w.tenant_id = $1::bigint AND w.id > $2::bigint"
                      "   AND w.removed_at IS NULL"),
};

void store_webhook_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_list, done, arg);

    store_page_bind(call, page);
    db_send(call);
}

static const struct db_stmt webhook_get = {
    .name = "webhook_get",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT " WEBHOOK_JSON " FROM webhook w"
           " WHERE w.tenant_id = $1::bigint AND w.public_id = $2::uuid AND w.removed_at IS NULL",
};

void store_webhook_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                       void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_get, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, id);
    db_send(call);
}

/* --- deliveries --------------------------------------------------------------------------------
 */

#define DELIVERY_JSON                                                                              \
    "json_build_object('id', d.public_id, 'event', d.event, 'at', slipway_time(d.at),"             \
    " 'state', d.state, 'tries', d.tries,"                                                         \
    " 'next_try', CASE WHEN d.state = 'queued' THEN slipway_time(d.next_at) END,"                  \
    " 'status', d.status, 'latency_ms', d.latency_ms, 'detail', d.detail,"                         \
    " 'ended', slipway_time(d.ended_at), 'object', d.object)"

static const struct db_stmt webhook_test = {
    .name = "webhook_test",
    .params = 4,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH w AS MATERIALIZED ("
           "  SELECT * FROM webhook WHERE tenant_id = $1::bigint AND public_id = $2::uuid"
           "     AND removed_at IS NULL),"
           " d AS ("
           "  INSERT INTO webhook_delivery (tenant_id, webhook_id, event, object)"
           "  SELECT w.tenant_id, w.id, 'webhook.test',"
           "         jsonb_build_object('webhook', w.public_id) FROM w RETURNING *),"
           " woken AS MATERIALIZED (SELECT pg_notify('slipway_notice', '') FROM d),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($3::bigint, $4::text, 'webhook.write',"
           "           'webhook ' || w.public_id || ' test', NULL, NULL, NULL, NULL) AS seq FROM w)"
           " SELECT " DELIVERY_JSON " FROM d, audited, woken",
};

void store_webhook_test(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_test, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    store_actor_bind(call, actor);
    db_send(call);
}

/* One row even of an empty log; none when there is no such webhook. */
static const struct db_stmt webhook_deliveries = {
    .name = "webhook_deliveries",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "SELECT (SELECT json_build_object("
           "    'items', coalesce(json_agg(item ORDER BY n) FILTER (WHERE n <= $3::bigint), '[]'),"
           "    'next', CASE WHEN count(*) > $3 THEN (min(id) FILTER (WHERE n <= $3))::text END)"
           "   FROM (SELECT d.id, " DELIVERY_JSON " AS item,"
           "                row_number() OVER (ORDER BY d.id DESC) AS n"
           "           FROM webhook_delivery d"
           "          WHERE d.webhook_id = w.id AND ($2::bigint = 0 OR d.id < $2)"
           "            AND ($5::text IS NULL OR d.state = $5)"
           "          ORDER BY d.id DESC LIMIT $3 + 1) AS page)"
           "  FROM webhook w WHERE w.tenant_id = $1::bigint AND w.public_id = $4::uuid",
};

void store_webhook_deliveries(struct db *db, const struct store_page *page, const char *id,
                              const char *state, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_deliveries, done, arg);

    store_page_bind(call, page);
    db_bind_text(call, id);
    db_bind_text(call, state);
    db_send(call);
}

static const struct db_stmt webhook_redeliver = {
    .name = "webhook_redeliver",
    .params = 5,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "WITH w AS MATERIALIZED ("
           "  SELECT id, public_id FROM webhook WHERE tenant_id = $1::bigint"
           "     AND public_id = $2::uuid AND removed_at IS NULL),"
           " old AS MATERIALIZED ("
           "  SELECT o.id FROM webhook_delivery o JOIN w ON o.webhook_id = w.id"
           "   WHERE o.public_id = $3::uuid"
           "     AND (o.state <> 'queued' OR slipway_refuse('SL409', 'it is queued already'))"
           "   FOR UPDATE OF o),"
           " d AS ("
           "  UPDATE webhook_delivery n"
           "     SET state = 'queued', tries = 0, next_at = now(), ended_at = NULL"
           "    FROM old WHERE n.id = old.id RETURNING n.*),"
           " woken AS MATERIALIZED (SELECT pg_notify('slipway_notice', '') FROM d),"
           " audited AS MATERIALIZED ("
           "  SELECT slipway_audit($4::bigint, $5::text, 'webhook.write',"
           "           'webhook ' || w.public_id || ' redeliver ' || d.public_id,"
           "           NULL, NULL, NULL, NULL) AS seq FROM w, d)"
           " SELECT " DELIVERY_JSON " FROM d, audited, woken",
};

void store_webhook_redeliver(struct db *db, const struct store_actor *actor, const char *id,
                             const char *delivery, db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &webhook_redeliver, done, arg);

    db_bind_i64(call, actor->tenant_id);
    db_bind_text(call, id);
    db_bind_text(call, delivery);
    store_actor_bind(call, actor);
    db_send(call);
}

const struct db_stmt *const store_webhook_statements[] = {
    &webhook_create, &webhook_change,     &webhook_remove,    &webhook_list, &webhook_get,
    &webhook_test,   &webhook_deliveries, &webhook_redeliver, NULL};
