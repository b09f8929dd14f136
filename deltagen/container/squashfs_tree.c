/*
 * Inodes and directories of a squashfs. An inode begins with kind 2, mode 2, ids 2+2, time 4,
 * number 4; what follows depends on its kind. A listing is headers (entries less one 4, inode
 * block 4, number 4) each followed by entries (offset 2, number 2, kind 2, name length less one
 * 2, name).
 */
#include <stdio.h>
#include <string.h>

#include "deltagen/container/squashfs.h"

enum kind {
    DIRECTORY = 1,
    FILE_BASIC,
    SYMLINK,
    BLOCK_DEVICE,
    CHAR_DEVICE,
    FIFO,
    SOCKET,
    LONG_KINDS = 7, /* each kind again, with more fields */
    KIND_COUNT = 15,
    INODE_HEAD_BYTES = 14,
    DEPTH_MAX = 64,
    ENTRY_BYTES_MIN = 9,
};

uint64_t squashfs_table_at(const struct squashfs_table *table, uint64_t packed_at, uint32_t offset)
{
    size_t low = 0;
    size_t high = table->mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->marks[middle].packed_at < packed_at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == table->mark_count || table->marks[low].packed_at != packed_at ||
        offset >= table->len - table->marks[low].at)
        return UINT64_MAX;
    return table->marks[low].at + offset;
}

uint32_t squashfs_block_size(const struct squashfs *fs, const struct squashfs_file *file,
                             uint64_t i)
{
    struct bytes in = bytes_of(fs->inodes.data + file->blocks_at + 4 * i, 4);

    return bytes_u32(&in);
}

static bool finish_file(const struct squashfs *fs, struct bytes *in, struct squashfs_file *file)
{
    bool fragment = file->fragment != (uint32_t)SQUASHFS_NO_FRAGMENT;

    file->blocks_at = in->pos;
    file->block_count = file->size / fs->block_bytes;
    if (!fragment && file->size % fs->block_bytes > 0)
        file->block_count++;
    return file->block_count <= bytes_left(in) / 4 && bytes_take(in, file->block_count * 4);
}

static void read_file(struct bytes *in, struct squashfs_file *file)
{
    file->start = bytes_u32(in);
    file->fragment = bytes_u32(in);
    file->fragment_offset = bytes_u32(in);
    file->size = bytes_u32(in);
}

static void read_long_file(struct bytes *in, struct squashfs_file *file)
{
    file->start = bytes_u64(in);
    file->size = bytes_u64(in);
    (void)bytes_u64(in); /* sparse bytes */
    (void)bytes_u32(in); /* links */
    file->fragment = bytes_u32(in);
    file->fragment_offset = bytes_u32(in);
    (void)bytes_u32(in); /* attributes */
}

static void read_directory(struct bytes *in, struct squashfs_inode *out)
{
    out->is_directory = true;
    out->directory.start = bytes_u32(in);
    (void)bytes_u32(in); /* links */
    out->directory.size = bytes_u16(in);
    out->directory.offset = bytes_u16(in);
    (void)bytes_u32(in); /* parent */
}

static void read_long_directory(struct bytes *in, struct squashfs_inode *out)
{
    uint16_t indexes;

    out->is_directory = true;
    (void)bytes_u32(in); /* links */
    out->directory.size = bytes_u32(in);
    out->directory.start = bytes_u32(in);
    (void)bytes_u32(in); /* parent */
    indexes = bytes_u16(in);
    out->directory.offset = bytes_u16(in);
    (void)bytes_u32(in); /* attributes */
    for (uint16_t i = 0; i < indexes && !in->failed; i++) {
        (void)bytes_u64(in);
        (void)bytes_take(in, (size_t)bytes_u32(in) + 1);
    }
}

/* Bytes of the rest of a kind whose length is fixed. */
static size_t fixed_bytes(unsigned kind)
{
    switch (kind > LONG_KINDS ? kind - LONG_KINDS : kind) {
    case BLOCK_DEVICE:
    case CHAR_DEVICE:
        return kind > LONG_KINDS ? 12 : 8;
    default: /* FIFO and SOCKET; the numbers are the image's */
        return kind > LONG_KINDS ? 8 : 4;
    }
}

bool squashfs_inode_read(const struct squashfs *fs, uint64_t pos, struct squashfs_inode *out)
{
    struct bytes in = bytes_of(fs->inodes.data, fs->inodes.len);
    unsigned kind;

    *out = (struct squashfs_inode){0};
    if (pos >= in.len)
        return false;
    in.pos = pos;
    kind = bytes_u16(&in);
    (void)bytes_take(&in, INODE_HEAD_BYTES);
    if (kind == 0 || kind >= KIND_COUNT || in.failed)
        return false;
    if (kind == FILE_BASIC || kind == FILE_BASIC + LONG_KINDS) {
        out->is_file = true;
        if (kind == FILE_BASIC)
            read_file(&in, &out->file);
        else
            read_long_file(&in, &out->file);
        if (in.failed || !finish_file(fs, &in, &out->file))
            return false;
    } else if (kind == DIRECTORY) {
        read_directory(&in, out);
    } else if (kind == DIRECTORY + LONG_KINDS) {
        read_long_directory(&in, out);
    } else if (kind == SYMLINK || kind == SYMLINK + LONG_KINDS) {
        (void)bytes_u32(&in);
        (void)bytes_take(&in, bytes_u32(&in));
        if (kind > LONG_KINDS)
            (void)bytes_u32(&in);
    } else {
        (void)bytes_take(&in, fixed_bytes(kind));
    }
    out->next = in.pos;
    return !in.failed;
}

