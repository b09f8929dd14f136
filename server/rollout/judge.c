/* Gates stand in one table, in the order in which they are asked; the first that says stop is the
 * one that is told. */
#include "server/rollout/judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* More than so many devices that refuse what we sent are no accident. */
enum { SERVER_DEVICES_MAX = 5 };

static void say(struct rollout_ruling *ruling, const char *fmt, ...) PRINTF(2, 3);

static void say(struct rollout_ruling *ruling, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(ruling->reason, sizeof(ruling->reason), fmt, args);
    va_end(args);
}

typedef bool gate_fn(const struct gate_settings *settings, struct rollout_facts *facts,
                     struct rollout_ruling *ruling);

static uint64_t server_devices(const struct rollout_facts *facts)
{
    uint64_t devices = 0;

    for (size_t i = 0; i < facts->strata_count; i++)
        devices += facts->strata[i].server;
    return devices > facts->server_excused ? devices - facts->server_excused : 0;
}

static bool server_stops(const struct gate_settings *settings, struct rollout_facts *facts,
                         struct rollout_ruling *ruling)
{
    uint64_t devices = server_devices(facts);

    (void)settings;
    if (devices <= SERVER_DEVICES_MAX)
        return false;
    ruling->is_pause = true;
    say(ruling, "your metadata or your server: %" PRIu64 " devices refused what they were sent",
        devices);
    return true;
}

static bool threshold_stops(const struct gate_settings *settings, struct rollout_facts *facts,
                            struct rollout_ruling *ruling)
{
    const struct gate_threshold_settings *threshold = &settings->threshold;
    uint64_t finished = facts->succeeded + facts->failed;

    if (!threshold->is_on || finished < threshold->finished_min || finished == 0 ||
        facts->failed * 100 <= threshold->failed_percent * finished)
        return false;
    say(ruling, "%" PRIu64 " of %" PRIu64 " devices failed, more than %" PRIu64 " %%",
        facts->failed, finished, threshold->failed_percent);
    return true;
}

static bool install_stops(const struct gate_settings *settings, struct rollout_facts *facts,
                          struct rollout_ruling *ruling)
{
    const struct gate_stratum *stratum;

    gate_install_judge(&settings->install, settings->is_by_stratum, facts->strata,
                       facts->strata_count, &facts->pooled, &ruling->install);
    ruling->lifts = ruling->install.lifts && !facts->cap_lifted;
    if (ruling->install.verdict != GATE_STOP)
        return false;
    stratum = ruling->install.stratum;
    if (stratum && settings->is_by_stratum)
        ruling->stratum = stratum->number;
    if (stratum)
        say(ruling, "%" PRIu64 " of %" PRIu64 " devices of stratum %" PRId64 " failed",
            stratum->failed, stratum->succeeded + stratum->failed, stratum->number);
    else
        say(ruling, "%" PRIu64 " of %" PRIu64 " devices failed", facts->pooled.failed,
            facts->pooled.succeeded + facts->pooled.failed);
    return true;
}

/* Of days: the first hours of a rollout are not told as 0.0. */
static int digits_of(double days)
{
    return days < 1 ? 3 : 1;
}

static bool health_stops(const struct gate_settings *settings, struct rollout_facts *facts,
                         struct rollout_ruling *ruling)
{
    uint64_t devices = facts->silent.updated + facts->silent.control;
    double left = devices > 0 ? (double)facts->silent.control / (double)devices : 1;

    if (!facts->hours)
        return false;
    gate_health_judge(&settings->health, facts->hours, facts->hour_count, left, facts->before,
                      &ruling->health);
    if (ruling->health.verdict != GATE_STOP)
        return false;
    say(ruling,
        "updated devices had %" PRId64 " bad days in %.*f device-days, %s %" PRId64 " in %.*f",
        ruling->health.updated_bad, digits_of(ruling->health.updated_days),
        ruling->health.updated_days, ruling->health.is_own_history ? "and before" : "the others",
        ruling->health.control_bad, digits_of(ruling->health.control_days),
        ruling->health.control_days);
    return true;
}

