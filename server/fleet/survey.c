/*
 * Whether a device shall have the deployment is decided by the very rule of polls
 * (rollout_reason_against()), with the deployment in the place of the group's.
 *
 * Phases: every device is counted in the first phase that is for it and does not count, and for
 * each counting phase in a table by that phase. At the end the counting phases take theirs out of
 * that table, one after the other.
 */
#include "server/fleet/survey.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/fleet/plan.h"
#include "server/limits.h"

struct survey_walk {
    const struct survey_ask *ask;
    struct fleet_index *index;
    struct fleet_cursor cursor;
    int64_t now_ms;
    int64_t awake_ms;
    struct survey sums;
    uint64_t members[SURVEY_PHASES_MAX]; /* by their first phase that does not count */
    uint64_t bytes[SURVEY_PHASES_MAX];
    uint64_t fits[SURVEY_PHASES_MAX][SURVEY_PHASES_MAX]; /* [counting phase][that phase] */
};

struct survey_walk *survey_walk_new(struct fleet_index *index, const struct survey_ask *ask,
                                    int64_t now_ms)
{
    const struct model_group *group = model_group_find(ask->model, ask->group_id);
    struct survey_walk *walk = mem_alloc(sizeof(*walk));
    int64_t awake_ms = group ? group->poll_interval_s * 1000 * AWAKE_INTERVALS : 0;

    ASSERT(ask->deployment.phase_count <= SURVEY_PHASES_MAX);
    walk->ask = ask;
    walk->index = index;
    walk->now_ms = now_ms;
    walk->awake_ms = awake_ms > AWAKE_MS_MIN ? awake_ms : AWAKE_MS_MIN;
    return walk;
}

void survey_walk_free(struct survey_walk *walk)
{
    mem_free(walk);
}

/* --- one device --------------------------------------------------------------------------------
 */

static int compare_deltas(const void *a, const void *b)
{
    const struct store_model_delta *x = a, *y = b;
    int order = memcmp(x->from, y->from, HASH_BYTES);

    return order != 0 ? order : memcmp(x->to, y->to, HASH_BYTES);
}

static const struct store_model_delta *delta_of(const struct survey_ask *ask, const uint8_t *from,
                                                const uint8_t *to)
{
    struct store_model_delta key = {0};

    if (ask->deployment.delta_policy == MODEL_DELTA_FULL || ask->delta_count == 0)
        return NULL;
    memcpy(key.from, from, HASH_BYTES);
    memcpy(key.to, to, HASH_BYTES);
    return bsearch(&key, ask->deltas, ask->delta_count, sizeof(key), compare_deltas);
}

static const struct store_model_delta *first_delta(const struct survey_ask *ask,
                                                   const struct fleet_facts *facts,
                                                   const struct model_image *image)
{
    const struct store_model_delta *best = NULL;

    for (size_t i = 0; i < facts->installed_count; i++) {
        const struct store_model_delta *delta = delta_of(ask, facts->installed[i], image->sha256);

        if (delta && (!best || delta->length < best->length))
            best = delta;
    }
    return best;
}

struct way {
    enum rollout_reason waits; /* REASON_NONE, or why there is none */
    uint64_t bytes;
    bool is_delta; /* all of it */
};

/* All images on the way to the goal, one after the other. */
static struct way way_of(const struct survey_ask *ask, const struct fleet_facts *facts,
                         const struct model_image *goal, int64_t counter)
{
    const struct model_deployment *deployment = &ask->deployment;
    const struct model_image *at = NULL;
    struct way way = {.is_delta = true};

    for (unsigned n = 0; n < SURVEY_STONES_MAX && at != goal; n++) {
        const struct model_image *next = model_image_next(deployment, goal, counter);
        const struct store_model_delta *delta = NULL;

        if (!next)
            return (struct way){.waits = REASON_STEPPING_STONE};
        delta = at ? delta_of(ask, at->sha256, next->sha256) : first_delta(ask, facts, next);
        if (!delta && deployment->delta_policy == MODEL_DELTA_ONLY)
            return (struct way){.waits = REASON_DELTA};
        way.bytes += (uint64_t)(delta ? delta->length : next->length);
        way.is_delta = way.is_delta && delta;
        counter = next->counter;
        at = next;
    }
    return way;
}

static enum rollout_reason reason_of(const struct survey_walk *walk,
                                     const struct fleet_facts *facts, struct way *way)
{
    const struct survey_ask *ask = walk->ask;
    const struct model_image *goal = model_image_for(&ask->deployment, facts->hwid);
    int64_t counter = fleet_counter_of(ask->model, facts);
    struct rollout_view view = {.state = UPDATE_IDLE};
    struct rollout_candidate candidate = {
        .deployment_id = INT64_MAX, .fits = goal != NULL, .goes_back = ask->deployment.goes_back};

    *way = (struct way){0};
    if (facts->is_out)
        return REASON_OUT;
    if (facts->hold_until_ms > walk->now_ms)
        return REASON_HELD;
    if (facts->penalty_until_ms > walk->now_ms)
        return REASON_PENALTY;
    if (goal) {
        candidate.is_running = fleet_runs(facts, goal->sha256);
        candidate.is_older = counter > goal->counter;
        *way = way_of(ask, facts, goal, counter);
        candidate.waits = way->waits;
    }
    return rollout_reason_against(&view, &candidate, false);
}

