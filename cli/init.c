/*
 * `slipway init`: from nothing to a tenant whose devices trust what its owners sign, in one
 * command. The order makes a second try after a failure safe: product and component are made when
 * they are missing, keys of an earlier try are taken again, publication is one transaction, and
 * the settings that ask for a second person come last.
 */
#include "cli/init.h"

#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"
#include "lib/os/file.h"

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    const char *profile;
    const char *product;
    const char *component;
    const char *dir;
    struct option_texts hwids;
    struct option_texts pins;
};

static int run_init(int argc, char **argv, struct cli *cli);

/* clang-format off */
static const struct option init_options[] = {
    {.name = "profile",   .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, profile), .value = "NAME", .help = "solo, team or regulated: how many people hold keys"},
    {.name = "product",   .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, product), .value = "NAME", .help = "what people call this model of device; made when missing"},
    {.name = "hwid",      .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, hwids), .value = "ID", .help = "its hardware id, as devices say it"},
    {.name = "component", .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, component), .value = "NAME", .help = "its operating system, e.g. base-os; made when missing"},
    {.name = "keys",      .type = OPTION_TEXT,  .field = offsetof(struct values, dir), .value = "DIR", .help = "where the keys go, a folder for each of their owners (keys)"},
    {.name = "tls-pin",   .type = OPTION_TEXTS, .field = offsetof(struct values, pins), .value = "HEX", .help = "SHA-256 of a server's public key that devices shall insist on"},
    {.name = "expires-days", .type = OPTION_U64, .field = offsetof(struct values, ceremony.expires_days), .min = 1, .max = CEREMONY_EXPIRES_DAYS_MAX, .value = "N", .help = "valid for so many days (365)"},
    {.name = "yes",       .type = OPTION_FLAG,  .field = offsetof(struct values, ceremony.yes), .help = "do not ask"},
    API_OPTIONS(struct values), {0}};

const struct cli_command cli_init_commands[] = {
    {"init", "make the keys of a profile and publish the first documents", init_options, "slipway init --profile solo --product camera --hwid cam-v1 --component base-os", run_init},
    {0},
};
/* clang-format on */

static bool check_words(const struct values *values, struct err *err)
{
    if (!tuf_word_is_safe(values->component))
        return err_set(err, ERR_INVALID, "component '%s' has other characters than . _ + ~ -",
                       values->component);
    for (size_t i = 0; i < values->hwids.count; i++) {
        if (!tuf_word_is_safe(values->hwids.items[i]))
            return err_set(err, ERR_INVALID, "hardware id '%s' has other characters than . _ + ~ -",
                           values->hwids.items[i]);
    }
    return true;
}

/* A tenant gets its first keys once; afterwards they are rotated. */
static bool check_fresh(struct api *api, struct err *err)
{
    AUTO_JSON *status = NULL;

    if (!api_call(api, "GET", "/repo/status", NULL, &status, err))
        return false;
    if (json_is_object(json_object_get(status, "root")))
        return err_set(err, ERR_CONFLICT,
                       "this tenant has keys already; to change them: slipway keys rotate");
    return true;
}

/* Whether a list has an item of that name. */
static bool is_there(struct api *api, const char *list, const char *name, bool *out,
                     struct err *err)
{
    AUTO_JSON *found = NULL;
    AUTO_BUF path;

    buf_init(&path, 1024);
    buf_printf(&path, "%s%cname=", list, strchr(list, '?') ? '&' : '?');
    url_encode(name, &path);
    if (path.failed)
        return err_set(err, ERR_INVALID, "the name '%s' is too long", name);
    if (!api_list(api, buf_text(&path), 0, &found, err))
        return false;
    *out = json_array_size(json_object_get(found, "items")) > 0;
    return true;
}

static json_t *hwid_list(const struct option_texts *hwids)
{
    json_t *list = json_array();

    for (size_t i = 0; i < hwids->count; i++)
        ASSERT(json_array_append_new(list, json_string(hwids->items[i])) == 0);
    return list;
}

static bool make_product(struct api *api, const struct values *values, struct err *err)
{
    AUTO_JSON *body =
        json_pack("{s:s, s:o}", "name", values->product, "hwids", hwid_list(&values->hwids));
    bool there = false;

    return is_there(api, "/products", values->product, &there, err) &&
           (there || api_call(api, "POST", "/products", body, NULL, err));
}

static bool make_component(struct api *api, const struct values *values, struct err *err)
{
    AUTO_FREE char *product = NULL;
    AUTO_JSON *body = NULL;

    if (!api_product_id(api, values->product, &product, err))
        return false;
    body =
        json_pack("{s:s, s:s, s:s}", "product", product, "type", "os", "name", values->component);
    if (api_call(api, "POST", "/components", body, NULL, err))
        return true;
    return err->code == ERR_CONFLICT; /* it is there */
}

/* --- what is kept beside the keys ------------------------------------------------------------- */

