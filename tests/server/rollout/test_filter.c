/* The filter language, read and asked in memory; what SQL makes of it is tests/server/store. */
#include "server/rollout/filter.h"

#include <criterion/criterion.h>
#include <string.h>

static struct filter_text text_of(const char *text)
{
    return (struct filter_text){text, text ? strlen(text) : 0};
}

static const struct {
    enum filter_space space;
    const char *name;
    const char *value;
} gateway[] = {
    {FILTER_ATTRIBUTE, "ram", "512"},
    {FILTER_ATTRIBUTE, "temp", "-3.5"},
    {FILTER_ATTRIBUTE, "fw", "1.10"},
    {FILTER_ATTRIBUTE, "site", "Zürich"},
    {FILTER_ATTRIBUTE, "empty", ""},
    {FILTER_ATTRIBUTE, "two words", "yes"},
    {FILTER_ATTRIBUTE, "hwid", "own"},
    {FILTER_ATTRIBUTE, "rate", "50%"},
    {FILTER_ATTRIBUTE, "and", "word"},
    {FILTER_ATTRIBUTE, "v", "2.0-rc1"},
    {FILTER_TAG, "ring", "lab"},
    {FILTER_TAG, "my tag", "1"},
    {FILTER_ATTRIBUTE, "serial", "00000000000000000042"},
};

static struct filter_text named(enum filter_space space, struct filter_text name, const void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT(gateway); i++) {
        if (gateway[i].space == space && strlen(gateway[i].name) == name.len &&
            memcmp(gateway[i].name, name.data, name.len) == 0)
            return text_of(gateway[i].value);
    }
    return (struct filter_text){NULL, 0};
}

static struct filter_text fixed(enum filter_fixed name, const void *arg)
{
    static const char *const values[] = {"gw-1", "00ff", "production", NULL};

    (void)arg;
    return text_of(values[name]);
}

static bool says(const char *text)
{
    const struct filter_subject subject = {named, fixed, NULL};
    AUTO_FILTER *filter = NULL;
    struct err err = {0};

    cr_assert(filter_parse(text, &filter, &err), "%s: %s", text, err.text);
    return filter_matches(filter, &subject);
}

