/* Opening a ceremony: everything that can be known before the first document is edited. */
#include <string.h>

#include "cli/trust/anchors.h"
#include "cli/trust/ceremony.h"
#include "cli/trust/source.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

static const char usual_dir[] = "keys";

/* The folders of keys: those that were given, else ./keys if it is there. */
static size_t key_dirs(const struct ceremony_options *options, const char *const **out)
{
    static const char *const usual[] = {usual_dir};

    if (options->keys.count > 0) {
        *out = options->keys.items;
        return options->keys.count;
    }
    *out = usual;
    return file_exists(usual_dir) ? 1 : 0;
}

bool ceremony_keys(const struct ceremony_options *options, struct keyring *ring, struct err *err)
{
    const char *const *dirs;
    size_t count = key_dirs(options, &dirs);

    for (size_t i = 0; i < count; i++) {
        if (!keyring_add_dir(ring, dirs[i], err))
            return false;
    }
    if (options->module) {
        const struct keyring_token token = {options->module, options->token, options->pin_file,
                                            options->key_labels.items, options->key_labels.count};

        return keyring_add_token(ring, &token, err);
    }
    return true;
}

bool ceremony_root(const struct ceremony_options *options, const char *given, const char *name,
                   struct buf *out, bool *found, struct err *err)
{
    const char *const *dirs;
    size_t count = key_dirs(options, &dirs);

    *found = true;
    if (given)
        return file_read(given, out, err);
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *path = mem_printf("%s/%s", dirs[i], name);

        if (file_exists(path))
            return file_read(path, out, err);
    }
    *found = false;
    return true;
}

bool ceremony_tenant(struct api *api, char **out, struct err *err)
{
    AUTO_JSON *answer = NULL;
    const char *name;

    if (!api_call(api, "GET", "/tenant", NULL, &answer, err) ||
        !json_field_text(answer, "", "name", 64, &name, err))
        return err_wrap(err, "which tenant this is");
    *out = mem_strdup(name);
    return true;
}

bool ceremony_anchors(const struct ceremony *ceremony, json_t **out, struct err *err)
{
    const struct buf *text = binder_get(&ceremony->state.files, "trust/anchors.json");
    AUTO_JSON *tree = NULL;

    if (!text)
        return err_set(err, ERR_NOT_FOUND, "there is no trust/anchors.json yet");
    if (!json_parse(text->data, text->len, &json_limits_metadata, &tree, err))
        return err_wrap(err, "trust/anchors.json");
    *out = anchors_next(tree);
    return true;
}

void ceremony_done(struct ceremony *ceremony)
{
    plan_done(&ceremony->plan);
    state_done(&ceremony->state);
    keyring_done(&ceremony->ring);
    project_done(&ceremony->project);
    mem_free(ceremony->tenant);
    api_close(ceremony->api);
    *ceremony = (struct ceremony){0};
}

static bool read_project(const struct ceremony_options *options, struct project *out,
                         struct err *err)
{
    const char *const *dirs;
    size_t count = key_dirs(options, &dirs);

    for (size_t i = 0; i < count && !out->dir; i++) {
        if (!project_read(dirs[i], out, err))
            return false;
    }
    return true;
}

/* A folder from `repo pull` says whose it is. */
static bool folder_tenant(const char *dir, char **out, struct err *err)
{
    AUTO_PROJECT pulled = {0};

    if (!project_read(dir, &pulled, err))
        return false;
    if (!pulled.tenant)
        return err_set(err, ERR_INVALID, "'%s' was not filled by 'slipway repo pull'", dir);
    *out = TAKE(pulled.tenant);
    return true;
}

static bool load(struct ceremony *ceremony, const struct state_source *source, struct err *err)
{
    const struct ceremony_options *options = ceremony->options;
    struct state_roots roots = {0};
    bool found;
    bool director_found;
    AUTO_BUF root;
    AUTO_BUF director;

    buf_init(&root, TUF_ROOT_BYTES_MAX);
    buf_init(&director, TUF_ROOT_BYTES_MAX);
    if (!ceremony_root(options, options->root, "root.json", &root, &found, err) ||
        !ceremony_root(options, options->director_root, "director-root.json", &director,
                       &director_found, err))
        return false;
    if (!found)
        return err_set(err, ERR_INVALID,
                       "there is no root to trust: give --root, or --keys with the folder that "
                       "'slipway init' made");
    roots.image = &root;
    roots.director = director_found ? &director : NULL;
    return state_load(source, &roots, 0, &ceremony->state, err);
}

static bool from_server(struct ceremony *ceremony, struct err *err)
{
    const struct source_server server = {.api = ceremony->api, .tenant = ceremony->tenant};
    const struct state_source source = source_of_server(&server);

    return load(ceremony, &source, err);
}

static bool from_folder(struct ceremony *ceremony, struct err *err)
{
    const struct state_source source = source_of_folder(ceremony->options->state);

    return folder_tenant(ceremony->options->state, &ceremony->tenant, err) &&
           load(ceremony, &source, err);
}

static void start(struct ceremony *ceremony)
{
    plan_init(&ceremony->plan, &ceremony->state, clock_now_ms(), ceremony->options->expires_days);
}

bool ceremony_open_empty(const struct api_options *api, const struct ceremony_options *options,
                         struct cli *cli, struct ceremony *out, struct err *err)
{
    *out = (struct ceremony){.cli = cli, .options = options};
    start(out);
    return api_open(api, &out->api, err) && ceremony_tenant(out->api, &out->tenant, err);
}

bool ceremony_open(const struct api_options *api, const struct ceremony_options *options,
                   struct cli *cli, struct ceremony *out, struct err *err)
{
    bool offline = options->state && options->out;

    *out = (struct ceremony){.cli = cli, .options = options};
    start(out);
    if ((!options->no_keys && !ceremony_keys(options, &out->ring, err)) ||
        !read_project(options, &out->project, err))
        return false;
    if (!offline && !api_open(api, &out->api, err))
        return false;
    if (options->state)
        return from_folder(out, err);
    return ceremony_tenant(out->api, &out->tenant, err) && from_server(out, err);
}
