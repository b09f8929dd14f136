/*
 * How erofs packs a file: its bytes are cut into logical clusters (of a block, mostly), and each
 * has an index: a "head" says where in it packed bytes begin to stand for the file's, "plain" the
 * same for bytes that are stored as they are, and "none" belongs to the head before it. Packed
 * bytes fill whole blocks; LZ4's are moved to the end, zeros in front.
 *
 * A map header of 8 bytes comes first (4 features 2, 6 algorithms 1, 7 log2 of a cluster over a
 * block's), then the indexes. Full ones: 0 kind 2, 2 offset 2, 4 block 4 (or of "none" two
 * distances of 2). Compact ones: packs of 2 (8 bytes) or 16 (32 bytes) of them, each kind 2 bits
 * above an offset or distance, and the pack's base block in its last 4 bytes; packs of 16 begin
 * at a multiple of 32 bytes.
 */
#include "deltagen/container/erofs.h"

#include "lib/base/mem.h"

enum {
    MAP_HEADER_BYTES = 8,
    FEATURE_PACKS_OF_16 = 1,
    FEATURE_LARGE = 2, /* clusters of several blocks */
    FULL_BYTES = 8,
    FULL_SKIPPED_BYTES = 8, /* between the map header and full indexes */
    LARGE_COUNT = 1 << 11,  /* in a distance: it is a number of blocks */
    CLUSTER_LOG2_MAX = 14,  /* that a compact index can hold */
    KIND_PLAIN = 0,
    KIND_HEAD = 1,
    KIND_NONE = 2,
};

struct map {
    struct erofs *fs;
    uint64_t at;    /* of the first index */
    uint64_t count; /* clusters */
    unsigned cluster_log2;
    bool large, full;
    uint64_t first_pairs; /* indexes in packs of 2 before those of 16 */
    uint64_t in_16;       /* indexes in packs of 16 */
};

struct cluster {
    unsigned kind;
    uint32_t offset;   /* of a head */
    uint32_t distance; /* of none */
    uint64_t block;    /* of a head */
};

static bool read_full(const struct map *map, uint64_t i, struct cluster *out)
{
    struct bytes in = erofs_place(map->fs, map->at + i * FULL_BYTES, FULL_BYTES);
    uint32_t last;

    out->kind = bytes_u16(&in) & 3;
    out->offset = bytes_u16(&in);
    last = bytes_u32(&in);
    out->block = last;
    out->distance = last & 0xffff;
    return !in.failed;
}

/* The `i`-th index of a pack: a number of `bits` bits. */
static uint32_t pack_bits(const uint8_t *pack, unsigned bits, unsigned i)
{
    unsigned pos = bits * i;
    uint32_t value = 0;

    for (unsigned k = 0; k < 4; k++)
        value |= (uint32_t)pack[pos / 8 + k] << 8 * k;
    return value >> (pos & 7);
}

/* Heads of the pack before `i` each took their blocks from its base on. */
static uint64_t blocks_before(const struct map *map, const uint8_t *pack, unsigned bits, unsigned i)
{
    uint32_t mask = (1U << map->cluster_log2) - 1;
    uint64_t blocks = map->large ? 0 : 1;

    for (int k = (int)i - 1; k >= 0; k--) {
        uint32_t value = pack_bits(pack, bits, (unsigned)k);
        int low = (int)(value & mask);

        if ((value >> map->cluster_log2 & 3) != KIND_NONE) {
            blocks++;
        } else if (!map->large) {
            k -= low;
            blocks += k >= 0;
        } else if (low & LARGE_COUNT) {
            k--;
            blocks += (uint64_t)(low & ~LARGE_COUNT);
        } else {
            k -= low - 1 > 0 ? low - 2 : 0;
        }
    }
    return blocks;
}

static bool read_compact(const struct map *map, uint64_t i, struct cluster *out)
{
    bool in_16 = i >= map->first_pairs && i - map->first_pairs < map->in_16;
    unsigned per_pack = in_16 ? 16 : 2;
    unsigned pack_bytes = in_16 ? 32 : 8;
    unsigned bits = (pack_bytes - 4) * 8 / per_pack;
    uint32_t mask = (1U << map->cluster_log2) - 1;
    uint64_t at = map->at;
    struct bytes pack;
    uint32_t value;

    if (in_16) {
        at += 4 * map->first_pairs + (i - map->first_pairs) / 16 * 32;
        i = (i - map->first_pairs) % 16;
    } else {
        if (i >= map->first_pairs) {
            at += 4 * map->first_pairs + 2 * map->in_16;
            i -= map->first_pairs + map->in_16;
        }
        at += i / 2 * 8;
        i %= 2;
    }
    pack = erofs_place(map->fs, at, pack_bytes);
    if (pack.len == 0)
        return false;
    value = pack_bits(pack.data, bits, (unsigned)i);
    out->kind = value >> map->cluster_log2 & 3;
    out->offset = out->distance = value & mask;
    out->block = blocks_before(map, pack.data, bits, (unsigned)i);
    pack.pos = pack_bytes - 4;
    out->block += bytes_u32(&pack);
    return true;
}

