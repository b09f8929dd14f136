/* What a server does with a publication, in fifty lines: verify, list, sign the list. */
#include "tests/support/owner.h"

#include <criterion/criterion.h>

#include <string.h>

#include "cli/trust/signers.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/temp.h"

static const char *const online_names[OWNER_ONLINE] = {"snapshot", "timestamp", "director", "time"};

static bool on_fetch(void *arg, const char *repository, const char *name, size_t max,
                     struct buf *out, struct err *err)
{
    const struct owner *owner = arg;
    AUTO_FREE char *file = mem_printf("%s/%s", repository, name);
    const struct buf *bytes = binder_get(&owner->files, file);

    (void)max;
    if (!bytes)
        return err_set(err, ERR_NOT_FOUND, "there is no %s", file);
    buf_add(out, bytes->data, bytes->len);
    return true;
}

static json_t *make_online(struct owner *owner)
{
    json_t *all = json_object();

    for (size_t i = 0; i < OWNER_ONLINE; i++) {
        char keyid[TUF_KEYID_ROOM];

        owner->online[i] = sign_key_new();
        tuf_keyid(sign_key_public(owner->online[i]), keyid);
        json_object_set_new(all, online_names[i],
                            json_pack("{s:s, s:o}", "keyid", keyid, "key",
                                      tuf_key_json(sign_key_public(owner->online[i]))));
    }
    return all;
}

static void put(struct owner *owner, const char *repository, const char *name,
                const struct buf *bytes)
{
    AUTO_FREE char *file = mem_printf("%s/%s", repository, name);

    binder_put(&owner->files, file, bytes->data, bytes->len);
}

static void put_signed(struct owner *owner, const char *name, json_t *body, size_t key)
{
    AUTO_JSON *owned = body;
    const struct sign_key *const keys[] = {owner->online[key]};
    struct err err = {0};
    AUTO_BUF bytes;

    buf_init(&bytes, TUF_SNAPSHOT_BYTES_MAX);
    cr_assert(tuf_sign_document(owned, keys, 1, &bytes, &err), "%s", err.text);
    put(owner, "image", name, &bytes);
}

static struct tuf_listed list_one(const char *name, const struct buf *bytes)
{
    struct tuf_listed listed = {.name = name, .length = bytes->len};
    struct tuf_facts facts;
    struct err err;

    cr_assert(tuf_peek(bytes->data, bytes->len, &facts, &err));
    listed.version = facts.version;
    hash_sha256(bytes->data, bytes->len, listed.sha256);
    return listed;
}

/* Snapshot and timestamp over what is in `roles`. */
static void put_online(struct owner *owner, const struct binder *roles)
{
    AUTO_FREE struct tuf_listed *listed = mem_array(roles->count + 1, sizeof(*listed));
    int64_t expires_ms = clock_now_ms() + EDIT_DAY_MS;
    AUTO_FREE char *name = mem_printf("%llu.snapshot.json", (unsigned long long)++owner->version);
    struct tuf_listed snapshot;
    size_t count = 0;

    for (size_t i = 0; i < roles->count; i++) {
        if (!text_equal(roles->items[i].name, "root"))
            listed[count++] = list_one(roles->items[i].name, &roles->items[i].bytes);
    }
    put_signed(owner, name, tuf_make_snapshot(owner->version, expires_ms, listed, count), 0);
    AUTO_FREE char *file = mem_printf("image/%s", name);
    snapshot = list_one("snapshot", binder_get(&owner->files, file));
    put_signed(owner, "timestamp.json",
               tuf_make_timestamp(owner->version, expires_ms, snapshot.version, snapshot.length,
                                  snapshot.sha256),
               1);
}

static bool check_document(const struct owner *owner, const struct binder *roles,
                           const struct bundle_document *document, const struct buf *bytes,
                           struct err *err)
{
    AUTO_FREE struct tuf_named *items = mem_array(roles->count + 1, sizeof(*items));
    AUTO_FREE struct tuf_named *items_before = NULL;
    const struct tuf_published before = state_published(&owner->state, &items_before);
    const struct tuf_published published = {items, roles->count, &before};
    int64_t now_ms = clock_now_ms();

