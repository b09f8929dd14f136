/*
 * The hot path: note, decide, answer, all in memory. Only a wish to grant or to withdraw goes to
 * the database, joined with those of other devices; when the answer is back the decision is made
 * again from what the database said. A database that is away means "nothing new".
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/store/store_grant.h"

enum { POLL_S_UNKNOWN = 60 }; /* for a group that memory does not know yet */
#define OWN_ASSIGNMENT_MAX (UINT64_C(1) << 52)

struct polling {
    struct batch_item item;
    struct http_request *req;
    struct device_desk *desk;
    struct fleet_device *device;
    struct wire_poll poll;
    int64_t deployment_id; /* to grant or to withdraw */
    int64_t phase;
    int64_t assignment;
    int64_t bytes;
    bool has_source;
    uint8_t source[HASH_BYTES];
    uint8_t image[HASH_BYTES];
};

struct installing {
    struct batch_item item;
    struct fleet_device *device;
    struct store_installed installed;
};

/* --- the answer ---------------------------------------------------------------------------------
 */

static void offer_delta(const struct store_model_delta *delta, struct wire_poll_answer *answer)
{
    struct wire_delta *out = &answer->deltas[0];
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(delta->sha256, sizeof(delta->sha256), hex);
    (void)snprintf(out->path, sizeof(out->path), "deltas/%s", hex);
    memcpy(out->sha256, delta->sha256, sizeof(out->sha256));
    memcpy(out->from, delta->from, sizeof(out->from));
    out->length = (uint64_t)delta->length;
    answer->delta_count = 1;
}

static void offer(const struct fleet_plan *plan, struct wire_poll_answer *answer)
{
    const struct model_image *image = plan->image;

    ASSERT(plan->group); /* nothing is offered to a device whose group is not known */
    if (!image || !text_copy(answer->targets[0].path, sizeof(answer->targets[0].path), image->path))
        return;
    (void)text_copy(answer->deployment, sizeof(answer->deployment), plan->deployment->public_id);
    (void)text_copy(answer->action, sizeof(answer->action), "install");
    memcpy(answer->targets[0].sha256, image->sha256, sizeof(answer->targets[0].sha256));
    answer->target_count = 1;
    if (plan->delta)
        offer_delta(plan->delta, answer);
    if (!plan->deployment->passes_freeze) /* a security release waits for nothing */
        answer->conditions.window = plan->group->window;
}

static bool wants_attributes(const struct wire_poll *poll, const struct fleet_facts *facts)
{
    return poll->attributes_hash.set &&
           (!facts->attributes_hash.set ||
            memcmp(poll->attributes_hash.bytes, facts->attributes_hash.bytes, HASH_BYTES) != 0);
}

static void answer_poll(struct http_request *req, const struct fleet_facts *facts,
                        const struct fleet_plan *plan, const struct wire_poll *poll)
{
    struct wire_poll_answer *answer = arena_alloc(req->arena, sizeof(*answer));
    AUTO_BUF message;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    answer->assignment = (uint64_t)facts->standing.assignment;
    answer->next_poll_s = plan->group ? (uint64_t)plan->group->poll_interval_s : POLL_S_UNKNOWN;
    answer->attributes = wants_attributes(poll, facts);
    if (plan->group && plan->group->current) /* its gate is to hear of crashes in time */
        answer->report_s = (struct wire_number){true, (uint64_t)plan->group->poll_interval_s};
    if (plan->action == ROLLOUT_RESEND)
        offer(plan, answer);
    wire_poll_answer_format(answer, &message);
    answer_message(req, &message);
}

/* After a statement for the device ended, however it ended. */
static void answer_again(struct polling *polling)
{
    const struct model *model = model_reader_get(&polling->desk->model);
    struct fleet_facts facts;
    struct fleet_plan plan;

    fleet_device_asked(polling->device);
    fleet_device_read(polling->device, &facts);
    fleet_plan_make(model, &facts, polling->poll.assignment, clock_now_ms(), &plan);
    answer_poll(polling->req, &facts, &plan, &polling->poll);
}

static struct polling *polling_of(struct batch_item *item)
{
    return LIST_OF(item, struct polling, item);
}

static void answer_all(struct batch_item *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        answer_again(polling_of(items[i]));
}

