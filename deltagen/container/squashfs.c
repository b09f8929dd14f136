/*
 * squashfs: data blocks and fragments (tails of files, many to a block) in front, then tables of
 * blocks of 8 KiB: inodes, directories, fragments, exports, ids, extended attributes. A table
 * block has two bytes of header (length, and bit 15: not packed). Tables but the first two are
 * found by lists of 64-bit places. All blocks are packed one by one, by one compressor.
 *
 * 0 magic 4, 4 inodes 4, 8 time 4, 12 block bytes 4, 16 fragments 4, 20 compressor 2, 22 its log2
 * 2, 24 flags 2, 26 ids 2, 28 version 2+2, 32 root inode 8, 40 bytes used 8, then places: 48 ids
 * 8, 56 attributes 8, 64 inodes 8, 72 directories 8, 80 fragments 8, 88 exports 8.
 */
#include "deltagen/container/squashfs.h"

#include <string.h>

#include "deltagen/container/decode.h"
#include "lib/base/mem.h"

enum {
    SUPERBLOCK_BYTES = 96,
    BLOCK_BYTES_MIN = 4096,
    BLOCK_BYTES_MAX = 1 << 20,
    FLAG_OPTIONS = 0x400,
    TABLE_PLAIN = 0x8000,
    FRAGMENT_ENTRY_BYTES = 16,
    ID_ENTRY_BYTES = 4,
    EXPORT_ENTRY_BYTES = 8,
    ATTRIBUTE_ENTRY_BYTES = 16,
    LIST_MAX = 1 << 20,
};

enum compressor { GZIP = 1, XZ = 4, LZ4 = 5, ZSTD = 6 };

struct superblock {
    uint32_t inodes, block_bytes, fragments;
    uint16_t compressor, flags, ids;
    uint64_t root, used, id_table, attribute_table, inode_table, directory_table, fragment_table,
        export_table;
};

static bool read_superblock(struct bytes in, struct superblock *out)
{
    uint16_t log2;
    uint16_t major;
    uint16_t minor;

    (void)bytes_u32(&in);
    out->inodes = bytes_u32(&in);
    (void)bytes_u32(&in);
    out->block_bytes = bytes_u32(&in);
    out->fragments = bytes_u32(&in);
    out->compressor = bytes_u16(&in);
    log2 = bytes_u16(&in);
    out->flags = bytes_u16(&in);
    out->ids = bytes_u16(&in);
    major = bytes_u16(&in);
    minor = bytes_u16(&in);
    out->root = bytes_u64(&in);
    out->used = bytes_u64(&in);
    out->id_table = bytes_u64(&in);
    out->attribute_table = bytes_u64(&in);
    out->inode_table = bytes_u64(&in);
    out->directory_table = bytes_u64(&in);
    out->fragment_table = bytes_u64(&in);
    out->export_table = bytes_u64(&in);
    return !in.failed && major == 4 && minor == 0 && log2 < 32 && out->block_bytes == 1U << log2 &&
           out->block_bytes >= BLOCK_BYTES_MIN && out->block_bytes <= BLOCK_BYTES_MAX &&
           out->used <= in.len && out->used >= SUPERBLOCK_BYTES &&
           out->inode_table >= SUPERBLOCK_BYTES && out->inode_table < out->directory_table &&
           out->directory_table < out->used;
}

/* What the image says of its compressor, else what mksquashfs takes when told nothing. */
static void read_compressor(struct squashfs *fs, const struct superblock *super)
{
    struct bytes options =
        bytes_of(fs->in->data + fs->base + SUPERBLOCK_BYTES, fs->length - SUPERBLOCK_BYTES);
    bool told = super->flags & FLAG_OPTIONS && bytes_left(&options) >= 2 + 8;
    uint32_t first;
    uint32_t second;

    (void)bytes_u16(&options);
    first = bytes_u32(&options);
    second = bytes_u32(&options);
    fs->packed = true;
    fs->like = (struct unit){.group = fs->out->groups++};
    switch (super->compressor) {
    case GZIP:
        fs->like.family = UNIT_ZLIB;
        fs->like.level = (uint8_t)(told && first >= 1 && first <= 9 ? first : 9);
        break;
    case XZ:
        fs->like.family = UNIT_XZ;
        fs->like.level = 6;
        fs->like.dictionary_bytes = told ? first : super->block_bytes;
        break;
    case LZ4:
        fs->like.family = UNIT_LZ4;
        fs->like.level = told && (second & 1) ? 12 : 1;
        break;
    case ZSTD:
        fs->like.family = UNIT_ZSTD;
        fs->like.level = (uint8_t)(told && first >= 1 && first <= 22 ? first : 15);
        break;
    default:
        fs->packed = false;
    }
}

