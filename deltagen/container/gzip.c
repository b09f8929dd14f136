/*
 * A gzip member (RFC 1952), anywhere: 1f 8b 08, flags, time (4), extra flags, system; then by
 * flags an extra field, a name, a comment and a check sum; then deflate, CRC-32 (4), length (4).
 * The unit is the deflate alone: the rest is a few bytes that no unpacking makes smaller.
 */
#include "deltagen/container/decode.h"
#include "lib/base/bytes.h"

enum {
    FLAG_HEADER_CHECK = 2,
    FLAG_EXTRA = 4,
    FLAG_NAME = 8,
    FLAG_COMMENT = 16,
    FLAGS_RESERVED = 0xe0,
    TRAILER_BYTES = 8,
    TEXT_BYTES_MAX = 4096,
    BEST = 2,
    FASTEST = 4,
};

static void skip_text(struct bytes *in)
{
    for (size_t i = 0; i < TEXT_BYTES_MAX; i++) {
        if (bytes_u8(in) == 0)
            return;
    }
    in->failed = true;
}

/* What gzip notes in the header of how hard it tried. */
static uint8_t level_of(uint8_t extra_flags)
{
    if (extra_flags == BEST)
        return 9;
    return extra_flags == FASTEST ? 1 : 6;
}

/* The header's length, or 0. */
static uint64_t skip_header(const struct container_input *in, uint64_t at, uint8_t *level)
{
    struct bytes bytes = bytes_of(in->data + at, in->len - at);
    uint8_t flags;

    (void)bytes_take(&bytes, 3);
    flags = bytes_u8(&bytes);
    (void)bytes_u32(&bytes);
    *level = level_of(bytes_u8(&bytes));
    (void)bytes_u8(&bytes);
    if (flags & FLAGS_RESERVED)
        return 0;
    if (flags & FLAG_EXTRA)
        (void)bytes_take(&bytes, bytes_u16(&bytes));
    if (flags & FLAG_NAME)
        skip_text(&bytes);
    if (flags & FLAG_COMMENT)
        skip_text(&bytes);
    if (flags & FLAG_HEADER_CHECK)
        (void)bytes_u16(&bytes);
    return bytes.failed ? 0 : bytes.pos;
}

static bool find(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found)
{
    uint8_t level = 0;
    uint64_t header = skip_header(in, at, &level);
    struct unit unit = {.at = at + header, .family = UNIT_DEFLATE, .level = level};
    struct decoded decoded;
    struct bytes trailer;

    if (header == 0 || !unit_decode(UNIT_DEFLATE, in->data + unit.at, in->len - unit.at, NULL,
                                    in->unpacked_max, &decoded))
        return false;
    trailer =
        bytes_of(in->data + unit.at + decoded.packed_len, in->len - unit.at - decoded.packed_len);
    (void)bytes_u32(&trailer);
    if (bytes_u32(&trailer) != (uint32_t)decoded.unpacked_len || trailer.failed)
        return false;
    unit.packed_len = decoded.packed_len;
    unit.unpacked_len = decoded.unpacked_len;
    unit.group = out->groups++;
    units_add(out, unit);
    found->length = header + decoded.packed_len + TRAILER_BYTES;
    return true;
}

const struct container container_gzip = {
    .name = "gzip", .magic = "\x1f\x8b\x08", .magic_len = 3, .find = find};
