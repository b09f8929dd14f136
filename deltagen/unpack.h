#pragma once
/*
 * Two images to two spaces: what is packed in them is unpacked, in containers within containers,
 * as far as packing it again gives the same bytes. The matcher compares the spaces; the applier
 * reads the old one through its layout and packs the new one as it goes.
 *
 * A unit stays packed when the other image holds the same packed bytes (there is nothing to
 * gain), when no known parameters bring its bytes back, or when that would take more of the
 * device or of this machine than allowed. The result depends on the images and the limits only.
 */
#include "deltagen/container/container.h"
#include "deltagen/flat.h"
#include "lib/delta/format.h"
#include "lib/delta/repack.h"

/* A part of a level: as it is below, or unpacked. */
struct space_item {
    uint64_t at;           /* in the level below */
    uint64_t len;          /* there */
    uint64_t above;        /* its place in this level */
    uint64_t unpacked_len; /* and length there; of a raw item the same */
    struct delta_packing packing;
    bool packed;
};

/* In the order of the level below, all of it. */
struct space_level {
    struct space_item *items; /* owned */
    size_t count;
};

/* An image, level by level. */
struct space {
    struct image image; /* the topmost level's bytes; borrowed from `flat` or the image given */
    struct flat flat;
    struct space_level levels[DELTA_LEVELS_MAX];
    unsigned level_count;
    struct units names; /* elements of all levels, in places of the topmost (`skip` is 0) */
};

/* Where the bytes of a part of the new space probably were. */
struct counterpart {
    uint64_t old_at, old_len;
    uint64_t new_at, new_len;
};

/* What became of a unit. */
enum unit_fate {
    FATE_UNPACKED,
    FATE_SAME,      /* the other image has the same packed bytes */
    FATE_NOT_EXACT, /* no parameters give the same packed bytes again */
    FATE_MEMORY,    /* the device's memory does not suffice */
    FATE_LIMIT,     /* it, or all of them, unpack to more than allowed */
    FATE_DAMAGED,   /* it does not unpack to what its container says */
    FATE_COUNT,
};

struct unpack_sum {
    uint64_t units;
    uint64_t packed_bytes;
};

struct unpacked {
    struct space old, new_space;
    struct counterpart *pairs; /* owned; by place in the new space */
    size_t pair_count;
    struct unpack_sum sums[FATE_COUNT]; /* of the new image's units */
};

struct unpack_options {
    uint64_t unpack_bytes_max;   /* the device's memory for unpacking one item */
    uint64_t pack_bytes_max;     /* and for packing one */
    uint64_t unpacked_bytes_max; /* of a space, all in all */
    uint64_t memory_bytes;       /* larger spaces and units lie in temporary files */
    unsigned threads;
};

/* Both images are borrowed until unpacked_done(). */
MUST_USE bool unpack_images(const struct image *old, const struct image *new_image,
                            const struct unpack_options *options, struct unpacked *out,
                            struct err *err);
void unpacked_done(struct unpacked *unpacked);

/* "unpacked", "same", "not-exact", ... */
const char *unit_fate_name(enum unit_fate fate);
