/* slipway-agent: one table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "device-client/command.h"
#include "lib/base/text.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"provision", command_provision,
     "--server URL [--claim TOKEN] --root ROOT.json --hwid ID --state DIR\n"
     "              --slot-a FILE --slot-b FILE --boot-file FILE [--health PROGRAM] [--ca FILE]\n"
     "              [--director-root ROOT.json] [--no-clock]\n"
     "              [--timezone Europe/Berlin] [--pstore DIR] [--reset-reason FILE]"},
    {"run", command_run,
     "--state DIR [--slot a|b] [--health PROGRAM] [--first-poll-ms N] [--poll-floor-ms N]\n"
     "              [--boot-id FILE]"},
    {"check", command_check, "--state DIR [--slot a|b]          one check now"},
    {"status", command_status, "--state DIR [--json]"},
    {"confirm", command_confirm, "--state DIR                     the running slot is good"},
    {"fall-back", command_fall_back, "--state DIR                   back to the other slot"},
    {"defer", command_defer, "MINUTES --state DIR               hold the switch back; 0 ends it"},
    {"event", command_event,
     "--category app-crash --state DIR [--class app|os] [--component NAME] [--exit-status N]\n"
     "              [--signal N] [--summary TEXT] [--backtrace FILE] [--count N] [--planned]"},
    {"install", command_install, "FILE --state DIR [--slot a|b]   a signed image, without network"},
    {"states", command_states, "                                 the states of an update, as docs"},
};

static void usage(FILE *out)
{
    (void)fprintf(out, "usage: slipway-agent COMMAND ...\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        (void)fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].help);
    (void)fputs("\nexample:\n"
                "  slipway-agent provision --server https://ota.example:8443 --claim TOKEN \\\n"
                "      --root 1.root.json --hwid cam-v1 --state /var/lib/slipway-agent \\\n"
                "      --slot-a /dev/mmcblk0p2 --slot-b /dev/mmcblk0p3 --boot-file /boot/slipway\n"
                "  slipway-agent run --state /var/lib/slipway-agent --slot a\n"
                "\nexit status: 0 done, 1 refused or failed, 2 wrong usage, 75 (run) reboot now\n",
                out);
}

int main(int argc, char **argv)
{
    if (argc > 1 && (text_equal(argv[1], "--help") || text_equal(argv[1], "help"))) {
        usage(stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; argc > 1 && i < COUNT(commands); i++)
        if (text_equal(commands[i].name, argv[1]))
            return commands[i].run(argc - 2, argv + 2);
    usage(stderr);
    return EXIT_USAGE;
}
