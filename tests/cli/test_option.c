#include <criterion/criterion.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/option.h"

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

static char *out_text;
static char *err_text;

/* The line is split at blanks. The texts of both streams stay until the next call. */
static int call(const char *line, struct cli *cli)
{
    static char copy[500];
    char *argv[40];
    int argc = 0;
    size_t out_len;
    size_t err_len;
    int status;

    cr_assert_lt(strlen(line), sizeof(copy));
    memcpy(copy, line, strlen(line) + 1);
    for (char *at = copy; *at; argc++) {
        argv[argc] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    free(out_text);
    free(err_text);
    *cli = (struct cli){.out = open_memstream(&out_text, &out_len),
                        .err = open_memstream(&err_text, &err_len)};
    status = cli_run(tables, argc, argv, cli);
    (void)fclose(cli->out);
    (void)fclose(cli->err);
    return status;
}

Test(options, fill_the_commands_values)
{
    struct cli cli;

    cr_assert_eq(call("thing make --out=o.json src --hwid a --json --hwid=b f1 --back 3 --size 4K "
                      "--force f2 -- --f3",
                      &cli),
                 CLI_DONE, "%s", err_text);
    cr_expect(cli.json);
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
        struct cli cli;

        cr_expect_eq(call(cases[i].line, &cli), CLI_USAGE, "%s", cases[i].line);
        cr_expect(strstr(err_text, cases[i].words), "%s: %s", cases[i].line, err_text);
        cr_expect_str_eq(out_text, "", "%s", cases[i].line);
    }
}

Test(commands, are_found_by_their_longest_name_and_print_help)
{
    struct cli cli;

    cr_expect_eq(call("thing make --help", &cli), CLI_DONE);
    cr_expect(strstr(out_text, "usage: slipway thing make --out FILE [options] FROM [FILE...]"),
              "%s", out_text);
    cr_expect(strstr(out_text, "slipway thing make --out x y"), "%s", out_text);
    cr_expect_eq(call("thing --out x y", &cli), CLI_DONE, "%s", err_text);
    cr_expect_str_eq(cli.command->name, "thing");
    cr_expect_eq(call("--help", &cli), CLI_DONE);
    cr_expect(strstr(out_text, "thing make"), "%s", out_text);
    cr_expect_eq(call("", &cli), CLI_USAGE);
}

Test(commands, report_a_failure_with_status_1)
{
    struct cli cli;
    struct err err = {0};

    (void)err_refuse(&err, REFUSAL_ROOT_EXPIRED, "root ended");
    cr_assert_eq(call("thing --out x y", &cli), CLI_DONE);
    free(err_text);
    {
        size_t len;

        cli.err = open_memstream(&err_text, &len);
        cr_expect_eq(cli_fail(&cli, &err), CLI_FAILED);
        cli.json = true;
        cr_expect_eq(cli_fail(&cli, &err), CLI_FAILED);
        (void)fclose(cli.err);
    }
    cr_expect_str_eq(err_text, "slipway thing: root ended (ROOT_EXPIRED)\n"
                               "{\"error\":{\"code\":\"untrusted\",\"refusal\":\"ROOT_EXPIRED\","
                               "\"text\":\"root ended\"}}\n");
}