static bool read_cluster(const struct map *map, uint64_t i, struct cluster *out)
{
    return map->full ? read_full(map, i, out) : read_compact(map, i, out);
}

static bool open_map(struct erofs *fs, const struct erofs_inode *inode, struct map *out)
{
    uint64_t at = (inode->end + 7) / 8 * 8;
    struct bytes in = erofs_place(fs, at, MAP_HEADER_BYTES);
    uint16_t features;
    uint8_t algorithms;
    uint8_t log2;

    (void)bytes_u32(&in);
    features = bytes_u16(&in);
    algorithms = bytes_u8(&in);
    log2 = bytes_u8(&in);
    *out = (struct map){.fs = fs,
                        .at = at + MAP_HEADER_BYTES,
                        .cluster_log2 = fs->block_log2 + (log2 & 7U),
                        .large = features & FEATURE_LARGE,
                        .full = inode->layout == EROFS_PACKED_FULL};
    if (in.failed || (algorithms & 15) != 0 || out->cluster_log2 > CLUSTER_LOG2_MAX ||
        inode->size >> out->cluster_log2 > fs->length)
        return false;
    out->count = (inode->size + (UINT64_C(1) << out->cluster_log2) - 1) >> out->cluster_log2;
    if (out->full) {
        out->at += FULL_SKIPPED_BYTES;
        return true;
    }
    if (features & FEATURE_PACKS_OF_16) {
        out->first_pairs = (32 - out->at % 32) % 32 / 4;
        if (out->first_pairs < out->count)
            out->in_16 = (out->count - out->first_pairs) / 16 * 16;
        else
            out->first_pairs = 0;
    }
    return true;
}

/* A file's parts that lie one behind the other, as one element. */
struct joiner {
    struct element element;
    uint64_t end; /* where the next one would lie */
};

static void join(struct erofs *fs, struct joiner *joiner, uint64_t at, uint64_t packed,
                 uint64_t unpacked)
{
    if (joiner->element.length > 0 && at != joiner->end) {
        units_add_element(fs->out, joiner->element, fs->path);
        joiner->element.length = 0;
    }
    if (joiner->element.length == 0)
        joiner->element =
            (struct element){.at = fs->base + at, .kind = ELEMENT_FILE, .unpacked = true};
    joiner->element.length += unpacked;
    joiner->end = at + packed;
}

/* The bytes [from, to) of the file, that `head` says where they are. */
static void add_extent(const struct map *map, const struct cluster *head, uint64_t blocks,
                       uint64_t length, struct joiner *joiner)
{
    struct erofs *fs = map->fs;
    uint64_t at = head->block << fs->block_log2;
    uint64_t packed = blocks << fs->block_log2;

    if (length == 0 || head->block > fs->length >> fs->block_log2 || at > fs->length ||
        packed > fs->length - at)
        return;
    if (head->kind != KIND_PLAIN || length < packed)
        units_add(fs->out,
                  (struct unit){.at = fs->base + at,
                                .packed_len = packed,
                                .unpacked_len = length,
                                .group = head->kind == KIND_PLAIN ? fs->plain : fs->group,
                                .family = head->kind == KIND_PLAIN ? UNIT_PADDED : UNIT_LZ4_FILL});
    join(fs, joiner, at, packed, length);
}

void erofs_packed_file(struct erofs *fs, const struct erofs_inode *inode)
{
    struct map map;
    struct cluster head = {.kind = KIND_NONE};
    struct joiner joiner = {0};
    uint64_t start = 0;
    uint64_t blocks = 1;

    if (!open_map(fs, inode, &map) || map.count > fs->clusters_left)
        return;
    fs->clusters_left -= map.count;
    for (uint64_t i = 0; i < map.count; i++) {
        struct cluster cluster;
        uint64_t at;

        if (!read_cluster(&map, i, &cluster))
            return;
        if (cluster.kind == KIND_NONE) {
            if (map.large && cluster.distance & LARGE_COUNT)
                blocks = cluster.distance & (LARGE_COUNT - 1);
            continue;
        }
        at = (i << map.cluster_log2) + cluster.offset;
        if (head.kind != KIND_NONE && at > start)
            add_extent(&map, &head, blocks, at - start, &joiner);
        head = cluster;
        start = at;
        blocks = 1;
    }
    if (head.kind != KIND_NONE && inode->size > start)
        add_extent(&map, &head, blocks, inode->size - start, &joiner);
    if (joiner.element.length > 0)
        units_add_element(fs->out, joiner.element, fs->path);
}
