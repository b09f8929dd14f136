/*
 * Everything lives in one arena and dies with it. Lookups are binary searches in arrays sorted
 * once; references between parts that were read a moment apart may dangle and are then left out.
 */
#include "server/fleet/model.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/wire/device.h"
#include "server/rollout/filter.h"

struct model {
    atomic_uint references;
    struct arena *arena;
    int64_t version;
    int64_t next_start_ms;
    struct model_group *groups;
    size_t group_count;
    struct model_deployment *deployments;
    size_t deployment_count;
    struct store_model_counter *counters;
    size_t counter_count;
    struct store_model_delta *deltas;
    size_t delta_count;
    struct filter **filters; /* of phases; owned */
    size_t filter_count;
};

/* --- orders -------------------------------------------------------------------------------------
 */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Both begin with their id. */
_Static_assert(offsetof(struct model_group, id) == 0, "compared by its first member");
_Static_assert(offsetof(struct model_deployment, id) == 0, "compared by its first member");

static int compare_ids(const void *a, const void *b)
{
    return compare_numbers(*(const int64_t *)a, *(const int64_t *)b);
}

static int compare_counters(const void *a, const void *b)
{
    const struct store_model_counter *x = a, *y = b;
    int order = compare_numbers(x->tenant_id, y->tenant_id);

    return order ? order : memcmp(x->sha256, y->sha256, sizeof(x->sha256));
}

static int compare_deltas(const void *a, const void *b)
{
    const struct store_model_delta *x = a, *y = b;
    int order = compare_numbers(x->tenant_id, y->tenant_id);

    if (order == 0)
        order = memcmp(x->to, y->to, sizeof(x->to));
    return order ? order : memcmp(x->from, y->from, sizeof(x->from));
}

/* bsearch() of nothing wants no array. */
static void *search(const void *key, const void *items, size_t count, size_t size,
                    int (*compare)(const void *, const void *))
{
    return count > 0 ? bsearch(key, items, count, size, compare) : NULL;
}

static void sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    if (count > 0)
        qsort(items, count, size, compare);
}

/* --- building ------------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
    const char *word;
    enum model_delta_policy policy;
} delta_policies[] = {
    {"delta-then-full", MODEL_DELTA_THEN_FULL},
    {"delta-only",      MODEL_DELTA_ONLY},
    {"wait-for-delta",  MODEL_DELTA_WAIT},
    {"full",            MODEL_DELTA_FULL},
};

static const struct {
    const char *word;
    enum rollout_standing standing;
} standings[] = {
    {"running",      ROLLOUT_OPEN},
    {"rolling-back", ROLLOUT_OPEN},
    {"finished",     ROLLOUT_OPEN},
    {"paused",       ROLLOUT_PAUSED},
    {"halted",       ROLLOUT_HALTED},
};
/* clang-format on */

static enum model_delta_policy delta_policy_of(const char *word)
{
    for (size_t i = 0; i < COUNT(delta_policies); i++)
        if (text_equal(delta_policies[i].word, word))
            return delta_policies[i].policy;
    return MODEL_DELTA_THEN_FULL;
}

/* A word that this program does not know stands still. */
static enum rollout_standing standing_of(const char *word)
{
    for (size_t i = 0; i < COUNT(standings); i++)
        if (text_equal(standings[i].word, word))
            return standings[i].standing;
    return ROLLOUT_PAUSED;
}

static void read_deployments(struct model *model, const struct db_result *result)
{
    model->deployment_count = db_rows(result);
    model->deployments =
        arena_alloc(model->arena, model->deployment_count * sizeof(*model->deployments));
    for (size_t i = 0; i < model->deployment_count; i++) {
        struct store_model_deployment row;

        store_model_deployment_read(result, i, &row);
        model->deployments[i] = (struct model_deployment){
            .id = row.id,
            .tenant_id = row.tenant_id,
            .group_id = row.group_id,
            .release_id = row.release_id,
            .public_id = arena_strdup(model->arena, row.public_id),
            .salt = arena_strdup(model->arena, row.salt),
            .is_finished = text_equal(row.state, "finished"),
            .goes_back = row.goes_back,
            .standing = standing_of(row.state),
            .phase = (uint32_t)row.phase,
            .gate = arena_strdup(model->arena, row.gate),
            .on_stop = arena_strdup(model->arena, row.on_stop),
            .delta_policy = delta_policy_of(row.delta_policy),
            .delta_until_ms = row.delta_until_ms,
            .may_retry = row.may_retry,
            .retry_after_s = row.retry_after_s,
            .passes_freeze = row.passes_freeze,
            .created_ms = row.created_ms,
        };
    }
}

