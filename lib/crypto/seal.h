#pragma once
/*
 * Small secrets at rest: encrypted and authenticated with a key that lives in another file
 * (crypto_secretbox: XSalsa20-Poly1305). A box is nonce, tag and ciphertext; opening a box that
 * was altered, or that another key closed, fails.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct seal_key; /* in locked memory, wiped when freed */

enum { SEAL_OVERHEAD_BYTES = 24 + 16 };

#define AUTO_SEAL_KEY CLEANUP(cleanup_seal_key)

struct seal_key *seal_key_new(void);
void seal_key_free(struct seal_key *key);
void cleanup_seal_key(struct seal_key **key);
/* Reads a key file written by seal_key_save(); refuses one that others may read. */
MUST_USE bool seal_key_load(const char *path, struct seal_key **out, struct err *err);
/* Writes the file durably, mode 0600; refuses to replace an existing one (ERR_CONFLICT). */
MUST_USE bool seal_key_save(const struct seal_key *key, const char *path, struct err *err);

/* Appends the box. */
void seal_close(const struct seal_key *key, const void *data, size_t len, struct buf *out);
/* `out` holds box_len - SEAL_OVERHEAD_BYTES bytes; wipe it after use. ERR_DENIED: another key, or
 * altered. */
MUST_USE bool seal_open(const struct seal_key *key, const void *box, size_t box_len, uint8_t *out,
                        struct err *err);
