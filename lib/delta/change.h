#pragma once
/*
 * Inside lib/delta: new bytes made of old ones. For each byte one prediction is chosen, the old
 * byte or what the same old bytes became elsewhere; one bit says whether it is right, which
 * nearly always costs nearly nothing. Else the difference is coded like a literal that knows
 * more.
 */
#include "lib/delta/guess.h"
#include "lib/delta/predict.h"

enum {
    CHANGE_HISTORY = 32, /* bytes looked back on; a power of two */
    CHANGE_FLAGS = 9,    /* contexts of the one bit */
    CHANGE_SOURCES = 4,  /* of predictions */
    CHANGE_HITS = 16,
};

/* What bytes or differences led to the last time, and how often so in a row. */
struct delta_change_memory {
    uint8_t check, byte, hits;
};

struct delta_change {
    struct delta_predict predict;
    struct delta_guess *guess; /* whose second sort of bytes these are */
    uint8_t *flags;            /* states, 2^flags_log2 */
    unsigned flags_log2;
    struct delta_change_memory *becomes; /* by old bytes */
    struct delta_change_memory *follows; /* by differences; 2^memory_log2 of either */
    unsigned memory_log2;

    uint32_t position; /* wraps */
    uint8_t news[CHANGE_HISTORY];
    uint8_t diffs[CHANGE_HISTORY];
    uint8_t last_diff; /* not 0 */
    uint8_t right;     /* predictions since one was wrong, at most 255 */
    uint8_t gap;       /* as many before that one */
    uint32_t missed;   /* which of the last predictions were wrong, a bit each, the last lowest */

    uint32_t worth[CHANGE_FLAGS][DELTA_STATES];
    int16_t by_missed[16 * CHANGE_SOURCES][LOGISTIC_INPUTS]; /* weights */
    int16_t by_old[256][LOGISTIC_INPUTS];
    int16_t by_rhythm[DELTA_STATES][LOGISTIC_INPUTS];
    int16_t by_field[DELTA_PREDICT_KINDS * DELTA_FIELD_BYTES_MAX][LOGISTIC_INPUTS];
    uint16_t trust[CHANGE_HITS]; /* in `becomes` */
};

uint64_t delta_change_bytes(unsigned counters_log2);
/* `memory` holds delta_change_bytes(). All is borrowed. */
void delta_change_init(struct delta_change *change, void *memory, unsigned counters_log2);
void delta_change_reset(struct delta_change *change);
/* See delta_model_add(). */
void delta_change_code(struct delta_change *change, const uint8_t *old, uint64_t old_at,
                       uint64_t new_at, uint8_t *bytes, size_t len);
/* Tells of bytes that were not coded here. */
void delta_change_passed(struct delta_change *change, const uint8_t *bytes, size_t len);
