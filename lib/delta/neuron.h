#pragma once
/*
 * Inside lib/delta: the weighted sum that a small neuron learns. Most of an applier's time is
 * spent here, so the CPUs of servers and gateways do eight lanes at once; all forms give the same
 * numbers, see logistic.h for their units.
 */
#include "lib/delta/logistic.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum {
    NEURON_WIDE = 8, /* lanes, and behind them half as many */
};
_Static_assert(LOGISTIC_INPUTS == NEURON_WIDE + NEURON_WIDE / 2, "the lanes hold all inputs");

/* The sum of inputs times weights, in units of LOGISTIC_ONE. */
static inline int32_t delta_weigh_plain(const int16_t *restrict inputs,
                                        const int16_t *restrict weights)
{
    int32_t sum = 0;

    for (unsigned i = 0; i < LOGISTIC_INPUTS; i++)
        sum += (int32_t)inputs[i] * (int32_t)weights[i];
    return sum;
}

/* Moves the weights along the error. Bounded: a hostile patch can push in one direction for ever.
 * `miss` is the error times the learning rate, within +-32767. */
static inline void delta_learn_plain(const int16_t *restrict inputs, int16_t *restrict weights,
                                     int16_t miss)
{
    for (unsigned i = 0; i < LOGISTIC_INPUTS; i++) {
        int16_t weight = weights[i];

        weight = (int16_t)(weight > LOGISTIC_WEIGHT_MAX ? LOGISTIC_WEIGHT_MAX : weight);
        weight = (int16_t)(weight < -LOGISTIC_WEIGHT_MAX ? -LOGISTIC_WEIGHT_MAX : weight);
        weights[i] = (int16_t)(weight + (int16_t)((inputs[i] * miss + (1 << 15)) >> 16));
    }
}

#if defined(__SSE2__)

static inline __m128i delta_wide(const int16_t *lanes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)lanes);
}

/* Of inputs, which were written one by one just before: read so, they need not wait until they are
 * in the cache. */
static inline __m128i delta_wide_inputs(const int16_t *lanes)
{
    return _mm_set_epi16(lanes[7], lanes[6], lanes[5], lanes[4], lanes[3], lanes[2], lanes[1],
                         lanes[0]);
}
static inline __m128i delta_half_inputs(const int16_t *lanes)
{
    return _mm_set_epi16(0, 0, 0, 0, lanes[3], lanes[2], lanes[1], lanes[0]);
}

static inline __m128i delta_half(const int16_t *lanes)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)lanes);
}

static inline int32_t delta_weigh(const int16_t *restrict inputs, const int16_t *restrict weights)
{
    __m128i sum = _mm_add_epi32(
        _mm_madd_epi16(delta_wide_inputs(inputs), delta_wide(weights)),
        _mm_madd_epi16(delta_half_inputs(inputs + NEURON_WIDE), delta_half(weights + NEURON_WIDE)));

    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(sum);
}

static inline __m128i delta_learnt(__m128i inputs, __m128i weights, __m128i miss)
{
    const __m128i bound = _mm_set1_epi16(LOGISTIC_WEIGHT_MAX);
    __m128i rounding = _mm_srli_epi16(_mm_mullo_epi16(inputs, miss), 15);
    __m128i step = _mm_add_epi16(_mm_mulhi_epi16(inputs, miss), rounding);

    weights =
        _mm_max_epi16(_mm_min_epi16(weights, bound), _mm_sub_epi16(_mm_setzero_si128(), bound));
    return _mm_add_epi16(weights, step);
}

static inline void delta_learn(const int16_t *restrict inputs, int16_t *restrict weights,
                               int16_t miss)
{
    __m128i misses = _mm_set1_epi16(miss);
    __m128i *half = (__m128i *)(void *)(weights + NEURON_WIDE);

    _mm_storeu_si128((__m128i *)(void *)weights,
                     delta_learnt(delta_wide(inputs), delta_wide(weights), misses));
    _mm_storel_epi64(half, delta_learnt(delta_half(inputs + NEURON_WIDE),
                                        delta_half(weights + NEURON_WIDE), misses));
}

#elif defined(__aarch64__)

static inline int32_t delta_weigh(const int16_t *restrict inputs, const int16_t *restrict weights)
{
    int32x4_t sum = vmull_s16(vld1_s16(inputs), vld1_s16(weights));

    sum = vmlal_s16(sum, vld1_s16(inputs + 4), vld1_s16(weights + 4));
    sum = vmlal_s16(sum, vld1_s16(inputs + 8), vld1_s16(weights + 8));
    return vaddvq_s32(sum);
}

static inline void delta_learn(const int16_t *restrict inputs, int16_t *restrict weights,
                               int16_t miss)
{
    const int16x4_t most = vdup_n_s16(LOGISTIC_WEIGHT_MAX);
    const int16x4_t least = vdup_n_s16(-LOGISTIC_WEIGHT_MAX);

    for (unsigned i = 0; i < LOGISTIC_INPUTS; i += 4) {
        int16x4_t weight = vmax_s16(vmin_s16(vld1_s16(weights + i), most), least);

        vst1_s16(weights + i,
                 vadd_s16(weight, vrshrn_n_s32(vmull_n_s16(vld1_s16(inputs + i), miss), 16)));
    }
}

#else

static inline int32_t delta_weigh(const int16_t *restrict inputs, const int16_t *restrict weights)
{
    return delta_weigh_plain(inputs, weights);
}

static inline void delta_learn(const int16_t *restrict inputs, int16_t *restrict weights,
                               int16_t miss)
{
    delta_learn_plain(inputs, weights, miss);
}

#endif
