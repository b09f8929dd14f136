/*
 * `slipway sign release`: with --role, an image under its hardware's role (cli/sign_role.c).
 * Without it, all in files: reads image files, adds them to the targets that were signed before,
 * and signs the next version. The result is checked by the rules the server publishes by, so
 * what was signed here is not refused there.
 *
 * The previous targets must be signed by the root's keys as well: whoever could exchange that
 * file would else have his own entries signed along.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/hash_file.h"
#include "cli/key_dir.h"
#include "cli/sign.h"
#include "cli/sign_role.h"
#include "cli/trust/release.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    struct sign_input input;
    const char *role;
    const char *previous;
    bool accept_previous;
};

/* clang-format off */
const struct option sign_release_options[] = {
    {.name = "role",           .type = OPTION_TEXT,  .field = offsetof(struct values, role), .value = "os-HWID", .help = "sign under the role of this hardware, as 'slipway init' made it; without it, in targets, all as files: --keys --root --out --component --counter --hwid"},
    {.name = "version",        .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, input.version), .value = "V", .help = "its version, for people"},
    SIGN_INPUT_OPTIONS(struct values),
    {.name = "previous",       .type = OPTION_TEXT,  .field = offsetof(struct values, previous), .value = "FILE", .help = "without --role: the targets before these; none for the first"},
    {.name = "accept-previous", .type = OPTION_FLAG, .field = offsetof(struct values, accept_previous), .help = "without --role: go on from previous targets that other keys signed"},
    CEREMONY_OPTIONS(struct values),
    API_OPTIONS(struct values),
    {.name = "IMAGE",          .type = OPTION_ARGS,  .required = true, .field = offsetof(struct values, input.images), .help = "one file for each hardware id, in their order"},
    {0},
};
/* clang-format on */

static void set_new(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

/* The hardware ids of image `at`: all of them when there is one image. */
static json_t *hwids_of(const struct values *values, size_t at)
{
    json_t *hwids = json_array();
    bool all = values->input.images.count == 1;

    for (size_t i = 0; i < values->input.hwids.count; i++) {
        if (all || i == at)
            ASSERT(json_array_append_new(hwids, json_string(values->input.hwids.items[i])) == 0);
    }
    return hwids;
}

static json_t *make_custom(const struct values *values, size_t at)
{
    const struct sign_input *input = &values->input;
    const struct release release = {
        .component = input->component,
        .version = input->version,
        .counter = input->counter,
        .floor = input->floor,
        .epoch = input->epoch,
        .stepping_stone = input->stepping_stone,
        .back_to = input->back_to.items,
        .back_to_count = input->back_to.count,
    };

    return release_custom(&release, hwids_of(values, at), clock_now_ms());
}

/* Reads image `at` and puts its entry among the targets; a row of the report goes to `added`. */
static bool add_image(const struct values *values, size_t at, struct cli *cli, json_t *targets,
                      json_t *added, struct err *err)
{
    const char *file = values->input.images.items[at];
    AUTO_FREE char *path = mem_printf("os/%s/%s/%s", values->input.hwids.items[at],
                                      values->input.version, hash_file_name(file));
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    uint64_t length;

    if (!tuf_path_is_safe(path))
        return err_set(err, ERR_INVALID, "'%s' cannot be the name of a target", path);
    if (json_object_get(targets, path))
        return err_set(err, ERR_CONFLICT, "'%s' is signed already", path);
    if (!hash_file(file, cli->err, &length, sha256, err))
        return false;
    text_from_hex_bytes(sha256, sizeof(sha256), hex);
    set_new(targets, path,
            json_pack("{s:I, s:{s:s}, s:o}", "length", (json_int_t)length, "hashes", "sha256", hex,
                      "custom", make_custom(values, at)));
    ASSERT(json_array_append_new(added, json_pack("{s:s, s:s, s:I}", "path", path, "sha256", hex,
                                                  "length", (json_int_t)length)) == 0);
    return true;
}

/* Version and targets of what was signed before: 0 and none for the first. */
static bool read_previous(const struct values *values, const struct buf *root, struct buf *previous,
                          uint64_t *version, json_t **targets, struct err *err)
{
    AUTO_JSON *tree = NULL;
    struct tuf_facts facts;

    *version = 0;
    if (!values->previous) {
        *targets = json_object();
        return true;
    }
    if (!sign_read(values->previous, previous, err) ||
        !tuf_peek(buf_text(previous), previous->len, &facts, err))
        return false;
    if (facts.role != TUF_TARGETS)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "the document is no targets metadata");
    if (!values->accept_previous && !tuf_check_signed(root, previous, err))
        return err_wrap(err, "not signed by this root's keys (see --accept-previous)");
    if (!json_parse(buf_text(previous), previous->len, &json_limits_metadata, &tree, err))
        return false;
    *version = facts.version;
    *targets = json_incref(json_object_get(json_object_get(tree, "signed"), "targets"));
    return true;
}

static bool sign_targets(const struct values *values, const json_t *body, struct buf *out,
                         struct err *err)
{
    AUTO_SIGN_KEY struct sign_key *key = NULL;

    if (!key_dir_secret(values->ceremony.keys.items[0], "targets", &key, err))
        return false;

    const struct sign_key *const keys[] = {key};
    return tuf_sign_document(body, keys, COUNT(keys), out, err);
}

