/*
 * One round at a time: [census ->] counters -> verdicts. A round for a moved counter takes no
 * census, so it can halt and nothing else. What was judged is written by statements that check
 * again where the deployment is, so a late verdict changes nothing.
 */
#include "server/jobs/ticker.h"

#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/wire/device.h"
#include "server/jobs/census.h"
#include "server/limits.h"
#include "server/store/store_tick.h"

/* So many times as long as a census took, the next one waits: it never takes more than a tenth
 * of the loop. */
enum { CENSUS_REST = 9 };

struct known {
    int64_t deployment_id;
    struct rollout_progress progress;
};

struct ticker {
    struct loop *loop;
    struct db *db;
    struct fleet *fleet;
    struct loop_timer *step;
    int64_t up_since_ms;
    /* the round */
    bool is_busy;
    bool is_stopping;
    struct model *model;   /* of the round */
    struct census *census; /* NULL: a round for a moved counter */
    int64_t census_began_mono_ms;
    int64_t census_after_mono_ms;
    atomic_bool is_moved; /* a counter; a round for it is to come */
    /* soaks, from round to round */
    struct known *known;
    size_t known_count;
};

static void begin_round(struct ticker *ticker, bool with_census);

/* --- what is done -------------------------------------------------------------------------------
 */

struct verdict {
    char deployment[WIRE_UUID_ROOM];
    const char *event;
    uint32_t phase;
};

static void on_written(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct verdict *verdict = arg;

    if (err)
        LOG_WARNING("rollout.tick_failed", "deployment=%s reason='%s'", verdict->deployment,
                    err->text); /* the next round judges again */
    else if (db_rows(result) > 0)
        LOG_INFO(verdict->event, "deployment=%s phase=%u", verdict->deployment, verdict->phase);
}

static struct verdict *verdict_new(const struct model_deployment *deployment, const char *event,
                                   uint32_t phase)
{
    struct verdict *verdict = mem_alloc(sizeof(*verdict));

    (void)text_copy(verdict->deployment, sizeof(verdict->deployment), deployment->public_id);
    verdict->event = event;
    verdict->phase = phase;
    return verdict;
}

static void halt(struct ticker *ticker, const struct model_deployment *deployment,
                 const struct rollout_counts *counts)
{
    const struct rollout_rules *rules = &deployment->rules;
    unsigned long long finished = counts->failed + counts->succeeded;
    AUTO_FREE char *evidence = mem_printf(
        "{\"reason\":\"failed-percent\",\"failed\":%llu,\"finished\":%llu,\"failed_percent\":%u,"
        "\"min_finished\":%llu,\"phase\":%u}",
        (unsigned long long)counts->failed, finished, rules->failed_percent,
        (unsigned long long)rules->finished_min, deployment->phase);

    store_tick_halt(ticker->db, deployment->id, evidence, on_written,
                    verdict_new(deployment, "rollout.halted", deployment->phase));
}

static void write_verdict(struct ticker *ticker, const struct model_deployment *deployment,
                          const struct rollout_counts *counts, enum rollout_verdict verdict)
{
    switch (verdict) {
    case ROLLOUT_STAY:
        break;
    case ROLLOUT_ADVANCE:
        store_tick_advance(ticker->db, deployment->id, deployment->phase, on_written,
                           verdict_new(deployment, "rollout.phase_started", deployment->phase + 1));
        break;
    case ROLLOUT_FINISH:
        store_tick_finish(ticker->db, deployment->id, deployment->phase, on_written,
                          verdict_new(deployment, "rollout.finished", deployment->phase));
        break;
    case ROLLOUT_HALT:
        halt(ticker, deployment, counts);
        break;
    }
}

/* --- the judgement ------------------------------------------------------------------------------
 */

/* The progress of a deployment's phase, kept from round to round. */
static struct rollout_progress *progress_of(struct ticker *ticker,
                                            const struct model_deployment *deployment)
{
    for (size_t i = 0; i < ticker->known_count; i++) {
        struct known *known = &ticker->known[i];

        if (known->deployment_id != deployment->id)
            continue;
        if (known->progress.phase != deployment->phase)
            known->progress = (struct rollout_progress){.phase = deployment->phase};
        return &known->progress;
    }
    ticker->known = mem_resize(ticker->known, ticker->known_count + 1, sizeof(*ticker->known));
    ticker->known[ticker->known_count++] =
        (struct known){deployment->id, {.phase = deployment->phase}};
    return &ticker->known[ticker->known_count - 1].progress;
}

/* Of deployments that are over nothing needs to be known. */
static void forget(struct ticker *ticker)
{
    size_t kept = 0;

    for (size_t i = 0; i < ticker->known_count; i++) {
        const struct model_deployment *deployment =
            model_deployment_find(ticker->model, ticker->known[i].deployment_id);

        if (deployment && !deployment->is_finished)
            ticker->known[kept++] = ticker->known[i];
    }
    ticker->known_count = kept;
}

