/*
 * One statement for a batch, in this order: which events are new (event_epoch, by device and
 * epoch), each device's day, the day's rollups, the devices of issues, the issues, what hangs on
 * them, the raw rows, and the hours of the group's running deployment. Every step sorts what it
 * locks, so batches of many workers wait for each other but never in a circle.
 *
 * What a deployment's health counts is decided by the times of the event, not of its arrival: an
 * uptime that spans the switch is cut there, and by hours. The new image's time begins when the
 * device was allowed to activate and ends when it fell back; what a device that fell back does
 * later is on neither side. The update's own reboot is none.
 */
#include "server/store/store_event.h"

#include "lib/base/mem.h"
#include "server/store/gather.h"

/* A device tells whole seconds: what it says of the second in which it switched is of the new
 * image. */
#define SWITCHED_AT "date_trunc('second', dd.activated_at)"
/* When the event happened, the device ran the new image of its group's deployment. */
#define IS_UPDATED "coalesce(f.started_at >= f.updated_from AND f.started_at < f.updated_to, false)"

#define GIVEN                                                                                      \
    "WITH given AS MATERIALIZED ("                                                                 \
    "  SELECT DISTINCT ON (a.device_id, a.epoch, a.seq) a.device_id, a.tenant_id, a.epoch, a.seq," \
    "         a.category, a.class, a.component, a.count, a.started_at, a.ended_at,"                \
    "         a.flags & 1 = 1 AS is_planned, a.flags & 2 = 2 AS is_moved, a.image,"                \
    "         nullif(a.exit_status, -1) AS exit_status, nullif(a.signal, -1) AS signal, "          \
    "a.summary,"                                                                                   \
    "         a.backtrace::jsonb AS backtrace, a.uptime_s, a.signature, a.title,"                  \
    "         a.attachment_kind, a.attachment_sha256, a.attachment_length"                         \
    "    FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::text[],"           \
    "                $6::text[], $7::text[], $8::bigint[], $9::timestamptz[],"                     \
    "                $10::timestamptz[], $11::bigint[], $12::bytea[], $13::bigint[],"              \
    "                $14::bigint[], $15::text[], $16::text[], $17::bigint[], $18::bytea[],"        \
    "                $19::text[], $20::text[], $21::bytea[], $22::bigint[])"                       \
    "      AS a (device_id, tenant_id, epoch, seq, category, class, component, count,"             \
    "            started_at, ended_at, flags, image, exit_status, signal, summary, backtrace,"     \
    "            uptime_s, signature, title, attachment_kind, attachment_sha256,"                  \
    "            attachment_length)"                                                               \
    "   ORDER BY a.device_id, a.epoch, a.seq),"

#define KNOWN                                                                                      \
    " known AS ("                                                                                  \
    "  INSERT INTO event_epoch AS e (device_id, epoch, tenant_id, high, recent)"                   \
    "  SELECT device_id, epoch, min(tenant_id), high,"                                             \
    "         bit_or(1::bigint << (high - seq)::integer) FILTER (WHERE high - seq <= 62)"          \
    "    FROM (SELECT device_id, epoch, tenant_id, seq,"                                           \
    "                 max(seq) OVER (PARTITION BY device_id, epoch) AS high FROM given) AS s"      \
    "   GROUP BY device_id, epoch, high ORDER BY device_id, epoch"                                 \
    "  ON CONFLICT (device_id, epoch) DO UPDATE"                                                   \
    "     SET high = greatest(e.high, excluded.high),"                                             \
    "         recent = slipway_recent_move(e.recent, greatest(e.high, excluded.high) - e.high)"    \
    "                | slipway_recent_move(excluded.recent,"                                       \
    "                                      greatest(e.high, excluded.high) - excluded.high),"      \
    "         high_before = e.high, recent_before = e.recent, seen_at = now()"                     \
    "  RETURNING device_id, epoch, high_before, recent_before),"

/* GATE_CHRONIC_DAYS of server/rollout/gate/health.h: a device that was bad on so many days since 14
 * days before the deployment says nothing of it any more, on neither side. */
#define CHRONIC_DAYS "3"

/* One signature in two products is two issues. */
#define OWN_ISSUE "sha256(convert_to(g.product_id::text, 'UTF8') || e.signature)"
/* A device that has met so many issues says something new each time, or lies: what is new of it
 * goes into one issue of its category, so that it cannot fill the list. */
#define ISSUES_MAX "200"

