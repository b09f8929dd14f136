#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/text.h"

Test(text_numbers, accept_only_the_shortest_spelling_within_range)
{
    static const struct {
        const char *text;
        uint64_t min, max, value;
        bool good;
    } cases[] = {
        {"0", 0, 10, 0, true},
        {"10", 0, 10, 10, true},
        {"11", 0, 10, 0, false},
        {"4", 5, 10, 0, false},
        {"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", 0, UINT64_MAX, 0, false},
        {"", 0, 10, 0, false},
        {"01", 0, 10, 0, false},
        {"+1", 0, 10, 0, false},
        {"-1", 0, 10, 0, false},
        {" 1", 0, 10, 0, false},
        {"1 ", 0, 10, 0, false},
        {"0x1", 0, 10, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 77;
        bool good =
            text_to_u64(cases[i].text, strlen(cases[i].text), cases[i].min, cases[i].max, &value);

        cr_expect_eq(good, cases[i].good, "'%s'", cases[i].text);
        cr_expect_eq(value, good ? cases[i].value : 77, "'%s'", cases[i].text);
    }
}

Test(text_sizes, know_binary_units_and_refuse_overflow)
{
    uint64_t value = 0;

    cr_expect(text_to_size("5", &value) && value == 5);
    cr_expect(text_to_size("64K", &value) && value == 65536);
    cr_expect(text_to_size("2G", &value) && value == 2ULL << 30);
    cr_expect_not(text_to_size("K", &value));
    cr_expect_not(text_to_size("5KB", &value));
    cr_expect_not(text_to_size("99999999999T", &value));
}

Test(text_times, round_trip_and_refuse_days_that_are_not_in_the_calendar)
{
    static const char *const good[] = {"1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z",
                                       "2026-11-22T18:00:00Z", "9999-12-31T23:59:59Z"};
    static const char *const bad[] = {"2026-02-29T00:00:00Z",   "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",   "2026-01-01T24:00:00Z",
                                      "2026-01-01 00:00:00Z",   "2026-01-01T00:00:00+",
                                      "2026-01-01T00:00:00.5Z", "1969-12-31T23:59:59Z"};

    for (size_t i = 0; i < COUNT(good); i++) {
        char text[TEXT_TIME_ROOM];
        int64_t time_ms = -1;

        cr_expect(text_to_time(good[i], strlen(good[i]), &time_ms), "%s", good[i]);
        text_from_time(time_ms, text);
        cr_expect_str_eq(text, good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t time_ms;

        cr_expect_not(text_to_time(bad[i], strlen(bad[i]), &time_ms), "%s", bad[i]);
    }
}

Test(text_times, know_a_date_by_another_clock)
{
    int64_t time_ms = 0;

    cr_assert(text_to_time("2026-11-22T20:24:58Z", 20, &time_ms));
    cr_expect_eq(time_ms, 1795379098000LL); /* date -u -d ... +%s */
}

Test(text_hex, takes_lower_case_of_the_exact_length_only)
{
    uint8_t out[2] = {9, 9};
    char text[5];

    cr_assert(text_to_hex_bytes("00ff", 4, out, 2));
    cr_expect(out[0] == 0 && out[1] == 255);
    text_from_hex_bytes(out, 2, text);
    cr_expect_str_eq(text, "00ff");
    cr_expect_not(text_to_hex_bytes("00FF", 4, out, 2));
    cr_expect_not(text_to_hex_bytes("00f", 3, out, 2));
    cr_expect_not(text_to_hex_bytes("00fg", 4, out, 2));
    cr_expect_eq(out[1], 255, "a refusal leaves the result alone");
}

Test(text_copy, cuts_what_does_not_fit_and_says_so)
{
    char out[4];

    cr_expect(text_copy(out, sizeof(out), "abc"));
    cr_expect_not(text_copy(out, sizeof(out), "abcd"));
    cr_expect_str_eq(out, "abc");
}

Test(text_utf8, measures_whole_characters_and_refuses_what_is_none)
{
    static const struct {
        const char *bytes;
        size_t left;
        unsigned len;
    } cases[] = {
        {"a", 1, 1},
        {"\xc3\xbc", 2, 2},
        {"\xe2\x82\xac", 3, 3},
        {"\xf0\x9f\x98\x80", 4, 4},
        {"", 1, 0},
        {"\xc3", 1, 0},
        {"\xe2\x82\xac", 2, 0},
        {"\xc0\x80", 2, 0},
        {"\xe0\x80\x80", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\x80", 1, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(text_utf8_len((const uint8_t *)cases[i].bytes, cases[i].left), cases[i].len,
                     "case %zu", i);
}
