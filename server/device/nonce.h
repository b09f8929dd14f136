#pragma once
/*
 * Nonces that the server need not remember: the time until which it is good and random bytes,
 * with a MAC of both. Pure but for the random bytes.
 */
#include "lib/base/base.h"
#include "lib/crypto/hash.h"

enum { NONCE_ROOM = 113 };

void nonce_make(const uint8_t key[HASH_BYTES], int64_t expires_ms, char out[NONCE_ROOM]);
/* One of ours, and still good? */
MUST_USE bool nonce_check(const uint8_t key[HASH_BYTES], const char *nonce, int64_t now_ms);
