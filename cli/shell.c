/*
 * What shells and `man` want to know of the commands, printed from the tables of commands: a
 * completion and a manual page cannot drift from what the program does.
 *
 * A completion is a list of pairs: the words so far, and what may follow. bash and zsh look it up
 * in one `case`; fish is told row by row.
 */
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    const char *shell;
};

typedef void row_fn(const struct cli_command *row, void *arg);

static void each_command(const struct cli *cli, row_fn *fn, void *arg)
{
    for (const struct cli_command *const *table = cli->tables; *table; table++) {
        for (const struct cli_command *row = *table; row->name; row++)
            fn(row, arg);
    }
}

static bool is_positional(const struct option *row)
{
    return row->type == OPTION_ARG || row->type == OPTION_ARGS;
}

/* --- what may follow ---------------------------------------------------------------------------
 */

/* Words, each once, with blanks between and around. */
static void add_word(struct buf *words, const char *word, size_t len)
{
    AUTO_FREE char *whole = mem_printf(" %.*s ", (int)len, word);

    if (strstr(buf_text(words), whole))
        return;
    if (words->len == 0)
        buf_add_text(words, " ");
    buf_add_text(words, whole + 1);
}

struct gather {
    const char *first; /* NULL: the first words; else the second words behind this one */
    size_t first_len;
    struct buf *words;
};

static void gather(const struct cli_command *row, void *arg)
{
    const struct gather *at = arg;
    size_t len = strcspn(row->name, " ");

    if (!at->first)
        add_word(at->words, row->name, len);
    else if (row->name[len] == ' ' && len == at->first_len &&
             strncmp(row->name, at->first, len) == 0)
        add_word(at->words, row->name + len + 1, strlen(row->name + len + 1));
}

static void add_options(const struct cli_command *row, struct buf *words)
{
    for (const struct option *option = row->options; option && option->name; option++) {
        AUTO_FREE char *word = mem_printf("--%s", option->name);

        if (!is_positional(option))
            add_word(words, word, strlen(word));
    }
    add_word(words, "--json", 6);
    add_word(words, "--help", 6);
}

/* --- shells ------------------------------------------------------------------------------------
 */

static void print_case(struct cli *cli, const char *line, const struct buf *words)
{
    (void)fprintf(cli->out, "    '%s') words='%s' ;;\n", line, buf_text(words));
}

static void print_command_case(const struct cli_command *row, void *arg)
{
    AUTO_BUF words;

    buf_init(&words, 65536);
    add_options(row, &words);
    print_case(arg, row->name, &words);
}

struct firsts {
    struct cli *cli;
    struct buf seen;
};

static void print_first_case(const struct cli_command *row, void *arg)
{
    struct firsts *firsts = arg;
    size_t len = strcspn(row->name, " ");
    AUTO_FREE char *whole = mem_printf(" %.*s ", (int)len, row->name);
    AUTO_FREE char *line = mem_strndup(row->name, len);
    struct gather at = {.first = row->name, .first_len = len};
    AUTO_BUF words;

    buf_init(&words, 65536);
    if (row->name[len] == '\0' || strstr(buf_text(&firsts->seen), whole))
        return;
    add_word(&firsts->seen, row->name, len);
    at.words = &words;
    each_command(firsts->cli, gather, &at);
    print_case(firsts->cli, line, &words);
}

/* `line` is the words before the one at the cursor that are no options. */
static void print_cases(struct cli *cli)
{
    struct firsts firsts = {.cli = cli};
    AUTO_BUF words;
    struct gather at = {.words = &words};

    buf_init(&words, 65536);
    buf_init(&firsts.seen, 65536);
    each_command(cli, gather, &at);
    (void)fprintf(cli->out, "    case \"$line\" in\n");
    print_case(cli, "", &words);
    each_command(cli, print_command_case, cli);
    each_command(cli, print_first_case, &firsts);
    (void)fprintf(cli->out, "    esac\n");
    buf_done(&firsts.seen);
}

/* The two words of a command, or its one, are looked for; what comes behind them is no part of it.
 */
static void print_bash(struct cli *cli)
{
    (void)fprintf(cli->out, "# bash completion for slipway; printed by `slipway completion bash`\n"
                            "_slipway_words() {\n    local line=$1 words=\n");
    print_cases(cli);
    (void)fprintf(
        cli->out,
        "    printf '%%s' \"$words\"\n}\n"
        "_slipway() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} one= two= word words i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        word=${COMP_WORDS[i]}\n"
        "        case $word in -*) break ;; esac\n"
        "        if [ -z \"$one\" ]; then one=$word; elif [ -z \"$two\" ]; then two=$word; fi\n"
        "    done\n"
        "    words=$(_slipway_words \"${one}${two:+ $two}\")\n"
        "    [ -n \"$words\" ] || words=$(_slipway_words \"$one\")\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
        "}\n"
        "complete -o default -F _slipway slipway\n");
}

static void print_zsh(struct cli *cli)
{
    (void)fprintf(cli->out, "#compdef slipway\n"
                            "# zsh completion for slipway; printed by `slipway completion zsh`\n"
                            "_slipway_words() {\n    local line=$1 words=\n");
    print_cases(cli);
    (void)fprintf(cli->out, "    print -rn -- \"$words\"\n}\n"
                            "_slipway() {\n"
                            "    local one=${words[2]} two=${words[3]} found\n"
                            "    (( CURRENT > 2 )) || one=\n"
                            "    (( CURRENT > 3 )) || two=\n"
                            "    [[ $two == -* ]] && two=\n"
                            "    found=$(_slipway_words \"$one${two:+ $two}\")\n"
                            "    [[ -n $found ]] || found=$(_slipway_words \"$one\")\n"
                            "    compadd -- ${=found} || _files\n"
                            "}\n"
                            "_slipway \"$@\"\n");
}

