/*
 * A report is an update's step, or an event: what it says first decides. Both travel in batches of
 * their own. One that cannot be read is kept as it came, for people to look at, and answered 400:
 * the device drops it.
 */
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/wire/event.h"
#include "server/device/internal.h"
#include "server/device/run.h"
#include "server/limits.h"
#include "server/store/store_quarantine.h"
#include "server/store/store_report.h"

struct reporting {
    struct batch_item item;
    struct http_request *req;
    struct fleet_device *device;
    struct wire_report report;
};

static struct reporting *reporting_of(struct batch_item *item)
{
    return LIST_OF(item, struct reporting, item);
}

static struct http_request *request_of(struct batch_item *item)
{
    return reporting_of(item)->req;
}

/* What the database said is what memory says from now on. */
static void note_moves(struct device_desk *desk, const struct db_result *result)
{
    bool is_moved = false;

    for (size_t row = 0; row < db_rows(result); row++) {
        struct store_reported reported;
        struct fleet_device *device;

        store_reported_read(result, row, &reported);
        is_moved = is_moved || reported.is_moved;
        device = fleet_index_find_row(desk_index(desk), reported.standing.device_id);
        if (reported.standing.wants_image)
            fleet_device_stand(device, &reported.standing);
        else if (reported.standing.state != UPDATE_IDLE)
            fleet_device_moved(device, reported.standing.deployment_id, reported.standing.state);
    }
    if (is_moved)
        fleet_moved(desk->place.fleet);
}

static void store_reports(struct run *run, struct batch_item *const *items, size_t count)
{
    AUTO_FREE struct store_report *reports = mem_array(count, sizeof(*reports));

    for (size_t i = 0; i < count; i++) {
        const struct reporting *reporting = reporting_of(items[i]);

        reports[i] =
            (struct store_report){fleet_device_row(reporting->device),
                                  fleet_device_tenant(reporting->device), &reporting->report};
    }
    store_report_add(run_desk(run)->place.db, reports, count, run_stored, run);
}

const struct run_kind run_of_reports = {"report", request_of, store_reports, note_moves};

static bool check(const struct device_desk *desk, const struct wire_report *report, struct err *err)
{
    if (report->seq > INT64_MAX || report->bytes > INT64_MAX)
        return err_set(err, ERR_INVALID, "a number is too big");
    return batch_waiting(run_batch(desk->reports)) < REPORT_QUEUE_MAX ||
           err_set(err, ERR_UNAVAILABLE, "too many reports are waiting");
}

static void on_kept(const struct db_result *result, const struct err *err, void *arg)
{
    struct device_desk *desk = arg;

    (void)result;
    desk->quarantine_count--;
    if (err)
        LOG_WARNING("report.not_kept", "error=%s", err->text);
}

/* The answer does not wait: whether it could be kept changes nothing for the device. */
void refuse_report(struct http_request *req, struct device_desk *desk, const struct err *err)
{
    struct store_quarantine refused = {
        .tenant_id = req->identity.tenant_id,
        .device_id = req->identity.subject_id,
        .bytes = req->body,
        .len =
            req->body_len < STORE_QUARANTINE_BYTES_MAX ? req->body_len : STORE_QUARANTINE_BYTES_MAX,
        .error = err->text,
    };

    if ((err->code == ERR_INVALID || err->code == ERR_LIMIT) && req->body_len > 0 &&
        desk->quarantine_count < QUARANTINE_WAITING_MAX) {
        hash_sha256(req->body, req->body_len, refused.digest);
        desk->quarantine_count++;
        store_quarantine_add(desk->place.db, &refused, on_kept, desk);
    }
    http_answer_error(req, err);
}

void on_report(struct http_request *req, void *app)
{
    struct device_desk *desk = desk_of(app);
    struct reporting *reporting = arena_alloc(req->arena, sizeof(*reporting));
    struct err err;

    if (wire_report_is_event(req->body, req->body_len)) {
        take_event(req, desk);
        return;
    }
    reporting->req = req;
    reporting->device = req->identity.device;
    if (!wire_report_parse(req->body, req->body_len, &reporting->report, &err) ||
        !check(desk, &reporting->report, &err)) {
        refuse_report(req, desk, &err);
        return;
    }
    batch_add(run_batch(desk->reports), &reporting->item);
}
