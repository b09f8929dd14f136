/* The tables and the lists. What a device is, is in device.c; see internal.h for the locks. */
#include "server/fleet/index.h"

#include <string.h>

#include "lib/base/mem.h"
#include "server/fleet/describe.h"
#include "server/fleet/internal.h"

/* --- keys --------------------------------------------------------------------------------------
 */

static uint64_t hash_of_device(const void *item)
{
    const struct fleet_device *device = item;

    return table_hash_32(device->facts.id);
}

static bool is_device(const void *item, const void *key)
{
    const struct fleet_device *device = item;

    return memcmp(device->facts.id, key, sizeof(device->facts.id)) == 0;
}

static uint64_t hash_of_row(const void *item)
{
    const struct fleet_device *device = item;

    return table_mix((uint64_t)device->row);
}

static bool is_row(const void *item, const void *key)
{
    const struct fleet_device *device = item;

    return device->row == *(const int64_t *)key;
}

/* --- the index --------------------------------------------------------------------------------
 */

struct fleet_index *fleet_index_new(void)
{
    struct fleet_index *index = mem_alloc(sizeof(*index));

    for (size_t i = 0; i < SHARDS; i++)
        ASSERT(pthread_mutex_init(&index->shards[i].lock, NULL) == 0 &&
               pthread_mutex_init(&index->rows[i].lock, NULL) == 0 &&
               pthread_mutex_init(&index->sessions[i].lock, NULL) == 0);
    return index;
}

static void free_shard(struct shard *shard)
{
    for (size_t i = 0; i < shard->count; i++) {
        struct fleet_device *device = shard->all[i];

        for (size_t k = 0; k < COUNT(device->sessions); k++)
            mem_free(device->sessions[k]);
        mem_free(device->attributes);
        mem_free(device->tags);
        mem_free(device->hwid);
        mem_free(device);
    }
    mem_free(shard->all);
    table_done(&shard->by_id);
    (void)pthread_mutex_destroy(&shard->lock);
}

void fleet_index_free(struct fleet_index *index)
{
    if (!index)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        free_shard(&index->shards[i]);
        table_done(&index->rows[i].table);
        table_done(&index->sessions[i].table);
        (void)pthread_mutex_destroy(&index->rows[i].lock);
        (void)pthread_mutex_destroy(&index->sessions[i].lock);
    }
    mem_free(index);
}

size_t fleet_index_count(struct fleet_index *index)
{
    size_t count = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        shard_lock(&index->shards[i].lock);
        count += index->shards[i].count;
        shard_unlock(&index->shards[i].lock);
    }
    return count;
}

static struct fleet_device *device_new(const struct store_device *from, struct shard *shard)
{
    struct fleet_device *device = mem_alloc(sizeof(*device));
    struct fleet_facts *facts = &device->facts;

    device->shard = shard;
    device->row = from->id;
    device->tenant_id = from->tenant_id;
    device->hwid = mem_strdup(from->hwid);
    memcpy(device->public_key, from->public_key, sizeof(device->public_key));
    facts->standing = from->standing;
    facts->tenant_id = from->tenant_id;
    facts->group_id = from->group_id;
    facts->seen_ms = from->seen_ms;
    facts->hwid = device->hwid;
    facts->device = device;
    facts->attributes = fleet_pairs_none;
    facts->tags = fleet_pairs_none;
    facts->installed_count = from->installed_count;
    memcpy(facts->installed, from->installed, sizeof(facts->installed));
    memcpy(facts->id, from->device, sizeof(facts->id));
    facts->attributes_hash = from->attributes_hash;
    return device;
}

/* What operators change. An older reading that comes late changes nothing. */
static void take_changes(struct fleet_device *device, const struct store_device *from)
{
    struct fleet_facts *facts = &device->facts;

    if (from->changed_ms < device->changed_ms)
        return;
    device->changed_ms = from->changed_ms;
    facts->group_id = from->group_id;
    facts->hold_until_ms = from->hold_until_ms;
    facts->penalty_until_ms = from->penalty_until_ms;
    facts->is_out = from->is_out;
    facts->is_gone = from->is_gone;
}

