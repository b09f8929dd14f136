/*
 * `slipway sign renew`, `sign trust`, `sign request ...`: next versions without an image. Each
 * command is a row that says what it edits; opening and finishing are the same for all. A `sign
 * request` row is the same edit, but no key at hand signs it and it only leaves a file.
 */
#include <stddef.h>
#include <string.h>

#include "cli/key_dir.h"
#include "cli/sign.h"
#include "cli/sign_role.h"
#include "cli/trust/anchors.h"
#include "cli/trust/ceremony.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { DUE_DAYS = 90 };

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    struct sign_input input; /* of a release */
    uint64_t within_days;
    bool all;
    struct option_texts roles;
    struct option_texts pins;
    const char *activates;
    struct option_texts hwids;
    struct option_texts public_keys;
    uint64_t threshold;
};

/* clang-format off */
#define RENEW_ROWS \
    {.name = "within-days", .type = OPTION_U64, .field = offsetof(struct values, within_days), .max = CEREMONY_EXPIRES_DAYS_MAX, .value = "N", .help = "what expires within so many days (90)"}, \
    {.name = "all",  .type = OPTION_FLAG,  .field = offsetof(struct values, all), .help = "every role, due or not"}, \
    {.name = "role", .type = OPTION_TEXTS, .field = offsetof(struct values, roles), .value = "ROLE", .help = "only this one: root, director-root, targets, os-HWID"}
#define TAIL CEREMONY_OPTIONS(struct values), API_OPTIONS(struct values), {0}

const struct option sign_renew_options[] = {RENEW_ROWS, TAIL};
const struct option sign_trust_options[] = {
    {.name = "tls-pin", .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, pins), .value = "HEX", .help = "SHA-256 of a server's public key; all that shall be valid"},
    {.name = "activates", .type = OPTION_TEXT, .field = offsetof(struct values, activates), .value = "TIME", .help = "good from then on, beside those of now (2027-01-01T00:00:00Z)"},
    TAIL};
const struct option sign_targets_options[] = {
    {.name = "hwid",      .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, hwids), .value = "ID", .help = "hardware that gets a role of its own"},
    {.name = "key",       .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, public_keys), .value = "FILE", .help = "public half (.pub) of a key that may sign its images"},
    {.name = "threshold", .type = OPTION_U64,   .field = offsetof(struct values, threshold), .min = 1, .max = TUF_KEYS_MAX, .value = "N", .help = "how many of them must (all)"},
    TAIL};
const struct option sign_request_release_options[] = {
    {.name = "version", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, input.version), .value = "V", .help = "its version, for people"},
    {.name = "product", .type = OPTION_TEXT, .field = offsetof(struct values, input.product), .value = "NAME", .help = "of which product (that of 'init')"},
    SIGN_INPUT_OPTIONS(struct values),
    CEREMONY_OPTIONS(struct values), API_OPTIONS(struct values),
    {.name = "IMAGE", .type = OPTION_ARGS, .required = true, .field = offsetof(struct values, input.images), .help = "one file for each hardware id, in their order"},
    {0}};
/* clang-format on */

typedef bool edit_fn(struct ceremony *ceremony, struct values *values, json_t *answer,
                     struct err *err);

/* --- renew ------------------------------------------------------------------------------------ */

/* "director-root" is root of the director; every other name is of the image repository. */
static void place_of(const char *name, const char **repository, const char **role)
{
    bool director = text_equal(name, "director-root");

    *repository = director ? "director" : "image";
    *role = director ? "root" : name;
}

static bool is_named(const struct values *values, const char *name)
{
    for (size_t i = 0; i < values->roles.count; i++) {
        if (text_equal(values->roles.items[i], name))
            return true;
    }
    return values->roles.count == 0;
}

static bool is_due(const struct ceremony *ceremony, const struct values *values, const char *name)
{
    const char *repository;
    const char *role;
    AUTO_JSON *body = NULL;
    const char *expires;
    int64_t expires_ms;

    place_of(name, &repository, &role);
    body = state_body(&ceremony->state, repository, role);
    expires = json_string_value(json_object_get(body, "expires"));
    if (!expires || !is_named(values, name))
        return false;
    if (values->all || values->roles.count > 0)
        return true;
    return !text_to_time(expires, strlen(expires), &expires_ms) ||
           expires_ms < ceremony->plan.now_ms + ((int64_t)values->within_days * EDIT_DAY_MS);
}

/* A role that nobody delegates to any more (the bins of a division that became finer) stays in
 * the snapshot for ever and needs no renewal. */
static bool is_alive(const struct ceremony *ceremony, const char *role)
{
    return text_equal(role, "root") || text_equal(role, "targets") ||
           state_delegator(&ceremony->state, role);
}