    for (size_t i = 0; i < roles->count; i++)
        items[i] = (struct tuf_named){roles->items[i].name, &roles->items[i].bytes};
    if (text_equal(document->repository, "director"))
        return tuf_check_director_root(state_document(&owner->state, "director", "root"), bytes,
                                       now_ms, err);
    if (text_equal(document->role, "root"))
        return tuf_check_root_step(binder_get(roles, "root"), bytes, now_ms, err);
    return tuf_check_role(&published, document->role, bytes, now_ms, err);
}

static void put_document(struct owner *owner, const struct bundle_document *document,
                         const struct buf *bytes)
{
    char name[TUF_FILE_NAME_ROOM];

    cr_assert(tuf_file_name(document->role, document->version, name, sizeof(name)));
    put(owner, document->repository, name, bytes);
}

static void put_files(struct owner *owner, const struct bundle *bundle)
{
    const json_t *item;
    size_t i;

    json_array_foreach(bundle->files, i, item)
    {
        const char *path = json_string_value(json_object_get(item, "path"));
        const char *text = json_string_value(json_object_get(item, "text"));
        uint8_t digest[HASH_BYTES];
        char hex[HASH_HEX_ROOM];
        AUTO_FREE char *file = NULL;

        hash_sha256(text, strlen(text), digest);
        text_from_hex_bytes(digest, sizeof(digest), hex);
        file = mem_printf("files/trust/%s.%s", hex, path + strlen("trust/"));
        binder_put(&owner->files, file, text, strlen(text));
    }
}

static bool check_all(const struct owner *owner, const struct bundle *bundle, struct binder *roles,
                      struct err *err)
{
    AUTO_FREE struct tuf_named *items = NULL;
    struct tuf_published published;

    for (size_t i = 0; i < bundle->count; i++) {
        AUTO_BUF bytes;

        buf_init(&bytes, TUF_TARGETS_BYTES_MAX);
        bundle_document_format(&bundle->documents[i], &bytes);
        if (!check_document(owner, roles, &bundle->documents[i], &bytes, err))
            return err_wrap(err, "%s", bundle->documents[i].role);
        if (text_equal(bundle->documents[i].repository, "image"))
            binder_put(roles, bundle->documents[i].role, bytes.data, bytes.len);
    }
    items = mem_array(roles->count + 1, sizeof(*items));
    for (size_t i = 0; i < roles->count; i++)
        items[i] = (struct tuf_named){roles->items[i].name, &roles->items[i].bytes};
    published = (struct tuf_published){items, roles->count, NULL};
    return tuf_check_whole(&published, err);
}

static void reload(struct owner *owner)
{
    struct err err = {0};
    struct state_roots roots = {.image = binder_get(&owner->files, "image/1.root.json")};

    state_done(&owner->state);
    owner->state = (struct state){0};
    cr_assert(state_load(&owner->source, &roots, clock_now_ms(), &owner->state, &err), "%s",
              err.text);
}

bool owner_publish(struct owner *owner, const struct bundle *bundle, struct err *err)
{
    AUTO_BINDER roles = {0};

    for (size_t i = 0; i < owner->state.roles.count; i++)
        binder_put(&roles, owner->state.roles.items[i].name, owner->state.roles.items[i].bytes.data,
                   owner->state.roles.items[i].bytes.len);
    if (!check_all(owner, bundle, &roles, err))
        return false;
    for (size_t i = 0; i < bundle->count; i++) {
        AUTO_BUF bytes;

        buf_init(&bytes, TUF_TARGETS_BYTES_MAX);
        bundle_document_format(&bundle->documents[i], &bytes);
        put_document(owner, &bundle->documents[i], &bytes);
    }
    put_files(owner, bundle);
    put_online(owner, &roles);
    reload(owner);
    return true;
}

bool owner_respond(struct owner *owner, struct bundle *bundle, const json_t *response,
                   struct err *err)
{
    const json_t *row;
    const json_t *item;
    size_t r, i;

