/* The steps behind memory's decision: what grants and activations are measured by, as it was stored
 * a moment ago, and what the next poll comes to. */
#include <inttypes.h>

#include "lib/base/refusal.h"
#include "lib/base/text.h"
#include "server/operator/why.h"

static bool is_before_switch(const struct why *why)
{
    enum update_state state = why->trace.view.state;

    return state != UPDATE_IDLE && update_state_rank(state) < UPDATE_ACTIVATING;
}

/* The device decides, by its own clock; what it reported last says how. */
static void window(struct why *why)
{
    const char *maintenance = why->plan.group->maintenance;
    const char *said = why_text(json_object_get(why->stored, "row"), "reason");

    if (is_before_switch(why) && text_equal(said, refusal_name(REFUSAL_WINDOW)))
        why_add(why, "window", WHY_STOPS, "window", NULL, "it waits for its maintenance window");
    else if (is_before_switch(why) && text_equal(said, refusal_name(REFUSAL_DEFERRED)))
        why_add(why, "window", WHY_STOPS, "deferred", NULL,
                "an application on the device asked for some time");
    else if (*maintenance == '\0' || text_equal(maintenance, "null"))
        why_add(why, "window", WHY_PASSES, "", NULL, "its group has no maintenance window");
    else
        why_add(why, "window", WHY_NONE, "window",
                json_pack("{s:o}", "window", json_loads(maintenance, JSON_DECODE_ANY, NULL)),
                "the device switches only in its window, by its own clock");
}

static void freeze(struct why *why, const json_t *stored)
{
    const char *reason = why_text(stored, "freeze");

    if (why_is(stored, "is_frozen"))
        why_add(why, "freeze", WHY_STOPS, "frozen", json_pack("{s:s}", "reason", reason),
                "no device switches now: %s", reason);
    else if (*reason)
        why_add(why, "freeze", WHY_PASSES, "", json_pack("{s:s}", "reason", reason),
                "a freeze holds ('%s'), which this approved security release passes", reason);
    else
        why_add(why, "freeze", WHY_PASSES, "", NULL, "no freeze holds now");
}

static void budget(struct why *why, const json_t *stored)
{
    bool has_places = json_is_integer(json_object_get(stored, "concurrency"));
    bool has_rate = json_is_integer(json_object_get(stored, "bytes_per_hour"));
    int64_t places = why_number(stored, "concurrency");
    int64_t fetching = why_number(stored, "fetching");
    int64_t bytes = why_number(stored, "bytes_now");
    json_t *facts = json_object();

    if (has_places) {
        (void)json_object_set_new(facts, "concurrency", json_integer(places));
        (void)json_object_set_new(facts, "fetching", json_integer(fetching));
    }
    if (has_rate) {
        (void)json_object_set_new(facts, "bytes_per_hour",
                                  json_integer(why_number(stored, "bytes_per_hour")));
        (void)json_object_set_new(facts, "bytes_now", json_integer(bytes));
    }
    if (has_places && fetching >= places)
        why_add(why, "budget", WHY_STOPS, "concurrency", facts,
                "%" PRId64 " of at most %" PRId64 " devices are fetching", fetching, places);
    else if (has_rate && bytes <= 0)
        why_add(why, "budget", WHY_STOPS, "bytes", facts,
                "the bytes of this minute are used up (%" PRId64 " an hour)",
                why_number(stored, "bytes_per_hour"));
    else
        why_add(why, "budget", WHY_PASSES, "", facts, "%s",
                has_places || has_rate ? "there is room" : "neither places nor bytes are limited");
}

/* How many more may switch; both the whole and the stratum must have room. */
static int64_t room_of(const json_t *part, int64_t start)
{
    if (why_is(part, "cap_lifted"))
        return INT64_MAX;
    return start + why_number(part, "succeeded") - why_number(part, "open");
}

