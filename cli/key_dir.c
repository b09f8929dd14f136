/* The secret half is made and read by lib/crypto alone; here are the names and the public half. */
#include "cli/key_dir.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { PUBLIC_BYTES_MAX = 65536 };

void key_public_done(struct key_public *key)
{
    json_decref(key->key);
    *key = (struct key_public){0};
}

static char *path_of(const char *dir, const char *role, const char *suffix)
{
    return mem_printf("%s/%s.%s", dir, role, suffix);
}

bool key_dir_read_json(const char *path, size_t max, json_t **out, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, max);
    if (!file_read(path, &text, err))
        return false;
    return json_parse(buf_text(&text), text.len, &json_limits_metadata, out, err) ||
           err_wrap(err, "'%s'", path);
}

bool key_public_parse(const json_t *object, const char *path, struct key_public *out,
                      struct err *err)
{
    struct key_public parsed = {0};
    const char *keyid;
    json_t *key;

    if (!json_field_text(object, path, "keyid", TUF_KEYID_ROOM - 1, &keyid, err) ||
        !json_field_object(object, path, "key", &key, err) || !tuf_keyid_of(key, parsed.keyid, err))
        return false;
    if (!text_equal(keyid, parsed.keyid))
        return err_refuse(err, REFUSAL_KEYID_MISMATCH, "keyid '%s' is not the key's", keyid);
    parsed.key = json_incref(key);
    *out = parsed;
    return true;
}

bool key_dir_public(const char *dir, const char *role, struct key_public *out, struct err *err)
{
    AUTO_FREE char *path = path_of(dir, role, "pub");
    AUTO_JSON *tree = NULL;

    if (!key_dir_read_json(path, PUBLIC_BYTES_MAX, &tree, err))
        return false;
    return key_public_parse(tree, "", out, err) || err_wrap(err, "'%s'", path);
}

bool key_dir_secret(const char *dir, const char *role, struct sign_key **out, struct err *err)
{
    AUTO_FREE char *path = path_of(dir, role, "key");

    return sign_key_load(path, out, err);
}

static bool write_public(const char *path, const struct key_public *key, struct err *err)
{
    AUTO_JSON *tree = json_pack("{s:s, s:O}", "keyid", key->keyid, "key", key->key);
    AUTO_FREE char *text = json_text(tree);
    AUTO_FREE char *line = mem_printf("%s\n", text);

    return file_write(path, 0644, line, strlen(line), err);
}

bool key_dir_put_public(const char *dir, const char *role, const struct key_public *key,
                        struct err *err)
{
    AUTO_FREE char *path = path_of(dir, role, "pub");

    if (!tuf_word_is_safe(role))
        return err_set(err, ERR_INVALID, "'%s' cannot be the name of a key", role);
    if (file_exists(path))
        return err_set(err, ERR_CONFLICT, "'%s' exists", path);
    return file_make_dirs(dir, 0700, err) && write_public(path, key, err);
}

bool key_dir_make(const char *dir, const char *role, struct key_public *out, struct err *err)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();
    AUTO_FREE char *secret_path = path_of(dir, role, "key");
    AUTO_FREE char *public_path = path_of(dir, role, "pub");
    AUTO_KEY_PUBLIC made = {0};

    if (!tuf_word_is_safe(role))
        return err_set(err, ERR_INVALID, "'%s' cannot be the name of a key", role);
    if (!file_make_dirs(dir, 0700, err) || !sign_key_save(key, secret_path, err))
        return false;
    made.key = tuf_key_json(sign_key_public(key));
    tuf_keyid(sign_key_public(key), made.keyid);
    if (!write_public(public_path, &made, err))
        return false;
    *out = made;
    made.key = NULL;
    return true;
}
