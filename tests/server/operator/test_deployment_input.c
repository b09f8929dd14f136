#include "server/operator/deployment_input.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"

#define ID "5a0e8a1c-9c3b-4a7a-9d58-2d3a6c1b7e10"
#define ALL "\"phases\":[{\"percent\":100}]"

static bool reads(const char *more, json_t **body, struct deployment_input *out, struct err *err)
{
    AUTO_FREE char *text = mem_printf("{\"group\":\"" ID "\",\"release\":\"" ID "\",%s}", more);
    struct http_request req = {.body = (const uint8_t *)text, .body_len = strlen(text)};

    return deployment_input_read(&req, body, out, err);
}

Test(deployment_input, fills_in_what_is_not_said)
{
    AUTO_JSON *body = NULL;
    struct deployment_input out;
    struct err err = {0};

    cr_assert(reads(ALL, &body, &out, &err), "%s", err.text);
    cr_expect_eq(out.phase_count, 1);
    cr_expect_eq(out.phases[0].share_milli, DEPLOYMENT_SHARE_ALL);
    cr_expect_str_eq(out.phases[0].filter, "");
    cr_expect_null(out.salt);
    cr_expect_str_eq(out.on_stop, "halt");
    cr_expect_str_eq(out.delta_policy, "delta-then-full");
    cr_expect_eq(out.delta_deadline_s, 7200);
    cr_expect_eq(out.retry_max, 0);
    cr_expect_eq(out.retry_after_s, 3600);
    cr_expect(out.gate.install.is_on && out.gate.health.is_on && !out.gate.threshold.is_on);
    cr_expect(!out.is_downgrade && !out.is_draft && !out.is_security && !out.supersedes);
}

Test(deployment_input, takes_phases_of_every_kind_in_their_order)
{
    AUTO_JSON *body = NULL;
    struct deployment_input out;
    struct err err = {0};

    cr_assert(reads("\"first\":\"tag.lab = 1\",\"soak_s\":60,\"phases\":[{\"count\":3},"
                    "{\"filter\":\"ram > 5\",\"advance\":\"manual\"},"
                    "{\"percent\":0.5,\"soak_s\":7200,\"soak_device_h\":24,\"filter\":\"has(a)\"},"
                    "{\"percent\":100}]",
                    &body, &out, &err),
              "%s", err.text);
    cr_assert_eq(out.phase_count, 5);
    cr_expect_str_eq(out.phases[0].filter, "tag.lab = 1");
    cr_expect_eq(out.phases[1].device_count, 3);
    cr_expect_eq(out.phases[1].soak_s, 60);
    cr_expect(out.phases[2].is_manual);
    cr_expect_eq(out.phases[3].share_milli, 500);
    cr_expect_eq(out.phases[3].soak_s, 7200);
    cr_expect_eq(out.phases[3].soak_device_h, 24);
}

Test(deployment_input, takes_everything_else_that_may_be_said)
{
    AUTO_JSON *body = NULL;
    struct deployment_input out;
    struct err err = {0};

    cr_assert(reads(ALL
                    ",\"salt\":\"s\",\"action\":\"downgrade\",\"start\":\"2030-01-01T00:00:00Z\","
                    "\"draft\":true,\"concurrency\":5,\"bytes_per_hour\":1000,"
                    "\"delta_policy\":\"wait-for-delta\",\"delta_deadline_s\":60,"
                    "\"retry\":{\"max\":2,\"after_s\":5},\"security\":true,"
                    "\"supersedes\":\"" ID "\",\"on_stop\":\"roll-back\","
                    "\"gate\":{\"failed_percent\":20,\"min_finished\":5}",
                    &body, &out, &err),
              "%s", err.text);
    cr_expect_str_eq(out.salt, "s");
    cr_expect(out.is_downgrade && out.is_draft && out.is_security && out.supersedes);
    cr_expect_str_eq(out.supersedes_id, ID);
    cr_expect_eq(out.start_ms, 1893456000000LL);
    cr_expect_eq(out.concurrency, 5);
    cr_expect_eq(out.bytes_per_hour, 1000);
    cr_expect_str_eq(out.delta_policy, "wait-for-delta");
    cr_expect_eq(out.delta_deadline_s, 60);
    cr_expect_eq(out.retry_max, 2);
    cr_expect_eq(out.retry_after_s, 5);
    cr_expect_str_eq(out.on_stop, "roll-back");
    cr_expect(!out.gate.install.is_on && !out.gate.health.is_on && out.gate.threshold.is_on,
              "the older form of a gate is a threshold alone");
    cr_expect_eq(out.gate.threshold.failed_percent, 20);
}