/* A text in single quotes, as fish reads it. */
static void print_quoted(struct cli *cli, const char *text)
{
    (void)fputc('\'', cli->out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            (void)fputc('\\', cli->out);
        (void)fputc(*text, cli->out);
    }
    (void)fputc('\'', cli->out);
}

static void print_fish_command(const struct cli_command *row, void *arg)
{
    struct cli *cli = arg;
    size_t len = strcspn(row->name, " ");
    const char *second = row->name[len] ? row->name + len + 1 : NULL;
    AUTO_FREE char *is_this =
        second ? mem_printf("__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s",
                            (int)len, row->name, second)
               : mem_printf("__fish_seen_subcommand_from %s", row->name);

    (void)fprintf(cli->out, "complete -c slipway -f -n __fish_use_subcommand -a %.*s -d ", (int)len,
                  row->name);
    print_quoted(cli, second ? "commands" : row->summary);
    (void)fputc('\n', cli->out);
    if (second) {
        (void)fprintf(cli->out,
                      "complete -c slipway -f -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
                      (int)len, row->name, second);
        print_quoted(cli, row->summary);
        (void)fputc('\n', cli->out);
    }
    for (const struct option *option = row->options; option && option->name; option++) {
        if (is_positional(option))
            continue;
        (void)fprintf(cli->out, "complete -c slipway -n '%s' -l %s%s -d ", is_this, option->name,
                      option->type == OPTION_FLAG ? "" : " -r");
        print_quoted(cli, option->help ? option->help : "");
        (void)fputc('\n', cli->out);
    }
}

static void print_fish(struct cli *cli)
{
    (void)fprintf(cli->out,
                  "# fish completion for slipway; printed by `slipway completion fish`\n");
    each_command(cli, print_fish_command, cli);
}

static int run_completion(int argc, char **argv, struct cli *cli)
{
    static const struct {
        const char *name;
        void (*print)(struct cli *cli);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    struct values values = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    for (size_t i = 0; i < COUNT(shells); i++) {
        if (text_equal(shells[i].name, values.shell)) {
            shells[i].print(cli);
            return CLI_DONE;
        }
    }
    return cli_usage(cli, "the shells are bash, zsh and fish");
}

/* --- the manual page ---------------------------------------------------------------------------
 */

/* Text as troff takes it: no request at a line's begin, no escapes, plain hyphens. */
static void print_troff(struct cli *cli, const char *text)
{
    bool at_begin = true;

    for (; *text; text++) {
        if (at_begin && (*text == '.' || *text == '\''))
            (void)fputs("\\&", cli->out);
        if (*text == '\\')
            (void)fputs("\\e", cli->out);
        else if (*text == '-')
            (void)fputs("\\-", cli->out);
        else
            (void)fputc(*text, cli->out);
        at_begin = *text == '\n';
    }
    (void)fputc('\n', cli->out);
}

static void print_option(struct cli *cli, const struct option *row)
{
    AUTO_FREE char *name =
        is_positional(row) ? mem_strdup(row->name)
                           : mem_printf("--%s%s%s", row->name, row->type == OPTION_FLAG ? "" : " ",
                                        row->type == OPTION_FLAG || !row->value ? "" : row->value);

    (void)fprintf(cli->out, ".TP\n.B ");
    print_troff(cli, name);
    print_troff(cli, row->help ? row->help : "");
}

static void print_page(const struct cli_command *row, void *arg)
{
    struct cli *cli = arg;

    (void)fprintf(cli->out, ".SS ");
    print_troff(cli, row->name);
    print_troff(cli, row->summary);
    for (const struct option *option = row->options; option && option->name; option++)
        print_option(cli, option);
    if (row->example) {
        (void)fprintf(cli->out, ".PP\nExample:\n.PP\n.nf\n");
        print_troff(cli, row->example);
        (void)fprintf(cli->out, ".fi\n");
    }
}

static int run_man(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    (void)fprintf(cli->out,
                  ".TH SLIPWAY 1 \"\" \"Slipway\" \"Slipway\"\n.SH NAME\n"
                  "slipway \\- keeps a fleet of Linux devices on the software its owner "
                  "chose\n.SH SYNOPSIS\n.B slipway\n.I COMMAND\n[options]\n"
                  ".SH DESCRIPTION\nThe operator's command line, and the offline signing "
                  "tool.\nEvery command understands\n.B \\-\\-json\nand\n.BR \\-\\-help .\n"
                  ".SH COMMANDS\n");
    each_command(cli, print_page, cli);
    (void)fprintf(cli->out, ".SH EXIT STATUS\n0 done, 1 refused or failed, 2 wrong usage\n"
                            ".SH ENVIRONMENT\n.TP\n.B SLIPWAY_URL\nthe server\n.TP\n"
                            ".B SLIPWAY_TOKEN\nthe operator's token\n.TP\n.B SLIPWAY_CA\n"
                            "PEM certificates to trust for TLS\n");
    return CLI_DONE;
}

/* clang-format off */
static const struct option completion_options[] = {
    {.name = "SHELL", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, shell), .help = "bash, zsh or fish"}, {0}};
static const struct option no_options[] = {{0}};
const struct cli_command cli_shell_commands[] = {
    {"completion", "print the completion of a shell",      completion_options, "slipway completion bash > ~/.local/share/bash-completion/completions/slipway", run_completion},
    {"man",        "print the manual page, as troff source", no_options,       "slipway man | man -l -", run_man},
    {0},
};
/* clang-format on */
