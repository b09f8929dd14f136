/*
 * deflate by GNU gzip's encoder, which is not zlib's: it searches a window of 64 KiB that it moves
 * by half, enters strings up to the very end of the input (whatever lies behind it), and ends
 * blocks by a guess of its own. Written from the method, byte for byte the same result; unpacking
 * is any inflate's.
 *
 * Positions of three-byte strings are chained by hash; a level says how long a chain is followed
 * and when a match is good enough. From level 4 on a match waits for the one that begins a byte
 * later.
 */
#include <string.h>

#include "lib/delta/deflate_block.h"

enum {
    HALF = 1 << 15,
    WINDOW = 2 * HALF,
    MASK = HALF - 1,
    HASHES = 1 << 15,
    HASH_SHIFT = 5,
    MATCH_MIN = 3,
    MATCH_MAX = 258,
    AHEAD_MIN = MATCH_MAX + MATCH_MIN + 1,
    DISTANCE_MAX = HALF - AHEAD_MIN,
    STEP = 8,    /* bytes compared at once */
    FAR = 4096,  /* a match of three bytes is not worth more */
    NOWHERE = 0, /* position 0 is never matched */
    GUESS_MASK = 0xfff,
    LEVEL_FAST_MAX = 3,
    LEVEL_GUESS_MIN = 3,
};

/* clang-format off */
static const struct effort {
    uint16_t good;  /* from here on the chain is followed a quarter as long */
    uint16_t lazy;  /* from here on no later match is looked for; fast: enters no more strings */
    uint16_t nice;  /* from here on the search ends */
    uint16_t chain;
} efforts[10] = {
    {0, 0, 0, 0},
    {4,   4,   8,    4},
    {4,   5,  16,    8},
    {4,   6,  32,   32},
    {4,   4,  16,   16},
    {8,  16,  32,   32},
    {8,  16, 128,  128},
    {8,  32, 128,  256},
    {32, 128, 258, 1024},
    {32, 258, 258, 4096},
};
/* clang-format on */

enum state { FILLING, SEARCHING, WRITING, LAST, DONE };

struct gnu {
    struct deflate_block block;
    uint8_t window[WINDOW + MATCH_MIN]; /* strings are entered up to the last byte */
    uint16_t chain[HALF];
    uint16_t heads[HASHES];
    const struct effort *effort;
    unsigned level;
    enum state state;
    unsigned pos;        /* of what is to be coded next */
    unsigned ahead;      /* bytes known from there on */
    int64_t block_start; /* below 0: the window has moved on */
    unsigned hash;
    unsigned match_at;
    unsigned length_before;
    unsigned length;
    bool waiting; /* the byte before is not coded yet */
    bool ended;   /* the input is known to have no more */
    bool started;
    unsigned wanted; /* of a window being filled */
    unsigned filled;
};

static void update_hash(struct gnu *gnu, uint8_t byte)
{
    gnu->hash = (gnu->hash << HASH_SHIFT ^ byte) & (HASHES - 1);
}

/* Enters the string at `pos`; the place of the last one with its hash. */
static unsigned enter(struct gnu *gnu)
{
    unsigned head;

    update_hash(gnu, gnu->window[gnu->pos + MATCH_MIN - 1]);
    head = gnu->heads[gnu->hash];
    gnu->chain[gnu->pos & MASK] = (uint16_t)head;
    gnu->heads[gnu->hash] = (uint16_t)gnu->pos;
    return head;
}

/* --- the window ---------------------------------------------------------------------------------
 */

static void move_positions(uint16_t *positions)
{
    for (unsigned i = 0; i < HALF; i++)
        positions[i] = (uint16_t)(positions[i] >= HALF ? positions[i] - HALF : NOWHERE);
}

static void begin_fill(struct gnu *gnu)
{
    gnu->wanted = WINDOW - gnu->ahead - gnu->pos;
    gnu->filled = 0;
    if (gnu->pos >= HALF + DISTANCE_MAX) {
        memcpy(gnu->window, gnu->window + HALF, HALF);
        gnu->match_at -= HALF;
        gnu->pos -= HALF;
        gnu->block_start -= HALF;
        move_positions(gnu->heads);
        move_positions(gnu->chain);
        gnu->wanted += HALF;
    }
    gnu->state = FILLING;
}

static void finish_fill(struct gnu *gnu)
{
    if (gnu->filled == 0) {
        gnu->ended = true;
        /* Its own rule: two bytes behind the end are defined. */
        for (unsigned i = 0; i < MATCH_MIN - 1 && gnu->pos + gnu->ahead + i < WINDOW; i++)
            gnu->window[gnu->pos + gnu->ahead + i] = 0;
    }
    gnu->ahead += gnu->filled;
    if (gnu->ahead < AHEAD_MIN && !gnu->ended) {
        begin_fill(gnu);
        return;
    }
    if (!gnu->started) {
        gnu->started = true;
        update_hash(gnu, gnu->window[0]);
        update_hash(gnu, gnu->window[1]);
    }
    gnu->state = SEARCHING;
}

