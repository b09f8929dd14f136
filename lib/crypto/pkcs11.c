/*
 * A token speaks PKCS#11 (Cryptoki 2.40; CKM_EDDSA of 3.0). Values that differ between modules:
 * CKA_EC_POINT is a DER OCTET STRING by the standard and the bare point from some; both are read.
 * ECDSA comes as r and s, update metadata has it in DER.
 *
 * The token's object handles are looked up once, at find; keys are a list that the token owns.
 */
#include "lib/crypto/pkcs11.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/pkcs11_internal.h"
#include "lib/crypto/token.h"

enum {
    SLOTS_MAX = 64,
    POINT_BYTES_MAX = 80,
    P256_POINT_BYTES = 65, /* 4, x, y */
    P256_HALF_BYTES = 32,
    SPKI_BYTES = 26 + P256_POINT_BYTES,
};

/* PrintableString "edwards25519" and the OID prime256v1. */
static const uint8_t ed25519_params[] = "\x13\x0c"
                                        "edwards25519";
static const uint8_t p256_params[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/* clang-format off */
const struct pkcs11_numbers pkcs11_numbers[] = {
    [PKCS11_ED25519]    = {"ed25519", CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA,
                           ed25519_params, sizeof(ed25519_params) - 1, SIGN_PUBLIC_BYTES},
    [PKCS11_ECDSA_P256] = {"ecdsa-p256", CKK_EC, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA,
                           p256_params, sizeof(p256_params) - 1, P256_POINT_BYTES},
};
/* clang-format on */
_Static_assert(COUNT(pkcs11_numbers) == PKCS11_KIND_COUNT, "every kind has its numbers");

const char *pkcs11_kind_name(enum pkcs11_kind kind)
{
    ASSERT(kind < PKCS11_KIND_COUNT);
    return pkcs11_numbers[kind].name;
}

bool pkcs11_failed(struct err *err, const char *what, CK_RV code)
{
    return err_set(err, ERR_UNAVAILABLE, "the token could not %s: PKCS#11 error 0x%lx", what, code);
}

/* --- the token ---------------------------------------------------------------------------------
 */

static bool load_module(struct pkcs11 *token, const char *path, struct err *err)
{
    CK_C_GetFunctionList get_functions;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV code;

    /* Modules leave handlers and threads behind: their code stays where it is. */
    token->library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!token->library)
        return err_set(err, ERR_UNAVAILABLE, "could not load module '%s': %s", path, dlerror());
    /* POSIX lets this be a function; ISO C has no cast that says so. */
    *(void **)&get_functions = dlsym(token->library, "C_GetFunctionList");
    if (!get_functions || get_functions(&token->call) != CKR_OK)
        return err_set(err, ERR_UNAVAILABLE, "'%s' is no PKCS#11 module", path);
    code = token->call->C_Initialize(&args);
    if (code != CKR_OK && code != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return pkcs11_failed(err, "start", code);
    token->initialized = code == CKR_OK;
    return true;
}

/* A label fills its field up with blanks. */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
    size_t len = sizeof(info->label);

    while (len > 0 && (info->label[len - 1] == ' ' || info->label[len - 1] == '\0'))
        len--;
    return len == strlen(label) && crypto_equal(info->label, label, len);
}

static bool find_slot(struct pkcs11 *token, const char *label, CK_SLOT_ID *out, struct err *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_TOKEN_INFO info;
    CK_RV code = token->call->C_GetSlotList(CK_TRUE, slots, &count);

    if (code != CKR_OK)
        return pkcs11_failed(err, "list its slots", code);
    for (CK_ULONG i = 0; i < count; i++) {
        if (token->call->C_GetTokenInfo(slots[i], &info) == CKR_OK && has_label(&info, label)) {
            *out = slots[i];
            return true;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "there is no token '%s'", label);
}

/* The first line of the file. */
static bool read_pin(const char *path, char pin[PKCS11_PIN_MAX + 2], size_t *len, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    ssize_t got;

    if (fd < 0 || fstat(fd, &info) != 0)
        return err_system(err, "could not open PIN file '%s'", path);
    if (info.st_mode & 077)
        return err_set(err, ERR_DENIED, "PIN file '%s' may be read by others, make it mode 0600",
                       path);
    got = read(fd, pin, PKCS11_PIN_MAX + 1);
    if (got < 0)
        return err_system(err, "could not read PIN file '%s'", path);
    pin[got] = '\0';
    *len = strcspn(pin, "\r\n");
    return (*len > 0 && *len <= PKCS11_PIN_MAX) ||
           err_set(err, ERR_INVALID, "'%s' does not begin with a PIN", path);
}

static bool log_in(struct pkcs11 *token, const char *pin_file, struct err *err)
{
    char pin[PKCS11_PIN_MAX + 2];
    size_t len = 0;
    CK_RV code;

    if (!read_pin(pin_file, pin, &len, err)) {
        crypto_wipe(pin, sizeof(pin));
        return false;
    }
    code = token->call->C_Login(token->session, CKU_USER, (CK_UTF8CHAR *)pin, len);
    crypto_wipe(pin, sizeof(pin));
    if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN)
        return true;
    if (code == CKR_PIN_INCORRECT || code == CKR_PIN_LEN_RANGE || code == CKR_PIN_INVALID)
        return err_set(err, ERR_DENIED, "the token does not accept the PIN of '%s'", pin_file);
    if (code == CKR_PIN_LOCKED)
        return err_set(err, ERR_DENIED, "the token's PIN is locked after too many wrong ones");
    return pkcs11_failed(err, "log in", code);
}

