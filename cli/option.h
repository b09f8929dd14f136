#pragma once
/*
 * Options of subcommands: a table of rows says name, type, range and help; option_parse() writes
 * into the command's own struct of values, which the caller has filled with the defaults. A row
 * whose type is OPTION_ARG or OPTION_ARGS is positional, in the order of the table. Values are
 * borrowed from argv. `--json` and `--help` are understood by every command.
 *
 *     struct values { const char *out; uint64_t days; struct option_texts hwids; };
 *     static const struct option options[] = {
 *         {.name = "out", .type = OPTION_TEXT, .field = offsetof(struct values, out),
 *          .value = "FILE", .required = true, .help = "where the signed document goes"},
 *         {0},
 *     };
 *     int status;
 *     if (!option_parse(argc, argv, cli, &values, &status))
 *         return status;
 */
#include "lib/base/base.h"

struct cli;

enum { OPTION_REPEAT_MAX = 1024 };

enum option_type {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char * */
    OPTION_U64,   /* uint64_t within min and max (max 0: no upper bound) */
    OPTION_SIZE,  /* uint64_t: "64K", "3M" */
    OPTION_TEXTS, /* struct option_texts, may be given several times */
    OPTION_U64S,  /* struct option_numbers, may be given several times */
    OPTION_ARG,   /* const char *, positional */
    OPTION_ARGS, /* struct option_texts, positional, takes all that is left; the last row of them */
};

struct option_texts {
    const char *items[OPTION_REPEAT_MAX];
    size_t count;
};

struct option_numbers {
    uint64_t items[OPTION_REPEAT_MAX];
    size_t count;
};

struct option {
    const char *name; /* "out" for --out; "FILE" for a positional one */
    enum option_type type;
    bool required;
    size_t field; /* offset in the command's struct of values */
    uint64_t min;
    uint64_t max;
    const char *value; /* what stands behind it in the help: "FILE", "N" */
    const char *help;
};

/* False: the command is over, with *status (0 after --help, 2 after a complaint). The rows are
 * those of cli->command. */
MUST_USE bool option_parse(int argc, char **argv, struct cli *cli, void *values, int *status);