static bool silence_stops(const struct gate_settings *settings, struct rollout_facts *facts,
                          struct rollout_ruling *ruling)
{
    if (!facts->is_census_known)
        return false;
    gate_silence_judge(&settings->silence, &facts->silent, &ruling->silence);
    if (ruling->silence.verdict != GATE_STOP)
        return false;
    say(ruling,
        "%" PRIu64 " of %" PRIu64 " updated devices went silent, of the others %" PRIu64
        " of %" PRIu64,
        facts->silent.updated_silent, facts->silent.updated, facts->silent.control_silent,
        facts->silent.control);
    return true;
}

/* clang-format off */
static const struct {
    const char *name;
    gate_fn *stops;
} gates[] = {
    {"server",    server_stops},
    {"threshold", threshold_stops},
    {"install",   install_stops},
    {"health",    health_stops},
    {"silence",   silence_stops},
};
/* clang-format on */

/* All are asked, because walks move on and people look at all of them. */
static void ask_gates(const struct gate_settings *settings, struct rollout_facts *facts,
                      struct rollout_ruling *out)
{
    for (size_t i = 0; i < COUNT(gates); i++) {
        struct rollout_ruling ruling = *out;

        ruling.stratum = -1;
        ruling.is_pause = false;
        if (!gates[i].stops(settings, facts, &ruling)) {
            out->install = ruling.install;
            out->health = ruling.health;
            out->silence = ruling.silence;
            out->lifts = ruling.lifts;
        } else if (out->verdict != ROLLOUT_STOP) {
            *out = ruling;
            out->verdict = ROLLOUT_STOP;
            out->gate = gates[i].name;
        }
    }
}

static bool is_settled(const struct rollout_facts *facts)
{
    bool is_full = facts->phase->device_count == 0 || facts->admitted >= facts->phase->device_count;
    bool nobody = facts->waiting == 0 && (is_full || facts->awake_candidates == 0);

    if (!facts->is_census_known || facts->awake_waiting > 0)
        return false;
    if (!is_full && facts->awake_candidates > 0)
        return false;
    return nobody || facts->succeeded + facts->failed > 0;
}

static bool has_soaked(const struct rollout_facts *facts)
{
    return facts->now_ms - facts->settled_ms >= facts->phase->soak_ms &&
           facts->updated_ms >= facts->phase->soak_device_ms;
}

/* Too few for statistics, and still no release to go on with: more failed than succeeded. */
static bool failed_by_and_large(const struct gate_settings *settings,
                                const struct rollout_facts *facts, struct rollout_ruling *out)
{
    if (!settings->install.is_on || facts->pooled.failed <= facts->pooled.succeeded)
        return false;
    out->verdict = ROLLOUT_STOP;
    out->gate = "install";
    say(out, "%" PRIu64 " of %" PRIu64 " devices failed, and that were all of the phase",
        facts->pooled.failed, facts->pooled.failed + facts->pooled.succeeded);
    return true;
}

void rollout_judge(const struct gate_settings *settings, struct rollout_facts *facts,
                   struct rollout_ruling *out)
{
    *out = (struct rollout_ruling){.verdict = ROLLOUT_STAY, .stratum = -1};
    if (!facts->is_way_back)
        ask_gates(settings, facts, out);
    if (out->verdict == ROLLOUT_STOP || !facts->is_running || !is_settled(facts))
        return;
    if (!facts->is_way_back && failed_by_and_large(settings, facts, out))
        return;
    if (facts->settled_ms == 0 && (facts->phase->soak_ms > 0 || facts->phase->is_manual)) {
        out->verdict = ROLLOUT_SETTLE;
        return;
    }
    if (!has_soaked(facts) || (facts->phase->is_manual && !facts->phase->is_told))
        return;
    out->verdict = facts->number < facts->count ? ROLLOUT_ADVANCE : ROLLOUT_FINISH;
}

/* --- for people ---------------------------------------------------------------------------------
 */

