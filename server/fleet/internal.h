#pragma once
/*
 * What index.c, device.c and session.c share: the structs and the locks.
 *
 * Sixty-four shards by device id, each with a lock, a table, a list of all its devices and a list
 * of those seen lately; another sixty-four by row id and by session digest. A lock is held for a
 * lookup or a copy, never across a call into another module, and never two at once.
 */
#include <pthread.h>

#include "server/fleet/index.h"
#include "server/fleet/table.h"
#include "server/store/store_session.h"

enum { SHARDS = 64 };

struct session {
    uint8_t digest[HASH_BYTES];
    int64_t expires_ms;
    struct fleet_device *device;
};

struct shard {
    pthread_mutex_t lock;
    struct table by_id;
    struct fleet_device **all; /* in the order they came */
    size_t count;
    size_t room;
    struct fleet_device *seen; /* a list by next_seen */
};

struct side_shard {
    pthread_mutex_t lock;
    struct table table;
};

struct fleet_index {
    struct shard shards[SHARDS];
    struct side_shard rows[SHARDS];
    struct side_shard sessions[SHARDS];
};

struct fleet_device {
    struct shard *shard;
    int64_t row;
    int64_t tenant_id;
    uint8_t public_key[32];
    char *hwid; /* owned */
    /* behind the shard's lock */
    struct fleet_facts facts;
    uint8_t *attributes; /* owned blocks of pairs (describe.h), or NULL */
    uint8_t *tags;
    struct fleet_device *next_seen;
    struct session *sessions[STORE_SESSIONS_PER_DEVICE];
    int64_t changed_ms;      /* of the operator's change that the facts hold */
    int64_t seen_written_ms; /* when it was last put on the list of the seen */
    int64_t ask_after_ms;
    bool is_seen; /* on the list */
    bool is_asking;
    bool is_saving;
    bool is_unsaved; /* what it runs is not what the database says */
};

/* Changes the device's block for the caller's, who frees the old one outside the lock. Under the
 * shard's lock. */
void fleet_device_swap_attributes(struct fleet_device *device, uint8_t **block);
void fleet_device_swap_tags(struct fleet_device *device, uint8_t **block);
/* Where a device stands, if that is news: the assignment only rises; within one the row only
 * rises. Under the shard's lock. */
void fleet_facts_stand(struct fleet_facts *facts, const struct store_standing *news);
/* Puts it on the list of the seen, if it was not written lately. Under the shard's lock. */
void fleet_device_note_seen(struct fleet_device *device, int64_t now_ms);

/* The top bits choose the shard, the low ones the place in its table. */
static inline size_t shard_of(uint64_t hash)
{
    return (size_t)(hash >> 58);
}

static inline void shard_lock(pthread_mutex_t *mutex)
{
    ASSERT(pthread_mutex_lock(mutex) == 0);
}

static inline void shard_unlock(pthread_mutex_t *mutex)
{
    ASSERT(pthread_mutex_unlock(mutex) == 0);
}