/* New events, with where their device stands in its group's deployment. */
#define FRESH                                                                                      \
    " found AS ("                                                                                  \
    "  SELECT e.*, v.group_id, g.product_id, im.release_counter AS counter,"                       \
    "         " OWN_ISSUE " AS own_issue,"                                                         \
    "         (SELECT count(*) FROM (SELECT 1 FROM issue_device t WHERE t.device_id = e.device_id" \
    "                                 LIMIT " ISSUES_MAX ") AS many) = " ISSUES_MAX                \
    "           AND NOT EXISTS (SELECT 1 FROM issue_device t"                                      \
    "                            WHERE t.device_id = e.device_id AND t.signature = " OWN_ISSUE ")" \
    "           AS is_flood,"                                                                      \
    "         d.id AS deployment_id, d.created_at AS deployed_at, dd.state AS row_state,"          \
    "         " SWITCHED_AT " AS activated_at, dd.verdict_at, dd.updated_at AS row_at,"            \
    "         CASE WHEN dd.device_id IS NOT NULL THEN dd.stratum"                                  \
    "              ELSE coalesce((SELECT s.stratum FROM deployment_stratum s"                      \
    "                              WHERE s.deployment_id = d.id AND s.stratum > 0"                 \
    "                                AND s.hwid = v.hwid AND s.source = ANY (v.installed)"         \
    "                              ORDER BY s.stratum LIMIT 1), 0) END AS stratum,"                \
    "         CASE WHEN dd.state IN ('activating', 'verifying', 'succeeded', 'failed',"            \
    "                                'rolled-back') THEN " SWITCHED_AT " END AS updated_from,"     \
    "         CASE WHEN dd.state IN ('failed', 'rolled-back') THEN dd.updated_at"                  \
    "              ELSE 'infinity' END AS updated_to,"                                             \
    "         (SELECT count(*) FROM device_health_day c"                                           \
    "           WHERE c.device_id = v.id AND c.bad > 0"                                            \
    "             AND c.day >= (d.created_at AT TIME ZONE 'UTC')::date - 14"                       \
    "             AND c.day < (e.started_at AT TIME ZONE 'UTC')::date) >= " CHRONIC_DAYS           \
    "           AS is_chronic"                                                                     \
    "    FROM given e"                                                                             \
    "    JOIN known k ON k.device_id = e.device_id AND k.epoch = e.epoch"                          \
    "    JOIN device v ON v.id = e.device_id JOIN device_group g ON g.id = v.group_id"             \
    "    LEFT JOIN image im ON im.tenant_id = e.tenant_id AND im.sha256 = e.image"                 \
    "    LEFT JOIN deployment d ON d.group_id = v.group_id"                                        \
    "     AND d.state IN ('running', 'paused', 'rolling-back')"                                    \
    "    LEFT JOIN deployment_device dd ON dd.deployment_id = d.id AND dd.device_id = v.id"        \
    "   WHERE NOT slipway_recent_has(k.high_before, k.recent_before, e.seq)),"                     \
    " fresh AS MATERIALIZED ("                                                                     \
    "  SELECT f.*, row_number() OVER (ORDER BY f.device_id, f.epoch, f.seq) AS n,"                 \
    "         CASE WHEN f.own_issue IS NULL OR NOT f.is_flood THEN f.own_issue"                    \
    "              ELSE sha256(convert_to('flood ' || f.product_id || ' ' || f.category, 'UTF8'))" \
    "         END AS issue,"                                                                       \
    "         CASE WHEN f.is_flood THEN f.category || ': more kinds than a device can have'"       \
    "              ELSE f.title END AS issue_title,"                                               \
    "         CASE WHEN NOT slipway_event_is_bad(f.category, f.is_planned) THEN 0"                 \
    "              WHEN f.category = 'reboot' AND f.activated_at IS NOT NULL AND ("                \
    "                   f.row_state IN ('activating', 'verifying')"                                \
    "                   OR f.started_at BETWEEN f.activated_at"                                    \
    "                                       AND coalesce(f.verdict_at, f.row_at)) THEN 0"          \
    "              WHEN " IS_UPDATED " THEN 2 ELSE 1 END AS bad"                                   \
    "    FROM found f),"

