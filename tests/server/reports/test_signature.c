#include "server/reports/signature.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/base.h"

static const uint8_t build_a[20] = {1};
static const uint8_t build_b[20] = {2};
static const struct signature_frame frames_a[] = {
    {build_a, 20, 0x100}, {build_a, 20, 0x200}, {build_a, 20, 0x300},
    {build_a, 20, 0x400}, {build_a, 20, 0x500}, {build_a, 20, 0x600},
};
static const struct signature_frame frames_deeper[] = {
    {build_a, 20, 0x100}, {build_a, 20, 0x200}, {build_a, 20, 0x300},
    {build_a, 20, 0x400}, {build_a, 20, 0x500}, {build_a, 20, 0x999},
};
static const struct signature_frame frames_b[] = {{build_b, 20, 0x100}};

static const struct signature_event base = {.category = "app-crash",
                                            .class = "app",
                                            .component = "pump",
                                            .exit_status = -1,
                                            .signal = 11,
                                            .summary = "read at 0x7ffe1234 failed after 3 tries"};

Test(signature, is_the_same_for_the_same_trouble)
{
    struct signature_event first = base;
    struct signature_event second = base;
    uint8_t one[HASH_BYTES];
    uint8_t two[HASH_BYTES];

    second.summary = "read at 0x55aa0000  failed after 17 tries";
    signature_of(&first, one);
    signature_of(&second, two);
    cr_expect_arr_eq(one, two, HASH_BYTES, "numbers do not tell summaries apart");

    first.frames = frames_a;
    first.frame_count = COUNT(frames_a);
    second.frames = frames_deeper;
    second.frame_count = COUNT(frames_deeper);
    signature_of(&first, one);
    signature_of(&second, two);
    cr_expect_arr_eq(one, two, HASH_BYTES, "nor do callers far away");
}

Test(signature, differs_in_every_part_that_counts)
{
    struct signature_event cases[9];
    uint8_t seen[COUNT(cases)][HASH_BYTES];

    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i] = base;
    cases[1].category = "app-exit";
    cases[2].class = "os";
    cases[3].component = "";
    cases[4].signal = 6;
    cases[5].exit_status = 1;
    cases[6].summary = "write at 0x7ffe1234 failed after 3 tries";
    cases[7].frames = frames_a;
    cases[7].frame_count = 1;
    cases[8].frames = frames_b;
    cases[8].frame_count = 1;
    for (size_t i = 0; i < COUNT(cases); i++) {
        signature_of(&cases[i], seen[i]);
        for (size_t k = 0; k < i; k++)
            cr_expect_arr_neq(seen[i], seen[k], HASH_BYTES, "%zu and %zu", i, k);
    }
}

Test(signature, by_functions_is_the_same_in_every_build)
{
    static const char *const functions[] = {"pump_read", "main"};
    static const char *const others[] = {"pump_write", "main"};
    struct signature_event first = base;
    struct signature_event second = base;
    uint8_t one[HASH_BYTES];
    uint8_t two[HASH_BYTES];

    first.frames = frames_a;
    second.frames = frames_b;
    first.frame_count = second.frame_count = 1;
    signature_of_functions(&first, functions, COUNT(functions), one);
    signature_of_functions(&second, functions, COUNT(functions), two);
    cr_expect_arr_eq(one, two, HASH_BYTES);
    signature_of_functions(&second, others, COUNT(others), two);
    cr_expect_arr_neq(one, two, HASH_BYTES);
}

Test(signature, titles_say_who_what_and_how)
{
    static const struct {
        const char *title;
        struct signature_event event;
    } cases[] = {
        {"pump: app-crash, SIGSEGV: at #",
         {"app-crash", "app", "pump", -1, 11, "at 0xdeadbeef", NULL, 0}},
        {"pump: app-exit, exit 3", {"app-exit", "app", "pump", 3, -1, "", NULL, 0}},
        {"watchdog, signal 64", {"watchdog", "os", "", -1, 64, "", NULL, 0}},
        {"reboot: power lost", {"reboot", "os", "", -1, -1, "power lost", NULL, 0}},
    };
    char title[SIGNATURE_TITLE_ROOM];

    for (size_t i = 0; i < COUNT(cases); i++) {
        signature_title(&cases[i].event, title);
        cr_expect_str_eq(title, cases[i].title);
    }
}

Test(signature, cuts_a_long_title_between_characters)
{
    struct signature_event event = base;
    char summary[SIGNATURE_TITLE_ROOM];
    char title[SIGNATURE_TITLE_ROOM];
    size_t len;

    for (size_t i = 0; i + 2 < sizeof(summary); i += 2)
        memcpy(summary + i, "\xc3\xa9", 2);
    summary[sizeof(summary) - 1] = '\0';
    event.summary = summary;
    signature_title(&event, title);
    len = strlen(title);
    cr_expect_lt(len, sizeof(title));
    cr_expect_eq((unsigned char)title[len - 1], 0xa9, "a whole character is the last one");
}

Test(signature, summaries_lose_numbers_and_nothing_else)
{
    static const struct {
        const char *summary;
        const char *normal;
    } cases[] = {
        {"", ""},
        {"plain words", "plain words"},
        {"12 of 34", "# of #"},
        {"0x1f and 0xG", "# and #xG"},
        {"uuid 1b4e28ba-2fa1", "uuid #-#fa#"},
        {"face a cafe", "face a cafe"},
        {"a\t\n b", "a b"},
        {"deadbeef", "deadbeef"},
        {"deadbeef1", "#"},
    };
    char normal[SIGNATURE_TITLE_ROOM];

    for (size_t i = 0; i < COUNT(cases); i++) {
        signature_summary(cases[i].summary, normal);
        cr_expect_str_eq(normal, cases[i].normal);
    }
}
