#include "lib/http/problem.h"

#include <criterion/criterion.h>
#include <string.h>

Test(problem, every_code_has_a_status_a_type_and_a_title)
{
    static const struct {
        enum err_code code;
        int status;
    } cases[] = {
        {ERR_INVALID, 400},     {ERR_NOT_FOUND, 404}, {ERR_CONFLICT, 409},
        {ERR_DENIED, 403},      {ERR_LIMIT, 422},     {ERR_UNTRUSTED, 422},
        {ERR_UNAVAILABLE, 503}, {ERR_SYSTEM, 500},    {ERR_STALE, 412},
    };

    cr_assert_eq(COUNT(cases), (size_t)ERR_CODE_COUNT - 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct problem *problem = problem_of_code(cases[i].code);

        cr_expect_eq(problem->status, cases[i].status, "%s", err_code_name(cases[i].code));
        cr_expect_not_null(problem->title);
        cr_expect_eq(strncmp(problem->type, "urn:slipway:problem:", 20), 0);
    }
}

Test(problem, every_row_is_whole_and_its_status_has_words)
{
    size_t count;
    const struct problem *all = problem_all(&count);

    for (size_t i = 0; i < count; i++) {
        cr_expect_not_null(all[i].type);
        cr_expect_not_null(all[i].title);
        cr_expect_str_neq(http_status_text(all[i].status), "Unknown", "%d", all[i].status);
        cr_expect_eq(problem_of_status(all[i].status)->status, all[i].status);
    }
    cr_expect_eq(problem_of_status(999)->status, 500, "an unknown status");
    cr_expect_str_eq(http_status_text(999), "Unknown");
}

Test(problem, is_json_whatever_the_detail_holds)
{
    static const struct {
        const char *detail;
        const char *json;
    } cases[] = {
        {"plain", "\"plain\""},
        {"a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
        {"tab\there\x7f", "\"tab\\u0009here\\u007f\""},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"cut \xe2\x82", "\"cut \\ufffd\\ufffd\""},
        {"\xc0\xaf\xed\xa0\x80\xff", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF out;
        AUTO_BUF want;

        buf_init(&out, PROBLEM_TEXT_MAX);
        buf_init(&want, PROBLEM_TEXT_MAX);
        problem_format(problem_of_code(ERR_CONFLICT), cases[i].detail, REFUSAL_NONE, &out);
        buf_printf(&want,
                   "{\"status\":409,\"type\":\"urn:slipway:problem:conflict\","
                   "\"title\":\"The thing is in another state\",\"detail\":%s}",
                   cases[i].json);
        cr_expect_str_eq(buf_text(&out), buf_text(&want));
    }
}

Test(problem, names_the_refusal_of_untrusted_metadata)
{
    AUTO_BUF out;

    buf_init(&out, PROBLEM_TEXT_MAX);
    problem_format(problem_of_code(ERR_UNTRUSTED), NULL, REFUSAL_TARGETS_HASH, &out);
    cr_expect_not_null(strstr(buf_text(&out), ",\"code\":\"TARGETS_HASH\"}"));
    cr_expect_null(strstr(buf_text(&out), "detail"));
}
