/* The whole word "yes": a key pressed too early is not consent. */
#include "cli/ask.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"

enum { ANSWER_ROOM = 64 };

bool cli_ask(struct cli *cli, bool yes, const char *question, struct err *err)
{
    char answer[ANSWER_ROOM];

    if (yes)
        return true;
    if (!isatty(STDIN_FILENO))
        return err_set(err, ERR_DENIED,
                       "nobody can be asked here (no terminal): read it and give --yes");
    (void)fprintf(cli->err, "%s Type yes: ", question);
    (void)fflush(cli->err);
    if (!fgets(answer, sizeof(answer), stdin))
        return err_set(err, ERR_DENIED, "there was no answer");
    answer[strcspn(answer, "\r\n")] = '\0';
    return text_equal(answer, "yes") || err_set(err, ERR_DENIED, "the answer was not yes");
}
