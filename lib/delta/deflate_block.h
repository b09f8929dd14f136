#pragma once
/*
 * Blocks of deflate (RFC 1951) as its first encoder wrote them: literals and matches are
 * gathered, then Huffman codes of bounded length are made for them and the cheapest of three
 * kinds of block is written, bit by bit, as there is room. GNU gzip and zlib agree on this part.
 */
#include "lib/delta/repack.h"

enum {
    DEFLATE_SYMBOLS_MAX = 1 << 15, /* of one block */
    DEFLATE_LITERAL_CODES = 286,
    DEFLATE_DISTANCE_CODES = 30,
    DEFLATE_LENGTH_CODES = 19,
    DEFLATE_NODES = 2 * DEFLATE_LITERAL_CODES + 1,
    DEFLATE_PENDING_BYTES = 1024, /* a block's head needs 600 */
};

/* A code: frequencies in, lengths and bits out. */
struct deflate_code {
    uint16_t frequency[DEFLATE_NODES];
    uint16_t parent[DEFLATE_NODES];
    uint8_t length[DEFLATE_NODES];
    uint16_t bits[DEFLATE_LITERAL_CODES + 2]; /* reversed: as they are sent */
    int last;                                 /* the last symbol that is used */
};

struct deflate_block {
    struct deflate_code literals, distances, lengths, fixed_literals, fixed_distances;
    uint8_t length_codes[256];   /* of a match's length less 3 */
    uint8_t distance_codes[512]; /* of a distance less 1; from 256 on: of distance / 128 */
    uint16_t length_bases[29], distance_bases[DEFLATE_DISTANCE_CODES];
    /* What was gathered: a length less 3 and a distance, or a literal and 0. */
    uint8_t values[DEFLATE_SYMBOLS_MAX];
    uint16_t steps[DEFLATE_SYMBOLS_MAX];
    unsigned count, matches;
    uint64_t own_bits, fixed_bits; /* of the block with its own codes, and with the fixed ones */
    /* What is being written. */
    const struct deflate_code *writing_literals, *writing_distances;
    const uint8_t *stored;
    size_t stored_left;
    unsigned written; /* symbols */
    bool writing, last;
    uint64_t bits;
    unsigned bit_count;
    uint8_t pending[DEFLATE_PENDING_BYTES];
    size_t pending_len, pending_pos;
};

void deflate_block_init(struct deflate_block *block);
void deflate_block_literal(struct deflate_block *block, uint8_t literal);
/* `length` 3 to 258, `distance` 1 to 32768. */
void deflate_block_match(struct deflate_block *block, unsigned length, unsigned distance);
/* Bits that distances take beyond a code of 5 bits each: the first encoder's guess. */
uint64_t deflate_block_distance_bits(const struct deflate_block *block);
/* Starts writing what was gathered; `data` are its `len` bytes, or NULL when they are gone. */
void deflate_block_end(struct deflate_block *block, const uint8_t *data, size_t len, bool last);
/* Writes on; true when the block is written, and of the last one every bit. */
bool deflate_block_write(struct deflate_block *block, struct delta_flow *flow);
