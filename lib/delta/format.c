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
    unsigned history_min, history_max;
    uint32_t batch_min, batch_max;
} codecs[] = {
    [DELTA_STORED] = {"stored", 0,  0,  0,  0,  DELTA_BATCH_BYTES_MIN, DELTA_BATCH_BYTES_MAX},
    [DELTA_ZLIB]   = {"zlib",   9,  15, 0,  0,  DELTA_BATCH_BYTES_MIN, DELTA_BATCH_BYTES_MAX},
    [DELTA_ZSTD]   = {"zstd",   10, 27, 0,  0,  DELTA_BATCH_BYTES_MIN, DELTA_BATCH_BYTES_MAX},
    [DELTA_CM]     = {"cm",     12, 20, 12, 22, 0,                     0},
};
static const struct class_row {
    const char *name;
    uint64_t bytes;
} classes[] = {
    [DELTA_CLASS_S] = {"S", UINT64_C(48) << 10},
    [DELTA_CLASS_M] = {"M", UINT64_C(256) << 10},
    [DELTA_CLASS_L] = {"L", UINT64_C(1) << 20},
    [DELTA_CLASS_Z] = {"Z", UINT64_C(3) << 20},
    [DELTA_CLASS_X] = {"X", UINT64_C(7) << 20},
    [DELTA_CLASS_H] = {"H", UINT64_C(64) << 20},
};
/* clang-format on */
_Static_assert(COUNT(codecs) == DELTA_CODEC_COUNT, "every coder has its ranges");
_Static_assert(COUNT(classes) == DELTA_CLASS_COUNT, "every class has its bytes");

const char *delta_codec_name(enum delta_codec codec)
{
    ASSERT(codec < DELTA_CODEC_COUNT);
    return codecs[codec].name;
}

const char *delta_class_name(enum delta_class class)
{
    ASSERT(class < DELTA_CLASS_COUNT);
    return classes[class].name;
}

uint64_t delta_class_bytes(enum delta_class class)
{
    ASSERT(class < DELTA_CLASS_COUNT);
    return classes[class].bytes;
}

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "%s", what);
}

static bool within(uint64_t value, uint64_t min, uint64_t max)
{
    return value >= min && value <= max;
}

static bool check_coder(const struct delta_header *header, struct err *err)
{
    const struct codec_range *range = &codecs[header->codec];

    if (!within(header->codec_log2, range->log2_min, range->log2_max))
        return refuse(err, "patch names an impossible coder size");
    if (!within(header->history_log2, range->history_min, range->history_max))
        return refuse(err, "patch names an impossible history size");
    if (!within(header->batch_bytes, range->batch_min, range->batch_max))
        return refuse(err, "patch names an impossible batch size");
    return true;
}

static bool check_lengths(const struct delta_header *header, struct err *err)
{
    if (header->old_length > DELTA_LENGTH_MAX || header->new_length > DELTA_LENGTH_MAX ||
        header->body_length > DELTA_LENGTH_MAX || header->old_space > DELTA_LENGTH_MAX ||
        header->new_space > DELTA_LENGTH_MAX)
        return refuse(err, "patch names an impossible length");
    if (!within(header->frame_bytes_max, DELTA_FRAME_BYTES_MIN, DELTA_FRAME_BYTES_MAX) ||
        header->first_frame_bytes > header->frame_bytes_max ||
        header->first_frame_bytes > header->body_length ||
        (header->first_frame_bytes == 0) != (header->body_length == 0))
        return refuse(err, "patch names an impossible frame size");
    if ((header->block_hash_bytes > 0 &&
         !within(header->block_hash_bytes, DELTA_BLOCK_HASH_BYTES_MIN, DELTA_HASH_BYTES)) ||
        header->group_blocks > DELTA_GROUP_HASHES_BYTES_MAX / DELTA_BLOCK_HASH_BYTES_MIN ||
        (uint64_t)header->group_blocks * header->block_hash_bytes > DELTA_GROUP_HASHES_BYTES_MAX)
        return refuse(err, "patch names impossible block hashes");
    return true;
}

static bool check_spaces(const struct delta_header *header, struct err *err)
{
    unsigned levels = header->old_levels + header->new_levels;

    if (header->old_levels > DELTA_LEVELS_MAX || header->new_levels > DELTA_LEVELS_MAX ||
        header->items > DELTA_ITEMS_MAX || header->items < levels ||
        (levels == 0) != (header->items == 0) || (levels == 0) != (header->table_bytes == 0) ||
        header->table_bytes > DELTA_TABLE_BYTES_MAX)
        return refuse(err, "patch names impossible tables");
    if ((header->old_levels == 0 && header->old_space != header->old_length) ||
        (header->new_levels == 0 && header->new_space != header->new_length))
        return refuse(err, "patch names a space of another length than its image's");
    if ((header->new_space == 0) != (header->new_length == 0))
        return refuse(err, "patch makes something of nothing");
    if (header->covers > DELTA_COVERS_MAX)
        return refuse(err, "patch names too many covers");
    if (header->unpack_bytes > DELTA_REPACK_BYTES_MAX ||
        header->pack_bytes > DELTA_REPACK_BYTES_MAX)
        return refuse(err, "patch names too much memory for packing");
    return true;
}