static bool renew(struct ceremony *ceremony, struct values *values, json_t *answer, struct err *err)
{
    (void)answer;
    (void)err;
    for (size_t i = 0; i < ceremony->state.roles.count; i++) {
        const char *role = ceremony->state.roles.items[i].name;

        if (is_alive(ceremony, role) && is_due(ceremony, values, role))
            (void)plan_edit(&ceremony->plan, "image", role);
    }
    if (is_due(ceremony, values, "director-root"))
        (void)plan_edit(&ceremony->plan, "director", "root");
    return true;
}

/* --- trust ------------------------------------------------------------------------------------ */

static const char anchors_path[] = "trust/anchors.json";

static bool trust(struct ceremony *ceremony, struct values *values, json_t *answer, struct err *err)
{
    AUTO_JSON *anchors = NULL;
    AUTO_FREE char *text = NULL;

    (void)answer;
    if (!ceremony_anchors(ceremony, &anchors, err) ||
        !(values->activates
              ? anchors_add_pins(anchors, values->activates, values->pins.items, values->pins.count,
                                 err)
              : anchors_set_pins(anchors, values->pins.items, values->pins.count, err)))
        return false;
    text = anchors_text(anchors);
    return plan_add_file(&ceremony->plan, anchors_path, "anchors", text, err);
}

/* --- targets: a new hardware ------------------------------------------------------------------ */

static bool read_public_keys(const struct option_texts *files, json_t **out, struct err *err)
{
    AUTO_JSON *list = json_array();

    for (size_t i = 0; i < files->count; i++) {
        AUTO_JSON *tree = NULL;
        AUTO_KEY_PUBLIC key = {0};

        if (!key_dir_read_json(files->items[i], TUF_ROOT_BYTES_MAX, &tree, err) ||
            !key_public_parse(tree, files->items[i], &key, err))
            return false;
        ASSERT(json_array_append(list, key.key) == 0);
    }
    *out = TAKE(list);
    return true;
}

static bool delegate(struct ceremony *ceremony, struct values *values, json_t *answer,
                     struct err *err)
{
    json_t *targets = plan_edit(&ceremony->plan, "image", "targets");
    uint64_t threshold = values->threshold ? values->threshold : values->public_keys.count;
    AUTO_JSON *keys = NULL;

    (void)answer;
    if (!targets)
        return err_set(err, ERR_NOT_FOUND, "there are no targets yet: slipway init");
    if (!read_public_keys(&values->public_keys, &keys, err))
        return false;
    for (size_t i = 0; i < values->hwids.count; i++) {
        AUTO_FREE char *role = mem_printf("os-%s", values->hwids.items[i]);

        if (!edit_delegate_os(targets, values->hwids.items[i], keys, threshold, err))
            return false;
        if (!binder_get(&ceremony->state.roles, role))
            plan_add(&ceremony->plan, "image", role,
                     edit_targets_new(ceremony->plan.now_ms, ceremony->plan.days));
    }
    return true;
}

static bool release(struct ceremony *ceremony, struct values *values, json_t *answer,
                    struct err *err)
{
    return sign_images(ceremony, &values->input, answer, err);
}

/* --- the commands ----------------------------------------------------------------------------- */

static int run(int argc, char **argv, struct cli *cli, edit_fn *edit, const char *note)
{
    struct values values = {.ceremony = {.expires_days = CEREMONY_EXPIRES_DAYS},
                            .within_days = DUE_DAYS};
    AUTO_CEREMONY ceremony = {0};
    AUTO_JSON *answer = json_object();
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (text_starts_with(cli->command->name, "sign request")) {
        if (!values.ceremony.out)
            return cli_usage(cli, "--out is missing");
        values.ceremony.no_keys = values.ceremony.keys.count == 0 && !values.ceremony.module;
    }
    if (!ceremony_open(&values.api, &values.ceremony, cli, &ceremony, &err) ||
        !edit(&ceremony, &values, answer, &err))
        return cli_fail(cli, &err);
    if (ceremony.plan.count == 0) {
        ASSERT(json_object_set_new(answer, "state", json_string("nothing")) == 0);
        if (cli->json)
            cli_print_json(cli, answer);
        else
            (void)fprintf(cli->out, "nothing is due\n");
        return CLI_DONE;
    }
    if (!ceremony_finish(&ceremony, note, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        ceremony_print(cli, answer);
    return CLI_DONE;
}

int sign_run_renew(int argc, char **argv, struct cli *cli)
{
    return run(argc, argv, cli, renew, "renewal");
}

int sign_run_trust(int argc, char **argv, struct cli *cli)
{
    return run(argc, argv, cli, trust, "anchors of devices");
}

int sign_run_targets(int argc, char **argv, struct cli *cli)
{
    return run(argc, argv, cli, delegate, "new hardware");
}

int sign_run_request_release(int argc, char **argv, struct cli *cli)
{
    return run(argc, argv, cli, release, "release");
}