/* False: more input is needed. */
static bool fill(struct gnu *gnu, struct delta_flow *flow)
{
    size_t len = gnu->wanted - gnu->filled;

    if (len > flow->in_len)
        len = flow->in_len;
    if (len > 0)
        memcpy(gnu->window + gnu->pos + gnu->ahead + gnu->filled, flow->in, len);
    flow->in += len;
    flow->in_len -= len;
    gnu->filled += (unsigned)len;
    if (gnu->filled < gnu->wanted && !flow->ending)
        return false;
    finish_fill(gnu);
    return true;
}

/* --- matches ------------------------------------------------------------------------------------
 */

/* How far the strings agree; their first three bytes are known to. */
static unsigned agree(const uint8_t *a, const uint8_t *b)
{
    unsigned length = MATCH_MIN;

    /* In steps first: the window holds AHEAD_MIN bytes where matches are looked for. */
    while (length + STEP <= MATCH_MAX && memcmp(a + length, b + length, STEP) == 0)
        length += STEP;
    while (length < MATCH_MAX && a[length] == b[length])
        length++;
    return length;
}

/* The longest match in the chain from `at` on that beats the length before. */
static unsigned longest(struct gnu *gnu, unsigned at)
{
    const uint16_t *chain = gnu->chain;
    const uint8_t *window = gnu->window;
    const uint8_t *here = gnu->window + gnu->pos;
    unsigned limit = gnu->pos > DISTANCE_MAX ? gnu->pos - DISTANCE_MAX : NOWHERE;
    unsigned tries = gnu->effort->chain;
    unsigned best = gnu->length_before;

    if (gnu->length_before >= gnu->effort->good)
        tries >>= 2;
    do {
        const uint8_t *there = window + at;

        if (memcmp(there + best - 1, here + best - 1, 2) == 0 && memcmp(there, here, 2) == 0) {
            unsigned length = agree(here, there);

            if (length > best) {
                gnu->match_at = at;
                best = length;
                if (length >= gnu->effort->nice)
                    break;
            }
        }
        at = chain[at & MASK];
    } while (at > limit && --tries != 0);
    return best;
}

static bool may_match(const struct gnu *gnu, unsigned head)
{
    return head != NOWHERE && gnu->pos - head <= DISTANCE_MAX && gnu->pos <= WINDOW - AHEAD_MIN;
}

/* --- blocks -------------------------------------------------------------------------------------
 */

/* Should the block end behind the symbol that was just added? */
static bool block_full(const struct gnu *gnu)
{
    const struct deflate_block *block = &gnu->block;

    if (gnu->level >= LEVEL_GUESS_MIN && (block->count & GUESS_MASK) == 0) {
        uint64_t in = (uint64_t)((int64_t)gnu->pos - gnu->block_start);
        uint64_t out = ((uint64_t)block->count * 8 + deflate_block_distance_bits(block)) >> 3;

        if (block->matches < block->count / 2 && out < in / 2)
            return true;
    }
    return block->count == DEFLATE_SYMBOLS_MAX - 1 || block->matches == DEFLATE_SYMBOLS_MAX;
}

static void end_block(struct gnu *gnu, bool last)
{
    const uint8_t *data = gnu->block_start >= 0 ? gnu->window + gnu->block_start : NULL;

    deflate_block_end(&gnu->block, data, (size_t)((int64_t)gnu->pos - gnu->block_start), last);
    gnu->block_start = gnu->pos;
    gnu->state = last ? LAST : WRITING;
}

/* --- the two ways of searching ------------------------------------------------------------------
 */

/* Takes the first match. True: the block ends here. */
static bool search_fast(struct gnu *gnu)
{
    unsigned head = enter(gnu);
    bool full;

    if (may_match(gnu, head)) {
        gnu->length = longest(gnu, head);
        if (gnu->length > gnu->ahead)
            gnu->length = gnu->ahead;
    }
    if (gnu->length < MATCH_MIN) {
        deflate_block_literal(&gnu->block, gnu->window[gnu->pos]);
        full = block_full(gnu);
        gnu->ahead--;
        gnu->pos++;
        return full;
    }
    deflate_block_match(&gnu->block, gnu->length, gnu->pos - gnu->match_at);
    full = block_full(gnu);
    gnu->ahead -= gnu->length;
    if (gnu->length <= gnu->effort->lazy) {
        for (gnu->length--; gnu->length > 0; gnu->length--) {
            gnu->pos++;
            (void)enter(gnu);
        }
        gnu->pos++;
    } else {
        gnu->pos += gnu->length;
        gnu->length = 0;
        gnu->hash = gnu->window[gnu->pos];
        update_hash(gnu, gnu->window[gnu->pos + 1]);
    }
    return full;
}

