/*
 * The contexts. A diff is coded as one bit "does it differ", which is all that most cost, and
 * then its bits. What helps on programs: the same address moves by the same distance wherever it
 * is used, so the diffs just before and the old bytes foretell the next diff; tables have the
 * same field 4, 8, 16 or 24 bytes before. Literals are foretold by the bytes just before and by
 * where those were seen last.
 */
#include "lib/delta/model.h"

#include <string.h>

#include "lib/delta/mixer.h"
#include "lib/delta/space.h"

enum {
    HISTORY = 32, /* bytes remembered for contexts, which look back 24; a power of two */
    RECENT = 1 << 16,
    HEADS_LOG2 = 14,
    MATCH_MIN = 5,
    MATCH_MAX = 32,
    SINCE_MAX = 1 << 20,
    /* Sets of weights. */
    SET_DIFFERS = 0,
    SET_DIFF = 256,
    SET_LITERAL = 512,
    SET_CONTROL = 768,
};

struct delta_model {
    struct delta_mixer mixer;
    uint64_t position; /* of the next new byte */
    uint8_t olds[HISTORY];
    uint8_t news[HISTORY];
    uint8_t diffs[HISTORY];
    uint32_t since_change; /* bytes since the last nonzero diff */
    uint32_t last_kind;    /* of operation */
    uint32_t last_word;    /* the last control word's lower half under the kind before it */

    uint8_t recent[RECENT];          /* the last new bytes */
    uint16_t heads[1 << HEADS_LOG2]; /* where in `recent` a hash of MATCH_MIN bytes was last */
    unsigned match_at;               /* in `recent`: what the next literal may repeat */
    unsigned match_len;              /* how many bytes before agree; 0: no match */
    uint16_t match_counters[(MATCH_MAX + 1) * 2];
};

uint64_t delta_model_bytes(unsigned counters_log2, unsigned history_log2)
{
    (void)history_log2;
    return delta_space_of(sizeof(struct delta_model)) +
           (UINT64_C(1) << counters_log2) * sizeof(uint16_t);
}

struct delta_model *delta_model_init(void *memory, unsigned counters_log2, unsigned history_log2,
                                     struct delta_coder *coder)
{
    struct delta_model *model = memory;
    uint8_t *behind = (uint8_t *)memory + delta_space_of(sizeof(*model));

    (void)history_log2;
    delta_mixer_init(&model->mixer, (uint16_t *)(void *)behind, counters_log2, coder);
    delta_model_reset(model);
    return model;
}

void delta_model_reset(struct delta_model *model)
{
    size_t mixer = offsetof(struct delta_model, position);

    memset((uint8_t *)model + mixer, 0, sizeof(*model) - mixer);
    delta_mixer_init(&model->mixer, model->mixer.counters, model->mixer.counters_log2,
                     model->mixer.coder);
    for (size_t i = 0; i < COUNT(model->match_counters); i++)
        model->match_counters[i] = MIXER_COUNTER_START;
}

/* `count` bytes that ended `distance` before the position, the nearest lowest. */
static uint32_t back(const struct delta_model *model, const uint8_t history[HISTORY],
                     unsigned distance, unsigned count)
{
    uint32_t out = 0;

    for (unsigned i = count; i-- > 0;)
        out = out << 8 | history[(model->position - distance - i) & (HISTORY - 1)];
    return out;
}

static void remember(struct delta_model *model, uint8_t old, uint8_t byte)
{
    size_t at = model->position & (HISTORY - 1);

    model->olds[at] = old;
    model->news[at] = byte;
    model->diffs[at] = (uint8_t)(byte - old);
    model->recent[model->position & (RECENT - 1)] = byte;
    model->position++;
    if (byte != old)
        model->since_change = 0;
    else if (model->since_change < SINCE_MAX)
        model->since_change++;
}

/* 0 to 7 as they are, then one number for each power of two. */
static unsigned log_bucket(uint32_t value)
{
    return value < 8 ? value : 36 - (unsigned)__builtin_clz(value);
}

static void add_contexts(struct delta_model *model, uint8_t old)
{
    struct delta_mixer *mixer = &model->mixer;
    const uint8_t *diffs = model->diffs;
    uint32_t before = back(model, diffs, 1, 1);
    uint32_t column = (uint32_t)(model->position & 7);

    delta_mixer_start(mixer);
    delta_mixer_context(mixer, back(model, diffs, 1, 2), 0);
    delta_mixer_context(mixer, back(model, diffs, 1, 4), back(model, diffs, 5, 1));
    delta_mixer_context(mixer, back(model, model->olds, 1, 1) << 8 | old, before);
    delta_mixer_context(mixer, back(model, diffs, 8, 1) << 8 | back(model, diffs, 4, 1),
                        before | (column & 3) << 8);
    delta_mixer_context(mixer, back(model, diffs, 24, 1) << 8 | back(model, diffs, 16, 1), column);
    delta_mixer_context(mixer, log_bucket(model->since_change), old);
}

static uint8_t add_byte(struct delta_model *model, uint8_t old, uint8_t byte)
{
    unsigned diff = (uint8_t)(byte - old);

    add_contexts(model, old);
    model->mixer.set = SET_DIFFERS + log_bucket(model->since_change);
    if (delta_mixer_bit(&model->mixer, 0, NULL, diff != 0))
        diff = delta_mixer_byte(&model->mixer, SET_DIFF, diff);
    else
        diff = 0;
    byte = (uint8_t)(old + diff);
    remember(model, old, byte);
    return byte;
}

