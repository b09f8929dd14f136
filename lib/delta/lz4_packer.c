/*
 * The HC encoder looks back 64 KiB and ahead only as far as the matches go that it weighs against
 * each other. So it is given the last 64 KiB as a dictionary and a part of what follows, and its
 * sequences are taken up to some way before the part's end, where it saw the same as with all of
 * the block; it starts again behind the last one that was taken. A match that reaches the part's
 * end is followed byte by byte, however long it is.
 */
#include "lib/delta/lz4_packer.h"

#include <string.h>

#include <lz4.h>
#include <lz4hc.h>

enum {
    HISTORY = 1 << 16,
    /* So long that a match within the history ends in it: where it does, a longer one may begin. */
    PART = HISTORY + (16 << 10),
    MARGIN = 1 << 13, /* of a part, whose sequences are not taken */
    LITERALS_MAX = 32 << 10,
    WINDOW = HISTORY + PART + LITERALS_MAX,
    PACKED = PART + PART / 255 + 16,
    FRESH_LITERALS = 8,
    LONG = 15,
    MATCH_MIN = 4,
    LAST_LITERALS = 5, /* a block's last bytes are always literals */
};

enum state { FILLING, TAKING, FOLLOWING, WRITING, DONE };
enum phase { TOKEN, MORE_LITERALS, LITERALS, DISTANCE, MORE_MATCH, WRITTEN };

/* `match` 0: the block's end. */
struct sequence {
    uint64_t literals, match;
    unsigned distance;
};

struct lz4_packer {
    LZ4_streamHC_t *encoder;
    unsigned level;
    uint64_t total;
    uint64_t base, end; /* places in the block of what the window holds */
    uint64_t start;     /* where the encoder starts again */
    uint64_t anchor;    /* where the literals begin that are not written yet */
    enum state state;
    bool last_part;
    size_t packed_len, packed_pos;
    uint64_t part;  /* where the encoder's part began */
    uint64_t taken; /* the place that the encoder's sequences have come to */
    uint64_t stop;  /* and the last one that is taken of this part */
    /* The sequence that is written. */
    struct sequence sequence;
    enum phase phase;
    uint64_t left;  /* of the phase */
    bool following; /* its match goes on: how far is seen when the rest is written */
    enum state after;
    uint8_t window[WINDOW];
    uint8_t packed[PACKED];
};

uint64_t lz4_packer_bytes(void)
{
    return delta_space_of(sizeof(struct lz4_packer)) + delta_space_of(sizeof(LZ4_streamHC_t));
}

struct lz4_packer *lz4_packer_open(unsigned level, uint64_t unpacked_len, struct delta_space *space)
{
    struct lz4_packer *packer = delta_space_take(space, sizeof(*packer));
    void *encoder = delta_space_take(space, sizeof(LZ4_streamHC_t));

    ASSERT(packer && encoder);
    memset(packer, 0, sizeof(*packer));
    packer->encoder = encoder;
    packer->level = level;
    packer->total = unpacked_len;
    return packer;
}

static bool fails(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "LZ4 could not pack in its window");
}