static bool keep_root(const struct bundle_document *document, const char *dir, const char *name,
                      struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
    AUTO_BUF text;

    buf_init(&text, TUF_ROOT_BYTES_MAX);
    bundle_document_format(document, &text);
    return file_write(path, 0644, text.data, text.len, err);
}

/* Every holder gets the roots to trust along with the keys. */
static bool keep(const struct bundle *bundle, const struct project *project, struct err *err)
{
    return keep_root(bundle_find(bundle, "image", "root"), project->dir, "root.json", err) &&
           keep_root(bundle_find(bundle, "director", "root"), project->dir, "director-root.json",
                     err) &&
           project_write(project, err);
}

static bool keep_everywhere(const struct ceremony *ceremony, const struct profile *profile,
                            const struct values *values, const struct bundle *bundle,
                            struct err *err)
{
    struct project project = {
        .dir = mem_strdup(values->dir),
        .tenant = mem_strdup(ceremony->tenant),
        .profile = mem_strdup(profile->name),
        .product = mem_strdup(values->product),
        .component = mem_strdup(values->component),
        .hwids = hwid_list(&values->hwids),
    };
    bool good = keep(bundle, &project, err);

    for (const struct profile_holder *holder = profile->holders; good && holder->folder; holder++) {
        mem_free(project.dir);
        project.dir = mem_printf("%s/%s", values->dir, holder->folder);
        good = keep(bundle, &project, err);
    }
    project_done(&project);
    return good;
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool set_approvals(struct api *api, const struct profile *profile, struct err *err)
{
    AUTO_JSON *body = json_pack("{s:i, s:b}", "approval_devices", (int)profile->approval_devices,
                                "approval_changes", profile->approval_changes);

    return !profile->approval_changes || api_call(api, "PATCH", "/tenant", body, NULL, err);
}

static bool publish(struct ceremony *ceremony, const struct profile *profile,
                    const struct values *values, json_t *answer, struct err *err)
{
    AUTO_BUNDLE bundle = {0};
    AUTO_JSON *told = NULL;

    if (!ceremony_bundle(ceremony, "the first documents", answer, &bundle, err) ||
        !keep_everywhere(ceremony, profile, values, &bundle, err))
        return false;
    return ceremony_publish(ceremony->api, &bundle, &told, err);
}

static bool init(struct values *values, const struct profile *profile, struct cli *cli,
                 json_t *answer, struct err *err)
{
    struct init_plan plan = {profile, values->dir, NULL, &values->hwids, &values->pins};
    AUTO_CEREMONY ceremony;
    AUTO_JSON *online = NULL;

    values->ceremony.keys.items[0] = values->dir;
    values->ceremony.keys.count = 1;
    if (!ceremony_open_empty(&values->api, &values->ceremony, cli, &ceremony, err) ||
        !check_words(values, err) || !check_fresh(ceremony.api, err) ||
        !init_online_keys(ceremony.api, &online, err))
        return false;
    plan.online = online;
    return make_product(ceremony.api, values, err) && make_component(ceremony.api, values, err) &&
           init_make_keys(profile, values->dir, err) &&
           keyring_add_dir(&ceremony.ring, values->dir, err) &&
           init_first_documents(&ceremony, &plan, err) &&
           publish(&ceremony, profile, values, answer, err) &&
           set_approvals(ceremony.api, profile, err);
}

static void print(struct cli *cli, const struct values *values, const struct profile *profile)
{
    (void)fprintf(cli->out, "%s: published. Devices trust what these keys sign:\n", profile->name);
    for (const struct profile_holder *holder = profile->holders; holder->folder; holder++)
        (void)fprintf(cli->out, "  %s/%-10s %s\n", values->dir, holder->folder, holder->what);
    (void)fprintf(cli->out,
                  "%s/root.json is public: devices are made with it (slipway-agent provision "
                  "--root).\n"
                  "what now:\n"
                  "  1. carry each folder to its owner, then delete it here\n"
                  "  2. slipway release publish IMAGE --version 1.0\n"
                  "  3. slipway repo status: who signs what, until when\n",
                  values->dir);
}

static int run_init(int argc, char **argv, struct cli *cli)
{
    struct values values = {.dir = "keys", .ceremony = {.expires_days = CEREMONY_EXPIRES_DAYS}};
    AUTO_JSON *answer = json_object();
    const struct profile *profile;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    profile = profile_find(values.profile);
    if (!profile)
        return cli_usage(cli, "there is no profile '%s': solo, team or regulated", values.profile);
    if (!init(&values, profile, cli, answer, &err))
        return cli_fail(cli, &err);
    ASSERT(json_object_set_new(answer, "profile", json_string(profile->name)) == 0 &&
           json_object_set_new(answer, "keys", json_string(values.dir)) == 0);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print(cli, &values, profile);
    return CLI_DONE;
}
