/* The device messages: fill, send, and tell the device how it ended. */
#include <string.h>

#include "cli/sim/fleet.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/wire/event.h"

enum { MESSAGE_MS_MAX = 60000, ANSWER_BYTES_MAX = 65536 };

static void send(struct task *task, const char *method, const char *path, const struct buf *body,
                 client_done_fn *done)
{
    const struct client_request request = {
        .method = method,
        .url = path,
        .bearer = task->member->device.token,
        .body = body ? body->data : NULL,
        .body_len = body ? body->len : 0,
        .answer_bytes_max = ANSWER_BYTES_MAX,
        .total_ms = MESSAGE_MS_MAX,
    };

    ASSERT(!body || !body->failed);
    client_pool_send(task->fleet->pool, &request, done, task);
}

/* True for 2xx. Otherwise the error is counted, and told to the device: later, or in a new
 * session. */
static bool is_good(struct task *task, const struct client_answer *answer, const struct err *err,
                    struct err *why)
{
    struct sim_device *device = &task->member->device;
    int64_t now_mono_ms = clock_mono_ms();

    if (!answer)
        *why = *err;
    else if (client_answer_check(answer, why))
        return true;
    fleet_note_error(task->fleet, why);
    if (answer && answer->status == 401)
        sim_device_denied(device, now_mono_ms);
    else
        sim_device_failed(device, answer && answer->has_retry_after ? answer->retry_after_s : 0,
                          now_mono_ms);
    return false;
}

/* An answer that is not what the protocol says counts as none. */
static void not_understood(struct task *task, const struct err *why)
{
    fleet_note_error(task->fleet, why);
    sim_device_failed(&task->member->device, 0, clock_mono_ms());
}

/* --- claim --------------------------------------------------------------------------------------
 */

/* What waiting does not change. */
static bool is_final(const struct err *why)
{
    return why->code != ERR_UNAVAILABLE && why->code != ERR_SYSTEM;
}

static void on_claimed(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct fleet *fleet = task->fleet;
    struct wire_claim_answer claim;
    struct err why = {0};

    if (!is_good(task, answer, err, &why)) {
        if (is_final(&why) && !fleet->image_base) { /* the token works for nobody */
            (void)err_wrap(&why, "claim");
            fleet_fail(fleet, &why);
        }
    } else if (!wire_claim_answer_parse(answer->body.data, answer->body.len, &claim, &why)) {
        not_understood(task, &why);
    } else {
        if (!fleet->image_base) {
            fleet->image_base = mem_strdup(claim.image_base);
            fleet->tenant = mem_strdup(claim.tenant);
        }
        sim_device_claimed(&task->member->device);
    }
    fleet_finish(task);
}

void message_claim(struct fleet *fleet, struct member *member)
{
    AUTO_SIGN_KEY struct sign_key *key =
        sim_identity_key(fleet->options->seed, member->device.index);
    struct wire_claim claim = {0};
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    (void)text_copy(claim.claim, sizeof(claim.claim), fleet->options->claim); /* checked at start */
    (void)text_copy(claim.hwid, sizeof(claim.hwid), fleet->options->hwid);    /* likewise */
    memcpy(claim.public_key, sign_key_public(key), SIGN_PUBLIC_BYTES);
    wire_claim_signed_bytes(&claim, &bytes);
    sign_make(key, bytes.data, bytes.len, claim.signature);
    buf_reset(&bytes);
    wire_claim_format(&claim, &bytes);
    send(task_new(fleet, member), "POST", "/device/v1/claim", &bytes, on_claimed);
}

/* --- session ------------------------------------------------------------------------------------
 */

/* Also a nonce: 410 means the server does not know the device. */
static bool is_known(struct task *task, const struct client_answer *answer, const struct err *err)
{
    struct err why = {0};

    if (!answer || answer->status != 410)
        return is_good(task, answer, err, &why);
    if (!client_answer_check(answer, &why))
        fleet_note_error(task->fleet, &why);
    sim_device_forgotten(&task->member->device, clock_mono_ms());
    return false;
}

static void on_session(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct wire_session_answer session;
    struct err why = {0};

    if (is_known(task, answer, err)) {
        if (wire_session_answer_parse(answer->body.data, answer->body.len, &session, &why))
            sim_device_has_session(&task->member->device, session.token);
        else
            not_understood(task, &why);
    }
    fleet_finish(task);
}

