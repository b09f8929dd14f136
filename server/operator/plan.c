/*
 * POST deployments:plan: what creating this deployment would come to. Nothing is written. The
 * devices are counted as polls would decide about them now; who has no say yet (a salt that is not
 * drawn, who asks first) is counted in proportion.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/operator/deployment_input.h"
#include "server/operator/plan.h"
#include "server/operator/routes_why.h"
#include "server/rollout/filter.h"
#include "server/store/store_plan.h"

enum { PRICE_DIGITS_MAX = 12 };

struct plan {
    struct reach reach;
    struct deployment_input input;
    json_t *body;
    struct filter *filters[DEPLOYMENT_PHASES_MAX];
    const char *price; /* per GB, as it was given; NULL */
};

static void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < COUNT(plan->filters); i++)
        filter_free(plan->filters[i]);
    json_decref(plan->body);
}

/* --- what is asked -----------------------------------------------------------------------------
 */

static void phases_of(struct plan *plan)
{
    const struct deployment_input *input = &plan->input;
    struct rollout_phase *phases =
        arena_alloc(plan->reach.req->arena, input->phase_count * sizeof(*phases));
    struct err err;

    for (size_t i = 0; i < input->phase_count; i++) {
        const struct deployment_phase *phase = &input->phases[i];

        phases[i] = (struct rollout_phase){
            .share_milli = (uint32_t)phase->share_milli,
            .device_count = (uint32_t)phase->device_count,
            .soak_ms = phase->soak_s * 1000LL,
            .soak_device_ms = phase->soak_device_h * 3600000LL,
            .is_manual = phase->is_manual,
        };
        if (phase->filter[0])
            ASSERT(filter_parse(phase->filter, &plan->filters[i], &err)); /* as it was before */
        phases[i].filter = plan->filters[i];
    }
    plan->reach.ask.deployment.phases = phases;
    plan->reach.ask.deployment.phase_count = (uint32_t)input->phase_count;
}
_Static_assert((int)DEPLOYMENT_PHASES_MAX <= (int)SURVEY_PHASES_MAX, "all phases are counted");

static enum model_delta_policy policy_of(const char *word)
{
    static const struct {
        const char *word;
        enum model_delta_policy policy;
    } policies[] = {{"full", MODEL_DELTA_FULL}, {"delta-only", MODEL_DELTA_ONLY}};

    for (size_t i = 0; i < COUNT(policies); i++) {
        if (text_equal(policies[i].word, word))
            return policies[i].policy;
    }
    return MODEL_DELTA_THEN_FULL; /* waiting ends with that */
}

static void ask_of(struct plan *plan)
{
    const struct deployment_input *input = &plan->input;
    struct model_deployment *deployment = &plan->reach.ask.deployment;

    phases_of(plan);
    deployment->salt = input->salt ? input->salt : "plan";
    deployment->goes_back = input->is_downgrade;
    deployment->delta_policy = policy_of(input->delta_policy);
    plan->reach.gate = input->gate;
    plan->reach.concurrency = (uint64_t)input->concurrency;
    plan->reach.bytes_per_hour = (uint64_t)input->bytes_per_hour;
}

/* "0.085": digits and at most one point. */
static bool read_price(struct http_request *req, const char **out, struct err *err)
{
    const char *text = http_query(req, "price_per_gb");
    size_t len = text ? strlen(text) : 0;

    *out = text;
    if (!text)
        return true;
    if (len == 0 || len > PRICE_DIGITS_MAX || strspn(text, "0123456789.") != len ||
        text[0] == '.' || text[len - 1] == '.' || strchr(text, '.') != strrchr(text, '.'))
        return err_set(err, ERR_INVALID, "parameter 'price_per_gb' is not a price, as 0.085");
    return true;
}

/* --- the answer --------------------------------------------------------------------------------
 */

static json_t *phases_json(const struct plan *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->input.phase_count; i++) {
        const struct deployment_phase *phase = &plan->input.phases[i];
        json_t *item =
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:s}", "phase", (json_int_t)i + 1, "devices",
                      (json_int_t)plan->reach.survey.phases[i].devices, "bytes",
                      (json_int_t)plan->reach.survey.phases[i].bytes, "soak_s",
                      (json_int_t)phase->soak_s, "soak_device_h", (json_int_t)phase->soak_device_h,
                      "advance", phase->is_manual ? "manual" : "auto");

        if (phase->share_milli > 0)
            (void)json_object_set_new(item, "percent", json_real(phase->share_milli / 1000.0));
        if (phase->device_count > 0)
            (void)json_object_set_new(item, "count", json_integer(phase->device_count));
        if (phase->filter[0])
            (void)json_object_set_new(item, "filter", json_string(phase->filter));
        (void)json_array_append_new(list, item);
    }
    return list;
}

