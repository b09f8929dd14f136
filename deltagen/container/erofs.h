#pragma once
/*
 * Inside the erofs finder: the image, its inodes, and the indexes of packed files. Little-endian,
 * as the kernel documents it (Documentation/filesystems/erofs.rst).
 */
#include "deltagen/container/container.h"
#include "lib/base/bytes.h"

struct erofs {
    const struct container_input *in;
    uint64_t base, length;
    struct units *out;
    uint32_t group, plain; /* of units */
    unsigned block_log2;
    uint64_t inodes_at;                   /* where inode number 0 would be */
    uint64_t entries_left, clusters_left; /* end what a hostile image would never end */
    unsigned depth;
    size_t path_len;
    char path[PATH_BYTES_MAX];
};

enum erofs_layout { EROFS_PLAIN, EROFS_PACKED_FULL, EROFS_INLINE, EROFS_PACKED_COMPACT };

struct erofs_inode {
    uint16_t mode;
    unsigned layout;
    uint64_t size;
    uint32_t start; /* block */
    uint64_t end;   /* of inode and attributes: inline bytes or indexes follow */
};

/* The bytes at `at` of the image, or none. */
struct bytes erofs_place(const struct erofs *fs, uint64_t at, uint64_t len);
/* Units and elements of a packed file. */
void erofs_packed_file(struct erofs *fs, const struct erofs_inode *inode);
