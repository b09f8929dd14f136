/* The page docs/API.md: every route of every table by the first segments of its path, and the
 * types of errors. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/http/problem.h"
#include "server/app.h"
#include "server/auth/role.h"
#include "server/rollout/filter.h"
#include "server/rollout/gate/settings.h"
#include "server/routes.h"

static const char head[] =
    "# The HTTP APIs\n"
    "\n"
    "Printed from the route tables by `slipwayd --print-api`; do not edit.\n"
    "\n"
    "Operators send `Authorization: Bearer TOKEN`; devices the token of their session. Errors are\n"
    "`application/problem+json` (RFC 9457) with a stable `type`. Lists are\n"
    "`{\"items\": [...], \"next\": CURSOR}` and page with `?limit=` (1 to 200) and `?after=`. "
    "Times\n"
    "are RFC 3339 in UTC. Every answer has an `X-Request-Id`; a 503 says when to come again.\n";

static const char *access_words(enum http_access access)
{
    switch (access) {
    case ACCESS_PUBLIC:
        return "everybody";
    case ACCESS_DEVICE:
        return "device";
    case ACCESS_OPERATOR:
        return "operator";
    }
    return "";
}

/* The first two segments of a path, "/api/v1"; or "/" for what stands alone. */
static size_t prefix_len(const char *path)
{
    const char *second = strchr(path + 1, '/');
    const char *third = second ? strchr(second + 1, '/') : NULL;

    if (!second)
        return 1;
    return third ? (size_t)(third - path) : strlen(path);
}

static void print_route(const struct http_route *route, struct buf *out)
{
    char size[TEXT_SIZE_ROOM] = "-";

    if (route->body_max > 0)
        text_from_size(route->body_max, size);
    buf_printf(out, "| %s | `%s` | %s%s%s | %s%s | %s |\n", route->method, route->path,
               access_words(route->access), route->action != ACTION_NONE ? ": " : "",
               action_name(route->action), size, route->streamed ? ", streamed" : "",
               route->summary);
}

static bool same_prefix(const char *a, const char *b)
{
    return prefix_len(a) == prefix_len(b) && strncmp(a, b, prefix_len(a)) == 0;
}

/* Is this the first route of the tables with its prefix? */
static bool opens_section(size_t table, size_t route)
{
    const char *path = route_tables[table][route].path;

    for (size_t i = 0; i <= table; i++) {
        for (size_t k = 0; k < (i < table ? route_counts[i] : route); k++) {
            if (same_prefix(route_tables[i][k].path, path))
                return false;
        }
    }
    return true;
}

static void print_section(const char *path, struct buf *out)
{
    buf_printf(out,
               "\n## `%.*s`\n\n| method | path | for | body at most | what |\n"
               "|---|---|---|---|---|\n",
               (int)prefix_len(path), path);
    for (size_t i = 0; route_tables[i]; i++) {
        for (size_t k = 0; k < route_counts[i]; k++) {
            if (same_prefix(route_tables[i][k].path, path))
                print_route(&route_tables[i][k], out);
        }
    }
}

static void print_problems(struct buf *out)
{
    size_t count;
    const struct problem *problems = problem_all(&count);

    buf_add_text(out, "\n## Errors\n\n| type | status | title |\n|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "| `%s` | %d | %s |\n", problems[i].type, problems[i].status,
                   problems[i].title);
    buf_add_text(
        out, "\nWhere update trust, a role or the four eyes say no, `code` is the stable reason: "
             "the one that devices\nreport, `RBAC`, `FOUR_EYES`.\n");
}

void app_print_api(struct buf *out)
{
    buf_add_text(out, head);
    for (size_t i = 0; route_tables[i]; i++) {
        for (size_t k = 0; k < route_counts[i]; k++) {
            if (opens_section(i, k))
                print_section(route_tables[i][k].path, out);
        }
    }
    buf_add_text(out, filter_grammar);
    gate_settings_describe(out);
    print_problems(out);
}
