/*
 * The same weighing as of crashes, of one cell: each silent device falls on one side or the other.
 * How much worse a release makes it nobody knows, and when the first three die there will be no
 * fourth (the cap holds): so the chances under several ratios are averaged, from the one that is
 * set up to sixteen times that. Silences come and go and are looked at all the time, so the bound
 * is the sequential one, and two silent devices are never enough. A hundred devices of which one is
 * quiet, as it is in nature, stand beside whoever there is to compare with.
 */
#include "server/rollout/gate/silence.h"

#include <math.h>

enum { SILENT_MIN = 3, MULTIPLES = 3, NATURAL_DEVICES = 100, NATURAL_SILENT = 1 };
static const double multiples[MULTIPLES] = {1, 4, 16};

void gate_silence_judge(const struct gate_silence_settings *settings,
                        const struct gate_silent *silent, struct gate_silence *out)
{
    double n1 = (double)silent->updated, s1 = (double)silent->updated_silent;
    double n0 = (double)silent->control + NATURAL_DEVICES;
    double s0 = (double)silent->control_silent + NATURAL_SILENT;
    double q0 = n1 / (n1 + n0);
    double highest = -HUGE_VAL;
    double sum = 0;
    double weights[MULTIPLES];

    *out = (struct gate_silence){.upper = log(1 / settings->alpha)};
    if (!settings->is_on || silent->updated == 0)
        return;
    for (size_t i = 0; i < MULTIPLES; i++) {
        double ratio = settings->ratio * multiples[i];
        double q1 = ratio * n1 / (ratio * n1 + n0);

        weights[i] = s1 * log(q1 / q0) + s0 * log((1 - q1) / (1 - q0));
        highest = weights[i] > highest ? weights[i] : highest;
    }
    for (size_t i = 0; i < MULTIPLES; i++)
        sum += exp(weights[i] - highest);
    out->statistic = highest + log(sum / MULTIPLES);
    if (silent->updated_silent >= SILENT_MIN && out->statistic >= out->upper)
        out->verdict = GATE_STOP;
}
