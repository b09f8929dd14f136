#pragma once
/*
 * A suffix array over chosen pieces of the old image: where is the longest run of bytes that
 * starts like these? It takes 4 bytes per byte indexed (8 when more than 2 GiB are), a copy of
 * the pieces, and one more byte for the filter that says "nowhere" quickly.
 */
#include "deltagen/image.h"

struct index;

struct piece {
    size_t start;
    size_t len;
};

/* Borrows `old`. Blocks for about 0.15 s per MiB. */
struct index *index_new(const struct image *old, const struct piece *pieces, size_t count);
void index_free(struct index *index);
/* The length of the longest match at `needle` that lies in one piece (0: none of 8 bytes or
 * more) and where in the old image. Looks at INDEX_LEN_MAX bytes at most. */
enum { INDEX_LEN_MIN = 8, INDEX_LEN_MAX = 4096 };
size_t index_find(const struct index *index, const uint8_t *needle, size_t len, size_t *old_pos);
