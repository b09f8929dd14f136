/* The steps that memory decides by, in the order in which it does. Each step's verdict comes from
 * the trace of the decision itself; what is stored only adds the reasons that people gave. */
#include <inttypes.h>

#include "lib/base/text.h"
#include "server/operator/why.h"

static void known(struct why *why)
{
    const json_t *stored = why->stored;

    if (!why->facts || !why->plan.group)
        why_add(why, "known", WHY_STOPS, rollout_reason_name(REASON_UNKNOWN), NULL,
                "this server has not read the device or its group yet");
    else
        why_add(why, "known", WHY_PASSES, "",
                json_pack("{s:s, s:s}", "group", why_text(stored, "group"), "product",
                          why_text(stored, "product")),
                "it is in group '%s'", why_text(stored, "group"));
}

static void service(struct why *why)
{
    const json_t *device = json_object_get(why->stored, "device");
    const char *state = why_text(device, "state");
    const char *reason = why_text(device, "state_reason");
    bool is_active = text_equal(state, "active");

    why_add(why, "service", is_active ? WHY_PASSES : WHY_STOPS,
            is_active ? "" : rollout_reason_name(REASON_OUT),
            json_pack("{s:s, s:s}", "state", state, "reason", reason), "it is %s%s%s", state,
            *reason ? ": " : "", reason);
}

static void kill_switch(struct why *why)
{
    const struct model_group *group = why->plan.group;

    if (!group->updates_stopped)
        why_add(why, "kill-switch", WHY_PASSES, "", NULL, "updates are not stopped");
    else
        why_add(why, "kill-switch", WHY_STOPS, rollout_reason_name(REASON_STOPPED),
                json_pack("{s:s}", "reason", why_text(why->stored, "stopped_reason")),
                "updates are stopped: %s", why_text(why->stored, "stopped_reason"));
}

static void hold(struct why *why)
{
    const json_t *device = json_object_get(why->stored, "device");

    if (why->plan.group->hold_until_ms > why->now_ms)
        why_add(why, "hold", WHY_STOPS, rollout_reason_name(REASON_HELD),
                json_pack("{s:s, s:s}", "held", "group", "reason",
                          why_text(why->stored, "group_hold_reason")),
                "its group is held: %s", why_text(why->stored, "group_hold_reason"));
    else if (why_is(device, "is_held"))
        why_add(why, "hold", WHY_STOPS, rollout_reason_name(REASON_HELD),
                json_pack("{s:s, s:s, s:s}", "held", "device", "until",
                          why_text(device, "hold_until"), "reason",
                          why_text(device, "hold_reason")),
                "it is held until %s: %s", why_text(device, "hold_until"),
                why_text(device, "hold_reason"));
    else
        why_add(why, "hold", WHY_PASSES, "", NULL, "nobody holds it");
}

static void penalty(struct why *why)
{
    const json_t *device = json_object_get(why->stored, "device");
    int64_t failures = why_number(device, "failures");
    bool is_penalised =
        why_is(device, "is_penalised") || why->facts->penalty_until_ms > why->now_ms;

    if (!is_penalised)
        why_add(why, "penalty", WHY_PASSES, "", json_pack("{s:I}", "failures", failures),
                "%" PRId64 " failed updates since the last good one", failures);
    else
        why_add(why, "penalty", WHY_STOPS, rollout_reason_name(REASON_PENALTY),
                json_pack("{s:I, s:s}", "failures", failures, "until",
                          why_text(device, "penalty_until")),
                "it failed %" PRId64 " times and waits until %s", failures,
                why_text(device, "penalty_until"));
}

static void policy(struct why *why)
{
    bool allowed = why->plan.group->updates_allowed;

    why_add(why, "policy", allowed ? WHY_PASSES : WHY_STOPS,
            allowed ? "" : rollout_reason_name(REASON_POLICY), NULL, "%s",
            allowed ? "its group takes updates" : "its group's update policy is 'none'");
}

static const char *sentence_of(enum rollout_reason reason)
{
    /* clang-format off */
    static const char *const sentences[REASON_COUNT] = {
        [REASON_NONE]           = "there is an image for it",
        [REASON_NO_DEPLOYMENT]  = "there is none",
        [REASON_HARDWARE]       = "the release has no image for its hardware",
        [REASON_RUNS_IT]        = "it runs that image",
        [REASON_RUNS_NEWER]     = "it runs a newer image, and this is no downgrade",
        [REASON_RUNS_OLDER]     = "it runs an older image, and this is a downgrade",
        [REASON_STEPPING_STONE] = "no image leads from what it runs to the release",
        [REASON_DELTA]          = "the deployment waits for a delta from what it runs",
        [REASON_ENDED]          = "it had its chance, and that has ended",
    };
    /* clang-format on */

    return sentences[reason] ? sentences[reason] : "";
}

static void baseline(struct why *why)
{
    enum rollout_reason reason =
        rollout_reason_against(&why->trace.view, &why->trace.view.baseline, true);
    enum why_verdict verdict = reason == REASON_NONE            ? WHY_PASSES
                               : reason == REASON_NO_DEPLOYMENT ? WHY_NONE
                                                                : WHY_STOPS;
    const struct model_deployment *deployment = why->plan.group->baseline;

    why_add(why, "baseline", verdict, reason == REASON_NONE ? "" : rollout_reason_name(reason),
            deployment ? json_pack("{s:s}", "deployment", deployment->public_id) : NULL, "%s",
            reason == REASON_NO_DEPLOYMENT ? "its group has no baseline" : sentence_of(reason));
}

