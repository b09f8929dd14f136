#include <criterion/criterion.h>

#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/option.h"
#include "tests/support/cli_call.h"

struct values {
    bool force;
    const char *out;
    uint64_t days;
    uint64_t size;
    struct option_texts hwids;
    struct option_numbers backs;
    const char *from;
    struct option_texts files;
};

/* clang-format off */
static const struct option options[] = {
    {.name = "force", .type = OPTION_FLAG,  .field = offsetof(struct values, force), .help = "really"},
    {.name = "out",   .type = OPTION_TEXT,  .field = offsetof(struct values, out), .required = true, .value = "FILE", .help = "result"},
    {.name = "days",  .type = OPTION_U64,   .field = offsetof(struct values, days), .min = 1, .max = 10, .value = "N", .help = "days"},
    {.name = "size",  .type = OPTION_SIZE,  .field = offsetof(struct values, size), .value = "SIZE", .help = "size"},
    {.name = "hwid",  .type = OPTION_TEXTS, .field = offsetof(struct values, hwids), .value = "H", .help = "hardware"},
    {.name = "back",  .type = OPTION_U64S,  .field = offsetof(struct values, backs), .value = "N", .help = "back"},
    {.name = "FROM",  .type = OPTION_ARG,   .field = offsetof(struct values, from), .required = true, .help = "source"},
    {.name = "FILE",  .type = OPTION_ARGS,  .field = offsetof(struct values, files), .help = "files"},
    {0},
};
/* clang-format on */

static struct values got;

static int run(int argc, char **argv, struct cli *cli)
{
    int status;

    got = (struct values){.days = 7};
    if (!option_parse(argc, argv, cli, &got, &status))
        return status;
    return CLI_DONE;
}

static const struct cli_command commands[] = {
    {"thing", "shows things", options, NULL, run},
    {"thing make", "makes a thing", options, "slipway thing make --out x y", run},
    {0},
};
static const struct cli_command *const tables[] = {commands, NULL};

Test(options, fill_the_commands_values)
{
    cr_assert_eq(cli_call(tables, "thing make --out=o.json src --hwid a --json --hwid=b f1 "
                                  "--back 3 --size 4K --force f2 -- --f3"),
                 CLI_DONE, "%s", cli_call_err());
    cr_expect(cli_call_state()->json);
    cr_expect(got.force);
    cr_expect_str_eq(got.out, "o.json");
    cr_expect_eq(got.days, 7, "the default stays");
    cr_expect_eq(got.size, 4096);
    cr_expect(got.hwids.count == 2 && strcmp(got.hwids.items[1], "b") == 0);
    cr_expect(got.backs.count == 1 && got.backs.items[0] == 3);
    cr_expect_str_eq(got.from, "src");
    cr_expect(got.files.count == 3 && strcmp(got.files.items[2], "--f3") == 0);
}

Test(options, refuse_a_wrong_command_line_with_status_2)
{
    static const struct {
        const char *line;
        const char *words;
    } cases[] = {
        {"thing make src", "--out is missing"},
        {"thing make --out x", "FROM is missing"},
        {"thing make --out", "'--out' needs a value"},
        {"thing make --out x --out y src", "'--out' is given twice"},
        {"thing make --out x --wrong src", "unknown option '--wrong'"},
        {"thing make --out x -w src", "unknown option '-w'"},
        {"thing make --out x --force=1 src", "'--force' takes no value"},
        {"thing make --out x --days 0 src", "'--days' cannot be '0'"},
        {"thing make --out x --days 11 src", "'--days' cannot be '11'"},
        {"thing make --out x --days ten src", "'--days' cannot be 'ten'"},
        {"thing make --out x --size 5X src", "'--size' cannot be '5X'"},
        {"thing make --out x --back -1 src", "'--back' cannot be '-1'"},
        {"other", "no command 'other'"},
        {"thingmake", "no command"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(cli_call(tables, "%s", cases[i].line), CLI_USAGE, "%s", cases[i].line);
        cr_expect(strstr(cli_call_err(), cases[i].words), "%s: %s", cases[i].line, cli_call_err());
        cr_expect_str_eq(cli_call_out(), "", "%s", cases[i].line);
    }
}

Test(commands, are_found_by_their_longest_name_and_print_help)
{
    cr_expect_eq(cli_call(tables, "thing make --help"), CLI_DONE);
    cr_expect(
        strstr(cli_call_out(), "usage: slipway thing make --out FILE [options] FROM [FILE...]"),
        "%s", cli_call_out());
    cr_expect(strstr(cli_call_out(), "slipway thing make --out x y"), "%s", cli_call_out());
    cr_expect_eq(cli_call(tables, "thing --out x y"), CLI_DONE, "%s", cli_call_err());
    cr_expect_str_eq(cli_call_state()->command->name, "thing");
    cr_expect_eq(cli_call(tables, "--help"), CLI_DONE);
    cr_expect(strstr(cli_call_out(), "thing make"), "%s", cli_call_out());
    cr_expect_eq(cli_call(tables, "%s", ""), CLI_USAGE);
    cr_expect_eq(cli_call(tables, "thing --help"), CLI_DONE);
}

static int run_refused(int argc, char **argv, struct cli *cli)
{
    struct err err = {0};

    (void)argv;
    (void)err_refuse(&err, REFUSAL_ROOT_EXPIRED, "root ended");
    cli->json = argc > 0;
    return cli_fail(cli, &err);
}

Test(commands, report_a_failure_with_status_1)
{
    static const struct cli_command refused[] = {{"try", "fails", options, NULL, run_refused}, {0}};
    static const struct cli_command *const list[] = {refused, NULL};

    cr_expect_eq(cli_call(list, "try"), CLI_FAILED);
    cr_expect_str_eq(cli_call_err(), "slipway try: root ended (ROOT_EXPIRED)\n");
    cr_expect_eq(cli_call(list, "try json"), CLI_FAILED);
    cr_expect_str_eq(cli_call_err(), "{\"error\":{\"code\":\"untrusted\",\"refusal\":"
                                     "\"ROOT_EXPIRED\",\"text\":\"root ended\"}}\n");
}
