#pragma once
/*
 * Devices that join without a claim token: expected ones (preregistered by their key), and ones
 * that a person accepts. Accepting is preregistering: the device's next claim then finds itself
 * expected. See store_tenant.h.
 */
#include "lib/crypto/hash.h"
#include "lib/wire/device.h"
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_enroll_statements[];

enum {
    STORE_PENDING_MAX = 1000,     /* devices that wait, in a tenant */
    STORE_EXPECTED_MAX = 1000000, /* ... that are expected */
};

/* A claim without a token; `tenant` is a name or NULL: whose product has the hardware id. Read with
 * store_claimed_read(). Works for all tenants: the device is nobody's yet. */
void store_enroll_claim(struct db *db, const struct wire_claim *claim, const uint8_t device[32],
                        const char *tenant, db_done_fn *done, void *arg);

/* Expects devices: id, group and tags of each at the same place of the arrays. A group is a uuid or
 * PRODUCT/NAME. All or none: ERR_CONFLICT or ERR_NOT_FOUND names the line, which is `first_line`
 * and the place. The answer is {"added", "changed", "claimed"}; who came already is not touched. */
struct store_expected {
    const struct store_actor *actor;
    const struct db_slice *devices;
    const char *const *groups;
    const char *const *tags; /* JSON objects */
    size_t count;
    int64_t first_line;
};
void store_enroll_expect(struct db *db, const struct store_expected *expected, db_done_fn *done,
                         void *arg);
/* `group` (a uuid) may be NULL: all. `claimed` may be NULL, "true" or "false". */
void store_enroll_list(struct db *db, const struct store_page *page, const char *group,
                       const char *claimed, db_done_fn *done, void *arg);
/* No row when nobody expects it, or it came already. */
void store_enroll_forget(struct db *db, const struct store_actor *actor,
                         const uint8_t device[HASH_BYTES], db_done_fn *done, void *arg);

void store_pending_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg);
/* ERR_CONFLICT when the group's product has other hardware. `tags` is an object. */
struct store_accept {
    const struct store_actor *actor;
    const uint8_t *device;
    const char *group; /* uuid */
    const char *tags;
};
void store_pending_accept(struct db *db, const struct store_accept *accept, db_done_fn *done,
                          void *arg);
void store_pending_reject(struct db *db, const struct store_actor *actor,
                          const uint8_t device[HASH_BYTES], db_done_fn *done, void *arg);
