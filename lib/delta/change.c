/*
 * Programs change where they say addresses: behind the same opcodes, in the same columns of
 * tables, by the same distance as nearby. So what counts for the one bit are the old bytes just
 * before and which predictions were wrong lately; for a difference, the differences before it.
 */
#include "lib/delta/change.h"

#include <string.h>

#include "lib/delta/neuron.h"

enum {
    FLAG_WEIGHT = LOGISTIC_ONE / 4,
    FLAG_RATE_SHIFT = 2,
    TRUST_RATE_SHIFT = 6,
    TRUST_MIN = 45000, /* of what the same old bytes became: 69 % */
    HITS_KEPT = 3,     /* more than that survive one exception, halved */
};

/* Where a prediction comes from. */
enum source { SOURCE_OLD, SOURCE_BECOMES, SOURCE_FIELD };

static unsigned memory_log2_of(unsigned counters_log2)
{
    return counters_log2 - 6;
}

static unsigned flags_log2_of(unsigned counters_log2)
{
    return counters_log2 > 14 ? counters_log2 - 1 : counters_log2;
}

static unsigned targets_log2_of(unsigned counters_log2)
{
    return counters_log2 > 17 ? 12 : counters_log2 - 5;
}

uint64_t delta_change_bytes(unsigned counters_log2)
{
    return (sizeof(struct delta_target) << targets_log2_of(counters_log2)) +
           (UINT64_C(1) << flags_log2_of(counters_log2)) +
           2 * (sizeof(struct delta_change_memory) << memory_log2_of(counters_log2));
}

void delta_change_init(struct delta_change *change, void *memory, unsigned counters_log2)
{
    struct delta_target *targets = memory;

    delta_predict_init(&change->predict, targets, targets_log2_of(counters_log2));
    change->flags = (uint8_t *)(targets + (UINT64_C(1) << targets_log2_of(counters_log2)));
    change->flags_log2 = flags_log2_of(counters_log2);
    change->memory_log2 = memory_log2_of(counters_log2);
    change->becomes = (void *)(change->flags + (UINT64_C(1) << change->flags_log2));
    change->follows = change->becomes + (UINT64_C(1) << change->memory_log2);
}

void delta_change_reset(struct delta_change *change)
{
    size_t kept = offsetof(struct delta_change, position);

    memset((uint8_t *)change + kept, 0, sizeof(*change) - kept);
    delta_predict_reset(&change->predict);
    memset(change->flags, 0, (size_t)1 << change->flags_log2);
    memset(change->becomes, 0, 2 * (sizeof(struct delta_change_memory) << change->memory_log2));
    for (size_t i = 0; i < CHANGE_FLAGS; i++)
        for (size_t j = 0; j < DELTA_STATES; j++)
            change->worth[i][j] = delta_worth_start(change->guess->history, j);
    for (size_t i = 0; i < COUNT(change->by_missed); i++)
        for (size_t j = 0; j < CHANGE_FLAGS; j++)
            change->by_missed[i][j] = FLAG_WEIGHT;
    for (unsigned i = 0; i < CHANGE_HITS; i++)
        change->trust[i] = (uint16_t)(65535 - 65535 / (i + 2));
}

static uint32_t back(const uint8_t *bytes, uint32_t position, unsigned distance)
{
    return bytes[(position - distance) & (CHANGE_HISTORY - 1)];
}

static uint32_t four(uint32_t lowest, uint32_t low, uint32_t high, uint32_t highest)
{
    return lowest | low << 8 | high << 16 | highest << 24;
}

static void remember(struct delta_change *change, uint8_t old, uint8_t byte)
{
    size_t at = change->position & (CHANGE_HISTORY - 1);

    change->news[at] = byte;
    change->diffs[at] = (uint8_t)(byte - old);
    if (byte != old)
        change->last_diff = (uint8_t)(byte - old);
    change->position++;
}

void delta_change_passed(struct delta_change *change, const uint8_t *bytes, size_t len)
{
    delta_predict_skip(&change->predict);
    if (len > CHANGE_HISTORY) {
        change->position += (uint32_t)(len - CHANGE_HISTORY);
        bytes += len - CHANGE_HISTORY;
        len = CHANGE_HISTORY;
    }
    for (size_t i = 0; i < len; i++)
        remember(change, bytes[i], bytes[i]);
}

static void memory_learn(struct delta_change_memory *entry, uint8_t check, uint8_t byte)
{
    if (entry->check == check && entry->byte == byte)
        entry->hits = (uint8_t)(entry->hits + (entry->hits < CHANGE_HITS - 1));
    else if (entry->check == check && entry->hits > HITS_KEPT)
        entry->hits /= 2;
    else
        *entry = (struct delta_change_memory){check, byte, 0};
}

