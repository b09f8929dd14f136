/*
 * The client workflow of lib/tuf over a store in memory, and then every other role the snapshot
 * names: by its listed hash first, and at the end all of them under their delegators' keys.
 */
#include "cli/trust/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { ROOT_NAME_ROOM = 40, FILE_BYTES_MAX = 65536 };

static const char first_director[] = "trust/director-root.json";

void state_done(struct state *state)
{
    binder_done(&state->roots);
    binder_done(&state->director_roots);
    binder_done(&state->roles);
    binder_done(&state->online);
    binder_done(&state->files);
}

/* --- lib/tuf's files: fetched from the source, kept in a binder --------------------------------
 */

struct walk {
    const struct state_source *source;
    struct binder store; /* "root.json", "timestamp.json", ... */
    struct state *state;
};

static bool on_fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct walk *walk = arg;
    size_t before = out->len;

    if (!walk->source->fetch(walk->source->arg, "image", name, max, out, err))
        return false;
    if (text_ends_with(name, ".root.json"))
        binder_put(&walk->state->roots, name, out->data + before, out->len - before);
    return true;
}

static bool on_load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct walk *walk = arg;
    const struct buf *bytes = binder_get(&walk->store, name);

    if (!bytes)
        return err_set(err, ERR_NOT_FOUND, "there is no %s yet", name);
    buf_add(out, bytes->data, bytes->len);
    return true;
}

static bool on_store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    struct walk *walk = arg;

    (void)err;
    binder_put(&walk->store, name, data, len);
    return true;
}

static bool on_drop(void *arg, const char *name, struct err *err)
{
    struct walk *walk = arg;

    (void)err;
    binder_drop(&walk->store, name);
    return true;
}

/* --- roots ------------------------------------------------------------------------------------ */

static void root_name(uint64_t version, char out[ROOT_NAME_ROOM])
{
    (void)snprintf(out, ROOT_NAME_ROOM, "%" PRIu64 ".root.json", version);
}

static bool root_version(const struct buf *root, uint64_t *out, struct err *err)
{
    struct tuf_facts facts;

    if (!tuf_peek(root->data, root->len, &facts, err))
        return false;
    if (facts.role != TUF_ROOT)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "this is no root");
    *out = facts.version;
    return true;
}

/* The pinned root as it is served, and those before it, so that somebody who pinned an earlier one
 * can follow: the earlier ones are not verified here, and nothing is believed because of them. */
static bool add_earlier_roots(const struct state_source *source, const struct buf *trusted,
                              uint64_t pinned, struct binder *roots, struct err *err)
{
    for (uint64_t version = pinned > TUF_ROOT_STEPS_MAX ? pinned - TUF_ROOT_STEPS_MAX : 1;
         version <= pinned; version++) {
        char name[ROOT_NAME_ROOM];
        bool served;
        AUTO_BUF bytes;

        root_name(version, name);
        buf_init(&bytes, TUF_ROOT_BYTES_MAX);
        served = source->fetch(source->arg, "image", name, TUF_ROOT_BYTES_MAX, &bytes, err);
        if (!served && err->code != ERR_NOT_FOUND)
            return false;
        if (served && version == pinned &&
            (bytes.len != trusted->len || memcmp(bytes.data, trusted->data, bytes.len) != 0))
            return err_refuse(err, REFUSAL_ROOT_VERSION,
                              "root %" PRIu64 " there is not the root %" PRIu64 " that is trusted",
                              version, version);
        if (served)
            binder_put(roots, name, bytes.data, bytes.len);
    }
    return true;
}

/* From the pinned director's root onwards. */
static bool walk_director(const struct state_source *source, const struct buf *pinned,
                          int64_t now_ms, struct state *state, struct err *err)
{
    const struct buf *last = pinned;
    char name[ROOT_NAME_ROOM];
    uint64_t version = 0;

    if (!tuf_check_director_root(NULL, pinned, 0, err) || !root_version(pinned, &version, err))
        return err_wrap(err, "the director's root");
    root_name(version, name);
    binder_put(&state->director_roots, name, pinned->data, pinned->len);
    for (unsigned step = 0; step < TUF_ROOT_STEPS_MAX; step++) {
        AUTO_BUF fresh;

        root_name(++version, name);
        buf_init(&fresh, TUF_ROOT_BYTES_MAX);
        if (!source->fetch(source->arg, "director", name, TUF_ROOT_BYTES_MAX, &fresh, err)) {
            if (err->code != ERR_NOT_FOUND)
                return err_wrap(err, "the director's root");
            break;
        }
        if (!tuf_check_director_root(last, &fresh, 0, err))
            return err_wrap(err, "the director's root %" PRIu64, version);
        binder_put(&state->director_roots, name, fresh.data, fresh.len);
        last = binder_get(&state->director_roots, name);
    }
    return now_ms == 0 || tuf_check_director_root(NULL, last, now_ms, err) ||
           err_wrap(err, "the director's root");
}

