#pragma once
/*
 * Subcommands of `slipway`: each file of them exports one table ending with an empty row, and
 * main.c lists the tables. A command's name is one or two words ("deploy create"); run() gets
 * the arguments behind the name, parses them with option_parse() and returns the exit status:
 * CLI_DONE, CLI_FAILED or CLI_USAGE. Help is printed from the rows, so it cannot drift.
 */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/json/json.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct option;
struct cli;

struct cli_command {
    const char *name;             /* "sign release" */
    const char *summary;          /* one line, lower case, no full stop */
    const struct option *options; /* see cli/option.h; ends with an empty row */
    const char *example;          /* one or more complete lines, without a final newline */
    int (*run)(int argc, char **argv, struct cli *cli);
};

/* What every command has at hand. */
struct cli {
    const struct cli_command *command;       /* the one that runs */
    const struct cli_command *const *tables; /* all of them, NULL-terminated */
    bool json;                               /* --json was given: results as JSON on `out` */
    FILE *out;                               /* results */
    FILE *err;                               /* complaints and progress */
};

extern const struct cli_command cli_init_commands[];
extern const struct cli_command cli_release_commands[];
extern const struct cli_command cli_repo_commands[];
extern const struct cli_command cli_keys_commands[];
extern const struct cli_command cli_sign_commands[];
extern const struct cli_command cli_login_commands[];
extern const struct cli_command cli_fleet_setup_commands[];
extern const struct cli_command cli_group_commands[];
extern const struct cli_command cli_device_commands[];
extern const struct cli_command cli_claim_commands[];
extern const struct cli_command cli_guard_commands[];
extern const struct cli_command cli_publish_commands[];
extern const struct cli_command cli_deploy_commands[];
extern const struct cli_command cli_deploy_steer_commands[];
extern const struct cli_command cli_list_commands[];
extern const struct cli_command cli_fleet_commands[];
extern const struct cli_command cli_token_commands[];
extern const struct cli_command cli_approve_commands[];
extern const struct cli_command cli_audit_commands[];
extern const struct cli_command cli_why_commands[];
extern const struct cli_command cli_plan_commands[];
extern const struct cli_command cli_report_commands[];
extern const struct cli_command cli_report_file_commands[];
extern const struct cli_command cli_event_commands[];
extern const struct cli_command cli_webhook_commands[];
extern const struct cli_command cli_dashboard_commands[];
extern const struct cli_command cli_artifact_commands[];
extern const struct cli_command cli_shell_commands[];
extern const struct cli_command cli_support_commands[];
extern const struct cli_command cli_import_commands[];

/* Finds the command in the NULL-terminated list of tables and runs it; `--help` and no command
 * at all print the list. The exit status. */
int cli_run(const struct cli_command *const *tables, int argc, char **argv, struct cli *cli);
/* "slipway sign release: TEXT" (or {"error": ...} with --json) on cli->err; CLI_FAILED. */
int cli_fail(struct cli *cli, const struct err *err);
/* The same for a wrong command line, with a hint at --help; CLI_USAGE. */
int cli_usage(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);
/* One line of compact JSON on cli->out. Borrows the tree. */
void cli_print_json(struct cli *cli, const json_t *tree);
/* The command's page: usage, options, example. */
void cli_print_help(struct cli *cli);
