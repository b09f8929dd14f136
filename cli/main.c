/* `slipway`: the operator's command line and the offline signing tool. Every subcommand is a row
 * of one of these tables. */
#include <signal.h>
#include <stdio.h>

#include "cli/command.h"

/* clang-format off */
static const struct cli_command *const tables[] = {
    cli_init_commands,
    cli_release_commands,
    cli_keys_commands,
    cli_sign_commands,
    cli_login_commands,
    cli_fleet_setup_commands,
    cli_group_commands,
    cli_device_commands,
    cli_claim_commands,
    cli_guard_commands,
    cli_repo_commands,
    cli_publish_commands,
    cli_deploy_commands, cli_deploy_steer_commands,
    cli_list_commands,
    cli_fleet_commands,
    cli_token_commands,
    cli_approve_commands,
    cli_audit_commands,
    cli_why_commands,
    cli_plan_commands,
    cli_report_commands,
    cli_report_file_commands,
    cli_event_commands,
    cli_webhook_commands,
    cli_dashboard_commands,
    cli_artifact_commands,
    cli_shell_commands,
    cli_support_commands,
    cli_import_commands,
    NULL,
};
/* clang-format on */

int main(int argc, char **argv)
{
    struct cli cli = {.out = stdout, .err = stderr};
    int status;

    (void)signal(SIGPIPE, SIG_IGN); /* a server that hangs up is an error, not our end */
    status = cli_run(tables, argc - 1, argv + 1, &cli);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "slipway: could not write the result\n");
        return CLI_FAILED;
    }
    return status;
}