/* From the pinned root, or the one that the image repository signs as a file. */
static bool load_director(const struct state_source *source, const struct buf *pinned,
                          int64_t now_ms, struct state *state, struct err *err)
{
    const struct buf *first = pinned ? pinned : binder_get(&state->files, first_director);

    return !first || walk_director(source, first, now_ms, state, err);
}

/* --- the other roles -------------------------------------------------------------------------- */

static bool take_listed(struct walk *walk, const char *file, const json_t *meta, struct err *err)
{
    AUTO_FREE char *role = mem_strndup(file, strlen(file) - strlen(".json"));
    uint8_t want[HASH_BYTES];
    uint8_t got[HASH_BYTES];
    char name[TUF_FILE_NAME_ROOM];
    uint64_t version = 0;
    json_t *hashes;
    AUTO_BUF bytes;

    buf_init(&bytes, TUF_TARGETS_BYTES_MAX);
    if (!json_field_u64(meta, file, "version", 1, (UINT64_C(1) << 53) - 1, &version, err) ||
        !json_field_object(meta, file, "hashes", &hashes, err) ||
        !json_field_hex(hashes, file, "sha256", want, sizeof(want), err))
        return false;
    if (!tuf_file_name(role, version, name, sizeof(name)))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "'%s' cannot be the name of a role", role);
    if (!walk->source->fetch(walk->source->arg, "image", name, TUF_TARGETS_BYTES_MAX, &bytes, err))
        return err_wrap(err, "%s", name);
    hash_sha256(bytes.data, bytes.len, got);
    if (!crypto_equal(got, want, sizeof(got)))
        return err_refuse(err, REFUSAL_TARGETS_HASH, "%s is not the file that the snapshot names",
                          name);
    binder_put(&walk->state->roles, role, bytes.data, bytes.len);
    return true;
}

static bool take_roles(struct walk *walk, struct err *err)
{
    const struct buf *snapshot = binder_get(&walk->store, "snapshot.json");
    AUTO_JSON *tree = NULL;
    const char *file;
    json_t *meta;

    ASSERT(snapshot);
    if (!json_parse(snapshot->data, snapshot->len, &json_limits_metadata, &tree, err))
        return false;
    json_object_foreach(json_object_get(json_object_get(tree, "signed"), "meta"), file, meta)
    {
        if (!text_ends_with(file, ".json") || !take_listed(walk, file, meta, err))
            return false;
    }
    return true;
}

/* --- signed files ----------------------------------------------------------------------------- */

static bool take_file(struct walk *walk, const char *path, const json_t *entry, struct err *err)
{
    const char *file = path + strlen("trust/");
    const char *hex =
        json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256"));
    AUTO_FREE char *name = mem_printf("trust/%s.%s", hex ? hex : "", file);
    uint8_t want[HASH_BYTES];
    uint8_t got[HASH_BYTES];
    AUTO_BUF bytes;

    buf_init(&bytes, FILE_BYTES_MAX);
    if (!hex || !text_to_hex_bytes(hex, strlen(hex), want, sizeof(want)))
        return err_refuse(err, REFUSAL_NO_KNOWN_HASH, "%s has no SHA-256", path);
    if (!walk->source->fetch(walk->source->arg, "files", name, FILE_BYTES_MAX, &bytes, err))
        return err_wrap(err, "%s", path);
    hash_sha256(bytes.data, bytes.len, got);
    if (!crypto_equal(got, want, sizeof(got)))
        return err_refuse(err, REFUSAL_TARGET_HASH, "%s is not the file that is signed", path);
    binder_put(&walk->state->files, path, bytes.data, bytes.len);
    return true;
}

