#pragma once
/* `slipway repo`: what its files export to the table in cli/repo.c. */
#include "cli/command.h"
#include "cli/option.h"

extern const struct option repo_status_options[];
extern const struct option repo_request_options[];
extern const struct option repo_respond_options[];
extern const struct option repo_requests_options[];
extern const struct option repo_withdraw_options[];
extern const struct option repo_verify_options[];
int repo_run_status(int argc, char **argv, struct cli *cli);
int repo_run_request(int argc, char **argv, struct cli *cli);
int repo_run_respond(int argc, char **argv, struct cli *cli);
int repo_run_requests(int argc, char **argv, struct cli *cli);
int repo_run_withdraw(int argc, char **argv, struct cli *cli);
int repo_run_verify(int argc, char **argv, struct cli *cli);
