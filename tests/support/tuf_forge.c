/* Bodies are jansson trees, so that any lie can be told of them; documents are written with
 * jansson's own escapes, as other people's tools do. */
#include "tests/support/tuf_forge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"

enum { FILE_BYTES_MAX = 8 << 20 };
static const int64_t day_ms = INT64_C(86400) * 1000;

static void set(json_t *object, const char *name, json_t *value)
{
    ASSERT(object && value && json_object_set_new(object, name, value) == 0);
}

/* --- files -------------------------------------------------------------------------------------
 */

static struct forge_file *find_file(struct tuf_forge *forge, const char *name)
{
    for (size_t i = 0; i < forge->file_count; i++) {
        if (text_equal(forge->files[i].name, name))
            return &forge->files[i];
    }
    return NULL;
}

struct web_answer *forge_file(struct tuf_forge *forge, const char *name)
{
    struct forge_file *file = find_file(forge, name);

    ASSERT(file);
    return &file->answer;
}

void forge_put_file(struct tuf_forge *forge, const char *name, const void *data, size_t len)
{
    struct forge_file *file = find_file(forge, name);

    if (!file) {
        ASSERT(forge->file_count < FORGE_FILES);
        file = &forge->files[forge->file_count++];
        ASSERT(text_copy(file->name, sizeof(file->name), name));
        buf_init(&file->answer.body, FILE_BYTES_MAX);
    }
    file->answer.status = 200;
    file->answer.manner = WEB_WHOLE;
    file->answer.lines[0] = '\0';
    buf_reset(&file->answer.body);
    buf_add(&file->answer.body, data, len);
    ASSERT(!file->answer.body.failed);
}

void forge_drop_file(struct tuf_forge *forge, const char *name)
{
    forge_file(forge, name)->status = 404;
}

void forge_alter(struct tuf_forge *forge, const char *name, const char *from, const char *to)
{
    const struct web_answer *file = forge_file(forge, name);
    const char *text = buf_text(&file->body);
    const char *at = strstr(text, from);
    AUTO_BUF fresh;

    buf_init(&fresh, FILE_BYTES_MAX);
    ASSERT(at);
    buf_add(&fresh, text, (size_t)(at - text));
    buf_add_text(&fresh, to);
    buf_add_text(&fresh, at + strlen(from));
    forge_put_file(forge, name, fresh.data, fresh.len);
}

void forge_answer(struct tuf_forge *forge, const char *base, const char *path,
                  struct web_answer *answer)
{
    const struct forge_file *file;

    if (!text_starts_with(path, base))
        return;
    path += strlen(base);
    if (text_starts_with(path, "/metadata/"))
        path += strlen("/metadata/");
    else if (text_starts_with(path, "/targets/"))
        path++;
    else
        return;
    file = find_file(forge, path);
    if (!file || file->answer.status == 404)
        return;
    answer->status = file->answer.status;
    answer->manner = file->answer.manner;
    memcpy(answer->lines, file->answer.lines, sizeof(answer->lines));
    buf_add(&answer->body, file->answer.body.data, file->answer.body.len);
}

/* --- roles -------------------------------------------------------------------------------------
 */

static struct forge_role *find_role(struct tuf_forge *forge, const char *name)
{
    for (size_t i = 0; i < forge->role_count; i++) {
        if (text_equal(forge->roles[i].name, name))
            return &forge->roles[i];
    }
    return NULL;
}

struct forge_role *forge_role(struct tuf_forge *forge, const char *name)
{
    struct forge_role *role = find_role(forge, name);

    ASSERT(role);
    return role;
}

static json_t *time_json(int64_t time_ms)
{
    char text[TEXT_TIME_ROOM];

    text_from_time(time_ms - time_ms % 1000, text);
    return json_string(text);
}

static struct forge_role *add_role(struct tuf_forge *forge, const char *name, const char *type)
{
    struct forge_role *role = &forge->roles[forge->role_count++];

    ASSERT(forge->role_count <= FORGE_ROLES);
    role->name = mem_strdup(name);
    role->body = json_pack("{s:s, s:s, s:i, s:o}", "_type", type, "spec_version", "1.0.31",
                           "version", 1, "expires", time_json(forge->expires_ms));
    if (text_equal(type, "targets"))
        set(role->body, "targets", json_object());
    return role;
}

uint64_t forge_version(struct tuf_forge *forge, const char *role)
{
    return (uint64_t)json_integer_value(json_object_get(forge_role(forge, role)->body, "version"));
}

void forge_set_version(struct tuf_forge *forge, const char *role, uint64_t version)
{
    set(forge_role(forge, role)->body, "version", json_integer((json_int_t)version));
}

