/*
 * One round at a time: [census ->] numbers -> rulings. A round for a moved counter takes no census,
 * so it can stop and nothing else. What was judged is written by statements that check again where
 * the deployment is, so a late verdict changes nothing.
 *
 * Hours of health are many after weeks: they are read now and then, and the rarer the longer it
 * takes. What judging needs beyond the database (where walks stand, when a phase settled) is in the
 * database too: a server that starts goes on where the last one was.
 */
#include "server/jobs/ticker.h"

#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/wire/device.h"
#include "server/jobs/census.h"
#include "server/limits.h"
#include "server/rollout/judge.h"
#include "server/store/store_tick.h"

/* So many times as long as a census took, the next one waits: it never takes more than a tenth
 * of the loop. The same for health. */
enum { REST = 9, EVIDENCE_BYTES_MAX = 16 << 10 };

struct ticker {
    struct loop *loop;
    struct db *db;
    struct fleet *fleet;
    struct loop_timer *step;
    int64_t up_since_ms;
    /* the round */
    bool is_busy;
    bool is_stopping;
    bool is_starting;      /* what was scheduled is being started */
    struct model *model;   /* of the round */
    struct census *census; /* NULL: a round for a moved counter */
    bool with_health;
    int64_t census_began_mono_ms;
    int64_t census_after_mono_ms;
    int64_t health_began_mono_ms;
    int64_t health_after_mono_ms;
    atomic_bool is_moved; /* a counter; a round for it is to come */
};

static void begin_round(struct ticker *ticker, bool with_census);

/* --- what is done -------------------------------------------------------------------------------
 */

struct verdict {
    struct ticker *ticker;
    int64_t deployment_id;
    char deployment[WIRE_UUID_ROOM];
    const char *event; /* NULL: not worth a line */
    uint32_t phase;
    bool rolls_back; /* when it moved, the way back is made */
};

static struct verdict *verdict_new(struct ticker *ticker, const struct model_deployment *deployment,
                                   const char *event, uint32_t phase)
{
    struct verdict *verdict = mem_alloc(sizeof(*verdict));

    verdict->ticker = ticker;
    verdict->deployment_id = deployment->id;
    (void)text_copy(verdict->deployment, sizeof(verdict->deployment), deployment->public_id);
    verdict->event = event;
    verdict->phase = phase;
    return verdict;
}

static void on_written(const struct db_result *result, const struct err *err, void *arg);

/* Takes the verdict over. */
static void roll_back(struct verdict *verdict)
{
    verdict->rolls_back = false;
    verdict->event = "rollout.rolling_back";
    store_tick_roll_back(verdict->ticker->db, verdict->deployment_id, on_written, verdict);
}

static void on_written(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct verdict *verdict = arg;

    if (err) {
        LOG_WARNING("rollout.tick_failed", "deployment=%s reason='%s'", verdict->deployment,
                    err->text); /* the next round judges again */
        return;
    }
    if (db_rows(result) == 0)
        return;
    if (verdict->event)
        LOG_INFO(verdict->event, "deployment=%s phase=%u", verdict->deployment, verdict->phase);
    if (verdict->rolls_back && !verdict->ticker->is_stopping)
        roll_back(TAKE(verdict));
}

static void stop(struct ticker *ticker, const struct model_deployment *deployment,
                 const struct gate_settings *settings, const struct rollout_facts *facts,
                 const struct rollout_ruling *ruling)
{
    bool pauses = ruling->is_pause || text_equal(deployment->on_stop, "pause");
    struct verdict *verdict = verdict_new(
        ticker, deployment, pauses ? "rollout.paused" : "rollout.halted", deployment->phase);
    struct store_stop row = {
        .deployment_id = deployment->id,
        .gate = ruling->gate,
        .to = pauses ? "paused" : "halted",
        .stratum = ruling->stratum,
        .reason = ruling->reason,
    };
    AUTO_BUF evidence;

    buf_init(&evidence, EVIDENCE_BYTES_MAX);
    rollout_stop_format(settings, facts, ruling, &evidence);
    row.evidence = buf_text(&evidence);
    verdict->rolls_back =
        !pauses && ruling->stratum < 0 && text_equal(deployment->on_stop, "roll-back");
    store_tick_stop(ticker->db, &row, on_written, verdict);
}

static void write_verdict(struct ticker *ticker, const struct model_deployment *deployment,
                          const struct rollout_facts *facts, const struct rollout_ruling *ruling)
{
    uint64_t failed = 0;

    for (size_t i = 0; i < facts->strata_count; i++)
        failed += facts->strata[i].failed;
    switch (ruling->verdict) {
    case ROLLOUT_STAY:
    case ROLLOUT_STOP:
        break;
    case ROLLOUT_SETTLE:
        store_tick_settle(
            ticker->db, deployment->id, deployment->phase, on_written,
            verdict_new(ticker, deployment, "rollout.phase_settled", deployment->phase));
        break;
    case ROLLOUT_ADVANCE:
        store_tick_advance(
            ticker->db, deployment->id, deployment->phase, (int64_t)failed, on_written,
            verdict_new(ticker, deployment, "rollout.phase_started", deployment->phase + 1));
        break;
    case ROLLOUT_FINISH:
        store_tick_finish(ticker->db, deployment->id, deployment->phase, (int64_t)failed,
                          on_written,
                          verdict_new(ticker, deployment, "rollout.finished", deployment->phase));
        break;
    }
}