Test(filter, matches_what_it_says)
{
    static const char *const yes[] = {
        "ram = 512",
        "ram = 512.0",
        "ram >= 512",
        "ram < 1000",
        "ram != 511",
        "temp < 0",
        "temp = -3.50",
        "ram > '5'",
        "fw = '1.10'",
        "fw = 1.1",
        "site = 'Zürich'",
        "site like 'Z_rich'",
        "site like '%ri%'",
        "site like 'Zürich'",
        "rate like '50\\%'",
        "rate like '%\\%'",
        "empty = ''",
        "empty like ''",
        "empty like '%'",
        "has(empty)",
        "\"two words\" = 'yes'",
        "hwid = 'gw-1'",
        "\"hwid\" = 'own'",
        "tag.ring = 'lab'",
        "tag.\"my tag\" = 1",
        "\"and\" = 'word'",
        "device like '00%'",
        "group in ('a', 'production')",
        "ram in (1, 512)",
        "ram not in (1, 2)",
        "site not like 'B%'",
        "not has(nothing)",
        "not nothing = 1",
        "not counter > 5",
        "not counter <= 5",
        "site > 'Z'",
        "not ram < 10 and has(ram)",
        "ram = 1 or ram = 2 or ram = 512",
        "ram = 512 or ram = 1 and ram = 2",
        "(ram = 512 or ram = 1) and fw = '1.10'",
        "NOT ram = 5 AND ram IN (512)",
        "version(fw) > '1.9'",
        "version(v) < '2.0'",
        "version(v) > '1.99.99'",
        "\n\tram\n=\r512 ",
        "version(v) = 'v2.rc.1' or ram = 512",
        "site = 'it''s' or ram = 512",
        "serial = '00000000000000000042'",
        "ram = 'x' or not ram = 'x'",
        "site < 3 or site > 3",
    };
    static const char *const no[] = {
        "ram = '512.0'",
        "ram = 511",
        "nothing = 1",
        "nothing != 1",
        "nothing in (1)",
        "nothing like '%'",
        "version(nothing) > '0'",
        "fw = '1.1'",
        "counter = 1",
        "counter != 1",
        "has(counter)",
        "has(tag.site)",
        "tag.ram = 512",
        "site like 'Z_'",
        "site like 'z%'",
        "site like 'Z_rich_'",
        "empty like '_'",
        "rate like '50'",
        "ram = 1 or ram = 2",
        "ram = 512 and ram = 1",
        "(ram = 512 or ram = 1) and ram = 2",
        "not not has(nothing)",
        "ram > '6'",
        "serial = 42",
        "hwid in ('gw-2', 'gw-3')",
        "not (ram = 512)",
    };

    for (size_t i = 0; i < COUNT(yes); i++)
        cr_expect(says(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < COUNT(no); i++)
        cr_expect_not(says(no[i]), "%s", no[i]);
}

Test(filter, points_at_the_character_that_is_wrong)
{
    static const struct {
        const char *text;
        const char *err;
    } cases[] = {
        {"", "filter, character 1: expected a name, 'not' or '('"},
        {"  ", "filter, character 3: expected a name, 'not' or '('"},
        {"ram", "filter, character 4: expected = != < <= > >=, 'in' or 'like'"},
        {"ram =", "filter, character 6: expected a 'text' or a number"},
        {"ram = fw", "filter, character 7: expected a 'text' or a number"},
        {"ram == 5", "filter, character 6: expected a 'text' or a number"},
        {"ram ~ 5", "filter, character 5: this is no part of a filter"},
        {"ram < 5mb",
         "filter, character 7: not a number (at most 12 digits and 6 behind the point);"
         " texts and versions stand in 'single quotes'"},
        {"fw = 1.2.3",
         "filter, character 6: not a number (at most 12 digits and 6 behind the point);"
         " texts and versions stand in 'single quotes'"},
        {"a = 1234567890123",
         "filter, character 5: not a number (at most 12 digits and 6 behind the"
         " point); texts and versions stand in 'single quotes'"},
        {"a = 1 b = 2", "filter, character 7: expected 'and', 'or' or the end"},
        {"a = 1)", "filter, character 6: expected 'and', 'or' or the end"},
        {"(a = 1", "filter, character 7: expected ')'"},
        {"a = 'x", "filter, character 5: this quote is not closed"},
        {"ü = 1", "filter, character 1: this is no part of a filter"},
        {"a = 'üü' und", "filter, character 10: expected 'and', 'or' or the end"},
        {"a = '\t'", "filter, character 6: a control character"},
        {"a = '\xff'", "filter, character 6: not UTF-8"},
        {"a in 5", "filter, character 6: expected '(' and values"},
        {"a in ()", "filter, character 7: expected a 'text' or a number"},
        {"a in (1 2)", "filter, character 9: expected ',' or ')'"},
        {"a like 5", "filter, character 8: expected a 'text'"},
        {"a like 'x\\'",
         "filter, character 8: the pattern ends with a '\\' that has nothing behind it"},
        {"a not = 5", "filter, character 7: expected = != < <= > >=, 'in' or 'like'"},
        {"has()", "filter, character 5: expected a name"},
        {"has(a", "filter, character 6: expected ')'"},
        {"version(a)", "filter, character 11: expected = != < <= > >="},
        {"version(a) < 2", "filter, character 14: expected a 'text'"},
        {"version(a) in ('2')", "filter, character 12: expected = != < <= > >="},
        {"\"\" = 1", "filter, character 1: a name is empty"},
        {"tag. = 1", "filter, character 5: a tag's name is missing"},
        {"a = 1 and", "filter, character 10: expected a name, 'not' or '('"},
        {"and = 1", "filter, character 1: expected a name, 'not' or '('"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct filter *filter = NULL;
        struct err err = {0};

        cr_expect_not(filter_parse(cases[i].text, &filter, &err), "%s", cases[i].text);
        cr_expect_eq(err.code, ERR_INVALID);
        cr_expect_str_eq(err.text, cases[i].err, "%s: %s", cases[i].text, err.text);
        cr_expect_null(filter, "a refusal leaves the result alone");
    }
}

static bool parses(const char *text, struct err *err)
{
    AUTO_FILTER *filter = NULL;

    return filter_parse(text, &filter, err);
}

static void repeat(struct buf *out, const char *text, size_t times)
{
    while (times-- > 0)
        buf_add_text(out, text);
}

Test(filter, holds_its_limits_to_the_last_one)
{
    static const struct {
        const char *what;
        const char *before, *middle, *behind;
        size_t most;
        const char *err;
    } cases[] = {
        {"bytes", "a = '", "x", "'", FILTER_BYTES_MAX - 6, "filter: longer than 1024 bytes"},
        {"terms", "a=1", " or a=1", "", FILTER_TERMS_MAX - 1, "more than 64 comparisons"},
        {"nots", "", "not ", "a=1", FILTER_DEPTH_MAX, "more than 16 parentheses and nots"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        AUTO_BUF text;

        buf_init(&text, 1 << 16);
        buf_add_text(&text, cases[i].before);
        repeat(&text, cases[i].middle, cases[i].most);
        buf_add_text(&text, cases[i].behind);
        cr_expect(parses(buf_text(&text), &err), "%s: %s", cases[i].what, err.text);
        buf_reset(&text);
        buf_add_text(&text, cases[i].before);
        repeat(&text, cases[i].middle, cases[i].most + 1);
        buf_add_text(&text, cases[i].behind);
        cr_expect_not(parses(buf_text(&text), &err), "%s", cases[i].what);
        cr_expect(strstr(err.text, cases[i].err), "%s: %s", cases[i].what, err.text);
    }
}

Test(filter, takes_sixteen_parentheses_and_closes_them)
{
    struct err err = {0};

    cr_expect(parses("((((((((((((((((a=1))))))))))))))))", &err), "%s", err.text);
    cr_expect_not(parses("(((((((((((((((((a=1)))))))))))))))))", &err));
    cr_expect(
        parses("(a=1) and (a=1) and (a=1) and (a=1) and (a=1) and (a=1) and (a=1) and (a=1) and "
               "(a=1) and (a=1) and (a=1) and (a=1) and (a=1) and (a=1) and (a=1) and (a=1) and "
               "(a=1)",
               &err),
        "what stands side by side is not deep: %s", err.text);
}

Test(filter_version, orders_versions_field_by_field)
{
    static const char *const rising[] = {
        "",
        "1-rc1",
        "1-rc2",
        "1-rc10",
        "1",
        "1.0.1-beta",
        "1.0.1",
        "1.2",
        "1.10a",
        "1.10",
        "1.10.0.0.1",
        "2-alpha",
        "2",
        "3a",
        "3",
        "18446744073709551616",
        "18446744073709551617",
    };
    static const struct {
        const char *left, *right;
    } equal[] = {{"1", "1.0"},   {"1.0.0", "1"},    {"1.2", "1-2"},      {"01.2", "1.02"},
                 {"1+a", "1+b"}, {"1.2_", "..1.2"}, {"1.0rc", "1-0-rc"}, {"", "0.0"}};

    for (size_t i = 0; i < COUNT(rising); i++) {
        for (size_t k = 0; k < COUNT(rising); k++)
            cr_expect_eq(filter_version_compare(text_of(rising[i]), text_of(rising[k])),
                         (i > k) - (i < k), "'%s' and '%s'", rising[i], rising[k]);
    }
    for (size_t i = 0; i < COUNT(equal); i++)
        cr_expect_eq(filter_version_compare(text_of(equal[i].left), text_of(equal[i].right)), 0,
                     "'%s' and '%s'", equal[i].left, equal[i].right);
}

Test(filter, is_written_as_a_program_for_sql)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"a = 1", "[\"=\",\"attribute\",\"a\",[\"number\",\"1\"]]"},
        {"has(tag.x)", "[\"has\",\"tag\",\"x\"]"},
        {"not hwid in ('a', 2)",
         "[\"not\",[\"in\",\"fixed\",\"hwid\",[\"text\",\"a\"],[\"number\",\"2\"]]]"},
        {"\"q\"\"\\\" not like 'a\\\\'",
         "[\"not\",[\"like\",\"attribute\",\"q\\\"\\\\\",\"a\\\\\\\\\"]]"},
        {"a=1 and b=2 or version(c) >= '3'",
         "[\"or\",[\"and\",[\"=\",\"attribute\",\"a\",[\"number\",\"1\"]],[\"=\",\"attribute\","
         "\"b\","
         "[\"number\",\"2\"]]],[\"version\",\"attribute\",\"c\",\">=\",\"3\"]]"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FILTER *filter = NULL;
        struct err err = {0};
        AUTO_BUF json;

        buf_init(&json, FILTER_JSON_BYTES_MAX);
        cr_assert(filter_parse(cases[i].text, &filter, &err), "%s", err.text);
        filter_format_json(filter, &json);
        cr_expect_str_eq(buf_text(&json), cases[i].json, "%s: %s", cases[i].text, buf_text(&json));
    }
}
