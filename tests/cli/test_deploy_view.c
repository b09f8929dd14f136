#include <string.h>

#include <criterion/criterion.h>

#include "cli/deploy_view.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

/* The lines of a deployment that is given as JSON. */
static void print(const char *text, struct buf *out)
{
    static const struct json_limits limits = {1 << 20, 16, 1000, false};
    AUTO_JSON *deployment = NULL;
    struct err err = {0};

    cr_assert(json_parse(text, strlen(text), &limits, &deployment, &err), "%s", err.text);
    deploy_print(deployment, out);
}

Test(deploy_view, puts_a_statistic_between_its_bounds_and_never_beyond)
{
    static const struct {
        double statistic, lower, upper;
        size_t star;
    } cases[] = {
        {-4, -4, 6, 1},
        {-400, -4, 6, 1},
        {6, -4, 6, 32},
        {600, -4, 6, 32},
        {1, -4, 6, 16},
        {0, 0, 5, 1},
        {0, 0, 0, 1} /* no test */,
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char scale[DEPLOY_SCALE_WIDTH + 1];

        deploy_scale(cases[i].statistic, cases[i].lower, cases[i].upper, scale);
        cr_expect_eq(strlen(scale), DEPLOY_SCALE_WIDTH, "%zu: %s", i, scale);
        cr_expect_eq(scale[0], '|');
        cr_expect_eq(scale[DEPLOY_SCALE_WIDTH - 1], '|');
        cr_expect_eq((size_t)(strchr(scale, '*') - scale), cases[i].star, "%zu: %s", i, scale);
    }
}

Test(deploy_view, marks_where_nothing_has_been_seen)
{
    char scale[DEPLOY_SCALE_WIDTH + 1];

    deploy_scale(5, -5, 5, scale);
    cr_expect_eq(scale[16], ':', "%s", scale);
    deploy_scale(0, -5, 5, scale);
    cr_expect_eq(scale[16], '*', "at zero the star stands on it: %s", scale);
}

Test(deploy_view, has_a_line_for_each_phase_whatever_its_kind)
{
    static const char text[] =
        "{\"release\":\"v2\",\"product\":\"board\",\"group\":\"lab\",\"state\":\"running\","
        "\"phase\":2,\"settled\":\"2026-11-23T05:00:00Z\",\"phases\":["
        "{\"state\":\"done\",\"filter\":\"tag.ring = 'lab'\",\"counts\":{\"succeeded\":2}},"
        "{\"state\":\"running\",\"count\":4,\"advance\":\"manual\",\"counts\":{\"succeeded\":2}},"
        "{\"state\":\"waiting\",\"percent\":100,\"advance\":\"auto\",\"counts\":{}}]}";
    static const char *const says[] = {
        "v2 to board/lab: running, phase 2 of 3\n",
        "done         filter   [##############################]  2 succeeded  (tag.ring = 'lab')\n",
        "2 succeeded, soaks since 2026-11-23T05:00:00Z, hold\n",
        "running      4        [###############               ]  2",
        "waiting      100 %    [                              ]  nobody yet\n",
    };
    AUTO_BUF out;

    buf_init(&out, 65536);
    print(text, &out);
    for (size_t i = 0; i < COUNT(says); i++)
        cr_expect(strstr(buf_text(&out), says[i]), "%s is not in\n%s", says[i], buf_text(&out));
    cr_expect_not(strstr(buf_text(&out), "gates"), "no gate has seen anything:\n%s",
                  buf_text(&out));
}

Test(deploy_view, tells_what_each_gate_counted)
{
    static const char text[] =
        "{\"release\":\"v2\",\"state\":\"paused\",\"reason\":\"your metadata or your server\","
        "\"phases\":[],\"evidence\":{\"server\":{\"devices\":7},"
        "\"install\":{\"statistic\":1.5,\"lower\":-4.6,\"upper\":5.2,\"succeeded\":9,\"failed\":1,"
        "\"cap_lifted\":false,\"stratum\":2,\"stratum_statistic\":2.25},"
        "\"health\":{\"statistic\":0,\"lower\":-3.0,\"upper\":4.6,\"updated_bad\":2,"
        "\"updated_days\":34.25,\"control_bad\":1,\"control_days\":400,\"control\":\"own-14-days\"}"
        ","
        "\"silence\":{\"statistic\":0,\"upper\":4.6,\"updated\":10,\"updated_silent\":1,"
        "\"control\":90,\"control_silent\":2},"
        "\"threshold\":{\"failed\":1,\"finished\":10,\"failed_percent\":20,\"min_finished\":5}}}";
    static const char *const says[] = {
        "  your metadata or your server\n",
        "1 of 10 failed, stratum 2 at 2.25\n",
        "bad days: 2 of 34.2 updated, 1 of 400.0 in the 14 days before\n",
        "silent: 1 of 10 updated, 2 of 90 not updated\n",
        "threshold  1 of 10 failed; stops above 20 % of at least 5\n",
        "server     7 devices refused what we sent\n",
    };
    AUTO_BUF out;

    buf_init(&out, 65536);
    print(text, &out);
    for (size_t i = 0; i < COUNT(says); i++)
        cr_expect(strstr(buf_text(&out), says[i]), "%s is not in\n%s", says[i], buf_text(&out));
}

Test(deploy_view, names_only_strata_that_fare_worse)
{
    static const char text[] =
        "{\"phases\":[],\"strata\":["
        "{\"hwid\":\"a\",\"source_version\":\"v1\",\"failed\":1,\"succeeded\":99},"
        "{\"hwid\":\"b\",\"source_version\":\"v1\",\"failed\":3,\"succeeded\":3},"
        "{\"hwid\":\"c\",\"source\":\"0123456789abcdef\",\"failed\":0,\"succeeded\":0,"
        "\"halted\":true},"
        "{\"hwid\":\"\",\"failed\":0,\"succeeded\":5}]}";
    AUTO_BUF out;

    buf_init(&out, 65536);
    print(text, &out);
    cr_expect(strstr(buf_text(&out), "these fare worse\n  b from v1: 3 of 6 failed\n"
                                     "  c from 0123456789ab: 0 of 0 failed, stopped\n"),
              "%s", buf_text(&out));
    cr_expect_not(strstr(buf_text(&out), "a from v1"), "%s", buf_text(&out));
    cr_expect_not(strstr(buf_text(&out), "all others"), "%s", buf_text(&out));
}

Test(deploy_view, is_calm_about_an_answer_with_nothing_in_it)
{
    AUTO_BUF out;

    buf_init(&out, 65536);
    print("{}", &out);
    cr_expect_str_eq(buf_text(&out), " to /: , phase 0 of 0\n");
}
