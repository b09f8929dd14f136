/*
 * Streams of one compressor, wherever they lie. Each begins with a magic and has to be unpacked
 * to know where it ends; whatever merely looks like a magic fails that.
 *
 * zstd frame: 28 b5 2f fd. xz stream: fd "7zXZ" 00. LZ4 frame: 04 22 4d 18. LZ4 legacy, as
 * kernels have it: 02 21 4c 18, then blocks of 8 MiB, each with its packed length (4) in front,
 * up to a shorter one. lzma: properties 5d, dictionary bytes (4), unpacked length (8) or -1.
 */

#include "deltagen/container/decode.h"
#include "lib/base/bytes.h"

enum {
    LEGACY_BLOCK_BYTES = 8 << 20,
    LEGACY_PACKED_MAX = LEGACY_BLOCK_BYTES + LEGACY_BLOCK_BYTES / 255 + 16,
    LEGACY_LEVEL = 9, /* as the kernel's build asks for */
    XZ_HEADER_BYTES = 12,
    XZ_LZMA2 = 0x21,
    XZ_DICTIONARY_MAX = 40,
    LZMA_HEADER_BYTES = 13,
    LZMA_LENGTH_MAX = 1 << 30,
    STREAM_BYTES_MIN = 256, /* packed; less is not worth a unit */
};

static bool find_stream(const struct container_input *in, uint64_t at, struct unit unit,
                        struct units *out, struct container_found *found)
{
    struct decoded decoded;

    if (!unit_decode((enum unit_family)unit.family, in->data + at, in->len - at, NULL,
                     in->unpacked_max, &decoded) ||
        decoded.packed_len < STREAM_BYTES_MIN || decoded.unpacked_len == 0)
        return false;
    unit.at = at;
    unit.packed_len = decoded.packed_len;
    unit.unpacked_len = decoded.unpacked_len;
    unit.group = out->groups++;
    units_add(out, unit);
    found->length = decoded.packed_len;
    return true;
}

static bool find_zstd(const struct container_input *in, uint64_t at, struct units *out,
                      struct container_found *found)
{
    return find_stream(in, at, (struct unit){.family = UNIT_ZSTD}, out, found);
}

/* The dictionary that the first block's header names: its byte follows the id of LZMA2. */
static uint32_t xz_dictionary(const struct container_input *in, uint64_t at)
{
    struct bytes bytes = bytes_of(in->data + at, in->len - at);
    size_t end;
    uint8_t flags;

    (void)bytes_take(&bytes, XZ_HEADER_BYTES);
    end = XZ_HEADER_BYTES + 4 * ((size_t)bytes_u8(&bytes) + 1);
    flags = bytes_u8(&bytes);
    if (flags & 0x40)
        (void)bytes_varint(&bytes);
    if (flags & 0x80)
        (void)bytes_varint(&bytes);
    while (!bytes.failed && bytes.pos < end) {
        uint64_t id = bytes_varint(&bytes);
        uint64_t size = bytes_varint(&bytes);
        uint8_t value;

        if (id != XZ_LZMA2) {
            (void)bytes_take(&bytes, size);
            continue;
        }
        value = bytes_u8(&bytes);
        if (value < XZ_DICTIONARY_MAX)
            return (2U | (value & 1U)) << (value / 2 + 11);
        break;
    }
    return 0;
}

static bool find_xz(const struct container_input *in, uint64_t at, struct units *out,
                    struct container_found *found)
{
    struct unit unit = {.family = UNIT_XZ, .dictionary_bytes = xz_dictionary(in, at)};

    return find_stream(in, at, unit, out, found);
}

static bool find_lzma(const struct container_input *in, uint64_t at, struct units *out,
                      struct container_found *found)
{
    struct bytes bytes = bytes_of(in->data + at, in->len - at);
    struct unit unit = {.family = UNIT_LZMA};
    uint64_t length;
    uint32_t low;

    (void)bytes_u8(&bytes);
    unit.dictionary_bytes = bytes_u32(&bytes);
    length = bytes_u64(&bytes);
    low = unit.dictionary_bytes & (0U - unit.dictionary_bytes);
    /* 2^n or 2^n + 2^(n-1), as all encoders choose */
    if (bytes.failed || (unit.dictionary_bytes != low && unit.dictionary_bytes != 3 * low) ||
        (length != UINT64_MAX && (length == 0 || length > LZMA_LENGTH_MAX)))
        return false;
    return find_stream(in, at, unit, out, found);
}

static bool find_lz4_frame(const struct container_input *in, uint64_t at, struct units *out,
                           struct container_found *found)
{
    return find_stream(in, at, (struct unit){.family = UNIT_LZ4_FRAME}, out, found);
}

static bool find_lz4_legacy(const struct container_input *in, uint64_t at, struct units *out,
                            struct container_found *found)
{
    struct bytes bytes = bytes_of(in->data + at, in->len - at);
    struct unit unit = {
        .family = UNIT_LZ4, .level = LEGACY_LEVEL, .group = out->groups, .joined = true};
    struct decoded decoded = {.unpacked_len = LEGACY_BLOCK_BYTES};

    (void)bytes_u32(&bytes);
    found->length = 0;
    while (decoded.unpacked_len == LEGACY_BLOCK_BYTES) {
        uint32_t len = bytes_u32(&bytes);
        const uint8_t *block = len > 0 && len <= LEGACY_PACKED_MAX ? bytes_take(&bytes, len) : NULL;

        if (!block || !unit_decode(UNIT_LZ4, block, len, NULL, LEGACY_BLOCK_BYTES, &decoded))
            break;
        unit.at = at + bytes.pos - len;
        unit.packed_len = len;
        unit.unpacked_len = decoded.unpacked_len;
        units_add(out, unit);
        found->length = bytes.pos;
    }
    out->groups++;
    return found->length > 0;
}

const struct container container_zstd = {
    .name = "zstd", .magic = "\x28\xb5\x2f\xfd", .magic_len = 4, .find = find_zstd};
const struct container container_xz = {.name = "xz",
                                       .magic = "\xfd"
                                                "7zXZ",
                                       .magic_len = 6,
                                       .find = find_xz};
const struct container container_lzma = {
    .name = "lzma", .magic = "\x5d\x00\x00", .magic_len = 3, .find = find_lzma};
const struct container container_lz4_frame = {
    .name = "lz4", .magic = "\x04\x22\x4d\x18", .magic_len = 4, .find = find_lz4_frame};
const struct container container_lz4_legacy = {
    .name = "lz4-legacy", .magic = "\x02\x21\x4c\x18", .magic_len = 4, .find = find_lz4_legacy};
