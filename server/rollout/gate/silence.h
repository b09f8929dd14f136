#pragma once
/*
 * Devices that are not heard of any more after they switched, against those that did not switch,
 * over the same time: a site's outage takes both. A device that comes back takes its silence back,
 * because what counts is who is silent now. Pure.
 */
#include "server/rollout/gate/install.h"

struct gate_silent {
    uint64_t updated; /* heard of since the deployment began */
    uint64_t updated_silent;
    uint64_t control;
    uint64_t control_silent;
};

struct gate_silence {
    enum gate_verdict verdict;
    double statistic, upper;
};

void gate_silence_judge(const struct gate_silence_settings *settings,
                        const struct gate_silent *silent, struct gate_silence *out);
