#include <string.h>

#include <criterion/criterion.h>

#include "server/operator/group_input.h"

static bool check(const char *text, struct err *err)
{
    AUTO_JSON *body = NULL;

    cr_assert(json_parse(text, strlen(text), &json_limits_api, &body, err), "%s", text);
    return group_properties_check(body, err);
}

Test(group_input, takes_every_property_at_its_bounds)
{
    static const char *const cases[] = {
        "{}",
        "{\"name\":\"a\"}",
        "{\"poll_interval_s\":1}",
        "{\"poll_interval_s\":604800}",
        "{\"update_policy\":\"os-only\"}",
        "{\"feed\":\"retail-eval\"}",
        "{\"crash_dumps\":true}",
        "{\"concurrency\":1,\"bytes_per_hour\":1}",
        "{\"concurrency\":10000000,\"bytes_per_hour\":1000000000000000}",
        "{\"concurrency\":null,\"bytes_per_hour\":null,\"maintenance\":null}",
        "{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"00:00\",\"end\":\"23:59\"}}",
        "{\"maintenance\":{\"days\":[\"sun\"],\"start\":\"23:00\",\"end\":\"01:00\"}}",
        "{\"updates_stopped\":false}",
        "{\"updates_stopped\":true,\"reason\":\"a bad batch\"}",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};

        cr_expect(check(cases[i], &err), "%s: %s", cases[i], err.text);
    }
}

Test(group_input, refuses_what_is_out_of_range_by_its_name)
{
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"{\"name\":\"\"}", "'name'"},
        {"{\"name\":\"a b\"}", "'name'"},
        {"{\"name\":null}", "'name'"},
        {"{\"poll_interval_s\":0}", "'poll_interval_s'"},
        {"{\"poll_interval_s\":604801}", "'poll_interval_s'"},
        {"{\"poll_interval_s\":null}", "'poll_interval_s'"},
        {"{\"update_policy\":\"some\"}", "'update_policy'"},
        {"{\"feed\":\"a/b\"}", "'feed'"},
        {"{\"crash_dumps\":1}", "'crash_dumps'"},
        {"{\"concurrency\":0}", "'concurrency'"},
        {"{\"concurrency\":10000001}", "'concurrency'"},
        {"{\"concurrency\":\"5\"}", "'concurrency'"},
        {"{\"bytes_per_hour\":0}", "'bytes_per_hour'"},
        {"{\"bytes_per_hour\":1000000000000001}", "'bytes_per_hour'"},
        {"{\"maintenance\":[]}", "'maintenance'"},
        {"{\"maintenance\":{}}", "'maintenance.days' is missing"},
        {"{\"maintenance\":{\"days\":[],\"start\":\"02:00\",\"end\":\"03:00\"}}",
         "'maintenance.days' is empty"},
        {"{\"maintenance\":{\"days\":[\"Mon\"],\"start\":\"02:00\",\"end\":\"03:00\"}}",
         "'maintenance.days[0]'"},
        {"{\"maintenance\":{\"days\":[\"mon\",7],\"start\":\"02:00\",\"end\":\"03:00\"}}",
         "'maintenance.days[1]'"},
        {"{\"maintenance\":{\"days\":[\"mon\",\"mon\"],\"start\":\"02:00\",\"end\":\"03:00\"}}",
         "'maintenance.days[1]' stands there twice"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02:00\"}}", "'maintenance.end'"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"24:00\",\"end\":\"03:00\"}}",
         "'maintenance.start'"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"2:00\",\"end\":\"03:00\"}}",
         "'maintenance.start'"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02:60\",\"end\":\"03:00\"}}",
         "'maintenance.start'"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02-00\",\"end\":\"03:00\"}}",
         "'maintenance.start'"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02:00\",\"end\":\"30:00\"}}",
         "'maintenance.end'"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02:00\",\"end\":\"02:00\"}}", "no time"},
        {"{\"maintenance\":{\"days\":[\"mon\"],\"start\":\"02:00\",\"end\":\"03:00\",\"zone\":1}}",
         "zone"},
        {"{\"updates_stopped\":\"yes\"}", "'updates_stopped'"},
        {"{\"reason\":\"x\"}", "'reason'"},
        {"{\"updates_stopped\":false,\"reason\":\"x\"}", "'reason'"},
        {"{\"updates_stopped\":true,\"reason\":\"\"}", "'reason' is empty"},
        {"{\"updates_stopped\":true,\"reason\":\"a\\nb\"}", "'reason' has a control"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};

        cr_expect_not(check(cases[i].body, &err), "%s", cases[i].body);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].body);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].body, err.text);
    }
}
