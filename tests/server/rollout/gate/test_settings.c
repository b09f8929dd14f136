#include "server/rollout/gate/settings.h"

#include <criterion/criterion.h>
#include <string.h>

Test(gate_settings, hold_their_defaults_where_nothing_is_said)
{
    struct gate_settings settings;
    struct err err;

    cr_assert(gate_settings_parse("{}", &settings, &err), "%s", err.text);
    cr_expect(settings.install.is_on);
    cr_expect(settings.health.is_on);
    cr_expect(settings.silence.is_on);
    cr_expect_not(settings.threshold.is_on);
    cr_expect_not(settings.is_by_stratum);
    cr_expect_float_eq(settings.install.p1, 0.05, 1e-12);
    cr_expect_eq(settings.install.start, 3);

    cr_assert(gate_settings_parse("{\"install\":{\"p0\":0.01},\"health\":null,"
                                  "\"threshold\":{\"min_finished\":7},\"scope\":\"stratum\"}",
                                  &settings, &err),
              "%s", err.text);
    cr_expect_float_eq(settings.install.p0, 0.01, 1e-12);
    cr_expect_float_eq(settings.install.alpha, 0.005, 1e-12);
    cr_expect_not(settings.health.is_on);
    cr_expect(settings.threshold.is_on);
    cr_expect_eq(settings.threshold.finished_min, 7);
    cr_expect_eq(settings.threshold.failed_percent, 10);
    cr_expect(settings.is_by_stratum);
}

Test(gate_settings, refuse_what_makes_no_sense_and_name_the_field)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"[]", "'gate'"},
        {"{\"instal\":{}}", "instal"},
        {"{\"install\":3}", "'gate.install'"},
        {"{\"install\":{\"p2\":0.1}}", "p2"},
        {"{\"install\":{\"p0\":0}}", "'gate.install.p0'"},
        {"{\"install\":{\"p0\":1}}", "'gate.install.p0'"},
        {"{\"install\":{\"p0\":\"0.1\"}}", "'gate.install.p0'"},
        {"{\"install\":{\"p0\":0.05}}", "'gate.install.p1'"},
        {"{\"install\":{\"alpha\":0.5}}", "'gate.install.alpha'"},
        {"{\"install\":{\"start\":0}}", "'gate.install.start'"},
        {"{\"install\":{\"start\":1.5}}", "'gate.install.start'"},
        {"{\"health\":{\"ratio\":1}}", "'gate.health.ratio'"},
        {"{\"health\":{\"ratio\":1.0000000001}}", "'gate.health.ratio'"},
        {"{\"silence\":{\"alpha\":1e-300}}", "'gate.silence.alpha'"},
        {"{\"silence\":{\"intervals\":1}}", "'gate.silence.intervals'"},
        {"{\"threshold\":{\"failed_percent\":101}}", "'gate.threshold.failed_percent'"},
        {"{\"scope\":\"some\"}", "'gate.scope'"},
        {"{\"scope\":1}", "'gate.scope'"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct gate_settings settings;
        struct err err = {0};

        cr_expect_not(gate_settings_parse(cases[i].text, &settings, &err), "%s", cases[i].text);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].text);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].text, err.text);
    }
}

Test(gate_settings, come_back_as_they_were_written)
{
    static const char *const texts[] = {
        "{}",
        "{\"install\":null,\"health\":null,\"silence\":null}",
        "{\"install\":{\"alpha\":0.49999999999999994,\"p1\":0.9999999999999999},"
        "\"health\":{\"ratio\":1.0100000000000002,\"beta\":0.3333333333333333}}",
        "{\"install\":{\"p0\":0.001,\"p1\":0.1,\"alpha\":0.01,\"beta\":0.2,\"start\":1000000},"
        "\"silence\":{\"intervals\":2,\"ratio\":1.5,\"alpha\":0.4},"
        "\"threshold\":{\"failed_percent\":0,\"min_finished\":1},\"scope\":\"stratum\"}",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct gate_settings first, second;
        struct buf once, twice;
        struct err err;

        buf_init(&once, 4096);
        buf_init(&twice, 4096);
        cr_assert(gate_settings_parse(texts[i], &first, &err), "%s", err.text);
        gate_settings_format(&first, &once);
        cr_assert(gate_settings_parse(buf_text(&once), &second, &err), "%s: %s", buf_text(&once),
                  err.text);
        gate_settings_format(&second, &twice);
        cr_expect_str_eq(buf_text(&once), buf_text(&twice));
        buf_done(&once);
        buf_done(&twice);
    }
}

Test(gate_settings, are_described_with_their_defaults)
{
    struct buf out;

    buf_init(&out, 16384);
    gate_settings_describe(&out);
    cr_expect(strstr(buf_text(&out), "| `install.p0` | 0.005 | between 1e-09 and 1 |"));
    cr_expect(strstr(buf_text(&out), "| `install.start` | 3 | 1 to 1000000 |"));
    buf_done(&out);
}
