/*
 * `slipway release publish`: from an image file to a release that can be deployed: signed,
 * published, uploaded, named. Each step is one that has a command of its own; where a second person
 * has to sign, it stops after leaving the request, and the same command line goes on from there
 * once that has happened (what is signed already is not signed again).
 */
#include <stddef.h>
#include <string.h>

#include "cli/hash_file.h"
#include "cli/sign_role.h"
#include "cli/trust/bins.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    struct sign_input input;
    const char *name;
    const char *notes;
};

static int run_publish(int argc, char **argv, struct cli *cli);

/* clang-format off */
static const struct option publish_options[] = {
    {.name = "version", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, input.version), .value = "V", .help = "the image's version, for people"},
    {.name = "product", .type = OPTION_TEXT, .field = offsetof(struct values, input.product), .value = "NAME", .help = "of which product (that of 'init')"},
    {.name = "name",    .type = OPTION_TEXT, .field = offsetof(struct values, name), .value = "NAME", .help = "what the release is called (its version)"},
    {.name = "notes",   .type = OPTION_TEXT, .field = offsetof(struct values, notes), .value = "TEXT", .help = "for people"},
    SIGN_INPUT_OPTIONS(struct values),
    CEREMONY_OPTIONS(struct values),
    API_OPTIONS(struct values),
    {.name = "IMAGE", .type = OPTION_ARGS, .required = true, .field = offsetof(struct values, input.images), .help = "one file for each hardware id, in their order"},
    {0},
};

const struct cli_command cli_release_commands[] = {
    {"release publish", "sign an image, publish, upload and name it: a release to deploy", publish_options, "slipway release publish rootfs.img --version 2.4.0", run_publish},
    {0},
};
/* clang-format on */

static bool upload(struct api *api, const char *file, const char *sha256, struct err *err)
{
    AUTO_FREE char *path = mem_printf("/images/%s", sha256);

    return api_upload(api, path, file, NULL, err);
}

static bool create(struct api *api, const struct values *values, const json_t *targets,
                   json_t *answer, struct err *err)
{
    const char *name = values->name ? values->name : values->input.version;
    AUTO_FREE char *product = NULL;
    json_t *images = json_array();
    AUTO_JSON *body = json_pack("{s:s, s:o}", "name", name, "images", images);
    AUTO_JSON *made = NULL;
    const json_t *item;
    size_t i;

    json_array_foreach(targets, i, item)
    {
        ASSERT(json_array_append(images, json_object_get(item, "sha256")) == 0);
    }
    if (values->notes)
        ASSERT(json_object_set_new(body, "notes", json_string(values->notes)) == 0);
    if (!api_product_id(api, values->input.product, &product, err))
        return false;
    ASSERT(json_object_set_new(body, "product", json_string(product)) == 0);
    if (!api_call(api, "POST", "/releases", body, &made, err))
        return false;
    ASSERT(json_object_set(answer, "release", made) == 0);
    return true;
}

/* What is published already for these images, in the shape of "targets"; false when one of them
 * is not. */
static bool signed_before(const struct ceremony *ceremony, const struct sign_input *input,
                          json_t *targets)
{
    for (size_t i = 0; i < input->images.count && i < input->hwids.count; i++) {
        AUTO_FREE char *role = mem_printf("os-%s", input->hwids.items[i]);
        AUTO_FREE char *path = mem_printf("os/%s/%s/%s", input->hwids.items[i], input->version,
                                          hash_file_name(input->images.items[i]));
        AUTO_JSON *body = NULL;
        const json_t *entry;
        char place[BUNDLE_NAME_ROOM];

        if (!bins_place(&ceremony->plan, role, path, place, sizeof(place)))
            return false;
        body = state_body(&ceremony->state, "image", place);
        entry = json_object_get(edit_targets(body), path);
        if (!entry)
            return false;
        ASSERT(json_array_append_new(
                   targets,
                   json_pack(
                       "{s:s, s:O, s:O, s:O}", "path", path, "sha256",
                       json_object_get(json_object_get(entry, "hashes"), "sha256"), "length",
                       json_object_get(entry, "length"), "counter",
                       json_object_get(json_object_get(json_object_get(entry, "custom"), "match"),
                                       "release_counter"))) == 0);
    }
    return true;
}

/* `*published`: the images may be uploaded. */
static bool sign(struct ceremony *ceremony, struct values *values, json_t *answer, bool *published,
                 struct err *err)
{
    AUTO_JSON *before = json_array();
    AUTO_FREE char *note = NULL;
    const char *state;

    if (!sign_fill_in(&ceremony->project, &values->input, err))
        return false;
    *published = signed_before(ceremony, &values->input, before);
    if (*published) {
        ASSERT(json_object_set(answer, "targets", before) == 0 &&
               json_object_set_new(answer, "state", json_string("published")) == 0);
        return true;
    }
    note = sign_note(&values->input);
    if (!sign_images(ceremony, &values->input, answer, err) ||
        !ceremony_finish(ceremony, note, answer, err))
        return false;
    state = json_string_value(json_object_get(answer, "state"));
    *published = text_equal(state, "published");
    return true;
}

static bool publish(struct ceremony *ceremony, struct values *values, json_t *answer,
                    struct err *err)
{
    bool published = false;
    const json_t *item;
    size_t i;

    if (!sign(ceremony, values, answer, &published, err))
        return false;
    if (!published)
        return true;
    json_array_foreach(json_object_get(answer, "targets"), i, item)
    {
        if (!upload(ceremony->api, values->input.images.items[i],
                    json_string_value(json_object_get(item, "sha256")), err))
            return false;
    }
    return create(ceremony->api, values, json_object_get(answer, "targets"), answer, err);
}

static void print(struct cli *cli, const struct values *values, const json_t *answer)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(answer, "release"), "name"));

    if (name)
        (void)fprintf(cli->out,
                      "release %s of %s\nnext: slipway deploy create --group %s/GROUP "
                      "--release %s --phases 5%%,100%%\n",
                      name, values->input.product, values->input.product, name);
    else
        (void)fprintf(cli->out, "then give this command again: it uploads and makes the release\n");
}

static int run_publish(int argc, char **argv, struct cli *cli)
{
    struct values values = {.ceremony = {.expires_days = CEREMONY_EXPIRES_DAYS}};
    AUTO_CEREMONY ceremony = {0};
    AUTO_JSON *answer = json_object();
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (values.ceremony.out)
        return cli_usage(cli, "to sign in files: slipway sign request release");
    if (!ceremony_open(&values.api, &values.ceremony, cli, &ceremony, &err) ||
        !publish(&ceremony, &values, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        cli_print_json(cli, answer);
        return CLI_DONE;
    }
    sign_print_images(cli, &values.input, answer);
    if (json_object_get(answer, "documents"))
        ceremony_print(cli, answer);
    print(cli, &values, answer);
    return CLI_DONE;
}
