/* The operating curve of a plan's gates for its phases and its fleet, and what the group's own
 * history says of them. */
#include <stdio.h>

#include "server/operator/plan.h"
#include "server/rollout/gate/curve.h"

static const double day_s = 86400;
static const double day_ms = 86400000;
enum { WARNING_ROOM = 200 };

void plan_warn(json_t *warnings, const char *text)
{
    (void)json_array_append_new(warnings, json_string(text));
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* Of the group's newest deployments: days with a crash before the update, per day of uptime. */
static double crash_daily(const json_t *history)
{
    double days = number(history, "crash_exposure_s") / day_s;

    return days > 0 ? number(history, "crash_bad") / days : 0;
}

static void draw(const struct reach *reach, struct curve *curve)
{
    const struct model_deployment *deployment = &reach->ask.deployment;
    struct curve_phase phases[SURVEY_PHASES_MAX];
    uint64_t so_far = 0;
    struct curve_ask ask = {
        .settings = &reach->gate,
        .phases = phases,
        .phase_count = deployment->phase_count,
        .devices = reach->survey.eligible,
        .crash_daily = crash_daily(json_object_get(reach->stored, "history")),
    };

    for (uint32_t n = 0; n < deployment->phase_count; n++) {
        so_far += reach->survey.phases[n].devices;
        phases[n] = (struct curve_phase){
            .devices = so_far,
            .soak_days = (double)deployment->phases[n].soak_ms / day_ms,
            .soak_device_days = (double)deployment->phases[n].soak_device_ms / day_ms,
            .is_manual = deployment->phases[n].is_manual,
        };
    }
    curve_draw(&ask, curve);
}

static json_t *points_json(const struct curve *curve)
{
    json_t *list = json_array();

    for (size_t i = 0; i < CURVE_POINTS && curve->points[i].failing > 0; i++)
        (void)json_array_append_new(
            list, json_pack("{s:f, s:f, s:f}", "failing", curve->points[i].failing, "halted",
                            curve->points[i].halted, "touched", curve->points[i].touched));
    return list;
}

/* The gate would take the group's ordinary failures for the release's. */
static void judge_history(const struct reach *reach, json_t *gate, json_t *warnings)
{
    const json_t *history = json_object_get(reach->stored, "history");
    double good = number(history, "succeeded");
    double bad = number(history, "failed");
    double p0 = reach->gate.install.p0;
    double proposed = curve_propose_p0(p0, (uint64_t)good, (uint64_t)bad);
    char text[WARNING_ROOM];

    (void)json_object_set_new(gate, "failure_rate",
                              json_real(good + bad > 0 ? bad / (good + bad) : 0));
    if (!reach->gate.install.is_on || proposed <= 0)
        return;
    (void)json_object_set_new(gate, "proposed_p0", json_real(proposed));
    (void)snprintf(text, sizeof(text),
                   "the group's own failures, %.2g %%, are above half of p0, %.2g %%: a good "
                   "release may be stopped; a p0 of %.2g %% would fit",
                   100 * bad / (good + bad), 100 * p0, 100 * proposed);
    plan_warn(warnings, text);
}

json_t *plan_gate(const struct reach *reach, json_t *warnings)
{
    struct curve curve;
    json_t *gate = json_object();

    draw(reach, &curve);
    judge_history(reach, gate, warnings);
    (void)json_object_set_new(gate, "curve", points_json(&curve));
    (void)json_object_set_new(gate, "crash_daily", json_real(curve.crash_daily));
    (void)json_object_set_new(gate, "is_crash_assumed", json_boolean(curve.is_crash_assumed));
    (void)json_object_set_new(gate, "crash_ratio",
                              curve.crash_ratio > 0 ? json_real(curve.crash_ratio) : json_null());
    return gate;
}
