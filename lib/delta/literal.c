#include "lib/delta/literal.h"

#include <string.h>

enum {
    MATCH_MIN = 5, /* bytes that agree before a match is believed in */
    MATCH_MAX = GUESS_TRUSTS - 1,
};

static unsigned heads_log2_of(unsigned history_log2)
{
    return history_log2 - 3;
}

uint64_t delta_literal_bytes(unsigned history_log2)
{
    return (UINT64_C(1) << heads_log2_of(history_log2)) * sizeof(uint32_t) +
           (UINT64_C(1) << history_log2);
}

void delta_literal_init(struct delta_literal *literal, void *memory, unsigned history_log2)
{
    literal->heads = memory;
    literal->heads_log2 = heads_log2_of(history_log2);
    literal->recent = (uint8_t *)(literal->heads + (UINT64_C(1) << literal->heads_log2));
    literal->recent_mask = (UINT32_C(1) << history_log2) - 1;
}

void delta_literal_reset(struct delta_literal *literal)
{
    memset(literal->heads, 0, sizeof(uint32_t) << literal->heads_log2);
    memset(literal->recent, 0, (size_t)literal->recent_mask + 1);
    literal->tail = 0;
    literal->position = 0;
    literal->match_at = 0;
    literal->match_len = 0;
}

static unsigned recent_at(const struct delta_literal *literal, uint32_t at)
{
    return literal->recent[at & literal->recent_mask];
}

static uint32_t *head_of(const struct delta_literal *literal)
{
    uint64_t hash = (literal->tail << (64 - 8 * MATCH_MIN)) * 0x9E3779B185EBCA87u;

    return &literal->heads[hash >> (64 - literal->heads_log2)];
}

static void remember(struct delta_literal *literal, uint8_t byte)
{
    literal->recent[literal->position & literal->recent_mask] = byte;
    literal->position++;
    literal->tail = literal->tail << 8 | byte;
}

/* Where the last bytes were before. */
static void match_find(struct delta_literal *literal)
{
    uint32_t *head = head_of(literal);
    uint32_t distance = literal->position - *head;
    unsigned len = 0;

    if (literal->match_len == 0 && distance > 0 && distance <= literal->recent_mask) {
        while (len < MATCH_MAX && recent_at(literal, *head - 1 - len) ==
                                      recent_at(literal, literal->position - 1 - len))
            len++;
        literal->match_at = *head;
        literal->match_len = len < MATCH_MIN ? 0 : len;
    }
    *head = literal->position;
}

void delta_literal_passed(struct delta_literal *literal, const uint8_t *bytes, size_t len)
{
    /* What would be overwritten is not worth the time. */
    if (len > literal->recent_mask) {
        literal->position += (uint32_t)(len - literal->recent_mask);
        bytes += len - literal->recent_mask;
        len = literal->recent_mask;
    }
    literal->match_len = 0;
    for (size_t i = 0; i < len; i++) {
        *head_of(literal) = literal->position;
        remember(literal, bytes[i]);
    }
}

static unsigned length_class(unsigned len)
{
    if (len < 8)
        return len < MATCH_MIN ? 0 : len - MATCH_MIN + 1;
    return len < 10 ? 4 : len < 16 ? 5 : len < 32 ? 6 : 7;
}

static void ask(const struct delta_literal *literal, struct delta_question *out)
{
    uint32_t near = (uint32_t)literal->tail;
    uint32_t far = (uint32_t)(literal->tail >> 32);
    uint32_t column = literal->position & 3;

    *out = (struct delta_question){
        .contexts =
            {
                near & 0xFF,
                near & 0xFFFF,
                near & 0xFF00,
                near & 0xFF0000,
                near & 0xFFFF00,
                near & 0xFFFF0000,
                (near & 0xFF0000FF) | column << 8,
                (far & 0xFF000000) | (near & 0xFF000000) >> 8 | column,
            },
        .near = {(uint8_t)near, (uint8_t)(near >> 8)},
        .kind = length_class(literal->match_len) * 4 + column,
    };
    if (literal->match_len > 0) {
        out->guesses[0].byte = (uint16_t)(GUESS_IS + recent_at(literal, literal->match_at));
        out->guesses[0].trust = (uint16_t)literal->match_len;
    }
}

unsigned delta_literal_code(struct delta_literal *literal, unsigned byte)
{
    struct delta_question question;

    match_find(literal);
    ask(literal, &question);
    byte = delta_guess_code(literal->guess, 0, &question, byte);
    if (question.guesses[0].byte == GUESS_IS + byte) {
        literal->match_at++;
        literal->match_len += literal->match_len < MATCH_MAX;
    } else {
        literal->match_len = 0;
    }
    remember(literal, (uint8_t)byte);
    return byte;
}