/* Where the walks stand, caps that went, and what people look at: one statement when something of
 * it is new. */
static void write_walks(struct ticker *ticker, const struct model_deployment *deployment,
                        const struct gate_settings *settings, const struct rollout_facts *facts,
                        const struct rollout_ruling *ruling)
{
    AUTO_FREE struct store_walk *rows = mem_array(facts->strata_count + 1, sizeof(*rows));
    struct store_walks walks;
    AUTO_BUF evidence;

    buf_init(&evidence, EVIDENCE_BYTES_MAX);
    rollout_evidence_format(settings, facts, ruling, &evidence);
    rows[0] =
        (struct store_walk){-1, facts->pooled.statistic, (int64_t)facts->pooled.succeeded,
                            (int64_t)facts->pooled.failed, facts->cap_lifted || ruling->lifts};
    for (size_t i = 0; i < facts->strata_count; i++) {
        const struct gate_stratum *from = &facts->strata[i];

        rows[i + 1] =
            (struct store_walk){from->number, from->walk.statistic, (int64_t)from->walk.succeeded,
                                (int64_t)from->walk.failed, from->cap_lifted};
    }
    walks = (struct store_walks){rows, facts->strata_count + 1, buf_text(&evidence)};
    store_tick_walk(ticker->db, deployment->id, &walks, on_written,
                    verdict_new(ticker, deployment, ruling->lifts ? "rollout.cap_lifted" : NULL,
                                deployment->phase));
}

/* --- the judgement ------------------------------------------------------------------------------
 */

static size_t read_strata(const struct db_result *result, int64_t deployment_id,
                          struct gate_stratum out[GATE_STRATA_MAX])
{
    size_t count = 0;

    for (size_t row = 0; row < db_rows(result) && count < GATE_STRATA_MAX; row++) {
        struct store_stratum from;

        store_stratum_read(result, row, &from);
        if (from.deployment_id != deployment_id)
            continue;
        out[count++] = (struct gate_stratum){
            .number = from.stratum,
            .touched = (uint64_t)from.touched,
            .open = (uint64_t)(from.open > 0 ? from.open : 0),
            .succeeded = (uint64_t)from.succeeded,
            .failed = (uint64_t)from.failed,
            .device = (uint64_t)from.device,
            .server = (uint64_t)from.server,
            .cap_lifted = from.cap_lifted,
            .halted = from.halted,
            .walk = {from.statistic, (uint64_t)from.judged_succeeded, (uint64_t)from.judged_failed},
        };
    }
    return count;
}

/* Rows come by deployment; the caller frees. Never NULL: no hours are hours too. */
static struct gate_hour *read_hours(const struct db_result *result, int64_t deployment_id,
                                    size_t *count)
{
    struct gate_hour *hours = mem_array(db_rows(result) + 1, sizeof(*hours));

    *count = 0;
    for (size_t row = 0; row < db_rows(result); row++) {
        struct store_health from;

        store_health_read(result, row, &from);
        if (from.deployment_id == deployment_id)
            hours[(*count)++] =
                (struct gate_hour){from.stratum,     from.hour_ms,   from.updated_s,
                                   from.updated_bad, from.control_s, from.control_bad};
    }
    return hours;
}

static struct gate_hour read_before(const struct db_result *result, int64_t deployment_id)
{
    struct gate_hour before = {0};

    for (size_t row = 0; row < db_rows(result); row++) {
        if (db_i64(result, row, 0) != deployment_id)
            continue;
        before.control_s = db_i64(result, row, 1);
        before.control_bad = db_i64(result, row, 2);
    }
    return before;
}

static void add_census(const struct ticker *ticker, const struct model_deployment *deployment,
                       const struct store_tick *tick, struct rollout_facts *facts)
{
    struct census_tally tally;

    /* a census of another phase, or of a deployment that is paused, says nothing */
    if (!ticker->census || !tick->is_running || tick->phase != (int64_t)deployment->phase)
        return;
    tally = census_of(ticker->census, deployment);
    facts->is_census_known = tally.is_known;
    facts->waiting = tally.waiting;
    facts->awake_waiting = tally.awake_waiting;
    facts->awake_candidates = tally.awake_candidates;
    facts->silent = (struct gate_silent){tally.updated, tally.updated_silent, tally.control,
                                         tally.control_silent};
}

static void rule(struct ticker *ticker, const struct model_deployment *deployment,
                 struct rollout_facts *facts)
{
    const struct gate_walk before = facts->pooled;
    struct gate_settings settings;
    struct rollout_ruling ruling;
    struct err err;

