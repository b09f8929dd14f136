#pragma once
/* What the two files of PKCS#11 share, and nobody else includes. */
#include <p11-kit-1/p11-kit/pkcs11.h>

#include "lib/base/list.h"
#include "lib/crypto/pkcs11.h"

struct pkcs11 {
    void *library;
    CK_FUNCTION_LIST *call;
    CK_SESSION_HANDLE session;
    bool initialized;
    bool has_session;
    struct list keys;
};

struct pkcs11_key {
    struct list link;
    struct pkcs11 *token;
    enum pkcs11_kind kind;
    CK_OBJECT_HANDLE secret;
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    char pem[PKCS11_PEM_ROOM];
};

/* What differs between the two kinds. */
struct pkcs11_numbers {
    const char *name;
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE generate;
    CK_MECHANISM_TYPE sign;
    const uint8_t *params; /* CKA_EC_PARAMS */
    size_t params_len;
    size_t point_len;
};

extern const struct pkcs11_numbers pkcs11_numbers[PKCS11_KIND_COUNT];

/* "the token could not WHAT": ERR_UNAVAILABLE. */
bool pkcs11_failed(struct err *err, const char *what, CK_RV code);
/* The one object of this class and label. */
MUST_USE bool pkcs11_find_object(struct pkcs11 *token, CK_OBJECT_CLASS class, const char *label,
                                 CK_OBJECT_HANDLE *out, struct err *err);