/* The match of the byte before is taken: this byte's is no better. */
static bool take_before(struct gnu *gnu, unsigned match_before)
{
    bool full;

    deflate_block_match(&gnu->block, gnu->length_before, gnu->pos - 1 - match_before);
    full = block_full(gnu);
    gnu->ahead -= gnu->length_before - 1;
    for (gnu->length_before -= 2; gnu->length_before > 0; gnu->length_before--) {
        gnu->pos++;
        (void)enter(gnu);
    }
    gnu->waiting = false;
    gnu->length = MATCH_MIN - 1;
    gnu->pos++;
    return full;
}

static bool search_lazy(struct gnu *gnu)
{
    unsigned head = enter(gnu);
    unsigned match_before = gnu->match_at;

    gnu->length_before = gnu->length;
    gnu->length = MATCH_MIN - 1;
    if (gnu->length_before < gnu->effort->lazy && may_match(gnu, head)) {
        gnu->length = longest(gnu, head);
        if (gnu->length > gnu->ahead)
            gnu->length = gnu->ahead;
        if (gnu->length == MATCH_MIN && gnu->pos - gnu->match_at > FAR)
            gnu->length--;
    }
    if (gnu->length_before >= MATCH_MIN && gnu->length <= gnu->length_before)
        return take_before(gnu, match_before);
    if (gnu->waiting) {
        deflate_block_literal(&gnu->block, gnu->window[gnu->pos - 1]);
        /* The block ends before this byte, which waits on. */
        if (block_full(gnu))
            end_block(gnu, false);
    }
    gnu->waiting = true;
    gnu->pos++;
    gnu->ahead--;
    return false;
}

static void search(struct gnu *gnu)
{
    bool fast = gnu->level <= LEVEL_FAST_MAX;

    while (gnu->state == SEARCHING) {
        if (gnu->ahead < AHEAD_MIN && !gnu->ended) {
            begin_fill(gnu);
        } else if (gnu->ahead == 0) {
            if (gnu->waiting)
                deflate_block_literal(&gnu->block, gnu->window[gnu->pos - 1]);
            gnu->waiting = false;
            end_block(gnu, true);
        } else if (fast ? search_fast(gnu) : search_lazy(gnu)) {
            end_block(gnu, false);
        }
    }
}

/* --- the method
 * ----------------------------------------------------------------------------------- */

extern const struct delta_repack_ops delta_repack_gnu_gzip, delta_repack_deflate;

static const struct delta_packing inflating = {DELTA_METHOD_DEFLATE, 9, 15, 8, 0};

struct stream {
    struct gnu *packer; /* or */
    void *unpacker;
};

static bool takes(const struct delta_packing *packing)
{
    return packing->level >= 1 && packing->level < COUNT(efforts) && packing->window_log2 == 0 &&
           packing->flags == 0 && packing->dictionary == 0;
}

static uint64_t unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)packing;
    return delta_space_of(sizeof(struct stream)) +
           delta_repack_deflate.unpack_bytes(&inflating, unpacked_len);
}

static uint64_t pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)packing;
    (void)unpacked_len;
    return delta_space_of(sizeof(struct stream)) + delta_space_of(sizeof(struct gnu));
}

static bool unpack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    struct stream *stream = delta_space_take(space, sizeof(*stream));

    (void)packing;
    ASSERT(stream);
    stream->packer = NULL;
    *out = stream;
    return delta_repack_deflate.unpack_open(&inflating, unpacked_len, space, &stream->unpacker,
                                            err);
}

static bool pack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    struct stream *stream = delta_space_take(space, sizeof(*stream));
    struct gnu *gnu = delta_space_take(space, sizeof(*gnu));

    (void)unpacked_len;
    (void)err;
    ASSERT(stream && gnu);
    stream->packer = gnu;
    memset(gnu, 0, sizeof(*gnu));
    deflate_block_init(&gnu->block);
    gnu->level = packing->level;
    gnu->effort = &efforts[packing->level];
    gnu->length_before = MATCH_MIN - 1;
    gnu->length = MATCH_MIN - 1;
    begin_fill(gnu);
    *out = stream;
    return true;
}

static bool step(void *self, struct delta_flow *flow, struct err *err)
{
    struct stream *stream = self;
    struct gnu *gnu = stream->packer;

    if (!gnu)
        return delta_repack_deflate.step(stream->unpacker, flow, err);
    for (;;) {
        switch (gnu->state) {
        case FILLING:
            if (!fill(gnu, flow))
                return true;
            break;
        case SEARCHING:
            search(gnu);
            break;
        case WRITING:
            if (!deflate_block_write(&gnu->block, flow))
                return true;
            gnu->state = SEARCHING;
            break;
        case LAST:
            if (!deflate_block_write(&gnu->block, flow))
                return true;
            gnu->state = DONE;
            break;
        case DONE:
            flow->done = true;
            return true;
        }
    }
}

const struct delta_repack_ops delta_repack_gnu_gzip = {
    "gnu-gzip", takes, unpack_bytes, pack_bytes, unpack_open, pack_open, step};