static void add_unit(struct squashfs *fs, uint64_t at, uint64_t packed_len, uint64_t unpacked_len)
{
    struct unit unit = fs->like;

    unit.at = fs->base + at;
    unit.packed_len = packed_len;
    unit.unpacked_len = unpacked_len;
    if (fs->packed && at < fs->length && packed_len <= fs->length - at)
        units_add(fs->out, unit);
}

/* Unpacks a block of at most `room` bytes into `out`; 0: it is not well formed. */
static uint64_t unpack_block(const struct squashfs *fs, uint64_t at, uint64_t packed_len,
                             uint8_t *out, uint64_t room)
{
    struct decoded decoded;

    if (at > fs->length || packed_len > fs->length - at ||
        !unit_decode((enum unit_family)fs->like.family, fs->in->data + fs->base + at, packed_len,
                     out, room, &decoded) ||
        decoded.packed_len != packed_len)
        return 0;
    return decoded.unpacked_len;
}

/* One table block at `at`, as a unit and into `out`; returns its packed length with the header,
 * or 0. */
static uint64_t table_block(struct squashfs *fs, uint64_t at, uint8_t *out, uint64_t *unpacked)
{
    struct bytes in;
    uint16_t header;
    uint64_t len;

    if (at >= fs->length)
        return 0;
    in = bytes_of(fs->in->data + fs->base + at, fs->length - at);
    header = bytes_u16(&in);
    len = header & (TABLE_PLAIN - 1);
    if (in.failed || len == 0 || len > SQUASHFS_TABLE_BLOCK_BYTES || len > bytes_left(&in))
        return 0;
    if (header & TABLE_PLAIN) {
        memcpy(out, in.data + in.pos, len);
        *unpacked = len;
        return len + 2;
    }
    *unpacked = fs->packed ? unpack_block(fs, at + 2, len, out, SQUASHFS_TABLE_BLOCK_BYTES) : 0;
    if (*unpacked == 0)
        return 0;
    add_unit(fs, at + 2, len, *unpacked);
    return len + 2;
}

/* A table from `at` to `end`; it ends early where it is not well formed. */
static void read_table(struct squashfs *fs, uint64_t at, uint64_t end, struct squashfs_table *out)
{
    for (uint64_t pos = at; pos < end && out->len < fs->in->unpacked_max;) {
        uint64_t unpacked;
        uint64_t packed;

        if (out->room - out->len < SQUASHFS_TABLE_BLOCK_BYTES) {
            out->room = 2 * out->room + SQUASHFS_TABLE_BLOCK_BYTES;
            out->data = mem_resize(out->data, out->room, 1);
        }
        packed = table_block(fs, pos, out->data + out->len, &unpacked);
        if (packed == 0)
            break;
        if (out->mark_count == out->mark_room) {
            out->mark_room = 2 * out->mark_room + 64;
            out->marks = mem_resize(out->marks, out->mark_room, sizeof(out->marks[0]));
        }
        out->marks[out->mark_count++] = (struct squashfs_mark){pos - at, out->len};
        out->len += unpacked;
        pos += packed;
    }
}

/* The tables that a list of places at `list` names, `count` entries of `entry_bytes` in all. The
 * place of the first, or `fs->length`. */
static uint64_t read_listed(struct squashfs *fs, uint64_t list, uint64_t count, size_t entry_bytes,
                            struct squashfs_table *out)
{
    uint64_t blocks =
        (count * entry_bytes + SQUASHFS_TABLE_BLOCK_BYTES - 1) / SQUASHFS_TABLE_BLOCK_BYTES;
    uint64_t first = fs->length;
    struct bytes in;

    if (list >= fs->length || blocks > LIST_MAX || blocks * 8 > fs->length - list)
        return first;
    in = bytes_of(fs->in->data + fs->base + list, blocks * 8);
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t at = bytes_u64(&in);

        if (i == 0 && at < first)
            first = at;
        read_table(fs, at, at < UINT64_MAX ? at + 1 : at, out);
    }
    return first;
}

