/*
 * A walk over the index is paced by its own length, so that a million devices cost the loop no more
 * than a hundredth of its time. The labels of what collectors get are bounded: the largest groups
 * by name, the others as one.
 */
#include "server/jobs/figures.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/fleet/fleet.h"
#include "server/fleet/portrait.h"
#include "server/limits.h"
#include "server/metrics/metrics.h"
#include "server/store/store_figures.h"
#include "server/worker.h"

enum {
    REST = 99,
    LOOK_BYTES_MAX = PORTRAIT_VERSIONS_MAX * 96,
    HISTORY_MS = 15000,
    GROUPS_SHOWN_MAX = 200,
    EVIDENCE_MAX = 400,
    TEXT_BYTES_MAX = 256 << 10,
};

struct figures {
    struct db *db;
    struct fleet *fleet;
    struct metrics *metrics;
    struct loop_timer *step;
    struct portrait *portrait; /* NULL: none is being taken */
    int64_t began_mono_ms;
    int64_t walk_after_mono_ms;
    int64_t history_after_mono_ms;
};

/* --- the portrait -------------------------------------------------------------------------------
 */

static void on_written(const struct db_result *result, const struct err *err, void *arg)
{
    const char *what = arg;

    (void)result;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_WARNING("figures.failed", "what=%s reason='%s'", what, err->text);
}

static const char *counts_text(struct arena *arena, const struct portrait_group *group)
{
    AUTO_BUF text;

    buf_init(&text, LOOK_BYTES_MAX);
    buf_add_text(&text, "{");
    for (size_t i = 0; i < group->version_count; i++) {
        char hex[HASH_HEX_ROOM];

        text_from_hex_bytes(group->versions[i].image, HASH_BYTES, hex);
        buf_printf(&text, "%s\"%s\":%" PRIu64, i ? "," : "", hex, group->versions[i].devices);
    }
    buf_add_text(&text, "}");
    ASSERT(!text.failed);
    return arena_strdup(arena, buf_text(&text));
}

static const char *classes_text(struct arena *arena, const struct portrait_group *group)
{
    AUTO_BUF text;

    buf_init(&text, LOOK_BYTES_MAX);
    for (int class = 0; class < PORTRAIT_CLASS_COUNT; class ++)
        buf_printf(&text, "%s\"%s\":%" PRIu64, class ? "," : "{",
                   portrait_class_name((enum portrait_class) class), group->classes[class]);
    buf_add_text(&text, "}");
    return arena_strdup(arena, buf_text(&text));
}

static void write_looks(struct figures *figures)
{
    static char what[] = "looks";
    size_t count = portrait_group_count(figures->portrait);
    AUTO_FREE struct store_look *looks = NULL;
    struct arena *arena;

    if (count == 0)
        return;
    looks = mem_array(count, sizeof(*looks));
    arena = arena_new();
    for (size_t i = 0; i < count; i++) {
        const struct portrait_group *group = portrait_group_at(figures->portrait, i);

        looks[i] = (struct store_look){.group_id = group->group_id,
                                       .tenant_id = group->tenant_id,
                                       .counts = counts_text(arena, group),
                                       .classes = classes_text(arena, group)};
    }
    store_figures_look(figures->db, looks, count, on_written, what);
    arena_free(arena);
}

static uint64_t devices_of(const struct portrait_group *group)
{
    uint64_t sum = 0;

    for (int class = 0; class < PORTRAIT_CLASS_COUNT; class ++)
        sum += group->classes[class];
    return sum;
}

struct sized {
    const struct portrait_group *group;
    uint64_t devices;
};

static int compare_size(const void *a, const void *b)
{
    uint64_t x = ((const struct sized *)a)->devices;
    uint64_t y = ((const struct sized *)b)->devices;

    return x < y ? 1 : x > y ? -1 : 0;
}

static void print_group(const struct portrait *portrait, const struct portrait_group *group,
                        struct buf *out)
{
    const struct model_group *known = model_group_find(portrait_model(portrait), group->group_id);

    for (int class = 0; known && class < PORTRAIT_CLASS_COUNT; class ++)
        buf_printf(out,
                   "slipway_devices{tenant=\"%s\",group=\"%s\",group_id=\"%s\",class=\"%s\"}"
                   " %" PRIu64 "\n",
                   known->tenant, known->name, known->public_id,
                   portrait_class_name((enum portrait_class) class), group->classes[class]);
}

static void publish_devices(struct figures *figures)
{
    size_t count = portrait_group_count(figures->portrait);
    AUTO_FREE struct sized *groups = mem_array(count + 1, sizeof(*groups));
    uint64_t rest[PORTRAIT_CLASS_COUNT] = {0};
    AUTO_BUF text;

    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        groups[i].group = portrait_group_at(figures->portrait, i);
        groups[i].devices = devices_of(groups[i].group);
    }
    qsort(groups, count, sizeof(groups[0]), compare_size);
    for (size_t i = 0; i < count; i++) {
        if (i < GROUPS_SHOWN_MAX)
            print_group(figures->portrait, groups[i].group, &text);
        for (int class = 0; i >= GROUPS_SHOWN_MAX && class < PORTRAIT_CLASS_COUNT; class ++)
            rest[class] += groups[i].group->classes[class];
    }
    for (int class = 0; count > GROUPS_SHOWN_MAX && class < PORTRAIT_CLASS_COUNT; class ++)
        buf_printf(&text,
                   "slipway_devices{tenant=\"\",group=\"\",group_id=\"other\",class=\"%s\"}"
                   " %" PRIu64 "\n",
                   portrait_class_name((enum portrait_class) class), rest[class]);
    metrics_publish_lines(figures->metrics, METRICS_DEVICES, text.failed ? "" : buf_text(&text));
}

