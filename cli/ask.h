#pragma once
/* A question before something that cannot be taken back. */
#include "cli/command.h"

/* True with `yes`, or when a person at a terminal answers "yes". Without a terminal nobody can be
 * asked: ERR_DENIED saying how to answer beforehand. */
MUST_USE bool cli_ask(struct cli *cli, bool yes, const char *question, struct err *err);