static void judge(struct ticker *ticker, const struct store_count *count)
{
    const struct model_deployment *deployment =
        model_deployment_find(ticker->model, count->deployment_id);
    struct rollout_counts counts = {(uint64_t)count->succeeded, (uint64_t)count->failed};
    struct rollout_census census = {0};

    /* a census of another phase, or of a deployment that is paused, says nothing */
    if (ticker->census && count->is_running && count->phase == (int64_t)deployment->phase)
        census = census_of(ticker->census, deployment);
    write_verdict(ticker, deployment, &counts,
                  rollout_judge(&deployment->rules, &counts, &census, clock_mono_ms(),
                                progress_of(ticker, deployment)));
}

static void end_round(struct ticker *ticker)
{
    census_free(ticker->census);
    ticker->census = NULL;
    model_unref(ticker->model);
    ticker->model = NULL;
    ticker->is_busy = false;
}

static void on_counts(const struct db_result *result, const struct err *err, void *arg)
{
    struct ticker *ticker = arg;

    for (size_t row = 0; !err && row < db_rows(result); row++) {
        struct store_count count;

        store_tick_read(result, row, &count);
        judge(ticker, &count);
    }
    end_round(ticker);
    if (!err && atomic_load(&ticker->is_moved))
        begin_round(ticker, false);
}

/* --- the round ----------------------------------------------------------------------------------
 */

/* Those that are neither finished nor halted, up to `max`. */
static size_t list_open(const struct model *model, int64_t *ids, size_t max)
{
    size_t count;
    const struct model_deployment *deployments = model_deployments(model, &count);
    size_t open = 0;

    for (size_t i = 0; i < count && open < max; i++)
        if (!deployments[i].is_finished && deployments[i].standing != ROLLOUT_HALTED)
            ids[open++] = deployments[i].id;
    return open;
}

static void ask_counts(struct ticker *ticker)
{
    AUTO_FREE int64_t *ids = mem_array(TICK_DEPLOYMENTS_MAX, sizeof(*ids));
    size_t count = list_open(ticker->model, ids, TICK_DEPLOYMENTS_MAX);

    atomic_store(&ticker->is_moved, false); /* what moves from here on is for the next round */
    forget(ticker);
    if (count == 0)
        end_round(ticker);
    else
        store_tick_counts(ticker->db, ids, count, on_counts, ticker);
}

static void on_step(void *arg)
{
    struct ticker *ticker = arg;
    int64_t now_mono_ms;

    if (census_step(ticker->census, CENSUS_STEP_MAX)) {
        loop_timer_set(ticker->step, 0);
        return;
    }
    now_mono_ms = clock_mono_ms();
    ticker->census_after_mono_ms =
        now_mono_ms + CENSUS_REST * (now_mono_ms - ticker->census_began_mono_ms);
    ask_counts(ticker);
}

static void begin_round(struct ticker *ticker, bool with_census)
{
    int64_t any;

    if (ticker->is_busy || ticker->is_stopping || !fleet_is_ready(ticker->fleet))
        return; /* devices that memory does not have yet would not be waited for */
    ticker->model = model_holder_get(fleet_model_of(ticker->fleet));
    if (!ticker->model)
        return;
    ticker->is_busy = true;
    if (list_open(ticker->model, &any, 1) == 0) {
        atomic_store(&ticker->is_moved, false);
        end_round(ticker);
        return;
    }
    ticker->census_began_mono_ms = clock_mono_ms();
    if (with_census && ticker->census_began_mono_ms >= ticker->census_after_mono_ms) {
        ticker->census = census_new(ticker->model, fleet_index_of(ticker->fleet), clock_now_ms(),
                                    ticker->up_since_ms);
        loop_timer_set(ticker->step, 0);
    } else {
        ask_counts(ticker);
    }
}

void ticker_run(void *arg)
{
    begin_round(arg, true);
}

static void on_moved(void *arg)
{
    begin_round(arg, false);
}

/* From any thread. */
static void moved(void *arg)
{
    struct ticker *ticker = arg;

    if (!atomic_exchange(&ticker->is_moved, true))
        loop_post(ticker->loop, on_moved, ticker);
}

struct ticker *ticker_new(struct loop *loop, struct db *db, struct fleet *fleet)
{
    struct ticker *ticker = mem_alloc(sizeof(*ticker));

    ticker->loop = loop;
    ticker->db = db;
    ticker->fleet = fleet;
    ticker->up_since_ms = clock_now_ms();
    ticker->step = loop_timer_new(loop, on_step, ticker);
    atomic_init(&ticker->is_moved, false);
    fleet_on_moved(fleet, moved, ticker);
    return ticker;
}

void ticker_free(struct ticker *ticker)
{
    if (!ticker)
        return;
    fleet_on_moved(ticker->fleet, NULL, NULL);
    ticker->is_stopping = true;
    loop_flush(ticker->loop); /* a move that was posted finds the ticker still */
    if (ticker->is_busy)
        end_round(ticker); /* it waited for its next step */
    loop_timer_free(ticker->step);
    mem_free(ticker->known);
    mem_free(ticker);
}
