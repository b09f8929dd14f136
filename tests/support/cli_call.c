/* Two memory streams in the place of the standard ones. */
#include "tests/support/cli_call.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64 };

static char *out_text;
static char *err_text;
static char *line; /* what the command borrows from */
static struct cli state;

static int split(char *at, char **argv)
{
    int argc = 0;

    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        ASSERT(argc < WORDS_MAX);
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    return argc;
}

int cli_call(const struct cli_command *const *tables, const char *fmt, ...)
{
    char *argv[WORDS_MAX];
    size_t out_len;
    size_t err_len;
    va_list args;
    int status;
    int argc;

    free(line);
    line = NULL;
    va_start(args, fmt);
    ASSERT(vasprintf(&line, fmt, args) >= 0);
    va_end(args);
    free(out_text);
    free(err_text);
    argc = split(line, argv);
    state = (struct cli){.out = open_memstream(&out_text, &out_len),
                         .err = open_memstream(&err_text, &err_len)};
    status = cli_run(tables, argc, argv, &state);
    (void)fclose(state.out);
    (void)fclose(state.err);
    return status;
}

const char *cli_call_out(void)
{
    return out_text;
}

const char *cli_call_err(void)
{
    return err_text;
}

const struct cli *cli_call_state(void)
{
    return &state;
}
