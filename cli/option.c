/* One pass over argv against the command's table; what is wrong ends with status 2 and names the
 * option. */
#include "cli/option.h"

#include <inttypes.h>
#include <string.h>

#include "cli/command.h"
#include "lib/base/text.h"

struct scan {
    struct cli *cli;
    char *values;
    int argc;
    char **argv;
    int at;
    const struct option *positional; /* the next row that takes one */
    bool given[OPTION_REPEAT_MAX];   /* by row */
    bool only_positional;            /* behind "--" */
};

static bool is_positional(const struct option *row)
{
    return row->type == OPTION_ARG || row->type == OPTION_ARGS;
}

static void *field_of(const struct scan *scan, const struct option *row)
{
    return scan->values + row->field;
}

static bool add_text(struct option_texts *list, const char *text)
{
    if (list->count == OPTION_REPEAT_MAX)
        return false;
    list->items[list->count++] = text;
    return true;
}

static bool parse_number(const struct option *row, const char *text, uint64_t *out)
{
    uint64_t max = row->max ? row->max : UINT64_MAX;

    if (row->type == OPTION_SIZE)
        return text_to_size(text, out) && *out >= row->min && *out <= max;
    return text_to_u64(text, strlen(text), row->min, max, out);
}

static bool store_number(const struct scan *scan, const struct option *row, const char *text)
{
    struct option_numbers *list = field_of(scan, row);
    uint64_t number;

    if (!parse_number(row, text, &number))
        return false;
    if (row->type != OPTION_U64S) {
        memcpy(field_of(scan, row), &number, sizeof(number));
        return true;
    }
    if (list->count == OPTION_REPEAT_MAX)
        return false;
    list->items[list->count++] = number;
    return true;
}

static bool store(const struct scan *scan, const struct option *row, const char *text)
{
    const bool yes = true;

    switch (row->type) {
    case OPTION_FLAG:
        memcpy(field_of(scan, row), &yes, sizeof(yes));
        return true;
    case OPTION_TEXT:
    case OPTION_ARG:
        memcpy(field_of(scan, row), (const void *)&text, sizeof(text));
        return true;
    case OPTION_U64:
    case OPTION_SIZE:
    case OPTION_U64S:
        return store_number(scan, row, text);
    case OPTION_TEXTS:
    case OPTION_ARGS:
        return add_text(field_of(scan, row), text);
    }
    return false;
}

static const struct option *find(const struct cli *cli, const char *name, size_t len)
{
    for (const struct option *row = cli->command->options; row->name; row++) {
        if (!is_positional(row) && strlen(row->name) == len && strncmp(row->name, name, len) == 0)
            return row;
    }
    return NULL;
}

static const struct option *next_positional(const struct option *row)
{
    while (row->name && !is_positional(row))
        row++;
    return row;
}

static int take_positional(struct scan *scan, const char *word)
{
    const struct option *row = scan->positional;

    if (!row->name)
        return cli_usage(scan->cli, "unexpected argument '%s'", word);
    if (!store(scan, row, word))
        return cli_usage(scan->cli, "more than %d of %s", OPTION_REPEAT_MAX, row->name);
    scan->given[row - scan->cli->command->options] = true;
    if (row->type == OPTION_ARG)
        scan->positional = next_positional(row + 1);
    return CLI_DONE;
}

/* The value behind "--name=" or in the next word; NULL when there is none. */
static const char *value_of(struct scan *scan, const char *word)
{
    const char *equals = strchr(word, '=');

    if (equals)
        return equals + 1;
    return scan->at + 1 < scan->argc ? scan->argv[++scan->at] : NULL;
}

static int take_option(struct scan *scan, const char *word)
{
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct option *row = find(scan->cli, name, len);
    const char *value = NULL;
    bool *given;

    if (!row)
        return cli_usage(scan->cli, "unknown option '--%.*s'", (int)len, name);
    given = &scan->given[row - scan->cli->command->options];
    if (*given && row->type != OPTION_TEXTS && row->type != OPTION_U64S)
        return cli_usage(scan->cli, "option '--%s' is given twice", row->name);
    *given = true;
    if (row->type == OPTION_FLAG && name[len] == '=')
        return cli_usage(scan->cli, "option '--%s' takes no value", row->name);
    if (row->type != OPTION_FLAG) {
        value = value_of(scan, name);
        if (!value)
            return cli_usage(scan->cli, "option '--%s' needs a value", row->name);
    }
    if (!store(scan, row, value))
        return cli_usage(scan->cli, "option '--%s' cannot be '%s'", row->name, value);
    return CLI_DONE;
}

static int take_word(struct scan *scan, const char *word)
{
    if (scan->only_positional || word[0] != '-' || word[1] == '\0')
        return take_positional(scan, word);
    if (strcmp(word, "--") == 0) {
        scan->only_positional = true;
        return CLI_DONE;
    }
    if (word[1] != '-')
        return cli_usage(scan->cli, "unknown option '%s'", word);
    return take_option(scan, word);
}

static int check_required(const struct scan *scan)
{
    const struct option *rows = scan->cli->command->options;

    for (const struct option *row = rows; row->name; row++) {
        if (row->required && !scan->given[row - rows])
            return cli_usage(scan->cli, "%s%s is missing", is_positional(row) ? "" : "--",
                             row->name);
    }
    return CLI_DONE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

bool option_parse(int argc, char **argv, struct cli *cli, void *values, int *status)
{
    struct scan scan = {.cli = cli,
                        .values = values,
                        .argc = argc,
                        .argv = argv,
                        .positional = next_positional(cli->command->options)};

    *status = CLI_DONE;
    if (wants_help(argc, argv)) {
        cli_print_help(cli);
        return false;
    }
    for (; scan.at < argc && *status == CLI_DONE; scan.at++) {
        if (!scan.only_positional && strcmp(argv[scan.at], "--json") == 0)
            cli->json = true;
        else
            *status = take_word(&scan, argv[scan.at]);
    }
    if (*status == CLI_DONE)
        *status = check_required(&scan);
    return *status == CLI_DONE;
}
