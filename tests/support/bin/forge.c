/*
 * What a thief with a stolen key can write.   forge SEED_HEX < signed.json > document.json
 *
 * Reads the "signed" part of update metadata and signs it, whatever it says.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/json/json.h"
#include "lib/tuf/tuf.h"

int main(int argc, char **argv)
{
    static char input[6 << 20];
    AUTO_JSON *signed_part = NULL;
    AUTO_SIGN_KEY struct sign_key *key = NULL;
    struct err err = {0};
    uint8_t seed[32];
    AUTO_BUF out;
    size_t len = fread(input, 1, sizeof(input), stdin);

    buf_init(&out, sizeof(input));
    if (argc != 2 || !text_to_hex_bytes(argv[1], strlen(argv[1]), seed, sizeof(seed)))
        return 2;
    key = sign_key_from_seed(seed);
    while (len > 0 && input[len - 1] == '\n')
        len--;
    if (!json_parse(input, len, &json_limits_metadata, &signed_part, &err) ||
        !tuf_sign_document(signed_part, (const struct sign_key *const[]){key}, 1, &out, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}
