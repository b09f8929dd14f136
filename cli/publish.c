/* From signed files to a release: metadata pushed, images uploaded, a release named. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/hash_file.h"
#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"
#include "lib/os/file.h"
#include "lib/tuf/tuf.h"

struct values {
    struct api_options api;
    const char *file;
    const char *role;
    const char *repository;
    const char *out;
    const char *name;
    const char *product;
    const char *notes;
    struct option_texts images;
};

/* clang-format off */
#define FILE_ARG(what) {.name = "FILE", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, file), .help = (what)}
static const struct option push_options[] = {
    FILE_ARG("signed metadata"),
    {.name = "role", .type = OPTION_TEXT, .field = offsetof(struct values, role), .value = "ROLE", .help = "which delegated role it is, e.g. os-HWID"},
    {.name = "repository", .type = OPTION_TEXT, .field = offsetof(struct values, repository), .value = "NAME", .help = "image or director (image)"},
    API_OPTIONS(struct values), {0}};
static const struct option upload_options[] = {FILE_ARG("an image that the published metadata names"), API_OPTIONS(struct values), {0}};
static const struct option keys_options[] = {
    {.name = "out", .type = OPTION_TEXT, .field = offsetof(struct values, out), .value = "FILE", .help = "write them here, for 'sign root'"},
    API_OPTIONS(struct values), {0}};
static const struct option release_options[] = {
    {.name = "NAME", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, name), .help = "what people call it, e.g. 2.4.0"},
    {.name = "product", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, product), .value = "NAME", .help = "of which product"},
    {.name = "image", .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, images), .value = "FILE|SHA256", .help = "an uploaded image; may be given again"},
    {.name = "notes", .type = OPTION_TEXT, .field = offsetof(struct values, notes), .value = "TEXT", .help = "for people"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static bool push(struct api *api, const struct values *values, json_t **answer, struct err *err)
{
    AUTO_BUF path;
    AUTO_BUF document;

    buf_init(&path, 1024);
    buf_printf(&path, "/repo/metadata?repository=%s",
               values->repository ? values->repository : "image");
    if (values->role) {
        buf_add_text(&path, "&role=");
        url_encode(values->role, &path);
    }

    buf_init(&document, TUF_TARGETS_BYTES_MAX);
    return file_read(values->file, &document, err) &&
           api_send(api, "POST", buf_text(&path), &document, answer, err);
}

static int run_push(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !push(api, &values, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "published %s\n", values.file);
    return CLI_DONE;
}

static int run_upload(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    char path[HASH_HEX_ROOM + 16];
    uint64_t length;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) ||
        !hash_file(values.file, cli->err, &length, sha256, &err))
        return cli_fail(cli, &err);
    text_from_hex_bytes(sha256, sizeof(sha256), hex);
    (void)snprintf(path, sizeof(path), "/images/%s", hex);
    if (!api_upload(api, path, values.file, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "uploaded %s, %" PRIu64 " bytes, sha256 %s\n",
                      hash_file_name(values.file), length, hex);
    return CLI_DONE;
}

static int run_online_keys(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    AUTO_FREE char *text = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "GET", "/repo/online-keys", NULL, &answer, &err))
        return cli_fail(cli, &err);
    text = json_text(answer);
    if (values.out && !file_write(values.out, 0644, text, strlen(text), &err))
        return cli_fail(cli, &err);
    if (values.out && !cli->json)
        (void)fprintf(cli->out, "the server's public keys are in %s\n", values.out);
    else
        cli_print_json(cli, answer);
    return CLI_DONE;
}

/* An image is given by its file or by its hash. */
static bool image_hash(const char *given, struct cli *cli, char hex[HASH_HEX_ROOM], struct err *err)
{
    uint8_t sha256[HASH_BYTES];
    uint64_t length;

    if (!text_to_hex_bytes(given, strlen(given), sha256, sizeof(sha256)) &&
        !hash_file(given, cli->err, &length, sha256, err))
        return false;
    text_from_hex_bytes(sha256, sizeof(sha256), hex);
    return true;
}

static bool create_release(struct api *api, const struct values *values, struct cli *cli,
                           json_t **answer, struct err *err)
{
    AUTO_FREE char *product = NULL;
    AUTO_JSON *images = json_array();
    AUTO_JSON *body = NULL;

    for (size_t i = 0; i < values->images.count; i++) {
        char hex[HASH_HEX_ROOM];

        if (!image_hash(values->images.items[i], cli, hex, err))
            return false;
        (void)json_array_append_new(images, json_string(hex));
    }
    if (!api_product_id(api, values->product, &product, err))
        return false;
    body = json_pack("{s:s, s:s, s:O}", "name", values->name, "product", product, "images", images);
    if (values->notes)
        (void)json_object_set_new(body, "notes", json_string(values->notes));
    return api_call(api, "POST", "/releases", body, answer, err);
}

static int run_release(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !create_release(api, &values, cli, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "release %s of %s\n", values.name, values.product);
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_publish_commands[] = {
    {"repo push",        "publish signed metadata; the server checks it as a device would", push_options, "slipway repo push 2.targets.json", run_push},
    {"repo online-keys", "the public halves of the server's own keys",   keys_options,    "slipway repo online-keys --out online.json", run_online_keys},
    {"image upload",     "send an image that the published metadata names",   upload_options,  "slipway image upload rootfs.img", run_upload},
    {"release create",   "name a set of uploaded images",                     release_options, "slipway release create 2.4.0 --product camera --image rootfs.img", run_release},
    {0},
};
/* clang-format on */