static void on_step(void *arg)
{
    struct figures *figures = arg;
    int64_t now_mono_ms;

    if (portrait_step(figures->portrait, CENSUS_STEP_MAX)) {
        loop_timer_set(figures->step, 0);
        return;
    }
    now_mono_ms = clock_mono_ms();
    figures->walk_after_mono_ms = now_mono_ms + REST * (now_mono_ms - figures->began_mono_ms);
    write_looks(figures);
    publish_devices(figures);
    portrait_free(figures->portrait);
    figures->portrait = NULL;
}

static void begin_walk(struct figures *figures, int64_t now_mono_ms)
{
    struct model *model;

    if (figures->portrait || now_mono_ms < figures->walk_after_mono_ms ||
        !fleet_is_ready(figures->fleet))
        return;
    model = model_holder_get(fleet_model_of(figures->fleet));
    if (!model)
        return;
    figures->began_mono_ms = now_mono_ms;
    figures->portrait = portrait_new(model, fleet_index_of(figures->fleet), clock_now_ms());
    model_unref(model);
    loop_timer_set(figures->step, 0);
}

/* --- what the database knows --------------------------------------------------------------------
 */

/* A label's value: what has to be escaped is left out, no name of ours has it. */
static void print_label(struct buf *out, const char *value)
{
    for (const char *at = value; *at; at++) {
        if (*at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
            buf_add(out, at, 1);
    }
}

static void on_states(const struct db_result *result, const struct err *err, void *arg)
{
    struct figures *figures = arg;
    AUTO_BUF text;

    buf_init(&text, TEXT_BYTES_MAX);
    if (err)
        return;
    for (size_t row = 0; row < db_rows(result); row++) {
        buf_add_text(&text, "slipway_deployments{tenant=\"");
        print_label(&text, db_text(result, row, 0));
        buf_printf(&text, "\",state=\"%s\"} %s\n", db_text(result, row, 1),
                   db_text(result, row, 2));
    }
    metrics_publish_lines(figures->metrics, METRICS_DEPLOYMENTS,
                          text.failed ? "" : buf_text(&text));
}

/* A family's lines stand together: statistics, then lower bounds, then upper ones. */
static void on_evidence(const struct db_result *result, const struct err *err, void *arg)
{
    static const char *const numbers[] = {"statistic", "lower", "upper"};
    struct figures *figures = arg;
    AUTO_BUF text;

    buf_init(&text, TEXT_BYTES_MAX);
    for (unsigned n = 0; !err && n < COUNT(numbers); n++) {
        for (size_t row = 0; row < db_rows(result); row++) {
            if (db_text(result, row, 3 + n)[0] == '\0')
                continue;
            buf_add_text(&text, "slipway_gate{tenant=\"");
            print_label(&text, db_text(result, row, 0));
            buf_printf(&text, "\",deployment=\"%s\",gate=\"", db_text(result, row, 1));
            print_label(&text, db_text(result, row, 2));
            buf_printf(&text, "\",number=\"%s\"} %s\n", numbers[n], db_text(result, row, 3 + n));
        }
    }
    if (!err)
        metrics_publish_lines(figures->metrics, METRICS_GATES, text.failed ? "" : buf_text(&text));
}

static void on_queue(const struct db_result *result, const struct err *err, void *arg)
{
    struct figures *figures = arg;
    AUTO_FREE char *text = NULL;

    if (err)
        return;
    text = mem_printf("slipway_webhook_deliveries{state=\"queued\"} %s\n"
                      "slipway_webhook_deliveries{state=\"dead\"} %s\n",
                      db_text(result, 0, 0), db_text(result, 0, 1));
    metrics_publish_lines(figures->metrics, METRICS_WEBHOOKS, text);
}

static void ask_database(struct figures *figures, int64_t now_mono_ms)
{
    static char what[] = "history";

    if (now_mono_ms < figures->history_after_mono_ms)
        return;
    figures->history_after_mono_ms = now_mono_ms + HISTORY_MS;
    store_figures_history(figures->db, on_written, what);
    store_figures_states(figures->db, on_states, figures);
    store_figures_evidence(figures->db, EVIDENCE_MAX, on_evidence, figures);
    store_figures_queue(figures->db, on_queue, figures);
}

/* --- the job ------------------------------------------------------------------------------------
 */

struct figures *figures_new(const struct worker *worker)
{
    struct figures *figures = mem_alloc(sizeof(*figures));

    figures->db = worker->db;
    figures->fleet = worker->fleet;
    figures->metrics = worker->metrics;
    figures->step = loop_timer_new(worker->loop, on_step, figures);
    return figures;
}

void figures_free(struct figures *figures)
{
    if (!figures)
        return;
    loop_timer_free(figures->step);
    portrait_free(figures->portrait);
    mem_free(figures);
}

void figures_run(struct figures *figures)
{
    int64_t now_mono_ms = clock_mono_ms();

    begin_walk(figures, now_mono_ms);
    ask_database(figures, now_mono_ms);
}
