/* What is known of one device, and how news of it are taken. */
#include <string.h>

#include "lib/base/mem.h"
#include "server/fleet/describe.h"
#include "server/fleet/internal.h"
#include "server/limits.h"

void fleet_facts_stand(struct fleet_facts *facts, const struct store_standing *news)
{
    struct store_standing *known = &facts->standing;

    ASSERT(news->device_id == known->device_id);
    if (news->assignment < known->assignment)
        return;
    if (news->assignment == known->assignment && news->deployment_id == known->deployment_id &&
        (update_state_is_terminal(known->state) ||
         update_state_rank(news->state) < update_state_rank(known->state)))
        return;
    *known = *news;
}

static void copy_facts(const struct fleet_facts *facts, struct fleet_facts *out)
{
    *out = *facts;
    out->attributes = NULL;
    out->tags = NULL;
}

void fleet_device_read(struct fleet_device *device, struct fleet_facts *out)
{
    shard_lock(&device->shard->lock);
    copy_facts(&device->facts, out);
    shard_unlock(&device->shard->lock);
}

bool fleet_device_is_gone(struct fleet_device *device)
{
    bool is_gone;

    shard_lock(&device->shard->lock);
    is_gone = device->facts.is_gone;
    shard_unlock(&device->shard->lock);
    return is_gone;
}

int64_t fleet_device_row(const struct fleet_device *device)
{
    return device->row;
}

int64_t fleet_device_tenant(const struct fleet_device *device)
{
    return device->tenant_id;
}

const uint8_t *fleet_device_public_key(const struct fleet_device *device)
{
    return device->public_key;
}

/* A device that polls every second is not written every second. */
void fleet_device_note_seen(struct fleet_device *device, int64_t now_ms)
{
    device->facts.seen_ms = now_ms;
    if (device->is_seen || now_ms - device->seen_written_ms < SEEN_WRITE_MS_MIN)
        return;
    device->is_seen = true;
    device->seen_written_ms = now_ms;
    device->next_seen = device->shard->seen;
    device->shard->seen = device;
}

static void note_installed(struct fleet_device *device, const struct wire_poll *poll)
{
    struct fleet_facts *facts = &device->facts;
    size_t count = poll->installed_count < STORE_INSTALLED_MAX ? poll->installed_count
                                                               : (size_t)STORE_INSTALLED_MAX;

    if (count == facts->installed_count &&
        (count == 0 || memcmp(facts->installed, poll->installed, count * HASH_BYTES) == 0))
        return;
    facts->installed_count = count;
    if (count > 0)
        memcpy(facts->installed, poll->installed, count * HASH_BYTES);
    device->is_unsaved = true;
}

bool fleet_device_poll(struct fleet_device *device, const struct wire_poll *poll, int64_t now_ms,
                       struct fleet_facts *out)
{
    bool save;

    shard_lock(&device->shard->lock);
    fleet_device_note_seen(device, now_ms);
    note_installed(device, poll);
    save = device->is_unsaved && !device->is_saving;
    device->is_saving = device->is_saving || save;
    copy_facts(&device->facts, out);
    shard_unlock(&device->shard->lock);
    return save;
}

void fleet_device_saved(struct fleet_device *device, const struct store_installed *stored,
                        bool good)
{
    const struct fleet_facts *facts = &device->facts;

    shard_lock(&device->shard->lock);
    device->is_saving = false;
    if (good && facts->installed_count == stored->count &&
        memcmp(facts->installed, stored->images, stored->count * HASH_BYTES) == 0)
        device->is_unsaved = false;
    shard_unlock(&device->shard->lock);
}

void fleet_device_stand(struct fleet_device *device, const struct store_standing *standing)
{
    shard_lock(&device->shard->lock);
    fleet_facts_stand(&device->facts, standing);
    shard_unlock(&device->shard->lock);
}

void fleet_device_moved(struct fleet_device *device, int64_t deployment_id, enum update_state state)
{
    struct store_standing news;

    shard_lock(&device->shard->lock);
    news = device->facts.standing;
    if (news.deployment_id == deployment_id) {
        news.state = state;
        fleet_facts_stand(&device->facts, &news);
    }
    shard_unlock(&device->shard->lock);
}

void fleet_device_penalty(struct fleet_device *device, int64_t until_ms)
{
    shard_lock(&device->shard->lock);
    device->facts.penalty_until_ms = until_ms;
    shard_unlock(&device->shard->lock);
}

void fleet_device_close(struct fleet_device *device, int64_t deployment_id)
{
    shard_lock(&device->shard->lock);
    device->facts.closed_id = deployment_id;
    shard_unlock(&device->shard->lock);
}

static void swap(uint8_t **kept, const uint8_t **shown, uint8_t **block)
{
    uint8_t *olds = *kept;

    *kept = *block;
    *shown = *kept ? *kept : fleet_pairs_none;
    *block = olds;
}

void fleet_device_swap_attributes(struct fleet_device *device, uint8_t **block)
{
    swap(&device->attributes, &device->facts.attributes, block);
}

void fleet_device_swap_tags(struct fleet_device *device, uint8_t **block)
{
    swap(&device->tags, &device->facts.tags, block);
}

void fleet_device_attributes(struct fleet_device *device, const char *json,
                             const uint8_t hash[HASH_BYTES])
{
    AUTO_FREE uint8_t *block = fleet_pairs_pack(json);

    shard_lock(&device->shard->lock);
    fleet_device_swap_attributes(device, &block);
    device->facts.attributes_hash.set = true;
    memcpy(device->facts.attributes_hash.bytes, hash, HASH_BYTES);
    shard_unlock(&device->shard->lock);
}

bool fleet_device_ask(struct fleet_device *device, int64_t now_ms, int64_t pause_ms)
{
    bool may;

    shard_lock(&device->shard->lock);
    may = !device->is_asking && (pause_ms == 0 || now_ms >= device->ask_after_ms);
    if (may) {
        device->is_asking = true;
        if (pause_ms > 0)
            device->ask_after_ms = now_ms + pause_ms;
    }
    shard_unlock(&device->shard->lock);
    return may;
}

void fleet_device_asked(struct fleet_device *device)
{
    shard_lock(&device->shard->lock);
    device->is_asking = false;
    shard_unlock(&device->shard->lock);
}