static unsigned age_slot(int64_t age_ms)
{
    unsigned slot = 0;

    for (int64_t age_s = age_ms / 1000; age_s > 0 && slot < SURVEY_AGES - 1; age_s >>= 1)
        slot++;
    return slot;
}

static void count_phases(struct survey_walk *walk, const struct fleet_facts *facts, uint64_t bytes)
{
    const struct model_deployment *deployment = &walk->ask->deployment;
    struct fleet_asking asking;
    uint32_t counting[SURVEY_PHASES_MAX];
    uint32_t count = 0;

    fleet_asking_init(&asking, walk->ask->model, facts, deployment->salt);
    for (uint32_t n = 0; n < deployment->phase_count; n++) {
        const struct rollout_phase *phase = &deployment->phases[n];

        if (!rollout_phase_is_for(phase, &asking.device))
            continue;
        if (phase->device_count > 0) {
            counting[count++] = n;
            continue;
        }
        walk->members[n]++;
        walk->bytes[n] += bytes;
        while (count > 0)
            walk->fits[counting[--count]][n]++;
        return;
    }
}

/* Its row in the deployment, should there be one. True when it is counted with that. */
static bool count_row(struct survey_walk *walk, const struct fleet_facts *facts)
{
    const struct model_deployment *deployment = &walk->ask->deployment;
    const struct store_standing *row = &facts->standing;

    if (!walk->ask->is_running)
        return false;
    if (facts->closed_id == deployment->id ||
        (row->deployment_id == deployment->id && update_state_is_terminal(row->state))) {
        walk->sums.ended++;
        return true;
    }
    if (row->deployment_id != deployment->id || row->state == UPDATE_IDLE)
        return false;
    walk->sums.under_way++;
    return true;
}

static void count_device(const struct fleet_facts *facts, void *arg)
{
    struct survey_walk *walk = arg;
    struct survey *sums = &walk->sums;
    int64_t age_ms = walk->now_ms - facts->seen_ms;
    enum rollout_reason reason;
    struct way way;

    if (facts->group_id != walk->ask->group_id)
        return;
    sums->devices++;
    if (count_row(walk, facts))
        return;
    reason = reason_of(walk, facts, &way);
    if (reason == REASON_NONE && (facts->seen_ms == 0 || age_ms > SURVEY_LOST_MS)) {
        sums->lost++;
        return;
    }
    if (reason != REASON_NONE) {
        sums->skipped[reason]++;
        return;
    }
    sums->eligible++;
    sums->asleep += age_ms > walk->awake_ms;
    sums->ages[age_slot(age_ms)]++;
    sums->delta_devices += way.is_delta;
    sums->delta_bytes += way.is_delta ? way.bytes : 0;
    sums->full_devices += !way.is_delta;
    sums->full_bytes += way.is_delta ? 0 : way.bytes;
    count_phases(walk, facts, way.bytes);
}

bool survey_step(struct survey_walk *walk, size_t max)
{
    return fleet_index_step(walk->index, &walk->cursor, max, count_device, walk);
}

/* --- phases ------------------------------------------------------------------------------------
 */

struct left {
    double devices[SURVEY_PHASES_MAX];
};

/* What a counting phase takes out of the others. */
static void take(const struct survey_walk *walk, uint32_t n, struct left *left)
{
    uint32_t count = walk->ask->deployment.phase_count;
    double pool = 0;
    double share;

    for (uint32_t p = n + 1; p < count; p++) {
        if (walk->members[p] > 0)
            pool += (double)walk->fits[n][p] * left->devices[p] / (double)walk->members[p];
    }
    if (pool <= 0)
        return;
    share = walk->ask->deployment.phases[n].device_count / pool;
    if (share > 1)
        share = 1;
    left->devices[n] = pool * share;
    for (uint32_t p = n + 1; p < count; p++)
        left->devices[p] -= share * (double)walk->fits[n][p] * left->devices[p] /
                            (double)(walk->members[p] > 0 ? walk->members[p] : 1);
}

/* Whole devices, whose sum is that of the parts. */
static void settle(const struct survey_walk *walk, const struct left *left, struct survey *out)
{
    double per_device = 0;
    double carried = 0;

    if (out->eligible > 0)
        per_device = (double)(out->delta_bytes + out->full_bytes) / (double)out->eligible;
    for (uint32_t p = 0; p < walk->ask->deployment.phase_count; p++) {
        double exact = left->devices[p] + carried;
        uint64_t whole = (uint64_t)(exact + 0.5);
        double bytes =
            walk->members[p] > 0 ? (double)walk->bytes[p] / (double)walk->members[p] : per_device;

        carried = exact - (double)whole;
        out->phases[p] = (struct survey_phase){whole, (uint64_t)(bytes * (double)whole + 0.5)};
    }
}

void survey_read(struct survey_walk *walk, struct survey *out)
{
    struct left left = {{0}};

    *out = walk->sums;
    for (uint32_t p = 0; p < walk->ask->deployment.phase_count; p++)
        left.devices[p] = (double)walk->members[p];
    for (uint32_t p = 0; p < walk->ask->deployment.phase_count; p++) {
        if (walk->ask->deployment.phases[p].device_count > 0)
            take(walk, p, &left);
    }
    settle(walk, &left, out);
}
