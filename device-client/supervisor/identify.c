/* A slot has no label that could be believed: what it holds is what its bytes hash to. All
 * lengths that signed images of this hardware have are hashed in one pass. */
#include <stdlib.h>
#include <string.h>

#include "device-client/limits.h"
#include "device-client/supervisor/parts.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"

void agent_image_of(const struct tuf_target *target, struct image *out)
{
    *out = (struct image){.known = true,
                          .length = target->length,
                          .release_counter = target->release_counter,
                          .security_epoch = target->security_epoch,
                          .floor = target->floor,
                          .revert_until_ms = target->revert_until_ms};
    for (size_t i = 0; i < target->revert_count; i++)
        out->revert_to[out->revert_count++].counter = target->revert_to[i];
    memcpy(out->sha256, target->sha256, HASH_BYTES);
    (void)text_copy(out->path, sizeof(out->path), target->path); /* TUF_PATH_MAX fits */
    (void)text_copy(out->name, sizeof(out->name), target->name); /* for people; may be cut */
    (void)text_copy(out->version, sizeof(out->version), target->version);
}

struct candidates {
    const char *hwid;
    uint64_t size; /* of the slot */
    struct image images[IDENTIFY_TARGETS_MAX];
    size_t count;
};

static bool is_for(const struct tuf_target *target, const char *hwid)
{
    for (size_t i = 0; i < target->hwid_count; i++)
        if (text_equal(target->hwids[i], hwid))
            return true;
    return false;
}

static bool add_candidate(const struct tuf_target *target, void *arg)
{
    struct candidates *all = arg;

    if (!text_equal(target->type, "os") || !is_for(target, all->hwid) || target->length > all->size)
        return true;
    agent_image_of(target, &all->images[all->count++]);
    return all->count < IDENTIFY_TARGETS_MAX;
}

static int compare_lengths(const void *a, const void *b)
{
    const struct image *left = a;
    const struct image *right = b;

    return (left->length > right->length) - (left->length < right->length);
}

/* The candidate whose hash the slot has, or NULL. */
static bool match(const struct agent *agent, struct candidates *all, const struct image **out,
                  struct err *err)
{
    AUTO_FREE uint64_t *lengths = mem_array(all->count, sizeof(*lengths));
    AUTO_FREE uint8_t(*hashes)[HASH_BYTES] = mem_array(all->count, HASH_BYTES);

    *out = NULL;
    qsort(all->images, all->count, sizeof(all->images[0]), compare_lengths);
    for (size_t i = 0; i < all->count; i++)
        lengths[i] = all->images[i].length;
    if (!slots_hash_prefixes(&agent->slots, agent->machine.running, lengths, all->count, hashes,
                             err))
        return false;
    for (size_t i = 0; i < all->count; i++)
        if (crypto_equal(hashes[i], all->images[i].sha256, HASH_BYTES))
            *out = &all->images[i];
    return true;
}

bool agent_identify(struct agent *agent, struct err *err)
{
    struct record *record = &agent->record;
    struct image *held = &record->slots[agent->machine.running];
    const struct image *found = NULL;
    AUTO_FREE struct candidates *all = NULL;

    if (held->known || !agent->set)
        return true;
    all = mem_alloc(sizeof(*all));
    all->hwid = agent->config.hwid;
    if (!slots_size(&agent->slots, agent->machine.running, &all->size, err))
        return false;
    if (!tuf_each(agent->set, all->hwid, add_candidate, all, err))
        return false;
    if (!match(agent, all, &found, err) || !found)
        return !found && err->code == ERR_NONE;
    *held = *found;
    if (held->floor > record->floor)
        record->floor = held->floor;
    if (held->release_counter > counters_of(&agent->counters, "os", held->name).release_counter &&
        !agent_commit(agent, held, err))
        return false;
    LOG_INFO("agent.identified", "slot=%s image=%s", slot_name(agent->machine.running), held->path);
    return agent_save(agent, err);
}