/* The text was parsed when it was written: one that does not parse now is a newer server's. */
static void read_filter(struct model *model, const char *text, struct rollout_phase *phase)
{
    struct filter *filter;
    struct err err;

    if (text[0] == '\0')
        return;
    if (!filter_parse(text, &filter, &err)) {
        LOG_WARNING("fleet.filter_unknown", "filter='%s' reason='%s'", text, err.text);
        phase->is_closed = true;
        return;
    }
    model->filters[model->filter_count++] = filter;
    phase->filter = filter;
}

/* Rows come by deployment and phase, so a deployment's phases stand together. */
static void read_phases(struct model *model, const struct db_result *result)
{
    size_t count = db_rows(result);
    struct rollout_phase *phases = arena_alloc(model->arena, count * sizeof(*phases));

    model->filters = arena_alloc(model->arena, count * sizeof(struct filter *));
    for (size_t i = 0; i < count; i++) {
        struct store_model_phase row;
        struct model_deployment *deployment;

        store_model_phase_read(result, i, &row);
        phases[i] = (struct rollout_phase){
            .share_milli = (uint32_t)row.share_milli,
            .device_count = (uint32_t)row.device_count,
            .soak_ms = row.soak_s * 1000,
            .soak_device_ms = row.soak_device_h * 3600 * 1000,
            .is_manual = row.is_manual,
            .is_told = row.is_told,
        };
        read_filter(model, row.filter, &phases[i]);
        deployment = search(&row.deployment_id, model->deployments, model->deployment_count,
                            sizeof(*model->deployments), compare_ids);
        if (!deployment)
            continue;
        if (!deployment->phases)
            deployment->phases = &phases[i];
        deployment->phase_count++;
    }
}

static struct model_image *images_of(struct model *model, const struct db_result *result,
                                     int64_t *owners)
{
    size_t count = db_rows(result);
    struct model_image *images = arena_alloc(model->arena, count * sizeof(*images));

    for (size_t i = 0; i < count; i++) {
        struct store_model_image row;

        store_model_image_read(result, i, &row);
        owners[i] = row.owner_id;
        images[i] = (struct model_image){.hwid = arena_strdup(model->arena, row.hwid),
                                         .path = arena_strdup(model->arena, row.path),
                                         .counter = row.counter,
                                         .stepping_stone = row.stepping_stone,
                                         .length = row.length};
        memcpy(images[i].sha256, row.sha256, sizeof(images[i].sha256));
    }
    return images;
}

/* Several deployments may share a release, and so its images. */
static void read_images(struct model *model, const struct db_result *result)
{
    size_t count = db_rows(result);
    AUTO_FREE int64_t *releases = mem_array(count + 1, sizeof(*releases));
    const struct model_image *images = images_of(model, result, releases);

    for (size_t d = 0; d < model->deployment_count; d++) {
        struct model_deployment *deployment = &model->deployments[d];

        for (size_t i = 0; i < count; i++) {
            if (releases[i] != deployment->release_id)
                continue;
            if (!deployment->images)
                deployment->images = &images[i];
            deployment->image_count++;
        }
    }
}

static void read_stones(struct model *model, const struct db_result *result)
{
    size_t count = db_rows(result);
    AUTO_FREE int64_t *products = mem_array(count + 1, sizeof(*products));
    const struct model_image *stones = images_of(model, result, products);

    for (size_t d = 0; d < model->deployment_count; d++) {
        struct model_deployment *deployment = &model->deployments[d];
        const struct model_group *group = model_group_find(model, deployment->group_id);

        for (size_t i = 0; group && i < count; i++) {
            if (products[i] != group->product_id)
                continue;
            if (!deployment->stones)
                deployment->stones = &stones[i];
            deployment->stone_count++;
        }
    }
}