/* --- names --------------------------------------------------------------------------------- */

struct walk {
    struct squashfs *fs;
    /* An honest image names little twice: these end loops. */
    uint64_t entries_left, blocks_left;
    unsigned depth;
    size_t path_len;
    char path[PATH_BYTES_MAX];
};

/* The blocks that lie one behind the other, then the tail. */
static void name_file(struct walk *walk, const struct squashfs_file *file)
{
    const struct squashfs *fs = walk->fs;
    uint64_t stored = 0;
    uint64_t left = file->size;

    if (walk->blocks_left < file->block_count)
        return;
    walk->blocks_left -= file->block_count;
    for (uint64_t i = 0; i < file->block_count; i++) {
        uint64_t unpacked = left < fs->block_bytes ? left : fs->block_bytes;

        stored += squashfs_block_size(fs, file, i) > 0 ? unpacked : 0;
        left -= unpacked;
    }
    if (stored > 0 && file->start < fs->length)
        units_add_element(fs->out,
                          (struct element){.at = fs->base + file->start,
                                           .length = stored,
                                           .kind = ELEMENT_FILE,
                                           .unpacked = true},
                          walk->path);
    if (left > 0 && file->fragment < fs->fragment_count &&
        fs->fragments[file->fragment].at < fs->length && file->fragment_offset < fs->block_bytes)
        units_add_element(fs->out,
                          (struct element){.at = fs->base + fs->fragments[file->fragment].at,
                                           .skip = file->fragment_offset,
                                           .length = left,
                                           .kind = ELEMENT_FILE,
                                           .unpacked = true},
                          walk->path);
}

static void walk_inode(struct walk *walk, uint64_t pos);

static void walk_entry(struct walk *walk, uint64_t inode_block, struct bytes *in)
{
    uint16_t offset = bytes_u16(in);
    size_t len = walk->path_len;
    const uint8_t *name;
    uint16_t name_len;

    (void)bytes_u16(in);
    (void)bytes_u16(in);
    name_len = bytes_u16(in);
    name = bytes_take(in, (size_t)name_len + 1);
    if (!name || len + name_len + 3 > sizeof(walk->path))
        return;
    walk->path[len] = '/';
    memcpy(walk->path + len + 1, name, (size_t)name_len + 1);
    walk->path_len = len + name_len + 2;
    walk->path[walk->path_len] = '\0';
    walk_inode(walk, squashfs_table_at(&walk->fs->inodes, inode_block, offset));
    walk->path_len = len;
    walk->path[len] = '\0';
}

static void walk_directory(struct walk *walk, const struct squashfs_inode *inode)
{
    const struct squashfs_table *table = &walk->fs->directories;
    uint64_t at = squashfs_table_at(table, inode->directory.start, inode->directory.offset);
    uint64_t size = inode->directory.size < 3 ? 0 : inode->directory.size - 3;
    struct bytes in;

    if (at == UINT64_MAX || walk->depth >= DEPTH_MAX)
        return;
    in = bytes_of(table->data + at, size < table->len - at ? size : table->len - at);
    walk->depth++;
    while (bytes_left(&in) > 0 && !in.failed) {
        uint32_t count = bytes_u32(&in);
        uint32_t block = bytes_u32(&in);

        (void)bytes_u32(&in);
        for (uint64_t i = 0; i <= count && !in.failed && walk->entries_left > 0; i++) {
            walk->entries_left--;
            walk_entry(walk, block, &in);
        }
        if (walk->entries_left == 0)
            break;
    }
    walk->depth--;
}

/* Bounded by `depth`. NOLINTNEXTLINE(misc-no-recursion) */
static void walk_inode(struct walk *walk, uint64_t pos)
{
    struct squashfs_inode inode;

    if (!squashfs_inode_read(walk->fs, pos, &inode))
        return;
    if (inode.is_file)
        name_file(walk, &inode.file);
    if (inode.is_directory)
        walk_directory(walk, &inode);
}

void squashfs_name_files(struct squashfs *fs, uint64_t root)
{
    struct walk walk = {.fs = fs,
                        .entries_left = fs->directories.len / ENTRY_BYTES_MIN,
                        .blocks_left = fs->inodes.len};

    walk_inode(&walk, squashfs_table_at(&fs->inodes, root >> 16, root & 0xffff));
}
