#pragma once
/*
 * Keys in a PKCS#11 token (smart card, HSM, SoftHSM): the module is loaded at run time, the
 * secret keys never leave it. Ed25519 (CKM_EDDSA) and ECDSA on P-256 with SHA-256.
 *
 * A key pair is found by its label (CKA_LABEL). One token at a time, one session: not for two
 * threads at once. Calls block as long as the token does.
 */
#include "lib/base/err.h"
#include "lib/crypto/sign.h"

struct pkcs11;     /* an open, logged-in token */
struct pkcs11_key; /* a key pair in it, valid until the token is closed */

enum pkcs11_kind { PKCS11_ED25519, PKCS11_ECDSA_P256, PKCS11_KIND_COUNT };
const char *pkcs11_kind_name(enum pkcs11_kind kind); /* "ed25519", "ecdsa-p256" */

enum {
    PKCS11_LABEL_MAX = 128,
    PKCS11_PIN_MAX = 64,
    PKCS11_SIG_MAX = 72, /* Ed25519: 64; ECDSA: the DER form that update metadata uses */
    PKCS11_PEM_ROOM = 256,
};

/* `module` is a path of a shared object; `token_label` names the token (blanks at the end aside);
 * the PIN is the first line of `pin_file`, which others must not read (ERR_DENIED). ERR_NOT_FOUND:
 * no such token; ERR_DENIED: wrong PIN; ERR_UNAVAILABLE: module or token does not work. */
MUST_USE bool pkcs11_open(const char *module, const char *token_label, const char *pin_file,
                          struct pkcs11 **out, struct err *err);
void pkcs11_close(struct pkcs11 *token);
void cleanup_pkcs11(struct pkcs11 **token);
#define AUTO_PKCS11 CLEANUP(cleanup_pkcs11) struct pkcs11

/* The pair with this label; ERR_NOT_FOUND, ERR_CONFLICT when there are two, ERR_INVALID when it is
 * of another kind. The key belongs to the token, asking again gives another handle. */
MUST_USE bool pkcs11_find(struct pkcs11 *token, const char *label, struct pkcs11_key **out,
                          struct err *err);
/* Makes one in the token, not extractable; ERR_CONFLICT when the label is taken. */
MUST_USE bool pkcs11_generate(struct pkcs11 *token, enum pkcs11_kind kind, const char *label,
                              struct pkcs11_key **out, struct err *err);
/* Puts an Ed25519 seed that exists outside into the token, not extractable; ERR_CONFLICT. */
MUST_USE bool pkcs11_import(struct pkcs11 *token, const uint8_t seed[32], const char *label,
                            struct pkcs11_key **out, struct err *err);

enum pkcs11_kind pkcs11_key_kind(const struct pkcs11_key *key);
/* Of an Ed25519 key: its 32 bytes. NULL for others. */
const uint8_t *pkcs11_key_public(const struct pkcs11_key *key);
/* Of an ECDSA key: SPKI PEM as update metadata writes it. NULL for others. */
const char *pkcs11_key_pem(const struct pkcs11_key *key);
/* A signature over the bytes (hashed here where the algorithm hashes); `out` has room for
 * PKCS11_SIG_MAX. */
MUST_USE bool pkcs11_sign(const struct pkcs11_key *key, const void *data, size_t len, uint8_t *out,
                          size_t *out_len, struct err *err);
