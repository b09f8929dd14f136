#include "lib/delta/logistic.h"

enum {
    STEP = 128,
    POINTS = 49,
};

/* 65536 / (1 + exp(-x)) for x = -12, -11.5 ... 12. */
static const uint16_t points[POINTS] = {
    1,     1,     1,     2,     3,     5,     8,     13,    22,    36,    60,    98,    162,
    267,   439,   720,   1179,  1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
    47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476,
    65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65535,
};

static unsigned squash_at(int x)
{
    unsigned at = (unsigned)(x + LOGISTIC_SUM_MAX + 1);
    unsigned low = points[at / STEP];
    unsigned high = points[at / STEP + 1];

    return (low * (STEP - at % STEP) + high * (at % STEP) + STEP / 2) / STEP;
}

void delta_logistic_init(struct delta_logistic *logistic)
{
    size_t next = 0;

    for (size_t i = 0; i < COUNT(logistic->squash); i++) {
        int x = (int)i * 4 - (LOGISTIC_SUM_MAX + 1);

        logistic->squash[i] = (uint16_t)squash_at(x > LOGISTIC_SUM_MAX ? LOGISTIC_SUM_MAX : x);
    }
    for (int x = -LOGISTIC_INPUT_MAX; x <= LOGISTIC_INPUT_MAX; x++) {
        unsigned p = squash_at(x);

        for (; next <= p >> 4; next++)
            logistic->stretch[next] = (int16_t)x;
    }
    for (; next < COUNT(logistic->stretch); next++)
        logistic->stretch[next] = LOGISTIC_INPUT_MAX;
}
