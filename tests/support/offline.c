/* Keys come from fixed seeds. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/offline.h"

static const int64_t day_ms = 24LL * 3600 * 1000;

static struct sign_key *key_of(uint8_t n)
{
    uint8_t seed[32];

    memset(seed, n, sizeof(seed));
    return sign_key_from_seed(seed);
}

struct offline *offline_new(void)
{
    struct offline *offline = mem_alloc(sizeof(*offline));

    offline->now_ms = 1800000000000;
    offline->expires_ms = offline->now_ms + 365 * day_ms;
    offline->root = key_of(1);
    offline->targets = key_of(2);
    offline->os[0] = key_of(3);
    offline->os[1] = key_of(4);
    offline->director_root = key_of(5);
    offline->snapshot = key_of(6);
    offline->timestamp = key_of(7);
    offline->director = key_of(8);
    offline->os_threshold = 1;
    offline->entries = json_object();
    offline->os_entries = json_object();
    return offline;
}

void offline_free(struct offline *offline)
{
    struct sign_key *keys[] = {offline->root,          offline->targets,  offline->os[0],
                               offline->os[1],         offline->snapshot, offline->timestamp,
                               offline->director_root, offline->director};

    for (size_t i = 0; i < COUNT(keys); i++)
        sign_key_free(keys[i]);
    json_decref(offline->entries);
    json_decref(offline->os_entries);
    mem_free(offline);
}

struct repo_online_keys offline_online(const struct offline *offline)
{
    struct repo_online_keys keys = {0};

    if (offline->served)
        return *offline->served;
    memcpy(keys.snapshot.present, sign_key_public(offline->snapshot), SIGN_PUBLIC_BYTES);
    memcpy(keys.timestamp.present, sign_key_public(offline->timestamp), SIGN_PUBLIC_BYTES);
    memcpy(keys.director.present, sign_key_public(offline->director), SIGN_PUBLIC_BYTES);
    return keys;
}

/* --- documents ---------------------------------------------------------------------------------
 */

static json_t *make_root(const struct offline *offline, unsigned version,
                         const uint8_t *const keys[TUF_ROLE_COUNT])
{
    struct tuf_root_plan plan = {.version = version, .expires_ms = offline->expires_ms};
    json_t *objects[TUF_ROLE_COUNT];
    json_t *body;
    struct err err;

    for (size_t role = 0; role < TUF_ROLE_COUNT; role++) {
        objects[role] = tuf_key_json(keys[role]);
        plan.roles[role].keys[0] = objects[role];
        plan.roles[role].count = plan.roles[role].threshold = 1;
    }
    cr_assert(tuf_make_root(&plan, &body, &err), "%s", err.text);
    for (size_t role = 0; role < TUF_ROLE_COUNT; role++)
        json_decref(objects[role]);
    return body;
}

json_t *offline_root(const struct offline *offline, unsigned version)
{
    const struct repo_online_keys online = offline_online(offline);
    const uint8_t *const keys[] = {[TUF_ROOT] = sign_key_public(offline->root),
                                   [TUF_TARGETS] = sign_key_public(offline->targets),
                                   [TUF_SNAPSHOT] = online.snapshot.present,
                                   [TUF_TIMESTAMP] = online.timestamp.present};

    return make_root(offline, version, keys);
}

json_t *offline_director_root(const struct offline *offline, unsigned version)
{
    const struct repo_online_keys online = offline_online(offline);
    const uint8_t *const keys[] = {[TUF_ROOT] = sign_key_public(offline->director_root),
                                   [TUF_TARGETS] = online.director.present,
                                   [TUF_SNAPSHOT] = online.director.present,
                                   [TUF_TIMESTAMP] = online.director.present};

    return make_root(offline, version, keys);
}

