/* What operators do with devices by hand. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/filter_input.h"
#include "server/operator/fleet.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/tags_input.h"
#include "server/store/store_device_change.h"
#include "server/worker.h"

enum { DEVICE_LIST_MAX = 10000, INPUT_FILTER_MAX = 1024 };

/* --- one device --------------------------------------------------------------------------------
 */

static struct reply *reply_device(struct http_request *req)
{
    return reply_new(req, 200, ERR_NOT_FOUND, "there is no such device");
}

static void act(struct http_request *req, struct worker *worker, enum store_device_act what)
{
    const struct store_actor actor = operator_actor(req);
    uint8_t id[HASH_BYTES];
    const struct store_device_id device = {&actor, id};
    AUTO_JSON *body = NULL;
    const char *reason = "";
    struct err err;

    if (!input_hash_param(req, 0, id, &err) ||
        !(what == DEVICE_RELEASE ? input_empty(req, &err)
                                 : reason_input_read(req, &body, &reason, &err))) {
        http_answer_error(req, &err);
        return;
    }
    store_device_act(worker->db, &device, what, reason, reply_send, reply_device(req));
}

void on_device_quarantine(struct http_request *req, void *app)
{
    act(req, app, DEVICE_QUARANTINE);
}

void on_device_release(struct http_request *req, void *app)
{
    act(req, app, DEVICE_RELEASE);
}

void on_device_decommission(struct http_request *req, void *app)
{
    act(req, app, DEVICE_DECOMMISSION);
}

void on_device_hold(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t id[HASH_BYTES];
    const struct store_device_id device = {&actor, id};
    AUTO_JSON *body = NULL;
    struct store_hold hold;
    struct err err;

    if (!input_hash_param(req, 0, id, &err) ||
        !hold_input_read(req, clock_now_ms(), &body, &hold, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_hold(worker->db, &device, &hold, reply_send, reply_device(req));
}

void on_device_unhold(struct http_request *req, void *app)
{
    static const struct store_hold none = {0, ""};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t id[HASH_BYTES];
    const struct store_device_id device = {&actor, id};
    struct err err;

    if (!input_hash_param(req, 0, id, &err) || !input_empty(req, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_hold(worker->db, &device, &none, reply_send, reply_device(req));
}

/* The body is the tags themselves; a PUT has all of them, a PATCH what changes. */
void on_device_tags(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    struct store_tags tags = {.whole = req->method == HTTP_PUT, .count_max = TAGS_MAX};
    uint8_t id[HASH_BYTES];
    const struct store_device_id device = {&actor, id};
    AUTO_JSON *body = NULL;
    AUTO_FREE char *json = NULL;
    struct err err;

    if (!input_hash_param(req, 0, id, &err) ||
        !json_parse(req->body, req->body_len, &json_limits_api, &body, &err) ||
        !tags_check(body, "tags", !tags.whole, &err)) {
        http_answer_error(req, &err);
        return;
    }
    json = json_text(body);
    tags.json = json;
    store_device_tag(worker->db, &device, &tags, reply_send, reply_device(req));
}

void on_device_replace(struct http_request *req, void *app)
{
    static const char *const fields[] = {"by", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t id[HASH_BYTES], by[HASH_BYTES];
    const struct store_device_id device = {&actor, id};
    AUTO_JSON *body = NULL;
    struct err err;

    if (!input_hash_param(req, 0, id, &err) || !input_object(req, fields, &body, &err) ||
        !json_field_hex(body, "", "by", by, sizeof(by), &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_replace(worker->db, &device, by, reply_send, reply_device(req));
}

/* --- many --------------------------------------------------------------------------------------
 */

/* Ids and the slices that point at them, in the arena. */
static bool read_ids(struct http_request *req, const json_t *list, struct store_move *move,
                     struct err *err)
{
    size_t count = json_array_size(list);
    uint8_t *ids = arena_alloc(req->arena, count * HASH_BYTES + 1);
    struct db_slice *slices = arena_alloc(req->arena, (count + 1) * sizeof(*slices));

    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        uint8_t *id = ids + i * HASH_BYTES;

        if (!text || !text_to_hex_bytes(text, strlen(text), id, HASH_BYTES))
            return err_set(err, ERR_INVALID, "field 'devices[%zu]' is not 64 lower-case hex digits",
                           i);
        slices[i] = (struct db_slice){.data = id, .len = HASH_BYTES};
    }
    move->devices = slices;
    move->device_count = count;
    return true;
}

/* Which devices: a list, or a group, a filter or both; never nothing at all. */
static bool read_choice(struct http_request *req, const json_t *body, struct store_move *move,
                        struct err *err)
{
    bool has_devices = json_object_get(body, "devices") != NULL;
    const char *filter = NULL;
    json_t *list;

    if (json_object_get(body, "group") && !input_uuid(body, "group", &move->group, err))
        return false;
    if (json_object_get(body, "filter") &&
        (!json_field_text(body, "", "filter", INPUT_FILTER_MAX, &filter, err) ||
         !input_filter(filter, req->arena, &move->program, err)))
        return false;
    if (has_devices == (move->group || filter))
        return err_set(err, ERR_INVALID,
                       "field 'devices' alone, or 'group' and 'filter', say which devices");
    if (!has_devices)
        return true;
    if (!json_field_array(body, "", "devices", DEVICE_LIST_MAX, &list, err))
        return false;
    if (json_array_size(list) == 0)
        return err_set(err, ERR_INVALID, "field 'devices' is empty");
    return read_ids(req, list, move, err);
}

void on_devices_move(struct http_request *req, void *app)
{
    static const char *const fields[] = {"to", "devices", "group", "filter", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    struct store_move move = {.actor = &actor};
    AUTO_JSON *body = NULL;
    struct err err;

    if (!input_object(req, fields, &body, &err) || !input_uuid(body, "to", &move.to, &err) ||
        !read_choice(req, body, &move, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_move(worker->db, &move, reply_send,
                      reply_new(req, 200, ERR_NOT_FOUND, "there is no such group"));
}

void on_device_move(struct http_request *req, void *app)
{
    static const char *const fields[] = {"to", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t id[HASH_BYTES];
    const struct db_slice slice = {.data = id, .len = HASH_BYTES};
    struct store_move move = {.actor = &actor, .devices = &slice, .device_count = 1};
    AUTO_JSON *body = NULL;
    struct err err;

    if (!input_hash_param(req, 0, id, &err) || !input_object(req, fields, &body, &err) ||
        !input_uuid(body, "to", &move.to, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_move(worker->db, &move, reply_send,
                      reply_new(req, 200, ERR_NOT_FOUND, "there is no such group"));
}