static void append(struct shard *shard, struct fleet_device *device)
{
    if (shard->count == shard->room) {
        shard->room = shard->room ? 2 * shard->room : 64;
        shard->all = mem_resize(shard->all, shard->room, sizeof(void *));
    }
    shard->all[shard->count++] = device;
    table_add(&shard->by_id, device, hash_of_device);
}

struct fleet_device *fleet_index_add(struct fleet_index *index, const struct store_device *from)
{
    uint64_t hash = table_hash_32(from->device);
    struct shard *shard = &index->shards[shard_of(hash)];
    struct fleet_device *device;
    AUTO_FREE uint8_t *attributes = from->attributes ? fleet_pairs_pack(from->attributes) : NULL;
    AUTO_FREE uint8_t *tags = from->tags ? fleet_pairs_pack(from->tags) : NULL;
    struct side_shard *rows;
    bool is_new;

    shard_lock(&shard->lock);
    device = table_find(&shard->by_id, hash, is_device, from->device);
    is_new = device == NULL;
    if (is_new)
        append(shard, device = device_new(from, shard));
    else
        fleet_facts_stand(&device->facts, &from->standing);
    take_changes(device, from);
    device->facts.attributes_hash = from->attributes_hash;
    fleet_device_swap_attributes(device, &attributes);
    fleet_device_swap_tags(device, &tags);
    shard_unlock(&shard->lock);
    if (!is_new)
        return device;

    rows = &index->rows[shard_of(hash_of_row(device))];
    shard_lock(&rows->lock);
    table_add(&rows->table, device, hash_of_row);
    shard_unlock(&rows->lock);
    return device;
}

struct fleet_device *fleet_index_find(struct fleet_index *index, const uint8_t id[32])
{
    uint64_t hash = table_hash_32(id);
    struct shard *shard = &index->shards[shard_of(hash)];
    struct fleet_device *device;

    shard_lock(&shard->lock);
    device = table_find(&shard->by_id, hash, is_device, id);
    shard_unlock(&shard->lock);
    return device;
}

struct fleet_device *fleet_index_find_row(struct fleet_index *index, int64_t row)
{
    uint64_t hash = table_mix((uint64_t)row);
    struct side_shard *shard = &index->rows[shard_of(hash)];
    struct fleet_device *device;

    shard_lock(&shard->lock);
    device = table_find(&shard->table, hash, is_row, &row);
    shard_unlock(&shard->lock);
    return device;
}

/* --- all devices --------------------------------------------------------------------------------
 */

size_t fleet_index_take_seen(struct fleet_index *index, struct store_seen *out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < SHARDS && count < max; i++) {
        struct shard *shard = &index->shards[i];

        shard_lock(&shard->lock);
        while (shard->seen && count < max) {
            struct fleet_device *device = shard->seen;

            shard->seen = device->next_seen;
            device->is_seen = false;
            out[count++] =
                (struct store_seen){device->row, device->facts.tenant_id, device->facts.seen_ms};
        }
        shard_unlock(&shard->lock);
    }
    return count;
}

void fleet_index_return_seen(struct fleet_index *index, const struct store_seen *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fleet_device *device = fleet_index_find_row(index, rows[i].device_id);

        shard_lock(&device->shard->lock);
        device->seen_written_ms = 0;
        fleet_device_note_seen(device, device->facts.seen_ms);
        shard_unlock(&device->shard->lock);
    }
}

bool fleet_index_step(struct fleet_index *index, struct fleet_cursor *cursor, size_t max,
                      fleet_each_fn *fn, void *arg)
{
    while (cursor->shard < SHARDS && max > 0) {
        struct shard *shard = &index->shards[cursor->shard];

        shard_lock(&shard->lock);
        for (; cursor->at < shard->count && max > 0; max--)
            fn(&shard->all[cursor->at++]->facts, arg);
        if (cursor->at == shard->count) {
            cursor->shard++;
            cursor->at = 0;
        }
        shard_unlock(&shard->lock);
    }
    return cursor->shard < SHARDS;
}
