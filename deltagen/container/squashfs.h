#pragma once
/*
 * Inside the squashfs finder: what its tables and its files have in common. Version 4.0,
 * little-endian, as the kernel documents it (Documentation/filesystems/squashfs.rst).
 */
#include "deltagen/container/container.h"
#include "lib/base/bytes.h"

enum {
    SQUASHFS_TABLE_BLOCK_BYTES = 8192,
    SQUASHFS_BLOCK_PLAIN = 1 << 24, /* in the size of a data block: it is not packed */
    SQUASHFS_NO_FRAGMENT = -1,
};

/* Blocks of a table, unpacked one behind the other, and where each began. */
struct squashfs_table {
    uint8_t *data; /* owned */
    uint64_t len;
    struct squashfs_mark {
        uint64_t packed_at; /* from the table's start, at the block's two bytes of header */
        uint64_t at;        /* in `data` */
    } * marks;              /* owned */
    size_t mark_count;
    size_t room, mark_room;
};

struct squashfs_fragment {
    uint64_t at;
    uint32_t size; /* with SQUASHFS_BLOCK_PLAIN */
};

struct squashfs {
    const struct container_input *in;
    uint64_t base;   /* where the image begins */
    uint64_t length; /* and what of it is used */
    struct units *out;
    bool packed;      /* by something that we can unpack */
    struct unit like; /* family, level, dictionary and group of its units */
    uint32_t block_bytes;
    struct squashfs_table inodes, directories;
    struct squashfs_fragment *fragments; /* owned */
    uint32_t fragment_count;
};

/* A file as its inode tells it. */
struct squashfs_file {
    uint64_t start; /* of its blocks, from the image's start */
    uint64_t size;
    uint64_t blocks_at; /* of its list of block sizes, in the inode table */
    uint64_t block_count;
    uint32_t fragment; /* or SQUASHFS_NO_FRAGMENT */
    uint32_t fragment_offset;
};

/* An inode at `pos` of the table. */
struct squashfs_inode {
    uint64_t next; /* where the next one begins */
    bool is_file, is_directory;
    struct squashfs_file file;
    struct {
        uint32_t start;  /* of its listing: from the directory table's start, packed */
        uint32_t offset; /* and into that block, unpacked */
        uint32_t size;   /* of the listing, and 3 more */
    } directory;
};

/* False: not well formed, or of a kind we do not know. */
bool squashfs_inode_read(const struct squashfs *fs, uint64_t pos, struct squashfs_inode *out);
/* The place in `table->data` of a block and an offset in it; UINT64_MAX: there is none. */
uint64_t squashfs_table_at(const struct squashfs_table *table, uint64_t packed_at, uint32_t offset);
/* The `i`-th size in a file's list of blocks. */
uint32_t squashfs_block_size(const struct squashfs *fs, const struct squashfs_file *file,
                             uint64_t i);

/* Elements of all files, named by the directories from `root` on (block << 16 | offset). */
void squashfs_name_files(struct squashfs *fs, uint64_t root);
