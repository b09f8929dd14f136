/* Devices that join without a token: lists of expected ones, and those that wait for a person. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/expected_input.h"
#include "server/operator/fleet.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/tags_input.h"
#include "server/store/store_enroll.h"
#include "server/worker.h"

/* --- expected ----------------------------------------------------------------------------------
 */

static bool read_lines(struct http_request *req, struct expected_lines *lines,
                       struct expected_list *list, struct err *err)
{
    const char *first = http_query(req, "first_line");

    *lines = (struct expected_lines){(const char *)req->body, req->body_len, 1, NULL};
    if (!input_uuid_query(req, "group", &lines->group, err))
        return false;
    if (first && !text_to_u64(first, strlen(first), 1, EXPECTED_FIRST_LINE_MAX, &lines->first))
        return err_set(err, ERR_INVALID, "parameter 'first_line' is not a number from 1 on");
    return expected_parse(lines, req->arena, list, err);
}

void on_expected_add(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    struct store_expected expected = {.actor = &actor};
    struct expected_lines lines;
    struct expected_list list = {0};
    struct db_slice *slices;
    struct err err;

    if (!read_lines(req, &lines, &list, &err)) {
        http_answer_error(req, &err);
        return;
    }
    slices = arena_alloc(req->arena, list.count * sizeof(*slices));
    for (size_t i = 0; i < list.count; i++)
        slices[i] = (struct db_slice){.data = list.devices[i], .len = HASH_BYTES};
    expected.devices = slices;
    expected.groups = list.groups;
    expected.tags = list.tags;
    expected.count = list.count;
    expected.first_line = (int64_t)lines.first;
    store_enroll_expect(worker->db, &expected, reply_send, reply_list(req));
}

void on_expected_list(struct http_request *req, void *app)
{
    static const char *const words[] = {"true", "false", NULL};
    struct worker *worker = app;
    struct store_page page;
    const char *group, *claimed;
    struct err err;

    if (!input_page(req, &page, &err) || !input_uuid_query(req, "group", &group, &err) ||
        !input_word_query(req, "claimed", words, &claimed, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_enroll_list(worker->db, &page, group, claimed, reply_send, reply_list(req));
}

void on_expected_forget(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_enroll_forget(worker->db, &actor, device, reply_send,
                        reply_new(req, 200, ERR_NOT_FOUND, "no such device is expected"));
}

/* --- waiting -----------------------------------------------------------------------------------
 */

void on_pending_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_pending_list(worker->db, &page, reply_send, reply_list(req));
}

static struct reply *reply_pending(struct http_request *req)
{
    return reply_new(req, 200, ERR_NOT_FOUND, "no such device waits to be accepted");
}

void on_pending_accept(struct http_request *req, void *app)
{
    static const char *const fields[] = {"group", "tags", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t device[HASH_BYTES];
    struct store_accept accept = {.actor = &actor, .device = device, .tags = "{}"};
    AUTO_JSON *body = NULL;
    AUTO_FREE char *tags = NULL;
    struct err err;

    if (!input_hash_param(req, 0, device, &err) || !input_object(req, fields, &body, &err) ||
        !input_uuid(body, "group", &accept.group, &err) ||
        (json_object_get(body, "tags") &&
         !tags_check(json_object_get(body, "tags"), "tags", false, &err))) {
        http_answer_error(req, &err);
        return;
    }
    if (json_object_get(body, "tags")) {
        tags = json_text(json_object_get(body, "tags"));
        accept.tags = tags;
    }
    store_pending_accept(worker->db, &accept, reply_send, reply_pending(req));
}

void on_pending_reject(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err) || !input_empty(req, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_pending_reject(worker->db, &actor, device, reply_send, reply_pending(req));
}
