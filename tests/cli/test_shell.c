#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/option.h"
#include "tests/support/cli_call.h"

/* clang-format off */
static const struct option options[] = {
    {.name = "out", .type = OPTION_TEXT, .value = "FILE", .help = "where it's \\put\n.SH"},
    {.name = "force", .type = OPTION_FLAG, .help = "really"},
    {.name = "FROM", .type = OPTION_ARG, .help = "source"},
    {0},
};
static const struct cli_command commands[] = {
    {"thing", "shows things", options, NULL, NULL},
    {"thing make", "makes a thing", options, "slipway thing make --out x\n.nasty", NULL},
    {"thing burn", "ends a thing", options, NULL, NULL},
    {"other", "is alone", options, NULL, NULL},
    {0},
};
/* clang-format on */
static const struct cli_command *const tables[] = {commands, cli_shell_commands, NULL};

Test(shell, completions_know_every_command_and_option)
{
    static const char *const shells[] = {"completion bash", "completion zsh"};

    for (size_t i = 0; i < COUNT(shells); i++) {
        cr_assert_eq(cli_call(tables, "%s", shells[i]), CLI_DONE);
        cr_expect(strstr(cli_call_out(), "    '') words=' thing other completion man ' ;;"), "%s",
                  cli_call_out());
        cr_expect(strstr(cli_call_out(), "    'thing') words=' make burn ' ;;"));
        cr_expect(
            strstr(cli_call_out(), "    'thing make') words=' --out --force --json --help ' ;;"));
    }
    cr_assert_eq(cli_call(tables, "completion fish"), CLI_DONE);
    cr_expect(strstr(cli_call_out(), "-a make -d 'makes a thing'"));
    cr_expect(strstr(cli_call_out(), "-l out -r -d 'where it\\'s \\\\put"));
}

Test(shell, refuses_a_shell_that_it_does_not_know)
{
    cr_expect_eq(cli_call(tables, "completion tcsh"), CLI_USAGE);
    cr_expect_eq(cli_call(tables, "completion"), CLI_USAGE);
}

Test(shell, the_manual_page_has_every_command_and_no_request_of_others)
{
    cr_assert_eq(cli_call(tables, "man"), CLI_DONE);
    cr_expect(strstr(cli_call_out(), ".SS thing make\nmakes a thing\n"));
    cr_expect(strstr(cli_call_out(), ".B \\-\\-out FILE\n"));
    cr_expect(strstr(cli_call_out(), "where it's \\eput\n\\&.SH\n"), "%s", cli_call_out());
    cr_expect(strstr(cli_call_out(), "\\-\\-out x\n\\&.nasty\n"));
}
