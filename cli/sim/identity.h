#pragma once
/*
 * Who the simulated devices are: everything follows from the fleet's seed, so the same seed is
 * the same fleet, claimed once and counted once however often it is started. Pure.
 */
#include "lib/base/err.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"

/* The key pair of device number `index`. Made when needed: a hundred thousand secrets need not
 * lie about. */
struct sign_key *sim_identity_key(const char *seed, uint32_t index);
/* The device id the server will know it by. */
void sim_identity_id(const struct sign_key *key, uint8_t out[HASH_BYTES]);

/* One --fail VERSION=PERCENT. */
struct sim_failure {
    char *version; /* owned by whoever parsed it */
    uint32_t percent_milli;
};
/* "2.0=12.5"; at most three digits behind the point, at most 100. `out->version` is made with
 * mem_alloc(). */
MUST_USE bool sim_failure_parse(const char *text, struct sim_failure *out, struct err *err);
/* Whether this device is one of those on which the version fails: a fixed share of the fleet
 * that has nothing to do with places in a deployment. */
bool sim_identity_fails(const char *seed, const uint8_t id[HASH_BYTES], const char *version,
                        const struct sim_failure *failure);
