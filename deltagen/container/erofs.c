/*
 * erofs: a read-only file system whose files are packed into clusters of whole blocks.
 *
 * Superblock, 1024 bytes behind the start: 0 magic 4, 12 log2 of a block 1, 14 root inode 2, 36
 * blocks 4, 40 first block of the inodes 4, 80 features 4. An inode is at 32 times its number:
 * 0 layout and length 2 (bit 0: 64 bytes instead of 32), 2 attributes 2, 4 mode 2, 8 size 4 or 8,
 * 16 first block 4. A directory's block: entries (inode 8, place of the name 2, kind 1, unused 1),
 * then their names.
 */
#include "deltagen/container/erofs.h"

#include <string.h>

enum {
    SUPER_AT = 1024,
    BLOCK_LOG2_MIN = 9,
    BLOCK_LOG2_MAX = 16,
    FEATURES_KNOWN = 7, /* padding in front, large clusters, chunks */
    INODE_BYTES = 32,
    ENTRY_BYTES = 12,
    MODE_MASK = 0xf000,
    MODE_FILE = 0x8000,
    MODE_DIRECTORY = 0x4000,
    DEPTH_MAX = 64,
};

struct bytes erofs_place(const struct erofs *fs, uint64_t at, uint64_t len)
{
    if (at > fs->length || len > fs->length - at)
        return bytes_of(NULL, 0);
    return bytes_of(fs->in->data + fs->base + at, len);
}

static bool read_inode(const struct erofs *fs, uint64_t number, struct erofs_inode *out)
{
    uint64_t at = fs->inodes_at + number * INODE_BYTES;
    struct bytes in;
    uint16_t format;
    uint16_t attributes;

    if (number > fs->length / INODE_BYTES)
        return false;
    in = erofs_place(fs, at, INODE_BYTES);
    format = bytes_u16(&in);
    attributes = bytes_u16(&in);
    out->mode = bytes_u16(&in);
    (void)bytes_u16(&in);
    out->size = format & 1 ? bytes_u64(&in) : bytes_u32(&in);
    if (!(format & 1))
        (void)bytes_u32(&in);
    out->start = bytes_u32(&in);
    out->layout = format >> 1 & 7;
    out->end = at + (format & 1 ? 2 * INODE_BYTES : INODE_BYTES) +
               (attributes > 0 ? 12 + 4 * ((uint64_t)attributes - 1) : 0);
    return !in.failed;
}

/* The parts of a file that is not packed: whole blocks, then what lies behind its inode. */
static void plain_parts(const struct erofs *fs, const struct erofs_inode *inode,
                        struct span parts[2])
{
    uint64_t at = (uint64_t)inode->start << fs->block_log2;
    uint64_t tail = inode->layout == EROFS_INLINE ? inode->size & ((1U << fs->block_log2) - 1) : 0;
    uint64_t head = inode->size - tail;

    parts[0] = (struct span){at, head};
    parts[1] = (struct span){inode->end, tail};
    for (size_t i = 0; i < 2; i++) {
        if (parts[i].at > fs->length || parts[i].length > fs->length - parts[i].at)
            parts[i].length = 0;
    }
}

static void walk_inode(struct erofs *fs, uint64_t number);

static void walk_entry(struct erofs *fs, uint64_t inode, const uint8_t *name, size_t name_len)
{
    size_t len = fs->path_len;
    const uint8_t *end = memchr(name, '\0', name_len);

    if (end)
        name_len = (size_t)(end - name);
    if (name_len == 0 || (name_len == 1 && name[0] == '.') ||
        (name_len == 2 && name[0] == '.' && name[1] == '.') ||
        len + name_len + 2 > sizeof(fs->path))
        return;
    fs->path[len] = '/';
    memcpy(fs->path + len + 1, name, name_len);
    fs->path_len = len + 1 + name_len;
    fs->path[fs->path_len] = '\0';
    walk_inode(fs, inode);
    fs->path_len = len;
    fs->path[len] = '\0';
}

static uint16_t name_at(struct bytes block, size_t entry)
{
    block.pos = entry * ENTRY_BYTES + 8;
    return bytes_u16(&block);
}

