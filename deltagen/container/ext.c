/*
 * ext2, ext3, ext4: nothing is packed; the finder tells where each file's blocks lie. Names come
 * from the directories, from inode 2 on; a file's blocks from its extents, or from the older
 * lists of blocks.
 *
 * Superblock, 1024 bytes behind the start: 0 inodes 4, 4 blocks 4, 20 first data block 4, 24
 * log2(block / 1024) 4, 32 blocks per group 4, 40 inodes per group 4, 56 magic 2, 88 inode bytes
 * 2, 96 features 4, 254 descriptor bytes 2. Group descriptor: 8 inode table 4, 40 its upper half.
 * Inode: 0 mode 2, 4 size 4, 32 flags 4, 40 blocks or extents 60, 108 upper half of the size.
 * Extent node: f30a 2, entries 2, max 2, depth 2, 4 unused; leaf: logical block 4, length 2,
 * upper place 2, place 4; index: logical block 4, place 4, upper place 2. Directory entry: inode
 * 4, bytes 2, name bytes 1, kind 1, name.
 */
#include <string.h>

#include "deltagen/container/container.h"
#include "lib/base/bytes.h"

enum {
    SUPER_AT = 1024,
    MAGIC_AT = SUPER_AT + 56,
    BLOCK_LOG2_MAX = 6, /* 64 KiB */
    INODE_BYTES_MIN = 128,
    INODE_BYTES_MAX = 4096,
    FEATURE_64BIT = 0x80,
    FLAG_EXTENTS = 0x80000,
    MODE_MASK = 0xf000,
    MODE_FILE = 0x8000,
    MODE_DIRECTORY = 0x4000,
    ROOT = 2,
    EXTENT_MAGIC = 0xf30a,
    EXTENT_DEPTH_MAX = 5,
    EXTENT_UNWRITTEN = 0x8000,
    BLOCK_AREA_BYTES = 60,
    DIRECT_BLOCKS = 12,
    DEPTH_MAX = 64,
    ENTRY_BYTES_MIN = 12,
};

/* A file's next blocks that lie one behind the other. */
struct run {
    uint64_t logical, at, count; /* in blocks */
};

struct ext {
    const struct container_input *in;
    uint64_t base, length;
    struct units *out;
    uint32_t inodes, inodes_per_group, first_block;
    uint32_t block_bytes, inode_bytes, descriptor_bytes;
    bool wide;
    uint64_t entries_left; /* ends what hostile directories would never end */
    unsigned depth;
    size_t path_len;
    char path[PATH_BYTES_MAX];
};

struct inode {
    uint16_t mode;
    uint64_t size;
    bool extents;
    struct bytes area;
};

/* Called for each run of blocks, in the file's order. */
typedef void run_fn(struct ext *fs, void *arg, const struct run *run);

static struct bytes place(const struct ext *fs, uint64_t at, uint64_t len)
{
    if (at > fs->length || len > fs->length - at)
        return bytes_of(NULL, 0);
    return bytes_of(fs->in->data + fs->base + at, len);
}

static struct bytes block(const struct ext *fs, uint64_t number)
{
    return number > 0 && number < fs->length / fs->block_bytes
               ? place(fs, number * fs->block_bytes, fs->block_bytes)
               : bytes_of(NULL, 0);
}

static bool read_inode(const struct ext *fs, uint32_t number, struct inode *out)
{
    uint64_t group = (number - 1) / fs->inodes_per_group;
    uint64_t index = (number - 1) % fs->inodes_per_group;
    struct bytes in =
        place(fs, ((uint64_t)fs->first_block + 1) * fs->block_bytes + group * fs->descriptor_bytes,
              fs->descriptor_bytes);
    uint64_t table;
    uint32_t flags;

    (void)bytes_u64(&in);
    table = bytes_u32(&in);
    if (fs->wide) {
        (void)bytes_take(&in, 28);
        table |= (uint64_t)bytes_u32(&in) << 32;
    }
    if (number == 0 || number > fs->inodes || in.failed || table > fs->length / fs->block_bytes)
        return false;
    in = place(fs, table * fs->block_bytes + index * fs->inode_bytes, fs->inode_bytes);
    out->mode = bytes_u16(&in);
    (void)bytes_u16(&in);
    out->size = bytes_u32(&in);
    (void)bytes_take(&in, 24);
    flags = bytes_u32(&in);
    out->extents = flags & FLAG_EXTENTS;
    (void)bytes_u32(&in);
    out->area = bytes_of(bytes_take(&in, BLOCK_AREA_BYTES), BLOCK_AREA_BYTES);
    (void)bytes_u64(&in);
    out->size |= (uint64_t)bytes_u32(&in) << 32;
    return !in.failed;
}

