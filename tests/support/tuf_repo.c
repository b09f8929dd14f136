/* Everything is a list of named byte strings; nothing is clever. */
#include "tests/support/tuf_repo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static bool on_fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct tuf_repo *repo = arg;
    const struct buf *file = tuf_repo_file(repo, name);
    size_t at = strlen(repo->fetched);

    repo->fetch_count++;
    if (at + strlen(name) + 2 < sizeof(repo->fetched))
        (void)snprintf(repo->fetched + at, sizeof(repo->fetched) - at, "%s ", name);
    if (!file)
        return err_set(err, ERR_NOT_FOUND, "404");
    if (file->len > max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "longer than %zu", max);
    buf_add(out, file->data, file->len);
    return true;
}

struct buf *tuf_repo_stored(struct tuf_repo *repo, const char *name)
{
    for (size_t i = 0; i < repo->stored_count; i++) {
        if (text_equal(repo->stored[i].name, name))
            return &repo->stored[i].bytes;
    }
    return NULL;
}

static bool on_load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct buf *file = tuf_repo_stored(arg, name);

    if (!file || file->len == 0)
        return err_set(err, ERR_NOT_FOUND, "nothing stored");
    buf_add(out, file->data, file->len);
    return true;
}

static bool on_store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    struct tuf_repo *repo = arg;
    struct buf *file = tuf_repo_stored(repo, name);

    (void)err;
    if (!file) {
        ASSERT(repo->stored_count < TUF_REPO_ROLES);
        ASSERT(
            text_copy(repo->stored[repo->stored_count].name, sizeof(repo->stored[0].name), name));
        file = &repo->stored[repo->stored_count++].bytes;
        buf_init(file, TUF_TARGETS_BYTES_MAX);
    }
    buf_reset(file);
    buf_add(file, data, len);
    return true;
}

static bool on_drop(void *arg, const char *name, struct err *err)
{
    struct buf *file = tuf_repo_stored(arg, name);

    (void)err;
    if (file)
        buf_reset(file);
    return true;
}

struct tuf_repo *tuf_repo_new(void)
{
    struct tuf_repo *repo = mem_alloc(sizeof(*repo));

    repo->now_ms = 1795370400000; /* 2026-11-22T18:00:00Z */
    repo->expires_ms = repo->now_ms + INT64_C(24) * 3600 * 1000;
    repo->root_expires_ms = repo->now_ms + INT64_C(365) * 24 * 3600 * 1000;
    for (size_t i = 0; i < COUNT(repo->keys); i++) {
        uint8_t seed[32];

        memset(seed, (int)(i + 1), sizeof(seed));
        repo->keys[i] = sign_key_from_seed(seed);
    }
    for (size_t i = 0; i < TUF_ROLE_COUNT; i++)
        repo->key_of[i] = i;
    repo->targets = json_object();
    repo->io = (struct tuf_io){
        .fetch = on_fetch, .load = on_load, .store = on_store, .drop = on_drop, .arg = repo};
    return repo;
}

void tuf_repo_free(struct tuf_repo *repo)
{
    if (!repo)
        return;
    for (size_t i = 0; i < COUNT(repo->keys); i++)
        sign_key_free(repo->keys[i]);
    for (size_t i = 0; i < repo->file_count; i++)
        buf_done(&repo->files[i].bytes);
    for (size_t i = 0; i < repo->stored_count; i++)
        buf_done(&repo->stored[i].bytes);
    json_decref(repo->targets);
    json_decref(repo->delegations);
    mem_free(repo);
}

struct buf *tuf_repo_file(struct tuf_repo *repo, const char *name)
{
    for (size_t i = 0; i < repo->file_count; i++) {
        if (text_equal(repo->files[i].name, name))
            return &repo->files[i].bytes;
    }
    return NULL;
}

void tuf_repo_put_bytes(struct tuf_repo *repo, const char *name, const void *data, size_t len)
{
    struct buf *file = tuf_repo_file(repo, name);

    if (!file) {
        ASSERT(repo->file_count < TUF_REPO_FILES);
        file = &repo->files[repo->file_count].bytes;
        ASSERT(text_copy(repo->files[repo->file_count].name, sizeof(repo->files[0].name), name));
        repo->file_count++;
        buf_init(file, 8 << 20);
    }
    buf_reset(file);
    buf_add(file, data, len);
    ASSERT(!file->failed);
}

void tuf_repo_put(struct tuf_repo *repo, const char *name, json_t *body, const size_t *keys,
                  size_t count)
{
    const struct sign_key *signers[TUF_REPO_KEYS];
    struct err err = {0};
    AUTO_BUF document;

    buf_init(&document, 8 << 20);
    for (size_t i = 0; i < count; i++)
        signers[i] = repo->keys[keys[i]];
    ASSERT(tuf_sign_document(body, signers, count, &document, &err));
    json_decref(body);
    tuf_repo_put_bytes(repo, name, document.data, document.len);
}

