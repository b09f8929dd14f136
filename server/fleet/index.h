#pragma once
/*
 * All devices in memory: what a poll is authenticated and answered from, without SQL. Filled
 * from the database at start; afterwards every statement that changes a device returns where it
 * stands now, and that is noted here. So the index may be late, and then only says no.
 *
 * Shared by all workers. A device is never removed, so a pointer to one is good for ever; what it
 * says is behind the lock of its shard and is read as a copy.
 */
#include "lib/wire/device.h"
#include "server/store/store_device.h"
#include "server/store/store_seen.h"

struct fleet_index;
struct fleet_device;

struct fleet_index *fleet_index_new(void);
void fleet_index_free(struct fleet_index *index);
size_t fleet_index_count(struct fleet_index *index);
/* A device as read from the database; one that is known already only moves forward. */
struct fleet_device *fleet_index_add(struct fleet_index *index, const struct store_device *from);
struct fleet_device *fleet_index_find(struct fleet_index *index, const uint8_t id[32]);
struct fleet_device *fleet_index_find_row(struct fleet_index *index, int64_t row);

/* --- one device --------------------------------------------------------------------------------
 */
struct fleet_facts {
    struct store_standing standing;
    int64_t tenant_id;
    int64_t group_id;
    int64_t closed_id; /* a deployment that is known to hold an ended row of it, or 0 */
    int64_t seen_ms;
    int64_t hold_until_ms;    /* 0: not held; INT64_MAX: until somebody ends it */
    int64_t penalty_until_ms; /* as the last grant, or an operator, said; 0: never */
    bool is_out;              /* quarantined or decommissioned */
    bool is_gone;             /* decommissioned: its sessions are over */
    const char *hwid;
    struct fleet_device *device; /* whose they are; NULL in facts that were made by hand */
    /* Blocks of pairs (describe.h). Only in the facts that are shown under the lock; NULL in
     * copies, which fleet_filter_matches() knows how to ask. */
    const uint8_t *attributes;
    const uint8_t *tags;
    size_t installed_count;
    uint8_t installed[STORE_INSTALLED_MAX][HASH_BYTES];
    uint8_t id[32];
    struct wire_hash attributes_hash;
};
void fleet_device_read(struct fleet_device *device, struct fleet_facts *out);
/* It was decommissioned. */
bool fleet_device_is_gone(struct fleet_device *device);
/* These never change. */
int64_t fleet_device_row(const struct fleet_device *device);
int64_t fleet_device_tenant(const struct fleet_device *device);
const uint8_t *fleet_device_public_key(const struct fleet_device *device);

/* Notes that it was here, and what it says it runs. `out` holds the facts afterwards. Returns
 * true when its images are not as stored: the caller stores `out->installed` and says how that
 * went with fleet_device_saved(). */
bool fleet_device_poll(struct fleet_device *device, const struct wire_poll *poll, int64_t now_ms,
                       struct fleet_facts *out);
void fleet_device_saved(struct fleet_device *device, const struct store_installed *stored,
                        bool good);
/* From a statement's answer. Older news than what is known changes nothing. */
void fleet_device_stand(struct fleet_device *device, const struct store_standing *standing);
/* The row in this deployment moved; nothing happens when that is not its newest. */
void fleet_device_moved(struct fleet_device *device, int64_t deployment_id,
                        enum update_state state);
/* It gets no update until then, because it failed too often. */
void fleet_device_penalty(struct fleet_device *device, int64_t until_ms);
/* It has an ended row in that deployment: no need to ask for it again. */
void fleet_device_close(struct fleet_device *device, int64_t deployment_id);
/* What it says of itself, as the object that is stored. */
void fleet_device_attributes(struct fleet_device *device, const char *json,
                             const uint8_t hash[HASH_BYTES]);
/* Permission to run one statement for it: false while one runs, or (with `pause_ms` > 0) sooner
 * than that after the last. */
bool fleet_device_ask(struct fleet_device *device, int64_t now_ms, int64_t pause_ms);
void fleet_device_asked(struct fleet_device *device);

/* --- sessions, by the digest of their token -----------------------------------------------------
 */
/* Keeps the newest STORE_SESSIONS_PER_DEVICE of a device. */
void fleet_session_add(struct fleet_index *index, struct fleet_device *device,
                       const uint8_t digest[HASH_BYTES], int64_t expires_ms);
/* NULL: unknown or expired. */
struct fleet_device *fleet_session_find(struct fleet_index *index, const uint8_t digest[HASH_BYTES],
                                        int64_t now_ms);

/* --- all devices --------------------------------------------------------------------------------
 */
/* Up to `max` devices that were seen since they were last taken. */
size_t fleet_index_take_seen(struct fleet_index *index, struct store_seen *out, size_t max);
/* They could not be written: they will be taken again. */
void fleet_index_return_seen(struct fleet_index *index, const struct store_seen *rows,
                             size_t count);

/* All zeros to begin with. */
struct fleet_cursor {
    size_t shard;
    size_t at;
};
typedef void fleet_each_fn(const struct fleet_facts *facts, void *arg);
/* Calls `fn` for up to `max` devices, under a lock: it must be quick and call nothing of the
 * index. False when that were the last. Devices added meanwhile may be missed. */
bool fleet_index_step(struct fleet_index *index, struct fleet_cursor *cursor, size_t max,
                      fleet_each_fn *fn, void *arg);