static bool take_files(struct walk *walk, struct err *err)
{
    AUTO_JSON *body = state_body(walk->state, "image", "targets");
    const char *path;
    json_t *entry;

    json_object_foreach(json_object_get(body, "targets"), path, entry)
    {
        if (text_starts_with(path, "trust/") && !take_file(walk, path, entry, err))
            return false;
    }
    return true;
}

static void keep(struct binder *to, const char *name, const struct binder *store, const char *file)
{
    const struct buf *bytes = binder_get(store, file);

    if (bytes)
        binder_put(to, name, bytes->data, bytes->len);
}

static bool check_whole(const struct state *state, struct err *err)
{
    AUTO_FREE struct tuf_named *items = NULL;
    const struct tuf_published published = state_published(state, &items);

    return tuf_check_whole(&published, err);
}

static bool load_image(struct walk *walk, const struct state_roots *roots, int64_t now_ms,
                       struct err *err)
{
    const struct tuf_io io = {
        .fetch = on_fetch, .load = on_load, .store = on_store, .drop = on_drop, .arg = walk};
    struct tuf_set *set = NULL;
    char name[ROOT_NAME_ROOM];
    uint64_t pinned = 0;

    if (!root_version(roots->image, &pinned, err) ||
        !add_earlier_roots(walk->source, roots->image, pinned, &walk->state->roots, err))
        return err_wrap(err, "root");
    root_name(pinned, name);
    binder_put(&walk->state->roots, name, roots->image->data, roots->image->len);
    binder_put(&walk->store, "root.json", roots->image->data, roots->image->len);
    if (!tuf_refresh(&io, &tuf_limits_wide, now_ms, &set, err))
        return false;
    keep(&walk->state->roles, "root", &walk->store, "root.json");
    keep(&walk->state->online, "snapshot", &walk->store, "snapshot.json");
    keep(&walk->state->online, "timestamp", &walk->store, "timestamp.json");
    tuf_set_free(set);
    return take_roles(walk, err) && check_whole(walk->state, err) && take_files(walk, err) &&
           load_director(walk->source, roots->director, now_ms, walk->state, err);
}

bool state_load(const struct state_source *source, const struct state_roots *roots, int64_t now_ms,
                struct state *out, struct err *err)
{
    struct state made = {0};
    struct walk walk = {.source = source, .state = &made};
    bool good = load_image(&walk, roots, now_ms, err);

    binder_done(&walk.store);
    if (good)
        *out = made;
    else
        state_done(&made);
    return good;
}

/* --- looking into it -------------------------------------------------------------------------- */

const struct buf *state_document(const struct state *state, const char *repository,
                                 const char *role)
{
    if (text_equal(repository, "image"))
        return binder_get(&state->roles, role);
    return state->director_roots.count > 0
               ? &state->director_roots.items[state->director_roots.count - 1].bytes
               : NULL;
}

json_t *state_body(const struct state *state, const char *repository, const char *role)
{
    const struct buf *bytes = state_document(state, repository, role);
    AUTO_JSON *tree = NULL;
    struct err err;

    /* What is in the binder was parsed before. */
    if (!bytes || !json_parse(bytes->data, bytes->len, &json_limits_metadata, &tree, &err))
        return NULL;
    return json_incref(json_object_get(tree, "signed"));
}

struct tuf_published state_published(const struct state *state, struct tuf_named **items)
{
    struct tuf_named *made = mem_array(state->roles.count + 1, sizeof(*made));

    for (size_t i = 0; i < state->roles.count; i++)
        made[i] = (struct tuf_named){state->roles.items[i].name, &state->roles.items[i].bytes};
    *items = made;
    return (struct tuf_published){made, state->roles.count, NULL};
}

struct name_search {
    const char *name;
    bool found;
};

static bool is_name(const char *name, void *arg)
{
    struct name_search *search = arg;

    search->found = text_equal(name, search->name);
    return !search->found;
}

const char *state_delegator(const struct state *state, const char *name)
{
    for (size_t i = 0; i < state->roles.count; i++) {
        const struct binder_item *item = &state->roles.items[i];
        struct name_search search = {.name = name};
        struct err err;

        if (text_equal(item->name, "root"))
            continue;
        if (tuf_delegated_names(item->bytes.data, item->bytes.len, is_name, &search, &err) &&
            search.found)
            return item->name;
    }
    return NULL;
}
