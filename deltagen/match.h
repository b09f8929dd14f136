#pragma once
/*
 * Where in the old image the new one's bytes were: exact matches, in the order of the new image,
 * each worth a change of the distance between the two. Regions that moved as whole blocks are
 * found by hashing; only what is left of the old image is sorted.
 */
#include "deltagen/image.h"

struct match {
    size_t new_pos;
    size_t old_pos;
    size_t len;
};

struct matches {
    struct match *items; /* owned */
    size_t count;
    size_t room;
};

struct match_options {
    /* Blocks of this size are found by hash first; 0: never. */
    size_t block_bytes;
    /* Called now and then with the new bytes done; may be NULL. */
    void (*progress)(void *arg, size_t done);
    void *progress_arg;
};

void match_images(const struct image *old, const struct image *new_image,
                  const struct match_options *options, struct matches *out);
void matches_done(struct matches *matches);
void matches_add(struct matches *matches, struct match match);