static bool open_token(struct pkcs11 *token, const char *label, const char *pin_file,
                       struct err *err)
{
    CK_SLOT_ID slot = 0;
    CK_RV code;

    if (!find_slot(token, label, &slot, err))
        return false;
    code = token->call->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                      &token->session);
    if (code != CKR_OK)
        return pkcs11_failed(err, "open a session", code);
    token->has_session = true;
    return log_in(token, pin_file, err);
}

bool pkcs11_open(const char *module, const char *token_label, const char *pin_file,
                 struct pkcs11 **out, struct err *err)
{
    AUTO_PKCS11 *token = mem_alloc(sizeof(*token));

    list_init(&token->keys);
    if (!load_module(token, module, err) || !open_token(token, token_label, pin_file, err))
        return false;
    *out = TAKE(token);
    return true;
}

void pkcs11_close(struct pkcs11 *token)
{
    struct list *link;

    if (!token)
        return;
    while ((link = list_pop(&token->keys)))
        mem_free(LIST_OF(link, struct pkcs11_key, link));
    if (token->has_session)
        (void)token->call->C_CloseSession(token->session); /* it ends with the process anyway */
    if (token->initialized)
        (void)token->call->C_Finalize(NULL);
    if (token->library)
        (void)dlclose(token->library);
    mem_free(token);
}

void cleanup_pkcs11(struct pkcs11 **token)
{
    pkcs11_close(*token);
}

/* --- public keys -------------------------------------------------------------------------------
 */

/* SPKI of a P-256 key up to its point. */
static const uint8_t spki_head[SPKI_BYTES - P256_POINT_BYTES] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static void make_pem(const uint8_t *point, char out[PKCS11_PEM_ROOM])
{
    uint8_t spki[SPKI_BYTES];
    char base64[4 * (SPKI_BYTES + 2) / 3 + 1];
    size_t len;
    AUTO_BUF pem;

    memcpy(spki, spki_head, sizeof(spki_head));
    memcpy(spki + sizeof(spki_head), point, P256_POINT_BYTES);
    len = (size_t)EVP_EncodeBlock((unsigned char *)base64, spki, sizeof(spki));
    buf_init(&pem, PKCS11_PEM_ROOM - 1);
    buf_add_text(&pem, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < len; at += 64)
        buf_printf(&pem, "%.64s\n", base64 + at);
    buf_add_text(&pem, "-----END PUBLIC KEY-----\n");
    ASSERT(!pem.failed);
    memcpy(out, pem.data, pem.len + 1);
}

/* The point without the OCTET STRING around it; NULL when it is none of this kind. */
static const uint8_t *bare_point(const struct pkcs11_numbers *kind, const uint8_t *value,
                                 size_t len)
{
    if (len == kind->point_len + 2 && value[0] == 0x04 && value[1] == kind->point_len)
        return value + 2;
    return len == kind->point_len ? value : NULL;
}

static bool read_public(struct pkcs11_key *key, CK_OBJECT_HANDLE object, struct err *err)
{
    const struct pkcs11 *token = key->token;
    uint8_t value[POINT_BYTES_MAX];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof(value)};
    const uint8_t *point = NULL;
    CK_RV code = token->call->C_GetAttributeValue(token->session, object, &attribute, 1);

    if (code != CKR_OK)
        return pkcs11_failed(err, "show the public key", code);
    point = bare_point(&pkcs11_numbers[key->kind], value, attribute.ulValueLen);
    if (!point || (key->kind == PKCS11_ECDSA_P256 && point[0] != 0x04))
        return err_set(err, ERR_INVALID, "the token's public key is not on the curve of %s",
                       pkcs11_numbers[key->kind].name);
    if (key->kind == PKCS11_ED25519)
        memcpy(key->public_key, point, SIGN_PUBLIC_BYTES);
    else
        make_pem(point, key->pem);
    return true;
}

/* --- finding -----------------------------------------------------------------------------------
 */

bool pkcs11_find_object(struct pkcs11 *token, CK_OBJECT_CLASS class, const char *label,
                        CK_OBJECT_HANDLE *out, struct err *err)
{
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_LABEL, NULL, strlen(label)}};
    AUTO_FREE char *copy = mem_strdup(label); /* the interface wants it writable */
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    CK_RV code;

    wanted[1].pValue = copy;
    code = token->call->C_FindObjectsInit(token->session, wanted, COUNT(wanted));
    if (code == CKR_OK) {
        code = token->call->C_FindObjects(token->session, found, COUNT(found), &count);
        (void)token->call->C_FindObjectsFinal(token->session); /* the search is over either way */
    }
    if (code != CKR_OK)
        return pkcs11_failed(err, "search its keys", code);
    if (count == 0)
        return err_set(err, ERR_NOT_FOUND, "the token has no key '%s'", label);
    if (count > 1)
        return err_set(err, ERR_CONFLICT, "the token has more than one key '%s'", label);
    *out = found[0];
    return true;
}