void delta_model_add(struct delta_model *model, const uint8_t *old, uint64_t old_at,
                     uint64_t new_at, uint8_t *bytes, size_t len)
{
    (void)old_at;
    (void)new_at;
    for (size_t i = 0; i < len; i++)
        bytes[i] = add_byte(model, old[i], bytes[i]);
}

void delta_model_scope(struct delta_model *model, const struct delta_scope *scope)
{
    (void)model;
    (void)scope;
}

static unsigned recent_at(const struct delta_model *model, uint64_t position)
{
    return model->recent[position & (RECENT - 1)];
}

/* Where the last bytes, MATCH_MIN at least, were before; called once for each literal. */
static void match_find(struct delta_model *model)
{
    uint64_t now = model->position;
    uint32_t hash = 0;
    uint16_t *head;

    for (unsigned i = 1; i <= MATCH_MIN; i++)
        hash = (hash + recent_at(model, now - i) + 1) * 0x2F0B4C47u;
    head = &model->heads[hash >> (32 - HEADS_LOG2)];
    if (model->match_len > 0 && recent_at(model, model->match_at) == recent_at(model, now - 1)) {
        model->match_at = (model->match_at + 1) & (RECENT - 1);
        model->match_len += model->match_len < MATCH_MAX;
    } else {
        uint64_t there = *head;
        unsigned len = 0;

        while (len < MATCH_MAX &&
               recent_at(model, there - 1 - len) == recent_at(model, now - 1 - len))
            len++;
        model->match_at = *head;
        model->match_len = len < MATCH_MIN ? 0 : len;
    }
    *head = (uint16_t)now;
}

static void insert_contexts(struct delta_model *model)
{
    struct delta_mixer *mixer = &model->mixer;
    uint32_t before = back(model, model->news, 1, 4);

    delta_mixer_start(mixer);
    delta_mixer_context(mixer, 0, 1);
    delta_mixer_context(mixer, before & 0xFF, 2);
    delta_mixer_context(mixer, before & 0xFFFF, 3);
    delta_mixer_context(mixer, before & 0xFFFFFF, 4);
    delta_mixer_context(mixer, before & 0xFFFF0000, 5);
    delta_mixer_context(mixer, before & 0xFFFF00, 6);
}

uint8_t delta_model_insert(struct delta_model *model, uint8_t byte)
{
    unsigned expected = 0;
    unsigned node = 1;

    match_find(model);
    insert_contexts(model);
    if (model->match_len > 0)
        expected = recent_at(model, model->match_at) | 256u;
    for (int i = 7; i >= 0; i--) {
        unsigned guess = expected >> i & 1;
        bool believed = expected >> (i + 1) == node;
        uint16_t *extra = &model->match_counters[believed ? model->match_len * 2 + guess : 0];

        model->mixer.set = SET_LITERAL + node;
        node = node << 1 | delta_mixer_bit(&model->mixer, node, extra, (unsigned)byte >> i & 1);
    }
    byte = (uint8_t)node;
    remember(model, byte, byte);
    return byte;
}

void delta_model_passed(struct delta_model *model, const uint8_t *data, size_t len)
{
    /* What lies further back than every context and match is not worth the time. */
    if (len > RECENT) {
        size_t skipped = len - RECENT;
        uint32_t room = SINCE_MAX - model->since_change;

        model->position += skipped;
        model->since_change += skipped < room ? (uint32_t)skipped : room;
        data += skipped;
        len = RECENT;
    }
    for (size_t i = 0; i < len; i++)
        remember(model, data[i], data[i]);
}

uint64_t delta_model_number(struct delta_model *model, unsigned context, uint64_t value)
{
    struct delta_mixer *mixer = &model->mixer;
    uint64_t out = 0;
    unsigned shift = 0;
    unsigned byte;

    do {
        byte = (unsigned)(value >> shift & 127) | (value >> shift > 127 ? 128u : 0);
        delta_mixer_start(mixer);
        delta_mixer_context(mixer, context | 1u << 31, shift);
        byte = delta_mixer_byte(mixer, SET_CONTROL, byte);
        out |= (uint64_t)(byte & 127) << shift;
        shift += 7;
    } while (byte & 128 && shift < 63);
    return out;
}

/* Byte by byte, lowest first, as the varint would be stored: the kind is in the first byte. */
uint64_t delta_model_control(struct delta_model *model, uint64_t word)
{
    struct delta_mixer *mixer = &model->mixer;
    uint64_t out = 0;
    uint32_t before = 0;
    unsigned shift = 0;
    unsigned byte;

    do {
        byte = (unsigned)(word >> shift & 127) | (word >> shift > 127 ? 128u : 0);
        delta_mixer_start(mixer);
        delta_mixer_context(mixer, before, shift);
        delta_mixer_context(mixer, before, shift << 8 | model->last_kind);
        delta_mixer_context(mixer, before, shift << 24 | model->last_word);
        byte = delta_mixer_byte(mixer, SET_CONTROL, byte);
        out |= (uint64_t)(byte & 127) << shift;
        before = before << 8 | byte | 256;
        shift += 7;
    } while (byte & 128 && shift < 63);
    model->last_word = model->last_kind << 16 | (uint32_t)(out & 0xFFFF);
    model->last_kind = (uint32_t)(out & 7);
    return out;
}