static void read_fragments(struct squashfs *fs, const struct squashfs_table *table, uint32_t count)
{
    struct bytes in = bytes_of(table->data, table->len);
    AUTO_FREE uint8_t *block = mem_alloc(fs->block_bytes);

    if (count > table->len / FRAGMENT_ENTRY_BYTES)
        count = (uint32_t)(table->len / FRAGMENT_ENTRY_BYTES);
    fs->fragments = mem_array(count, sizeof(fs->fragments[0]));
    fs->fragment_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct squashfs_fragment fragment = {.at = bytes_u64(&in)};

        fragment.size = bytes_u32(&in);
        (void)bytes_u32(&in);
        fs->fragments[i] = fragment;
        if (fs->packed && !(fragment.size & SQUASHFS_BLOCK_PLAIN))
            add_unit(fs, fragment.at, fragment.size,
                     unpack_block(fs, fragment.at, fragment.size, block, fs->block_bytes));
    }
}

static void add_file(struct squashfs *fs, const struct squashfs_file *file)
{
    uint64_t at = file->start;
    uint64_t left = file->size;

    for (uint64_t i = 0; i < file->block_count; i++) {
        uint32_t size = squashfs_block_size(fs, file, i);
        uint64_t unpacked = left < fs->block_bytes ? left : fs->block_bytes;

        if (size > 0 && !(size & SQUASHFS_BLOCK_PLAIN))
            add_unit(fs, at, size, unpacked);
        at += size & (SQUASHFS_BLOCK_PLAIN - 1);
        left -= unpacked;
    }
}

/* The inodes lie one behind the other; those of files name the data blocks. */
static void add_files(struct squashfs *fs, uint32_t count)
{
    uint64_t pos = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct squashfs_inode inode;

        if (!squashfs_inode_read(fs, pos, &inode))
            return;
        if (inode.is_file)
            add_file(fs, &inode.file);
        pos = inode.next;
    }
}

static void table_done(struct squashfs_table *table)
{
    mem_free(table->data);
    mem_free(table->marks);
    *table = (struct squashfs_table){0};
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The tables behind the directories; the least of their places is where the directories end. */
static uint64_t read_other_tables(struct squashfs *fs, const struct superblock *super)
{
    struct squashfs_table fragments = {0};
    struct squashfs_table unused = {0};
    uint64_t end =
        read_listed(fs, super->fragment_table, super->fragments, FRAGMENT_ENTRY_BYTES, &fragments);
    uint64_t attributes = super->attribute_table;

    read_fragments(fs, &fragments, super->fragments);
    end = least(end,
                read_listed(fs, super->export_table, super->inodes, EXPORT_ENTRY_BYTES, &unused));
    end = least(end, read_listed(fs, super->id_table, super->ids, ID_ENTRY_BYTES, &unused));
    if (attributes < fs->length && fs->length - attributes >= 16) {
        struct bytes in = bytes_of(fs->in->data + fs->base + attributes, 16);
        uint64_t values = bytes_u64(&in);
        uint32_t count = bytes_u32(&in);
        uint64_t first = read_listed(fs, attributes + 16, count, ATTRIBUTE_ENTRY_BYTES, &unused);

        table_done(&unused);
        read_table(fs, values, least(first, fs->length), &unused);
        end = least(end, values);
    }
    table_done(&fragments);
    table_done(&unused);
    return end;
}

static void name_table(struct squashfs *fs, uint64_t at, const struct squashfs_table *table,
                       const char *name)
{
    if (table->mark_count > 0)
        units_add_element(fs->out,
                          (struct element){.at = fs->base + at,
                                           .length = table->len + 2 * table->mark_count,
                                           .kind = ELEMENT_METADATA,
                                           .unpacked = true},
                          name);
}

static bool find(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found)
{
    struct squashfs fs = {.in = in, .base = at, .out = out};
    struct superblock super;
    uint64_t end;

    if (!read_superblock(bytes_of(in->data + at, in->len - at), &super))
        return false;
    fs.length = super.used;
    fs.block_bytes = super.block_bytes;
    read_compressor(&fs, &super);
    end = read_other_tables(&fs, &super);
    read_table(&fs, super.inode_table, super.directory_table, &fs.inodes);
    read_table(&fs, super.directory_table, end, &fs.directories);
    name_table(&fs, super.inode_table, &fs.inodes, "squashfs inodes");
    name_table(&fs, super.directory_table, &fs.directories, "squashfs directories");
    add_files(&fs, super.inodes);
    squashfs_name_files(&fs, super.root);
    table_done(&fs.inodes);
    table_done(&fs.directories);
    mem_free(fs.fragments);
    found->length = fs.length;
    return true;
}

const struct container container_squashfs = {
    .name = "squashfs", .magic = "hsqs", .magic_len = 4, .find = find};
