#pragma once
/*
 * Whom a deployment reaches, for plans and for forecasts of what runs: what is stored about it, and
 * a walk over all devices in memory in bounded steps, so that polls are answered in between.
 */
#include "lib/json/json.h"
#include "server/fleet/survey.h"
#include "server/http/http.h"
#include "server/rollout/forecast.h"
#include "server/rollout/gate/settings.h"
#include "server/worker.h"

struct reach; /* lives in the request's arena */
typedef void reach_fn(struct reach *reach);

struct reach {
    struct http_request *req;
    struct worker *worker;
    reach_fn *done;
    void *arg; /* the caller's */
    /* The caller fills in phases, salt, policies; images, stones and deltas come from what is
     * stored. */
    struct survey_ask ask;
    struct gate_settings gate;
    uint64_t concurrency;    /* the deployment's own; 0: any */
    uint64_t bytes_per_hour; /* ... */
    /* behind the walk */
    json_t *stored; /* store_plan_load()'s */
    struct survey survey;
    struct model *model; /* NULL: the one in use */
    /* its own */
    struct survey_walk *walk;
};

/* Takes over `stored`, and the reference in `reach->model` if the caller has set one. `reach->done`
 * runs later, once, and answers; what the reach holds is freed behind it. False when this server
 * does not know the group yet: then the request is answered, and `done` will not run. */
bool reach_walk(struct reach *reach, json_t *stored);

/* {REASON: N, ...}, what is not zero. */
json_t *reach_skipped(const struct reach *reach);
/* {"delta": {"devices", "bytes"}, "full": {...}, "total"} */
json_t *reach_bytes(const struct reach *reach);
/* What is left of every phase, by the survey: fills `phases` (one per phase of the deployment) and
 * `ask`, which points to them. */
void reach_forecast_ask(const struct reach *reach, struct forecast_phase *phases,
                        struct forecast_ask *ask);
/* {"likely", "late", "install_s", "phases": [{"phase", "devices", "likely": {"begins", "settles",
 * "ends"}, "late": {...}, "waits_for_person"}]}, beginning with the phase at `first` (from 0). */
json_t *reach_forecast(const struct forecast_ask *ask, uint32_t first, int64_t now_ms);