static void walk_block(struct erofs *fs, struct bytes block)
{
    size_t count = block.len >= ENTRY_BYTES ? name_at(block, 0) / ENTRY_BYTES : 0;

    for (size_t i = 0; i < count && (i + 1) * ENTRY_BYTES <= block.len && fs->entries_left > 0;
         i++) {
        struct bytes in = block;
        uint64_t inode;
        size_t start = name_at(block, i);
        size_t end =
            i + 1 < count && (i + 2) * ENTRY_BYTES <= block.len ? name_at(block, i + 1) : block.len;

        fs->entries_left--;
        in.pos = i * ENTRY_BYTES;
        inode = bytes_u64(&in);
        if (start < end && end <= block.len)
            walk_entry(fs, inode, block.data + start, end - start);
    }
}

static void walk_directory(struct erofs *fs, const struct erofs_inode *inode)
{
    uint64_t block_bytes = UINT64_C(1) << fs->block_log2;
    struct span parts[2];

    plain_parts(fs, inode, parts);
    for (size_t i = 0; i < COUNT(parts); i++) {
        for (uint64_t pos = 0; pos < parts[i].length && fs->entries_left > 0; pos += block_bytes) {
            uint64_t left = parts[i].length - pos;

            walk_block(fs,
                       erofs_place(fs, parts[i].at + pos, left < block_bytes ? left : block_bytes));
        }
    }
}

static void name_file(struct erofs *fs, const struct erofs_inode *inode)
{
    struct span parts[2];

    plain_parts(fs, inode, parts);
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (parts[i].length > 0)
            units_add_element(fs->out,
                              (struct element){.at = fs->base + parts[i].at,
                                               .length = parts[i].length,
                                               .kind = ELEMENT_FILE,
                                               .unpacked = true},
                              fs->path);
    }
}

/* Bounded by `depth` and `entries_left`. NOLINTNEXTLINE(misc-no-recursion) */
static void walk_inode(struct erofs *fs, uint64_t number)
{
    struct erofs_inode inode;
    bool plain;

    if (!read_inode(fs, number, &inode))
        return;
    plain = inode.layout == EROFS_PLAIN || inode.layout == EROFS_INLINE;
    if ((inode.mode & MODE_MASK) == MODE_FILE) {
        if (plain)
            name_file(fs, &inode);
        else if (inode.layout == EROFS_PACKED_FULL || inode.layout == EROFS_PACKED_COMPACT)
            erofs_packed_file(fs, &inode);
    } else if ((inode.mode & MODE_MASK) == MODE_DIRECTORY && plain && fs->depth < DEPTH_MAX) {
        fs->depth++;
        walk_directory(fs, &inode);
        fs->depth--;
    }
}

static bool find(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found)
{
    struct erofs fs = {.in = in, .base = at, .out = out};
    struct bytes super = bytes_of(in->data + at, in->len - at);
    uint16_t root;
    uint32_t blocks;
    uint32_t features;

    (void)bytes_take(&super, SUPER_AT + 12);
    fs.block_log2 = bytes_u8(&super);
    (void)bytes_u8(&super);
    root = bytes_u16(&super);
    (void)bytes_take(&super, 20);
    blocks = bytes_u32(&super);
    fs.inodes_at = bytes_u32(&super);
    (void)bytes_take(&super, 36);
    features = bytes_u32(&super);
    if (super.failed || fs.block_log2 < BLOCK_LOG2_MIN || fs.block_log2 > BLOCK_LOG2_MAX ||
        features & ~(uint32_t)FEATURES_KNOWN)
        return false;
    fs.inodes_at <<= fs.block_log2;
    fs.length = (uint64_t)blocks << fs.block_log2;
    if (fs.length > in->len - at || fs.length <= SUPER_AT)
        return false;
    fs.entries_left = fs.length / ENTRY_BYTES;
    fs.clusters_left = fs.length; /* two bytes each, at least */
    fs.group = out->groups++;
    fs.plain = out->groups++;
    walk_inode(&fs, root);
    found->length = fs.length;
    return true;
}

const struct container container_erofs = {.name = "erofs",
                                          .magic = "\xe2\xe1\xf5\xe0",
                                          .magic_len = 4,
                                          .magic_at = SUPER_AT,
                                          .find = find};
