/*
 * `slipway keys rotate`: other keys for a role. Where a role's keys are named differs (roots,
 * targets, anchors), and so does what has to be signed again because of it: one table says both.
 * Old root keys sign a new root, and so do the new ones; every other role is re-signed by its new
 * keys in the same publication, so that no reader meets a role whose keys have gone.
 */
#include "cli/keys_rotate.h"

#include <stddef.h>
#include <string.h>

#include "cli/key_dir.h"
#include "cli/trust/anchors.h"
#include "cli/trust/bins.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { NOTE_BYTES_MAX = 900 };

struct values {
    struct api_options api;
    struct ceremony_options ceremony;
    struct option_texts roles;
    const char *role; /* the one that is exchanged now */
    struct option_texts add;
    struct option_texts remove;
    uint64_t threshold;
};

/* clang-format off */
#define CHANGE_ROWS \
    {.name = "add",       .type = OPTION_TEXTS, .field = offsetof(struct values, add), .value = "FILE", .help = "public half (.pub) of a key that joins"}, \
    {.name = "remove",    .type = OPTION_TEXTS, .field = offsetof(struct values, remove), .value = "KEY", .help = "a key that goes: its name or id"}, \
    {.name = "threshold", .type = OPTION_U64,   .field = offsetof(struct values, threshold), .min = 1, .max = TUF_KEYS_MAX, .value = "N", .help = "how many of them must sign from now on"}, \
    CEREMONY_OPTIONS(struct values), API_OPTIONS(struct values)
const struct option keys_rotate_options[] = {
    {.name = "role", .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, roles), .value = "ROLE", .help = "root, targets, os-HWID, director-root, snapshot, timestamp, director or time; without --add, --remove and --threshold every key of it at hand is replaced by a new one beside it"},
    CHANGE_ROWS, {0}};
const struct option keys_rotate_root_options[] = {CHANGE_ROWS, {0}};
/* clang-format on */

/* --- which keys ------------------------------------------------------------------------------- */

static bool is_removed(const struct ceremony *ceremony, const struct values *values,
                       const char *keyid)
{
    char name[128];

    keyring_name(&ceremony->ring, keyid, name, sizeof(name));
    for (size_t i = 0; i < values->remove.count; i++) {
        if (text_equal(values->remove.items[i], keyid) || text_equal(values->remove.items[i], name))
            return true;
    }
    return false;
}

static bool add_given(const struct values *values, json_t *keys, struct err *err)
{
    for (size_t i = 0; i < values->add.count; i++) {
        AUTO_JSON *tree = NULL;
        AUTO_KEY_PUBLIC key = {0};

        if (!key_dir_read_json(values->add.items[i], TUF_ROOT_BYTES_MAX, &tree, err) ||
            !key_public_parse(tree, values->add.items[i], &key, err))
            return false;
        ASSERT(json_array_append(keys, key.key) == 0);
    }
    return true;
}

/* The key that takes the place of `key`: itself, or a new one if its file is at hand. */
static bool successor(struct ceremony *ceremony, const json_t *key, json_t *keys, size_t *made,
                      struct err *err)
{
    const struct keyring_key *old;
    const struct keyring_key *fresh;
    char keyid[TUF_KEYID_ROOM];

    if (!tuf_keyid_of(key, keyid, err))
        return false;
    old = keyring_find(&ceremony->ring, keyid);
    if (!old || !old->source || !old->path)
        return json_array_append(keys, json_iterable(key)) == 0;
    if (!keyring_make_next(&ceremony->ring, old, &fresh, err))
        return false;
    (*made)++;
    return json_array_append(keys, fresh->key) == 0;
}

/* The role's keys as they shall be, from those it has in `body`. */
static bool next_keys(struct ceremony *ceremony, const struct values *values, const json_t *body,
                      const char *role, json_t **out, struct err *err)
{
    bool chosen = values->add.count > 0 || values->remove.count > 0 || values->threshold > 0;
    AUTO_JSON *now = edit_keys_of(body, role);
    AUTO_JSON *keys = json_array();
    const json_t *key;
    size_t changed = 0;
    size_t i;

    json_array_foreach(now, i, key)
    {
        char keyid[TUF_KEYID_ROOM];

        if (!chosen && !successor(ceremony, key, keys, &changed, err))
            return false;
        if (!chosen)
            continue;
        if (!tuf_keyid_of(key, keyid, err))
            return false;
        if (is_removed(ceremony, values, keyid))
            changed++;
        else
            ASSERT(json_array_append(keys, json_iterable(key)) == 0);
    }
    if (!chosen && changed == 0)
        return err_set(err, ERR_NOT_FOUND,
                       "no key file of %s is at hand: --keys, or --add and --remove", role);
    if (changed < values->remove.count)
        return err_set(err, ERR_NOT_FOUND, "%s has not all the keys of --remove", role);
    if (!add_given(values, keys, err))
        return false;
    *out = TAKE(keys);
    return true;
}