static json_t *delegations(const struct offline *offline)
{
    static const char *const paths[] = {"os/h1/*/*"};
    static const char *const hwids[] = {"h1"};
    json_t *keys[2] = {tuf_key_json(sign_key_public(offline->os[0])),
                       tuf_key_json(sign_key_public(offline->os[1]))};
    char ids[2][TUF_KEYID_ROOM];
    const char *keyids[] = {ids[0], ids[1]};
    const struct tuf_delegation_plan plan = {.name = "os-h1",
                                             .keyids = keyids,
                                             .keyid_count = 2,
                                             .threshold = offline->os_threshold,
                                             .paths = paths,
                                             .path_count = 1,
                                             .terminating = true,
                                             .hwids = hwids,
                                             .hwid_count = 1};
    json_t *roles = json_array();
    json_t *out;
    struct err err;

    tuf_keyid(sign_key_public(offline->os[0]), ids[0]);
    tuf_keyid(sign_key_public(offline->os[1]), ids[1]);
    (void)json_array_append_new(roles, tuf_delegation_json(&plan));
    cr_assert(tuf_delegations_json((const json_t *const *)keys, 2, roles, NULL, &out, &err), "%s",
              err.text);
    json_decref(keys[0]);
    json_decref(keys[1]);
    return out;
}

json_t *offline_targets(const struct offline *offline, unsigned version, bool delegates)
{
    AUTO_JSON *list = delegates ? delegations(offline) : NULL;

    return tuf_make_targets(version, offline->expires_ms, offline->entries, list);
}

json_t *offline_os(const struct offline *offline, unsigned version)
{
    return tuf_make_targets(version, offline->expires_ms, offline->os_entries, NULL);
}

static json_t *entry(const void *data, size_t len, json_t *custom)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    json_t *out;

    hash_sha256(data, len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    out = json_pack("{s:I, s:{s:s}, s:o}", "length", (json_int_t)len, "hashes", "sha256", hex,
                    "custom", custom);
    cr_assert(out);
    return out;
}

json_t *offline_image(const char *version, unsigned counter, const void *data, size_t len)
{
    return entry(data, len,
                 json_pack("{s:s, s:{s:s, s:s, s:[s], s:i, s:i}}", "type", "os", "match", "name",
                           "base-os", "version", version, "hwids", "h1", "release_counter",
                           (int)counter, "security_epoch", 1));
}

json_t *offline_file(const char *text)
{
    return entry(text, strlen(text), json_pack("{s:s}", "type", "trust"));
}

struct buf offline_sign(json_t *body, struct sign_key *const *keys, size_t count)
{
    AUTO_JSON *owned = body;
    struct buf out;
    struct err err;

    buf_init(&out, TUF_TARGETS_BYTES_MAX);
    cr_assert(tuf_sign_document(owned, (const struct sign_key *const *)keys, count, &out, &err),
              "%s", err.text);
    return out;
}

void offline_add(struct repo_bundle *bundle, enum repo_kind kind, const char *role, json_t *body,
                 struct sign_key *key)
{
    AUTO_BUF bytes = offline_sign(body, &key, 1);

    repo_bundle_add(bundle, kind, role, &bytes);
}

void offline_add_first(const struct offline *offline, struct repo_bundle *bundle)
{
    (void)json_object_set_new(offline->os_entries, "os/h1/1.0/rootfs.img",
                              offline_image("1.0", 1, "first", 5));
    offline_add(bundle, REPO_IMAGE, "root", offline_root(offline, 1), offline->root);
    offline_add(bundle, REPO_IMAGE, "targets", offline_targets(offline, 1, true), offline->targets);
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(offline, 1), offline->os[0]);
}

/* --- publication -------------------------------------------------------------------------------
 */

static bool sign_online(const struct offline *offline, const struct repo_view *before,
                        struct repo_change *change, const char *role, int64_t now_ms,
                        struct err *err)
{
    bool is_snapshot = text_equal(role, "snapshot");
    const struct sign_key *key = is_snapshot ? offline->snapshot : offline->timestamp;
    char keyid[TUF_KEYID_ROOM];
    uint8_t sig[SIGN_BYTES];
    AUTO_BUF bytes;

