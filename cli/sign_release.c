/*
 * `slipway sign release`: reads image files, adds them to the targets that were signed before,
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
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { REVERT_DAYS = 90 };
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)

struct values {
    const char *keys;
    const char *root;
    const char *previous;
    bool accept_previous;
    const char *out;
    const char *component;
    const char *version;
    uint64_t counter;
    struct option_texts hwids;
    uint64_t floor;
    uint64_t epoch;
    uint64_t stepping_stone;
    struct option_numbers back_to;
    uint64_t expires_days;
    struct option_texts images;
};

/* clang-format off */
const struct option sign_release_options[] = {
    {.name = "keys",           .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, keys), .value = "DIR", .help = "folder with targets.key"},
    {.name = "root",           .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, root), .value = "FILE", .help = "the current root, e.g. 1.root.json"},
    {.name = "previous",       .type = OPTION_TEXT,  .field = offsetof(struct values, previous), .value = "FILE", .help = "the targets before these; none for the first"},
    {.name = "accept-previous", .type = OPTION_FLAG, .field = offsetof(struct values, accept_previous), .help = "go on from previous targets that other keys signed (after a rotation)"},
    {.name = "out",            .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, out), .value = "FILE", .help = "where the targets go, e.g. 2.targets.json"},
    {.name = "component",      .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, component), .value = "NAME", .help = "what the image is, e.g. base-os"},
    {.name = "version",        .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, version), .value = "V", .help = "its version, for people"},
    {.name = "counter",        .type = OPTION_U64,   .required = true, .field = offsetof(struct values, counter), .min = 1, .max = NUMBER_MAX, .value = "N", .help = "its release counter, for devices: only ever upwards"},
    {.name = "hwid",           .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, hwids), .value = "ID", .help = "hardware it is for"},
    {.name = "floor",          .type = OPTION_U64,   .field = offsetof(struct values, floor), .max = NUMBER_MAX, .value = "N", .help = "lowest counter a device may still run after this"},
    {.name = "epoch",          .type = OPTION_U64,   .field = offsetof(struct values, epoch), .max = NUMBER_MAX, .value = "N", .help = "security epoch (0)"},
    {.name = "stepping-stone", .type = OPTION_U64,   .field = offsetof(struct values, stepping_stone), .max = NUMBER_MAX, .value = "N", .help = "lowest counter that may be updated to this directly"},
    {.name = "back-to",        .type = OPTION_U64S,  .field = offsetof(struct values, back_to), .min = 1, .max = NUMBER_MAX, .value = "N", .help = "counter that devices may go back to, for 90 days"},
    {.name = "expires-days",   .type = OPTION_U64,   .field = offsetof(struct values, expires_days), .min = 1, .max = SIGN_EXPIRES_DAYS_MAX, .value = "N", .help = "valid for so many days (365)"},
    {.name = "IMAGE",          .type = OPTION_ARGS,  .required = true, .field = offsetof(struct values, images), .help = "one file for all hardware ids, or one for each in their order"},
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
    bool all = values->images.count == 1;

    for (size_t i = 0; i < values->hwids.count; i++) {
        if (all || i == at)
            ASSERT(json_array_append_new(hwids, json_string(values->hwids.items[i])) == 0);
    }
    return hwids;
}

static void set_way_back(const struct values *values, int64_t now_ms, json_t *custom)
{
    json_t *counters = json_array();
    char until[TEXT_TIME_ROOM];

    for (size_t i = 0; i < values->back_to.count; i++)
        ASSERT(json_array_append_new(counters,
                                     json_integer((json_int_t)values->back_to.items[i])) == 0);
    text_from_time(now_ms + ((int64_t)REVERT_DAYS * SIGN_DAY_MS), until);
    set_new(custom, "revert_to", counters);
    set_new(custom, "revert_until", json_string(until));
}

