/* Events as they came, their days, and what could not be read. A page of an export is up to a
 * thousand lines; its cursor is in a header, because the body is only lines. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/routes_reports.h"
#include "server/store/store_event_view.h"
#include "server/store/store_quarantine.h"
#include "server/worker.h"

enum { EXPORT_LINES_MAX = 1000, DAYS_DEFAULT = 30, DAYS_MAX = 3660 };
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const char csv_head[] =
    "id,received,device,group,category,class,component,count,start,end,clock_moved,planned,image,"
    "version,exit_status,signal,summary,issue,attachment\r\n";

static const char *const categories[] = {
    "update",        "app-crash", "app-exit",    "kernel-crash", "watchdog", "reboot", "time",
    "out-of-memory", "disk-full", "attestation", "network",      "custom",   "uptime", NULL,
};
static const char *const classes[] = {"os", "app", NULL};
static const char *const forms[] = {"json", "jsonl", "csv", NULL};

static bool hash_query(struct http_request *req, const char *name, uint8_t room[HASH_BYTES],
                       const uint8_t **out, struct err *err)
{
    const char *text = http_query(req, name);

    *out = text ? room : NULL;
    return !text || text_to_hex_bytes(text, strlen(text), room, HASH_BYTES) ||
           err_set(err, ERR_INVALID, "parameter '%s' is not 64 lower-case hex digits", name);
}

static bool time_query(struct http_request *req, const char *name, int64_t *out, struct err *err)
{
    const char *text = http_query(req, name);

    return !text || (text_to_time(text, strlen(text), out) && *out > 0) ||
           err_set(err, ERR_INVALID, "parameter '%s' is not a time such as 2026-05-01T00:00:00Z",
                   name);
}

static bool export_limit(struct http_request *req, int64_t *out, struct err *err)
{
    const char *text = http_query(req, "limit");
    uint64_t value = EXPORT_LINES_MAX;

    if (text && !text_to_u64(text, strlen(text), 1, EXPORT_LINES_MAX, &value))
        return err_set(err, ERR_INVALID, "parameter 'limit' is not a number within 1 to %d",
                       EXPORT_LINES_MAX);
    *out = (int64_t)value;
    return true;
}

struct filters {
    struct store_event_query query;
    uint8_t device[HASH_BYTES];
    uint8_t image[HASH_BYTES];
};

static bool read_filters(struct http_request *req, struct filters *out, struct err *err)
{
    struct store_event_query *query = &out->query;

    *query = (struct store_event_query){.tenant_id = req->identity.tenant_id};
    return input_uuid_query(req, "group", &query->group, err) &&
           hash_query(req, "device", out->device, &query->device, err) &&
           input_uuid_query(req, "release", &query->release, err) &&
           hash_query(req, "image", out->image, &query->image, err) &&
           input_uuid_query(req, "issue", &query->issue, err) &&
           input_word_query(req, "category", categories, &query->category, err) &&
           input_word_query(req, "class", classes, &query->class, err) &&
           time_query(req, "since", &query->since_ms, err) &&
           time_query(req, "until", &query->until_ms, err);
}

struct export
{
    struct http_request *req;
    enum store_event_form form;
    bool is_first; /* page: the table's head goes in front */
};

static void on_lines(const struct db_result *result, const struct err *err, void *arg)
{
    const struct export *export = arg;
    const char *lines = err ? NULL : db_text(result, 0, 0);
    AUTO_FREE char *body = NULL;

    if (err) {
        http_answer_error(export->req, err);
        return;
    }
    if (!db_is_null(result, 0, 1))
        http_answer_header(export->req, "Slipway-Next", db_text(result, 0, 1));
    if (export->form == STORE_EVENT_LINES) {
        http_answer(export->req, 200, "application/jsonl", lines, strlen(lines));
        return;
    }
    body = mem_printf("%s%s", export->is_first ? csv_head : "", lines);
    http_answer(export->req, 200, "text/csv; charset=utf-8", body, strlen(body));
}

static bool read_cursor(struct http_request *req, int64_t *out, struct err *err)
{
    const char *text = http_query(req, "after");
    uint64_t after = 0;

    if (text && !text_to_u64(text, strlen(text), 1, INT64_MAX, &after))
        return err_set(err, ERR_INVALID, "parameter 'after' is not the cursor of a page");
    *out = (int64_t)after;
    return true;
}

static bool read_form(struct http_request *req, enum store_event_form *out, struct err *err)
{
    const char *form;

    if (!input_word_query(req, "format", forms, &form, err))
        return false;
    if (!form || text_equal(form, "json"))
        *out = STORE_EVENT_JSON;
    else
        *out = text_equal(form, "csv") ? STORE_EVENT_CSV : STORE_EVENT_LINES;
    return true;
}

void on_event_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct export *export = arena_alloc(req->arena, sizeof(*export));
    struct filters filters;
    struct err err;

    *export = (struct export){.req = req, .is_first = !http_query(req, "after")};
    if (!read_filters(req, &filters, &err) || !read_form(req, &export->form, &err) ||
        !read_cursor(req, &filters.query.before, &err) ||
        !(export->form == STORE_EVENT_JSON ? input_limit(req, &filters.query.limit, &err)
                                           : export_limit(req, &filters.query.limit, &err))) {
        http_answer_error(req, &err);
        return;
    }
    if (export->form == STORE_EVENT_JSON)
        store_event_list(worker->db, &filters.query, STORE_EVENT_JSON, reply_send, reply_list(req));
    else
        store_event_list(worker->db, &filters.query, export->form, on_lines, export);
}

void on_event_days(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct filters filters;
    struct err err;

    if (!read_filters(req, &filters, &err)) {
        http_answer_error(req, &err);
        return;
    }
    if (filters.query.until_ms == 0)
        filters.query.until_ms = clock_now_ms();
    if (filters.query.since_ms == 0)
        filters.query.since_ms = filters.query.until_ms - DAYS_DEFAULT * DAY_MS;
    if (filters.query.until_ms < filters.query.since_ms ||
        filters.query.until_ms - filters.query.since_ms > DAYS_MAX * DAY_MS) {
        (void)err_set(&err, ERR_INVALID,
                      "parameter 'since' is not within the %d days before 'until'", DAYS_MAX);
        http_answer_error(req, &err);
        return;
    }
    store_event_days(worker->db, &filters.query, reply_send, reply_list(req));
}

void on_quarantine_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err))
        http_answer_error(req, &err);
    else
        store_quarantine_list(worker->db, &page, reply_send, reply_list(req));
}
