/* One function for each gate says what it counted; the scale before it is the same for all. */
#include "cli/deploy_view.h"

#include <string.h>

#include "cli/progress.h"
#include "cli/table.h"
#include "lib/base/text.h"
#include "lib/update/state.h"

enum { BAR_WIDTH = 30, STRATA_SHOWN = 6, SHA_SHOWN = 12 };

const char *deploy_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static json_int_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static double real(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static bool is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* --- phases -------------------------------------------------------------------------------------
 */

void deploy_print_counts(const json_t *counts, struct buf *out)
{
    bool any = false;

    for (unsigned i = 0; i < UPDATE_STATE_COUNT; i++) {
        const char *name = update_state_name((enum update_state)i);
        json_int_t n = number(counts, name);

        if (n == 0)
            continue;
        buf_printf(out, "%s%" JSON_INTEGER_FORMAT " %s", any ? ", " : "", n, name);
        any = true;
    }
    if (!any)
        buf_add_text(out, "nobody yet");
}

/* Everybody that was offered it, and those for whom it is over. */
static void sum(const json_t *counts, uint64_t *offered, uint64_t *ended)
{
    *offered = *ended = 0;
    for (unsigned i = 0; i < UPDATE_STATE_COUNT; i++) {
        uint64_t n = (uint64_t)number(counts, update_state_name((enum update_state)i));

        *offered += n;
        if (update_state_is_terminal((enum update_state)i))
            *ended += n;
    }
}

/* "10 %", "3", "filter"; of a number of devices the bar is full when all of them ended. */
static void print_size(const json_t *phase, struct buf *out)
{
    char percent[16];
    AUTO_BUF size;

    buf_init(&size, sizeof(percent) + 32);
    table_value(phase, "percent", percent, sizeof(percent));
    if (json_is_number(json_object_get(phase, "percent")))
        buf_printf(&size, "%s %%", percent);
    else if (json_is_integer(json_object_get(phase, "count")))
        buf_printf(&size, "%" JSON_INTEGER_FORMAT, number(phase, "count"));
    else
        buf_add_text(&size, "filter");
    buf_printf(out, "%-8s", buf_text(&size));
}

static void print_phase(const json_t *phase, const char *settled, struct buf *out)
{
    const json_t *counts = json_object_get(phase, "counts");
    bool is_over = text_equal(deploy_text(phase, "state"), "done");
    bool runs = text_equal(deploy_text(phase, "state"), "running");
    char bar[BAR_WIDTH + 1];
    uint64_t offered, ended;

    sum(counts, &offered, &ended);
    if ((uint64_t)number(phase, "count") > offered && !is_over)
        offered = (uint64_t)number(phase, "count");
    progress_bar(ended, offered ? offered : 1, BAR_WIDTH, bar);
    buf_printf(out, "  %-12s ", deploy_text(phase, "state"));
    print_size(phase, out);
    buf_printf(out, " [%s]  ", bar);
    deploy_print_counts(counts, out);
    if (runs && settled[0])
        buf_printf(out, ", soaks since %s", settled);
    if (text_equal(deploy_text(phase, "advance"), "manual") && !is_over)
        buf_add_text(out, is_true(phase, "advance_now") ? ", told to go on" : ", hold");
    if (deploy_text(phase, "filter")[0])
        buf_printf(out, "  (%s)", deploy_text(phase, "filter"));
    buf_add_text(out, "\n");
}

/* --- gates --------------------------------------------------------------------------------------
 */

void deploy_scale(double statistic, double lower, double upper, char out[DEPLOY_SCALE_WIDTH + 1])
{
    const size_t room = DEPLOY_SCALE_WIDTH - 3; /* steps between the first and the last place */
    double width = upper > lower ? upper - lower : 1;
    double at = (statistic - lower) / width;
    double zero = (0 - lower) / width;

    memset(out, '-', DEPLOY_SCALE_WIDTH);
    out[0] = out[DEPLOY_SCALE_WIDTH - 1] = '|';
    out[DEPLOY_SCALE_WIDTH] = '\0';
    if (zero > 0 && zero < 1)
        out[1 + (size_t)(zero * (double)room)] = ':';
    at = at < 0 ? 0 : at > 1 ? 1 : at;
    out[1 + (size_t)(at * (double)room)] = '*';
}

static void print_install(const json_t *seen, struct buf *out)
{
    json_int_t failed = number(seen, "failed");

    buf_printf(out, "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " failed%s", failed,
               failed + number(seen, "succeeded"),
               is_true(seen, "cap_lifted") ? ", as many at a time as like" : "");
    if (json_is_integer(json_object_get(seen, "stratum")))
        buf_printf(out, ", stratum %" JSON_INTEGER_FORMAT " at %.2f", number(seen, "stratum"),
                   real(seen, "stratum_statistic"));
}

/* Of days: the first hours of a rollout are not told as 0.0. */
static int digits_of(double days)
{
    return days < 1 ? 3 : 1;
}

static void print_health(const json_t *seen, struct buf *out)
{
    buf_printf(out,
               "bad days: %" JSON_INTEGER_FORMAT " of %.*f updated, %" JSON_INTEGER_FORMAT
               " of %.*f %s",
               number(seen, "updated_bad"), digits_of(real(seen, "updated_days")),
               real(seen, "updated_days"), number(seen, "control_bad"),
               digits_of(real(seen, "control_days")), real(seen, "control_days"),
               text_equal(deploy_text(seen, "control"), "own-14-days") ? "in the 14 days before"
                                                                       : "not updated");
}

static void print_silence(const json_t *seen, struct buf *out)
{
    buf_printf(out,
               "silent: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
               " updated, %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " not updated",
               number(seen, "updated_silent"), number(seen, "updated"),
               number(seen, "control_silent"), number(seen, "control"));
}

static void print_threshold(const json_t *seen, struct buf *out)
{
    buf_printf(out,
               "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
               " failed; stops above %" JSON_INTEGER_FORMAT " %% of at least %" JSON_INTEGER_FORMAT,
               number(seen, "failed"), number(seen, "finished"), number(seen, "failed_percent"),
               number(seen, "min_finished"));
}

static void print_server(const json_t *seen, struct buf *out)
{
    buf_printf(out, "%" JSON_INTEGER_FORMAT " devices refused what we sent",
               number(seen, "devices"));
}

void deploy_print_gates(const json_t *evidence, struct buf *out)
{
    static const struct {
        const char *name;
        void (*print)(const json_t *seen, struct buf *out);
    } gates[] = {
        {"install", print_install},     {"health", print_health}, {"silence", print_silence},
        {"threshold", print_threshold}, {"server", print_server},
    };
    char scale[DEPLOY_SCALE_WIDTH + 1];

    for (size_t i = 0; i < COUNT(gates); i++) {
        const json_t *seen = json_object_get(evidence, gates[i].name);

        if (!seen || (gates[i].print == print_server && number(seen, "devices") == 0))
            continue;
        buf_printf(out, "  %-10s ", gates[i].name);
        if (json_is_number(json_object_get(seen, "statistic"))) {
            deploy_scale(real(seen, "statistic"), real(seen, "lower"), real(seen, "upper"), scale);
            buf_printf(out, "good %s bad  ", scale);
        }
        gates[i].print(seen, out);
        buf_add_text(out, "\n");
    }
}

/* --- strata -------------------------------------------------------------------------------------
 */

/* Stopped, or its share of failures is half as much again as that of all. */
static bool deviates(const json_t *stratum, json_int_t all_failed, json_int_t all_ended)
{
    json_int_t failed = number(stratum, "failed");
    json_int_t ended = failed + number(stratum, "succeeded");

    if (is_true(stratum, "halted"))
        return true;
    return failed > 0 &&
           (double)failed * (double)all_ended > 1.5 * (double)all_failed * (double)ended;
}

static void print_stratum(const json_t *stratum, struct buf *out)
{
    const char *version = deploy_text(stratum, "source_version");
    const char *source = deploy_text(stratum, "source");
    json_int_t failed = number(stratum, "failed");

    if (deploy_text(stratum, "hwid")[0])
        buf_printf(out, "  %s from ", deploy_text(stratum, "hwid"));
    else
        buf_add_text(out, "  all others from ");
    if (version[0])
        buf_add_text(out, version);
    else
        buf_printf(out, "%.*s", SHA_SHOWN, source[0] ? source : "anything");
    buf_printf(out, ": %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " failed%s\n", failed,
               failed + number(stratum, "succeeded"),
               is_true(stratum, "halted") ? ", stopped" : "");
}

static void print_strata(const json_t *strata, struct buf *out)
{
    json_int_t failed = 0;
    json_int_t ended = 0;
    unsigned shown = 0;

    for (size_t i = 0; i < json_array_size(strata); i++) {
        const json_t *stratum = json_array_get(strata, i);

        failed += number(stratum, "failed");
        ended += number(stratum, "failed") + number(stratum, "succeeded");
    }
    for (size_t i = 0; i < json_array_size(strata) && shown < STRATA_SHOWN; i++) {
        const json_t *stratum = json_array_get(strata, i);

        if (!deviates(stratum, failed, ended))
            continue;
        if (shown++ == 0)
            buf_add_text(out, "these fare worse\n");
        print_stratum(stratum, out);
    }
}

void deploy_print(const json_t *deployment, struct buf *out)
{
    const json_t *phases = json_object_get(deployment, "phases");
    const json_t *evidence = json_object_get(deployment, "evidence");

    buf_printf(out, "%s to %s/%s: %s, phase %" JSON_INTEGER_FORMAT " of %zu\n",
               deploy_text(deployment, "release"), deploy_text(deployment, "product"),
               deploy_text(deployment, "group"), deploy_text(deployment, "state"),
               number(deployment, "phase"), json_array_size(phases));
    if (deploy_text(deployment, "reason")[0])
        buf_printf(out, "  %s\n", deploy_text(deployment, "reason"));
    for (size_t i = 0; i < json_array_size(phases); i++)
        print_phase(json_array_get(phases, i), deploy_text(deployment, "settled"), out);
    if (json_object_size(evidence) > 0)
        buf_add_text(out, "gates\n");
    deploy_print_gates(evidence, out);
    print_strata(json_object_get(deployment, "strata"), out);
}