static json_t *make_custom(const struct values *values, size_t at, int64_t now_ms)
{
    json_t *custom =
        json_pack("{s:s, s:{s:s, s:s, s:o, s:I, s:I}, s:{s:s}}", "type", "os", "match", "name",
                  values->component, "version", values->version, "hwids", hwids_of(values, at),
                  "release_counter", (json_int_t)values->counter, "security_epoch",
                  (json_int_t)values->epoch, "payload", "format", "raw");

    ASSERT(custom);
    if (values->floor)
        set_new(custom, "floor", json_integer((json_int_t)values->floor));
    if (values->stepping_stone)
        set_new(custom, "stepping_stone", json_integer((json_int_t)values->stepping_stone));
    if (values->back_to.count)
        set_way_back(values, now_ms, custom);
    return custom;
}

/* Reads image `at` and puts its entry among the targets; a row of the report goes to `added`. */
static bool add_image(const struct values *values, size_t at, struct cli *cli, json_t *targets,
                      json_t *added, struct err *err)
{
    const char *file = values->images.items[at];
    AUTO_FREE char *path =
        mem_printf("os/%s/%s/%s", values->hwids.items[at], values->version, hash_file_name(file));
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
                      "custom", make_custom(values, at, clock_now_ms())));
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

    if (!key_dir_secret(values->keys, "targets", &key, err))
        return false;

    const struct sign_key *const keys[] = {key};
    return tuf_sign_document(body, keys, COUNT(keys), out, err);
}

static bool check_words(const struct values *values, struct err *err)
{
    if (!tuf_word_is_safe(values->component))
        return err_set(err, ERR_INVALID,
                       "component '%s' has characters other than letters, "
                       "digits and . _ + ~ -",
                       values->component);
    if (!tuf_word_is_safe(values->version))
        return err_set(err, ERR_INVALID,
                       "version '%s' has characters other than letters, digits and . _ + ~ -",
                       values->version);
    for (size_t i = 0; i < values->hwids.count; i++) {
        if (!tuf_word_is_safe(values->hwids.items[i]))
            return err_set(err, ERR_INVALID, "hardware id '%s' is not safe",
                           values->hwids.items[i]);
    }
    return true;
}

/* `answer` gets what the operator is told. */
static bool sign(const struct values *values, struct cli *cli, json_t *answer, struct err *err)
{
    int64_t now_ms = clock_now_ms();
    int64_t expires_ms = now_ms + ((int64_t)values->expires_days * SIGN_DAY_MS);
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
    if (!check_words(values, err) || !sign_read(values->root, &root, err))
        return false;
    if (!read_previous(values, &root, &previous, &version, &targets, err))
        return err_wrap(err, "'%s'", values->previous);
    for (size_t i = 0; i < values->images.count; i++) {
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
    set_new(answer, "out", json_string(values->out));
    return sign_write(values->out, &document, err);
}

static void print(struct cli *cli, const struct values *values, const json_t *answer)
{
    const json_t *added = json_object_get(answer, "targets");
    char size[TEXT_SIZE_ROOM];
    const json_t *item;
    size_t i;

    (void)fprintf(cli->out, "targets %lld, valid until %s, written to %s\n",
                  (long long)json_integer_value(json_object_get(answer, "version")),
                  json_string_value(json_object_get(answer, "expires")), values->out);
    json_array_foreach(added, i, item)
    {
        text_from_size((uint64_t)json_integer_value(json_object_get(item, "length")), size);
        (void)fprintf(cli->out, "  %s\n    %s %s, counter %" PRIu64 ", %s, sha256 %s\n",
                      json_string_value(json_object_get(item, "path")), values->component,
                      values->version, values->counter, size,
                      json_string_value(json_object_get(item, "sha256")));
    }
}

int sign_run_release(int argc, char **argv, struct cli *cli)
{
    struct values values = {.expires_days = SIGN_EXPIRES_DAYS};
    AUTO_JSON *answer = json_object();
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (values.images.count != 1 && values.images.count != values.hwids.count)
        return cli_usage(cli, "%zu images for %zu hardware ids", values.images.count,
                         values.hwids.count);
    if (!sign(&values, cli, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print(cli, &values, answer);
    return CLI_DONE;
}
