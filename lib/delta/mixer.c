/*
 * The tables are computed from 49 points of the logistic curve, without floating point, so that
 * every machine has the same ones. All constants were chosen on the small corpus of image pairs.
 */
#include "lib/delta/mixer.h"

#include <string.h>

enum {
    SQUASH_STEP = 128,
    SQUASH_POINTS = 49,
    WEIGHT_START = 65536 / 5,
    /* Weights' learning rate: 10 / 2^18 of stretched input times error. */
    WEIGHT_RATE = 10,
    WEIGHT_SHIFT = 18,
    WEIGHT_LIMIT = 1 << 24,
    COUNTER_MAX = 8191,
    COUNTER_SEEN_MAX = 7,
};

/* 65536 / (1 + exp(-x)) for x = -12, -11.5 ... 12. */
static const uint16_t squash_points[SQUASH_POINTS] = {
    1,     1,     1,     2,     3,     5,     8,     13,    22,    36,    60,    98,    162,
    267,   439,   720,   1179,  1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
    47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476,
    65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65535,
};

/* How far a counter moves towards the bit, in 65536ths, when it was seen so often before. */
static const int32_t counter_rates[COUNTER_SEEN_MAX + 1] = {
    43690, 26214, 18724, 14563, 12000, 10000, 9000, 7500,
};

static int clamp(int64_t x)
{
    if (x > MIXER_STRETCH_LIMIT)
        return MIXER_STRETCH_LIMIT;
    return x < -MIXER_STRETCH_LIMIT ? -MIXER_STRETCH_LIMIT : (int)x;
}

static unsigned squash_at(int x)
{
    unsigned at = (unsigned)(x + MIXER_STRETCH_LIMIT + 1);
    unsigned low = squash_points[at / SQUASH_STEP];
    unsigned high = squash_points[at / SQUASH_STEP + 1];

    return (low * (SQUASH_STEP - at % SQUASH_STEP) + high * (at % SQUASH_STEP) + SQUASH_STEP / 2) /
           SQUASH_STEP;
}

static void tables_fill(struct delta_mixer *mixer)
{
    size_t next = 0;

    for (int x = -MIXER_STRETCH_LIMIT; x <= MIXER_STRETCH_LIMIT; x++) {
        unsigned p = squash_at(x);

        mixer->squash[x + MIXER_STRETCH_LIMIT] = (uint16_t)p;
        for (; next <= p >> 4; next++)
            mixer->stretch[next] = (int16_t)x;
    }
    for (; next < COUNT(mixer->stretch); next++)
        mixer->stretch[next] = MIXER_STRETCH_LIMIT;
}

void delta_mixer_init(struct delta_mixer *mixer, uint16_t *counters, unsigned counters_log2,
                      struct delta_coder *coder)
{
    *mixer =
        (struct delta_mixer){.coder = coder, .counters = counters, .counters_log2 = counters_log2};
    for (size_t i = 0; i < (size_t)1 << counters_log2; i++)
        counters[i] = MIXER_COUNTER_START;
    for (size_t i = 0; i < MIXER_SETS; i++)
        for (size_t j = 0; j <= MIXER_INPUTS_MAX; j++)
            mixer->weights[i][j] = WEIGHT_START;
    tables_fill(mixer);
}

static void counter_update(uint16_t *counter, unsigned bit)
{
    int32_t seen = *counter & COUNTER_SEEN_MAX;
    int32_t p = *counter >> 3;

    p += ((bit ? COUNTER_MAX : 0) - p) * counter_rates[seen] / 65536;
    *counter = (uint16_t)(p << 3 | (seen < COUNTER_SEEN_MAX ? seen + 1 : seen));
}

/* Bounded, for a hostile patch can push in one direction for ever. */
static int32_t weight_moved(int32_t weight, int64_t push)
{
    int64_t moved = weight + push * WEIGHT_RATE / (1 << WEIGHT_SHIFT);

    if (moved > WEIGHT_LIMIT)
        return WEIGHT_LIMIT;
    return moved < -WEIGHT_LIMIT ? -WEIGHT_LIMIT : (int32_t)moved;
}

unsigned delta_mixer_bit(struct delta_mixer *mixer, unsigned node, uint16_t *extra, unsigned bit)
{
    uint16_t *counters[MIXER_INPUTS_MAX + 1];
    int inputs[MIXER_INPUTS_MAX + 1];
    int32_t *weights = mixer->weights[mixer->set];
    unsigned used = mixer->used;
    int64_t sum = 0;
    int64_t miss;
    unsigned p;

    for (unsigned i = 0; i < used; i++) {
        uint32_t hash = (mixer->hashes[i] + node * 0x9E3779B1u) * 0x85EBCA6Bu;

        hash = (hash ^ hash >> 15) * 0xC2B2AE35u;
        counters[i] = &mixer->counters[hash >> (32 - mixer->counters_log2)];
    }
    if (extra)
        counters[used++] = extra;
    for (unsigned i = 0; i < used; i++) {
        inputs[i] = mixer->stretch[*counters[i] >> 4];
        sum += (int64_t)weights[i] * inputs[i];
    }
    p = mixer->squash[clamp(sum / 65536) + MIXER_STRETCH_LIMIT];

    bit = mixer->coder->code(mixer->coder, p, bit);

    miss = (bit ? 65535 : 0) - (int64_t)p;
    for (unsigned i = 0; i < used; i++) {
        weights[i] = weight_moved(weights[i], inputs[i] * miss);
        counter_update(counters[i], bit);
    }
    return bit;
}

unsigned delta_mixer_byte(struct delta_mixer *mixer, unsigned set, unsigned byte)
{
    unsigned node = 1;

    while (node < 256) {
        mixer->set = set + node;
        node = node << 1 | delta_mixer_bit(mixer, node, NULL, byte >> 7 & 1);
        byte <<= 1;
    }
    return node & 255;
}

void delta_mixer_start(struct delta_mixer *mixer)
{
    mixer->used = 0;
}

static uint32_t mix(uint32_t a, uint32_t b)
{
    a = (a ^ b) * 0x2C1B3C6Du;
    return (a ^ a >> 15) * 0x297A2D39u;
}

void delta_mixer_context(struct delta_mixer *mixer, uint32_t a, uint32_t b)
{
    unsigned i = mixer->used++;

    ASSERT(i < MIXER_INPUTS_MAX);
    mixer->hashes[i] = mix(mix(a, b), (i + 1) * 0x27D4EB2Fu);
}
