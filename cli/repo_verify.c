/*
 * `slipway repo verify`: a live repository walked from outside with nothing but a root, by the code
 * that devices run: root chain, timestamp, snapshot, every role under its delegator, every signed
 * file, and, for devices whose session token is at hand, what the director tells them compared with
 * what the image repository allows.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/repo.h"
#include "cli/trust/source.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/client.h"
#include "lib/os/file.h"

enum { TOKEN_BYTES_MAX = 256 };

struct values {
    const char *url;
    const char *root;
    const char *ca;
    struct option_texts devices;
    const char *device_token;
};

/* clang-format off */
const struct option repo_verify_options[] = {
    {.name = "director",     .type = OPTION_TEXTS, .field = offsetof(struct values, devices), .value = "DEVICE", .help = "what the director tells this device, too"},
    {.name = "device-token", .type = OPTION_TEXT,  .field = offsetof(struct values, device_token), .value = "FILE", .help = "a session token of that device"},
    {.name = "ca",           .type = OPTION_TEXT,  .field = offsetof(struct values, ca), .value = "FILE", .help = "PEM certificates to trust for TLS; otherwise the system's"},
    {.name = "URL",          .type = OPTION_ARG,   .required = true, .field = offsetof(struct values, url), .help = "of the tenant: https://host/t/TENANT"},
    {.name = "ROOT",         .type = OPTION_ARG,   .required = true, .field = offsetof(struct values, root), .help = "the root you trust"},
    {0},
};
/* clang-format on */

/* --- the image repository --------------------------------------------------------------------- */

static bool count_entry(const struct tuf_target *target, void *arg)
{
    (void)target;
    ++*(uint64_t *)arg;
    return true;
}

static bool check_role(const struct binder_item *item, int64_t now_ms, json_t *rows,
                       struct err *err)
{
    bool is_root = text_equal(item->name, "root");
    struct tuf_facts facts;
    char expires[TEXT_TIME_ROOM];
    uint64_t entries = 0;

    if (!tuf_peek(item->bytes.data, item->bytes.len, &facts, err) ||
        (!is_root && !tuf_entries_each(item->name, item->bytes.data, item->bytes.len, count_entry,
                                       &entries, err)))
        return err_wrap(err, "%s", item->name);
    if (facts.expires_ms <= now_ms)
        return err_refuse(err, is_root ? REFUSAL_ROOT_EXPIRED : REFUSAL_TARGETS_EXPIRED,
                          "%s %" PRIu64 " has expired", item->name, facts.version);
    text_from_time(facts.expires_ms, expires);
    ASSERT(json_array_append_new(rows, json_pack("{s:s, s:I, s:s, s:I}", "role", item->name,
                                                 "version", (json_int_t)facts.version, "expires",
                                                 expires, "targets", (json_int_t)entries)) == 0);
    return true;
}

static bool check_image(const struct state *state, int64_t now_ms, json_t *answer, struct err *err)
{
    json_t *rows = json_array();

    ASSERT(json_object_set_new(answer, "roles", rows) == 0 &&
           json_object_set_new(answer, "roots", json_integer((json_int_t)state->roots.count)) ==
               0 &&
           json_object_set_new(answer, "files", json_integer((json_int_t)state->files.count)) == 0);
    for (size_t i = 0; i < state->roles.count; i++) {
        if (!check_role(&state->roles.items[i], now_ms, rows, err))
            return false;
    }
    return true;
}

/* --- a device's director ---------------------------------------------------------------------- */

/* A repository walked by lib/tuf, kept in memory. */
struct walk {
    const struct state_source *source;
    const char *repository;
    struct binder store;
};

static bool on_fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    const struct walk *walk = arg;

    return walk->source->fetch(walk->source->arg, walk->repository, name, max, out, err);
}

static bool on_load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct buf *bytes = binder_get(&((const struct walk *)arg)->store, name);

    if (!bytes)
        return err_set(err, ERR_NOT_FOUND, "there is no %s yet", name);
    buf_add(out, bytes->data, bytes->len);
    return true;
}

static bool on_store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    (void)err;
    binder_put(&((struct walk *)arg)->store, name, data, len);
    return true;
}

static bool on_drop(void *arg, const char *name, struct err *err)
{
    (void)err;
    binder_drop(&((struct walk *)arg)->store, name);
    return true;
}

static bool refresh(struct walk *walk, const struct buf *root, int64_t now_ms, struct tuf_set **out,
                    struct err *err)
{
    const struct tuf_io io = {
        .fetch = on_fetch, .load = on_load, .store = on_store, .drop = on_drop, .arg = walk};

    binder_put(&walk->store, "root.json", root->data, root->len);
    return tuf_refresh(&io, &tuf_limits_wide, now_ms, out, err);
}

/* What the director lists must be what the image repository allows for that hardware. */
static bool compare(const struct tuf_director *director, struct tuf_set *image, int64_t now_ms,
                    struct err *err)
{
    for (size_t i = 0; i < director->count; i++) {
        const struct tuf_target *listed = &director->targets[i];
        AUTO_TUF_TARGET target = {0};
        struct tuf_device device = {.hwid = listed->choice.ecu_hwid, .now_ms = now_ms};

        if (!tuf_find(image, listed->path, device.hwid, &target, err))
            return false;
        device.type = target.type;
        if (!tuf_cross_check(director, i, &target, &device, err))
            return false;
    }
    return true;
}

