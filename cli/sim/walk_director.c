/*
 * The director's part of a walk. Its first root is a target of the image repository, the same for
 * all devices, as its later roots are: they are kept once. The rest is this device's alone and is
 * not kept: only the version, below which nothing is taken. So a million devices fit.
 */
#include <string.h>

#include "cli/sim/walk.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

static const char root_path[] = "trust/director-root.json";

/* --- what lib/tuf sees --------------------------------------------------------------------------
 */

static struct fleet *fleet_of(const struct walk *walk)
{
    return walk->task->fleet;
}

/* "timestamp.json", "7.snapshot.json", "7.targets.json"; TUF_ROOT for every other name. */
static enum tuf_role role_of(const char *name)
{
    const char *dot = strchr(name, '.');

    for (int role = TUF_TIMESTAMP; role < TUF_ROLE_COUNT; role++) {
        const char *word = tuf_role_name((enum tuf_role)role);
        const char *at = text_starts_with(name, word) ? name : dot ? dot + 1 : "";

        if (text_starts_with(at, word) && text_equal(at + strlen(word), ".json"))
            return (enum tuf_role)role;
    }
    return TUF_ROOT;
}

static char *url_of(const struct walk *walk, const char *name)
{
    char device[HASH_HEX_ROOM];

    text_from_hex_bytes(walk->task->member->device.id, HASH_BYTES, device);
    return mem_printf("/t/%s/director/%s/metadata/%s", fleet_of(walk)->tenant, device, name);
}

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct walk *walk = arg;
    enum tuf_role role = role_of(name);
    const struct document *document =
        role == TUF_ROOT ? library_find(&fleet_of(walk)->directed, name) : walk->directed[role];

    if (text_equal(name, walk->absent_directed))
        return err_set(err, ERR_NOT_FOUND, "there is no '%s'", name);
    if (!document) {
        walk->need_bytes_max = max;
        return walk_needs(walk, WALK_DIRECTOR, name, url_of(walk, name), err);
    }
    if (document->len > max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is longer than %zu bytes", name, max);
    buf_add(out, document->data, document->len);
    return true;
}

static bool load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct document *root = fleet_of(arg)->director;

    if (!text_equal(name, "root.json"))
        return err_set(err, ERR_NOT_FOUND, "the director's '%s' is not kept", name);
    buf_add(out, root->data, root->len);
    return !out->failed || err_set(err, ERR_LIMIT, "%s is too long", name);
}

static bool store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    (void)arg;
    (void)name;
    (void)data;
    (void)len;
    (void)err;
    return true;
}

static bool drop(void *arg, const char *name, struct err *err)
{
    (void)arg;
    (void)name;
    (void)err;
    return true;
}

static bool seen(void *arg, const uint8_t digest[HASH_BYTES])
{
    return library_has_seen(&fleet_of(arg)->directed, digest);
}

static void remember(void *arg, const uint8_t digest[HASH_BYTES])
{
    library_remember(&fleet_of(arg)->directed, digest);
}

void walk_director_take(struct walk *walk, const void *data, size_t len)
{
    struct library *library = &fleet_of(walk)->directed;
    struct document *document = library_take(library, data, len);
    enum tuf_role role = walk->place == WALK_FILE ? TUF_ROOT : role_of(walk->need);

    if (role != TUF_ROOT) {
        document_unref(walk->directed[role]);
        walk->directed[role] = document;
        return;
    }
    library_name(library, document, walk->need);
    document_unref(document);
}

/* --- the first root -----------------------------------------------------------------------------
 */

static char *target_url(const struct walk *walk, const struct tuf_target *target)
{
    const char *slash = strrchr(target->path, '/');
    size_t dir_len = slash ? (size_t)(slash - target->path) + 1 : 0;
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(target->sha256, HASH_BYTES, hex);
    return mem_printf("%s/targets/%.*s%s.%s", fleet_of(walk)->image_base, (int)dir_len,
                      target->path, hex, target->path + dir_len);
}

/* True with no fleet->director: the tenant has none. */
static bool learn_root(struct walk *walk, struct tuf_set *image, struct err *err)
{
    struct fleet *fleet = fleet_of(walk);
    struct document *document;
    AUTO_TUF_TARGET target = {0};

    if (!tuf_find(image, root_path, NULL, &target, err))
        return walk->need[0] == '\0' && err->refusal == REFUSAL_TARGET_NOT_IN_IMAGE_REPO;
    document = library_find(&fleet->directed, root_path);
    if (!document) {
        walk->need_bytes_max = TUF_ROOT_BYTES_MAX;
        return walk_needs(walk, WALK_FILE, root_path, target_url(walk, &target), err);
    }
    if (!tuf_target_check(&target, document->data, document->len, err))
        return err_wrap(err, "'%s'", root_path);
    fleet->director = document_ref(document);
    return true;
}

/* --- the walk -----------------------------------------------------------------------------------
 */

bool walk_director(struct walk *walk, struct tuf_set *image, int64_t now_ms,
                   struct walk_directed *out, struct err *err)
{
    const struct tuf_io io = {
        .fetch = fetch,
        .load = load,
        .store = store,
        .drop = drop,
        .arg = walk,
        .seen = seen,
        .remember = remember,
    };
    const struct sim_device *device = &walk->task->member->device;
    struct tuf_set *set = NULL;
    char id[HASH_HEX_ROOM];
    bool ok;

    *out = (struct walk_directed){0};
    if (!fleet_of(walk)->director && !learn_root(walk, image, err))
        return false;
    if (!fleet_of(walk)->director)
        return device->director_version == 0 ||
               err_refuse(err, REFUSAL_DIRECTOR_MISSING, "nobody signs '%s' any more", root_path);
    text_from_hex_bytes(device->id, HASH_BYTES, id);
    if (!tuf_refresh(&io, &tuf_limits_device, now_ms, &set, err))
        return err->code == ERR_NOT_FOUND
                   ? err_refuse(err, REFUSAL_DIRECTOR_MISSING, "the director has nothing to say")
                   : err_wrap(err, "director");
    ok = tuf_director_read(set, id, device->director_version, &out->document, err);
    out->some = ok;
    out->expires_ms = tuf_set_expires_ms(set, TUF_TIMESTAMP);
    tuf_set_free(set);
    return ok;
}
