/* Seeds are hashes of (purpose, seed, number); shares are places under a salt of our own. */
#include "cli/sim/identity.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/update/place.h"

enum { SALT_BYTES_MAX = 4096, PERCENT_DIGITS = 3, MILLI = 1000 };

struct sign_key *sim_identity_key(const char *seed, uint32_t index)
{
    uint8_t bytes[HASH_BYTES];
    struct sign_key *key;
    AUTO_BUF name;

    buf_init(&name, SALT_BYTES_MAX);
    buf_printf(&name, "slipway-sim-key-1 %u %s", index, seed);
    ASSERT(!name.failed); /* the command limits the seed's length */
    hash_blake2b(name.data, name.len, bytes);
    key = sign_key_from_seed(bytes);
    crypto_wipe(bytes, sizeof(bytes));
    return key;
}

void sim_identity_id(const struct sign_key *key, uint8_t out[HASH_BYTES])
{
    hash_blake2b(sign_key_public(key), SIGN_PUBLIC_BYTES, out);
}

/* "12.5" to 12500. */
static bool parse_percent(const char *text, uint32_t *out)
{
    const char *point = strchr(text, '.');
    size_t whole_len = point ? (size_t)(point - text) : strlen(text);
    size_t part_len = point ? strlen(point + 1) : 0;
    uint32_t part = 0;
    uint64_t whole;

    if (!text_to_u64(text, whole_len, 0, 100, &whole) || (point && part_len == 0) ||
        part_len > PERCENT_DIGITS)
        return false;
    for (size_t i = 0; i < PERCENT_DIGITS; i++) {
        uint64_t digit = 0;

        if (i < part_len && !text_to_u64(point + 1 + i, 1, 0, 9, &digit))
            return false;
        part = part * 10 + (uint32_t)digit;
    }
    *out = (uint32_t)whole * MILLI + part;
    return *out <= PLACE_SHARE_ALL;
}

bool sim_failure_parse(const char *text, struct sim_failure *out, struct err *err)
{
    const char *equals = strrchr(text, '=');
    uint32_t percent_milli;

    if (!equals || equals == text || !parse_percent(equals + 1, &percent_milli))
        return err_set(err, ERR_INVALID, "'%s' is not VERSION=PERCENT", text);
    *out = (struct sim_failure){mem_strndup(text, (size_t)(equals - text)), percent_milli};
    return true;
}

bool sim_identity_fails(const char *seed, const uint8_t id[HASH_BYTES], const char *version,
                        const struct sim_failure *failure)
{
    AUTO_BUF salt;

    buf_init(&salt, SALT_BYTES_MAX);
    if (!text_equal(failure->version, version))
        return false;
    buf_printf(&salt, "slipway-sim-fail-1 %s %s", version, seed);
    ASSERT(!salt.failed);
    return place_in_share(place_of(buf_text(&salt), id), failure->percent_milli);
}