Test(deployment_input, names_the_field_that_is_wrong)
{
    static const struct {
        const char *more;
        const char *says;
    } cases[] = {
        {"\"phases\":[]", "field 'phases' is empty"},
        {"\"phases\":5", "'phases'"},
        {"\"phases\":[5]", "field 'phases[0]' is not an object"},
        {"\"phases\":[{}]", "field 'phases[0].percent' is missing"},
        {"\"phases\":[{\"percent\":100,\"nmae\":1}]", "nmae"},
        {"\"phases\":[{\"percent\":0}]", "field 'phases[0].percent' is not a number within"},
        {"\"phases\":[{\"percent\":101}]", "field 'phases[0].percent' is not a number within"},
        {"\"phases\":[{\"percent\":0.0001}]", "field 'phases[0].percent' is not a number within"},
        {"\"phases\":[{\"percent\":5},{\"percent\":5}]", "'phases[1].percent' is not above"},
        {"\"phases\":[{\"percent\":5}]", "field 'phases[0].percent' is not 100, but the last"},
        {"\"phases\":[{\"count\":5}]", "field 'phases[0].percent' is not 100, but the last"},
        {"\"phases\":[{\"percent\":5},{\"count\":5},{\"percent\":100}]",
         "field 'phases[1]' has no percent"},
        {"\"phases\":[{\"percent\":5,\"count\":5}]", "field 'phases[0]' has a percent and a count"},
        {"\"phases\":[{\"count\":0}]", "phases[0].count"},
        {"\"phases\":[{\"percent\":100,\"filter\":\"a = 1\"}]",
         "'phases[0].filter' stands in the last"},
        {"\"phases\":[{\"percent\":1},{\"percent\":2,\"filter\":\"a =\"}]",
         "field 'phases[1].filter': filter, character 4: expected a 'text' or a number"},
        {"\"phases\":[{\"percent\":100,\"soak_s\":-1}]", "phases[0].soak_s"},
        {"\"phases\":[{\"percent\":100,\"soak_s\":31536001}]", "phases[0].soak_s"},
        {"\"phases\":[{\"percent\":100,\"advance\":\"maybe\"}]", "'phases[0].advance' is neither"},
        {ALL ",\"first\":\"(\"", "field 'first': filter, character 2"},
        {ALL ",\"first\":5", "'first'"},
        {ALL ",\"salt\":\"\"", "field 'salt' is empty"},
        {ALL ",\"salt\":\"\\u00e4\"", "printable"},
        {ALL ",\"action\":\"sidegrade\"", "field 'action' is not one of 'update', 'downgrade'"},
        {ALL ",\"on_stop\":7", "field 'on_stop' is not one of 'halt', 'pause', 'roll-back'"},
        {ALL ",\"delta_policy\":\"x\"", "'delta_policy'"},
        {ALL ",\"concurrency\":0", "'concurrency'"},
        {ALL ",\"bytes_per_hour\":0", "'bytes_per_hour'"},
        {ALL ",\"retry\":{\"max\":11}", "retry: field 'max'"},
        {ALL ",\"retry\":{\"often\":1}", "often"},
        {ALL ",\"start\":\"tomorrow\"", "'start'"},
        {ALL ",\"supersedes\":\"x\"", "'supersedes'"},
        {ALL ",\"draft\":1", "'draft'"},
        {ALL ",\"gate\":{\"install\":{\"p0\":2}}", "'gate.install.p0'"},
        {ALL ",\"gate\":{\"failed_percent\":101}", "failed_percent"},
        {ALL ",\"soak_s\":31536001", "'soak_s'"},
        {ALL ",\"phaces\":[]", "phaces"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *body = NULL;
        struct deployment_input out;
        struct err err = {0};

        cr_expect_not(reads(cases[i].more, &body, &out, &err), "%s", cases[i].more);
        cr_expect_eq(err.code, ERR_INVALID);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].more, err.text);
        cr_expect_null(body);
    }
}

static bool takes_phases(unsigned count, const char *more)
{
    AUTO_JSON *body = NULL;
    struct deployment_input out;
    struct err err;
    AUTO_BUF text;

    buf_init(&text, 1 << 16);
    buf_printf(&text, "%s\"phases\":[", more);
    for (unsigned i = 1; i < count; i++)
        buf_printf(&text, "{\"percent\":%u},", i);
    buf_add_text(&text, "{\"percent\":100}]");
    return reads(buf_text(&text), &body, &out, &err);
}

Test(deployment_input, takes_fifty_phases_and_no_more)
{
    cr_expect(takes_phases(50, ""));
    cr_expect_not(takes_phases(51, ""));
    cr_expect(takes_phases(49, "\"first\":\"a = 1\","));
    cr_expect_not(takes_phases(50, "\"first\":\"a = 1\","), "`first` is one of them");
}