void forge_set_expiry(struct tuf_forge *forge, const char *role, int64_t days_from_now)
{
    set(forge_role(forge, role)->body, "expires",
        time_json(clock_now_ms() + days_from_now * day_ms));
}

static void file_name(const char *role, uint64_t version, char out[FORGE_NAME_ROOM])
{
    size_t at = 0;

    if (version)
        at = (size_t)snprintf(out, FORGE_NAME_ROOM, "%" PRIu64 ".", version);
    for (; *role; role++) {
        bool plain = (*role >= 'a' && *role <= 'z') || (*role >= 'A' && *role <= 'Z') ||
                     (*role >= '0' && *role <= '9') || strchr("._~-", *role);

        ASSERT(at + 9 < FORGE_NAME_ROOM);
        at += (size_t)snprintf(out + at, FORGE_NAME_ROOM - at, plain ? "%c" : "%%%02X",
                               (unsigned)(uint8_t)*role);
    }
    ASSERT(text_copy(out + at, FORGE_NAME_ROOM - at, ".json"));
}

void forge_put(struct tuf_forge *forge, const char *name)
{
    struct forge_role *role = forge_role(forge, name);
    bool versioned = !text_equal(name, "timestamp");
    AUTO_JSON *document = json_pack("{s:[], s:O}", "signatures", "signed", role->body);
    json_t *signatures = json_object_get(document, "signatures");
    AUTO_FREE char *text = NULL;
    char file[FORGE_NAME_ROOM];
    struct err err = {0};
    AUTO_BUF bytes;

    buf_init(&bytes, FILE_BYTES_MAX);
    ASSERT(json_canonical(role->body, &bytes, &err));
    for (size_t i = 0; i < role->key_count; i++)
        ASSERT(json_array_append_new(signatures, test_key_sign(role->keys[i], &bytes)) == 0);
    text = json_text(document);
    role->put_version = forge_version(forge, name);
    file_name(name, versioned ? role->put_version : 0, file);
    forge_put_file(forge, file, text, strlen(text));
}

void forge_bump(struct tuf_forge *forge, const char *role)
{
    forge_set_version(forge, role, forge_version(forge, role) + 1);
    forge_put(forge, role);
}