static bool read_kind(struct pkcs11 *token, CK_OBJECT_HANDLE object, enum pkcs11_kind *out,
                      struct err *err)
{
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &type, sizeof(type)};
    CK_RV code = token->call->C_GetAttributeValue(token->session, object, &attribute, 1);

    if (code != CKR_OK)
        return pkcs11_failed(err, "show the kind of a key", code);
    for (unsigned i = 0; i < COUNT(pkcs11_numbers); i++) {
        if (pkcs11_numbers[i].type == type) {
            *out = (enum pkcs11_kind)i;
            return true;
        }
    }
    return err_set(err, ERR_INVALID, "the token's key is neither Ed25519 nor ECDSA");
}

bool pkcs11_find(struct pkcs11 *token, const char *label, struct pkcs11_key **out, struct err *err)
{
    AUTO_FREE struct pkcs11_key *key = mem_alloc(sizeof(*key));
    CK_OBJECT_HANDLE public_object = 0;

    key->token = token;
    if (strlen(label) > PKCS11_LABEL_MAX)
        return err_set(err, ERR_LIMIT, "the label '%.20s...' is too long", label);
    if (!pkcs11_find_object(token, CKO_PRIVATE_KEY, label, &key->secret, err) ||
        !pkcs11_find_object(token, CKO_PUBLIC_KEY, label, &public_object, err) ||
        !read_kind(token, public_object, &key->kind, err) || !read_public(key, public_object, err))
        return false;
    list_add(&token->keys, &key->link);
    *out = TAKE(key);
    return true;
}

/* --- using -------------------------------------------------------------------------------------
 */

enum pkcs11_kind pkcs11_key_kind(const struct pkcs11_key *key)
{
    return key->kind;
}

const uint8_t *pkcs11_key_public(const struct pkcs11_key *key)
{
    return key->kind == PKCS11_ED25519 ? key->public_key : NULL;
}

const char *pkcs11_key_pem(const struct pkcs11_key *key)
{
    return key->kind == PKCS11_ECDSA_P256 ? key->pem : NULL;
}

/* An INTEGER: no more leading zeros than keep it positive. */
static size_t add_integer(const uint8_t half[P256_HALF_BYTES], uint8_t *out)
{
    size_t zeros = 0;
    size_t len;

    while (zeros < P256_HALF_BYTES - 1 && half[zeros] == 0)
        zeros++;
    len = P256_HALF_BYTES - zeros;
    out[0] = 0x02;
    out[1] = (uint8_t)len;
    out[2] = 0;
    if (half[zeros] & 0x80) {
        out[1]++;
        memcpy(out + 3, half + zeros, len);
        return len + 3;
    }
    memcpy(out + 2, half + zeros, len);
    return len + 2;
}

static size_t to_der(const uint8_t raw[2 * P256_HALF_BYTES], uint8_t out[PKCS11_SIG_MAX])
{
    size_t len = 2;

    len += add_integer(raw, out + len);
    len += add_integer(raw + P256_HALF_BYTES, out + len);
    out[0] = 0x30;
    out[1] = (uint8_t)(len - 2);
    return len;
}

static bool sign_raw(const struct pkcs11_key *key, void *data, size_t len, uint8_t raw[SIGN_BYTES],
                     struct err *err)
{
    const struct pkcs11 *token = key->token;
    CK_MECHANISM mechanism = {0};
    CK_ULONG raw_len = SIGN_BYTES;
    CK_RV code;

    mechanism.mechanism = pkcs11_numbers[key->kind].sign;
    code = token->call->C_SignInit(token->session, &mechanism, key->secret);

    if (code == CKR_OK)
        code = token->call->C_Sign(token->session, data, len, raw, &raw_len);
    if (code != CKR_OK)
        return pkcs11_failed(err, "sign", code);
    return raw_len == SIGN_BYTES ||
           err_set(err, ERR_UNAVAILABLE, "the token made a signature of %lu bytes", raw_len);
}

bool pkcs11_sign(const struct pkcs11_key *key, const void *data, size_t len, uint8_t *out,
                 size_t *out_len, struct err *err)
{
    AUTO_FREE uint8_t *copy = NULL; /* the interface wants it writable */
    uint8_t digest[HASH_BYTES];
    uint8_t raw[SIGN_BYTES] = {0};

    if (key->kind == PKCS11_ED25519) {
        copy = mem_dup(data, len);
        *out_len = SIGN_BYTES;
        return sign_raw(key, copy, len, out, err);
    }
    hash_sha256(data, len, digest);
    if (!sign_raw(key, digest, sizeof(digest), raw, err))
        return false;
    *out_len = to_der(raw, out);
    return true;
}
