/*
 * The same weighing as of crashes, of one cell: each silent device falls on one side or the other.
 * Silences come and go and are looked at all the time, so the bound is the sequential one, and a
 * few silent devices are never enough. With nobody to compare with, or no silence there, the
 * natural share of quiet devices is taken to be one in a hundred.
 */
#include "server/rollout/gate/silence.h"

#include <math.h>

static const double natural_share = 0.01;
enum { SILENT_MIN = 3 };

void gate_silence_judge(const struct gate_silence_settings *settings,
                        const struct gate_silent *silent, struct gate_silence *out)
{
    double n1 = (double)silent->updated, s1 = (double)silent->updated_silent;
    /* a hundred devices of the natural share stand beside whoever is there */
    double n0 = (double)silent->control + 1 / natural_share;
    double s0 = (double)silent->control_silent + 1;
    double q0, q1;

    *out = (struct gate_silence){.upper = log(1 / settings->alpha)};
    if (!settings->is_on || silent->updated == 0)
        return;
    q0 = n1 / (n1 + n0);
    q1 = settings->ratio * n1 / (settings->ratio * n1 + n0);
    out->statistic = s1 * log(q1 / q0) + s0 * log((1 - q1) / (1 - q0));
    if (silent->updated_silent >= SILENT_MIN && out->statistic >= out->upper)
        out->verdict = GATE_STOP;
}
