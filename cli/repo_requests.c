/* Signing requests that wait at the server: left there, looked at, taken along to a machine without
 * network, answered. */
#include <stddef.h>
#include <string.h>

#include "cli/repo.h"
#include "cli/table.h"
#include "cli/trust/ceremony.h"
#include "cli/trust/difference.h"
#include "cli/trust/signers.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    const char *id;
    const char *file;
    const char *state;
};

/* clang-format off */
#define ID_ARG(needed) {.name = "ID", .type = OPTION_ARG, .required = (needed), .field = offsetof(struct values, id), .help = "the request"}
#define FILE_ARG(what) {.name = "FILE", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, file), .help = (what)}
const struct option repo_request_options[] = {FILE_ARG("a request bundle, from 'sign request'"), API_OPTIONS(struct values), {0}};
const struct option repo_respond_options[] = {ID_ARG(true), FILE_ARG("a response bundle, from 'sign bundle'"), API_OPTIONS(struct values), {0}};
const struct option repo_withdraw_options[] = {ID_ARG(true), API_OPTIONS(struct values), {0}};
const struct option repo_requests_options[] = {
    ID_ARG(false),
    {.name = "state", .type = OPTION_TEXT, .field = offsetof(struct values, state), .value = "STATE", .help = "only open, awaiting-approval, published or withdrawn ones"},
    {.name = "out",  .type = OPTION_TEXT,  .field = offsetof(struct values, ceremony.out),  .value = "FILE", .help = "write the request as a bundle for 'sign bundle'"},
    {.name = "keys", .type = OPTION_TEXTS, .field = offsetof(struct values, ceremony.keys), .value = "DIR",  .help = "folder with root.json, and keys that are called by name (./keys)"},
    {.name = "root", .type = OPTION_TEXT,  .field = offsetof(struct values, ceremony.root), .value = "FILE", .help = "the root you trust; root.json beside the keys"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static const struct column columns[] = {
    {"ID", "id"}, {"STATE", "state"}, {"NOTE", "note"}, {"CREATED", "created"}, {0},
};

/* --- looking ---------------------------------------------------------------------------------- */

static void print_document(FILE *out, const struct keyring *ring, const json_t *row)
{
    const json_t *item;
    size_t i;

    (void)fprintf(out, "%s repository, %s %lld: %zu signed, %s\n",
                  json_string_value(json_object_get(row, "repository")),
                  json_string_value(json_object_get(row, "role")),
                  (long long)json_integer_value(json_object_get(row, "version")),
                  json_array_size(json_object_get(row, "signed_by")),
                  json_is_true(json_object_get(row, "complete")) ? "complete" : "not complete");
    json_array_foreach(json_object_get(row, "summary"), i, item)
    {
        (void)fprintf(out, "    %s\n", json_string_value(item));
    }
    (void)fprintf(
        out, "  needs %lld of:", (long long)json_integer_value(json_object_get(row, "threshold")));
    json_array_foreach(json_object_get(row, "keyids"), i, item)
    {
        char name[128];

        keyring_name(ring, json_string_value(item), name, sizeof(name));
        (void)fprintf(out, " %s", name);
    }
    (void)fputc('\n', out);
}

static void print_request(FILE *out, const struct keyring *ring, const json_t *request)
{
    const json_t *row;
    size_t i;

    (void)fprintf(out, "request %s: %s (%s)\n", json_string_value(json_object_get(request, "id")),
                  json_string_value(json_object_get(request, "note")),
                  json_string_value(json_object_get(request, "state")));
    json_array_foreach(json_object_get(request, "documents"), i, row)
    {
        print_document(out, ring, row);
    }
}

/* --- as a bundle ------------------------------------------------------------------------------ */

static bool add_document(struct bundle *bundle, const json_t *row, struct err *err)
{
    const char *repository;
    const char *role;
    const char *text;
    const char *sha256;
    struct bundle_document *document;
    json_t *body = NULL;

    if (!json_field_text(row, "", "repository", 15, &repository, err) ||
        !json_field_text(row, "", "role", BUNDLE_NAME_ROOM - 1, &role, err) ||
        !json_field_text(row, role, "signed", TUF_TARGETS_BYTES_MAX, &text, err) ||
        !json_field_text(row, role, "sha256", HASH_HEX_ROOM - 1, &sha256, err) ||
        !json_parse(text, strlen(text), &json_limits_metadata, &body, err) ||
        !bundle_add(bundle, repository, role, body, &document, err))
        return false;
    return text_equal(document->sha256, sha256) ||
           err_set(err, ERR_INVALID, "%s: the server's bytes have another hash", role);
}

static bool read_bundle(const json_t *request, struct bundle *bundle, struct err *err)
{
    const json_t *row;
    json_t *list;
    size_t i;

    if (!json_field_array(request, "", "documents", BUNDLE_DOCUMENTS_MAX, &list, err))
        return false;
    json_array_foreach(list, i, row)
    {
        if (!add_document(bundle, row, err))
            return false;
    }
    json_array_foreach(json_object_get(request, "files"), i, row)
    {
        const char *path;
        const char *text;

        if (!json_field_text(row, "files", "path", TUF_PATH_MAX, &path, err) ||
            !json_field_text(row, "files", "text", BUNDLE_FILE_BYTES_MAX, &text, err))
            return false;
        bundle_add_file(bundle, path, text);
    }
    return true;
}

static json_t *context_of(const struct ceremony *ceremony, const struct bundle *bundle)
{
    AUTO_FREE const char **names = mem_array(bundle->count + 1, sizeof(*names));

    for (size_t i = 0; i < bundle->count; i++)
        names[i] = bundle->documents[i].role;
    return state_context(&ceremony->state, names);
}

/* The server's request beside what is published, which is verified from the root trusted here. */
static bool write_bundle(const struct values *values, struct cli *cli, const json_t *request,
                         struct err *err)
{
    struct ceremony_options options = values->ceremony;
    const char *note = json_string_value(json_object_get(request, "note"));
    AUTO_CEREMONY ceremony = {0};
    AUTO_BUNDLE bundle = {0};
    AUTO_BUF text;

    options.no_keys = true;
    buf_init(&text, BUNDLE_BYTES_MAX);
    if (!ceremony_open(&values->api, &options, cli, &ceremony, err))
        return false;
    bundle_init(&bundle, ceremony.tenant, note ? note : "");
    if (!read_bundle(request, &bundle, err))
        return false;
    json_decref(bundle.context);
    bundle.context = context_of(&ceremony, &bundle);
    if (!signers_fill(&ceremony.state, &bundle, err) ||
        !difference_fill(&ceremony.state, &bundle, err))
        return false;
    bundle_format(&bundle, &text);
    return ceremony_write(values->ceremony.out, &text, err);
}

static int run_one(const struct values *values, struct cli *cli, struct api *api)
{
    AUTO_FREE char *path = mem_printf("/repo/requests/%s", values->id);
    AUTO_KEYRING ring = {0};
    AUTO_JSON *request = NULL;
    struct err err = {0};

    if (!ceremony_keys(&values->ceremony, &ring, &err) ||
        !api_call(api, "GET", path, NULL, &request, &err))
        return cli_fail(cli, &err);
    if (values->ceremony.out && !write_bundle(values, cli, request, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        cli_print_json(cli, request);
        return CLI_DONE;
    }
    print_request(cli->out, &ring, request);
    if (values->ceremony.out)
        (void)fprintf(cli->out,
                      "written to %s; next: slipway sign bundle %s --keys DIR --out FILE\n",
                      values->ceremony.out, values->ceremony.out);
    return CLI_DONE;
}

int repo_run_requests(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *list = NULL;
    AUTO_FREE char *path = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (values.ceremony.out && !values.id)
        return cli_usage(cli, "--out needs the ID of a request");
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    if (values.id)
        return run_one(&values, cli, api);
    path = values.state ? mem_printf("/repo/requests?state=%s", values.state)
                        : mem_strdup("/repo/requests");
    if (!api_list(api, path, 0, &list, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, list);
    else
        table_print(cli->out, json_object_get(list, "items"), columns);
    return CLI_DONE;
}

/* --- leaving and answering -------------------------------------------------------------------- */

static int print_state(struct cli *cli, const json_t *answer)
{
    const char *state = json_string_value(json_object_get(answer, "state"));
    const char *id = json_string_value(json_object_get(answer, "id"));

    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "request %s: %s\n", id ? id : "?", state ? state : "?");
    return CLI_DONE;
}

int repo_run_request(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_BUNDLE bundle = {0};
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!file_read(values.file, &text, &err) || !bundle_parse(text.data, text.len, &bundle, &err) ||
        !api_open(&values.api, &api, &err) || !ceremony_request(api, &bundle, &answer, &err))
        return cli_fail(cli, &err);
    return print_state(cli, answer);
}

int repo_run_respond(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *response = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = mem_printf("/repo/requests/%s/signatures", values.id);
    if (!file_read(values.file, &text, &err) ||
        !bundle_response_parse(text.data, text.len, &response, &err))
        return cli_fail(cli, &err);
    (void)json_object_del(response, "_type"); /* was checked; the route has no such field */
    if (!api_open(&values.api, &api, &err) || !api_call(api, "POST", path, response, &answer, &err))
        return cli_fail(cli, &err);
    return print_state(cli, answer);
}

int repo_run_withdraw(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = mem_printf("/repo/requests/%s/withdraw", values.id);
    if (!api_open(&values.api, &api, &err) || !api_call(api, "POST", path, NULL, &answer, &err))
        return cli_fail(cli, &err);
    return print_state(cli, answer);
}
