/*
 * Secret halves are read when they sign and not before: a ceremony with twenty folders at hand has
 * no more secrets in memory than the one that signs now.
 */
#include "cli/trust/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/key_dir.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { LABEL_DIGITS = 12 };

static bool file_sign(void *state, const void *data, size_t len, uint8_t out[KEYRING_SIG_MAX],
                      size_t *out_len, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s.key", (const char *)state);
    AUTO_SIGN_KEY struct sign_key *key = NULL;

    if (!sign_key_load(path, &key, err))
        return false;
    sign_make(key, data, len, out);
    *out_len = SIGN_BYTES;
    return true;
}

static void file_close(void *state)
{
    mem_free(state);
}

static const struct key_source file_source = {"file", file_sign, file_close};

void keyring_done(struct keyring *ring)
{
    for (size_t i = 0; i < ring->count; i++) {
        struct keyring_key *key = &ring->keys[i];

        if (key->source)
            key->source->close(key->state);
        json_decref(key->key);
        mem_free(key->label);
        mem_free(key->path);
    }
    mem_free(ring->keys);
    *ring = (struct keyring){0};
}

bool keyring_add(struct keyring *ring, const struct keyring_key *key, struct err *err)
{
    struct keyring_key made = *key;
    bool room = ring->count < KEYRING_KEYS_MAX;

    if (!room || !tuf_keyid_of(key->key, made.keyid, err)) {
        if (key->source)
            key->source->close(key->state);
        return room ? false : err_set(err, ERR_LIMIT, "more than %d keys", KEYRING_KEYS_MAX);
    }
    made.label = mem_strdup(key->label);
    made.path = key->path ? mem_strdup(key->path) : NULL;
    made.key = json_deep_copy(key->key);
    ring->keys = mem_resize(ring->keys, ring->count + 1, sizeof(made));
    ring->keys[ring->count++] = made;
    return true;
}

const struct keyring_key *keyring_find(const struct keyring *ring, const char *keyid)
{
    const struct keyring_key *found = NULL;

    for (size_t i = 0; i < ring->count; i++) {
        if (text_equal(ring->keys[i].keyid, keyid) && (!found || !found->source))
            found = &ring->keys[i];
    }
    return found;
}

void keyring_name(const struct keyring *ring, const char *keyid, char *out, size_t room)
{
    const struct keyring_key *key = keyring_find(ring, keyid);
    char digits[LABEL_DIGITS + 1];

    (void)text_copy(digits, sizeof(digits), keyid); /* cut on purpose */
    (void)text_copy(out, room, key ? key->label : digits);
}

/* --- folders ---------------------------------------------------------------------------------- */

/* `base` is the path without suffix, `label` what people call it. */
static bool add_file(struct keyring *ring, const char *base, const char *label, struct err *err)
{
    AUTO_FREE char *secret_path = mem_printf("%s.key", base);
    const char *slash = strrchr(base, '/');
    AUTO_FREE char *dir = mem_strndup(base, (size_t)(slash - base));
    AUTO_KEY_PUBLIC key = {0};
    struct keyring_key made = {.label = mem_strdup(label), .path = mem_strdup(base)};
    bool good;

    good = key_dir_public(dir, slash + 1, &key, err);
    made.key = key.key;
    if (good && file_exists(secret_path)) {
        made.source = &file_source;
        made.state = mem_strdup(base);
    }
    good = good && keyring_add(ring, &made, err);
    mem_free(made.label);
    mem_free(made.path);
    return good;
}

/* "keys/root-1/root.3" -> "keys/root-1/root" and the first number from 2 on that is free. */
static char *next_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash, '.');
    bool numbered = dot && dot[1] != '\0' && dot[1 + strspn(dot + 1, "0123456789")] == '\0';
    size_t len = numbered ? (size_t)(dot - path) : strlen(path);

    for (unsigned number = 2;; number++) {
        AUTO_FREE char *next = mem_printf("%.*s.%u", (int)len, path, number);
        AUTO_FREE char *public_half = mem_printf("%s.pub", next);
        AUTO_FREE char *secret_half = mem_printf("%s.key", next);

        if (!file_exists(public_half) && !file_exists(secret_half))
            return TAKE(next);
    }
}

