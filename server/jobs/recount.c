/* A statement for each deployment, one after the other. */
#include "server/jobs/recount.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "server/metrics/metrics.h"
#include "server/store/store_recount.h"

struct recount {
    struct db *db;
    struct metrics *metrics;
    bool is_running;
    int64_t after;
    uint64_t deployments;
    uint64_t drift; /* counters that differ, of this run */
};

struct recount *recount_new(struct db *db, struct metrics *metrics)
{
    struct recount *recount = mem_alloc(sizeof(*recount));

    *recount = (struct recount){.db = db, .metrics = metrics};
    return recount;
}

void recount_free(struct recount *recount)
{
    mem_free(recount);
}

static void on_counted(const struct db_result *result, const struct err *err, void *arg)
{
    struct recount *recount = arg;
    int64_t drift;

    if (err) {
        recount->is_running = false;
        LOG_WARNING("recount.failed", "error=%s", err->text);
        return;
    }
    if (db_rows(result) == 0) {
        recount->is_running = false;
        metrics_publish_drift(recount->metrics, recount->drift);
        LOG_DEBUG("recount.done", "deployments=%llu drift=%llu",
                  (unsigned long long)recount->deployments, (unsigned long long)recount->drift);
        return;
    }
    drift = db_i64(result, 0, 2);
    if (drift > 0)
        LOG_ERROR("recount.drift", "deployment=%s counters=%lld first='%s'", db_text(result, 0, 1),
                  (long long)drift, db_text(result, 0, 3));
    recount->drift += (uint64_t)drift;
    recount->deployments++;
    recount->after = db_i64(result, 0, 0);
    store_recount_next(recount->db, recount->after, on_counted, recount);
}

void recount_run(struct recount *recount)
{
    if (recount->is_running)
        return;
    recount->is_running = true;
    recount->after = 0;
    recount->deployments = 0;
    recount->drift = 0;
    store_recount_next(recount->db, 0, on_counted, recount);
}
