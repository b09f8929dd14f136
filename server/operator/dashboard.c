/* Every answer is one statement's JSON; counts that make a whole get percentages that add up. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/operator/input.h"
#include "server/operator/routes_dashboard.h"
#include "server/operator/share.h"
#include "server/store/store_dashboard.h"
#include "server/worker.h"

enum { POINTS_DEFAULT = 24, POINTS_MAX = 200, ISSUES_DEFAULT = 10, ISSUES_MAX = 100 };

static const int64_t day_ms = 24LL * 3600 * 1000;
/* Further back nothing is kept, and no chart asks. */
static const int64_t days_max = 3660;

struct pending {
    struct http_request *req;
    const char *none; /* what there is not, when there is no row */
};

static void answer(const struct db_result *result, const struct err *err, void *arg)
{
    const struct pending *pending = arg;
    AUTO_JSON *tree = NULL;
    AUTO_FREE char *text = NULL;
    struct err none;

    if (err) {
        http_answer_error(pending->req, err);
        return;
    }
    if (db_rows(result) == 0) {
        (void)err_set(&none, ERR_NOT_FOUND, "there is no such %s", pending->none);
        http_answer_error(pending->req, &none);
        return;
    }
    tree = json_loads(db_text(result, 0, 0), 0, NULL);
    ASSERT(tree); /* it is PostgreSQL's */
    share_tree(tree);
    text = json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(8));
    ASSERT(text);
    http_answer_json(pending->req, 200, text);
}

static struct pending *pending_new(struct http_request *req, const char *none)
{
    struct pending *pending = arena_alloc(req->arena, sizeof(*pending));

    *pending = (struct pending){.req = req, .none = none};
    return pending;
}

/* --- what is asked for --------------------------------------------------------------------------
 */

static bool read_time(struct http_request *req, const char *name, int64_t fallback_ms, int64_t *out,
                      struct err *err)
{
    const char *text = http_query(req, name);

    *out = fallback_ms;
    return !text || text_to_time(text, strlen(text), out) ||
           err_set(err, ERR_INVALID, "parameter '%s' is not a time like 2026-11-22T18:00:00Z",
                   name);
}

static bool read_number(struct http_request *req, const char *name, int64_t max, int64_t *out,
                        struct err *err)
{
    const char *text = http_query(req, name);
    uint64_t value;

    if (!text)
        return true;
    if (!text_to_u64(text, strlen(text), 1, (uint64_t)max, &value))
        return err_set(err, ERR_INVALID, "parameter '%s' is not a number from 1 to %lld", name,
                       (long long)max);
    *out = (int64_t)value;
    return true;
}

static bool read_scope(struct http_request *req, int64_t days, struct store_dashboard_scope *out,
                       struct err *err)
{
    int64_t now_ms = clock_now_ms();

    *out = (struct store_dashboard_scope){.tenant_id = req->identity.tenant_id,
                                          .points = POINTS_DEFAULT};
    if (!input_uuid_query(req, "product", &out->product, err) ||
        !input_uuid_query(req, "group", &out->group, err) ||
        !read_time(req, "until", now_ms, &out->until_ms, err) ||
        !read_time(req, "since", out->until_ms - days * day_ms, &out->since_ms, err) ||
        !read_number(req, "points", POINTS_MAX, &out->points, err))
        return false;
    if (out->since_ms >= out->until_ms || out->until_ms - out->since_ms > days_max * day_ms)
        return err_set(err, ERR_INVALID,
                       "parameter 'since' is not before 'until' by at most %lld "
                       "days",
                       (long long)days_max);
    return true;
}

/* --- the handlers -------------------------------------------------------------------------------
 */

void on_dashboard_progress(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_dashboard_scope scope;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !read_scope(req, 365, &scope, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_dashboard_progress(worker->db, &scope, id, answer, pending_new(req, "deployment"));
}

void on_dashboard_versions(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_dashboard_scope scope;
    struct err err;

    if (!read_scope(req, 30, &scope, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_dashboard_versions(worker->db, &scope, answer, pending_new(req, "product or group"));
}

void on_dashboard_health(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_dashboard_scope scope;
    struct err err;

    if (!read_scope(req, 1, &scope, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_dashboard_health(worker->db, &scope, answer, pending_new(req, "product or group"));
}

void on_dashboard_issues(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_dashboard_scope scope;
    int64_t limit = ISSUES_DEFAULT;
    struct err err;

    if (!read_scope(req, 7, &scope, &err) || !read_number(req, "limit", ISSUES_MAX, &limit, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_dashboard_issues(worker->db, &scope, limit, answer, pending_new(req, "product or group"));
}

void on_dashboard_bytes(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_dashboard_scope scope;
    struct err err;

    if (!read_scope(req, 30, &scope, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_dashboard_bytes(worker->db, &scope, answer, pending_new(req, "product or group"));
}
