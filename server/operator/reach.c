/* The walk goes on from the loop's queue: a step, then everybody else has a turn. */
#include "server/operator/reach.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "server/fleet/fleet.h"
#include "server/limits.h"
#include "server/rollout/gate/install.h"

static const int64_t install_ms_unknown = 10LL * 60 * 1000; /* a group without a history */

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void read_hash(const json_t *object, const char *name, uint8_t out[HASH_BYTES])
{
    const char *text = json_string_value(json_object_get(object, name));

    ASSERT(text && text_to_hex_bytes(text, strlen(text), out, HASH_BYTES));
}

static const struct model_image *read_images(struct arena *arena, const json_t *list, size_t *count)
{
    struct model_image *images = arena_alloc(arena, (json_array_size(list) + 1) * sizeof(*images));
    size_t i;
    const json_t *item;

    json_array_foreach(list, i, item)
    {
        images[i] = (struct model_image){.hwid = json_string_value(json_object_get(item, "hwid")),
                                         .path = json_string_value(json_object_get(item, "path")),
                                         .counter = number(item, "counter"),
                                         .stepping_stone = number(item, "stepping_stone"),
                                         .length = number(item, "length")};
        read_hash(item, "sha256", images[i].sha256);
    }
    *count = json_array_size(list);
    return images;
}

static void read_deltas(struct arena *arena, const json_t *list, struct survey_ask *ask)
{
    struct store_model_delta *deltas =
        arena_alloc(arena, (json_array_size(list) + 1) * sizeof(*deltas));
    size_t i;
    const json_t *item;

    json_array_foreach(list, i, item)
    {
        deltas[i].length = number(item, "length");
        read_hash(item, "from", deltas[i].from);
        read_hash(item, "to", deltas[i].to);
    }
    ask->deltas = deltas;
    ask->delta_count = json_array_size(list);
}

static void finish(struct reach *reach)
{
    survey_read(reach->walk, &reach->survey);
    reach->done(reach);
    survey_walk_free(reach->walk);
    model_unref(reach->model);
    json_decref(reach->stored);
}

static void on_turn(void *arg)
{
    struct reach *reach = arg;

    if (survey_step(reach->walk, SURVEY_STEP_MAX))
        loop_post(reach->req->loop, on_turn, reach);
    else
        finish(reach);
}

bool reach_walk(struct reach *reach, json_t *stored)
{
    struct model_deployment *deployment = &reach->ask.deployment;
    struct arena *arena = reach->req->arena;
    struct fleet *fleet = reach->worker->fleet;
    struct err err;

    reach->stored = stored;
    if (!reach->model)
        reach->model = model_holder_get(fleet_model_of(fleet));
    reach->ask.model = reach->model;
    reach->ask.group_id = number(stored, "group_row");
    if (!reach->model || !model_group_find(reach->model, reach->ask.group_id)) {
        (void)err_set(&err, ERR_UNAVAILABLE, "this server has not read the group yet");
        http_answer_error(reach->req, &err);
        model_unref(reach->model);
        json_decref(stored);
        return false;
    }
    deployment->images =
        read_images(arena, json_object_get(stored, "images"), &deployment->image_count);
    deployment->stones =
        read_images(arena, json_object_get(stored, "stones"), &deployment->stone_count);
    read_deltas(arena, json_object_get(stored, "deltas"), &reach->ask);
    reach->walk = survey_walk_new(fleet_index_of(fleet), &reach->ask, clock_now_ms());
    loop_post(reach->req->loop, on_turn, reach);
    return true;
}

/* --- answers -----------------------------------------------------------------------------------
 */

json_t *reach_skipped(const struct reach *reach)
{
    const struct survey *survey = &reach->survey;
    json_t *object = json_object();

    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (survey->skipped[i] > 0)
            (void)json_object_set_new(object, rollout_reason_name((enum rollout_reason)i),
                                      json_integer((json_int_t)survey->skipped[i]));
    }
    if (survey->lost > 0)
        (void)json_object_set_new(object, "not-seen", json_integer((json_int_t)survey->lost));
    return object;
}

json_t *reach_bytes(const struct reach *reach)
{
    const struct survey *survey = &reach->survey;

    return json_pack("{s:{s:I, s:I}, s:{s:I, s:I}, s:I}", "delta", "devices",
                     (json_int_t)survey->delta_devices, "bytes", (json_int_t)survey->delta_bytes,
                     "full", "devices", (json_int_t)survey->full_devices, "bytes",
                     (json_int_t)survey->full_bytes, "total",
                     (json_int_t)survey->delta_bytes + (json_int_t)survey->full_bytes);
}

