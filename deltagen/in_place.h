#pragma once
/*
 * Patches for an update in place (lib/delta/in_place.h): where groups end, and which old bytes are
 * left when a group is made. With small groups more of the old image is left, with large ones the
 * coder starts anew less often; what is best is found out by trying.
 */
#include "deltagen/match.h"
#include "lib/delta/layout.h"

struct in_place_options {
    uint64_t region_bytes; /* 0: the new image is written elsewhere */
    unsigned erase_log2;
};

/* Where restart groups end in the new space, in order; the last one is its end. */
struct group_ends {
    uint64_t *items; /* owned */
    size_t count, room;
};

enum { IN_PLACE_TRIES = 3 };

/* All borrowed. */
struct in_place_spaces {
    const struct delta_layouts *layouts; /* NULL: the spaces are the images */
    const struct delta_header *header;   /* described by in_place_describe() */
    uint64_t old_space, new_space;
};

/* Sets what the header, which has both lengths, says of it. ERR_INVALID when the region has no
 * room for both images and an erase block. */
MUST_USE bool in_place_describe(const struct in_place_options *options, struct delta_header *header,
                                struct err *err);
/* How much of the new image a group writes in the `attempt`th attempt; 0: there is none. */
uint64_t in_place_group_bytes(const struct delta_header *header, unsigned attempt);
void in_place_groups(const struct in_place_spaces *spaces, uint64_t group_bytes,
                     struct group_ends *out);
void group_ends_done(struct group_ends *ends);
/* What is left of the covers; `out` is empty before. */
void in_place_covers(const struct in_place_spaces *spaces, const struct group_ends *ends,
                     const struct matches *covers, struct matches *out);