json_t *tuf_repo_root(struct tuf_repo *repo, uint64_t version)
{
    struct tuf_root_plan plan = {.version = version, .expires_ms = repo->root_expires_ms};
    json_t *keys[TUF_ROLE_COUNT];
    json_t *body = NULL;
    struct err err = {0};

    for (size_t i = 0; i < TUF_ROLE_COUNT; i++) {
        keys[i] = tuf_key_json(sign_key_public(repo->keys[repo->key_of[i]]));
        plan.roles[i].keys[0] = keys[i];
        plan.roles[i].count = 1;
        plan.roles[i].threshold = 1;
    }
    ASSERT(tuf_make_root(&plan, &body, &err));
    for (size_t i = 0; i < TUF_ROLE_COUNT; i++)
        json_decref(keys[i]);
    return body;
}

static struct tuf_listed listed_file(struct tuf_repo *repo, const char *role, uint64_t version)
{
    struct tuf_listed listed = {.name = role, .version = version};
    char name[TUF_FILE_NAME_ROOM];
    const struct buf *file;

    ASSERT(tuf_file_name(role, version, name, sizeof(name)));
    file = tuf_repo_file(repo, name);
    ASSERT(file);
    listed.length = file->len;
    hash_sha256(file->data, file->len, listed.sha256);
    return listed;
}

json_t *tuf_repo_snapshot(struct tuf_repo *repo, uint64_t version, uint64_t targets_version)
{
    struct tuf_listed listed[TUF_REPO_ROLES + 1];

    listed[0] = listed_file(repo, "targets", targets_version);
    for (size_t i = 0; i < repo->role_count; i++)
        listed[i + 1] = listed_file(repo, repo->roles[i].name, repo->roles[i].version);
    return tuf_make_snapshot(version, repo->expires_ms, listed, repo->role_count + 1);
}

json_t *tuf_repo_timestamp(struct tuf_repo *repo, uint64_t version, uint64_t snapshot_version)
{
    struct tuf_listed listed = listed_file(repo, "snapshot", snapshot_version);

    return tuf_make_timestamp(version, repo->expires_ms, snapshot_version, listed.length,
                              listed.sha256);
}

json_t *tuf_repo_entry(const char *hwid, uint64_t counter, uint8_t sha256_byte)
{
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    json_t *entry;

    memset(sha256, sha256_byte, sizeof(sha256));
    text_from_hex_bytes(sha256, sizeof(sha256), hex);
    entry = json_pack("{s:i, s:{s:s}, s:{s:s, s:{s:s, s:s, s:[s], s:I, s:i}}}", "length", 1000,
                      "hashes", "sha256", hex, "custom", "type", "os", "match", "name", "base-os",
                      "version", "v1", "hwids", hwid, "release_counter", (json_int_t)counter,
                      "security_epoch", 0);
    ASSERT(entry);
    return entry;
}

static void put_versioned(struct tuf_repo *repo, enum tuf_role role, uint64_t version, json_t *body)
{
    char name[48];

    (void)snprintf(name, sizeof(name), "%" PRIu64 ".%s.json", version, tuf_role_name(role));
    tuf_repo_put(repo, name, body, &repo->key_of[role], 1);
}

void tuf_repo_put_root(struct tuf_repo *repo, uint64_t version)
{
    put_versioned(repo, TUF_ROOT, version, tuf_repo_root(repo, version));
}

void tuf_repo_put_targets(struct tuf_repo *repo, uint64_t version)
{
    put_versioned(repo, TUF_TARGETS, version,
                  tuf_make_targets(version, repo->expires_ms, repo->targets, repo->delegations));
}

void tuf_repo_put_snapshot(struct tuf_repo *repo, uint64_t version, uint64_t targets_version)
{
    put_versioned(repo, TUF_SNAPSHOT, version, tuf_repo_snapshot(repo, version, targets_version));
}

void tuf_repo_put_timestamp(struct tuf_repo *repo, uint64_t version, uint64_t snapshot_version)
{
    tuf_repo_put(repo, "timestamp.json", tuf_repo_timestamp(repo, version, snapshot_version),
                 &repo->key_of[TUF_TIMESTAMP], 1);
}

void tuf_repo_publish(struct tuf_repo *repo, uint64_t version)
{
    tuf_repo_put_targets(repo, version);
    tuf_repo_put_snapshot(repo, version, version);
    tuf_repo_put_timestamp(repo, version, version);
}

void tuf_repo_trust(struct tuf_repo *repo, const char *root_name)
{
    const struct buf *file = tuf_repo_file(repo, root_name);
    struct err err = {0};

    ASSERT(file && on_store(repo, "root.json", file->data, file->len, &err));
}

uint64_t tuf_repo_kept(struct tuf_repo *repo, enum tuf_role role)
{
    return tuf_repo_kept_role(repo, tuf_role_name(role));
}

