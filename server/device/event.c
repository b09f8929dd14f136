/*
 * An event becomes a row: its times are made fit for counting, its signature says which issue it
 * belongs to. The statement does the rest, for a whole batch.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/wire/event.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/reports/intake.h"
#include "server/reports/signature.h"
#include "server/store/store_event.h"

struct eventing {
    struct batch_item item;
    struct http_request *req;
    struct wire_event said;
    struct intake times;
    bool has_issue;
    uint8_t signature[HASH_BYTES];
    char title[SIGNATURE_TITLE_ROOM];
    const char *backtrace; /* JSON, or NULL */
};

static struct eventing *eventing_of(struct batch_item *item)
{
    return LIST_OF(item, struct eventing, item);
}

static struct http_request *request_of(struct batch_item *item)
{
    return eventing_of(item)->req;
}

static void note_issues(struct device_desk *desk, const struct db_result *result)
{
    (void)desk;
    for (size_t row = 0; row < db_rows(result); row++) {
        struct store_event_issue issue;

        store_event_issue_read(result, row, &issue);
        LOG_INFO(issue.is_back ? "issue.regressed" : "issue.new", "issue=%s title='%s'", issue.id,
                 issue.title);
    }
}

static int64_t number_of(const struct wire_number *number)
{
    return number->set ? (int64_t)number->value : -1;
}

static struct store_event row_of(const struct eventing *eventing)
{
    const struct wire_event_body *event = &eventing->said.event;
    const struct wire_attachment *file = &event->attachment;

    return (struct store_event){
        .device_id = eventing->req->identity.subject_id,
        .tenant_id = eventing->req->identity.tenant_id,
        .epoch = eventing->said.epoch,
        .seq = (int64_t)eventing->said.seq,
        .category = event->category,
        .class = event->class,
        .component = event->component,
        .count = (int64_t)event->count,
        .start_ms = eventing->times.start_ms,
        .end_ms = eventing->times.end_ms,
        .flags = (event->planned ? STORE_EVENT_PLANNED : 0) |
                 (eventing->times.is_moved ? STORE_EVENT_MOVED : 0),
        .image = event->image.set ? event->image.bytes : NULL,
        .exit_status = number_of(&event->exit_status),
        .signal = number_of(&event->signal),
        .summary = event->summary,
        .backtrace = eventing->backtrace,
        .uptime_s = (int64_t)event->uptime_s,
        .signature = eventing->has_issue ? eventing->signature : NULL,
        .title = eventing->title,
        .attachment_kind = file->set ? file->kind : NULL,
        .attachment_sha256 = file->set ? file->sha256 : NULL,
        .attachment_length = (int64_t)file->length,
    };
}

static void store_events(struct run *run, struct batch_item *const *items, size_t count)
{
    AUTO_FREE struct store_event *events = mem_array(count, sizeof(*events));

    for (size_t i = 0; i < count; i++)
        events[i] = row_of(eventing_of(items[i]));
    store_event_add(run_desk(run)->place.db, events, count, run_stored, run);
}

const struct run_kind run_of_events = {"event", request_of, store_events, note_issues};

/* --- one event ---------------------------------------------------------------------------------
 */

static size_t frames_of(const struct wire_event_body *event, struct signature_frame *out,
                        uint8_t ids[SIGNATURE_FRAMES][WIRE_BUILD_ID_ROOM / 2])
{
    size_t count = event->frame_count < SIGNATURE_FRAMES ? event->frame_count : SIGNATURE_FRAMES;

    for (size_t i = 0; i < count; i++) {
        const char *text = event->backtrace[i].build_id;
        size_t len = strlen(text) / 2;

        ASSERT(text_to_hex_bytes(text, 2 * len, ids[i], len)); /* its form was checked */
        out[i] = (struct signature_frame){ids[i], len, event->backtrace[i].offset};
    }
    return count;
}

static void sign(struct eventing *eventing)
{
    const struct wire_event_body *event = &eventing->said.event;
    uint8_t ids[SIGNATURE_FRAMES][WIRE_BUILD_ID_ROOM / 2];
    struct signature_frame frames[SIGNATURE_FRAMES];
    struct signature_event signature = {
        .category = event->category,
        .class = event->class,
        .component = event->component,
        .exit_status = number_of(&event->exit_status),
        .signal = number_of(&event->signal),
        .summary = event->summary,
        .frames = frames,
        .frame_count = frames_of(event, frames, ids),
    };

    signature_of(&signature, eventing->signature);
    signature_title(&signature, eventing->title);
}

static const char *backtrace_of(const struct wire_event_body *event, struct arena *arena)
{
    AUTO_BUF json;

    buf_init(&json, DEVICE_REPORT_BYTES_MAX);
    if (event->frame_count == 0)
        return NULL;
    wire_backtrace_format(event, &json);
    ASSERT(!json.failed); /* it came in a report of that length */
    return arena_strdup(arena, buf_text(&json));
}

static bool read_event(struct eventing *eventing, struct err *err)
{
    const struct http_request *req = eventing->req;
    const struct wire_event_body *event = &eventing->said.event;
    enum wire_category category;

    if (!wire_event_parse(req->body, req->body_len, &eventing->said, err))
        return false;
    ASSERT(wire_category_parse(event->category, &category));
    eventing->times = (struct intake){
        .is_uptime = category == WIRE_UPTIME,
        .start_ms = event->start_ms,
        .end_ms = event->end_ms,
        .uptime_s = (int64_t)event->uptime_s,
    };
    if (!intake_check(&eventing->times, clock_now_ms(), err))
        return false;
    eventing->has_issue = category != WIRE_UPTIME && !event->planned;
    eventing->backtrace = backtrace_of(event, req->arena);
    sign(eventing);
    return true;
}

void take_event(struct http_request *req, struct device_desk *desk)
{
    struct eventing *eventing = arena_alloc(req->arena, sizeof(*eventing));
    struct err err;

    eventing->req = req;
    if (!read_event(eventing, &err)) {
        refuse_report(req, desk, &err);
    } else if (batch_waiting(run_batch(desk->events)) >= REPORT_QUEUE_MAX) {
        (void)err_set(&err, ERR_UNAVAILABLE, "too many events are waiting");
        http_answer_error(req, &err);
    } else {
        batch_add(run_batch(desk->events), &eventing->item);
    }
}