/* What is known of one byte. */
struct place {
    const uint8_t *old;
    uint32_t diff[17]; /* [i]: i bytes before */
    struct delta_change_memory *becomes;
    struct delta_change_memory *follows;
    uint8_t becomes_check, follows_check;
    bool becomes_known, follows_known;
    struct delta_predicted field;
    enum source source;
    uint8_t predicted;
};

/* Behind place->field. */
static void place_find(struct delta_change *change, const uint8_t *old, struct place *out)
{
    static const uint8_t distances[] = {1, 2, 3, 4, 8, 16};
    uint32_t hash;

    out->old = old;
    for (size_t i = 0; i < COUNT(distances); i++)
        out->diff[distances[i]] = back(change->diffs, change->position, distances[i]);
    hash = delta_hash(four(old[0], old[1], old[2], old[3]), four(old[-1], old[-2], 0, 0));
    out->becomes = &change->becomes[hash >> (32 - change->memory_log2)];
    out->becomes_check = (uint8_t)hash;
    out->becomes_known = out->becomes->check == out->becomes_check;
    hash = delta_hash(four(out->diff[1], out->diff[2], out->diff[4], 0), 1);
    out->follows = &change->follows[hash >> (32 - change->memory_log2)];
    out->follows_check = (uint8_t)hash;
    out->follows_known = out->follows->check == out->follows_check;
    out->source = SOURCE_OLD;
    out->predicted = old[0];
    if (out->field.is) {
        out->source = SOURCE_FIELD;
        out->predicted = out->field.byte;
    } else if (out->becomes_known && out->becomes->hits > 0 && out->becomes->byte != old[0] &&
               change->trust[out->becomes->hits] > TRUST_MIN) {
        out->source = SOURCE_BECOMES;
        out->predicted = out->becomes->byte;
    }
}

static unsigned field_place(const struct delta_predicted *field)
{
    return field->kind * DELTA_FIELD_BYTES_MAX + field->place;
}

/* In a field, what counts is which field, in which instruction, and how far its guesses agree. */
static void field_contexts(const struct place *place, uint32_t missed,
                           uint32_t contexts[CHANGE_FLAGS])
{
    const struct delta_predicted *field = &place->field;
    const uint8_t *old = place->old;
    unsigned where = field_place(field);
    unsigned agreed = field->second ? 1u + (field->other == *old) : 0;
    unsigned like = (field->byte == *old ? 4 : 0) + agreed;

    contexts[1] = four(where, old[1], old[2], like);
    contexts[2] = four(where, old[1], missed & 15, like);
    contexts[3] = four(where, old[-1], old[-2], like);
    contexts[4] = four(where, field->trust, missed & 3, like);
    contexts[5] = four(where, missed & 255, like, 0);
    contexts[6] = four(where, field->trust, old[-1], like);
    contexts[7] = four(where, (uint8_t)(field->byte - *old), (uint8_t)(field->other - *old), like);
}

/* Is the prediction right? */
static bool code_flag(struct delta_change *change, const struct place *place, bool right)
{
    const struct delta_logistic *logistic = change->guess->logistic;
    const struct delta_history *history = change->guess->history;
    const uint8_t *old = place->old;
    const uint32_t *diff = place->diff;
    uint32_t missed = change->missed;
    uint32_t contexts[CHANGE_FLAGS] = {
        missed & 0xFFF,
        four(old[0], old[-1], missed & 1, 0),
        four(old[-1], 0, missed & 15, 0),
        four(old[-1], old[-2], missed & 3, 0),
        four(diff[4], diff[8], diff[1], change->position & 3),
        four(diff[16], diff[8], change->position & 7, missed & 3),
        four(old[0], old[1], missed & 1, 0),
        four(old[-2], 0, missed & 15, 0),
        four(change->right, change->gap, 1, 0),
    };
    int16_t *by_missed = change->by_missed[(missed & 15) * CHANGE_SOURCES + place->source];
    int16_t *by_place = place->source == SOURCE_FIELD ? change->by_field[field_place(&place->field)]
                                                      : change->by_old[old[-1]];
    int16_t *by_rhythm;
    uint8_t *states[CHANGE_FLAGS];
    int16_t inputs[LOGISTIC_INPUTS] = {0};
    unsigned p;
    unsigned bit;
    int16_t miss;

    if (place->source == SOURCE_FIELD)
        field_contexts(place, missed, contexts);
    for (uint32_t i = 0; i < CHANGE_FLAGS; i++) {
        uint32_t hash = delta_hash(contexts[i], i * CHANGE_SOURCES + place->source + 1);

        states[i] = &change->flags[hash >> (32 - change->flags_log2)];
        inputs[i] = delta_stretch(logistic, delta_worth(change->worth[i][*states[i]]));
    }
    by_rhythm = change->by_rhythm[*states[CHANGE_FLAGS - 1]];
    p = delta_squash(logistic, (delta_weigh(inputs, by_missed) + delta_weigh(inputs, by_place) +
                                delta_weigh(inputs, by_rhythm)) /
                                   LOGISTIC_ONE);

    bit = change->guess->coder->code(change->guess->coder, p, right);

    miss = (int16_t)(((int32_t)(bit << 16) - (int32_t)p) >> FLAG_RATE_SHIFT);
    delta_learn(inputs, by_missed, miss);
    delta_learn(inputs, by_place, miss);
    delta_learn(inputs, by_rhythm, miss);
    for (size_t i = 0; i < CHANGE_FLAGS; i++) {
        delta_worth_learn(history, &change->worth[i][*states[i]], bit);
        *states[i] = history->next[*states[i]][bit];
    }
    change->missed = change->missed << 1 | !bit;
    if (bit) {
        change->right = (uint8_t)(change->right + (change->right < UINT8_MAX));
    } else {
        change->gap = change->right;
        change->right = 0;
    }
    return bit;
}

