/*
 * `slipway sign root`: offline root and targets keys, the server's online snapshot and timestamp
 * keys, one document that binds them. What is written was checked by the device's own rules.
 */
#include <inttypes.h>
#include <stddef.h>

#include "cli/key_dir.h"
#include "cli/sign.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    const char *keys;
    const char *online;
    const char *out;
    const char *previous;
    const char *previous_keys;
    uint64_t expires_days;
};

/* clang-format off */
const struct option sign_root_options[] = {
    {.name = "keys",          .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, keys), .value = "DIR", .help = "folder with root.key and targets.pub"},
    {.name = "online",        .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, online), .value = "FILE", .help = "the server's public snapshot and timestamp keys"},
    {.name = "out",           .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, out), .value = "FILE", .help = "where the root goes, e.g. 1.root.json"},
    {.name = "previous",      .type = OPTION_TEXT, .field = offsetof(struct values, previous), .value = "FILE", .help = "the root before this one"},
    {.name = "previous-keys", .type = OPTION_TEXT, .field = offsetof(struct values, previous_keys), .value = "DIR", .help = "folder with the root.key of the root before, when it changes"},
    {.name = "expires-days",  .type = OPTION_U64,  .field = offsetof(struct values, expires_days), .min = 1, .max = SIGN_EXPIRES_DAYS_MAX, .value = "N", .help = "valid for so many days (365)"},
    {0},
};
/* clang-format on */

/* The public halves of the four roles. */
struct role_keys {
    struct key_public items[TUF_ROLE_COUNT];
};

static void role_keys_done(struct role_keys *keys)
{
    for (size_t i = 0; i < COUNT(keys->items); i++)
        key_public_done(&keys->items[i]);
}

static bool read_online(const char *path, struct role_keys *out, struct err *err)
{
    static const enum tuf_role roles[] = {TUF_SNAPSHOT, TUF_TIMESTAMP};
    AUTO_JSON *tree = NULL;

    if (!key_dir_read_json(path, TUF_ROOT_BYTES_MAX, &tree, err))
        return false;
    for (size_t i = 0; i < COUNT(roles); i++) {
        const char *name = tuf_role_name(roles[i]);
        json_t *object;

        if (!json_field_object(tree, "", name, &object, err) ||
            !key_public_parse(object, name, &out->items[roles[i]], err))
            return err_wrap(err, "'%s'", path);
    }
    return true;
}

static bool read_keys(const struct values *values, struct role_keys *out, struct err *err)
{
    return key_dir_public(values->keys, "root", &out->items[TUF_ROOT], err) &&
           key_dir_public(values->keys, "targets", &out->items[TUF_TARGETS], err) &&
           read_online(values->online, out, err);
}

/* The body of root `version`, one key and threshold 1 for each role. */
static bool make_body(const struct role_keys *keys, uint64_t version, int64_t expires_ms,
                      json_t **out, struct err *err)
{
    struct tuf_root_plan plan = {.version = version, .expires_ms = expires_ms};

    for (size_t i = 0; i < COUNT(keys->items); i++) {
        plan.roles[i].keys[0] = keys->items[i].key;
        plan.roles[i].count = 1;
        plan.roles[i].threshold = 1;
    }
    return tuf_make_root(&plan, out, err);
}

/* By the new root's key and, when there is one, by the old root's. */
static bool sign_body(const struct values *values, const json_t *body, struct buf *out,
                      struct err *err)
{
    AUTO_SIGN_KEY struct sign_key *key = NULL;
    AUTO_SIGN_KEY struct sign_key *previous = NULL;

    if (!key_dir_secret(values->keys, "root", &key, err))
        return false;
    if (values->previous_keys && !key_dir_secret(values->previous_keys, "root", &previous, err))
        return false;

    const struct sign_key *const keys[] = {key, previous};
    return tuf_sign_document(body, keys, previous ? 2 : 1, out, err);
}

static bool previous_version(const struct buf *previous, uint64_t *out, struct err *err)
{
    struct tuf_facts facts;

    if (!tuf_peek(buf_text(previous), previous->len, &facts, err))
        return err_wrap(err, "previous");
    if (facts.role != TUF_ROOT)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "previous: the document is no root");
    *out = facts.version;
    return true;
}

static bool sign(const struct values *values, int64_t now_ms, struct role_keys *keys,
                 struct tuf_facts *out, struct err *err)
{
    int64_t expires_ms = now_ms + ((int64_t)values->expires_days * SIGN_DAY_MS);
    uint64_t version = 0;
    AUTO_JSON *body = NULL;
    AUTO_BUF previous;
    AUTO_BUF document;

    buf_init(&previous, TUF_ROOT_BYTES_MAX);
    buf_init(&document, TUF_ROOT_BYTES_MAX);
    if (values->previous && (!sign_read(values->previous, &previous, err) ||
                             !previous_version(&previous, &version, err)))
        return false;
    if (!read_keys(values, keys, err) || !make_body(keys, version + 1, expires_ms, &body, err) ||
        !sign_body(values, body, &document, err))
        return false;
    if (!tuf_check_root_step(values->previous ? &previous : NULL, &document, now_ms, err))
        return false;
    *out = (struct tuf_facts){TUF_ROOT, version + 1, expires_ms};
    return sign_write(values->out, &document, err);
}

static void print(struct cli *cli, const struct values *values, const struct role_keys *keys,
                  const struct tuf_facts *facts)
{
    char expires[TEXT_TIME_ROOM];

    text_from_time(facts->expires_ms, expires);
    if (cli->json) {
        AUTO_JSON *answer =
            json_pack("{s:s, s:I, s:s, s:s}", "role", "root", "version", (json_int_t)facts->version,
                      "expires", expires, "out", values->out);

        cli_print_json(cli, answer);
        return;
    }
    (void)fprintf(cli->out, "root %" PRIu64 ", valid until %s, written to %s\n", facts->version,
                  expires, values->out);
    for (size_t i = 0; i < COUNT(keys->items); i++)
        (void)fprintf(cli->out, "  %-10s %s\n", tuf_role_name((enum tuf_role)i),
                      keys->items[i].keyid);
}

int sign_run_root(int argc, char **argv, struct cli *cli)
{
    struct values values = {.expires_days = SIGN_EXPIRES_DAYS};
    struct role_keys keys = {0};
    struct tuf_facts facts;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (sign(&values, clock_now_ms(), &keys, &facts, &err))
        print(cli, &values, &keys, &facts);
    else
        status = cli_fail(cli, &err);
    role_keys_done(&keys);
    return status;
}
