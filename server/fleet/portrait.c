/* Groups are found by an open-addressed table of their ids; versions by looking through the few
 * that a group has. */
#include "server/fleet/portrait.h"

#include <string.h>

#include "lib/base/mem.h"
#include "server/limits.h"

struct portrait {
    struct model *model;
    struct fleet_index *index;
    struct fleet_cursor cursor;
    int64_t now_ms;
    struct portrait_group *groups;
    size_t count;
    size_t *table; /* place in `groups` plus one; 0: free */
    size_t table_room;
};

/* clang-format off */
static const char *const names[] = {
    [PORTRAIT_ONLINE]      = "online",
    [PORTRAIT_QUIET]       = "quiet",
    [PORTRAIT_FAILING]     = "failing",
    [PORTRAIT_HELD]        = "held",
    [PORTRAIT_QUARANTINED] = "quarantined",
};
/* clang-format on */
_Static_assert(COUNT(names) == PORTRAIT_CLASS_COUNT, "every class has a name");

const char *portrait_class_name(enum portrait_class class)
{
    ASSERT((unsigned)class < PORTRAIT_CLASS_COUNT);
    return names[class];
}

static bool is_quiet(const struct fleet_facts *facts, const struct model_group *group,
                     int64_t now_ms)
{
    int64_t window_ms = group ? group->poll_interval_s * 1000 * AWAKE_INTERVALS : 0;

    return now_ms - facts->seen_ms > (window_ms > AWAKE_MS_MIN ? window_ms : AWAKE_MS_MIN);
}

bool portrait_classify(const struct fleet_facts *facts, const struct model_group *group,
                       int64_t now_ms, enum portrait_class *out)
{
    if (facts->is_gone)
        return false;
    if (facts->is_out)
        *out = PORTRAIT_QUARANTINED;
    else if (facts->hold_until_ms > now_ms || (group && group->hold_until_ms > now_ms))
        *out = PORTRAIT_HELD;
    else if (facts->standing.state == UPDATE_FAILED || facts->standing.state == UPDATE_ROLLED_BACK)
        *out = PORTRAIT_FAILING;
    else if (is_quiet(facts, group, now_ms))
        *out = PORTRAIT_QUIET;
    else
        *out = PORTRAIT_ONLINE;
    return true;
}

struct portrait *portrait_new(struct model *model, struct fleet_index *index, int64_t now_ms)
{
    struct portrait *portrait = mem_alloc(sizeof(*portrait));

    portrait->model = model_ref(model);
    portrait->index = index;
    portrait->now_ms = now_ms;
    portrait->table_room = 64;
    portrait->table = mem_array(portrait->table_room, sizeof(portrait->table[0]));
    return portrait;
}

void portrait_free(struct portrait *portrait)
{
    if (!portrait)
        return;
    for (size_t i = 0; i < portrait->count; i++)
        mem_free(portrait->groups[i].versions);
    mem_free(portrait->groups);
    mem_free(portrait->table);
    model_unref(portrait->model);
    mem_free(portrait);
}

/* The place of the group in the table: taken by it, or free. */
static size_t *spot_of(const struct portrait *portrait, int64_t group_id)
{
    size_t mask = portrait->table_room - 1;
    size_t at = (size_t)((uint64_t)group_id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;

    while (portrait->table[at] && portrait->groups[portrait->table[at] - 1].group_id != group_id)
        at = (at + 1) & mask;
    return &portrait->table[at];
}

static void grow(struct portrait *portrait)
{
    mem_free(portrait->table);
    portrait->table_room *= 2;
    portrait->table = mem_array(portrait->table_room, sizeof(portrait->table[0]));
    for (size_t i = 0; i < portrait->count; i++)
        *spot_of(portrait, portrait->groups[i].group_id) = i + 1;
}

static struct portrait_group *group_of(struct portrait *portrait, const struct fleet_facts *facts)
{
    size_t *place = spot_of(portrait, facts->group_id);

    if (*place == 0) {
        portrait->groups =
            mem_resize(portrait->groups, portrait->count + 1, sizeof(portrait->groups[0]));
        portrait->groups[portrait->count++] =
            (struct portrait_group){.group_id = facts->group_id, .tenant_id = facts->tenant_id};
        *place = portrait->count;
        if (portrait->count * 2 > portrait->table_room)
            grow(portrait);
        return &portrait->groups[portrait->count - 1];
    }
    return &portrait->groups[*place - 1];
}

static void count_version(struct portrait_group *group, const uint8_t image[HASH_BYTES])
{
    struct portrait_version *versions = group->versions;

    for (size_t i = 0; i < group->version_count; i++) {
        if (memcmp(versions[i].image, image, HASH_BYTES) == 0) {
            versions[i].devices++;
            return;
        }
    }
    if (group->version_count == PORTRAIT_VERSIONS_MAX)
        return;
    if (!versions)
        group->versions = versions = mem_array(PORTRAIT_VERSIONS_MAX, sizeof(versions[0]));
    memcpy(versions[group->version_count].image, image, HASH_BYTES);
    versions[group->version_count++].devices = 1;
}

static void count_device(const struct fleet_facts *facts, void *arg)
{
    struct portrait *portrait = arg;
    struct portrait_group *group;
    enum portrait_class class;

    if (!portrait_classify(facts, model_group_find(portrait->model, facts->group_id),
                           portrait->now_ms, &class))
        return;
    group = group_of(portrait, facts);
    group->classes[class]++;
    for (size_t i = 0; i < facts->installed_count; i++)
        count_version(group, facts->installed[i]);
}

bool portrait_step(struct portrait *portrait, size_t max)
{
    return fleet_index_step(portrait->index, &portrait->cursor, max, count_device, portrait);
}

size_t portrait_group_count(const struct portrait *portrait)
{
    return portrait->count;
}

const struct portrait_group *portrait_group_at(const struct portrait *portrait, size_t i)
{
    return &portrait->groups[i];
}

const struct model *portrait_model(const struct portrait *portrait)
{
    return portrait->model;
}
