/* The table of `slipway repo`, and `repo pull`: a verified copy of what is published, to be carried
 * to where there is no network. */
#include "cli/repo.h"

#include <stddef.h>
#include <string.h>

#include "cli/trust/ceremony.h"
#include "cli/trust/source.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
};

static int run_pull(int argc, char **argv, struct cli *cli);

/* clang-format off */
static const struct option pull_options[] = {
    {.name = "out",  .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, ceremony.out), .value = "DIR", .help = "folder for the published documents"},
    {.name = "keys", .type = OPTION_TEXTS, .field = offsetof(struct values, ceremony.keys), .value = "DIR",  .help = "folder with root.json (./keys)"},
    {.name = "root", .type = OPTION_TEXT,  .field = offsetof(struct values, ceremony.root), .value = "FILE", .help = "the root you trust; root.json beside the keys"},
    API_OPTIONS(struct values),
    {0},
};

const struct cli_command cli_repo_commands[] = {
    {"repo status",   "who has to sign what until when",                        repo_status_options,   "slipway repo status --strict", repo_run_status},
    {"repo pull",     "copy what is published into a folder, verified",         pull_options,          "slipway repo pull --out published", run_pull},
    {"repo verify",   "check a live repository from outside, as a device does", repo_verify_options,   "slipway repo verify https://ota.example/t/acme keys/root.json", repo_run_verify},
    {"repo request",  "leave a request bundle at the server for signatures",    repo_request_options,  "slipway repo request request.json", repo_run_request},
    {"repo requests", "requests that wait, and for whom",                       repo_requests_options, "slipway repo requests ID --out request.json", repo_run_requests},
    {"repo respond",  "bring signatures to a request",                          repo_respond_options,  "slipway repo respond ID alice.json", repo_run_respond},
    {"repo withdraw", "give a request up",                                      repo_withdraw_options, "slipway repo withdraw ID", repo_run_withdraw},
    {0},
};
/* clang-format on */

/* A folder that says whose it is, so that --state needs no server. */
static bool mark(const char *dir, const char *tenant, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/slipway.json", dir);
    AUTO_JSON *tree = json_pack("{s:s, s:[]}", "tenant", tenant, "hwids");
    AUTO_FREE char *text = json_text(tree);

    return file_write(path, 0644, text, strlen(text), err);
}

/* Verified while it is fetched; what was kept is whole only if this succeeds. */
static bool pull(const struct values *values, struct api *api, struct state *out, struct err *err)
{
    AUTO_FREE char *tenant = NULL;
    struct source_server server = {.api = api, .keep = values->ceremony.out};
    struct state_roots roots = {0};
    struct state_source source;
    bool found;
    bool director;
    AUTO_BUF root;
    AUTO_BUF director_root;

    buf_init(&root, TUF_ROOT_BYTES_MAX);
    buf_init(&director_root, TUF_ROOT_BYTES_MAX);
    if (!ceremony_tenant(api, &tenant, err) ||
        !ceremony_root(&values->ceremony, values->ceremony.root, "root.json", &root, &found, err) ||
        !ceremony_root(&values->ceremony, NULL, "director-root.json", &director_root, &director,
                       err))
        return false;
    if (!found)
        return err_set(err, ERR_INVALID, "there is no root to trust: give --root");
    server.tenant = tenant;
    source = source_of_server(&server);
    roots.image = &root;
    roots.director = director ? &director_root : NULL;
    return file_make_dirs(values->ceremony.out, 0755, err) &&
           state_load(&source, &roots, 0, out, err) && mark(values->ceremony.out, tenant, err);
}

static int run_pull(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_STATE state = {0};
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !pull(&values, api, &state, &err))
        return cli_fail(cli, &err);
    answer =
        json_pack("{s:s, s:I}", "out", values.ceremony.out, "roles", (json_int_t)state.roles.count);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "%zu roles, verified, are in %s\n", state.roles.count,
                      values.ceremony.out);
    return CLI_DONE;
}