/* --- grants and withdrawals ---------------------------------------------------------------------
 */

/* An outage is told by the database's own log lines; anything else is a mistake of ours. */
static void log_mistake(const char *event, const struct err *err)
{
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR(event, "reason='%s'", err->text);
}

static void on_granted(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct flight *flight = arg;
    struct fleet_index *index = desk_index(flight->desk);

    log_mistake("device.grant_failed", err);
    for (size_t row = 0; !err && row < db_rows(result); row++) {
        struct store_granted granted;
        struct fleet_device *device;

        store_granted_read(result, row, &granted);
        device = fleet_index_find_row(index, granted.standing.device_id);
        fleet_device_stand(device, &granted.standing);
        if (granted.has_row && (granted.standing.deployment_id != granted.asked_id ||
                                update_state_is_terminal(granted.standing.state)))
            fleet_device_close(device, granted.asked_id);
        fleet_device_penalty(device, granted.penalty_until_ms);
        if (granted.outcome == GRANT_FULL)
            fleet_full(flight->desk->place.fleet, granted.asked_id, clock_mono_ms());
    }
    answer_all(flight->items, flight->count);
    batch_sent(flight->desk->grants);
}

/* A device may say any number; one that leaves no room above it is its own trouble. */
static int64_t own_of(const struct polling *polling)
{
    return polling->poll.assignment <= OWN_ASSIGNMENT_MAX ? (int64_t)polling->poll.assignment : 0;
}

void send_grants(struct batch_item *const *items, size_t count, void *arg)
{
    struct device_desk *desk = arg;
    AUTO_FREE struct store_grant *asks = mem_array(count, sizeof(*asks));

    for (size_t i = 0; i < count; i++) {
        const struct polling *polling = polling_of(items[i]);

        asks[i] = (struct store_grant){
            .device_id = fleet_device_row(polling->device),
            .deployment_id = polling->deployment_id,
            .phase = polling->phase,
            .assignment = polling->assignment,
            .own = own_of(polling),
            .image = polling->image,
            .source = polling->has_source ? polling->source : NULL,
            .bytes = polling->bytes,
        };
    }
    store_grant_add(desk->place.db, asks, count, on_granted, flight_new(desk, items, count));
}

static void on_withdrawn(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct flight *flight = arg;
    struct fleet_index *index = desk_index(flight->desk);

    log_mistake("device.withdrawal_failed", err);
    for (size_t row = 0; !err && row < db_rows(result); row++) {
        struct store_standing standing;

        store_standing_read(result, row, 0, &standing);
        fleet_device_stand(fleet_index_find_row(index, standing.device_id), &standing);
    }
    answer_all(flight->items, flight->count);
    batch_sent(flight->desk->withdrawals);
}

void send_withdrawals(struct batch_item *const *items, size_t count, void *arg)
{
    struct device_desk *desk = arg;
    AUTO_FREE struct store_withdrawal *asks = mem_array(count, sizeof(*asks));

    for (size_t i = 0; i < count; i++) {
        const struct polling *polling = polling_of(items[i]);

        asks[i] =
            (struct store_withdrawal){fleet_device_row(polling->device), polling->deployment_id,
                                      polling->assignment, own_of(polling)};
    }
    store_grant_withdraw(desk->place.db, asks, count, on_withdrawn, flight_new(desk, items, count));
}

void refuse_polls(struct batch *batch)
{
    struct batch_item *item;

    while ((item = batch_pop(batch)) != NULL)
        answer_stopping(polling_of(item)->req);
}

/* --- what the device runs -----------------------------------------------------------------------
 */

static struct installing *installing_of(struct batch_item *item)
{
    return LIST_OF(item, struct installing, item);
}

static void on_installed(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct flight *flight = arg;

    (void)result;
    log_mistake("device.installed_failed", err);
    for (size_t i = 0; i < flight->count; i++) {
        struct installing *installing = installing_of(flight->items[i]);

        fleet_device_saved(installing->device, &installing->installed, err == NULL);
        mem_free(installing);
    }
    batch_sent(flight->desk->installs);
}

