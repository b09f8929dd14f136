#pragma once
/*
 * The keys at hand: files in folders (and in the folders in them, one for each person), and keys
 * in tokens. Only what a document's rules allow ever signs; a key whose secret half is elsewhere is
 * here for its name.
 */
#include "lib/ceremony/bundle.h"
#include "lib/crypto/sign.h"
#include "lib/json/json.h"
#include "lib/tuf/tuf.h"

enum { KEYRING_KEYS_MAX = 512, KEYRING_SIG_MAX = 72 };

/* One way of signing: a family of functions over a state that they own. */
struct key_source {
    const char *name; /* "file", "pkcs11" */
    bool (*sign)(void *state, const void *data, size_t len, uint8_t out[KEYRING_SIG_MAX],
                 size_t *out_len, struct err *err);
    void (*close)(void *state);
};

struct keyring_key {
    char keyid[TUF_KEYID_ROOM];
    char *label;                     /* "root-1/root", "token:LABEL": for people */
    char *path;                      /* of the file without its suffix; NULL: no file */
    json_t *key;                     /* the public key object */
    const struct key_source *source; /* NULL: only the public half is here */
    void *state;
};

struct keyring {
    struct keyring_key *keys;
    size_t count;
};

#define AUTO_KEYRING CLEANUP(keyring_done) struct keyring
void keyring_done(struct keyring *ring);
/* Adds the keys of a folder and of its folders. A folder without keys adds none. */
MUST_USE bool keyring_add_dir(struct keyring *ring, const char *dir, struct err *err);
/* Copies all of the key but `state`, which it takes over, to be closed with the ring; `keyid` is
 * computed. ERR_LIMIT when there are too many. */
MUST_USE bool keyring_add(struct keyring *ring, const struct keyring_key *key, struct err *err);
/* Makes a key beside the file of `old` ("root" -> "root.2"), to take its place; the new one is in
 * the ring, too. `*out` is borrowed until the next addition. */
MUST_USE bool keyring_make_next(struct keyring *ring, const struct keyring_key *old,
                                const struct keyring_key **out, struct err *err);
/* NULL when it is not known; prefers one that can sign. */
const struct keyring_key *keyring_find(const struct keyring *ring, const char *keyid);
/* The label of a key, or the first digits of its id. `room` bytes of `out`. */
void keyring_name(const struct keyring *ring, const char *keyid, char *out, size_t room);
/* Signs the document by every key of the ring that is among `keyids` and has not signed yet. What
 * was added goes to `response` (may be NULL), and its number to `*added`. */
MUST_USE bool keyring_sign(const struct keyring *ring, const json_t *keyids,
                           struct bundle_document *document, json_t *response, size_t *added,
                           struct err *err);

/* A key in a token. The PIN's file is read and wiped. */
struct keyring_token {
    const char *module;
    const char *token;
    const char *pin_file;
    const char *const *key_labels; /* none: those of the usual names */
    size_t key_label_count;
};
/* Signs with the keys of these labels; ERR_NOT_FOUND when the token has none of them. */
MUST_USE bool keyring_add_token(struct keyring *ring, const struct keyring_token *token,
                                struct err *err);
/* Makes an Ed25519 key in a token; `*key` gets the public key object, the caller's. */
MUST_USE bool keyring_token_make(const struct keyring_token *token, const char *label, json_t **key,
                                 struct err *err);
