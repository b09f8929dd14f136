#pragma once
/*
 * A device's place in a deployment: a fixed fraction in [0, 1) computed from the deployment's
 * salt and the device's id, so that the members of a phase need no rows. Pure.
 */
#include "lib/base/base.h"

enum { PLACE_DEVICE_BYTES = 32, PLACE_SHARE_ALL = 100000 };

/* The first 8 bytes, big-endian, of BLAKE2b-256(salt || device) as a fraction of 2^64. */
uint64_t place_of(const char *salt, const uint8_t device[PLACE_DEVICE_BYTES]);
/* True when the place is below the share; 5 % is 5000, PLACE_SHARE_ALL is every device. */
bool place_in_share(uint64_t place, uint32_t percent_milli);
