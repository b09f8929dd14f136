#pragma once
/* What most commands that change something are: one call of the operator API, and a line that says
 * it was done. */
#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/table.h"

struct send {
    const char *method;
    const char *path;
    json_t *body;     /* taken over; may be NULL */
    const char *done; /* the line for people; NULL: the answer's fields */
};
/* The exit status. */
int cli_send(struct cli *cli, struct api *api, const struct send *send);
/* All pages of a list, as columns or JSON; the exit status. */
int cli_list(struct cli *cli, struct api *api, const char *path, uint64_t limit,
             const struct column *columns);
/* "PREFIX ID SUFFIX" as a path, the id encoded; for mem_free(). */
char *cli_path(const char *prefix, const char *id, const char *suffix);
/* The id of a device by at least four of its first digits; for mem_free(). */
MUST_USE bool cli_device_id(struct api *api, const char *text, char **out, struct err *err);
