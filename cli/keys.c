/* `slipway keys`: offline keys. No secret ever leaves its folder. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/key_dir.h"
#include "cli/keys_rotate.h"
#include "cli/option.h"
#include "cli/trust/keyring.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

static int run_new(int argc, char **argv, struct cli *cli);
static int run_list(int argc, char **argv, struct cli *cli);

struct values {
    const char *dir;
    const char *module;
    const char *token;
    const char *pin_file;
    struct option_texts roles;
};

/* clang-format off */
static const struct option new_options[] = {
    {.name = "dir",  .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, dir), .value = "DIR", .help = "folder of the keys; made when missing"},
    {.name = "pkcs11",   .type = OPTION_TEXT, .field = offsetof(struct values, module), .value = "MODULE", .help = "make them inside a token: the PKCS#11 module of its maker; DIR gets the public halves"},
    {.name = "token",    .type = OPTION_TEXT, .field = offsetof(struct values, token), .value = "LABEL", .help = "which token"},
    {.name = "pin-file", .type = OPTION_TEXT, .field = offsetof(struct values, pin_file), .value = "FILE", .help = "its PIN, in a file that only you can read"},
    {.name = "ROLE", .type = OPTION_ARGS, .field = offsetof(struct values, roles), .help = "names of the keys (root and targets when none is given)"},
    {0},
};
static const struct option list_options[] = {
    {.name = "dir",  .type = OPTION_TEXT, .field = offsetof(struct values, dir), .value = "DIR", .help = "folder of keys, or of folders of keys (keys)"},
    {0},
};
/* clang-format on */

const struct cli_command cli_keys_commands[] = {
    {
        .name = "keys new",
        .summary = "make offline signing keys (Ed25519)",
        .options = new_options,
        .example = "slipway keys new --dir keys\n"
                   "  slipway keys new --dir carol --pkcs11 /usr/lib/softhsm/libsofthsm2.so "
                   "--token carol \\\n      --pin-file pin root",
        .run = run_new,
    },
    {
        .name = "keys rotate",
        .summary = "other keys for a role, in one command",
        .options = keys_rotate_options,
        .example = "slipway keys rotate --role root --keys keys\n"
                   "  slipway keys rotate --role targets --remove bob/targets --add carol.pub",
        .run = keys_run_rotate,
    },
    {
        .name = "keys list",
        .summary = "show the keys of a folder and of its folders",
        .options = list_options,
        .example = "slipway keys list",
        .run = run_list,
    },
    {0},
};

static int print_keys(struct cli *cli, const char *dir, json_t *keys)
{
    const json_t *item;
    size_t i;

    if (cli->json) {
        AUTO_JSON *answer = json_pack("{s:s, s:O}", "dir", dir, "keys", keys);

        cli_print_json(cli, answer);
        return CLI_DONE;
    }
    json_array_foreach(keys, i, item)
    {
        (void)fprintf(cli->out, "%-22s %s%s\n", json_string_value(json_object_get(item, "role")),
                      json_string_value(json_object_get(item, "keyid")),
                      json_is_true(json_object_get(item, "secret")) ? "" : "  (public half only)");
    }
    return CLI_DONE;
}

static void add_row(json_t *keys, const char *role, const struct key_public *key, bool secret)
{
    json_t *row = json_pack("{s:s, s:s, s:b}", "role", role, "keyid", key->keyid, "secret", secret);

    ASSERT(row && json_array_append_new(keys, row) == 0);
}

/* In a token, with the public half in the folder. */
static bool make_in_token(const struct values *values, const char *role, json_t *keys,
                          struct err *err)
{
    const struct keyring_token token = {
        .module = values->module, .token = values->token, .pin_file = values->pin_file};
    AUTO_KEY_PUBLIC made = {0};

    if (!keyring_token_make(&token, role, &made.key, err) ||
        !tuf_keyid_of(made.key, made.keyid, err) ||
        !key_dir_put_public(values->dir, role, &made, err))
        return false;
    add_row(keys, role, &made, false);
    return true;
}

static bool make(const struct values *values, const char *role, json_t *keys, struct err *err)
{
    AUTO_KEY_PUBLIC key = {0};

    if (values->module)
        return make_in_token(values, role, keys, err);
    if (!key_dir_make(values->dir, role, &key, err))
        return false;
    add_row(keys, role, &key, true);
    return true;
}

static int run_new(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_JSON *keys = json_array();
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (values.roles.count == 0) {
        values.roles.items[values.roles.count++] = "root";
        values.roles.items[values.roles.count++] = "targets";
    }
    for (size_t i = 0; i < values.roles.count; i++) {
        if (!make(&values, values.roles.items[i], keys, &err))
            return cli_fail(cli, &err);
    }
    return print_keys(cli, values.dir, keys);
}

static int run_list(int argc, char **argv, struct cli *cli)
{
    struct values values = {.dir = "keys"};
    AUTO_JSON *keys = json_array();
    AUTO_KEYRING ring = {0};
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!keyring_add_dir(&ring, values.dir, &err))
        return cli_fail(cli, &err);
    for (size_t i = 0; i < ring.count; i++)
        ASSERT(json_array_append_new(keys, json_pack("{s:s, s:s, s:b}", "role", ring.keys[i].label,
                                                     "keyid", ring.keys[i].keyid, "secret",
                                                     ring.keys[i].source != NULL)) == 0);
    return print_keys(cli, values.dir, keys);
}
