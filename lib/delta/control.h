#pragma once
/*
 * Inside lib/delta: control words and small numbers. A number is coded as how many bits it has,
 * then those bits, each under the number's context and what is known of it so far.
 */
#include "lib/delta/guess.h"

enum {
    CONTROL_STATES = 1024,
    CONTROL_INPUTS = 3,
    CONTROL_SETS = 20, /* of weights */
};

struct delta_control {
    struct delta_guess *guess;

    uint64_t inserted;                      /* new bytes since old ones were last read */
    uint8_t kinds[2];                       /* of the last operations, the last first */
    uint8_t numbers[DELTA_NUMBER_CONTEXTS]; /* bits of the last one of each context */
    uint64_t lengths[8];                    /* of the last operation of each kind */
    uint8_t states[CONTROL_INPUTS][CONTROL_STATES];
    uint32_t worth[CONTROL_INPUTS][DELTA_STATES];
    int16_t weights[CONTROL_SETS][LOGISTIC_INPUTS];
};

void delta_control_reset(struct delta_control *control);
uint64_t delta_control_word(struct delta_control *control, uint64_t word);
uint64_t delta_control_number(struct delta_control *control, unsigned context, uint64_t value);