/* So many successes without a failure reach the lower bound. */
static uint64_t lift_of(const struct gate_install_settings *install)
{
    const struct gate_install_bounds test = gate_install_bounds(install, install->alpha);

    return (uint64_t)ceil(test.lower / test.success);
}

static uint64_t least(uint64_t own, uint64_t group)
{
    if (own == 0 || group == 0)
        return own + group;
    return own < group ? own : group;
}

void reach_forecast_ask(const struct reach *reach, struct forecast_phase *phases,
                        struct forecast_ask *ask)
{
    const struct model_deployment *deployment = &reach->ask.deployment;
    const json_t *history = json_object_get(reach->stored, "history");
    const json_t *install = json_object_get(history, "install_s");
    int64_t poll_ms = number(reach->stored, "poll_interval_s") * 1000;
    int64_t awake_ms = poll_ms * AWAKE_INTERVALS;

    *ask = (struct forecast_ask){
        .phases = phases,
        .phase_count = deployment->phase_count,
        .awake_ms = awake_ms > AWAKE_MS_MIN ? awake_ms : AWAKE_MS_MIN,
        .retry_ms = poll_ms,
        .install_ms = {install_ms_unknown, 2 * install_ms_unknown},
        .concurrency = least(reach->concurrency, (uint64_t)number(reach->stored, "concurrency")),
        .bytes_per_hour =
            least(reach->bytes_per_hour, (uint64_t)number(reach->stored, "bytes_per_hour")),
        .cap_start = reach->gate.install.is_on ? reach->gate.install.start : 0,
        .cap_lift = reach->gate.install.is_on ? lift_of(&reach->gate.install) : 0,
    };
    for (unsigned i = 0; i < FORECAST_CASE_COUNT && json_array_size(install) > i; i++)
        ask->install_ms[i] = json_integer_value(json_array_get(install, i)) * 1000;
    memcpy(ask->ages, reach->survey.ages, sizeof(ask->ages));
    for (uint32_t n = 0; n < deployment->phase_count; n++)
        phases[n] = (struct forecast_phase){
            .devices = reach->survey.phases[n].devices,
            .bytes = reach->survey.phases[n].bytes,
            .soak_ms = deployment->phases[n].soak_ms,
            .soak_device_ms = deployment->phases[n].soak_device_ms,
            .is_manual = deployment->phases[n].is_manual,
        };
}
_Static_assert((int)FORECAST_AGES == (int)SURVEY_AGES, "what is counted is what is foretold from");

static json_t *span_json(const struct forecast_span *span, int64_t now_ms)
{
    char begins[TEXT_TIME_ROOM], settles[TEXT_TIME_ROOM], ends[TEXT_TIME_ROOM];

    text_from_time(now_ms + span->begins_ms, begins);
    text_from_time(now_ms + span->settles_ms, settles);
    text_from_time(now_ms + span->ends_ms, ends);
    return json_pack("{s:s, s:s, s:s}", "begins", begins, "settles", settles, "ends", ends);
}

static json_t *end_json(const struct forecast_span *spans, uint32_t count, int64_t now_ms)
{
    char text[TEXT_TIME_ROOM];

    text_from_time(now_ms + (count > 0 ? spans[count - 1].ends_ms : 0), text);
    return json_string(text);
}

json_t *reach_forecast(const struct forecast_ask *ask, uint32_t first, int64_t now_ms)
{
    struct forecast_span spans[FORECAST_CASE_COUNT][SURVEY_PHASES_MAX];
    json_t *list = json_array();

    for (unsigned c = 0; c < FORECAST_CASE_COUNT; c++)
        forecast_make(ask, (enum forecast_case)c, spans[c]);
    for (uint32_t n = 0; n < ask->phase_count; n++)
        (void)json_array_append_new(
            list, json_pack("{s:I, s:I, s:o, s:o, s:b}", "phase", (json_int_t)first + n + 1,
                            "devices", (json_int_t)ask->phases[n].devices, "likely",
                            span_json(&spans[FORECAST_LIKELY][n], now_ms), "late",
                            span_json(&spans[FORECAST_LATE][n], now_ms), "waits_for_person",
                            ask->phases[n].is_manual));
    return json_pack("{s:o, s:o, s:[I, I], s:o}", "likely",
                     end_json(spans[FORECAST_LIKELY], ask->phase_count, now_ms), "late",
                     end_json(spans[FORECAST_LATE], ask->phase_count, now_ms), "install_s",
                     (json_int_t)(ask->install_ms[0] / 1000),
                     (json_int_t)(ask->install_ms[1] / 1000), "phases", list);
}
