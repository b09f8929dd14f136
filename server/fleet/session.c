/* Sessions: a token's digest to its device. */
#include <string.h>

#include "lib/base/mem.h"
#include "server/fleet/internal.h"

static uint64_t hash_of_session(const void *item)
{
    const struct session *session = item;

    return table_hash_32(session->digest);
}

static bool is_session(const void *item, const void *key)
{
    const struct session *session = item;

    return memcmp(session->digest, key, sizeof(session->digest)) == 0;
}

/* Puts the session into the device's oldest place and returns what was there. */
static struct session *replace_oldest(struct fleet_device *device, struct session *session)
{
    size_t oldest = 0;
    struct session *old;

    shard_lock(&device->shard->lock);
    for (size_t i = 0; i < COUNT(device->sessions); i++) {
        const struct session *known = device->sessions[i];

        if (!known) {
            oldest = i;
            break;
        }
        if (known->expires_ms < device->sessions[oldest]->expires_ms)
            oldest = i;
    }
    old = device->sessions[oldest];
    device->sessions[oldest] = session;
    shard_unlock(&device->shard->lock);
    return old;
}

/* It is in the table before it can be replaced by another one, so what is replaced is always
 * there to be removed. */
void fleet_session_add(struct fleet_index *index, struct fleet_device *device,
                       const uint8_t digest[HASH_BYTES], int64_t expires_ms)
{
    struct session *session = mem_alloc(sizeof(*session));
    struct side_shard *shard;
    struct session *old;

    session->device = device;
    session->expires_ms = expires_ms;
    memcpy(session->digest, digest, sizeof(session->digest));
    shard = &index->sessions[shard_of(hash_of_session(session))];
    shard_lock(&shard->lock);
    table_add(&shard->table, session, hash_of_session);
    shard_unlock(&shard->lock);

    old = replace_oldest(device, session);
    if (!old)
        return;
    shard = &index->sessions[shard_of(hash_of_session(old))];
    shard_lock(&shard->lock);
    ASSERT(table_remove(&shard->table, old, hash_of_session));
    shard_unlock(&shard->lock);
    mem_free(old);
}

struct fleet_device *fleet_session_find(struct fleet_index *index, const uint8_t digest[HASH_BYTES],
                                        int64_t now_ms)
{
    uint64_t hash = table_hash_32(digest);
    struct side_shard *shard = &index->sessions[shard_of(hash)];
    struct fleet_device *device = NULL;
    const struct session *session;

    shard_lock(&shard->lock);
    session = table_find(&shard->table, hash, is_session, digest);
    if (session && session->expires_ms > now_ms)
        device = session->device;
    shard_unlock(&shard->lock);
    return device;
}