    buf_init(&bytes, TUF_SNAPSHOT_BYTES_MAX);
    if (is_snapshot ? !repo_compose_snapshot(before, change, now_ms, &bytes, err)
                    : !repo_compose_timestamp(before, change, now_ms, &bytes, err))
        return false;
    tuf_keyid(sign_key_public(key), keyid);
    sign_make(key, bytes.data, bytes.len, sig);
    return repo_change_add_signed(change, role, &bytes, keyid, sig, err);
}

static struct repo_view *finish(const struct offline *offline, const struct repo_view *before,
                                struct repo_change *change, int64_t now_ms, struct err *err)
{
    if (repo_compose_needs_snapshot(before, change, now_ms) &&
        !sign_online(offline, before, change, "snapshot", now_ms, err))
        return NULL;
    if (repo_compose_needs_timestamp(before, change) &&
        !sign_online(offline, before, change, "timestamp", now_ms, err))
        return NULL;
    return repo_view_with(before, change->documents, change->count);
}

struct repo_view *offline_publish(const struct offline *offline, const struct repo_view *before,
                                  const struct repo_bundle *bundle, struct err *err)
{
    struct repo_online_keys keys = offline_online(offline);
    AUTO_REPO_CHANGE change = {0};

    *err = (struct err){0};
    if (!repo_compose_publication(before, bundle, &keys, offline->now_ms, &change, err))
        return NULL;
    return finish(offline, before, &change, offline->now_ms, err);
}

struct repo_view *offline_renew(const struct offline *offline, const struct repo_view *before,
                                int64_t now_ms, struct err *err)
{
    AUTO_REPO_CHANGE change = {0};

    *err = (struct err){0};
    return finish(offline, before, &change, now_ms, err);
}

struct repo_view *offline_nothing(void)
{
    return repo_view_new(1, "t", 0, NULL, 0);
}

/* --- the client --------------------------------------------------------------------------------
 */

enum { KEPT_MAX = 16 };

struct client {
    const struct repo_view *view;
    struct {
        char *name;
        struct buf bytes;
    } kept[KEPT_MAX];
    size_t count;
};

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    const struct client *client = arg;
    const struct repo_document *document = repo_view_find(client->view, REPO_IMAGE, name);

    if (!document)
        return err_set(err, ERR_NOT_FOUND, "no %s", name);
    if (document->bytes.len > max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s", name);
    buf_add(out, document->bytes.data, document->bytes.len);
    return true;
}

static bool load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct client *client = arg;

    for (size_t i = client->count; i > 0; i--) {
        if (text_equal(client->kept[i - 1].name, name)) {
            buf_add(out, client->kept[i - 1].bytes.data, client->kept[i - 1].bytes.len);
            return true;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "no %s", name);
}

static bool store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    struct client *client = arg;

    (void)err;
    cr_assert_lt(client->count, (size_t)KEPT_MAX);
    client->kept[client->count].name = mem_strdup(name);
    buf_init(&client->kept[client->count].bytes, len);
    buf_add(&client->kept[client->count].bytes, data, len);
    client->count++;
    return true;
}

static bool drop(void *arg, const char *name, struct err *err)
{
    (void)arg;
    (void)name;
    (void)err;
    return true;
}

bool offline_client_accepts(const struct offline *offline, const struct repo_view *view,
                            const char *path, struct err *err)
{
    struct client client = {.view = view};
    const struct tuf_io io = {
        .fetch = fetch, .load = load, .store = store, .drop = drop, .arg = &client};
    const struct repo_document *root = repo_view_find(view, REPO_IMAGE, "1.root.json");
    struct tuf_set *set = NULL;
    AUTO_TUF_TARGET target = {0};
    bool good;

    *err = (struct err){0};
    cr_assert(root && store(&client, "root.json", root->bytes.data, root->bytes.len, err));
    good = tuf_refresh(&io, &tuf_limits_device, offline->now_ms, &set, err) &&
           (!path || tuf_find(set, path, "h1", &target, err));
    tuf_set_free(set);
    for (size_t i = 0; i < client.count; i++) {
        mem_free(client.kept[i].name);
        buf_done(&client.kept[i].bytes);
    }
    return good;
}
