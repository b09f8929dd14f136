/* Made before the worker's loop runs, freed when no request and no statement is left. */
#include "server/device/desk.h"

#include "lib/base/mem.h"
#include "lib/loop/loop.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/worker.h"

struct device_desk *device_desk_new(const struct device_desk_place *place)
{
    struct device_desk *desk = mem_alloc(sizeof(*desk));
    struct loop *loop = place->loop;

    desk->place = *place;
    model_reader_init(&desk->model, fleet_model_of(place->fleet));
    desk->grants = batch_new(loop, DEVICE_BATCH_MAX, send_grants, desk);
    desk->withdrawals = batch_new(loop, DEVICE_BATCH_MAX, send_withdrawals, desk);
    desk->activations = batch_new(loop, DEVICE_BATCH_MAX, send_activations, desk);
    desk->installs = batch_new(loop, DEVICE_BATCH_MAX, send_installs, desk);
    desk->reports = run_new(desk, &run_of_reports);
    desk->events = run_new(desk, &run_of_events);
    return desk;
}

void device_desk_free(struct device_desk *desk)
{
    if (!desk)
        return;
    run_stop(desk->reports);
    run_stop(desk->events);
    refuse_polls(desk->grants);
    refuse_polls(desk->withdrawals);
    refuse_activations(desk->activations);
    drop_installs(desk->installs);
    loop_flush(desk->place.loop); /* a batch that was due finds nothing */
    batch_free(desk->grants);
    batch_free(desk->withdrawals);
    batch_free(desk->activations);
    batch_free(desk->installs);
    run_free(desk->reports);
    run_free(desk->events);
    model_reader_done(&desk->model);
    mem_free(desk);
}

struct device_desk *desk_of(void *app)
{
    const struct worker *worker = app;

    return worker->devices;
}

struct fleet_index *desk_index(const struct device_desk *desk)
{
    return fleet_index_of(desk->place.fleet);
}

struct flight *flight_new(struct device_desk *desk, struct batch_item *const *items, size_t count)
{
    struct flight *flight = mem_alloc(sizeof(*flight));

    *flight = (struct flight){desk, items, count};
    return flight;
}

struct fleet_device *add_found(struct device_desk *desk, const struct db_result *result)
{
    struct store_device device;

    if (db_rows(result) == 0)
        return NULL;
    store_device_read(result, 0, &device);
    return fleet_index_add(desk_index(desk), &device);
}

void answer_message(struct http_request *req, const struct buf *message)
{
    ASSERT(!message->failed);
    http_answer_json(req, 200, buf_text(message));
}

void answer_stopping(struct http_request *req)
{
    struct err err;

    (void)err_set(&err, ERR_UNAVAILABLE, "the server stops");
    http_answer_error(req, &err);
}
