#pragma once
/* What the handlers of this folder share. A handler's `app` is the worker. */
#include "lib/wire/device.h"
#include "server/device/batch.h"
#include "server/device/desk.h"
#include "server/device/run.h"
#include "server/fleet/fleet.h"
#include "server/fleet/plan.h"
#include "server/http/http.h"

struct device_desk {
    struct device_desk_place place;
    struct model_reader model;
    struct batch *grants;
    struct batch *withdrawals;
    struct batch *activations;
    struct batch *installs;
    struct run *reports;
    struct run *events;
    unsigned quarantine_count; /* refused reports on their way to the quarantine */
    int64_t time_second;       /* of the loop's clock, and how many times it was signed then */
    unsigned time_count;
    int64_t open_claim_second; /* the same of claims without a token */
    unsigned open_claim_count;
};

/* A batch that is on its way: the items stay in the batcher's array until batch_sent(). */
struct flight {
    struct device_desk *desk;
    struct batch_item *const *items;
    size_t count;
};
/* Freed by who gets it back. */
struct flight *flight_new(struct device_desk *desk, struct batch_item *const *items, size_t count);

struct device_desk *desk_of(void *app);
struct fleet_index *desk_index(const struct device_desk *desk);

http_handler_fn on_claim, on_session, on_poll, on_activate, on_attributes, on_report, on_director,
    on_time;

/* One kind of batch each; `arg` is the desk. */
batch_send_fn send_grants, send_withdrawals, send_activations, send_installs;
/* Answers 503 to what waits in a batch that will not be sent any more. */
void refuse_polls(struct batch *batch);
void refuse_activations(struct batch *batch);
void drop_installs(struct batch *batch);

extern const struct run_kind run_of_reports, run_of_events;
/* A report that is an event. */
void take_event(struct http_request *req, struct device_desk *desk);
/* Answers an error, and keeps what could not be read for people to look at. */
void refuse_report(struct http_request *req, struct device_desk *desk, const struct err *err);

/* A device that asked with a good answer from the database; 404 is for the caller to tell. */
struct fleet_device *add_found(struct device_desk *desk, const struct db_result *result);
/* Answers with a message; the buffer is the caller's. */
void answer_message(struct http_request *req, const struct buf *message);
/* Answers 503: the server stops. */
void answer_stopping(struct http_request *req);
