/* 32 bytes are ten groups of three and two bytes more: 43 digits and one '='. */
#include "lib/client/pins.h"

#include "lib/base/buf.h"
#include "lib/base/mem.h"

enum { PIN_TEXT_BYTES = 8 + 44 + 1 };

static void add_base64(struct buf *out, const uint8_t hash[HASH_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < HASH_BYTES; i += 3) {
        uint32_t group = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8;

        if (i + 2 < HASH_BYTES)
            group |= hash[i + 2];
        for (unsigned shift = 18, last = i + 2 < HASH_BYTES ? 0 : 6;; shift -= 6) {
            buf_add_u8(out, (uint8_t)digits[group >> shift & 63]);
            if (shift == last)
                break;
        }
    }
    buf_add_u8(out, '=');
}

char *pins_format(const uint8_t (*pins)[HASH_BYTES], size_t count)
{
    AUTO_BUF out;

    buf_init(&out, count * PIN_TEXT_BYTES + 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_u8(&out, ';');
        buf_add_text(&out, "sha256//");
        add_base64(&out, pins[i]);
    }
    return mem_strdup(buf_text(&out));
}