/* --- the rotations ---------------------------------------------------------------------------- */

static json_t *draft(struct ceremony *ceremony, const char *repository, const char *role,
                     struct err *err)
{
    json_t *body = plan_edit(&ceremony->plan, repository, role);

    if (!body)
        (void)err_set(err, ERR_NOT_FOUND, "there is no %s of the %s repository yet", role,
                      repository);
    return body;
}

/* A role whose keys a root names. */
static bool in_root(struct ceremony *ceremony, const struct values *values, const char *repository,
                    const char *role, struct err *err)
{
    json_t *body = draft(ceremony, repository, "root", err);
    AUTO_JSON *keys = NULL;

    return body && next_keys(ceremony, values, body, role, &keys, err) &&
           edit_set_keys(body, role, keys, values->threshold, err);
}

static bool rotate_root(struct ceremony *ceremony, const struct values *values, struct err *err)
{
    return in_root(ceremony, values, "image", "root", err);
}

static bool rotate_director_root(struct ceremony *ceremony, const struct values *values,
                                 struct err *err)
{
    return in_root(ceremony, values, "director", "root", err);
}

static bool rotate_targets(struct ceremony *ceremony, const struct values *values, struct err *err)
{
    return in_root(ceremony, values, "image", "targets", err) &&
           draft(ceremony, "image", "targets", err);
}

static bool rotate_delegated(struct ceremony *ceremony, const struct values *values,
                             struct err *err)
{
    json_t *targets = draft(ceremony, "image", "targets", err);
    json_t *body = targets ? draft(ceremony, "image", values->role, err) : NULL;
    AUTO_JSON *names = bins_names(&ceremony->plan, values->role);
    AUTO_JSON *keys = NULL;
    const char *prefix = json_string_value(json_object_get(
        json_object_get(json_object_get(body, "delegations"), "succinct_roles"), "name_prefix"));
    const json_t *name;
    size_t i;

    if (!body || !next_keys(ceremony, values, targets, values->role, &keys, err) ||
        !edit_set_keys(targets, values->role, keys, values->threshold, err))
        return false;
    if (prefix && !edit_set_keys(body, prefix, keys, values->threshold, err))
        return false;
    json_array_foreach(names, i, name)
    {
        if (!draft(ceremony, "image", json_string_value(name), err))
            return false;
    }
    return true;
}

/* The server's new public key of that name, as a list of one. */
static bool online_key(struct ceremony *ceremony, const char *name, json_t **out, struct err *err)
{
    AUTO_FREE char *path = mem_printf("/repo/online-keys/%s", name);
    AUTO_JSON *answer = NULL;
    AUTO_KEY_PUBLIC key = {0};

    if (!ceremony->api)
        return err_set(err, ERR_INVALID, "the server has to make this key: not without it");
    if (!api_call(ceremony->api, "POST", path, NULL, &answer, err) ||
        !key_public_parse(answer, name, &key, err))
        return err_wrap(err, "a new %s key", name);
    *out = json_array();
    ASSERT(json_array_append(*out, key.key) == 0);
    return true;
}

static bool rotate_online(struct ceremony *ceremony, const struct values *values, struct err *err)
{
    json_t *body = draft(ceremony, "image", "root", err);
    AUTO_JSON *keys = NULL;

    return body && online_key(ceremony, values->role, &keys, err) &&
           edit_set_keys(body, values->role, keys, 0, err);
}

static bool rotate_director(struct ceremony *ceremony, const struct values *values, struct err *err)
{
    static const char *const roles[] = {"targets", "snapshot", "timestamp"};
    json_t *body = draft(ceremony, "director", "root", err);
    AUTO_JSON *keys = NULL;

    if (!body || !online_key(ceremony, values->role, &keys, err))
        return false;
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (!edit_set_keys(body, roles[i], keys, 0, err))
            return false;
    }
    return true;
}

