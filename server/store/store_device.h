#pragma once
/* Devices: claimed once, read whole into memory at start, what they say about themselves. */
#include "lib/crypto/hash.h"
#include "lib/wire/device.h"
#include "server/store/standing.h"

extern const struct db_stmt *const store_device_statements[];

enum { STORE_INSTALLED_MAX = 4 };

struct store_device {
    int64_t id;
    int64_t tenant_id;
    int64_t group_id;
    uint8_t device[32];
    uint8_t public_key[32];
    const char *hwid; /* borrowed from the result */
    struct store_standing standing;
    uint8_t installed[STORE_INSTALLED_MAX][HASH_BYTES];
    size_t installed_count;
    struct wire_hash attributes_hash;
    const char *attributes; /* objects of texts; borrowed from the result */
    const char *tags;
    int64_t seen_ms;          /* 0: never */
    int64_t hold_until_ms;    /* 0: not held; INT64_MAX: until somebody ends it */
    int64_t penalty_until_ms; /* 0: never */
    int64_t changed_ms;       /* by an operator; 0: never */
    bool is_out;              /* quarantined or decommissioned */
    bool is_gone;             /* decommissioned */
};

/* One page of all devices, by rising id, beginning after `after`; read with
 * store_device_read(). */
void store_device_page(struct db *db, int64_t after, size_t limit, db_done_fn *done, void *arg);
/* The same of one device, if there is one. */
void store_device_find(struct db *db, const uint8_t device[32], db_done_fn *done, void *arg);
/* Of those that an operator changed: by rising (changed_ms, row), beginning after these two. */
void store_device_changed(struct db *db, int64_t after_ms, int64_t after_row, size_t limit,
                          db_done_fn *done, void *arg);
void store_device_read(const struct db_result *result, size_t row, struct store_device *out);

enum store_claim_outcome {
    CLAIM_GOOD, /* now, or by the same claim before */
    CLAIM_UNKNOWN,
    CLAIM_EXPIRED,
    CLAIM_USED_UP,
    CLAIM_OTHER_HARDWARE, /* not one of the product's */
    CLAIM_OTHER,          /* the device was claimed with another token */
    CLAIM_GONE,           /* the device was decommissioned */
    /* of claims without a token (store_enroll.h) */
    CLAIM_PENDING,  /* an operator has to accept it */
    CLAIM_REJECTED, /* ... and did not */
    CLAIM_FULL,     /* too many wait */
    CLAIM_NOWHERE,  /* no product has its hardware */
    CLAIM_UNCLEAR,  /* more than one tenant can be meant */
    CLAIM_OUTCOME_COUNT,
};
struct store_claimed {
    enum store_claim_outcome outcome;
    const char *tenant; /* names, borrowed from the result */
    const char *product;
    const char *group;
};
/* Two claims of one key at the same time: one of them fails with ERR_CONFLICT; asked again it
 * gets the same answer as the other. */
void store_device_claim(struct db *db, const struct wire_claim *claim, const uint8_t device[32],
                        db_done_fn *done, void *arg);
void store_claimed_read(const struct db_result *result, struct store_claimed *out);

struct store_installed {
    int64_t device_id;
    uint8_t images[STORE_INSTALLED_MAX][HASH_BYTES];
    size_t count;
};
/* Each device at most once. */
void store_device_installed(struct db *db, const struct store_installed *rows, size_t count,
                            db_done_fn *done, void *arg);
/* `json` is the object of the pairs. */
void store_device_attributes(struct db *db, int64_t device_id, const char *json,
                             const uint8_t hash[HASH_BYTES], db_done_fn *done, void *arg);
