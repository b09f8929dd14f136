/* Finding a command by its words, its help page from its rows, and the one way to complain. */
#include "cli/command.h"

#include <stdarg.h>
#include <string.h>

#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

/* How many words of argv are the command's name; 0 when it is another command. */
static int name_matches(const char *name, int argc, char **argv)
{
    int words = 0;

    while (words < argc) {
        size_t len = strlen(argv[words]);

        if (strncmp(name, argv[words], len) != 0)
            return 0;
        name += len;
        words++;
        if (*name == '\0')
            return words;
        if (*name++ != ' ')
            return 0;
    }
    return 0;
}

/* The longest name wins: "deploy create" before "deploy". */
static const struct cli_command *find(const struct cli_command *const *tables, int argc,
                                      char **argv, int *words)
{
    const struct cli_command *best = NULL;

    for (; *tables; tables++) {
        for (const struct cli_command *row = *tables; row->name; row++) {
            int matched = name_matches(row->name, argc, argv);

            if (matched > *words) {
                *words = matched;
                best = row;
            }
        }
    }
    return best;
}

/* All commands, or those whose first word is `group`; how many there were. */
static int print_list(FILE *out, const struct cli_command *const *tables, const char *group)
{
    int count = 0;

    for (; *tables; tables++) {
        for (const struct cli_command *row = *tables; row->name; row++) {
            size_t len = group ? strlen(group) : 0;

            if (group && (strncmp(row->name, group, len) != 0 || row->name[len] != ' '))
                continue;
            (void)fprintf(out, "  slipway %-20s %s\n", row->name, row->summary);
            count++;
        }
    }
    return count;
}

static int print_overview(struct cli *cli, const struct cli_command *const *tables)
{
    (void)fprintf(cli->out, "usage: slipway COMMAND [options]\n\ncommands:\n");
    (void)print_list(cli->out, tables, NULL);
    (void)fprintf(cli->out, "\n`slipway COMMAND --help` shows its options and an example; --json "
                            "works everywhere.\nexit status: 0 done, 1 refused or failed, 2 wrong "
                            "usage\n");
    return CLI_DONE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int cli_run(const struct cli_command *const *tables, int argc, char **argv, struct cli *cli)
{
    static const struct cli_command none = {.name = ""};
    int words = 0;

    cli->command = &none;
    cli->tables = tables;
    if (argc > 0 && is_help(argv[0]))
        return print_overview(cli, tables);
    if (argc == 0) {
        FILE *out = cli->out;

        cli->out = cli->err;
        (void)print_overview(cli, tables);
        cli->out = out;
        return CLI_USAGE;
    }
    cli->command = find(tables, argc, argv, &words);
    if (cli->command)
        return cli->command->run(argc - words, argv + words, cli);

    cli->command = &none;
    if (argc == 2 && is_help(argv[1]) && print_list(cli->out, tables, argv[0]) > 0)
        return CLI_DONE;
    (void)fprintf(cli->err, "slipway: there is no command '%s%s%s'\n", argv[0], argc > 1 ? " " : "",
                  argc > 1 ? argv[1] : "");
    if (print_list(cli->err, tables, argv[0]) == 0)
        (void)fprintf(cli->err, "see: slipway --help\n");
    return CLI_USAGE;
}

int cli_fail(struct cli *cli, const struct err *err)
{
    if (cli->json) {
        AUTO_JSON *tree = json_pack("{s:{s:s,s:s,s:s}}", "error", "code", err_code_name(err->code),
                                    "refusal", refusal_name(err->refusal), "text", err->text);
        AUTO_FREE char *text = json_text(tree ? tree : json_null());

        (void)fprintf(cli->err, "%s\n", text);
    } else if (err->refusal != REFUSAL_NONE) {
        (void)fprintf(cli->err, "slipway %s: %s (%s)\n", cli->command->name, err->text,
                      refusal_name(err->refusal));
    } else {
        (void)fprintf(cli->err, "slipway %s: %s\n", cli->command->name, err->text);
    }
    return CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list args;

    (void)fprintf(cli->err, "slipway %s: ", cli->command->name);
    va_start(args, fmt);
    (void)vfprintf(cli->err, fmt, args);
    va_end(args);
    (void)fprintf(cli->err, "\nsee: slipway %s --help\n", cli->command->name);
    return CLI_USAGE;
}

void cli_print_json(struct cli *cli, const json_t *tree)
{
    AUTO_FREE char *text = json_text(tree);

    (void)fprintf(cli->out, "%s\n", text);
}

static bool is_positional(const struct option *row)
{
    return row->type == OPTION_ARG || row->type == OPTION_ARGS;
}

static const char *value_word(const struct option *row)
{
    return row->value ? row->value : "VALUE";
}

static void print_usage(FILE *out, const struct cli_command *command)
{
    (void)fprintf(out, "usage: slipway %s", command->name);
    for (const struct option *row = command->options; row->name; row++) {
        if (row->required && !is_positional(row))
            (void)fprintf(out, " --%s %s", row->name, value_word(row));
    }
    (void)fprintf(out, " [options]");
    for (const struct option *row = command->options; row->name; row++) {
        if (is_positional(row))
            (void)fprintf(out, row->required ? " %s%s" : " [%s%s]", row->name,
                          row->type == OPTION_ARGS ? "..." : "");
    }
    (void)fprintf(out, "\n");
}

static void print_option(FILE *out, const struct option *row)
{
    struct buf left;

    buf_init(&left, 4096);
    if (is_positional(row))
        buf_add_text(&left, row->name);
    else if (row->type == OPTION_FLAG)
        buf_printf(&left, "--%s", row->name);
    else
        buf_printf(&left, "--%s %s", row->name, value_word(row));
    (void)fprintf(out, "  %-24s %s%s\n", buf_text(&left), row->help,
                  row->type == OPTION_TEXTS || row->type == OPTION_U64S
                      ? " (may be given several times)"
                      : "");
    buf_done(&left);
}

void cli_print_help(struct cli *cli)
{
    const struct cli_command *command = cli->command;

    (void)fprintf(cli->out, "slipway %s: %s\n\n", command->name, command->summary);
    print_usage(cli->out, command);
    (void)fprintf(cli->out, "\n");
    for (const struct option *row = command->options; row->name; row++)
        print_option(cli->out, row);
    (void)fprintf(cli->out, "  %-24s %s\n  %-24s %s\n", "--json", "results as JSON", "--help",
                  "this page");
    if (command->example)
        (void)fprintf(cli->out, "\nexample:\n  %s\n", command->example);
}