/* Rows come by deployment, so those of one stand together. */
static void read_halted(struct model *model, const struct db_result *result)
{
    size_t count = db_rows(result);
    struct model_halted *halted = arena_alloc(model->arena, count * sizeof(*halted));

    for (size_t i = 0; i < count; i++) {
        struct store_model_halted row;
        struct model_deployment *deployment;

        store_model_halted_read(result, i, &row);
        halted[i] = (struct model_halted){.hwid = arena_strdup(model->arena, row.hwid),
                                          .has_source = row.has_source};
        memcpy(halted[i].source, row.source, sizeof(halted[i].source));
        deployment = search(&row.deployment_id, model->deployments, model->deployment_count,
                            sizeof(*model->deployments), compare_ids);
        if (!deployment)
            continue;
        if (!deployment->halted)
            deployment->halted = &halted[i];
        deployment->halted_count++;
    }
}

/* It was checked when it was written: one that does not parse now is a newer server's, and then
 * devices would rather switch any time than never. */
static struct window window_of(const char *text)
{
    struct window window = {0};
    struct err err;

    if (text[0] != '\0' && !wire_window_parse(text, strlen(text), &window, &err))
        LOG_WARNING("fleet.window_unknown", "window='%s' reason='%s'", text, err.text);
    return window;
}

static void read_groups(struct model *model, const struct db_result *result)
{
    model->group_count = db_rows(result);
    model->groups = arena_alloc(model->arena, model->group_count * sizeof(*model->groups));
    for (size_t i = 0; i < model->group_count; i++) {
        struct store_model_group row;

        store_model_group_read(result, i, &row);
        model->groups[i] = (struct model_group){
            .id = row.id,
            .tenant_id = row.tenant_id,
            .tenant = arena_strdup(model->arena, row.tenant),
            .poll_interval_s = row.poll_interval_s,
            .public_id = arena_strdup(model->arena, row.public_id),
            .name = arena_strdup(model->arena, row.name),
            .product_id = row.product_id,
            .updates_allowed = row.updates_allowed,
            .updates_stopped = row.updates_stopped,
            .hold_until_ms = row.hold_until_ms,
            .maintenance = arena_strdup(model->arena, row.maintenance),
            .window = window_of(row.maintenance),
            .baseline = model_deployment_find(model, row.baseline_id),
        };
    }
    sort(model->groups, model->group_count, sizeof(*model->groups), compare_ids);
}

/* A deployment that is not finished is its group's current one: there is at most one. */
static void link_groups(struct model *model)
{
    for (size_t d = 0; d < model->deployment_count; d++) {
        const struct model_deployment *deployment = &model->deployments[d];
        struct model_group *group = search(&deployment->group_id, model->groups, model->group_count,
                                           sizeof(*model->groups), compare_ids);

        if (group && !deployment->is_finished)
            group->current = deployment;
    }
}

static void read_counters(struct model *model, const struct db_result *result)
{
    model->counter_count = db_rows(result);
    model->counters = arena_alloc(model->arena, model->counter_count * sizeof(*model->counters));
    for (size_t i = 0; i < model->counter_count; i++)
        store_model_counter_read(result, i, &model->counters[i]);
    sort(model->counters, model->counter_count, sizeof(*model->counters), compare_counters);
}

static void read_deltas(struct model *model, const struct db_result *result)
{
    model->delta_count = db_rows(result);
    model->deltas = arena_alloc(model->arena, model->delta_count * sizeof(*model->deltas));
    for (size_t i = 0; i < model->delta_count; i++)
        store_model_delta_read(result, i, &model->deltas[i]);
    sort(model->deltas, model->delta_count, sizeof(*model->deltas), compare_deltas);
}

struct model *model_new(const struct db_result *const *results)
{
    struct model *model = mem_alloc(sizeof(*model));

