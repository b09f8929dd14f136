/* One statement an hour; what crossed the line since the run before is told one by one. */
#include "server/jobs/silence.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "server/metrics/metrics.h"
#include "server/store/store_seen.h"

struct silence {
    struct db *db;
    struct metrics *metrics;
    bool running;
    int64_t told_ms; /* everything silent since before this was told */
    int64_t asked_ms;
};

struct silence *silence_new(struct db *db, struct metrics *metrics)
{
    struct silence *silence = mem_alloc(sizeof(*silence));

    silence->db = db;
    silence->metrics = metrics;
    return silence;
}

void silence_free(struct silence *silence)
{
    mem_free(silence);
}

static void on_silent(const struct db_result *result, const struct err *err, void *arg)
{
    struct silence *silence = arg;
    uint64_t total = 0;

    silence->running = false;
    if (err) {
        LOG_WARNING("device.silence_not_read", "reason='%s'", err->text);
        return;
    }
    for (size_t row = 0; row < db_rows(result); row++) {
        const char *devices = db_text(result, row, 2);

        total += (uint64_t)db_i64(result, row, 1);
        if (devices[0])
            LOG_WARNING("device.silent", "tenant=%s for_h=%d devices='%s'", db_text(result, row, 0),
                        (int)(SILENCE_MS / 3600000), devices);
    }
    silence->told_ms = silence->asked_ms;
    metrics_publish_silent(silence->metrics, total);
}

void silence_run(struct silence *silence, int64_t now_ms)
{
    if (silence->running)
        return;
    silence->running = true;
    silence->asked_ms = now_ms - SILENCE_MS;
    store_seen_silent(silence->db, silence->asked_ms,
                      silence->told_ms ? silence->told_ms : silence->asked_ms - SILENCE_RUN_MS,
                      on_silent, silence);
}