#define DAYS                                                                                       \
    " slices AS MATERIALIZED ("                                                                    \
    "  SELECT f.n, f.device_id, f.tenant_id, f.group_id, f.category, f.class, f.is_planned,"       \
    "         coalesce(f.image, '') AS image, (t.at AT TIME ZONE 'UTC')::date AS day, f.bad,"      \
    "         f.started_at,"                                                                       \
    "         CASE WHEN t.place = 1 THEN 1 ELSE 0 END AS events,"                                  \
    "         CASE WHEN t.place = 1 THEN f.count ELSE 0 END AS count,"                             \
    "         CASE WHEN f.category = 'uptime' THEN"                                                \
    "           slipway_uptime_until(f.uptime_s, f.started_at, f.ended_at, t.at + '1 day')"        \
    "           - slipway_uptime_until(f.uptime_s, f.started_at, f.ended_at, t.at)"                \
    "         ELSE 0 END AS uptime_s"                                                              \
    "    FROM fresh f CROSS JOIN LATERAL generate_series("                                         \
    "           date_trunc('day', f.started_at, 'UTC'),"                                           \
    "           CASE WHEN f.category = 'uptime' THEN f.ended_at ELSE f.started_at END,"            \
    "           interval '24 hours') WITH ORDINALITY AS t (at, place)"                             \
    "   WHERE t.place = 1 OR t.at < f.ended_at),"                                                  \
    " health_days AS ("                                                                            \
    "  INSERT INTO device_health_day AS h (day, device_id, tenant_id, group_id, uptime_s, bad,"    \
    "                                      bad_at, categories)"                                    \
    "  SELECT day, device_id, min(tenant_id), min(group_id), least(sum(uptime_s), 86400),"         \
    "         bit_or(bad), coalesce(max(started_at) FILTER (WHERE bad > 0), '-infinity'),"         \
    "         bit_or(1 << slipway_event_category(category))"                                       \
    "    FROM slices GROUP BY day, device_id ORDER BY day, device_id"                              \
    "  ON CONFLICT (day, device_id) DO UPDATE"                                                     \
    "     SET uptime_s = least(h.uptime_s + excluded.uptime_s, 86400),"                            \
    "         bad = h.bad | excluded.bad, bad_before = h.bad,"                                     \
    "         bad_at = greatest(h.bad_at, excluded.bad_at), bad_at_before = h.bad_at,"             \
    "         categories = h.categories | excluded.categories, categories_before = h.categories"   \
    "  RETURNING day, device_id, bad_before, bad_at_before, categories_before),"                   \
    " rollup AS ("                                                                                 \
    "  INSERT INTO event_day AS r (day, tenant_id, group_id, category, class, is_planned, image,"  \
    "                              events, count, devices, uptime_s)"                              \
    "  SELECT day, tenant_id, group_id, category, class, is_planned, image, sum(events),"          \
    "         sum(count), sum(is_first), sum(uptime_s)"                                            \
    "    FROM (SELECT s.*, (row_number() OVER (PARTITION BY s.day, s.device_id, s.category"        \
    "                                          ORDER BY s.n) = 1"                                  \
    "                       AND (h.categories_before >> slipway_event_category(s.category)) & 1"   \
    "                           = 0)::integer AS is_first"                                         \
    "            FROM slices s JOIN health_days h ON h.day = s.day AND h.device_id = s.device_id)" \
    "         AS counted"                                                                          \
    "   GROUP BY day, tenant_id, group_id, category, class, is_planned, image"                     \
    "   ORDER BY day, tenant_id, group_id, category, class, is_planned, image"                     \
    "  ON CONFLICT (day, tenant_id, group_id, category, class, is_planned, image) DO UPDATE"       \
    "     SET events = r.events + excluded.events, count = r.count + excluded.count,"              \
    "         devices = r.devices + excluded.devices, uptime_s = r.uptime_s + excluded.uptime_s),"

/* A resolved issue is back when it happened after that, in a release that was to be without it. */
#define CAME_BACK                                                                                  \
    "i.state = 'resolved' AND excluded.last_seen > i.state_at"                                     \
    " AND (i.regress_from IS NULL OR excluded.newest_counter >= i.regress_from)"

