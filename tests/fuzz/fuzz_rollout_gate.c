/*
 * The gates' settings as JSON. Beyond not crashing: what was read is within its ranges, comes back
 * as it was written, and the curve and the tests that are made of it stay finite.
 */
#include "server/rollout/gate/settings.h"

#include <math.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/rollout/gate/health.h"
#include "server/rollout/gate/silence.h"

enum { INPUT_MAX = 4096, OUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round(const struct gate_settings *first)
{
    struct gate_settings second;
    struct err err;
    AUTO_BUF once;
    AUTO_BUF twice;

    buf_init(&once, OUT_MAX);
    buf_init(&twice, OUT_MAX);
    gate_settings_format(first, &once);
    ASSERT(gate_settings_parse(buf_text(&once), &second, &err));
    gate_settings_format(&second, &twice);
    ASSERT(strcmp(buf_text(&once), buf_text(&twice)) == 0);
}

static void check_gates(const struct gate_settings *settings)
{
    struct gate_stratum strata[2] = {{.number = 1, .succeeded = 20000, .failed = 3},
                                     {.number = 2, .failed = 2}};
    const struct gate_hour hour = {0, 0, 86400, 2, 864000, 5};
    const struct gate_silent silent = {100, 3, 1000, 9};
    struct gate_walk pooled = {0};
    struct gate_install install;
    struct gate_health health;
    struct gate_silence silence;

    gate_install_judge(&settings->install, settings->is_by_stratum, strata, COUNT(strata), &pooled,
                       &install);
    gate_health_judge(&settings->health, &hour, 1, 0.5, NULL, &health);
    gate_silence_judge(&settings->silence, &silent, &silence);
    ASSERT(isfinite(pooled.statistic) && isfinite(install.upper) && isfinite(install.lower));
    ASSERT(isfinite(health.statistic) && isfinite(health.upper) && isfinite(health.lower));
    ASSERT(isfinite(silence.statistic) && isfinite(silence.upper));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gate_settings settings;
    struct err err;

    if (size > INPUT_MAX)
        return 0;
    AUTO_FREE char *text = mem_alloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    if (!gate_settings_parse(text, &settings, &err))
        return 0;
    ASSERT(settings.install.p0 > 0 && settings.install.p0 < settings.install.p1 &&
           settings.install.p1 < 1 && settings.install.start >= 1);
    ASSERT(settings.health.ratio > 1 && settings.silence.intervals >= 2);
    check_round(&settings);
    check_gates(&settings);
    return 0;
}
