#pragma once
/*
 * Bearer tokens: 256 random bits, shown once as text, stored only as the SHA-256 of that text.
 */
#include "lib/base/base.h"
#include "lib/crypto/hash.h"

/* 43 characters of base64url and a NUL. */
enum { TOKEN_ROOM = 44 };

void token_make(char out[TOKEN_ROOM]);
void token_digest(const char *token, size_t len, uint8_t digest[HASH_BYTES]);
void crypto_random(void *out, size_t len);
/* Uniform in [0, bound). */
uint32_t crypto_random_below(uint32_t bound);
void crypto_wipe(void *data, size_t len);
