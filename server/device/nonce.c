/* In hex:  expires_ms, big-endian (8) | random (16) | MAC of these 24 (32) */
#include "server/device/nonce.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/token.h"

enum { TIME_BYTES = 8, SAID_BYTES = TIME_BYTES + 16, NONCE_BYTES = SAID_BYTES + HASH_BYTES };
_Static_assert(NONCE_ROOM == 2 * NONCE_BYTES + 1, "the text holds the bytes");

void nonce_make(const uint8_t key[HASH_BYTES], int64_t expires_ms, char out[NONCE_ROOM])
{
    uint8_t bytes[NONCE_BYTES];

    for (unsigned i = 0; i < TIME_BYTES; i++)
        bytes[i] = (uint8_t)((uint64_t)expires_ms >> (56 - 8 * i));
    crypto_random(bytes + TIME_BYTES, SAID_BYTES - TIME_BYTES);
    hash_mac(key, bytes, SAID_BYTES, bytes + SAID_BYTES);
    text_from_hex_bytes(bytes, sizeof(bytes), out);
}

bool nonce_check(const uint8_t key[HASH_BYTES], const char *nonce, int64_t now_ms)
{
    uint8_t bytes[NONCE_BYTES];
    uint8_t mac[HASH_BYTES];
    uint64_t expires_ms = 0;

    if (!text_to_hex_bytes(nonce, strlen(nonce), bytes, sizeof(bytes)))
        return false;
    hash_mac(key, bytes, SAID_BYTES, mac);
    if (!crypto_equal(mac, bytes + SAID_BYTES, sizeof(mac)))
        return false;
    for (unsigned i = 0; i < TIME_BYTES; i++)
        expires_ms = expires_ms << 8 | bytes[i];
    return now_ms < (int64_t)expires_ms;
}
