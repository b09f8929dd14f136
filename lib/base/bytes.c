/* One bounds check, in bytes_take; everything else is built on it. */
#include "lib/base/bytes.h"

struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

size_t bytes_left(const struct bytes *in)
{
    return in->failed ? 0 : in->len - in->pos;
}

const uint8_t *bytes_take(struct bytes *in, size_t len)
{
    const uint8_t *at;

    if (in->failed || len > in->len - in->pos) {
        in->failed = true;
        return NULL;
    }
    at = in->data ? in->data + in->pos : (const uint8_t *)"";
    in->pos += len;
    return at;
}

static uint64_t little_endian(struct bytes *in, size_t len)
{
    const uint8_t *at = bytes_take(in, len);
    uint64_t value = 0;

    for (size_t i = 0; at && i < len; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint8_t bytes_u8(struct bytes *in)
{
    return (uint8_t)little_endian(in, 1);
}

uint16_t bytes_u16(struct bytes *in)
{
    return (uint16_t)little_endian(in, 2);
}

uint32_t bytes_u32(struct bytes *in)
{
    return (uint32_t)little_endian(in, 4);
}

uint64_t bytes_u64(struct bytes *in)
{
    return little_endian(in, 8);
}

uint64_t bytes_varint(struct bytes *in)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_u8(in);
        bool last = !(byte & 0x80);

        /* The tenth byte holds one bit; a final zero byte would be a second spelling. */
        if ((shift == 63 && byte > 1) || (last && byte == 0 && shift > 0))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (last)
            return in->failed ? 0 : value;
    }
    in->failed = true;
    return 0;
}

uint8_t *bytes_put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}
