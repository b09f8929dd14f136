#include "device-client/command.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <string.h>

static struct {
    const char *state;
    const char *file;
    bool json;
} given;

static bool parse(const char *const *words, int count)
{
    const struct option options[] = {
        {.value = &given.file},
        {.name = "--state", .value = &given.state, .required = true},
        {.name = "--json", .flag = &given.json},
    };
    char *argv[8];

    given.state = given.file = NULL;
    given.json = false;
    for (int i = 0; i < count; i++)
        memcpy(&argv[i], &words[i], sizeof(argv[i]));
    return options_parse(count, argv, options, COUNT(options));
}

Test(command, takes_options_flags_and_one_argument_in_any_order)
{
    static const char *const words[] = {"--json", "image", "--state", "dir"};

    cr_assert(parse(words, COUNT(words)));
    cr_expect_str_eq(given.state, "dir");
    cr_expect_str_eq(given.file, "image");
    cr_expect(given.json);
}

Test(command, says_what_is_wrong, .init = cr_redirect_stderr)
{
    static const struct {
        const char *words[4];
        int count;
    } cases[] = {
        {{"--json"}, 1},
        {{"--state"}, 1},
        {{"--state", "dir", "--what"}, 3},
        {{"--state", "dir", "one", "two"}, 4},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_not(parse(cases[i].words, cases[i].count), "case %zu", i);
}
