#pragma once
/*
 * What a tenant's image repository was signed up to, durably: a canonical JSON file per tenant
 * (docs/FORMATS.md). It is written before a signature leaves, so a signer that was killed never
 * signs a version again.
 */
#include "lib/base/err.h"
#include "signer/policy.h"

/* A file that is missing is a tenant of which nothing was signed. ERR_SYSTEM or ERR_INVALID when
 * it cannot be understood: nothing is signed until a person has looked. */
MUST_USE bool state_load(const char *path, struct policy_before *out, struct err *err);
/* Replaces the file durably. */
MUST_USE bool state_save(const char *path, const struct policy_before *state, struct err *err);
void state_done(struct policy_before *state);
