/* The second permission: always from the database, so that a pause or a halt counts at once. */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/store/store_activate.h"

enum { RETRY_BUSY_S = 1, RETRY_S_UNKNOWN = 60 };

struct activating {
    struct batch_item item;
    struct http_request *req;
    struct fleet_device *device;
    struct wire_activate asked;
    struct wire_activate_answer answer;
    bool is_answered;
};

static struct activating *activating_of(struct batch_item *item)
{
    return LIST_OF(item, struct activating, item);
}

/* A refused device asks again at its next poll. */
static uint64_t retry_s(struct device_desk *desk, struct fleet_device *device)
{
    const struct model *model = model_reader_get(&desk->model);
    const struct model_group *group;
    struct fleet_facts facts;

    fleet_device_read(device, &facts);
    group = model ? model_group_find(model, facts.group_id) : NULL;
    return group ? (uint64_t)group->poll_interval_s : RETRY_S_UNKNOWN;
}

static void answer(struct activating *activating)
{
    AUTO_BUF message;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    wire_activate_answer_format(&activating->answer, &message);
    answer_message(activating->req, &message);
}

static void take_answers(struct flight *flight, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++) {
        struct store_activated activated;
        struct activating *activating;

        store_activated_read(result, row, &activated);
        activating = activating_of(flight->items[activated.ask]);
        fleet_device_stand(activating->device, &activated.standing);
        activating->answer.go = activated.go;
        activating->is_answered = true;
        if (activated.go)
            continue;
        (void)text_copy(activating->answer.reason, sizeof(activating->answer.reason),
                        activated.reason);
        activating->answer.retry_s = retry_s(flight->desk, activating->device);
    }
}

static void on_activated(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct flight *flight = arg;

    if (!err)
        take_answers(flight, result);
    for (size_t i = 0; i < flight->count; i++) {
        struct activating *activating = activating_of(flight->items[i]);

        ASSERT(err || activating->is_answered);
        fleet_device_asked(activating->device);
        if (err)
            http_answer_error(activating->req, err);
        else
            answer(activating);
    }
    batch_sent(flight->desk->activations);
}

void send_activations(struct batch_item *const *items, size_t count, void *arg)
{
    struct device_desk *desk = arg;
    AUTO_FREE struct store_activation *asks = mem_array(count, sizeof(*asks));

    for (size_t i = 0; i < count; i++) {
        const struct activating *activating = activating_of(items[i]);

        asks[i] = (struct store_activation){fleet_device_row(activating->device),
                                            activating->asked.deployment,
                                            (int64_t)activating->asked.assignment};
    }
    store_grant_activate(desk->place.db, asks, count, on_activated, flight_new(desk, items, count));
}

void refuse_activations(struct batch *batch)
{
    struct batch_item *item;

    while ((item = batch_pop(batch)) != NULL)
        answer_stopping(activating_of(item)->req);
}

void on_activate(struct http_request *req, void *app)
{
    struct device_desk *desk = desk_of(app);
    struct activating *activating = arena_alloc(req->arena, sizeof(*activating));
    struct err err;

    activating->req = req;
    activating->device = req->identity.device;
    if (!wire_activate_parse(req->body, req->body_len, &activating->asked, &err) ||
        (activating->asked.assignment > INT64_MAX &&
         !err_set(&err, ERR_INVALID, "'assignment' is too big"))) {
        http_answer_error(req, &err);
        return;
    }
    if (!fleet_device_ask(activating->device, clock_mono_ms(), 0)) {
        (void)text_copy(activating->answer.reason, sizeof(activating->answer.reason), "not-now");
        activating->answer.retry_s = RETRY_BUSY_S; /* another statement for it is on its way */
        answer(activating);
        return;
    }
    batch_add(desk->activations, &activating->item);
}