    json_array_foreach(json_object_get(response, "documents"), r, row)
    {
        struct bundle_document *document =
            bundle_find(bundle, json_string_value(json_object_get(row, "repository")),
                        json_string_value(json_object_get(row, "role")));

        cr_assert(document);
        json_array_foreach(json_object_get(row, "signatures"), i, item)
        {
            (void)bundle_add_signature(document, json_string_value(json_object_get(item, "keyid")),
                                       json_string_value(json_object_get(item, "sig")));
        }
    }
    return owner_publish(owner, bundle, err);
}

static void write_file(const char *dir, const char *name, const struct buf *bytes)
{
    AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
    AUTO_FREE char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    struct err err;

    cr_assert(file_make_dirs(folder, 0755, &err));
    cr_assert(file_write(path, 0644, bytes->data, bytes->len, &err), "%s", err.text);
}

void owner_write(const struct owner *owner, const char *dir)
{
    static const char mark[] = "{\"tenant\":\"acme\",\"hwids\":[]}";
    AUTO_FREE char *path = mem_printf("%s/slipway.json", dir);
    struct err err;

    for (size_t i = 0; i < owner->files.count; i++) {
        const char *name = owner->files.items[i].name;

        write_file(dir, text_starts_with(name, "image/") ? name + strlen("image/") : name,
                   &owner->files.items[i].bytes);
    }
    cr_assert(file_write(path, 0644, mark, strlen(mark), &err));
}

void owner_sign(struct owner *owner, const struct plan *plan, struct bundle *out)
{
    AUTO_KEYRING ring = {0};
    struct err err = {0};
    size_t added = 0;

    cr_assert(keyring_add_dir(&ring, owner->keys, &err), "%s", err.text);
    cr_assert(plan_freeze(plan, "acme", "test", out, &err), "%s", err.text);
    for (size_t i = 0; i < out->count; i++)
        cr_assert(
            keyring_sign(&ring, out->documents[i].keyids, &out->documents[i], NULL, &added, &err),
            "%s", err.text);
}

void owner_read(const char *path, struct bundle *out)
{
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    cr_assert(file_read(path, &text, &err), "%s", err.text);
    cr_assert(bundle_parse(text.data, text.len, out, &err), "%s", err.text);
}

static void keep_root(const struct owner *owner, const char *file, const char *name)
{
    write_file(owner->keys, name, binder_get(&owner->files, file));
}

struct owner *owner_new(const char *profile)
{
    struct owner *owner = mem_alloc(sizeof(*owner));
    const struct profile *row = profile_find(profile);
    const struct ceremony_options options = {.expires_days = CEREMONY_EXPIRES_DAYS};
    struct ceremony ceremony = {.options = &options};
    static struct option_texts hwids = {{"h1", "h2"}, 2};
    static struct option_texts pins;
    struct init_plan first = {row, NULL, NULL, &hwids, &pins};
    AUTO_BUNDLE bundle = {0};
    struct err err = {0};

    *owner = (struct owner){.keys = mem_strdup(temp_path(profile))};
    owner->source = (struct state_source){on_fetch, owner};
    owner->online_json = make_online(owner);
    first.dir = owner->keys;
    first.online = owner->online_json;
    plan_init(&ceremony.plan, &owner->state, clock_now_ms(), CEREMONY_EXPIRES_DAYS);
    cr_assert(init_make_keys(row, owner->keys, &err), "%s", err.text);
    cr_assert(keyring_add_dir(&ceremony.ring, owner->keys, &err), "%s", err.text);
    cr_assert(init_first_documents(&ceremony, &first, &err), "%s", err.text);
    owner_sign(owner, &ceremony.plan, &bundle);
    cr_assert(owner_publish(owner, &bundle, &err), "%s: %s", profile, err.text);
    keep_root(owner, "image/1.root.json", "root.json");
    keep_root(owner, "director/1.root.json", "director-root.json");
    ceremony_done(&ceremony);
    return owner;
}

void owner_free(struct owner *owner)
{
    state_done(&owner->state);
    binder_done(&owner->files);
    json_decref(owner->online_json);
    mem_free(owner->keys);
    for (size_t i = 0; i < OWNER_ONLINE; i++)
        sign_key_free(owner->online[i]);
    mem_free(owner);
}