static bool check_words(const struct values *values, struct err *err)
{
    if (!tuf_word_is_safe(values->input.component))
        return err_set(err, ERR_INVALID,
                       "component '%s' has characters other than letters, "
                       "digits and . _ + ~ -",
                       values->input.component);
    if (!tuf_word_is_safe(values->input.version))
        return err_set(err, ERR_INVALID,
                       "version '%s' has characters other than letters, digits and . _ + ~ -",
                       values->input.version);
    for (size_t i = 0; i < values->input.hwids.count; i++) {
        if (!tuf_word_is_safe(values->input.hwids.items[i]))
            return err_set(err, ERR_INVALID, "hardware id '%s' is not safe",
                           values->input.hwids.items[i]);
    }
    return true;
}

/* `answer` gets what the operator is told. */
static bool sign(const struct values *values, struct cli *cli, json_t *answer, struct err *err)
{
    int64_t now_ms = clock_now_ms();
    int64_t expires_ms = now_ms + ((int64_t)values->ceremony.expires_days * SIGN_DAY_MS);
    AUTO_JSON *targets = NULL;
    AUTO_JSON *body = NULL;
    json_t *added = json_array();
    char expires[TEXT_TIME_ROOM];
    uint64_t version;
    AUTO_BUF root;
    AUTO_BUF previous;
    AUTO_BUF document;

    set_new(answer, "targets", added);
    buf_init(&root, TUF_ROOT_BYTES_MAX);
    buf_init(&previous, TUF_TARGETS_BYTES_MAX);
    buf_init(&document, TUF_TARGETS_BYTES_MAX);
    if (!check_words(values, err) || !sign_read(values->ceremony.root, &root, err))
        return false;
    if (!read_previous(values, &root, &previous, &version, &targets, err))
        return err_wrap(err, "'%s'", values->previous);
    for (size_t i = 0; i < values->input.images.count; i++) {
        if (!add_image(values, i, cli, targets, added, err))
            return false;
    }

    version++;
    body = tuf_make_targets(version, expires_ms, targets, NULL);
    if (!sign_targets(values, body, &document, err) ||
        !tuf_check_targets(&root, &document, values->previous ? &previous : NULL, now_ms, err))
        return false;
    text_from_time(expires_ms, expires);
    set_new(answer, "role", json_string("targets"));
    set_new(answer, "version", json_integer((json_int_t)version));
    set_new(answer, "expires", json_string(expires));
    set_new(answer, "out", json_string(values->ceremony.out));
    return sign_write(values->ceremony.out, &document, err);
}

static void print(struct cli *cli, const struct values *values, const json_t *answer)
{
    const json_t *added = json_object_get(answer, "targets");
    char size[TEXT_SIZE_ROOM];
    const json_t *item;
    size_t i;

    (void)fprintf(cli->out, "targets %lld, valid until %s, written to %s\n",
                  (long long)json_integer_value(json_object_get(answer, "version")),
                  json_string_value(json_object_get(answer, "expires")), values->ceremony.out);
    json_array_foreach(added, i, item)
    {
        text_from_size((uint64_t)json_integer_value(json_object_get(item, "length")), size);
        (void)fprintf(cli->out, "  %s\n    %s %s, counter %" PRIu64 ", %s, sha256 %s\n",
                      json_string_value(json_object_get(item, "path")), values->input.component,
                      values->input.version, values->input.counter, size,
                      json_string_value(json_object_get(item, "sha256")));
    }
}

/* Everything in files: the targets' own entries, one key. */
static int run_files(struct values *values, struct cli *cli)
{
    const struct {
        const char *name;
        bool given;
    } needed[] = {
        {"keys", values->ceremony.keys.count == 1},
        {"root", values->ceremony.root},
        {"out", values->ceremony.out},
        {"component", values->input.component},
        {"counter", values->input.counter},
        {"hwid", values->input.hwids.count},
    };
    AUTO_JSON *answer = json_object();
    struct err err = {0};

    for (size_t i = 0; i < COUNT(needed); i++) {
        if (!needed[i].given)
            return cli_usage(cli, "--%s is missing (or --role)", needed[i].name);
    }
    if (values->input.images.count != 1 && values->input.images.count != values->input.hwids.count)
        return cli_usage(cli, "%zu images for %zu hardware ids", values->input.images.count,
                         values->input.hwids.count);
    if (!sign(values, cli, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print(cli, values, answer);
    return CLI_DONE;
}

/* Under the role of the hardware, against what is published. */
static int run_role(struct values *values, struct cli *cli)
{
    AUTO_JSON *answer = json_object();
    AUTO_FREE char *note = NULL;
    AUTO_CEREMONY ceremony = {0};
    struct err err = {0};

    if (!text_starts_with(values->role, "os-") || values->previous)
        return cli_usage(cli, "--role is os-HWID, and needs no --previous");
    values->input.hwids.items[0] = values->role + strlen("os-");
    values->input.hwids.count = 1;
    if (!ceremony_open(&values->api, &values->ceremony, cli, &ceremony, &err) ||
        !sign_images(&ceremony, &values->input, answer, &err))
        return cli_fail(cli, &err);
    note = sign_note(&values->input);
    if (!ceremony_finish(&ceremony, note, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        cli_print_json(cli, answer);
    } else {
        sign_print_images(cli, &values->input, answer);
        ceremony_print(cli, answer);
    }
    return CLI_DONE;
}

int sign_run_release(int argc, char **argv, struct cli *cli)
{
    struct values values = {.ceremony = {.expires_days = CEREMONY_EXPIRES_DAYS}};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    return values.role ? run_role(&values, cli) : run_files(&values, cli);
}
