/* New key pairs in a token: made there, or of a seed that was kept elsewhere. What is in the token
 * afterwards does not come out again. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/crypto/pkcs11_internal.h"
#include "lib/crypto/token.h"

static bool check_free(struct pkcs11 *token, const char *label, struct err *err)
{
    CK_OBJECT_HANDLE there;

    if (strlen(label) > PKCS11_LABEL_MAX || label[0] == '\0')
        return err_set(err, ERR_INVALID, "'%.20s' is no label for a key", label);
    if (pkcs11_find_object(token, CKO_PRIVATE_KEY, label, &there, err))
        return err_set(err, ERR_CONFLICT, "the token has a key '%s' already", label);
    return err->code == ERR_NOT_FOUND;
}

bool pkcs11_generate(struct pkcs11 *token, enum pkcs11_kind kind, const char *label,
                     struct pkcs11_key **out, struct err *err)
{
    AUTO_FREE char *name = mem_strdup(label);
    AUTO_FREE uint8_t *params =
        mem_dup(pkcs11_numbers[kind].params, pkcs11_numbers[kind].params_len);
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE public_part[] = {{CKA_TOKEN, &yes, sizeof(yes)},
                                  {CKA_VERIFY, &yes, sizeof(yes)},
                                  {CKA_LABEL, name, strlen(label)},
                                  {CKA_EC_PARAMS, params, pkcs11_numbers[kind].params_len}};
    CK_ATTRIBUTE secret_part[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
        {CKA_SIGN, &yes, sizeof(yes)},      {CKA_LABEL, name, strlen(label)}};
    CK_MECHANISM mechanism = {0};
    CK_OBJECT_HANDLE objects[2];
    CK_RV code;

    if (!check_free(token, label, err))
        return false;
    mechanism.mechanism = pkcs11_numbers[kind].generate;
    code =
        token->call->C_GenerateKeyPair(token->session, &mechanism, public_part, COUNT(public_part),
                                       secret_part, COUNT(secret_part), &objects[0], &objects[1]);
    if (code != CKR_OK)
        return pkcs11_failed(err, "make a key pair", code);
    return pkcs11_find(token, label, out, err);
}

/* The public half goes in last: a pair is found only when both are there. */
static CK_RV create_pair(struct pkcs11 *token, const uint8_t seed[32], char *name, size_t name_len)
{
    const struct pkcs11_numbers *kind = &pkcs11_numbers[PKCS11_ED25519];
    AUTO_SIGN_KEY struct sign_key *pair = sign_key_from_seed(seed);
    AUTO_FREE uint8_t *params = mem_dup(kind->params, kind->params_len);
    uint8_t value[32];
    uint8_t point[2 + SIGN_PUBLIC_BYTES] = {0x04, SIGN_PUBLIC_BYTES};
    CK_OBJECT_CLASS secret_class = CKO_PRIVATE_KEY;
    CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = kind->type;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE secret_part[] = {{CKA_CLASS, &secret_class, sizeof(secret_class)},
                                  {CKA_KEY_TYPE, &type, sizeof(type)},
                                  {CKA_TOKEN, &yes, sizeof(yes)},
                                  {CKA_PRIVATE, &yes, sizeof(yes)},
                                  {CKA_SENSITIVE, &yes, sizeof(yes)},
                                  {CKA_EXTRACTABLE, &no, sizeof(no)},
                                  {CKA_SIGN, &yes, sizeof(yes)},
                                  {CKA_LABEL, name, name_len},
                                  {CKA_EC_PARAMS, params, kind->params_len},
                                  {CKA_VALUE, value, sizeof(value)}};
    CK_ATTRIBUTE public_part[] = {{CKA_CLASS, &public_class, sizeof(public_class)},
                                  {CKA_KEY_TYPE, &type, sizeof(type)},
                                  {CKA_TOKEN, &yes, sizeof(yes)},
                                  {CKA_VERIFY, &yes, sizeof(yes)},
                                  {CKA_LABEL, name, name_len},
                                  {CKA_EC_PARAMS, params, kind->params_len},
                                  {CKA_EC_POINT, point, sizeof(point)}};
    CK_OBJECT_HANDLE object;
    CK_RV code;

    memcpy(value, seed, sizeof(value));
    memcpy(point + 2, sign_key_public(pair), SIGN_PUBLIC_BYTES);
    code = token->call->C_CreateObject(token->session, secret_part, COUNT(secret_part), &object);
    crypto_wipe(value, sizeof(value));
    if (code == CKR_OK)
        code =
            token->call->C_CreateObject(token->session, public_part, COUNT(public_part), &object);
    return code;
}

bool pkcs11_import(struct pkcs11 *token, const uint8_t seed[32], const char *label,
                   struct pkcs11_key **out, struct err *err)
{
    AUTO_FREE char *name = mem_strdup(label);
    CK_RV code;

    if (!check_free(token, label, err))
        return false;
    code = create_pair(token, seed, name, strlen(label));
    if (code != CKR_OK)
        return pkcs11_failed(err, "take a key pair", code);
    return pkcs11_find(token, label, out, err);
}
