/* Gathering, choosing and writing of blocks. */
#include "lib/delta/deflate_block.h"

#include <string.h>

#include "lib/delta/deflate_code.h"

enum {
    END = 256,
    STORED = 0,
    FIXED = 1,
    OWN = 2,
    REPEAT = 16,       /* the length before, 3 to 6 times: 2 bits */
    ZEROS = 17,        /* 3 to 10: 3 bits */
    MANY_ZEROS = 18,   /* 11 to 138: 7 bits */
    SYMBOL_BYTES = 16, /* room for one symbol, generously */
    LITERALS_MIN = 257,
    FIXED_LITERALS = 288,
    NEVER = 1000,
};

static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint8_t distance_extra[DEFLATE_DISTANCE_CODES] = {
    0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
    6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
static const uint8_t code_extra[3] = {2, 3, 7};
/* In which order the lengths of the code of lengths are sent. */
static const uint8_t code_order[DEFLATE_LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                         11, 4,  12, 3, 13, 2, 14, 1, 15};

/* --- bits ---------------------------------------------------------------------------------------
 */

static void send(struct deflate_block *block, unsigned value, unsigned count)
{
    block->bits |= (uint64_t)value << block->bit_count;
    block->bit_count += count;
    while (block->bit_count >= 8) {
        block->pending[block->pending_len++] = (uint8_t)block->bits;
        block->bits >>= 8;
        block->bit_count -= 8;
    }
}

static void fill_byte(struct deflate_block *block)
{
    if (block->bit_count > 0)
        send(block, 0, 8 - block->bit_count);
}

static void send_symbol(struct deflate_block *block, const struct deflate_code *code, int symbol)
{
    send(block, code->bits[symbol], code->length[symbol]);
}

/* --- gathering ----------------------------------------------------------------------------------
 */

static unsigned distance_code(const struct deflate_block *block, unsigned distance)
{
    distance--;
    return block->distance_codes[distance < 256 ? distance : 256 + (distance >> 7)];
}

static void start(struct deflate_block *block)
{
    memset(block->literals.frequency, 0, sizeof(block->literals.frequency));
    memset(block->distances.frequency, 0, sizeof(block->distances.frequency));
    memset(block->lengths.frequency, 0, sizeof(block->lengths.frequency));
    block->literals.frequency[END] = 1;
    block->count = block->matches = 0;
    block->own_bits = block->fixed_bits = 0;
}

static void init_tables(struct deflate_block *block)
{
    unsigned length = 0;
    unsigned distance = 0;

    for (unsigned code = 0; code < COUNT(length_extra) - 1; code++) {
        block->length_bases[code] = (uint16_t)length;
        for (unsigned i = 0; i < 1U << length_extra[code]; i++)
            block->length_codes[length++] = (uint8_t)code;
    }
    /* 258 has a code of its own. */
    block->length_codes[255] = COUNT(length_extra) - 1;
    block->length_bases[COUNT(length_extra) - 1] = 255;
    for (unsigned code = 0; code < DEFLATE_DISTANCE_CODES; code++) {
        block->distance_bases[code] = (uint16_t)distance;
        for (unsigned i = 0; i < 1U << distance_extra[code]; i++, distance++) {
            if (distance < 256)
                block->distance_codes[distance] = (uint8_t)code;
            else
                block->distance_codes[256 + (distance >> 7)] = (uint8_t)code;
        }
    }
}

void deflate_block_init(struct deflate_block *block)
{
    memset(block, 0, sizeof(*block));
    init_tables(block);
    for (int i = 0; i < FIXED_LITERALS; i++)
        block->fixed_literals.length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    for (int i = 0; i < DEFLATE_DISTANCE_CODES; i++)
        block->fixed_distances.length[i] = 5;
    deflate_code_assign(&block->fixed_literals, FIXED_LITERALS - 1);
    deflate_code_assign(&block->fixed_distances, DEFLATE_DISTANCE_CODES - 1);
    start(block);
}

void deflate_block_literal(struct deflate_block *block, uint8_t literal)
{
    block->values[block->count] = literal;
    block->steps[block->count++] = 0;
    block->literals.frequency[literal]++;
}

void deflate_block_match(struct deflate_block *block, unsigned length, unsigned distance)
{
    block->values[block->count] = (uint8_t)(length - 3);
    block->steps[block->count++] = (uint16_t)distance;
    block->literals.frequency[END + 1 + block->length_codes[length - 3]]++;
    block->distances.frequency[distance_code(block, distance)]++;
    block->matches++;
}

uint64_t deflate_block_distance_bits(const struct deflate_block *block)
{
    uint64_t bits = 0;

    for (unsigned code = 0; code < DEFLATE_DISTANCE_CODES; code++)
        bits += (uint64_t)block->distances.frequency[code] * (5U + distance_extra[code]);
    return bits;
}

/* --- a block's own codes ------------------------------------------------------------------------
 */

/* Sends a symbol of the code of lengths, or counts it. */
static void put(struct deflate_block *block, bool sends, unsigned symbol, unsigned extra,
                unsigned extra_bits)
{
    if (!sends) {
        block->lengths.frequency[symbol]++;
        return;
    }
    send_symbol(block, &block->lengths, (int)symbol);
    send(block, extra, extra_bits);
}

static void put_run(struct deflate_block *block, bool sends, int length, int before, unsigned count)
{
    if (length != 0 && length != before) {
        put(block, sends, (unsigned)length, 0, 0);
        count--;
    }
    if (count == 0)
        return;
    if (length == 0 && count <= 10)
        put(block, sends, ZEROS, count - 3, 3);
    else if (length == 0)
        put(block, sends, MANY_ZEROS, count - 11, 7);
    else
        put(block, sends, REPEAT, count - 3, 2);
}

/* Lengths in runs, as long as a symbol can say at once. */
static void put_lengths(struct deflate_block *block, bool sends, const struct deflate_code *code)
{
    int before = -1;
    int next = code->length[0];
    unsigned count = 0;
    unsigned most = next == 0 ? 138 : 7;
    unsigned least = next == 0 ? 3 : 4;

    for (int i = 0; i <= code->last; i++) {
        int length = next;

        next = i < code->last ? code->length[i + 1] : NEVER;
        if (++count < most && length == next)
            continue;
        if (count < least) {
            while (count-- > 0)
                put(block, sends, (unsigned)length, 0, 0);
        } else {
            put_run(block, sends, length, before, count);
        }
        count = 0;
        before = length;
        most = next == 0 ? 138 : length == next ? 6 : 7;
        least = next == 0 || length == next ? 3 : 4;
    }
}

static void make_code(struct deflate_block *block, struct deflate_code *code,
                      const struct deflate_alphabet *alphabet)
{
    deflate_code_make(code, alphabet, &block->own_bits, &block->fixed_bits);
    deflate_code_assign(code, code->last);
}

/* Makes the block's codes; the number of code lengths that have to be sent. */
static unsigned make_codes(struct deflate_block *block)
{
    const struct deflate_alphabet literals = {length_extra, LITERALS_MIN, DEFLATE_LITERAL_CODES, 15,
                                              &block->fixed_literals};
    const struct deflate_alphabet distances = {distance_extra, 0, DEFLATE_DISTANCE_CODES, 15,
                                               &block->fixed_distances};
    const struct deflate_alphabet lengths = {code_extra, REPEAT, DEFLATE_LENGTH_CODES, 7, NULL};
    unsigned sent = DEFLATE_LENGTH_CODES;

    make_code(block, &block->literals, &literals);
    make_code(block, &block->distances, &distances);
    put_lengths(block, false, &block->literals);
    put_lengths(block, false, &block->distances);
    make_code(block, &block->lengths, &lengths);
    while (sent > 4 && block->lengths.length[code_order[sent - 1]] == 0)
        sent--;
    block->own_bits += 3 * sent + 5 + 5 + 4;
    return sent;
}

static void send_codes(struct deflate_block *block, unsigned sent)
{
    send(block, (unsigned)block->literals.last + 1 - LITERALS_MIN, 5);
    send(block, (unsigned)block->distances.last, 5);
    send(block, sent - 4, 4);
    for (unsigned i = 0; i < sent; i++)
        send(block, block->lengths.length[code_order[i]], 3);
    put_lengths(block, true, &block->literals);
    put_lengths(block, true, &block->distances);
}

/* --- writing ------------------------------------------------------------------------------------
 */

void deflate_block_end(struct deflate_block *block, const uint8_t *data, size_t len, bool last)
{
    unsigned sent = make_codes(block);
    uint64_t own = (block->own_bits + 3 + 7) >> 3;
    uint64_t fixed = (block->fixed_bits + 3 + 7) >> 3;
    uint64_t least = fixed <= own ? fixed : own;

    block->pending_len = block->pending_pos = 0;
    block->written = 0;
    block->writing = true;
    block->last = last;
    block->stored = NULL;
    if (len + 4 <= least && data) {
        send(block, STORED << 1 | last, 3);
        fill_byte(block);
        send(block, (unsigned)len & 0xffff, 16);
        send(block, ~(unsigned)len & 0xffff, 16);
        block->stored = data;
        block->stored_left = len;
    } else if (fixed == least) {
        send(block, FIXED << 1 | last, 3);
        block->writing_literals = &block->fixed_literals;
        block->writing_distances = &block->fixed_distances;
    } else {
        send(block, OWN << 1 | last, 3);
        send_codes(block, sent);
        block->writing_literals = &block->literals;
        block->writing_distances = &block->distances;
    }
}

static void send_match(struct deflate_block *block, unsigned length, unsigned distance)
{
    unsigned code = block->length_codes[length];

    send_symbol(block, block->writing_literals, (int)(END + 1 + code));
    send(block, length - block->length_bases[code], length_extra[code]);
    code = distance_code(block, distance);
    send_symbol(block, block->writing_distances, (int)code);
    send(block, distance - 1 - block->distance_bases[code], distance_extra[code]);
}

/* Some symbols into the pending bytes; false: there are none left. */
static bool send_some(struct deflate_block *block)
{
    if (!block->writing)
        return false;
    block->pending_len = block->pending_pos = 0;
    while (block->written < block->count &&
           block->pending_len + SYMBOL_BYTES <= DEFLATE_PENDING_BYTES) {
        unsigned i = block->written++;

        if (block->steps[i] == 0)
            send_symbol(block, block->writing_literals, block->values[i]);
        else
            send_match(block, block->values[i], block->steps[i]);
    }
    if (block->written == block->count &&
        block->pending_len + SYMBOL_BYTES <= DEFLATE_PENDING_BYTES) {
        send_symbol(block, block->writing_literals, END);
        if (block->last)
            fill_byte(block);
        block->writing = false;
    }
    return true;
}

static void give(struct delta_flow *flow, const uint8_t *data, size_t len)
{
    if (len > 0)
        memcpy(flow->out, data, len);
    flow->out += len;
    flow->room -= len;
}

bool deflate_block_write(struct deflate_block *block, struct delta_flow *flow)
{
    for (;;) {
        size_t len = block->pending_len - block->pending_pos;

        if (len > flow->room)
            len = flow->room;
        give(flow, block->pending + block->pending_pos, len);
        block->pending_pos += len;
        if (block->pending_pos < block->pending_len)
            return false;
        if (block->stored) {
            len = block->stored_left < flow->room ? block->stored_left : flow->room;
            give(flow, block->stored, len);
            block->stored += len;
            block->stored_left -= len;
            if (block->stored_left > 0)
                return false;
            break;
        }
        if (!send_some(block))
            break;
    }
    start(block);
    return true;
}