    atomic_init(&model->references, 1);
    model->arena = arena_new();
    model->version = store_model_version_read(results[MODEL_VERSION]);
    model->next_start_ms = store_model_scheduled_read(results[MODEL_SCHEDULED]);
    read_deployments(model, results[MODEL_DEPLOYMENTS]);
    read_phases(model, results[MODEL_PHASES]);
    read_images(model, results[MODEL_IMAGES]);
    read_halted(model, results[MODEL_HALTED]);
    read_groups(model, results[MODEL_GROUPS]);
    link_groups(model);
    read_stones(model, results[MODEL_STONES]);
    read_counters(model, results[MODEL_COUNTERS]);
    read_deltas(model, results[MODEL_DELTAS]);
    return model;
}

struct model *model_ref(struct model *model)
{
    (void)atomic_fetch_add(&model->references, 1);
    return model;
}

void model_unref(struct model *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) > 1)
        return;
    for (size_t i = 0; i < model->filter_count; i++)
        filter_free(model->filters[i]);
    arena_free(model->arena);
    mem_free(model);
}

/* --- looking things up --------------------------------------------------------------------------
 */

int64_t model_version(const struct model *model)
{
    return model->version;
}

int64_t model_next_start_ms(const struct model *model)
{
    return model->next_start_ms;
}

const struct model_group *model_group_find(const struct model *model, int64_t id)
{
    return search(&id, model->groups, model->group_count, sizeof(*model->groups), compare_ids);
}

const struct model_deployment *model_deployment_find(const struct model *model, int64_t id)
{
    return search(&id, model->deployments, model->deployment_count, sizeof(*model->deployments),
                  compare_ids);
}

const struct model_deployment *model_deployments(const struct model *model, size_t *count)
{
    *count = model->deployment_count;
    return model->deployments;
}

const struct model_image *model_image_for(const struct model_deployment *deployment,
                                          const char *hwid)
{
    const struct model_image *best = NULL;

    for (size_t i = 0; i < deployment->image_count; i++) {
        const struct model_image *image = &deployment->images[i];

        if (text_equal(image->hwid, hwid) && (!best || image->counter > best->counter))
            best = image;
    }
    return best;
}

bool model_is_halted_for(const struct model_deployment *deployment, const char *hwid,
                         const uint8_t *source)
{
    for (size_t i = 0; i < deployment->halted_count; i++) {
        const struct model_halted *halted = &deployment->halted[i];

        if (text_equal(halted->hwid, hwid) && halted->has_source == (source != NULL) &&
            (!source || memcmp(halted->source, source, sizeof(halted->source)) == 0))
            return true;
    }
    return false;
}

const struct model_image *model_image_next(const struct model_deployment *deployment,
                                           const struct model_image *goal, int64_t counter)
{
    const struct model_image *best = NULL;

    if (counter == INT64_MIN || counter >= goal->stepping_stone || deployment->goes_back)
        return goal;
    for (size_t i = 0; i < deployment->stone_count; i++) {
        const struct model_image *stone = &deployment->stones[i];

        if (text_equal(stone->hwid, goal->hwid) && stone->counter > counter &&
            stone->counter < goal->counter && stone->stepping_stone <= counter)
            best = stone; /* the newest so far: they come by counter */
    }
    return best;
}

bool model_counter_of(const struct model *model, int64_t tenant_id,
                      const uint8_t sha256[HASH_BYTES], int64_t *out)
{
    struct store_model_counter key = {.tenant_id = tenant_id};
    const struct store_model_counter *found;

    memcpy(key.sha256, sha256, sizeof(key.sha256));
    found = search(&key, model->counters, model->counter_count, sizeof(key), compare_counters);
    if (found)
        *out = found->counter;
    return found != NULL;
}

const struct store_model_delta *model_delta_find(const struct model *model, int64_t tenant_id,
                                                 const uint8_t from[HASH_BYTES],
                                                 const uint8_t to[HASH_BYTES])
{
    struct store_model_delta key = {.tenant_id = tenant_id};

    memcpy(key.from, from, sizeof(key.from));
    memcpy(key.to, to, sizeof(key.to));
    return search(&key, model->deltas, model->delta_count, sizeof(key), compare_deltas);
}
