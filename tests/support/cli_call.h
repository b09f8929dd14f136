#pragma once
/* Runs a subcommand in this process and keeps what it printed. */
#include "cli/command.h"

/* `fmt` makes the command line, which is split at blanks. The exit status. */
int cli_call(const struct cli_command *const *tables, const char *fmt, ...) PRINTF(2, 3);
/* What the last call printed; and the state it left. */
const char *cli_call_out(void);
const char *cli_call_err(void);
const struct cli *cli_call_state(void);
