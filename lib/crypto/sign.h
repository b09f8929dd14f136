#pragma once
/*
 * Ed25519 keys and signatures (RFC 8032, libsodium). A secret key exists only in locked memory
 * that is wiped when freed, and in files of mode 0600.
 */
#include "lib/base/err.h"

enum { SIGN_PUBLIC_BYTES = 32, SIGN_BYTES = 64, SIGN_PUBLIC_HEX_ROOM = 65, SIGN_HEX_ROOM = 129 };

struct sign_key; /* a key pair */

#define AUTO_SIGN_KEY CLEANUP(cleanup_sign_key)

/* A new random pair. */
struct sign_key *sign_key_new(void);
void sign_key_free(struct sign_key *key);
void cleanup_sign_key(struct sign_key **key);
/* From a 32-byte seed (RFC 8032 private key). */
struct sign_key *sign_key_from_seed(const uint8_t seed[32]);
/* Reads a key file written by sign_key_save(); refuses one that others may read. */
MUST_USE bool sign_key_load(const char *path, struct sign_key **out, struct err *err);
/* Writes the file durably, mode 0600; refuses to replace an existing one (ERR_CONFLICT). */
MUST_USE bool sign_key_save(const struct sign_key *key, const char *path, struct err *err);
/* The 32-byte seed as text for storage in a database column; wipe it after use. */
void sign_key_seed(const struct sign_key *key, uint8_t seed[32]);
const uint8_t *sign_key_public(const struct sign_key *key);
void sign_make(const struct sign_key *key, const void *data, size_t len, uint8_t out[SIGN_BYTES]);
MUST_USE bool sign_check(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *data, size_t len,
                         const uint8_t signature[SIGN_BYTES]);
