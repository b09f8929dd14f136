#pragma once
/*
 * Hashes. SHA-256 (OpenSSL, uses the CPU's instructions) names every file and image;
 * BLAKE2b-256 (libsodium) names devices and places.
 */
#include "lib/base/base.h"

enum { HASH_BYTES = 32, HASH_HEX_ROOM = 65, HASH512_BYTES = 64 };

struct sha256; /* a running hash */

#define AUTO_SHA256 CLEANUP(cleanup_sha256)

struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t len);
/* The hash of what was added so far plus nothing; the object may go on or be freed. */
void sha256_peek(const struct sha256 *hash, uint8_t out[HASH_BYTES]);
/* The hash of what was added; the object then only starts anew or is freed. */
void sha256_end(struct sha256 *hash, uint8_t out[HASH_BYTES]);
void sha256_restart(struct sha256 *hash);
void cleanup_sha256(struct sha256 **hash);

void hash_sha256(const void *data, size_t len, uint8_t out[HASH_BYTES]);
/* Only for metadata of others that lists it. */
void hash_sha512(const void *data, size_t len, uint8_t out[HASH512_BYTES]);
void hash_blake2b(const void *data, size_t len, uint8_t out[HASH_BYTES]);
/* BLAKE2b-256 of two pieces, one after the other. */
void hash_blake2b_pair(const void *a, size_t a_len, const void *b, size_t b_len,
                       uint8_t out[HASH_BYTES]);
/* Keyed BLAKE2b-256: the MAC of stateless nonces. The key has HASH_BYTES bytes. */
void hash_mac(const uint8_t *key, const void *data, size_t len, uint8_t out[HASH_BYTES]);
/* HMAC-SHA256 (RFC 2104). */
void hash_hmac(const void *key, size_t key_len, const void *data, size_t len,
               uint8_t out[HASH_BYTES]);
/* Constant time. */
MUST_USE bool crypto_equal(const void *a, const void *b, size_t len);