static void deployment(struct why *why)
{
    static const char *const words[] = {
        [ROLLOUT_OPEN] = "runs", [ROLLOUT_PAUSED] = "is paused", [ROLLOUT_HALTED] = "is halted"};
    static const enum rollout_reason reasons[] = {[ROLLOUT_OPEN] = REASON_NONE,
                                                  [ROLLOUT_PAUSED] = REASON_PAUSED,
                                                  [ROLLOUT_HALTED] = REASON_HALTED};
    const struct model_deployment *current = why->plan.group->current;
    const json_t *stored = json_object_get(why->stored, "deployment");
    const char *said = why_text(stored, "state_reason");

    if (!current) {
        why_add(why, "deployment", WHY_NONE, rollout_reason_name(REASON_NO_DEPLOYMENT), NULL,
                "no deployment of its group runs");
        return;
    }
    why_add(why, "deployment", current->standing == ROLLOUT_OPEN ? WHY_PASSES : WHY_STOPS,
            current->standing == ROLLOUT_OPEN ? ""
                                              : rollout_reason_name(reasons[current->standing]),
            json_pack("{s:s, s:s, s:s}", "deployment", current->public_id, "release",
                      why_text(stored, "release"), "state", why_text(stored, "state")),
            "release '%s' %s%s%s", why_text(stored, "release"), words[current->standing],
            *said ? ": " : "", said);
}

static json_t *image_facts(const struct why *why)
{
    const struct model_image *image = why->trace.current;
    json_t *facts = json_object();

    if (why->trace.counter != INT64_MIN)
        (void)json_object_set_new(facts, "runs_counter", json_integer(why->trace.counter));
    if (!image)
        return facts;
    (void)json_object_set_new(facts, "path", json_string(image->path));
    (void)json_object_set_new(facts, "counter", json_integer(image->counter));
    (void)json_object_set_new(facts, "length", json_integer(image->length));
    if (why->plan.image == image && why->plan.delta)
        (void)json_object_set_new(facts, "delta_length", json_integer(why->plan.delta->length));
    return facts;
}

static void image(struct why *why)
{
    const struct rollout_view *view = &why->trace.view;
    enum rollout_reason reason = rollout_reason_against(view, &view->current, false);

    if (!why->plan.group->current)
        return;
    why_add(why, "image", reason == REASON_NONE ? WHY_PASSES : WHY_STOPS,
            reason == REASON_NONE ? "" : rollout_reason_name(reason), image_facts(why), "%s",
            sentence_of(reason));
}

/* The phase that holds it, should it not have begun; 0: none of them. */
static uint32_t later_phase(const struct why *why, const struct model_deployment *current)
{
    struct fleet_asking asking;

    fleet_asking_init(&asking, why->model, why->facts, current->salt);
    for (uint32_t n = current->phase + 1; n <= current->phase_count; n++) {
        if (rollout_phase_is_for(&current->phases[n - 1], &asking.device))
            return n;
    }
    return 0;
}

static void phase(struct why *why)
{
    const struct model_deployment *current = why->plan.group->current;
    const json_t *stored = json_object_get(why->stored, "deployment");
    const json_t *room = json_object_get(stored, "count_room");
    bool covered = why->trace.view.is_covered;
    uint32_t number;
    double place;
    json_t *facts;

    if (!current || !why->trace.view.current.fits)
        return;
    number = covered ? why->plan.phase : later_phase(why, current);
    place = (double)place_of(current->salt, why->facts->id) / 18446744073709551616.0 * 100;
    facts = json_pack("{s:f, s:I, s:I, s:I}", "place_percent", place, "phase", (json_int_t)number,
                      "running", (json_int_t)current->phase, "phases",
                      (json_int_t)current->phase_count);
    if (covered && number == current->phase && json_is_integer(room) && !why->trace.view.state &&
        json_integer_value(room) <= 0)
        why_add(why, "phase", WHY_STOPS, "count", facts,
                "phase %u takes the first that ask, and it has all of its devices", number);
    else if (covered)
        why_add(why, "phase", WHY_PASSES, "", facts, "it is in phase %u of %u, which has begun",
                number, current->phase_count);
    else if (number > 0)
        why_add(why, "phase", WHY_STOPS, rollout_reason_name(REASON_PHASE), facts,
                "its place is at %.3f %%, in phase %u; phase %u of %u runs", place, number,
                current->phase, current->phase_count);
    else
        why_add(why, "phase", WHY_STOPS, rollout_reason_name(REASON_PHASE), facts,
                "no phase that is still to come is for it");
}

void why_add_decision(struct why *why)
{
    static void (*const steps[])(struct why *) = {service,  kill_switch, hold,  penalty, policy,
                                                  baseline, deployment,  image, phase};

    known(why);
    for (size_t i = 0; why->plan.group && i < COUNT(steps); i++)
        steps[i](why);
}