/* The difference from the old byte where the prediction was wrong. */
static uint8_t code_diff(struct delta_change *change, const struct place *place, uint8_t diff)
{
    const uint8_t *old = place->old;
    const uint32_t *diffs = place->diff;
    uint32_t position = change->position;
    uint32_t near = back(change->news, position, 1);
    unsigned hits = place->follows->hits < 3 ? place->follows->hits : 3;
    struct delta_question question = {
        .contexts =
            {
                four(diffs[1], diffs[2], 0, 0),
                four(diffs[1], diffs[2], diffs[3], diffs[4]),
                four(old[0], old[-1], diffs[1], 0),
                four(diffs[8], diffs[4], diffs[1], position & 3),
                four(back(change->diffs, position, 24), diffs[16], position & 7, 0),
                four(old[0], near, 0, 0),
                four(old[0], old[-1], old[1], 0),
                four(near, back(change->news, position, 2), old[0], 0),
            },
        .near = {(uint8_t)diffs[1], old[0]},
        .kind = (place->follows_known ? 4 * (1 + hits) : 0) + (position & 3),
    };

    if (place->follows_known) {
        question.guesses[0].byte = GUESS_IS + place->follows->byte;
        question.guesses[0].trust = place->follows->hits;
    }
    if (place->source == SOURCE_FIELD) {
        uint8_t predicted = (uint8_t)(place->predicted - old[0]);

        question.contexts[5] = four(predicted, place->field.place, place->field.kind, 1);
        question.contexts[6] = four(place->field.kind, place->field.place, diffs[1], diffs[2]);
    }
    if (place->field.is && place->field.second) {
        question.guesses[1].byte = (uint16_t)(GUESS_IS + (uint8_t)(place->field.other - old[0]));
        question.guesses[1].trust = (uint16_t)(CHANGE_HITS + 1 + place->field.trust);
    } else if (place->source != SOURCE_OLD) {
        question.guesses[1].byte = GUESS_IS;
        question.guesses[1].trust = CHANGE_HITS;
    } else if (place->becomes_known && place->becomes->byte != old[0]) {
        question.guesses[1].byte = (uint16_t)(GUESS_IS + (uint8_t)(place->becomes->byte - old[0]));
        question.guesses[1].trust = place->becomes->hits;
    }
    question.guesses[2].byte = GUESS_IS + change->last_diff;
    question.guesses[2].trust = diffs[1] == 0;
    return (uint8_t)delta_guess_code(change->guess, 1, &question, diff);
}

static uint8_t code_byte(struct delta_change *change, struct place *place, const uint8_t *old,
                         uint8_t byte)
{
    place_find(change, old, place);
    if (code_flag(change, place, byte == place->predicted))
        byte = place->predicted;
    else
        byte = (uint8_t)(*old + code_diff(change, place, (uint8_t)(byte - *old)));
    if (place->becomes_known)
        delta_approach(&change->trust[place->becomes->hits], place->becomes->byte == byte,
                       TRUST_RATE_SHIFT);
    memory_learn(place->becomes, place->becomes_check, byte);
    if (byte != *old)
        memory_learn(place->follows, place->follows_check, (uint8_t)(byte - *old));
    remember(change, *old, byte);
    return byte;
}

void delta_change_code(struct delta_change *change, const uint8_t *old, uint64_t old_at,
                       uint64_t new_at, uint8_t *bytes, size_t len)
{
    struct place place;

    for (size_t i = 0; i < len; i++) {
        delta_predict_byte(&change->predict, old + i, old_at + i, new_at + i, &place.field);
        bytes[i] = code_byte(change, &place, old + i, bytes[i]);
        delta_predict_was(&change->predict, bytes[i]);
    }
}