/* A row whose count is what was just added to it is a new one. */
#define ISSUES                                                                                     \
    " hits AS MATERIALIZED ("                                                                      \
    "  SELECT tenant_id, issue, device_id, sum(count) AS count, min(started_at) AS first_seen,"    \
    "         max(ended_at) AS last_seen"                                                          \
    "    FROM fresh WHERE issue IS NOT NULL GROUP BY tenant_id, issue, device_id),"                \
    " met AS ("                                                                                    \
    "  INSERT INTO issue_device AS t (tenant_id, signature, device_id, count, first_seen,"         \
    "                                 last_seen)"                                                  \
    "  SELECT tenant_id, issue, device_id, count, first_seen, last_seen FROM hits"                 \
    "   ORDER BY tenant_id, issue, device_id"                                                      \
    "  ON CONFLICT (tenant_id, signature, device_id) DO UPDATE"                                    \
    "     SET count = t.count + excluded.count,"                                                   \
    "         first_seen = least(t.first_seen, excluded.first_seen),"                              \
    "         last_seen = greatest(t.last_seen, excluded.last_seen)"                               \
    "  RETURNING tenant_id, signature, device_id, count),"                                         \
    " newcomers AS ("                                                                              \
    "  SELECT h.tenant_id, h.issue, count(*) FILTER (WHERE m.count = h.count) AS devices"          \
    "    FROM hits h JOIN met m ON m.tenant_id = h.tenant_id AND m.signature = h.issue"            \
    "     AND m.device_id = h.device_id"                                                           \
    "   GROUP BY h.tenant_id, h.issue),"                                                           \
    " touched AS ("                                                                                \
    "  INSERT INTO issue AS i (tenant_id, product_id, signature, category, class, component,"      \
    "                          title, first_seen, last_seen, first_image, newest_counter, count,"  \
    "                          devices, backtrace, is_symbols_due)"                                \
    "  SELECT f.tenant_id, min(f.product_id), f.issue, min(f.category), min(f.class),"             \
    "         min(f.component), min(f.issue_title), min(f.started_at), max(f.ended_at),"           \
    "         (array_agg(f.image ORDER BY f.started_at, f.n))[1], max(f.counter), sum(f.count),"   \
    "         min(c.devices),"                                                                     \
    "         (array_agg(f.backtrace ORDER BY f.n) FILTER (WHERE f.backtrace IS NOT NULL))[1],"    \
    "         count(f.backtrace) > 0"                                                              \
    "    FROM fresh f JOIN newcomers c ON c.tenant_id = f.tenant_id AND c.issue = f.issue"         \
    "   GROUP BY f.tenant_id, f.issue ORDER BY f.tenant_id, f.issue"                               \
    "  ON CONFLICT (tenant_id, signature) DO UPDATE"                                               \
    "     SET count = i.count + excluded.count, devices = i.devices + excluded.devices,"           \
    "         first_image = CASE WHEN excluded.first_seen < i.first_seen"                          \
    "                            THEN excluded.first_image ELSE i.first_image END,"                \
    "         first_seen = least(i.first_seen, excluded.first_seen),"                              \
    "         last_seen = greatest(i.last_seen, excluded.last_seen),"                              \
    "         newest_counter = greatest(i.newest_counter, excluded.newest_counter),"               \
    "         state = CASE WHEN " CAME_BACK " THEN 'regressed' ELSE i.state END,"                  \
    "         state_at = CASE WHEN " CAME_BACK " THEN now() ELSE i.state_at END,"                  \
    "         regressions = i.regressions + CASE WHEN " CAME_BACK " THEN 1 ELSE 0 END,"            \
    "         is_symbols_due = i.is_symbols_due"                                                   \
    "                       OR (i.backtrace IS NULL AND excluded.backtrace IS NOT NULL),"          \
    "         backtrace = coalesce(i.backtrace, excluded.backtrace)"                               \
    "  RETURNING i.tenant_id, i.product_id, i.signature, i.public_id, i.title, i.category, "       \
    "i.component,"                                                                                 \
    "            i.count, i.state,"                                                                \
    "            i.state = 'regressed' AND i.state_at = now() AS is_back),"                        \
    " versions AS ("                                                                               \
    "  INSERT INTO issue_image AS t (tenant_id, signature, image, count, first_seen, last_seen)"   \
    "  SELECT tenant_id, issue, coalesce(image, ''), sum(count), min(started_at), max(ended_at)"   \
    "    FROM fresh WHERE issue IS NOT NULL"                                                       \
    "   GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"                                                         \
    "  ON CONFLICT (tenant_id, signature, image) DO UPDATE"                                        \
    "     SET count = t.count + excluded.count,"                                                   \
    "         first_seen = least(t.first_seen, excluded.first_seen),"                              \
    "         last_seen = greatest(t.last_seen, excluded.last_seen)),"                             \
    " timeline AS ("                                                                               \
    "  INSERT INTO issue_day AS t (day, tenant_id, signature, count)"                              \
    "  SELECT (started_at AT TIME ZONE 'UTC')::date, tenant_id, issue, sum(count)"                 \
    "    FROM fresh WHERE issue IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"                     \
    "  ON CONFLICT (day, tenant_id, signature) DO UPDATE SET count = t.count + excluded.count),"