/* Bounded by EXTENT_DEPTH_MAX. NOLINTNEXTLINE(misc-no-recursion) */
static void walk_extents(struct ext *fs, struct bytes node, unsigned depth, run_fn *run, void *arg)
{
    uint16_t magic = bytes_u16(&node);
    uint16_t count = bytes_u16(&node);
    uint16_t level;

    (void)bytes_u16(&node);
    level = bytes_u16(&node);
    (void)bytes_u32(&node);
    if (node.failed || magic != EXTENT_MAGIC || depth > EXTENT_DEPTH_MAX)
        return;
    for (uint16_t i = 0; i < count && fs->entries_left > 0; i++) {
        uint32_t logical = bytes_u32(&node);

        fs->entries_left--;
        if (level == 0) {
            uint16_t len = bytes_u16(&node);
            uint64_t high = bytes_u16(&node);
            uint64_t low = bytes_u32(&node);

            if (!node.failed && len <= EXTENT_UNWRITTEN)
                run(fs, arg, &(struct run){logical, high << 32 | low, len});
        } else {
            uint64_t low = bytes_u32(&node);
            uint64_t high = bytes_u16(&node);

            (void)bytes_u16(&node);
            if (!node.failed)
                walk_extents(fs, block(fs, high << 32 | low), depth + 1, run, arg);
        }
        if (node.failed)
            return;
    }
}

/* What lists of blocks have in common. */
struct list_walk {
    struct ext *fs;
    struct run last; /* not told yet: it may go on */
    run_fn *run;
    void *arg;
};

static void list_block(struct list_walk *walk, uint32_t number)
{
    struct run *last = &walk->last;

    if (last->count > 0 && number == last->at + last->count) {
        last->count++;
        return;
    }
    if (last->count > 0)
        walk->run(walk->fs, walk->arg, last);
    *last = (struct run){last->logical + last->count, number, number > 0};
}

/* `level` lists deep. NOLINTNEXTLINE(misc-no-recursion) */
static void walk_list(struct list_walk *walk, struct bytes list, size_t count, unsigned level)
{
    struct ext *fs = walk->fs;

    for (size_t i = 0; i < count && fs->entries_left > 0; i++) {
        uint32_t number = bytes_u32(&list);

        if (list.failed)
            return;
        fs->entries_left--;
        if (level == 0)
            list_block(walk, number);
        else if (number > 0)
            walk_list(walk, block(fs, number), fs->block_bytes / 4, level - 1);
    }
}

static void walk_blocks(struct ext *fs, const struct inode *inode, run_fn *run, void *arg)
{
    struct list_walk walk = {.fs = fs, .run = run, .arg = arg};
    struct bytes area = inode->area;

    if (inode->extents) {
        walk_extents(fs, area, 0, run, arg);
        return;
    }
    walk_list(&walk, area, DIRECT_BLOCKS, 0);
    (void)bytes_take(&area, (size_t)DIRECT_BLOCKS * 4);
    for (unsigned level = 1; level <= 3; level++) {
        uint32_t number = bytes_u32(&area);

        if (number > 0)
            walk_list(&walk, block(fs, number), fs->block_bytes / 4, level - 1);
    }
    if (walk.last.count > 0)
        run(fs, arg, &walk.last);
}

/* --- files
 * ---------------------------------------------------------------------------------------- */

struct file {
    uint64_t left; /* bytes */
};

static void on_file_run(struct ext *fs, void *arg, const struct run *run)
{
    struct file *file = arg;
    uint64_t blocks = fs->length / fs->block_bytes;
    uint64_t length = run->count * fs->block_bytes;

    if (run->at == 0 || run->at >= blocks || run->count > blocks - run->at || file->left == 0)
        return;
    if (length > file->left)
        length = file->left;
    file->left -= length;
    units_add_element(fs->out,
                      (struct element){.at = fs->base + run->at * fs->block_bytes,
                                       .length = length,
                                       .kind = ELEMENT_FILE},
                      fs->path);
}

static void walk_inode(struct ext *fs, uint32_t number);

