/*
 * `slipway sign bundle`: the machine with the key on it. Nothing here opens a socket, and nothing
 * in the request is believed: what is published is verified from the root that is trusted here, the
 * difference is computed from the bytes that will be signed, and who may sign them is read from the
 * same documents.
 */
#include <stddef.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/sign.h"
#include "cli/trust/ceremony.h"
#include "cli/trust/difference.h"
#include "cli/trust/signers.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

struct values {
    struct ceremony_options ceremony;
    const char *request;
};

/* clang-format off */
const struct option sign_bundle_options[] = {
    {.name = "out", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, ceremony.out), .value = "FILE", .help = "where the signatures go"},
    KEY_OPTIONS(struct values),
    {.name = "REQUEST", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, request), .help = "a request bundle"},
    {0},
};
/* clang-format on */

/* What is at hand to judge and sign a request. */
struct desk {
    struct bundle bundle;
    struct state state;
    struct keyring ring;
    bool trusts_root; /* a root was given, and the request was verified from it */
};

static void desk_done(struct desk *desk)
{
    bundle_done(&desk->bundle);
    state_done(&desk->state);
    keyring_done(&desk->ring);
}

/* --- what is asked for ------------------------------------------------------------------------ */

static bool read_request(const char *path, struct bundle *out, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    return file_read(path, &text, err) &&
           (bundle_parse(text.data, text.len, out, err) || err_wrap(err, "'%s'", path));
}

static bool read_state(const struct ceremony_options *options, struct desk *desk, struct err *err)
{
    struct state_roots roots = {0};
    bool director;
    AUTO_BUF root;
    AUTO_BUF director_root;

    buf_init(&root, TUF_ROOT_BYTES_MAX);
    buf_init(&director_root, TUF_ROOT_BYTES_MAX);
    if (!ceremony_root(options, options->root, "root.json", &root, &desk->trusts_root, err) ||
        !ceremony_root(options, options->director_root, "director-root.json", &director_root,
                       &director, err))
        return false;
    roots.image = desk->trusts_root ? &root : NULL;
    roots.director = director ? &director_root : NULL;
    return state_from_context(desk->bundle.context, &roots, &desk->state, err);
}

/* The next version of what is published, and not expired when it comes. */
static bool check_version(const struct desk *desk, const struct bundle_document *document,
                          int64_t now_ms, struct err *err)
{
    AUTO_JSON *before = state_body(&desk->state, document->repository, document->role);
    json_int_t last = json_integer_value(json_object_get(before, "version"));
    int64_t expires_ms;

    if (document->version != (uint64_t)last + 1)
        return err_set(err, ERR_CONFLICT, "%s: version %llu does not follow %lld", document->role,
                       (unsigned long long)document->version, (long long)last);
    if (!json_field_time(document->body, document->role, "expires", &expires_ms, err))
        return false;
    return expires_ms > now_ms ||
           err_set(err, ERR_INVALID, "%s would have expired already", document->role);
}

/* A file that comes along is one that the targets in the request list, or nobody knows why. */
static bool check_file(const struct desk *desk, const json_t *file, struct err *err)
{
    const char *path = json_string_value(json_object_get(file, "path"));
    const char *text = json_string_value(json_object_get(file, "text"));
    const struct bundle_document *targets = bundle_find(&desk->bundle, "image", "targets");
    const json_t *entry =
        targets ? json_object_get(json_object_get(targets->body, "targets"), path) : NULL;
    const char *listed =
        json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256"));
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];

    hash_sha256(text, strlen(text), digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    return (listed && text_equal(listed, hex)) ||
           err_set(err, ERR_INVALID, "file '%s' is not what the targets name", path);
}

static bool check_request(struct desk *desk, struct err *err)
{
    const json_t *file;
    size_t i;

    for (i = 0; i < desk->bundle.count; i++) {
        if (!check_version(desk, &desk->bundle.documents[i], clock_now_ms(), err))
            return false;
    }
    json_array_foreach(desk->bundle.files, i, file)
    {
        if (!check_file(desk, file, err))
            return false;
    }
    return signers_fill(&desk->state, &desk->bundle, err) &&
           difference_fill(&desk->state, &desk->bundle, err);
}

static bool desk_open(const struct values *values, struct desk *out, struct err *err)
{
    return read_request(values->request, &out->bundle, err) &&
           read_state(&values->ceremony, out, err) && check_request(out, err) &&
           ceremony_keys(&values->ceremony, &out->ring, err);
}

/* --- showing ---------------------------------------------------------------------------------- */