static bool check_in_place(const struct delta_header *header, struct err *err)
{
    if (header->erase_log2 == 0 && header->shift_blocks == 0)
        return true;
    if (!within(header->erase_log2, DELTA_ERASE_LOG2_MIN, DELTA_ERASE_LOG2_MAX) ||
        !within(header->shift_blocks, 1, DELTA_SHIFT_BLOCKS_MAX))
        return refuse(err, "patch names impossible erase blocks");
    return true;
}

/* Nobody reads the one frame of an empty body, so its hash is compared here. */
static bool check_empty(const struct delta_header *header, struct err *err)
{
    uint8_t nothing[HASH_BYTES];

    if (header->body_length > 0)
        return true;
    hash_sha256("", 0, nothing);
    return crypto_equal(nothing, header->frame_sha256, sizeof(nothing)) ||
           refuse(err, "patch without a body names a frame");
}

static bool check_ranges(const struct delta_header *header, struct err *err)
{
    return check_coder(header, err) && check_lengths(header, err) && check_spaces(header, err) &&
           check_in_place(header, err) && check_empty(header, err);
}

static void read_hash(struct bytes *in, uint8_t out[DELTA_HASH_BYTES])
{
    const uint8_t *hash = bytes_take(in, DELTA_HASH_BYTES);

    if (hash)
        memcpy(out, hash, DELTA_HASH_BYTES);
}

static void read_numbers(struct bytes *in, struct delta_header *header)
{
    unsigned levels;
    uint32_t in_place;

    header->history_log2 = bytes_u8(in);
    header->block_hash_bytes = bytes_u8(in);
    levels = bytes_u8(in);
    header->old_levels = levels & 15;
    header->new_levels = levels >> 4;
    header->frame_bytes_max = bytes_u32(in);
    header->first_frame_bytes = bytes_u32(in);
    header->old_length = bytes_u64(in);
    header->new_length = bytes_u64(in);
    header->body_length = bytes_u64(in);
    header->old_space = bytes_u64(in);
    header->new_space = bytes_u64(in);
    header->table_bytes = bytes_u32(in);
    header->items = bytes_u32(in);
    header->covers = bytes_u32(in);
    header->unpack_bytes = bytes_u32(in);
    header->pack_bytes = bytes_u32(in);
    header->batch_bytes = bytes_u32(in);
    header->group_blocks = bytes_u32(in);
    in_place = bytes_u32(in);
    header->erase_log2 = in_place & 0xFF;
    header->shift_blocks = in_place >> 8;
}

bool delta_header_read(struct bytes *in, struct delta_header *out, struct err *err)
{
    struct delta_header header = {0};
    const uint8_t *start = bytes_take(in, sizeof(magic));
    unsigned version = bytes_u16(in);
    unsigned codec = bytes_u8(in);
    unsigned class;

    header.codec_log2 = bytes_u8(in);
    class = bytes_u8(in);
    read_numbers(in, &header);
    read_hash(in, header.old_sha256);
    read_hash(in, header.new_sha256);
    read_hash(in, header.frame_sha256);

    if (start && memcmp(start, magic, sizeof(magic)) != 0)
        return refuse(err, "not a patch file");
    if (start && version != DELTA_VERSION && version != 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT,
                          "patch is of version %u, this program knows %d", version, DELTA_VERSION);
    if (in->failed)
        return refuse(err, "patch header is cut short");
    if (version != DELTA_VERSION)
        return refuse(err, "unknown patch version 0");
    if (codec >= DELTA_CODEC_COUNT)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "unknown patch coder %u", codec);
    if (class >= DELTA_CLASS_COUNT)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "unknown memory class %u", class);
    header.codec = (enum delta_codec)codec;
    header.class = (enum delta_class) class;
    if (!check_ranges(&header, err))
        return false;

    *out = header;
    return true;
}

void delta_header_format(const struct delta_header *header, struct buf *out)
{
    struct err err = {0};

    ASSERT(header->codec < DELTA_CODEC_COUNT && header->class < DELTA_CLASS_COUNT &&
           check_ranges(header, &err));
    buf_add(out, magic, sizeof(magic));
    buf_add_u16(out, DELTA_VERSION);
    buf_add_u8(out, (uint8_t)header->codec);
    buf_add_u8(out, (uint8_t)header->codec_log2);
    buf_add_u8(out, (uint8_t)header->class);
    buf_add_u8(out, (uint8_t)header->history_log2);
    buf_add_u8(out, (uint8_t)header->block_hash_bytes);
    buf_add_u8(out, (uint8_t)(header->old_levels | header->new_levels << 4));
    buf_add_u32(out, header->frame_bytes_max);
    buf_add_u32(out, header->first_frame_bytes);
    buf_add_u64(out, header->old_length);
    buf_add_u64(out, header->new_length);
    buf_add_u64(out, header->body_length);
    buf_add_u64(out, header->old_space);
    buf_add_u64(out, header->new_space);
    buf_add_u32(out, header->table_bytes);
    buf_add_u32(out, header->items);
    buf_add_u32(out, header->covers);
    buf_add_u32(out, header->unpack_bytes);
    buf_add_u32(out, header->pack_bytes);
    buf_add_u32(out, header->batch_bytes);
    buf_add_u32(out, header->group_blocks);
    buf_add_u32(out, header->erase_log2 | header->shift_blocks << 8);
    buf_add(out, header->old_sha256, sizeof(header->old_sha256));
    buf_add(out, header->new_sha256, sizeof(header->new_sha256));
    buf_add(out, header->frame_sha256, sizeof(header->frame_sha256));
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