static void send_signed_nonce(struct task *task, const struct wire_nonce_answer *nonce)
{
    const struct sim_device *device = &task->member->device;
    AUTO_SIGN_KEY struct sign_key *key =
        sim_identity_key(task->fleet->options->seed, device->index);
    struct wire_session session = {0};
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    memcpy(session.device, device->id, HASH_BYTES);
    memcpy(session.nonce, nonce->nonce, sizeof(session.nonce));
    wire_session_signed_bytes(&session, &bytes);
    sign_make(key, bytes.data, bytes.len, session.signature);
    buf_reset(&bytes);
    wire_session_format(&session, &bytes);
    send(task, "POST", "/device/v1/session", &bytes, on_session);
}

static void on_nonce(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct wire_nonce_answer nonce;
    struct err why = {0};

    if (is_known(task, answer, err)) {
        if (wire_nonce_answer_parse(answer->body.data, answer->body.len, &nonce, &why)) {
            send_signed_nonce(task, &nonce);
            return;
        }
        not_understood(task, &why);
    }
    fleet_finish(task);
}

void message_session(struct fleet *fleet, struct member *member)
{
    send(task_new(fleet, member), "POST", "/device/v1/session", NULL, on_nonce);
}

/* --- report -------------------------------------------------------------------------------------
 */

static void count_report(struct fleet *fleet, const struct sim_device *device)
{
    struct sim_summary *summary = &fleet->summary;

    summary->reports++;
    if (device->report.is_event)
        return;
    switch (device->report.state) {
    case UPDATE_SUCCEEDED:
        summary->succeeded++;
        break;
    case UPDATE_ROLLED_BACK:
        summary->rolled_back++;
        break;
    case UPDATE_FAILED:
        summary->failed++;
        break;
    case UPDATE_CANCELLED:
        summary->cancelled++;
        break;
    case UPDATE_SKIPPED:
        summary->skipped++;
        break;
    case UPDATE_IDLE:
    case UPDATE_OFFERED:
    case UPDATE_DOWNLOADING:
    case UPDATE_STAGED:
    case UPDATE_ACTIVATING:
    case UPDATE_VERIFYING:
    case UPDATE_STATE_COUNT:
        break;
    }
}

/* The server read it and will never take it. */
static bool is_hopeless(const struct client_answer *answer, const struct err *why)
{
    return answer &&
           (why->code == ERR_INVALID || why->code == ERR_LIMIT || why->code == ERR_CONFLICT);
}

static void on_reported(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct sim_device *device = &task->member->device;
    struct err why = {0};

    if (is_good(task, answer, err, &why)) {
        count_report(task->fleet, device);
        sim_device_reported(device, clock_mono_ms());
    } else if (is_hopeless(answer, &why)) {
        sim_device_reported(device, clock_mono_ms());
    }
    fleet_finish(task);
}

void message_report(struct fleet *fleet, struct member *member)
{
    struct wire_report report;
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    sim_device_fill_report(&member->device, &report);
    report.time_ms = clock_now_ms();
    wire_report_format(&report, &bytes);
    send(task_new(fleet, member), "POST", "/device/v1/report", &bytes, on_reported);
}

/* --- events: uptime and crashes ----------------------------------------------------------------
 */

static void on_told(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct sim_device *device = &task->member->device;
    struct err why = {0};

    if (is_good(task, answer, err, &why)) {
        task->fleet->summary.crashes += device->event.count;
        sim_device_told(device);
    } else if (is_hopeless(answer, &why)) {
        sim_device_told(device);
    }
    fleet_finish(task);
}

static void fill_event(const struct sim_device *device, struct wire_event *out)
{
    const struct sim_image *runs = sim_device_runs(device);
    const struct sim_event *pending = &device->event;
    struct wire_event_body *event = &out->event;
    enum wire_category category = pending->is_crash ? WIRE_APP_CRASH : WIRE_UPTIME;

    *out = (struct wire_event){.seq = device->seq};
    memcpy(out->epoch, device->epoch, sizeof(out->epoch));
    (void)text_copy(event->category, sizeof(event->category), wire_category_name(category));
    (void)text_copy(event->class, sizeof(event->class), pending->is_crash ? "app" : "os");
    event->end_ms = clock_now_ms();
    event->start_ms = event->end_ms - pending->span_ms;
    event->planned = !pending->is_crash;
    event->count = pending->is_crash ? pending->count : 1;
    if (runs) {
        event->image.set = true;
        memcpy(event->image.bytes, runs->sha256, HASH_BYTES);
    }
    if (!pending->is_crash) {
        event->uptime_s = (uint64_t)(pending->span_ms / 1000);
        return;
    }
    (void)text_copy(event->component, sizeof(event->component), "simulated");
    (void)text_copy(event->summary, sizeof(event->summary), "a simulated crash");
    event->signal = (struct wire_number){true, 11};
}