uint64_t tuf_repo_kept_role(struct tuf_repo *repo, const char *name)
{
    char file_name[TUF_FILE_NAME_ROOM];
    struct tuf_facts facts = {0};
    struct err err = {0};
    const struct buf *file;

    ASSERT(tuf_file_name(name, 0, file_name, sizeof(file_name)));
    file = tuf_repo_stored(repo, file_name);
    if (!file || file->len == 0)
        return 0;
    ASSERT(tuf_peek(file->data, file->len, &facts, &err));
    ASSERT(text_equal(tuf_role_name(facts.role), name) || facts.role == TUF_TARGETS);
    return facts.version;
}

void tuf_repo_put_role(struct tuf_repo *repo, const char *name, uint64_t version, json_t *targets,
                       json_t *delegations, size_t key)
{
    char file_name[TUF_FILE_NAME_ROOM];
    size_t at = 0;

    ASSERT(tuf_file_name(name, version, file_name, sizeof(file_name)));
    tuf_repo_put(repo, file_name, tuf_make_targets(version, repo->expires_ms, targets, delegations),
                 &key, 1);
    json_decref(targets);
    json_decref(delegations);
    while (at < repo->role_count && !text_equal(repo->roles[at].name, name))
        at++;
    ASSERT(at < TUF_REPO_ROLES &&
           text_copy(repo->roles[at].name, sizeof(repo->roles[at].name), name));
    repo->roles[at].version = version;
    if (at == repo->role_count)
        repo->role_count++;
}

json_t *tuf_repo_delegation(const struct tuf_repo *repo, const char *name, size_t key,
                            const char *pattern)
{
    char keyid[TUF_KEYID_ROOM];
    const char *const keyids[] = {keyid};
    const struct tuf_delegation_plan plan = {.name = name,
                                             .keyids = keyids,
                                             .keyid_count = 1,
                                             .threshold = 1,
                                             .paths = &pattern,
                                             .path_count = 1};

    tuf_keyid(sign_key_public(repo->keys[key]), keyid);
    return tuf_delegation_json(&plan);
}

json_t *tuf_repo_delegations(const struct tuf_repo *repo, json_t *const *roles, size_t count)
{
    const json_t *keys[TUF_REPO_KEYS];
    json_t *list = json_array();
    json_t *out = NULL;
    struct err err = {0};

    for (size_t i = 0; i < TUF_REPO_KEYS; i++)
        keys[i] = tuf_key_json(sign_key_public(repo->keys[i]));
    for (size_t i = 0; i < count; i++)
        ASSERT(json_array_append_new(list, roles[i]) == 0);
    ASSERT(tuf_delegations_json(keys, TUF_REPO_KEYS, list, NULL, &out, &err));
    for (size_t i = 0; i < TUF_REPO_KEYS; i++)
        json_decref(json_iterable(keys[i]));
    return out;
}

void tuf_repo_forget(struct tuf_repo *repo, const char *name)
{
    struct buf *file = tuf_repo_stored(repo, name);

    if (file)
        buf_reset(file);
}

const char *tuf_repo_fetched(const struct tuf_repo *repo)
{
    return repo->fetched;
}

void tuf_repo_add_root_key(const struct tuf_repo *repo, json_t *root, size_t key,
                           unsigned threshold)
{
    json_t *rule = json_object_get(json_object_get(root, "roles"), "root");
    json_t *keys = json_object_get(root, "keys");
    const uint8_t *public_key = sign_key_public(repo->keys[key]);
    char keyid[TUF_KEYID_ROOM];

    tuf_keyid(public_key, keyid);
    ASSERT(json_object_set_new(keys, keyid, tuf_key_json(public_key)) == 0);
    ASSERT(json_array_append_new(json_object_get(rule, "keyids"), json_string(keyid)) == 0);
    ASSERT(json_object_set_new(rule, "threshold", json_integer(threshold)) == 0);
}

bool tuf_repo_refresh(struct tuf_repo *repo, struct tuf_set **set, struct err *err)
{
    struct tuf_set *got = NULL;

    repo->fetched[0] = '\0';
    repo->fetch_count = 0;
    if (!tuf_refresh(&repo->io, &tuf_limits_wide, repo->now_ms, &got, err))
        return false;
    if (set)
        *set = got;
    else
        tuf_set_free(got);
    return true;
}

struct tuf_repo *tuf_repo_new_updated(void)
{
    struct tuf_repo *repo = tuf_repo_new();
    struct err err = {0};

    ASSERT(json_object_set_new(repo->targets, "os/h1/v1/a.img", tuf_repo_entry("h1", 1, 1)) == 0);
    tuf_repo_put_root(repo, 1);
    tuf_repo_trust(repo, "1.root.json");
    tuf_repo_publish(repo, 1);
    ASSERT(tuf_repo_refresh(repo, NULL, &err));
    return repo;
}
