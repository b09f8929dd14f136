/* Rare: only when a poll's answer asked for them. One statement per device. */
#include "server/device/internal.h"
#include "server/limits.h"

struct describing {
    struct http_request *req;
    struct fleet_device *device;
    const char *json; /* the arena's */
    uint8_t hash[HASH_BYTES];
};

static void on_stored(const struct db_result *result, const struct err *err, void *arg)
{
    struct describing *describing = arg;

    (void)result;
    if (err) {
        http_answer_error(describing->req, err);
        return;
    }
    fleet_device_attributes(describing->device, describing->json, describing->hash);
    http_answer_json(describing->req, 200, "{}");
}

void on_attributes(struct http_request *req, void *app)
{
    const struct device_desk *desk = desk_of(app);
    struct describing *describing = arena_alloc(req->arena, sizeof(*describing));
    struct wire_attributes *attributes = arena_alloc(req->arena, sizeof(*attributes));
    struct err err;
    AUTO_BUF json;

    buf_init(&json, WIRE_REQUEST_BYTES_MAX);
    if (!wire_attributes_parse(req->body, req->body_len, attributes, &err)) {
        http_answer_error(req, &err);
        return;
    }
    describing->req = req;
    describing->device = req->identity.device;
    wire_attributes_hash(attributes, describing->hash);
    wire_attributes_format(attributes, &json);
    describing->json = arena_strdup(req->arena, buf_text(&json));
    store_device_attributes(desk->place.db, fleet_device_row(describing->device), describing->json,
                            describing->hash, on_stored, describing);
}
