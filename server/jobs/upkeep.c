/*
 * Every job runs when it is woken and every so often besides: a notification may be lost with its
 * connection, time passes, and other nodes die. A job that still runs makes nothing of it.
 */
#include "server/jobs/upkeep.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/auth/tokens.h"
#include "server/jobs/collect.h"
#include "server/jobs/delta.h"
#include "server/jobs/figures.h"
#include "server/jobs/jobs.h"
#include "server/jobs/recount.h"
#include "server/jobs/retention.h"
#include "server/jobs/silence.h"
#include "server/jobs/symbolize.h"
#include "server/metrics/metrics.h"
#include "server/repo/expiry.h"
#include "server/repo/renew.h"
#include "server/worker.h"

struct upkeep {
    const struct worker *worker;
    struct repo_renewer *renewer;
    struct repo_watch *watch;
    struct delta_worker *deltas;
    struct silence *silence;
    struct recount *recount;
    struct retention *retention;
    struct collector *collector;
    struct figures *figures;
    struct symbolizer *symbolizer;
    struct jobs *jobs;
};

static void load_tokens(void *arg)
{
    const struct upkeep *upkeep = arg;

    auth_tokens_flush(upkeep->worker->tokens, upkeep->worker->db);
    auth_tokens_load(upkeep->worker->tokens, upkeep->worker->db);
}

static void load_repo(void *arg)
{
    const struct upkeep *upkeep = arg;

    repo_load(upkeep->worker->repo, upkeep->worker->db);
}

static void renew_timestamps(void *arg)
{
    const struct upkeep *upkeep = arg;

    repo_renewer_run(upkeep->renewer, clock_now_ms());
}

static void watch_expiry(void *arg)
{
    const struct upkeep *upkeep = arg;
    uint64_t counts[EXPIRY_COUNT];

    repo_watch_run(upkeep->watch, clock_now_ms(), counts);
    for (size_t level = EXPIRY_FAR + 1; level < EXPIRY_COUNT; level++)
        metrics_publish_expiring(upkeep->worker->metrics, repo_expiry_name((enum repo_expiry)level),
                                 counts[level]);
}

static void watch_silence(void *arg)
{
    const struct upkeep *upkeep = arg;

    silence_run(upkeep->silence, clock_now_ms());
}

static void recount_deployments(void *arg)
{
    const struct upkeep *upkeep = arg;

    recount_run(upkeep->recount);
}

static void keep_reports(void *arg)
{
    const struct upkeep *upkeep = arg;

    retention_run(upkeep->retention);
}

static void collect_artifacts(void *arg)
{
    const struct upkeep *upkeep = arg;

    collector_run(upkeep->collector);
}

static void name_frames(void *arg)
{
    const struct upkeep *upkeep = arg;

    symbolizer_run(upkeep->symbolizer);
}

static void gather_figures(void *arg)
{
    const struct upkeep *upkeep = arg;

    figures_run(upkeep->figures);
}

static void make_deltas(void *arg)
{
    const struct upkeep *upkeep = arg;

    delta_worker_run(upkeep->deltas);
}

void upkeep_wake(struct upkeep *upkeep)
{
    load_repo(upkeep);
    make_deltas(upkeep);
}

struct upkeep *upkeep_new(const struct worker *worker, const struct upkeep_options *options)
{
    struct upkeep *upkeep = mem_alloc(sizeof(*upkeep));
    const struct repo_place repo = repo_place_of(worker);
    const struct delta_place deltas = {.db = worker->db,
                                       .loop = worker->loop,
                                       .offload = worker->offload,
                                       .artifacts = worker->artifacts,
                                       .program = options->deltagen,
                                       .devices_min = options->delta_devices,
                                       .memory_bytes = options->delta_memory};
    const struct retention_place retention = {
        .db = worker->db,
        .loop = worker->loop,
        .offload = worker->offload,
        .attachments = worker->attachments,
        .raw_days = options->report_days,
        .attachment_days = options->attachment_days,
    };
    /* clang-format off */
    const struct job table[] = {
        {"tokens",       30000, load_tokens,      upkeep},
        {"repositories", 30000, load_repo,        upkeep},
        {"timestamps",   60000, renew_timestamps, upkeep},
        {"role-expiry",  60000, watch_expiry,     upkeep},
        {"silence", SILENCE_RUN_MS, watch_silence, upkeep},
        {"figures", FIGURES_RUN_MS, gather_figures, upkeep},
        {"deltas",       30000, make_deltas,      upkeep},
        {"recount", RECOUNT_RUN_MS, recount_deployments, upkeep},
        {"symbolize", SYMBOLIZE_RUN_MS, name_frames, upkeep},
        {"retention", RETENTION_RUN_MS, keep_reports, upkeep},
        {"artifacts", COLLECT_RUN_MS, collect_artifacts, upkeep},
    };
    /* clang-format on */

    upkeep->worker = worker;
    upkeep->renewer = repo_renewer_new(&repo);
    upkeep->watch = repo_watch_new(worker->repo);
    upkeep->deltas = delta_worker_new(&deltas);
    upkeep->silence = silence_new(worker->db, worker->metrics);
    upkeep->recount = recount_new(worker->db, worker->metrics);
    upkeep->retention = retention_new(&retention);
    upkeep->collector = collector_new(&(const struct collect_place){.db = worker->db,
                                                                    .loop = worker->loop,
                                                                    .offload = worker->offload,
                                                                    .artifacts = worker->artifacts,
                                                                    .grace_s = COLLECT_GRACE_S});
    upkeep->symbolizer =
        symbolizer_new(&(const struct symbolize_place){.db = worker->db,
                                                       .loop = worker->loop,
                                                       .symbols = worker->symbols,
                                                       .program = options->symbolize});
    upkeep->figures = figures_new(worker);
    upkeep->jobs = jobs_new(worker->loop, table, COUNT(table));
    return upkeep;
}

void upkeep_free(struct upkeep *upkeep)
{
    if (!upkeep)
        return;
    jobs_free(upkeep->jobs);
    delta_worker_free(upkeep->deltas);
    silence_free(upkeep->silence);
    recount_free(upkeep->recount);
    retention_free(upkeep->retention);
    collector_free(upkeep->collector);
    figures_free(upkeep->figures);
    symbolizer_free(upkeep->symbolizer);
    repo_watch_free(upkeep->watch);
    repo_renewer_free(upkeep->renewer);
    mem_free(upkeep);
}

bool upkeep_ready(const struct upkeep *upkeep)
{
    return repo_ready(upkeep->worker->repo);
}
