/* GET deployments/:id/forecast: when what runs will have ended, from the devices that are left,
 * as a plan says it of what does not run yet. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/fleet/fleet.h"
#include "server/operator/input.h"
#include "server/operator/reach.h"
#include "server/operator/routes_why.h"
#include "server/store/store_plan.h"

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* Phases as they are now: those that counted and are over take nobody, the one that counts takes
 * what it has not yet. */
static void phases_now(const struct model_deployment *deployment, struct arena *arena,
                       const json_t *running, struct model_deployment *out)
{
    struct rollout_phase *phases =
        arena_alloc(arena, (deployment->phase_count + 1) * sizeof(*phases));
    int64_t admitted = number(running, "admitted");

    memcpy(phases, deployment->phases, deployment->phase_count * sizeof(*phases));
    for (uint32_t n = 0; n < deployment->phase && n < deployment->phase_count; n++) {
        struct rollout_phase *phase = &phases[n];

        if (phase->device_count == 0)
            continue;
        if (n + 1 == deployment->phase && phase->device_count > admitted)
            phase->device_count -= (uint32_t)admitted;
        else
            phase->is_closed = true;
    }
    *out = *deployment;
    out->phases = phases;
}

/* From the running phase on; who stayed behind in earlier ones is counted in it. */
static uint32_t left_phases(const struct reach *reach, struct forecast_phase *phases,
                            struct forecast_ask *ask)
{
    const json_t *running = json_object_get(reach->stored, "deployment");
    uint32_t first = reach->ask.deployment.phase > 0 ? reach->ask.deployment.phase - 1 : 0;

    reach_forecast_ask(reach, phases, ask);
    for (uint32_t n = 0; n < first; n++) {
        phases[first].devices += phases[n].devices;
        phases[first].bytes += phases[n].bytes;
    }
    phases[first].devices += reach->survey.under_way;
    phases[first].soaked_ms = number(running, "settled_age_s") * 1000;
    ask->phases = phases + first;
    ask->phase_count -= first;
    ask->updated = (uint64_t)number(running, "updated");
    if (json_is_true(json_object_get(running, "cap_lifted")))
        ask->cap_start = 0;
    return first;
}

static void answer(struct reach *reach)
{
    struct forecast_phase phases[SURVEY_PHASES_MAX];
    struct forecast_ask ask;
    uint32_t first = left_phases(reach, phases, &ask);
    const struct survey *survey = &reach->survey;
    const json_t *running = json_object_get(reach->stored, "deployment");
    AUTO_JSON *tree = json_pack(
        "{s:O?, s:O?, s:O?, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "state",
        json_object_get(running, "state"), "phase", json_object_get(running, "phase"), "counts",
        json_object_get(running, "counts"), "left", (json_int_t)survey->eligible, "asleep",
        (json_int_t)survey->asleep, "under_way", (json_int_t)survey->under_way, "ended",
        (json_int_t)survey->ended, "skipped", reach_skipped(reach), "bytes", reach_bytes(reach),
        "forecast", reach_forecast(&ask, first, clock_now_ms()));
    AUTO_FREE char *text = json_text(tree);

    http_answer_json(reach->req, 200, text);
}

static void refuse(const struct reach *reach, enum err_code code, const char *text)
{
    struct err err;

    (void)err_set(&err, code, "%s", text);
    http_answer_error(reach->req, &err);
}

/* Of what runs in memory, that is the same as polls are decided by. */
static void begin(struct reach *reach, json_t *stored)
{
    const json_t *running = json_object_get(stored, "deployment");
    const struct model_deployment *deployment;
    struct err err;

    reach->model = model_holder_get(fleet_model_of(reach->worker->fleet));
    deployment = reach->model ? model_deployment_find(reach->model, number(running, "row")) : NULL;
    if (!deployment || deployment->is_finished || deployment->phase_count > SURVEY_PHASES_MAX) {
        refuse(reach, ERR_CONFLICT, "the deployment does not run: there is nothing to foretell");
        model_unref(reach->model);
        json_decref(stored);
        return;
    }
    phases_now(deployment, reach->req->arena, running, &reach->ask.deployment);
    if (!gate_settings_parse(deployment->gate, &reach->gate, &err))
        reach->gate = gate_settings_default;
    reach->concurrency = (uint64_t)number(running, "concurrency");
    reach->bytes_per_hour = (uint64_t)number(running, "bytes_per_hour");
    reach->ask.is_running = true;
    reach->done = answer;
    (void)reach_walk(reach, stored); /* nothing of ours to give back */
}

static void on_loaded(const struct db_result *result, const struct err *err, void *arg)
{
    struct reach *reach = arg;
    json_t *stored;

    if (err) {
        http_answer_error(reach->req, err);
        return;
    }
    if (db_rows(result) == 0) {
        refuse(reach, ERR_NOT_FOUND, "there is no such deployment");
        return;
    }
    stored = json_loads(db_text(result, 0, 0), 0, NULL);
    ASSERT(stored);
    begin(reach, stored);
}

void on_deployment_forecast(struct http_request *req, void *app)
{
    struct reach *reach = arena_alloc(req->arena, sizeof(*reach));
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    reach->req = req;
    reach->worker = worker;
    store_plan_load_running(worker->db, req->identity.tenant_id, id, on_loaded, reach);
}