bool keyring_make_next(struct keyring *ring, const struct keyring_key *old,
                       const struct keyring_key **out, struct err *err)
{
    AUTO_FREE char *base = next_path(old->path);
    const char *slash = strrchr(base, '/');
    AUTO_FREE char *dir = mem_strndup(base, (size_t)(slash - base));
    const char *old_slash = strrchr(old->label, '/');
    AUTO_FREE char *label = mem_printf("%.*s%s", old_slash ? (int)(old_slash + 1 - old->label) : 0,
                                       old->label, slash + 1);
    AUTO_KEY_PUBLIC key = {0};

    if (!key_dir_make(dir, slash + 1, &key, err) || !add_file(ring, base, label, err))
        return false;
    *out = &ring->keys[ring->count - 1];
    return true;
}

static int is_key_or_folder(const struct dirent *entry)
{
    return text_ends_with(entry->d_name, ".pub") ||
           (entry->d_name[0] != '.' &&
            (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK));
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool add_dir(struct keyring *ring, const char *dir, const char *prefix, struct err *err);

static bool add_entry(struct keyring *ring, const char *dir, const char *prefix, const char *name,
                      struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/%s", dir, name);

    if (is_folder(path)) {
        AUTO_FREE char *inner = mem_printf("%s/", name);

        return prefix[0] != '\0' || add_dir(ring, path, inner, err); /* one level of folders */
    }
    if (!text_ends_with(name, ".pub"))
        return true;

    AUTO_FREE char *role = mem_strndup(name, strlen(name) - strlen(".pub"));
    AUTO_FREE char *base = mem_printf("%s/%s", dir, role);
    AUTO_FREE char *label = mem_printf("%s%s", prefix, role);

    return add_file(ring, base, label, err);
}

static bool add_dir(struct keyring *ring, const char *dir, const char *prefix, struct err *err)
{
    struct dirent **files = NULL;
    bool good = true;
    int count = scandir(dir, &files, is_key_or_folder, alphasort);

    if (count < 0)
        return err_system(err, "could not read folder '%s'", dir);
    for (int i = 0; i < count; i++) {
        good = good && add_entry(ring, dir, prefix, files[i]->d_name, err);
        mem_free(files[i]);
    }
    mem_free(files);
    return good;
}

bool keyring_add_dir(struct keyring *ring, const char *dir, struct err *err)
{
    return add_dir(ring, dir, "", err);
}

/* --- signing ---------------------------------------------------------------------------------- */

static bool allows(const json_t *keyids, const char *keyid)
{
    const json_t *item;
    size_t i;

    json_array_foreach(keyids, i, item)
    {
        if (text_equal(json_string_value(item), keyid))
            return true;
    }
    return false;
}

bool keyring_sign(const struct keyring *ring, const json_t *keyids,
                  struct bundle_document *document, json_t *response, size_t *added,
                  struct err *err)
{
    for (size_t i = 0; i < ring->count; i++) {
        const struct keyring_key *key = &ring->keys[i];
        uint8_t raw[KEYRING_SIG_MAX];
        char hex[(2 * KEYRING_SIG_MAX) + 1];
        size_t len;

        if (!key->source || !allows(keyids, key->keyid))
            continue;
        if (!key->source->sign(key->state, document->text.data, document->text.len, raw, &len, err))
            return err_wrap(err, "key %s", key->label);
        text_from_hex_bytes(raw, len, hex);
        if (!bundle_add_signature(document, key->keyid, hex))
            continue; /* the same key in two folders */
        if (response)
            bundle_response_add(response, document, key->keyid, hex);
        (*added)++;
    }
    return true;
}