/* Uptime is counted and not kept raw: it is most of what arrives, and says no more than its sum. */
#define RAW                                                                                        \
    " raw AS ("                                                                                    \
    "  INSERT INTO event (day, tenant_id, device_id, group_id, epoch, seq, category, class,"       \
    "                     component, count, started_at, ended_at, is_moved, is_planned, image,"    \
    "                     exit_status, signal, summary, backtrace, signature, attachment_kind,"    \
    "                     attachment_sha256, attachment_length)"                                   \
    "  SELECT (now() AT TIME ZONE 'UTC')::date, tenant_id, device_id, group_id, epoch, seq,"       \
    "         category, class, component, count, started_at, ended_at, is_moved, is_planned,"      \
    "         image, exit_status, signal, summary, backtrace, issue, attachment_kind,"             \
    "         attachment_sha256, attachment_length"                                                \
    "    FROM fresh WHERE category <> 'uptime' ORDER BY n),"                                       \
    " declared AS ("                                                                               \
    "  INSERT INTO event_attachment (device_id, sha256, tenant_id, kind, length)"                  \
    "  SELECT device_id, attachment_sha256, min(tenant_id), min(attachment_kind),"                 \
    "         min(attachment_length)"                                                              \
    "    FROM fresh WHERE attachment_sha256 IS NOT NULL"                                           \
    "   GROUP BY device_id, attachment_sha256 ORDER BY device_id, attachment_sha256"               \
    "  ON CONFLICT DO NOTHING),"

#define HEALTH                                                                                     \
    " hours AS ("                                                                                  \
    "  SELECT f.deployment_id, f.stratum, arm.updated, h.at AS hour, f.tenant_id,"                 \
    "         slipway_uptime_until(f.uptime_s, f.started_at, f.ended_at,"                          \
    "                              least(h.at + interval '1 hour', arm.upper))"                    \
    "         - slipway_uptime_until(f.uptime_s, f.started_at, f.ended_at,"                        \
    "                                greatest(h.at, arm.lower)) AS exposure_s, 0 AS bad"           \
    "    FROM fresh f"                                                                             \
    "   CROSS JOIN LATERAL (VALUES (false, f.deployed_at, coalesce(f.activated_at, 'infinity')),"  \
    "                              (true, f.updated_from, f.updated_to))"                          \
    "           AS arm (updated, lower, upper)"                                                    \
    "   CROSS JOIN LATERAL generate_series("                                                       \
    "           date_trunc('hour', greatest(f.started_at, arm.lower), 'UTC'),"                     \
    "           least(f.ended_at, arm.upper), interval '1 hour') AS h (at)"                        \
    "   WHERE f.category = 'uptime' AND f.deployment_id IS NOT NULL AND NOT f.is_chronic"          \
    "     AND arm.lower IS NOT NULL"                                                               \
    "     AND least(h.at + interval '1 hour', arm.upper) > greatest(h.at, arm.lower)"              \
    "  UNION ALL"                                                                                  \
    "  SELECT b.deployment_id, b.stratum, b.bad = 2, b.hour, b.tenant_id, 0, 1"                    \
    "    FROM (SELECT DISTINCT ON (f.device_id, (f.started_at AT TIME ZONE 'UTC')::date, f.bad)"   \
    "                 f.deployment_id, f.stratum, f.tenant_id, f.device_id, f.bad,"                \
    "                 f.deployed_at, date_trunc('hour', f.started_at, 'UTC') AS hour,"             \
    "                 (f.started_at AT TIME ZONE 'UTC')::date AS day"                              \
    "            FROM fresh f WHERE f.bad > 0 AND f.deployment_id IS NOT NULL"                     \
    "             AND NOT f.is_chronic"                                                            \
    "             AND f.started_at >= f.deployed_at"                                               \
    "             AND (f.bad = 2 OR f.activated_at IS NULL OR f.started_at < f.activated_at)"      \
    "           ORDER BY f.device_id, (f.started_at AT TIME ZONE 'UTC')::date, f.bad,"             \
    "                    f.started_at) AS b"                                                       \
    "    JOIN health_days h ON h.day = b.day AND h.device_id = b.device_id"                        \
    "     AND (h.bad_before & b.bad = 0 OR h.bad_at_before < b.deployed_at)),"                     \
    " health AS ("                                                                                 \
    "  INSERT INTO deployment_health AS t (deployment_id, stratum, updated, hour, tenant_id,"      \
    "                                      exposure_s, bad)"                                       \
    "  SELECT deployment_id, stratum, updated, hour, min(tenant_id), sum(exposure_s), sum(bad)"    \
    "    FROM hours GROUP BY deployment_id, stratum, updated, hour"                                \
    "  HAVING sum(exposure_s) > 0 OR sum(bad) > 0"                                                 \
    "   ORDER BY deployment_id, stratum, updated, hour"                                            \
    "  ON CONFLICT (deployment_id, stratum, updated, hour) DO UPDATE"                              \
    "     SET exposure_s = t.exposure_s + excluded.exposure_s, bad = t.bad + excluded.bad)"