    if (!gate_settings_parse(deployment->gate, &settings, &err)) {
        LOG_WARNING("rollout.gate_unknown", "deployment=%s reason='%s'", deployment->public_id,
                    err.text); /* a newer server's: it will judge */
        return;
    }
    rollout_judge(&settings, facts, &ruling);
    if (ruling.lifts || before.succeeded != facts->pooled.succeeded ||
        before.failed != facts->pooled.failed || facts->hours)
        write_walks(ticker, deployment, &settings, facts, &ruling);
    if (ruling.verdict == ROLLOUT_STOP)
        stop(ticker, deployment, &settings, facts, &ruling);
    else
        write_verdict(ticker, deployment, facts, &ruling);
}

static void judge(struct ticker *ticker, const struct store_tick *tick,
                  const struct db_result *const *results)
{
    const struct model_deployment *deployment =
        model_deployment_find(ticker->model, tick->deployment_id);
    struct gate_stratum strata[GATE_STRATA_MAX];
    AUTO_FREE struct gate_hour *hours = NULL;
    struct gate_hour before;
    struct rollout_facts facts = {
        .is_running = tick->is_running,
        .is_way_back = tick->is_way_back,
        .succeeded = (uint64_t)tick->succeeded,
        .failed = (uint64_t)tick->failed,
        .admitted = (uint64_t)tick->admitted,
        .strata = strata,
        .pooled = {tick->statistic, (uint64_t)tick->judged_succeeded,
                   (uint64_t)tick->judged_failed},
        .cap_lifted = tick->cap_lifted,
        .server_excused = (uint64_t)tick->server_excused,
        .settled_ms = tick->settled_ms,
        .updated_ms = tick->updated_s * 1000,
        .now_ms = clock_now_ms(),
    };

    /* memory is behind: the next round has the phase that is the right one */
    if (!deployment || deployment->phase > deployment->phase_count || deployment->phase == 0)
        return;
    facts.phase = &deployment->phases[deployment->phase - 1];
    facts.number = deployment->phase;
    facts.count = deployment->phase_count;
    facts.strata_count = read_strata(results[TICK_STRATA], deployment->id, strata);
    add_census(ticker, deployment, tick, &facts);
    if (ticker->with_health) {
        hours = read_hours(results[TICK_HEALTH], deployment->id, &facts.hour_count);
        before = read_before(results[TICK_BEFORE], deployment->id);
        facts.hours = hours;
        facts.before = &before;
    }
    rule(ticker, deployment, &facts);
}

static void end_round(struct ticker *ticker)
{
    census_free(ticker->census);
    ticker->census = NULL;
    model_unref(ticker->model);
    ticker->model = NULL;
    ticker->is_busy = false;
}

static void on_numbers(const struct db_result *const *results, size_t count, const struct err *err,
                       void *arg)
{
    struct ticker *ticker = arg;

    (void)count;
    if (ticker->with_health) {
        int64_t now_mono_ms = clock_mono_ms();
        int64_t rest_ms = REST * (now_mono_ms - ticker->health_began_mono_ms);

        ticker->health_after_mono_ms =
            now_mono_ms + (rest_ms > HEALTH_MS ? rest_ms : (int64_t)HEALTH_MS);
    }
    for (size_t row = 0; !err && row < db_rows(results[TICK_DEPLOYMENTS]); row++) {
        struct store_tick tick;

        store_tick_read(results[TICK_DEPLOYMENTS], row, &tick);
        judge(ticker, &tick, results);
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

static void ask_numbers(struct ticker *ticker)
{
    AUTO_FREE int64_t *ids = mem_array(TICK_DEPLOYMENTS_MAX, sizeof(*ids));
    size_t count = list_open(ticker->model, ids, TICK_DEPLOYMENTS_MAX);

    atomic_store(&ticker->is_moved, false); /* what moves from here on is for the next round */
    ticker->health_began_mono_ms = clock_mono_ms();
    ticker->with_health =
        ticker->census && ticker->health_began_mono_ms >= ticker->health_after_mono_ms;
    if (count == 0)
        end_round(ticker);
    else
        store_tick_load(ticker->db, ids, count, ticker->with_health, on_numbers, ticker);
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
        now_mono_ms + REST * (now_mono_ms - ticker->census_began_mono_ms);
    ask_numbers(ticker);
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
        ask_numbers(ticker);
    }
}

static void on_started(const struct db_result *result, const struct err *err, void *arg)
{
    struct ticker *ticker = arg;

    ticker->is_starting = false;
    if (err)
        LOG_WARNING("rollout.start_failed", "reason='%s'", err->text);
    for (size_t row = 0; !err && row < db_rows(result); row++)
        LOG_INFO("rollout.started", "deployment=%s", db_text(result, row, 0));
}

/* No statement runs while memory knows of nothing that is scheduled for a time that has come. */
static void start_scheduled(struct ticker *ticker)
{
    struct model *model = model_holder_get(fleet_model_of(ticker->fleet));
    int64_t due_ms = model ? model_next_start_ms(model) : 0;

    model_unref(model);
    if (due_ms == 0 || due_ms > clock_now_ms() || ticker->is_starting || ticker->is_stopping)
        return;
    ticker->is_starting = true;
    store_tick_start(ticker->db, on_started, ticker);
}

void ticker_run(void *arg)
{
    start_scheduled(arg);
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
    mem_free(ticker);
}
