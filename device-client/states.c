/* `slipway-agent states`: docs/STATES.md, printed from the tables, so that it cannot drift. */
#include <stdio.h>

#include "device-client/command.h"
#include "lib/update/state.h"

static void print_states(void)
{
    (void)printf("| state | rank | an end |\n|---|---|---|\n");
    for (int i = 0; i < UPDATE_STATE_COUNT; i++) {
        enum update_state state = (enum update_state)i;

        (void)printf("| `%s` | %u | %s |\n", update_state_name(state), update_state_rank(state),
                     update_state_is_terminal(state) ? "yes" : "");
    }
}

static void print_moves(void)
{
    size_t count;
    const struct update_move *moves = update_moves(&count);

    (void)printf("| from | on | to | because |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        (void)printf("| `%s` | %s | `%s` | %s |\n", update_state_name(moves[i].from),
                     update_event_name(moves[i].on), update_state_name(moves[i].to),
                     moves[i].because);
}

static void print_diagram(void)
{
    size_t count;
    const struct update_move *moves = update_moves(&count);

    (void)printf("```mermaid\nstateDiagram-v2\n");
    for (size_t i = 0; i < count; i++)
        if (moves[i].on != UPDATE_EVENT_CLOSED)
            (void)printf("    %s --> %s: %s\n", update_state_name(moves[i].from),
                         update_state_name(moves[i].to), update_event_name(moves[i].on));
    (void)printf("```\n");
}

int command_states(int argc, char **argv)
{
    if (!options_parse(argc, argv, NULL, 0))
        return EXIT_USAGE;
    (void)printf("# The life of an update\n\n"
                 "Printed by `slipway-agent states` from the table in `lib/update/state.c`; do not "
                 "edit.\n\n"
                 "The names are the words of reports, API and database; `idle` is the agent's "
                 "alone. The server\nmoves a device's row only to a higher rank.\n\n");
    print_states();
    (void)printf("\n");
    print_moves();
    (void)printf("\n");
    print_diagram();
    return EXIT_OK;
}