static json_t *cost_json(const struct plan *plan)
{
    const struct survey *survey = &plan->reach.survey;
    double price;

    if (!plan->price)
        return json_null();
    price = strtod(plan->price, NULL);
    return json_pack("{s:f, s:f}", "price_per_gb", price, "amount",
                     price * (double)(survey->delta_bytes + survey->full_bytes) / 1e9);
}

static json_t *warnings_json(const struct plan *plan)
{
    static const struct {
        const char *member;
        const char *text;
    } flags[] = {{"is_stopped", "updates of the group or the tenant are stopped"},
                 {"is_held", "the group is held on what it runs"}};
    const json_t *stored = plan->reach.stored;
    const char *policy = json_string_value(json_object_get(stored, "update_policy"));
    json_t *list = json_array();

    for (size_t i = 0; i < COUNT(flags); i++) {
        if (json_is_true(json_object_get(stored, flags[i].member)))
            plan_warn(list, flags[i].text);
    }
    if (policy && text_equal(policy, "none"))
        plan_warn(list, "the group's update policy is 'none': nobody would get it");
    if (text_equal(plan->input.on_stop, "roll-back") &&
        !json_is_true(json_object_get(json_object_get(stored, "rollback"), "possible")))
        plan_warn(list, "on_stop is 'roll-back', which cannot work here");
    if (!plan->input.salt)
        plan_warn(list, "the salt is not known yet: devices of a phase by percent are counted in "
                        "proportion");
    return list;
}

static json_t *forecast_of(const struct plan *plan)
{
    struct forecast_phase phases[SURVEY_PHASES_MAX];
    struct forecast_ask ask;

    reach_forecast_ask(&plan->reach, phases, &ask);
    return reach_forecast(
        &ask, 0, plan->input.start_ms > clock_now_ms() ? plan->input.start_ms : clock_now_ms());
}

static json_t *plan_json(const struct plan *plan)
{
    const struct survey *survey = &plan->reach.survey;
    const json_t *stored = plan->reach.stored;
    json_t *warnings = warnings_json(plan);
    json_t *gate = plan_gate(&plan->reach, warnings);

    return json_pack(
        "{s:O?, s:O?, s:O?, s:I, s:I, s:I, s:O?, s:o, s:o, s:o, s:o, s:O?, s:O?, s:o,"
        " s:o, s:o}",
        "group", json_object_get(stored, "group"), "release", json_object_get(stored, "release"),
        "refused", json_object_get(stored, "refused"), "devices", (json_int_t)survey->devices,
        "eligible", (json_int_t)survey->eligible, "asleep", (json_int_t)survey->asleep, "penalised",
        json_object_get(stored, "penalised"), "skipped", reach_skipped(&plan->reach), "phases",
        phases_json(plan), "bytes", reach_bytes(&plan->reach), "cost", cost_json(plan), "rollback",
        json_object_get(stored, "rollback"), "history", json_object_get(stored, "history"), "gate",
        gate, "warnings", warnings, "forecast", forecast_of(plan));
}

static void answer(struct reach *reach)
{
    struct plan *plan = reach->arg;
    AUTO_JSON *tree = plan_json(plan);
    AUTO_FREE char *text = json_text(tree);

    http_answer_json(reach->req, 200, text);
    plan_done(plan);
}

static void on_loaded(const struct db_result *result, const struct err *err, void *arg)
{
    struct plan *plan = arg;
    json_t *stored;

    if (err) {
        http_answer_error(plan->reach.req, err);
        plan_done(plan);
        return;
    }
    stored = json_loads(db_text(result, 0, 0), 0, NULL);
    ASSERT(stored);
    if (!reach_walk(&plan->reach, stored))
        plan_done(plan);
}

void on_deployment_plan(struct http_request *req, void *app)
{
    struct plan *plan = arena_alloc(req->arena, sizeof(*plan));
    struct worker *worker = app;
    struct store_plan ask = {.tenant_id = req->identity.tenant_id};
    struct err err;

    if (!read_price(req, &plan->price, &err) ||
        !deployment_input_read(req, &plan->body, &plan->input, &err)) {
        http_answer_error(req, &err);
        return;
    }
    plan->reach.req = req;
    plan->reach.worker = worker;
    plan->reach.done = answer;
    plan->reach.arg = plan;
    ask_of(plan);
    ask.group = plan->input.group;
    ask.release = plan->input.release;
    ask.is_downgrade = plan->input.is_downgrade;
    store_plan_load(worker->db, &ask, on_loaded, plan);
}
