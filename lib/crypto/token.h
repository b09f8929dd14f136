#pragma once
/*
 * Bearer tokens: 256 random bits, shown once as text, stored only as the SHA-256 of that text.
 *
 * An operator's token says what it is, so that a scanner for leaked secrets finds it, and has a
 * part that names it in lists and in the audit:
 *
 *     slw_ID_SECRET        ID: 8, SECRET: 64 lower-case hex digits
 */
#include "lib/base/base.h"
#include "lib/crypto/hash.h"

/* 43 characters of base64url and a NUL. */
enum { TOKEN_ROOM = 44 };

void token_make(char out[TOKEN_ROOM]);

#define TOKEN_OPERATOR_PREFIX "slw_"
enum { TOKEN_OPERATOR_ID_ROOM = 8 + 1, TOKEN_OPERATOR_ROOM = 4 + 8 + 1 + 64 + 1 };

void token_make_operator(char out[TOKEN_OPERATOR_ROOM]);
/* The ID of such a token; false for any other text. */
MUST_USE bool token_operator_id(const char *token, char id[TOKEN_OPERATOR_ID_ROOM]);
void token_digest(const char *token, size_t len, uint8_t digest[HASH_BYTES]);
void crypto_random(void *out, size_t len);
/* Uniform in [0, bound). */
uint32_t crypto_random_below(uint32_t bound);
void crypto_wipe(void *data, size_t len);
