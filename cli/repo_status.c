/* `slipway repo status`: who has to sign what until when, and what each key is worth to a thief.
 * The server computes it; the names of keys are those of the folders at hand. */
#include <stddef.h>
#include <string.h>

#include "cli/repo.h"
#include "cli/table.h"
#include "cli/trust/ceremony.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    bool strict;
};

/* clang-format off */
const struct option repo_status_options[] = {
    {.name = "strict", .type = OPTION_FLAG, .field = offsetof(struct values, strict), .help = "exit status 1 when something has expired or will within 7 days"},
    {.name = "keys",   .type = OPTION_TEXTS, .field = offsetof(struct values, ceremony.keys), .value = "DIR", .help = "folders whose keys are called by name (./keys)"},
    API_OPTIONS(struct values),
    {0},
};
/* clang-format on */

static const struct column columns[] = {
    {"ROLE", "shown"},
    {"VERSION", "version"},
    {"EXPIRES", "expires"},
    {"DAYS", "days_left"},
    {"WARNING", "notice"},
    {"SIGNED BY", "who"},
    {0},
};

static bool is_urgent(const char *warning)
{
    return warning && (text_equal(warning, "7") || text_equal(warning, "expired"));
}

/* "2 of 3: root-1/root, root-2/root, 8d1f..." */
static char *who_signs(const struct keyring *ring, const json_t *row)
{
    const json_t *keyids = json_object_get(row, "keyids");
    const json_t *item;
    AUTO_BUF text;
    size_t i;

    buf_init(&text, 4096);
    buf_printf(&text,
               "%lld of %zu: ", (long long)json_integer_value(json_object_get(row, "threshold")),
               json_array_size(keyids));
    json_array_foreach(keyids, i, item)
    {
        char name[128];

        keyring_name(ring, json_string_value(item), name, sizeof(name));
        buf_printf(&text, "%s%s", i ? ", " : "", name);
    }
    return mem_strdup(buf_text(&text));
}

/* Adds what the table shows to the server's row. */
static void complete(const struct keyring *ring, json_t *row)
{
    bool director = text_equal(json_string_value(json_object_get(row, "repository")), "director");
    const char *role = json_string_value(json_object_get(row, "role"));
    const char *warning = json_string_value(json_object_get(row, "warning"));
    AUTO_FREE char *who = who_signs(ring, row);
    AUTO_FREE char *shown = mem_printf("%s%s", director ? "director-" : "", role);
    AUTO_FREE char *notice =
        warning ? mem_printf(is_urgent(warning) ? "%s!" : "%s", warning) : mem_strdup("-");

    ASSERT(json_object_set_new(row, "shown", json_string(shown)) == 0 &&
           json_object_set_new(row, "who", json_string(who)) == 0 &&
           json_object_set_new(row, "notice", json_string(notice)) == 0);
}

static void print(FILE *out, const json_t *status)
{
    const json_t *roles = json_object_get(status, "roles");
    const json_t *row;
    size_t i;

    table_print(out, roles, columns);
    (void)fprintf(out, "\n%lld files are signed. What a thief of one key could do:\n",
                  (long long)json_integer_value(json_object_get(status, "files")));
    json_array_foreach(roles, i, row)
    {
        (void)fprintf(out, "  %-16s %s\n", json_string_value(json_object_get(row, "shown")),
                      json_string_value(json_object_get(row, "thief")));
    }
}

int repo_run_status(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_KEYRING ring = {0};
    AUTO_JSON *status = NULL;
    struct err err = {0};
    bool urgent = false;
    json_t *row;
    size_t i;
    int exit_status;

    if (!option_parse(argc, argv, cli, &values, &exit_status))
        return exit_status;
    if (!ceremony_keys(&values.ceremony, &ring, &err) || !api_open(&values.api, &api, &err) ||
        !api_call(api, "GET", "/repo/status", NULL, &status, &err))
        return cli_fail(cli, &err);
    json_array_foreach(json_object_get(status, "roles"), i, row)
    {
        complete(&ring, row);
        urgent = urgent || is_urgent(json_string_value(json_object_get(row, "warning")));
    }
    if (cli->json)
        cli_print_json(cli, status);
    else
        print(cli->out, status);
    return values.strict && urgent ? CLI_FAILED : CLI_DONE;
}
