/*
 * A block is sequences: a token (length of literals << 4 | length of the match less 4; 15 goes on
 * in bytes up to one below 255), literals, the match's distance 2. The last one ends behind its
 * literals.
 */
#include "lib/delta/lz4_unpacker.h"

#include <string.h>

enum {
    RING = 1 << 16,
    LONG = 15,
    MATCH_MIN = 4,
};

enum phase { TOKEN, MORE_LITERALS, LITERALS, DISTANCE_LOW, DISTANCE_HIGH, MORE_MATCH, MATCH, END };

struct lz4_unpacker {
    uint64_t left; /* of the block */
    uint64_t made;
    uint64_t literals, match;
    unsigned distance;
    enum phase phase;
    uint8_t ring[RING];
};

uint64_t lz4_unpacker_bytes(void)
{
    return delta_space_of(sizeof(struct lz4_unpacker));
}

struct lz4_unpacker *lz4_unpacker_open(uint64_t unpacked_len, struct delta_space *space)
{
    struct lz4_unpacker *unpacker = delta_space_take(space, sizeof(*unpacker));

    ASSERT(unpacker);
    unpacker->left = unpacked_len;
    unpacker->made = 0;
    unpacker->phase = TOKEN;
    return unpacker;
}

static bool wrong(struct err *err)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is not an LZ4 block");
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* `len` bytes that do not wrap around in the ring and lie before their copy. A distant match may
 * share its place in the ring with its copy, so that is made last, of what went out. */
static void put(struct lz4_unpacker *unpacker, struct delta_flow *flow, const uint8_t *from,
                size_t len)
{
    memcpy(flow->out, from, len);
    memcpy(unpacker->ring + unpacker->made % RING, flow->out, len);
    unpacker->made += len;
    unpacker->left -= len;
    flow->out += len;
    flow->room -= len;
}

static void copy_literals(struct lz4_unpacker *unpacker, struct delta_flow *flow)
{
    size_t left = least(unpacker->literals, least(flow->in_len, flow->room));

    unpacker->literals -= left;
    flow->in_len -= left;
    while (left > 0) {
        size_t len = least(RING - unpacker->made % RING, left);

        put(unpacker, flow, flow->in, len);
        flow->in += len;
        left -= len;
    }
}

/* What repeats within a match is copied with as many of its repeats as there are already. */
static void copy_match(struct lz4_unpacker *unpacker, struct delta_flow *flow)
{
    size_t left = least(unpacker->match, flow->room);
    size_t distance = unpacker->distance;

    unpacker->match -= left;
    while (left > 0) {
        size_t from = (size_t)((unpacker->made - distance) % RING);
        size_t len = least(RING - unpacker->made % RING, left);

        len = least(distance, least(RING - from, len));
        put(unpacker, flow, unpacker->ring + from, len);
        left -= len;
        if (len == distance && distance <= RING / 2)
            distance *= 2;
    }
}

/* What a byte of the block's code means. */
static bool take(struct lz4_unpacker *unpacker, uint8_t byte)
{
    switch (unpacker->phase) {
    case TOKEN:
        unpacker->literals = byte >> 4;
        unpacker->match = byte & LONG;
        unpacker->phase = unpacker->literals == LONG ? MORE_LITERALS : LITERALS;
        break;
    case MORE_LITERALS:
        unpacker->literals += byte;
        unpacker->phase = byte == 255 ? MORE_LITERALS : LITERALS;
        break;
    case DISTANCE_LOW:
        unpacker->distance = byte;
        unpacker->phase = DISTANCE_HIGH;
        break;
    case DISTANCE_HIGH:
        unpacker->distance |= (unsigned)byte << 8;
        unpacker->phase = unpacker->match == LONG ? MORE_MATCH : MATCH;
        unpacker->match += MATCH_MIN;
        break;
    case MORE_MATCH:
        unpacker->match += byte;
        unpacker->phase = byte == 255 ? MORE_MATCH : MATCH;
        break;
    case LITERALS:
    case MATCH:
    case END:
        break;
    }
    return unpacker->literals <= unpacker->left &&
           (unpacker->phase != MATCH ||
            (unpacker->distance > 0 && unpacker->distance <= unpacker->made &&
             unpacker->match <= unpacker->left));
}

bool lz4_unpacker_step(struct lz4_unpacker *unpacker, struct delta_flow *flow, struct err *err)
{
    for (;;) {
        if (unpacker->phase == LITERALS) {
            copy_literals(unpacker, flow);
            if (unpacker->literals > 0)
                break;
            unpacker->phase = unpacker->left == 0 ? END : DISTANCE_LOW;
        } else if (unpacker->phase == MATCH) {
            copy_match(unpacker, flow);
            if (unpacker->match > 0)
                return true;
            unpacker->phase = TOKEN;
        } else if (unpacker->phase == END) {
            flow->done = true;
            return true;
        } else {
            if (flow->in_len == 0)
                break;
            flow->in_len--;
            if (!take(unpacker, *flow->in++))
                return wrong(err);
        }
    }
    return !flow->ending || flow->in_len > 0 || flow->room == 0 || wrong(err);
}