void message_event(struct fleet *fleet, struct member *member)
{
    struct wire_event event;
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    fill_event(&member->device, &event);
    wire_event_format(&event, &bytes);
    send(task_new(fleet, member), "POST", "/device/v1/report", &bytes, on_told);
}

/* --- attributes ---------------------------------------------------------------------------------
 */

static void fill_attributes(const struct fleet *fleet, struct wire_attributes *out)
{
    static const char *const pairs[][2] = {{"agent.protocol", "1"}, {"arch", "simulated"}};

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < COUNT(pairs); i++) {
        (void)text_copy(out->pairs[i].key, WIRE_KEY_ROOM, pairs[i][0]);
        wire_value_copy(out->pairs[i].value, pairs[i][1]);
    }
    out->count = COUNT(pairs);
    (void)text_copy(out->pairs[out->count].key, WIRE_KEY_ROOM, "hwid");
    wire_value_copy(out->pairs[out->count++].value, fleet->options->hwid);
    wire_attributes_sort(out);
}

void message_attributes_hash(const struct fleet *fleet, uint8_t out[HASH_BYTES])
{
    struct wire_attributes attributes;

    fill_attributes(fleet, &attributes);
    wire_attributes_hash(&attributes, out);
}

static void on_described(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct err why = {0};

    if (is_good(task, answer, err, &why))
        sim_device_described(&task->member->device);
    fleet_finish(task);
}

void message_describe(struct fleet *fleet, struct member *member)
{
    struct wire_attributes attributes;
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    fill_attributes(fleet, &attributes);
    wire_attributes_format(&attributes, &bytes);
    send(task_new(fleet, member), "PUT", "/device/v1/attributes", &bytes, on_described);
}

/* --- poll and activate --------------------------------------------------------------------------
 */

static void on_polled(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct fleet *fleet = task->fleet;
    struct wire_poll_answer poll;
    struct err why = {0};

    if (is_good(task, answer, err, &why)) {
        if (wire_poll_answer_parse(answer->body.data, answer->body.len, &poll, &why)) {
            fleet->summary.polls++;
            if (poll.next_poll_s > fleet->interval_s)
                fleet->interval_s = poll.next_poll_s;
            sim_device_polled(&task->member->device, &poll, clock_mono_ms());
        } else {
            not_understood(task, &why);
        }
    }
    fleet_finish(task);
}

void message_poll(struct fleet *fleet, struct member *member)
{
    struct wire_poll poll;
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    sim_device_fill_poll(&member->device, &poll);
    poll.attributes_hash.set = true;
    memcpy(poll.attributes_hash.bytes, fleet->attributes_hash, HASH_BYTES);
    poll.timestamp_expires_ms = member->timestamp_expires_ms;
    wire_poll_format(&poll, &bytes);
    send(task_new(fleet, member), "POST", "/device/v1/poll", &bytes, on_polled);
}

static void on_activate(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct wire_activate_answer permission;
    struct err why = {0};

    if (is_good(task, answer, err, &why)) {
        if (wire_activate_answer_parse(answer->body.data, answer->body.len, &permission, &why))
            sim_device_allowed(&task->member->device, &permission, clock_mono_ms());
        else
            not_understood(task, &why);
    }
    fleet_finish(task);
}

void message_activate(struct fleet *fleet, struct member *member)
{
    const struct sim_offer *offer = member->device.offer;
    struct wire_activate activate = {.assignment = member->device.assignment};
    AUTO_BUF bytes;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    memcpy(activate.deployment, offer->deployment, sizeof(activate.deployment));
    wire_activate_format(&activate, &bytes);
    send(task_new(fleet, member), "POST", "/device/v1/activate", &bytes, on_activate);
}