static bool rotate_time(struct ceremony *ceremony, const struct values *values, struct err *err)
{
    AUTO_JSON *anchors = NULL;
    AUTO_JSON *keys = NULL;
    AUTO_FREE char *text = NULL;

    if (!ceremony_anchors(ceremony, &anchors, err) ||
        !online_key(ceremony, values->role, &keys, err))
        return false;
    anchors_set_time_key(anchors, json_array_get(keys, 0));
    text = anchors_text(anchors);
    return plan_add_file(&ceremony->plan, "trust/anchors.json", "anchors", text, err);
}

/* clang-format off */
static const struct rotation {
    const char *role; /* a name that ends with '-' is a prefix */
    bool (*rotate)(struct ceremony *ceremony, const struct values *values, struct err *err);
} rotations[] = {
    {"root",          rotate_root},
    {"targets",       rotate_targets},
    {"director-root", rotate_director_root},
    {"snapshot",      rotate_online},
    {"timestamp",     rotate_online},
    {"director",      rotate_director},
    {"time",          rotate_time},
    {"os-",           rotate_delegated},
    {"app-",          rotate_delegated},
};
/* clang-format on */

static const struct rotation *find(const char *role)
{
    for (size_t i = 0; i < COUNT(rotations); i++) {
        const char *name = rotations[i].role;

        if (text_equal(name, role) || (text_ends_with(name, "-") && text_starts_with(role, name)))
            return &rotations[i];
    }
    return NULL;
}

/* A `sign request` leaves a file that no key at hand has signed. */
static bool prepare(struct values *values, struct cli *cli, int *status)
{
    if (!text_starts_with(cli->command->name, "sign request"))
        return true;
    if (!values->ceremony.out) {
        *status = cli_usage(cli, "--out is missing");
        return false;
    }
    values->ceremony.no_keys = values->ceremony.keys.count == 0 && !values->ceremony.module;
    return true;
}

static int finish(struct ceremony *ceremony, const char *note, struct cli *cli)
{
    AUTO_JSON *answer = json_object();
    struct err err = {0};

    if (!ceremony_finish(ceremony, note, answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        ceremony_print(cli, answer);
    return CLI_DONE;
}

/* All roles of one command line go into one publication: a signer that lost its keys cannot sign
 * by one new key and one that is gone. */
static bool rotate_all(struct ceremony *ceremony, struct values *values, struct err *err)
{
    for (size_t i = 0; i < values->roles.count; i++) {
        values->role = values->roles.items[i];
        if (!find(values->role)->rotate(ceremony, values, err))
            return err_wrap(err, "%s", values->role);
    }
    return true;
}

static char *note_of(const struct option_texts *roles)
{
    AUTO_BUF text;

    buf_init(&text, NOTE_BYTES_MAX);
    buf_add_text(&text, "other keys for");
    for (size_t i = 0; i < roles->count; i++)
        buf_printf(&text, " %s", roles->items[i]);
    return mem_strdup(buf_text(&text));
}

int keys_run_rotate(int argc, char **argv, struct cli *cli)
{
    struct values values = {.ceremony = {.expires_days = CEREMONY_EXPIRES_DAYS}};
    AUTO_CEREMONY ceremony = {0};
    AUTO_FREE char *note = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status) || !prepare(&values, cli, &status))
        return status;
    for (size_t i = 0; i < values.roles.count; i++) {
        if (!find(values.roles.items[i]))
            return cli_usage(cli, "there is no role '%s' to rotate", values.roles.items[i]);
    }
    note = note_of(&values.roles);
    if (!ceremony_open(&values.api, &values.ceremony, cli, &ceremony, &err) ||
        !rotate_all(&ceremony, &values, &err))
        return cli_fail(cli, &err);
    return finish(&ceremony, note, cli);
}

int keys_run_rotate_root(int argc, char **argv, struct cli *cli)
{
    struct values values = {.role = "root", .ceremony = {.expires_days = CEREMONY_EXPIRES_DAYS}};
    AUTO_CEREMONY ceremony = {0};
    struct err err = {0};
    bool changes;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status) || !prepare(&values, cli, &status))
        return status;
    changes = values.add.count > 0 || values.remove.count > 0 || values.threshold > 0;
    if (!ceremony_open(&values.api, &values.ceremony, cli, &ceremony, &err) ||
        !(changes ? rotate_root(&ceremony, &values, &err)
                  : draft(&ceremony, "image", "root", &err) != NULL))
        return cli_fail(cli, &err);
    return finish(&ceremony, "root", cli);
}
