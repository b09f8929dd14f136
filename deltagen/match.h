#pragma once
/*
 * Where in the old image the new one's bytes were. A match is a stretch of new bytes and the old
 * bytes they are like; equal, or (a cover) nearly so.
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

void matches_done(struct matches *matches);
void matches_add(struct matches *matches, struct match match);
/* Old minus new. */
int64_t match_distance(const struct match *match);

/* A stretch of the old image. */
struct piece {
    size_t start;
    size_t len;
};

struct pieces {
    struct piece *items; /* owned */
    size_t count;
    size_t room;
};

/* In order; one that begins where the last ends is joined to it. */
void pieces_add(struct pieces *pieces, size_t start, size_t len);
void pieces_done(struct pieces *pieces);
/*
 * What no match uses of the old image, and `margin` bytes of what one uses around it; nothing
 * that is shorter than `least`.
 */
void pieces_rest(size_t old_len, const struct matches *matches, size_t margin, size_t least,
                 struct pieces *out);