static void gate(struct why *why, const json_t *stored)
{
    const json_t *stratum = json_object_get(stored, "stratum");
    int64_t start = why_number(stored, "start");
    int64_t all = room_of(stored, start);
    int64_t own = json_is_object(stratum) ? room_of(stratum, start) : INT64_MAX;
    json_t *facts =
        json_pack("{s:b, s:I, s:I, s:O?}", "cap_lifted", why_is(stored, "cap_lifted"), "open",
                  why_number(stored, "open"), "succeeded", why_number(stored, "succeeded"),
                  "stratum", json_object_get(stored, "stratum"));

    if (why_is(stratum, "halted"))
        why_add(why, "gate", WHY_STOPS, "halted", facts,
                "the gate stopped devices of its kind (%s from this image)",
                why_text(stratum, "hwid"));
    else if (all <= 0 || own <= 0)
        why_add(why, "gate", WHY_STOPS, "gate", facts,
                "%" PRId64 " outcomes are open: the next may switch when one of them is good",
                why_number(all <= 0 ? stored : stratum, "open"));
    else
        why_add(why, "gate", WHY_PASSES, "", facts, "%s",
                all == INT64_MAX ? "the evidence lifted the cap on open outcomes"
                                 : "there is room under the cap on open outcomes");
}

void why_add_permissions(struct why *why)
{
    const json_t *stored = json_object_get(why->stored, "deployment");

    if (!why->plan.group)
        return;
    window(why);
    if (!json_is_object(stored))
        return;
    freeze(why, stored);
    budget(why, stored);
    gate(why, stored);
}

/* --- the answer --------------------------------------------------------------------------------
 */

/* The reason of the first of the named steps that stops, or NULL. */
static const json_t *first_stop(const struct why *why, const char *const *names)
{
    size_t i;
    const json_t *step;

    json_array_foreach(why->steps, i, step)
    {
        for (const char *const *name = names; *name; name++) {
            if (text_equal(why_text(step, "step"), *name) &&
                text_equal(why_text(step, "verdict"), "stops"))
                return step;
        }
    }
    return NULL;
}

static const json_t *stop_of(const struct why *why)
{
    static const char *const fetch[] = {"penalty", "phase", "budget", NULL};
    static const char *const late[] = {"penalty", NULL};
    static const char *const activate[] = {"window", "freeze", "gate", NULL};

    if (why->plan.action == ROLLOUT_GRANT)
        return first_stop(why, fetch);
    if (why->plan.action == ROLLOUT_GRANT_BASELINE)
        return first_stop(why, late);
    return is_before_switch(why) ? first_stop(why, activate) : NULL;
}

static const char *action_text(enum rollout_action action)
{
    static const char *const texts[] = {
        [ROLLOUT_NOTHING] = "nothing new",
        [ROLLOUT_KEEP] = "go on with what it was offered",
        [ROLLOUT_RESEND] = "the same offer again",
        [ROLLOUT_GRANT] = "the deployment's image",
        [ROLLOUT_GRANT_BASELINE] = "the baseline's image",
        [ROLLOUT_WITHDRAW] = "its offer is taken back",
    };

    _Static_assert(COUNT(texts) == ROLLOUT_ACTION_COUNT, "every action has a text");
    return texts[action];
}

static const char *action_name(enum rollout_action action)
{
    static const char *const names[] = {
        [ROLLOUT_NOTHING] = "nothing",
        [ROLLOUT_KEEP] = "keep",
        [ROLLOUT_RESEND] = "resend",
        [ROLLOUT_GRANT] = "grant",
        [ROLLOUT_GRANT_BASELINE] = "grant-baseline",
        [ROLLOUT_WITHDRAW] = "withdraw",
    };

    _Static_assert(COUNT(names) == ROLLOUT_ACTION_COUNT, "every action has a name");
    return names[action];
}

/* The step that says what memory's reason says. */
static const char *text_for(const struct why *why, const char *reason)
{
    size_t i;
    const json_t *step;

    json_array_foreach(why->steps, i, step)
    {
        if (text_equal(why_text(step, "reason"), reason))
            return why_text(step, "text");
    }
    return action_text(why->plan.action);
}

json_t *why_answer(const struct why *why)
{
    const json_t *stop = stop_of(why);
    const char *reason = rollout_reason_name(why->plan.reason);

    if (stop)
        return json_pack("{s:s, s:s, s:s}", "action",
                         is_before_switch(why) ? action_name(why->plan.action) : "nothing",
                         "reason", why_text(stop, "reason"), "text", why_text(stop, "text"));
    return json_pack("{s:s, s:s, s:s}", "action", action_name(why->plan.action), "reason", reason,
                     "text",
                     why->plan.action == ROLLOUT_NOTHING ? text_for(why, reason)
                                                         : action_text(why->plan.action));
}
