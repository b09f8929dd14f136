#pragma once
/*
 * Devices that operators change by hand. See store_tenant.h; the answer to a change of one device
 * is the device, as in lists. The memory of every server follows (device.changed_at).
 */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"
#include "server/store/until.h"

extern const struct db_stmt *const store_device_change_statements[];

enum { STORE_MOVE_MAX = 50000 }; /* devices in one statement */

enum store_device_act {
    DEVICE_QUARANTINE, /* it gets nothing, but may talk */
    DEVICE_RELEASE,    /* ... ends that */
    DEVICE_DECOMMISSION,
    DEVICE_ACT_COUNT,
};
struct store_device_id {
    const struct store_actor *actor;
    const uint8_t *device; /* HASH_BYTES */
};

/* ERR_CONFLICT for one that was decommissioned. */
void store_device_act(struct db *db, const struct store_device_id *device,
                      enum store_device_act act, const char *reason, db_done_fn *done, void *arg);
void store_device_hold(struct db *db, const struct store_device_id *device,
                       const struct store_hold *hold, db_done_fn *done, void *arg);
struct store_tags {
    const char *json;  /* an object of texts, and null for what goes away */
    bool whole;        /* the others go, too */
    int64_t count_max; /* ERR_CONFLICT when there would be more */
};
void store_device_tag(struct db *db, const struct store_device_id *device,
                      const struct store_tags *tags, db_done_fn *done, void *arg);
/* The device's place (group, tags, hold) is `by`'s from now on, and it is decommissioned. The
 * answer is {"old": DEVICE, "new": DEVICE}. */
void store_device_replace(struct db *db, const struct store_device_id *device,
                          const uint8_t by[HASH_BYTES], db_done_fn *done, void *arg);

/* To the group `to` (a uuid): the devices that are listed (all of them, or ERR_NOT_FOUND); or those
 * of a group, of a filter's program, of both: at most STORE_MOVE_MAX of them. The answer is
 * {"moved": N, "more": whether there may be others}. ERR_CONFLICT when one's hardware is not of the
 * group's product. */
struct store_move {
    const struct store_actor *actor;
    const char *to;
    const struct db_slice *devices; /* NULL: by group or filter */
    size_t device_count;
    const char *group;   /* uuid, or NULL */
    const char *program; /* or NULL */
};
void store_device_move(struct db *db, const struct store_move *move, db_done_fn *done, void *arg);
