/*
 * What comes first: a session, then the report, then an offer's metadata, then the poll that is
 * due, then the update. So a device that waits for permission, or for the network, still hears
 * that its offer was taken back.
 */
#include "cli/sim/device.h"

#include <string.h>

#include "cli/sim/trouble.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum {
    BACKOFF_BASE_MS = 500,       /* full jitter below base * 2^failures ... */
    BACKOFF_MS_MAX = 60 * 1000,  /* ... and below this: a rehearsal is watched by somebody */
    RETRY_AFTER_S_MAX = 300,     /* whatever the server says */
    ACTIVATE_RETRY_S_MAX = 3600, /* likewise */
    POLL_JITTER_PERCENT = 20,
    POLL_S_MAX = 7 * 86400,
};

void sim_device_init(struct sim_device *device, uint32_t index, const uint8_t id[HASH_BYTES],
                     const uint8_t epoch[WIRE_EPOCH_BYTES])
{
    *device = (struct sim_device){.index = index};
    memcpy(device->id, id, HASH_BYTES);
    memcpy(device->epoch, epoch, WIRE_EPOCH_BYTES);
    memcpy(&device->random, id, sizeof(device->random));
}

static void drop_report(struct sim_device *device)
{
    mem_free(device->report.detail);
    device->report = (struct sim_report){0};
}

static void drop_offer(struct sim_device *device)
{
    mem_free(device->offer);
    device->offer = NULL;
}

static void drop_session(struct sim_device *device)
{
    mem_free(device->token);
    device->token = NULL;
}

void sim_device_done(struct sim_device *device)
{
    drop_report(device);
    drop_offer(device);
    drop_session(device);
}

/* --- time ---------------------------------------------------------------------------------------
 */

