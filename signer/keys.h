#pragma once
/*
 * Where the online keys are: a family of backends, chosen once by name. `file` keeps seeds that
 * are sealed with a master key, `pkcs11` key pairs in a token.
 */
#include "lib/base/err.h"
#include "lib/wire/signer.h"

struct key_options {
    const char *dir;        /* file: of the sealed seeds */
    const char *master_key; /* file: the key's file; NULL: of systemd's credentials, else in dir */
    const char *module;     /* pkcs11 */
    const char *token;
    const char *pin_file;
};

struct key_backend {
    const char *name;
    /* `*self` is closed with close(). */
    bool (*open)(const struct key_options *options, void **self, struct err *err);
    void (*close)(void *self);
    /* A key by name; ERR_NOT_FOUND. `*key` is released with drop(), before close(). */
    bool (*load)(void *self, const char *name, void **key, struct err *err);
    /* Makes one, durably; ERR_CONFLICT when the name is taken. */
    bool (*make)(void *self, const char *name, void **key, struct err *err);
    /* Makes one of a seed that exists. */
    bool (*import)(void *self, const char *name, const uint8_t seed[SIGNER_SEED_BYTES], void **key,
                   struct err *err);
    const uint8_t *(*public_key)(const void *key);
    bool (*sign)(const void *key, const void *data, size_t len, uint8_t sig[SIGN_BYTES],
                 struct err *err);
    void (*drop)(void *key);
};

extern const struct key_backend key_backend_file;
extern const struct key_backend key_backend_pkcs11;
/* NULL: there is none of this name. */
const struct key_backend *key_backend_find(const char *name);

/* A key that was loaded. */
struct online_key {
    const struct key_backend *backend; /* NULL: none */
    void *key;
    char keyid[HASH_HEX_ROOM];
};

/* The keys of a backend. */
struct key_shelf {
    const struct key_backend *backend;
    void *self;
};

/* Whose key it is, and which of those that a label has had: 0 is the first. */
struct key_name {
    const char *tenant;
    enum signer_label label;
    uint64_t generation;
};

enum key_wish { KEY_EXISTING, KEY_MADE }; /* if it is missing: ERR_NOT_FOUND, or made */
MUST_USE bool online_key_open(const struct key_shelf *shelf, const struct key_name *wanted,
                              enum key_wish wish, struct online_key *out, struct err *err);
/* As the first one. ERR_CONFLICT when the tenant has another one for this label; the same one again
 * is fine. */
MUST_USE bool online_key_import(const struct key_shelf *shelf, const char *tenant,
                                enum signer_label label, const uint8_t seed[SIGNER_SEED_BYTES],
                                struct online_key *out, struct err *err);
void online_key_close(struct online_key *key);
const uint8_t *online_key_public(const struct online_key *key);
/* The signature names the key. */
MUST_USE bool online_key_sign(const struct online_key *key, const void *data, size_t len,
                              struct signer_signature *out, struct err *err);
