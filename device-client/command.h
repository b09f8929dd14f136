#pragma once
/*
 * The subcommands of slipway-agent and their options. A command returns the exit status: 0 done,
 * 1 refused or failed (one line on standard error says why), 2 wrong usage, 75 restart me.
 */
#include "lib/base/err.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REBOOT = 75 };

struct option {
    const char *name;   /* "--state"; NULL: the next word that is no option */
    const char **value; /* or: */
    bool *flag;
    bool required;
};

/* Prints what is wrong on standard error. */
MUST_USE bool options_parse(int argc, char **argv, const struct option *options, size_t count);
/* Prints the error; EXIT_FAILED. */
int command_failed(const struct err *err);
/* The process id of the agent that runs in this folder; 0 when none does. */
MUST_USE bool command_find_agent(const char *state_dir, int *out_pid, struct err *err);

int command_provision(int argc, char **argv);
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_status(int argc, char **argv);
int command_confirm(int argc, char **argv);
int command_fall_back(int argc, char **argv);
int command_defer(int argc, char **argv);
int command_event(int argc, char **argv);
int command_install(int argc, char **argv);
int command_states(int argc, char **argv);