static const uint8_t *at(const struct lz4_packer *packer, uint64_t place)
{
    return packer->window + (place - packer->base);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- writing a sequence -------------------------------------------------------------------------
 */

static void write_sequence(struct lz4_packer *packer, struct sequence sequence, enum state after)
{
    packer->sequence = sequence;
    packer->phase = TOKEN;
    packer->state = WRITING;
    packer->after = after;
}

static uint8_t token(const struct sequence *sequence)
{
    uint64_t literals = least(sequence->literals, LONG);
    uint64_t match = sequence->match > 0 ? least(sequence->match - MATCH_MIN, LONG) : 0;

    return (uint8_t)(literals << 4 | match);
}

static void put(struct delta_flow *flow, uint8_t byte)
{
    *flow->out++ = byte;
    flow->room--;
}

/* A length beyond its 15 in the token; false: no room. */
static bool put_length(struct lz4_packer *packer, struct delta_flow *flow)
{
    for (;;) {
        uint8_t byte = (uint8_t)least(packer->left, 255);

        if (flow->room == 0)
            return false;
        put(flow, byte);
        packer->left -= byte;
        if (byte < 255)
            return true;
    }
}

static void begin_match(struct lz4_packer *packer)
{
    packer->phase = packer->sequence.match > 0 ? DISTANCE : WRITTEN;
    packer->left = 2;
}

static void begin_literals(struct lz4_packer *packer)
{
    packer->phase = LITERALS;
    packer->left = packer->sequence.literals;
}

static bool put_literals(struct lz4_packer *packer, struct delta_flow *flow)
{
    size_t len = (size_t)least(packer->left, flow->room);

    if (len > 0)
        memcpy(flow->out, at(packer, packer->anchor), len);
    flow->out += len;
    flow->room -= len;
    packer->anchor += len;
    packer->left -= len;
    return packer->left == 0;
}

/* False: no room. */
static bool write_some(struct lz4_packer *packer, struct delta_flow *flow)
{
    const struct sequence *sequence = &packer->sequence;

    switch (packer->phase) {
    case TOKEN:
        if (flow->room == 0)
            return false;
        put(flow, token(sequence));
        begin_literals(packer);
        if (sequence->literals >= LONG) {
            packer->phase = MORE_LITERALS;
            packer->left -= LONG;
        }
        break;
    case MORE_LITERALS:
        if (!put_length(packer, flow))
            return false;
        begin_literals(packer);
        break;
    case LITERALS:
        if (!put_literals(packer, flow))
            return false;
        begin_match(packer);
        break;
    case DISTANCE:
        if (flow->room == 0)
            return false;
        put(flow, (uint8_t)(packer->left == 2 ? sequence->distance : sequence->distance >> 8));
        if (--packer->left > 0)
            break;
        if (packer->following)
            packer->state = FOLLOWING;
        packer->phase = sequence->match - MATCH_MIN >= LONG ? MORE_MATCH : WRITTEN;
        packer->left = sequence->match - MATCH_MIN - LONG;
        break;
    case MORE_MATCH:
        if (!put_length(packer, flow))
            return false;
        packer->phase = WRITTEN;
        break;
    case WRITTEN:
        packer->anchor = packer->start;
        packer->following = false;
        packer->state = packer->after;
        break;
    }
    return true;
}

/* --- the window ---------------------------------------------------------------------------------
 */

/* Makes room for `wanted` bytes behind what there is; false: the literals fill the window. */
static bool make_room(struct lz4_packer *packer, uint64_t wanted)
{
    uint64_t keep = packer->start > HISTORY ? packer->start - HISTORY : 0;

    if (packer->end - packer->base + wanted <= WINDOW)
        return true;
    keep = least(keep, packer->anchor);
    memmove(packer->window, at(packer, keep), (size_t)(packer->end - keep));
    packer->base = keep;
    return packer->end - packer->base + wanted <= WINDOW;
}

/* False: more input is needed. */
static bool take_input(struct lz4_packer *packer, struct delta_flow *flow, uint64_t end)
{
    size_t len = (size_t)least(end - packer->end, flow->in_len);

    if (len > 0)
        memcpy(packer->window + (packer->end - packer->base), flow->in, len);
    flow->in += len;
    flow->in_len -= len;
    packer->end += len;
    return packer->end == end;
}

static uint64_t read_length(struct lz4_packer *packer, unsigned low)
{
    uint64_t length = low;
    uint8_t byte = 255;

    while (low == LONG && byte == 255) {
        byte = packer->packed[packer->packed_pos++];
        length += byte;
    }
    return length;
}

/* The encoder's next one; what it wrote is well formed. */
static struct sequence next_sequence(struct lz4_packer *packer)
{
    uint8_t head = packer->packed[packer->packed_pos++];
    struct sequence sequence = {.literals = read_length(packer, head >> 4)};

    packer->packed_pos += sequence.literals;
    if (packer->packed_pos < packer->packed_len) {
        sequence.distance = packer->packed[packer->packed_pos] |
                            (unsigned)packer->packed[packer->packed_pos + 1] << 8;
        packer->packed_pos += 2;
        sequence.match = MATCH_MIN + read_length(packer, head & LONG);
    }
    return sequence;
}

/* Where the encoder may start again: the last place that is well before the part's end and behind
 * which literals follow. Between matches that touch it may have one in mind already. */
static uint64_t find_stop(struct lz4_packer *packer)
{
    uint64_t place = packer->start;
    uint64_t stop = packer->start;
    uint64_t most = 0;

    while (packer->packed_pos < packer->packed_len) {
        struct sequence sequence = next_sequence(packer);
        uint64_t literals = least(sequence.literals, FRESH_LITERALS);

        if (place > packer->start && literals >= most && place <= packer->end - MARGIN) {
            stop = place;
            most = literals;
        }
        place += sequence.literals + sequence.match;
    }
    packer->packed_pos = 0;
    return stop;
}

/* Has the encoder look at a part. */
static bool encode(struct lz4_packer *packer)
{
    uint64_t history = least(packer->start - packer->base, HISTORY);
    int got;

    (void)LZ4_initStreamHC(packer->encoder, sizeof(*packer->encoder));
    LZ4_resetStreamHC_fast(packer->encoder, (int)packer->level);
    if (history > 0)
        (void)LZ4_loadDictHC(packer->encoder, (const char *)at(packer, packer->start - history),
                             (int)history);
    got = LZ4_compress_HC_continue(packer->encoder, (const char *)at(packer, packer->start),
                                   (char *)packer->packed, (int)(packer->end - packer->start),
                                   PACKED);
    packer->packed_len = got > 0 ? (size_t)got : 0;
    packer->packed_pos = 0;
    packer->part = packer->taken = packer->start;
    packer->last_part = packer->end == packer->total;
    packer->stop = packer->last_part ? packer->total : find_stop(packer);
    packer->state = TAKING;
    return got > 0;
}

static bool fill(struct lz4_packer *packer, struct delta_flow *flow, bool *hungry, struct err *err)
{
    uint64_t end = least(packer->start + PART, packer->total);

    *hungry = false;
    if (packer->end < end && !make_room(packer, end - packer->end))
        return fails(err);
    if (!take_input(packer, flow, end)) {
        *hungry = true;
        return !flow->ending || fails(err);
    }
    return encode(packer) || fails(err);
}

/* --- taking sequences ---------------------------------------------------------------------------
 */

static void restart(struct lz4_packer *packer, uint64_t start)
{
    packer->start = start;
    packer->state = FILLING;
}

/* The first sequence of a part that none could be taken of: it is very long. */
static void take_long(struct lz4_packer *packer, struct sequence sequence)
{
    uint64_t match_at = packer->taken + sequence.literals;

    if (sequence.match == 0 || sequence.literals > MARGIN) {
        /* Among literals the encoder may start anywhere. */
        restart(packer, least(packer->end, match_at) - MARGIN);
        return;
    }
    sequence.literals = match_at - packer->anchor;
    packer->start = packer->taken = match_at + sequence.match;
    packer->following = true;
    write_sequence(packer, sequence, FILLING);
}

static void take(struct lz4_packer *packer)
{
    struct sequence sequence = next_sequence(packer);
    uint64_t end = packer->taken + sequence.literals + sequence.match;

    if (!packer->last_part && packer->taken == packer->stop) {
        if (packer->part == packer->stop)
            take_long(packer, sequence);
        else
            restart(packer, packer->taken);
        return;
    }
    packer->taken = end;
    sequence.literals = end - sequence.match - packer->anchor;
    packer->start = end;
    write_sequence(packer, sequence, sequence.match > 0 ? TAKING : DONE);
}

/* Goes on with a match as long as bytes agree. */
static bool follow(struct lz4_packer *packer, struct delta_flow *flow, bool *hungry,
                   struct err *err)
{
    uint64_t limit = packer->total - LAST_LITERALS;

    *hungry = false;
    while (packer->taken < limit) {
        if (packer->taken == packer->end) {
            uint64_t end = least(packer->end + PART / 4, packer->total);

            packer->start = packer->anchor = packer->taken;
            if (!make_room(packer, end - packer->end))
                return fails(err);
            (void)take_input(packer, flow, end);
            if (packer->taken == packer->end) {
                *hungry = true;
                return !flow->ending || fails(err);
            }
        }
        if (*at(packer, packer->taken) != *at(packer, packer->taken - packer->sequence.distance))
            break;
        packer->taken++;
        packer->left++;
    }
    packer->start = packer->taken;
    packer->state = WRITING;
    return true;
}

bool lz4_packer_step(struct lz4_packer *packer, struct delta_flow *flow, struct err *err)
{
    for (;;) {
        bool hungry = false;

        switch (packer->state) {
        case FILLING:
            if (!fill(packer, flow, &hungry, err))
                return false;
            break;
        case TAKING:
            take(packer);
            break;
        case FOLLOWING:
            if (!follow(packer, flow, &hungry, err))
                return false;
            break;
        case WRITING:
            if (!write_some(packer, flow))
                return true;
            break;
        case DONE:
            flow->done = true;
            return true;
        }
        if (hungry)
            return true;
    }
}
