#pragma once
/*
 * A folder of offline keys: ROLE.key (secret, mode 0600) beside ROLE.pub, which is JSON
 * {"keyid": ..., "key": {...}} and may travel.
 */
#include "lib/crypto/sign.h"
#include "lib/json/json.h"
#include "lib/tuf/tuf.h"

struct key_public {
    char keyid[TUF_KEYID_ROOM];
    json_t *key; /* the key object, owned */
};

#define AUTO_KEY_PUBLIC CLEANUP(key_public_done) struct key_public
void key_public_done(struct key_public *key);

/* Makes a new pair for the role; refuses to replace one (ERR_CONFLICT). */
MUST_USE bool key_dir_make(const char *dir, const char *role, struct key_public *out,
                           struct err *err);
MUST_USE bool key_dir_secret(const char *dir, const char *role, struct sign_key **out,
                             struct err *err);
MUST_USE bool key_dir_public(const char *dir, const char *role, struct key_public *out,
                             struct err *err);
/* The public half alone, of a key that lives elsewhere; ERR_CONFLICT when there is one. */
MUST_USE bool key_dir_put_public(const char *dir, const char *role, const struct key_public *key,
                                 struct err *err);
/* From {"keyid", "key"}: the id must be the key's. */
MUST_USE bool key_public_parse(const json_t *object, const char *path, struct key_public *out,
                               struct err *err);
/* Reads a JSON file of at most `max` bytes. */
MUST_USE bool key_dir_read_json(const char *path, size_t max, json_t **out, struct err *err);