static json_t *listed(struct tuf_forge *forge, const struct forge_role *role)
{
    json_t *file = json_pack("{s:I}", "version", (json_int_t)role->put_version);
    char name[FORGE_NAME_ROOM];
    char hex[HASH_HEX_ROOM];
    uint8_t hash[HASH_BYTES];
    const struct buf *bytes;

    if (!forge->with_hashes)
        return file;
    file_name(role->name, role->put_version, name);
    bytes = &forge_file(forge, name)->body;
    hash_sha256(bytes->data, bytes->len, hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    set(file, "length", json_integer((json_int_t)bytes->len));
    set(file, "hashes", json_pack("{s:s}", "sha256", hex));
    return file;
}

static void list_snapshot(struct tuf_forge *forge)
{
    set(forge_role(forge, "timestamp")->body, "meta",
        json_pack("{s:o}", "snapshot.json", listed(forge, forge_role(forge, "snapshot"))));
}

void forge_timestamp(struct tuf_forge *forge)
{
    list_snapshot(forge);
    forge_bump(forge, "timestamp");
}

static void list_roles(struct tuf_forge *forge)
{
    json_t *meta = json_object();

    for (size_t i = 0; i < forge->role_count; i++) {
        const struct forge_role *role = &forge->roles[i];
        AUTO_FREE char *name = mem_printf("%s.json", role->name);

        if (json_object_get(role->body, "targets") && !role->unlisted && role->put_version)
            set(meta, name, listed(forge, role));
    }
    set(forge_role(forge, "snapshot")->body, "meta", meta);
}

void forge_snapshot(struct tuf_forge *forge)
{
    list_roles(forge);
    forge_bump(forge, "snapshot");
    forge_timestamp(forge);
}

json_t *forge_listed(struct tuf_forge *forge, const char *role)
{
    AUTO_FREE char *name = mem_printf("%s.json", role);
    json_t *meta = json_object_get(forge_role(forge, "snapshot")->body, "meta");

    ASSERT(json_object_get(meta, name));
    return json_object_get(meta, name);
}

/* --- keys and delegations ----------------------------------------------------------------------
 */

struct test_key *forge_key(struct tuf_forge *forge)
{
    ASSERT(forge->key_count < COUNT(forge->keys));
    return forge->keys[forge->key_count++] = test_key_new(forge->kind);
}

/* The object that has "keys" and "roles". */
static json_t *authority(struct tuf_forge *forge, const char *from)
{
    json_t *body = forge_role(forge, from)->body;

    return text_equal(from, "root") ? body : json_object_get(body, "delegations");
}

json_t *forge_rule(struct tuf_forge *forge, const char *from, const char *role)
{
    json_t *roles = json_object_get(authority(forge, from), "roles");

    if (json_is_object(roles))
        return json_object_get(roles, role);
    for (size_t i = 0; i < json_array_size(roles); i++) {
        json_t *rule = json_array_get(roles, i);

        if (text_equal(json_string_value(json_object_get(rule, "name")), role))
            return rule;
    }
    return NULL;
}

void forge_list_key(struct tuf_forge *forge, const char *from, const char *role,
                    const struct test_key *key, const char *keyid)
{
    json_t *keyids = json_object_get(forge_rule(forge, from, role), "keyids");

    set(json_object_get(authority(forge, from), "keys"), keyid, json_deep_copy(test_key_json(key)));
    ASSERT(json_array_append_new(keyids, json_string(keyid)) == 0);
}

void forge_add_key(struct tuf_forge *forge, const char *from, const char *role,
                   const struct test_key *key)
{
    struct forge_role *signer = forge_role(forge, role);

    forge_list_key(forge, from, role, key, test_key_id(key));
    ASSERT(signer->key_count < FORGE_KEYS);
    signer->keys[signer->key_count++] = key;
}

void forge_rotate(struct tuf_forge *forge, const char *role)
{
    ASSERT(json_array_clear(json_object_get(forge_rule(forge, "root", role), "keyids")) == 0);
    forge_role(forge, role)->key_count = 0;
    forge_add_key(forge, "root", role, forge_key(forge));
}

json_t *forge_delegate(struct tuf_forge *forge, const char *from, const char *role,
                       const char *pattern)
{
    json_t *body = forge_role(forge, from)->body;
    json_t *rule = json_pack("{s:s, s:[], s:i, s:b, s:[s]}", "name", role, "keyids", "threshold", 1,
                             "terminating", 0, "paths", pattern);

    if (!json_object_get(body, "delegations"))
        set(body, "delegations", json_pack("{s:{}, s:[]}", "keys", "roles"));
    ASSERT(json_array_append_new(json_object_get(authority(forge, from), "roles"), rule) == 0);
    if (!find_role(forge, role))
        (void)add_role(forge, role, "targets");
    forge_add_key(forge, from, role, forge_key(forge));
    return rule;
}

/* --- targets ----------------------------------------------------------------------------------
 */

json_t *forge_add_target(struct tuf_forge *forge, const char *role, const char *path,
                         const char *content)
{
    const char *slash = strrchr(path, '/');
    int dir_len = slash ? (int)(slash - path) + 1 : 0;
    char name[FORGE_NAME_ROOM];
    char hex[HASH_HEX_ROOM];
    uint8_t hash[HASH_BYTES];
    json_t *entry;

    hash_sha256(content, strlen(content), hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    entry =
        json_pack("{s:I, s:{s:s}}", "length", (json_int_t)strlen(content), "hashes", "sha256", hex);
    set(json_object_get(forge_role(forge, role)->body, "targets"), path, entry);
    (void)snprintf(name, sizeof(name), "targets/%.*s%s.%s", dir_len, path, hex, path + dir_len);
    forge_put_file(forge, name, content, strlen(content));
    return entry;
}

/* --- in all ------------------------------------------------------------------------------------
 */

struct tuf_forge *forge_new(enum test_key_kind kind)
{
    static const char *const names[] = {"root", "timestamp", "snapshot", "targets"};
    struct tuf_forge *forge = mem_alloc(sizeof(*forge));
    json_t *root;

    forge->kind = kind;
    forge->expires_ms = clock_now_ms() + 30 * day_ms;
    root = add_role(forge, "root", "root")->body;
    set(root, "consistent_snapshot", json_true());
    set(root, "keys", json_object());
    set(root, "roles", json_object());
    for (size_t i = 0; i < COUNT(names); i++) {
        if (i > 0)
            (void)add_role(forge, names[i], names[i]);
        set(json_object_get(root, "roles"), names[i],
            json_pack("{s:[], s:i}", "keyids", "threshold", 1));
        forge_add_key(forge, "root", names[i], forge_key(forge));
    }
    forge_put(forge, "root");
    forge_put(forge, "targets");
    list_roles(forge);
    forge_put(forge, "snapshot");
    list_snapshot(forge);
    forge_put(forge, "timestamp");
    return forge;
}

void forge_free(struct tuf_forge *forge)
{
    if (!forge)
        return;
    for (size_t i = 0; i < forge->role_count; i++) {
        mem_free(forge->roles[i].name);
        json_decref(forge->roles[i].body);
    }
    for (size_t i = 0; i < forge->file_count; i++)
        buf_done(&forge->files[i].answer.body);
    for (size_t i = 0; i < forge->key_count; i++)
        test_key_free(forge->keys[i]);
    mem_free(forge);
}
