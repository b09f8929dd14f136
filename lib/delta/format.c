/* The header is parsed into a struct whose every field is in range, so that nothing behind it
 * asks again; what the machine can afford is the applier's question, not the format's. */
#include "lib/delta/format.h"

#include <string.h>

#include "lib/crypto/hash.h"

static const char magic[8] = {'S', 'L', 'D', 'E', 'L', 'T', 'A', '1'};

/* clang-format off */
static const struct codec_range {
    const char *name;
    unsigned log2_min, log2_max;
    uint32_t frame_min, frame_max;
} codecs[] = {
    [DELTA_STORED] = {"stored", 0,  0,  DELTA_FRAME_BYTES_MIN, DELTA_FRAME_BYTES_MAX},
    [DELTA_ZLIB]   = {"zlib",   9,  15, DELTA_FRAME_BYTES_MIN, DELTA_FRAME_BYTES_MAX},
    [DELTA_ZSTD]   = {"zstd",   10, 27, DELTA_FRAME_BYTES_MIN, DELTA_FRAME_BYTES_MAX},
    [DELTA_CM]     = {"cm",     12, 18, 0,                     0},
};
/* clang-format on */
_Static_assert(COUNT(codecs) == DELTA_CODEC_COUNT, "every codec has its ranges");

const char *delta_codec_name(enum delta_codec codec)
{
    ASSERT(codec < DELTA_CODEC_COUNT);
    return codecs[codec].name;
}

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "%s", what);
}

static bool check_ranges(const struct delta_header *header, struct err *err)
{
    const struct codec_range *range = &codecs[header->codec];

    if (header->codec_log2 < range->log2_min || header->codec_log2 > range->log2_max)
        return refuse(err, "patch names an impossible codec size");
    if (header->frame_bytes_max < range->frame_min || header->frame_bytes_max > range->frame_max)
        return refuse(err, "patch names an impossible frame size");
    if (header->old_length > DELTA_LENGTH_MAX || header->new_length > DELTA_LENGTH_MAX ||
        header->body_length > DELTA_LENGTH_MAX)
        return refuse(err, "patch names an impossible length");
    if (header->chunk_bytes < DELTA_CHUNK_BYTES_MIN || header->chunk_bytes > DELTA_CHUNK_BYTES_MAX)
        return refuse(err, "patch names an impossible chunk size");
    return true;
}

/* Nobody reads the one chunk of an empty body, so its hash is compared here. */
static bool check_empty(const struct delta_header *header, struct err *err)
{
    uint8_t nothing[HASH_BYTES];

    if (header->body_length > 0)
        return true;
    hash_sha256("", 0, nothing);
    return crypto_equal(nothing, header->chunk_sha256, sizeof(nothing)) ||
           refuse(err, "patch without a body names a chunk");
}

static void read_hash(struct bytes *in, uint8_t out[DELTA_HASH_BYTES])
{
    const uint8_t *hash = bytes_take(in, DELTA_HASH_BYTES);

    if (hash)
        memcpy(out, hash, DELTA_HASH_BYTES);
}

bool delta_header_read(struct bytes *in, struct delta_header *out, struct err *err)
{
    struct delta_header header = {0};
    const uint8_t *start = bytes_take(in, sizeof(magic));
    unsigned version = bytes_u16(in);
    unsigned codec = bytes_u8(in);

    header.codec_log2 = bytes_u8(in);
    header.frame_bytes_max = bytes_u32(in);
    header.old_length = bytes_u64(in);
    header.new_length = bytes_u64(in);
    header.body_length = bytes_u64(in);
    read_hash(in, header.old_sha256);
    read_hash(in, header.new_sha256);
    header.chunk_bytes = bytes_u32(in);
    read_hash(in, header.chunk_sha256);

    if (start && memcmp(start, magic, sizeof(magic)) != 0)
        return refuse(err, "not a patch file");
    if (in->failed)
        return refuse(err, "patch header is cut short");
    if (version != DELTA_VERSION)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "unknown patch version %u", version);
    if (codec >= DELTA_CODEC_COUNT)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "unknown patch codec %u", codec);
    header.codec = (enum delta_codec)codec;
    if (!check_ranges(&header, err) || !check_empty(&header, err))
        return false;

    *out = header;
    return true;
}

void delta_header_format(const struct delta_header *header, struct buf *out)
{
    struct err err;

    ASSERT(header->codec < DELTA_CODEC_COUNT && check_ranges(header, &err));
    buf_add(out, magic, sizeof(magic));
    buf_add_u16(out, DELTA_VERSION);
    buf_add_u8(out, (uint8_t)header->codec);
    buf_add_u8(out, (uint8_t)header->codec_log2);
    buf_add_u32(out, header->frame_bytes_max);
    buf_add_u64(out, header->old_length);
    buf_add_u64(out, header->new_length);
    buf_add_u64(out, header->body_length);
    buf_add(out, header->old_sha256, sizeof(header->old_sha256));
    buf_add(out, header->new_sha256, sizeof(header->new_sha256));
    buf_add_u32(out, header->chunk_bytes);
    buf_add(out, header->chunk_sha256, sizeof(header->chunk_sha256));
}

void delta_header_sha256(const struct delta_header *header, uint8_t out[DELTA_HASH_BYTES])
{
    AUTO_BUF text;

    buf_init(&text, DELTA_HEADER_BYTES);
    delta_header_format(header, &text);
    hash_sha256(text.data, text.len, out);
}

uint64_t delta_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

int64_t delta_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}