static const struct db_stmt event_add = {
    .name = "event_add",
    .params = 22,
    .scope = DB_EVERY_TENANT,
    .sql = GIVEN KNOWN FRESH DAYS ISSUES RAW HEALTH
    " SELECT t.public_id::text, t.is_back, t.title,"
    "        slipway_notice(t.tenant_id,"
    "                       CASE WHEN t.is_back THEN 'issue.regressed' ELSE 'issue.new' END,"
    "                       jsonb_build_object('issue', t.public_id, 'title', t.title,"
    "                         'category', t.category, 'component', t.component,"
    "                         'product', (SELECT p.name FROM product p WHERE p.id = t.product_id)))"
    "   FROM touched t JOIN (SELECT tenant_id, issue, sum(count) AS count FROM hits"
    "                         GROUP BY tenant_id, issue) AS h"
    "     ON h.tenant_id = t.tenant_id AND h.issue = t.signature"
    "  WHERE t.is_back OR t.count = h.count"
    "  ORDER BY t.public_id",
};

static void bind_texts(struct db_call *call, const struct store_event *events, size_t count,
                       size_t offset)
{
    AUTO_FREE const char **texts = mem_array(count, sizeof(*texts));

    for (size_t i = 0; i < count; i++)
        __builtin_memcpy(&texts[i], (const char *)&events[i] + offset, sizeof(texts[i]));
    db_bind_text_array(call, texts, count);
}

/* A NULL is no hash. */
static void bind_bytes(struct db_call *call, const struct store_event *events, size_t count,
                       size_t offset, size_t len)
{
    AUTO_FREE struct db_slice *slices = mem_array(count, sizeof(*slices));

    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes;

        __builtin_memcpy(&bytes, (const char *)&events[i] + offset, sizeof(bytes));
        slices[i] = (struct db_slice){bytes, bytes ? len : 0};
    }
    db_bind_bytes_array(call, slices, count);
}

#define TEXTS(member) bind_texts(call, events, count, offsetof(struct store_event, member))
#define BYTES(member, len)                                                                         \
    bind_bytes(call, events, count, offsetof(struct store_event, member), len)
#define NUMBERS(member) BIND_I64S(call, events, count, struct store_event, member)

void store_event_add(struct db *db, const struct store_event *events, size_t count,
                     db_done_fn *done, void *arg)
{
    struct db_call *call = db_call_new(db, &event_add, done, arg);

    NUMBERS(device_id);
    NUMBERS(tenant_id);
    BYTES(epoch, STORE_EVENT_EPOCH_BYTES);
    NUMBERS(seq);
    TEXTS(category);
    TEXTS(class);
    TEXTS(component);
    NUMBERS(count);
    BIND_TIMES(call, events, count, struct store_event, start_ms);
    BIND_TIMES(call, events, count, struct store_event, end_ms);
    NUMBERS(flags);
    BYTES(image, HASH_BYTES);
    NUMBERS(exit_status);
    NUMBERS(signal);
    TEXTS(summary);
    TEXTS(backtrace);
    NUMBERS(uptime_s);
    BYTES(signature, HASH_BYTES);
    TEXTS(title);
    TEXTS(attachment_kind);
    BYTES(attachment_sha256, HASH_BYTES);
    NUMBERS(attachment_length);
    db_send(call);
}

void store_event_issue_read(const struct db_result *result, size_t row,
                            struct store_event_issue *out)
{
    out->id = db_text(result, row, 0);
    out->is_back = db_bool(result, row, 1);
    out->title = db_text(result, row, 2);
}

const struct db_stmt *const store_event_statements[] = {&event_add, NULL};