void send_installs(struct batch_item *const *items, size_t count, void *arg)
{
    struct device_desk *desk = arg;
    AUTO_FREE struct store_installed *rows = mem_array(count, sizeof(*rows));

    for (size_t i = 0; i < count; i++)
        rows[i] = installing_of(items[i])->installed;
    store_device_installed(desk->place.db, rows, count, on_installed,
                           flight_new(desk, items, count));
}

void drop_installs(struct batch *batch)
{
    struct batch_item *item;

    while ((item = batch_pop(batch)) != NULL)
        mem_free(installing_of(item));
}

/* The poll's answer does not wait for it: what is lost is said again by the next poll. */
static void save_installed(struct device_desk *desk, struct fleet_device *device,
                           const struct fleet_facts *facts)
{
    struct installing *installing = mem_alloc(sizeof(*installing));

    installing->device = device;
    installing->installed.device_id = facts->standing.device_id;
    installing->installed.count = facts->installed_count;
    memcpy(installing->installed.images, facts->installed, sizeof(installing->installed.images));
    batch_add(desk->installs, &installing->item);
}

/* --- the handler --------------------------------------------------------------------------------
 */

/* True when a statement may be run for the device now. */
static bool may_ask(const struct device_desk *desk, struct fleet_device *device,
                    const struct fleet_facts *facts, const struct fleet_plan *plan)
{
    int64_t now_ms = clock_mono_ms();
    /* half an interval: a device that polls with jitter asks at each of its polls */
    int64_t pause_ms = plan->group->poll_interval_s * 500;

    if (plan->action != ROLLOUT_WITHDRAW &&
        fleet_is_full(desk->place.fleet, plan->deployment->id, now_ms))
        return false;
    if (update_state_is_terminal(facts->standing.state) && plan->deployment &&
        plan->deployment->id == facts->standing.deployment_id)
        pause_ms = plan->deployment->retry_after_s * 1000; /* a retry */
    if (!fleet_device_ask(device, now_ms, pause_ms))
        return false;
    if (plan->action != ROLLOUT_GRANT_BASELINE ||
        fleet_pace(desk->place.fleet, plan->group->id, now_ms))
        return true;
    fleet_device_asked(device);
    return false;
}

static void ask(struct http_request *req, struct device_desk *desk, const struct wire_poll *poll,
                const struct fleet_facts *facts, const struct fleet_plan *plan)
{
    struct polling *polling = arena_alloc(req->arena, sizeof(*polling));

    polling->req = req;
    polling->desk = desk;
    polling->device = req->identity.device;
    polling->poll = *poll;
    polling->deployment_id =
        plan->deployment ? plan->deployment->id : facts->standing.deployment_id;
    polling->phase = plan->phase;
    polling->assignment = facts->standing.assignment;
    polling->bytes = fleet_plan_bytes(plan);
    if (plan->image)
        memcpy(polling->image, plan->image->sha256, sizeof(polling->image));
    polling->has_source = facts->installed_count > 0;
    if (polling->has_source)
        memcpy(polling->source, facts->installed[0], sizeof(polling->source));
    batch_add(plan->action == ROLLOUT_WITHDRAW ? desk->withdrawals : desk->grants, &polling->item);
}

void on_poll(struct http_request *req, void *app)
{
    struct device_desk *desk = desk_of(app);
    struct fleet_device *device = req->identity.device;
    const struct model *model = model_reader_get(&desk->model);
    struct fleet_facts facts;
    struct fleet_plan plan;
    struct wire_poll poll;
    struct err err;

    if (!wire_poll_parse(req->body, req->body_len, &poll, &err)) {
        http_answer_error(req, &err);
        return;
    }
    if (fleet_device_poll(device, &poll, clock_now_ms(), &facts))
        save_installed(desk, device, &facts);
    fleet_plan_make(model, &facts, poll.assignment, clock_now_ms(), &plan);
    switch (plan.action) {
    case ROLLOUT_GRANT:
    case ROLLOUT_GRANT_BASELINE:
    case ROLLOUT_WITHDRAW:
        if (may_ask(desk, device, &facts, &plan)) {
            ask(req, desk, &poll, &facts, &plan);
            return;
        }
        break;
    case ROLLOUT_NOTHING:
    case ROLLOUT_KEEP:
    case ROLLOUT_RESEND:
    case ROLLOUT_ACTION_COUNT:
        break;
    }
    answer_poll(req, &facts, &plan, &poll);
}
