/* The calendar of times in which nothing switches. */
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/fleet.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_freeze.h"
#include "server/worker.h"

static const int64_t day_ms = 24LL * 3600 * 1000;
enum { FREEZE_DAYS_MAX = 366, FREEZE_AHEAD_DAYS_MAX = 3660 };

static bool read_freeze(const json_t *body, int64_t now_ms, struct store_freeze *out,
                        struct err *err)
{
    if (!json_field_time(body, "", "starts", &out->starts_ms, err) ||
        !json_field_time(body, "", "ends", &out->ends_ms, err) ||
        !input_reason(body, "reason", &out->reason, err))
        return false;
    if (out->ends_ms <= out->starts_ms)
        return err_set(err, ERR_INVALID, "field 'ends' is not after 'starts'");
    if (out->ends_ms <= now_ms)
        return err_set(err, ERR_INVALID, "field 'ends' is in the past");
    if (out->ends_ms - out->starts_ms > FREEZE_DAYS_MAX * day_ms)
        return err_set(err, ERR_INVALID, "field 'ends' is more than %d days after 'starts'",
                       FREEZE_DAYS_MAX);
    return out->starts_ms <= now_ms + FREEZE_AHEAD_DAYS_MAX * day_ms ||
           err_set(err, ERR_INVALID, "field 'starts' is not within the next ten years");
}

void on_freeze_add(struct http_request *req, void *app)
{
    static const char *const fields[] = {"starts", "ends", "reason", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    struct store_freeze freeze = {.actor = &actor};
    AUTO_JSON *body = NULL;
    struct err err;

    if (!input_object(req, fields, &body, &err) ||
        !read_freeze(body, clock_now_ms(), &freeze, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_freeze_add(worker->db, &freeze, reply_send,
                     reply_new(req, 201, ERR_SYSTEM, "the freeze was not made"));
}

void on_freeze_list(struct http_request *req, void *app)
{
    static const char *const words[] = {"true", "false", NULL};
    struct worker *worker = app;
    struct store_page page;
    const char *past;
    struct err err;

    if (!input_page(req, &page, &err) || !input_word_query(req, "past", words, &past, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_freeze_list(worker->db, &page, past && text_equal(past, "true"), reply_send,
                      reply_list(req));
}

void on_freeze_remove(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_freeze_remove(worker->db, &actor, id, reply_send,
                        reply_new(req, 200, ERR_NOT_FOUND, "there is no such freeze"));
}
