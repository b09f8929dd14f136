#pragma once
/* Pins of public keys in curl's form. Private to this folder. */
#include "lib/crypto/hash.h"

/* "sha256//BASE64;sha256//BASE64"; the caller frees it. */
char *pins_format(const uint8_t (*pins)[HASH_BYTES], size_t count);