static bool check_sets(struct tuf_set *director, struct tuf_set *image, const char *id,
                       int64_t now_ms, json_t *rows, struct err *err)
{
    AUTO_TUF_DIRECTOR read = {0};

    if (!tuf_director_read(director, id, 0, &read, err) || !compare(&read, image, now_ms, err))
        return false;
    ASSERT(json_array_append_new(rows, json_pack("{s:s, s:I, s:s, s:I}", "device", id, "version",
                                                 (json_int_t)read.version, "bundle", read.bundle,
                                                 "targets", (json_int_t)read.count)) == 0);
    return true;
}

static bool check_device(const struct state_source *source, const struct state *state,
                         const char *id, json_t *rows, struct err *err)
{
    const struct buf *first = binder_get(&state->files, "trust/director-root.json");
    struct walk director = {.source = source, .repository = "director"};
    struct walk image = {.source = source, .repository = "image"};
    struct tuf_set *director_set = NULL;
    struct tuf_set *image_set = NULL;
    int64_t now_ms = clock_now_ms();
    bool good;

    if (!first)
        return err_refuse(err, REFUSAL_DIRECTOR_MISSING, "the tenant has no director");
    good = refresh(&director, first, now_ms, &director_set, err) &&
           refresh(&image, binder_get(&state->roles, "root"), now_ms, &image_set, err) &&
           check_sets(director_set, image_set, id, now_ms, rows, err);
    tuf_set_free(director_set);
    tuf_set_free(image_set);
    binder_done(&director.store);
    binder_done(&image.store);
    return good || err_wrap(err, "director of %.16s", id);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* "https://host/t/acme" of that and of the longer forms people copy. */
static char *base_of(const char *url)
{
    static const char *const tails[] = {"/", "/image/metadata", "/image"};
    size_t len = strlen(url);

    for (size_t i = 0; i < COUNT(tails); i++) {
        size_t tail = strlen(tails[i]);

        if (len > tail && strncmp(url + len - tail, tails[i], tail) == 0)
            len -= tail;
    }
    return mem_strndup(url, len);
}

static bool read_token(const char *path, struct buf *out, struct err *err)
{
    if (!path)
        return true;
    if (!file_read(path, out, err))
        return err_wrap(err, "device token");
    while (out->len > 0 && out->data[out->len - 1] <= ' ')
        out->data[--out->len] = '\0';
    return true;
}

static bool verify_at(const struct values *values, struct source_public *place, json_t *answer,
                      struct err *err)
{
    const struct state_source source = source_of_public(place);
    struct state_roots roots = {0};
    int64_t now_ms = clock_now_ms();
    json_t *rows = json_array();
    AUTO_STATE state = {0};
    AUTO_BUF root;

    ASSERT(json_object_set_new(answer, "devices", rows) == 0);
    buf_init(&root, TUF_ROOT_BYTES_MAX);
    if (!file_read(values->root, &root, err))
        return false;
    roots.image = &root;
    if (!state_load(&source, &roots, now_ms, &state, err) ||
        !check_image(&state, now_ms, answer, err))
        return false;
    for (size_t i = 0; i < values->devices.count; i++) {
        place->device = values->devices.items[i];
        if (!check_device(&source, &state, values->devices.items[i], rows, err))
            return false;
    }
    return true;
}

static bool verify(const struct values *values, json_t *answer, struct err *err)
{
    AUTO_FREE char *base = base_of(values->url);
    const struct client_options options = {
        .origin = base, .ca_file = values->ca, .user_agent = "slipway/1"};
    struct source_public place = {.base = base};
    bool good;
    AUTO_BUF token;

    buf_init(&token, TOKEN_BYTES_MAX);
    if (!read_token(values->device_token, &token, err) ||
        !client_open(&options, &place.client, err))
        return false;
    place.bearer = token.len ? buf_text(&token) : NULL;
    good = verify_at(values, &place, answer, err);
    client_close(place.client);
    return good;
}

static void print(FILE *out, const json_t *answer)
{
    const json_t *row;
    size_t i;

    (void)fprintf(out, "verified: a chain of %lld roots, %lld signed files, and\n",
                  (long long)json_integer_value(json_object_get(answer, "roots")),
                  (long long)json_integer_value(json_object_get(answer, "files")));
    json_array_foreach(json_object_get(answer, "roles"), i, row)
    {
        (void)fprintf(out, "  %-20s version %lld, valid until %s, %lld targets\n",
                      json_string_value(json_object_get(row, "role")),
                      (long long)json_integer_value(json_object_get(row, "version")),
                      json_string_value(json_object_get(row, "expires")),
                      (long long)json_integer_value(json_object_get(row, "targets")));
    }
    json_array_foreach(json_object_get(answer, "devices"), i, row)
    {
        (void)fprintf(out, "  director of %.16s: version %lld, %lld targets, each as signed\n",
                      json_string_value(json_object_get(row, "device")),
                      (long long)json_integer_value(json_object_get(row, "version")),
                      (long long)json_integer_value(json_object_get(row, "targets")));
    }
}

int repo_run_verify(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_JSON *answer = json_object();
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!verify(&values, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print(cli->out, answer);
    return CLI_DONE;
}
