#include "lib/http/range.h"

#include <criterion/criterion.h>

Test(range, takes_single_ranges_and_ignores_what_it_does_not_know)
{
    static const struct {
        const char *text;
        uint64_t size;
        enum range_verdict verdict;
        uint64_t first;
        uint64_t length;
    } cases[] = {
        {"bytes=0-0", 100, RANGE_PART, 0, 1},
        {"bytes=0-99", 100, RANGE_PART, 0, 100},
        {"bytes=0-100", 100, RANGE_PART, 0, 100},
        {"bytes=10-", 100, RANGE_PART, 10, 90},
        {"bytes=99-", 100, RANGE_PART, 99, 1},
        {"Bytes=5-6", 100, RANGE_PART, 5, 2},
        {"bytes=-1", 100, RANGE_PART, 99, 1},
        {"bytes=-99", 100, RANGE_PART, 1, 99},
        {"bytes=5-18446744073709551615", 100, RANGE_PART, 5, 95},
        {"bytes=-100", 100, RANGE_WHOLE, 0, 0},
        {"bytes=-1000", 100, RANGE_WHOLE, 0, 0},
        {"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=100-200", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
        {NULL, 100, RANGE_WHOLE, 0, 0},
        {"", 100, RANGE_WHOLE, 0, 0},
        {"bytes", 100, RANGE_WHOLE, 0, 0},
        {"bytes=", 100, RANGE_WHOLE, 0, 0},
        {"bytes=-", 100, RANGE_WHOLE, 0, 0},
        {"bytes=5", 100, RANGE_WHOLE, 0, 0},
        {"bytes=6-5", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-1,5-6", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-1,", 100, RANGE_WHOLE, 0, 0},
        {"bytes= 0-1", 100, RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0x1-2", 100, RANGE_WHOLE, 0, 0},
        {"bytes=18446744073709551616-", 100, RANGE_WHOLE, 0, 0},
        {"lines=0-1", 100, RANGE_WHOLE, 0, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct range range = {0};
        const char *text = cases[i].text ? cases[i].text : "(none)";

        cr_expect_eq(range_parse(cases[i].text, cases[i].size, &range), cases[i].verdict, "%s",
                     text);
        cr_expect_eq(range.first, cases[i].first, "%s", text);
        cr_expect_eq(range.length, cases[i].length, "%s", text);
    }
}

Test(range, is_honoured_only_for_the_same_strong_tag)
{
    cr_expect(range_if_holds(NULL, "abc"));
    cr_expect(range_if_holds("\"abc\"", "abc"));
    cr_expect_not(range_if_holds("W/\"abc\"", "abc"), "a weak tag");
    cr_expect_not(range_if_holds("\"abd\"", "abc"));
    cr_expect_not(range_if_holds("\"abc", "abc"));
    cr_expect_not(range_if_holds("\"abc\"x", "abc"));
    cr_expect_not(range_if_holds("abc", "abc"));
    cr_expect_not(range_if_holds("", "abc"));
    cr_expect_not(range_if_holds("Sun, 06 Nov 1994 08:49:37 GMT", "abc"), "a date");
}

Test(etag_list, finds_a_tag_weakly_and_only_as_a_whole)
{
    static const struct {
        const char *list;
        bool has;
    } cases[] = {
        {"*", true},
        {"\"abc\"", true},
        {"W/\"abc\"", true},
        {"\"x\", \"abc\"", true},
        {"\"x\" ,\tW/\"abc\" , \"y\"", true},
        {"\"a,b\", \"abc\"", true},
        {"", false},
        {"abc", false},
        {"\"abcd\"", false},
        {"\"ab\"", false},
        {"\"x, \"abc", false},
        {"\"abc", false},
        {"\"abc\"x", false},
        {"\"", false},
        {",,,", false},
    };

    cr_expect_not(etag_list_has(NULL, "abc"));
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(etag_list_has(cases[i].list, "abc"), cases[i].has, "%s", cases[i].list);
}
