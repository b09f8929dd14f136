#pragma once
/*
 * Signatures of other people's keys, checked with OpenSSL: ECDSA P-256 with SHA-256 (DER
 * signatures) and RSA-PSS with SHA-256 (2048 bit and up, any salt length). Public keys come as
 * PEM SubjectPublicKeyInfo (RFC 7468). Ed25519 is sign_check(). Nothing is signed here.
 */
#include "lib/base/base.h"
#include "lib/crypto/hash.h"

enum verify_scheme { VERIFY_ECDSA_P256, VERIFY_RSA_PSS, VERIFY_SCHEME_COUNT };

enum { VERIFY_PEM_BYTES_MAX = 8192, VERIFY_SIG_BYTES_MAX = 2048 };

/* Is this one public key of the scheme, and nothing else? */
MUST_USE bool verify_pem_is(enum verify_scheme scheme, const char *pem);
/* The same for each way the same key may be written (points compressed or not, white space), and
 * for no other key. False when it is no key of the scheme. */
MUST_USE bool verify_pem_identity(enum verify_scheme scheme, const char *pem,
                                  uint8_t out[HASH_BYTES]);
/* False for a bad signature and for a key that verify_pem_is() would not take. */
MUST_USE bool verify_pem(enum verify_scheme scheme, const char *pem, const void *data, size_t len,
                         const uint8_t *sig, size_t sig_len);