static void on_directory_run(struct ext *fs, void *arg, const struct run *run)
{
    size_t len = fs->path_len;

    (void)arg;
    for (uint64_t i = 0; i < run->count && fs->entries_left > 0; i++) {
        struct bytes in = block(fs, run->at + i);

        while (bytes_left(&in) >= ENTRY_BYTES_MIN && fs->entries_left > 0) {
            size_t start = in.pos;
            uint32_t inode = bytes_u32(&in);
            uint16_t bytes = bytes_u16(&in);
            uint8_t name_len = bytes_u8(&in);
            const uint8_t *name;

            (void)bytes_u8(&in);
            name = bytes_take(&in, name_len);
            if (!name || bytes < ENTRY_BYTES_MIN || bytes > in.len - start)
                break;
            fs->entries_left--;
            in.pos = start + bytes;
            if (inode == 0 || name_len == 0 || (name_len == 1 && name[0] == '.') ||
                (name_len == 2 && name[0] == '.' && name[1] == '.') ||
                len + name_len + 2 > sizeof(fs->path))
                continue;
            fs->path[len] = '/';
            memcpy(fs->path + len + 1, name, name_len);
            fs->path_len = len + 1 + name_len;
            fs->path[fs->path_len] = '\0';
            walk_inode(fs, inode);
            fs->path_len = len;
            fs->path[len] = '\0';
        }
    }
}

/* Bounded by `depth` and `entries_left`. NOLINTNEXTLINE(misc-no-recursion) */
static void walk_inode(struct ext *fs, uint32_t number)
{
    struct inode inode;
    struct file file;

    if (!read_inode(fs, number, &inode))
        return;
    file.left = inode.size;
    if ((inode.mode & MODE_MASK) == MODE_FILE)
        walk_blocks(fs, &inode, on_file_run, &file);
    if ((inode.mode & MODE_MASK) == MODE_DIRECTORY && fs->depth < DEPTH_MAX) {
        fs->depth++;
        walk_blocks(fs, &inode, on_directory_run, NULL);
        fs->depth--;
    }
}

static bool read_super(struct ext *fs)
{
    struct bytes in = bytes_of(fs->in->data + fs->base, fs->in->len - fs->base);
    uint32_t blocks;
    uint32_t log2;
    uint32_t features;
    uint32_t revision;
    uint16_t descriptor;

    (void)bytes_take(&in, SUPER_AT);
    fs->inodes = bytes_u32(&in);
    blocks = bytes_u32(&in);
    (void)bytes_take(&in, 12);
    fs->first_block = bytes_u32(&in);
    log2 = bytes_u32(&in);
    (void)bytes_take(&in, 12);
    fs->inodes_per_group = bytes_u32(&in);
    (void)bytes_take(&in, 32);
    revision = bytes_u32(&in);
    (void)bytes_take(&in, 8);
    fs->inode_bytes = bytes_u16(&in);
    (void)bytes_take(&in, 6);
    features = bytes_u32(&in);
    (void)bytes_take(&in, 154);
    descriptor = bytes_u16(&in);
    if (revision == 0)
        fs->inode_bytes = INODE_BYTES_MIN;
    if (in.failed || log2 > BLOCK_LOG2_MAX || fs->inodes == 0 || fs->inodes_per_group == 0 ||
        fs->first_block > 1 || fs->inode_bytes < INODE_BYTES_MIN ||
        fs->inode_bytes > INODE_BYTES_MAX)
        return false;
    fs->block_bytes = 1024U << log2;
    fs->wide = features & FEATURE_64BIT;
    fs->descriptor_bytes = fs->wide ? descriptor : 32;
    fs->length = (uint64_t)blocks * fs->block_bytes;
    /* An image may be cut where only free blocks follow. */
    if (fs->length > fs->in->len - fs->base)
        fs->length = fs->in->len - fs->base;
    return blocks > 0 && fs->descriptor_bytes >= (fs->wide ? 64 : 32) &&
           fs->descriptor_bytes <= 1024;
}

static bool find(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found)
{
    struct ext fs = {.in = in, .base = at, .out = out};

    if (!read_super(&fs) || fs.length <= MAGIC_AT)
        return false;
    fs.entries_left = fs.length / ENTRY_BYTES_MIN;
    if (fs.entries_left > ELEMENTS_MAX)
        fs.entries_left = ELEMENTS_MAX;
    walk_inode(&fs, ROOT);
    found->length = fs.length;
    found->open = true;
    return true;
}

const struct container container_ext = {
    .name = "ext", .magic = "\x53\xef", .magic_len = 2, .magic_at = MAGIC_AT, .find = find};
