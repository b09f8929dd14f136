/*
 * The offline side of a tenant with two delegated roles, for stories about publication:
 *
 *     repo-publications ONLINE.json FOLDER COUNT
 *
 * writes FOLDER/1.json to FOLDER/COUNT.json, bodies for POST repo/publications. Number N holds
 * version N of targets, os-a and os-b, each with an image more than before, and number 1 the root,
 * too. So whoever ever sees two of the three at different versions sees a mixed state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/os/file.h"
#include "lib/tuf/tuf.h"

enum { ROOT_KEY, TARGETS_KEY, A_KEY, B_KEY, KEY_COUNT };

struct tenant {
    struct sign_key *keys[KEY_COUNT];
    json_t *online; /* as GET repo/online-keys gives it */
    int64_t expires_ms;
    json_t *a; /* entries of os-a */
    json_t *b;
};

NORETURN static void fail(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->text); /* the last words */
    exit(1);
}

static json_t *make_root(const struct tenant *tenant)
{
    struct tuf_root_plan plan = {.version = 1, .expires_ms = tenant->expires_ms};
    AUTO_JSON *root = tuf_key_json(sign_key_public(tenant->keys[ROOT_KEY]));
    AUTO_JSON *targets = tuf_key_json(sign_key_public(tenant->keys[TARGETS_KEY]));
    json_t *body;
    struct err err;

    plan.roles[TUF_ROOT].keys[0] = root;
    plan.roles[TUF_TARGETS].keys[0] = targets;
    plan.roles[TUF_SNAPSHOT].keys[0] =
        json_object_get(json_object_get(tenant->online, "snapshot"), "key");
    plan.roles[TUF_TIMESTAMP].keys[0] =
        json_object_get(json_object_get(tenant->online, "timestamp"), "key");
    for (size_t role = 0; role < TUF_ROLE_COUNT; role++)
        plan.roles[role].count = plan.roles[role].threshold = 1;
    if (!tuf_make_root(&plan, &body, &err))
        fail("root", &err);
    return body;
}

static json_t *delegation(const char *name, const char *path, const struct sign_key *key)
{
    char keyid[TUF_KEYID_ROOM];
    const char *keyids[] = {keyid};
    const struct tuf_delegation_plan plan = {.name = name,
                                             .keyids = keyids,
                                             .keyid_count = 1,
                                             .threshold = 1,
                                             .paths = &path,
                                             .path_count = 1,
                                             .terminating = true};

    tuf_keyid(sign_key_public(key), keyid);
    return tuf_delegation_json(&plan);
}

static json_t *make_targets(const struct tenant *tenant, unsigned version)
{
    AUTO_JSON *a = tuf_key_json(sign_key_public(tenant->keys[A_KEY]));
    AUTO_JSON *b = tuf_key_json(sign_key_public(tenant->keys[B_KEY]));
    const json_t *keys[] = {a, b};
    AUTO_JSON *delegations = NULL;
    AUTO_JSON *nothing = json_object();
    json_t *roles = json_array();
    struct err err;

    (void)json_array_append_new(roles, delegation("os-a", "os/a/*/*", tenant->keys[A_KEY]));
    (void)json_array_append_new(roles, delegation("os-b", "os/b/*/*", tenant->keys[B_KEY]));
    if (!tuf_delegations_json(keys, COUNT(keys), roles, NULL, &delegations, &err))
        fail("delegations", &err);
    return tuf_make_targets(version, tenant->expires_ms, nothing, delegations);
}

static void add_image(json_t *entries, const char *hwid, unsigned version)
{
    AUTO_FREE char *path = mem_printf("os/%s/%u/rootfs.img", hwid, version);
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    AUTO_FREE char *text = mem_printf("%u", version);

    hash_sha256(path, strlen(path), digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    (void)json_object_set_new(
        entries, path,
        json_pack("{s:i, s:{s:s}, s:{s:s, s:{s:s, s:s, s:[s], s:i, s:i}}}", "length", 1, "hashes",
                  "sha256", hex, "custom", "type", "os", "match", "name", "base-os", "version",
                  text, "hwids", hwid, "release_counter", (int)version, "security_epoch", 1));
}

static void add(json_t *documents, const char *role, json_t *body, const struct sign_key *key)
{
    AUTO_JSON *owned = body;
    AUTO_BUF text;
    struct err err;

    buf_init(&text, TUF_TARGETS_BYTES_MAX);
    if (!tuf_sign_document(owned, &key, 1, &text, &err))
        fail(role, &err);
    (void)json_array_append_new(documents, json_pack("{s:s, s:s, s:s}", "repository", "image",
                                                     "role", role, "text", buf_text(&text)));
}

static void write_publication(struct tenant *tenant, const char *folder, unsigned version)
{
    AUTO_FREE char *path = mem_printf("%s/%u.json", folder, version);
    AUTO_JSON *documents = json_array();
    AUTO_JSON *body = NULL;
    AUTO_FREE char *text = NULL;
    struct err err;

    if (version == 1)
        add(documents, "root", make_root(tenant), tenant->keys[ROOT_KEY]);
    add_image(tenant->a, "a", version);
    add_image(tenant->b, "b", version);
    add(documents, "targets", make_targets(tenant, version), tenant->keys[TARGETS_KEY]);
    add(documents, "os-a", tuf_make_targets(version, tenant->expires_ms, tenant->a, NULL),
        tenant->keys[A_KEY]);
    add(documents, "os-b", tuf_make_targets(version, tenant->expires_ms, tenant->b, NULL),
        tenant->keys[B_KEY]);
    body = json_pack("{s:O}", "documents", documents);
    text = json_text(body);
    if (!file_write(path, 0600, text, strlen(text), &err))
        fail(path, &err);
}

static json_t *read_online(const char *path)
{
    AUTO_BUF text;
    json_t *tree;
    struct err err;

    buf_init(&text, 100000);
    if (!file_read(path, &text, &err) ||
        !json_parse(text.data, text.len, &json_limits_api, &tree, &err))
        fail(path, &err);
    return tree;
}

int main(int argc, char **argv)
{
    struct tenant tenant = {0};
    uint64_t count;

    if (argc != 4 || !text_to_u64(argv[3], strlen(argv[3]), 1, 1000, &count)) {
        (void)fputs("usage: repo-publications ONLINE.json FOLDER COUNT\n", stderr);
        return 2;
    }
    for (int i = 0; i < KEY_COUNT; i++) {
        uint8_t seed[32];

        memset(seed, i + 1, sizeof(seed));
        tenant.keys[i] = sign_key_from_seed(seed);
    }
    tenant.online = read_online(argv[1]);
    tenant.expires_ms = clock_now_ms() + 365LL * 24 * 3600 * 1000;
    tenant.a = json_object();
    tenant.b = json_object();
    for (unsigned version = 1; version <= count; version++)
        write_publication(&tenant, argv[2], version);
    json_decref(tenant.a);
    json_decref(tenant.b);
    json_decref(tenant.online);
    for (size_t i = 0; i < KEY_COUNT; i++)
        sign_key_free(tenant.keys[i]);
    return 0;
}