static void format_bounds(struct buf *out, double statistic, double lower, double upper)
{
    buf_printf(out, "\"statistic\":%.4f,\"lower\":%.4f,\"upper\":%.4f", statistic, lower, upper);
}

static void format_install(const struct rollout_facts *facts, const struct rollout_ruling *ruling,
                           struct buf *out)
{
    buf_add_text(out, "{");
    format_bounds(out, facts->pooled.statistic, ruling->install.lower, ruling->install.upper);
    buf_printf(out, ",\"succeeded\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"cap_lifted\":%s",
               facts->pooled.succeeded, facts->pooled.failed,
               facts->cap_lifted || ruling->lifts ? "true" : "false");
    if (ruling->install.stratum)
        buf_printf(out, ",\"stratum\":%" PRId64 ",\"stratum_statistic\":%.4f",
                   ruling->install.stratum->number, ruling->install.statistic);
    buf_add_text(out, "}");
}

static void format_health(const struct rollout_ruling *ruling, struct buf *out)
{
    const struct gate_health *health = &ruling->health;

    buf_add_text(out, "{");
    format_bounds(out, health->statistic, health->lower, health->upper);
    buf_printf(out,
               ",\"updated_bad\":%" PRId64 ",\"updated_days\":%.3f,\"control_bad\":%" PRId64
               ",\"control_days\":%.3f,\"control\":\"%s\"}",
               health->updated_bad, health->updated_days, health->control_bad, health->control_days,
               health->is_own_history ? "own-14-days" : "not-updated");
}

static void format_silence(const struct rollout_facts *facts, const struct rollout_ruling *ruling,
                           struct buf *out)
{
    buf_printf(out,
               "{\"statistic\":%.4f,\"upper\":%.4f,\"updated\":%" PRIu64
               ",\"updated_silent\":%" PRIu64 ",\"control\":%" PRIu64 ",\"control_silent\":%" PRIu64
               "}",
               ruling->silence.statistic, ruling->silence.upper, facts->silent.updated,
               facts->silent.updated_silent, facts->silent.control, facts->silent.control_silent);
}

static void format_threshold(const struct gate_settings *settings,
                             const struct rollout_facts *facts, struct buf *out)
{
    buf_printf(out,
               "{\"failed\":%" PRIu64 ",\"finished\":%" PRIu64 ",\"failed_percent\":%" PRIu64
               ",\"min_finished\":%" PRIu64 "}",
               facts->failed, facts->succeeded + facts->failed, settings->threshold.failed_percent,
               settings->threshold.finished_min);
}

void rollout_evidence_format(const struct gate_settings *settings,
                             const struct rollout_facts *facts, const struct rollout_ruling *ruling,
                             struct buf *out)
{
    buf_printf(out, "{\"server\":{\"devices\":%" PRIu64 "}", server_devices(facts));
    if (settings->install.is_on) {
        buf_add_text(out, ",\"install\":");
        format_install(facts, ruling, out);
    }
    if (settings->health.is_on && facts->hours) {
        buf_add_text(out, ",\"health\":");
        format_health(ruling, out);
    }
    if (settings->silence.is_on && facts->is_census_known) {
        buf_add_text(out, ",\"silence\":");
        format_silence(facts, ruling, out);
    }
    if (settings->threshold.is_on) {
        buf_add_text(out, ",\"threshold\":");
        format_threshold(settings, facts, out);
    }
    buf_add_text(out, "}");
}

void rollout_stop_format(const struct gate_settings *settings, const struct rollout_facts *facts,
                         const struct rollout_ruling *ruling, struct buf *out)
{
    buf_printf(out,
               "{\"gate\":\"%s\",\"reason\":\"%s\",\"phase\":%u,\"failed\":%" PRIu64
               ",\"finished\":%" PRIu64 ",\"seen\":",
               ruling->gate, ruling->reason, facts->number, facts->failed,
               facts->succeeded + facts->failed);
    rollout_evidence_format(settings, facts, ruling, out);
    buf_add_text(out, "}");
}