/* Uniform in [0, span); splitmix64. */
static int64_t dice(struct sim_device *device, int64_t span)
{
    uint64_t z = (device->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (int64_t)((z >> 32) * (uint64_t)span >> 32);
}

static int64_t capped_ms(uint64_t seconds, uint64_t max_s)
{
    return (int64_t)(seconds < max_s ? seconds : max_s) * 1000;
}

static int64_t backoff_ms(struct sim_device *device, uint64_t retry_after_s)
{
    int64_t bound = BACKOFF_BASE_MS;

    if (retry_after_s > 0) {
        int64_t wait = capped_ms(retry_after_s, RETRY_AFTER_S_MAX);

        return wait + dice(device, wait / 10 + 1);
    }
    for (unsigned i = 0; i < device->failures && bound < BACKOFF_MS_MAX; i++)
        bound *= 2;
    return 1 + dice(device, bound < BACKOFF_MS_MAX ? bound : BACKOFF_MS_MAX);
}

static int64_t poll_wait_ms(struct sim_device *device, uint64_t next_poll_s)
{
    int64_t interval = capped_ms(next_poll_s ? next_poll_s : 1, POLL_S_MAX);
    int64_t spread = interval * 2 * POLL_JITTER_PERCENT / 100;

    return interval - spread / 2 + dice(device, spread + 1);
}

/* --- the update ---------------------------------------------------------------------------------
 */

static void report(struct sim_device *device, enum update_state state, const struct err *why)
{
    ASSERT(!device->report.pending);
    device->seq++;
    device->report = (struct sim_report){
        .pending = true,
        .is_event = state == UPDATE_IDLE,
        .state = state,
        .reason = why ? why->refusal : REFUSAL_NONE,
        .detail = why && why->text[0] ? mem_strdup(why->text) : NULL,
    };
}

/* The one function that changes the state. What the server already knows is not reported. */
static void move(struct sim_device *device, enum update_event event, const struct err *why)
{
    const struct update_move *row = update_move_find(device->state, event);

    ASSERT(row);
    device->state = row->to;
    if (row->to != UPDATE_IDLE && row->to != UPDATE_OFFERED)
        report(device, row->to, why);
}

/* The update is over and the server knows. */
static void close_update(struct sim_device *device)
{
    if (device->state == UPDATE_SUCCEEDED) {
        device->installed = device->target;
        if (device->target->floor > device->floor)
            device->floor = device->target->floor;
    }
    move(device, UPDATE_EVENT_CLOSED, NULL);
    drop_offer(device);
    device->target = NULL;
    device->bytes = 0;
    device->delta_refused = false;
    device->fails = false;
}

/* Another system runs from now on, and answers for its own time only: what the one before it had
 * not told yet goes with it. */
static void start_system(struct sim_device *device, int64_t now_mono_ms)
{
    device->told_mono_ms = now_mono_ms;
}

/* The new system's own verdict; a good one still has to reach the server. */
static void verify(struct sim_device *device, int64_t now_mono_ms)
{
    struct err why = {0};

    if (!device->fails) {
        device->poll_mono_ms = now_mono_ms;
        return;
    }
    (void)err_refuse(&why, REFUSAL_HEALTH, "simulated failure of '%s'", device->target->version);
    move(device, UPDATE_EVENT_UNHEALTHY, &why);
    start_system(device, now_mono_ms);
}

bool sim_device_is_settled(const struct sim_device *device)
{
    return device->claimed && device->polled && device->state == UPDATE_IDLE && !device->offer &&
           !device->report.pending;
}

const struct sim_image *sim_device_runs(const struct sim_device *device)
{
    bool is_new = device->state == UPDATE_VERIFYING || device->state == UPDATE_SUCCEEDED;

    return is_new ? device->target : device->installed;
}

const struct wire_delta *sim_device_delta(const struct sim_device *device)
{
    ASSERT(device->offer);
    return device->offer->has_delta && !device->delta_refused ? &device->offer->delta : NULL;
}

/* --- what next ----------------------------------------------------------------------------------
 */

static int64_t event_due_mono_ms(const struct sim_device *device)
{
    return device->told_mono_ms + device->event_ms;
}

static enum sim_action sleep_until(struct sim_device *device, int64_t mono_ms)
{
    device->wake_mono_ms = mono_ms;
    if (device->event_ms > 0 && event_due_mono_ms(device) < mono_ms)
        device->wake_mono_ms = event_due_mono_ms(device);
    return SIM_WAIT;
}

/* Crashes first, then the uptime that they fell into: who stops in between has told of trouble. */
static bool has_event(struct sim_device *device, int64_t now_mono_ms)
{
    int64_t span_ms = now_mono_ms - device->told_mono_ms;
    uint64_t crashes;

    if (device->event.pending)
        return true;
    if (device->event_ms == 0 || span_ms < device->event_ms)
        return false;
    crashes =
        sim_crash_draw(device->crashes_per_day, span_ms, (uint32_t)dice(device, INT64_C(1) << 32));
    device->told_mono_ms = now_mono_ms;
    device->seq++;
    device->event = (struct sim_event){true, crashes > 0, crashes, span_ms};
    return true;
}

/* With a session and nothing to report. */
static enum sim_action next_step(struct sim_device *device, int64_t now_mono_ms)
{
    if (device->describes)
        return SIM_DESCRIBE;
    if (device->state == UPDATE_IDLE && device->offer)
        return SIM_WALK;
    if (device->poll_mono_ms <= now_mono_ms)
        return device->walk_mono_ms <= now_mono_ms && !device->walk_tried ? SIM_WALK : SIM_POLL;
    if (device->state == UPDATE_DOWNLOADING)
        return SIM_FETCH;
    if (device->state != UPDATE_STAGED)
        return sleep_until(device, device->poll_mono_ms);
    if (device->activate_mono_ms <= now_mono_ms)
        return SIM_ACTIVATE;
    return sleep_until(device, device->activate_mono_ms < device->poll_mono_ms
                                   ? device->activate_mono_ms
                                   : device->poll_mono_ms);
}

enum sim_action sim_device_next(struct sim_device *device, int64_t now_mono_ms)
{
    if (device->wake_mono_ms > now_mono_ms)
        return SIM_WAIT;
    if (!device->claimed)
        return SIM_CLAIM;
    if (!device->token)
        return SIM_SESSION;
    if (device->report.pending)
        return SIM_REPORT;
    if (has_event(device, now_mono_ms))
        return SIM_EVENT;
    return next_step(device, now_mono_ms);
}

/* --- messages -----------------------------------------------------------------------------------
 */

void sim_device_fill_report(const struct sim_device *device, struct wire_report *out)
{
    const struct sim_report *pending = &device->report;

    ASSERT(pending->pending);
    *out = (struct wire_report){.seq = device->seq,
                                .state = pending->state,
                                .reason = pending->reason,
                                .bytes = pending->is_event ? 0 : device->bytes};
    memcpy(out->epoch, device->epoch, sizeof(out->epoch));
    wire_detail_copy(out->detail, pending->detail ? pending->detail : "");
    if (pending->is_event)
        return;
    memcpy(out->deployment, device->offer->deployment, sizeof(out->deployment));
    if (device->target) {
        out->image.set = true;
        memcpy(out->image.bytes, device->target->sha256, HASH_BYTES);
    }
}

void sim_device_fill_poll(const struct sim_device *device, struct wire_poll *out)
{
    const struct sim_image *runs = sim_device_runs(device);

    *out = (struct wire_poll){.assignment = device->assignment};
    if (runs)
        memcpy(out->installed[out->installed_count++], runs->sha256, HASH_BYTES);
}

/* --- how it ended -------------------------------------------------------------------------------
 */

void sim_device_failed(struct sim_device *device, uint64_t retry_after_s, int64_t now_mono_ms)
{
    device->failures++;
    device->wake_mono_ms = now_mono_ms + backoff_ms(device, retry_after_s);
}

void sim_device_denied(struct sim_device *device, int64_t now_mono_ms)
{
    drop_session(device);
    if (device->failures++ > 0) /* a session that never worked is no reason to hurry */
        device->wake_mono_ms = now_mono_ms + backoff_ms(device, 0);
}

void sim_device_forgotten(struct sim_device *device, int64_t now_mono_ms)
{
    drop_session(device);
    device->claimed = false;
    sim_device_failed(device, 0, now_mono_ms);
}

void sim_device_claimed(struct sim_device *device)
{
    device->claimed = true;
    device->failures = 0;
}

void sim_device_has_session(struct sim_device *device, const char *token)
{
    drop_session(device);
    device->token = mem_strdup(token);
}

void sim_device_described(struct sim_device *device)
{
    device->describes = false;
    device->failures = 0;
}

void sim_device_reported(struct sim_device *device, int64_t now_mono_ms)
{
    bool was_event = device->report.is_event;

    ASSERT(device->report.pending);
    drop_report(device);
    device->failures = 0;
    if (was_event)
        return;
    if (device->state == UPDATE_ACTIVATING) {
        move(device, UPDATE_EVENT_STARTED, NULL);
        start_system(device, now_mono_ms);
    } else if (device->state == UPDATE_VERIFYING) {
        verify(device, now_mono_ms);
    } else if (update_state_is_terminal(device->state)) {
        close_update(device);
    }
}

void sim_device_told(struct sim_device *device)
{
    ASSERT(device->event.pending);
    device->failures = 0;
    if (!device->event.is_crash) {
        device->event = (struct sim_event){0};
        return;
    }
    device->seq++;
    device->event = (struct sim_event){.pending = true, .span_ms = device->event.span_ms};
}

static void fill_offer(const struct sim_device *device, const struct wire_poll_answer *answer,
                       struct sim_offer *out)
{
    *out = (struct sim_offer){.assignment = answer->assignment, .target = answer->targets[0]};
    memcpy(out->deployment, answer->deployment, sizeof(out->deployment));
    for (size_t i = 0; device->installed && !out->has_delta && i < answer->delta_count; i++) {
        out->delta = answer->deltas[i];
        out->has_delta =
            crypto_equal(answer->deltas[i].from, device->installed->sha256, HASH_BYTES);
    }
}

static bool is_same_update(const struct sim_offer *offer, const struct wire_poll_answer *answer)
{
    return text_equal(offer->deployment, answer->deployment) &&
           text_equal(offer->target.path, answer->targets[0].path) &&
           crypto_equal(offer->target.sha256, answer->targets[0].sha256, HASH_BYTES);
}

static void cancel(struct sim_device *device)
{
    struct err why = {0};

    (void)err_refuse(&why, REFUSAL_CANCELLED, "the server took the offer back");
    move(device, UPDATE_EVENT_CANCELLED, &why);
}

/* Another assignment than the device's. */
static void take_answer(struct sim_device *device, const struct wire_poll_answer *answer,
                        int64_t now_mono_ms)
{
    bool granted = answer->deployment[0] != '\0' && answer->target_count > 0;

    if (device->state != UPDATE_IDLE && !update_move_find(device->state, UPDATE_EVENT_CANCELLED))
        return; /* past the switch: this update ends first */
    if (granted && device->state != UPDATE_IDLE && is_same_update(device->offer, answer)) {
        device->assignment = answer->assignment;
        fill_offer(device, answer, device->offer);
        return;
    }
    if (device->state != UPDATE_IDLE)
        cancel(device);
    else if (granted)
        device->offer = mem_alloc(sizeof(*device->offer));
    if (!granted)
        device->assignment = answer->assignment;
    else if (device->state == UPDATE_IDLE)
        fill_offer(device, answer, device->offer);
    else /* the server repeats the offer, since its assignment did not come back */
        device->poll_mono_ms = now_mono_ms;
}

void sim_device_polled(struct sim_device *device, const struct wire_poll_answer *answer,
                       int64_t now_mono_ms)
{
    device->polled = true;
    device->failures = 0;
    device->walk_tried = false;
    device->describes = answer->attributes;
    if (device->event_ms == 0)
        device->told_mono_ms = now_mono_ms;
    device->event_ms = answer->report_s.set ? (int64_t)answer->report_s.value * 1000 : 0;
    device->poll_mono_ms = now_mono_ms + poll_wait_ms(device, answer->next_poll_s);
    if (answer->assignment != device->assignment)
        take_answer(device, answer, now_mono_ms);
    if (device->state == UPDATE_VERIFYING)
        move(device, UPDATE_EVENT_HEALTHY, NULL);
}

void sim_device_walked(struct sim_device *device, int64_t stale_mono_ms)
{
    device->walk_tried = true;
    device->walk_mono_ms = stale_mono_ms;
    device->told = REFUSAL_NONE;
}

void sim_device_not_walked(struct sim_device *device, const struct err *why, int64_t now_mono_ms)
{
    bool had_offer = device->state == UPDATE_IDLE && device->offer;

    device->walk_tried = true;
    if (why->code == ERR_UNTRUSTED && why->refusal != device->told) {
        device->told = why->refusal;
        report(device, UPDATE_IDLE, why);
    }
    if (!had_offer)
        return; /* the poll goes out all the same: the server shall hear of the refusal */
    drop_offer(device);
    device->poll_mono_ms = now_mono_ms;
    sim_device_failed(device, 0, now_mono_ms);
}

void sim_device_judged(struct sim_device *device, const struct sim_image *target, bool fails,
                       const struct err *why)
{
    const struct sim_offer *offer = device->offer;

    ASSERT(device->state == UPDATE_IDLE && offer);
    device->assignment = offer->assignment;
    move(device, UPDATE_EVENT_OFFERED, NULL);
    if (device->installed &&
        crypto_equal(device->installed->sha256, offer->target.sha256, HASH_BYTES)) {
        move(device, UPDATE_EVENT_SKIPPED, NULL);
        return;
    }
    if (why) {
        move(device, UPDATE_EVENT_REFUSED, why);
        return;
    }
    device->target = target;
    device->fails = fails;
    move(device, UPDATE_EVENT_ACCEPTED, NULL);
}

void sim_device_fetched(struct sim_device *device, uint64_t bytes, int64_t now_mono_ms)
{
    device->failures = 0;
    device->bytes += bytes;
    device->activate_mono_ms = now_mono_ms;
    move(device, UPDATE_EVENT_WRITTEN, NULL);
}

void sim_device_not_fetched(struct sim_device *device, uint64_t bytes, const struct err *why,
                            int64_t now_mono_ms)
{
    ASSERT(device->state == UPDATE_DOWNLOADING);
    device->bytes += bytes;
    if (why->code == ERR_UNAVAILABLE) {
        sim_device_failed(device, 0, now_mono_ms);
    } else if (sim_device_delta(device)) { /* told, and the whole image is tried once */
        device->delta_refused = true;
        report(device, UPDATE_DOWNLOADING, why);
    } else {
        move(device, UPDATE_EVENT_REFUSED, why);
    }
}

void sim_device_allowed(struct sim_device *device, const struct wire_activate_answer *answer,
                        int64_t now_mono_ms)
{
    uint64_t retry_s = answer->retry_s ? answer->retry_s : 1;

    ASSERT(device->state == UPDATE_STAGED);
    device->failures = 0;
    if (answer->go)
        move(device, UPDATE_EVENT_ALLOWED, NULL);
    else
        device->activate_mono_ms = now_mono_ms + capped_ms(retry_s, ACTIVATE_RETRY_S_MAX);
}