/* Text of a file from outside: line by line, without the terminal's control characters. */
static void print_file(FILE *out, const json_t *file)
{
    const char *at = json_string_value(json_object_get(file, "text"));

    (void)fprintf(out, "file %s:\n    ", json_string_value(json_object_get(file, "path")));
    for (; *at; at++) {
        if (*at == '\n')
            (void)fprintf(out, at[1] ? "\n    " : "");
        else
            (void)fputc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, out);
    }
    (void)fputc('\n', out);
}

static void print_document(FILE *out, const struct desk *desk,
                           const struct bundle_document *document)
{
    const json_t *item;
    size_t i;

    (void)fprintf(out, "%s repository, %s\n", document->repository, document->role);
    json_array_foreach(document->summary, i, item)
    {
        (void)fprintf(out, "    %s\n", json_string_value(item));
    }
    (void)fprintf(out, "  needs %llu of:", (unsigned long long)document->threshold);
    json_array_foreach(document->keyids, i, item)
    {
        char name[128];

        keyring_name(&desk->ring, json_string_value(item), name, sizeof(name));
        (void)fprintf(out, " %s", name);
    }
    (void)fprintf(out, "\n  sha256 of what is signed: %s\n", document->sha256);
}

static void print_request(FILE *out, const struct desk *desk)
{
    const json_t *file;
    size_t i;

    (void)fprintf(out, "request for tenant %s: %s\n", desk->bundle.tenant, desk->bundle.note);
    if (!desk->trusts_root)
        (void)fprintf(out, "NOTE: no root is trusted here (--root): what is said to be published "
                           "was verified only in itself.\n");
    for (i = 0; i < desk->bundle.count; i++)
        print_document(out, desk, &desk->bundle.documents[i]);
    json_array_foreach(desk->bundle.files, i, file)
    {
        print_file(out, file);
    }
}

/* --- signing ---------------------------------------------------------------------------------- */

/* How many documents the keys at hand may sign. */
static size_t count_mine(const struct desk *desk)
{
    size_t mine = 0;

    for (size_t i = 0; i < desk->bundle.count; i++) {
        const json_t *item;
        size_t k;

        json_array_foreach(desk->bundle.documents[i].keyids, k, item)
        {
            const struct keyring_key *key = keyring_find(&desk->ring, json_string_value(item));

            if (key && key->source) {
                mine++;
                break;
            }
        }
    }
    return mine;
}

static bool sign(const struct values *values, struct cli *cli, struct desk *desk, json_t *response,
                 size_t *added, struct err *err)
{
    AUTO_FREE char *text = NULL;
    AUTO_BUF file;

    buf_init(&file, BUNDLE_BYTES_MAX);
    if (count_mine(desk) == 0)
        return err_set(err, ERR_DENIED, "none of the keys at hand may sign any of this");
    if (!cli_ask(cli, values->ceremony.yes, "Sign all of this?", err))
        return false;
    for (size_t i = 0; i < desk->bundle.count; i++) {
        struct bundle_document *document = &desk->bundle.documents[i];

        if (!keyring_sign(&desk->ring, document->keyids, document, response, added, err))
            return false;
    }
    if (*added == 0)
        return err_set(err, ERR_CONFLICT, "the keys at hand have signed all of it already");
    text = json_text(response);
    buf_add_text(&file, text);
    buf_add_text(&file, "\n");
    return ceremony_write(values->ceremony.out, &file, err);
}

static json_t *answer_of(const struct desk *desk, const struct values *values, size_t added)
{
    json_t *rows = json_array();
    json_t *answer =
        json_pack("{s:s, s:I, s:b, s:o}", "out", values->ceremony.out, "signatures",
                  (json_int_t)added, "trusts_root", desk->trusts_root, "documents", rows);

    ASSERT(answer);
    for (size_t i = 0; i < desk->bundle.count; i++) {
        const struct bundle_document *document = &desk->bundle.documents[i];

        ASSERT(json_array_append_new(
                   rows, json_pack("{s:s, s:s, s:I, s:s, s:O}", "repository", document->repository,
                                   "role", document->role, "version", (json_int_t)document->version,
                                   "sha256", document->sha256, "summary", document->summary)) == 0);
    }
    return answer;
}

int sign_run_bundle(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    struct desk desk = {0};
    AUTO_JSON *response = bundle_response_new();
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    size_t added = 0;
    bool good;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    good = desk_open(&values, &desk, &err);
    if (good && !cli->json)
        print_request(cli->out, &desk);
    (void)fflush(cli->out);
    good = good && sign(&values, cli, &desk, response, &added, &err);
    answer = answer_of(&desk, &values, added);
    if (!good)
        status = cli_fail(cli, &err);
    else if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out,
                      "%zu signature%s written to %s; carry it back: slipway repo "
                      "respond ID %s\n",
                      added, added == 1 ? "" : "s", values.ceremony.out, values.ceremony.out);
    desk_done(&desk);
    return status;
}
