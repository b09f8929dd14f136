#include "lib/crypto/pkcs11.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/crypto/verify.h"
#include "tests/support/softhsm.h"
#include "tests/support/temp.h"

TestSuite(pkcs11, .init = softhsm_open, .fini = temp_done);

static const char message[] = "what is signed";

static struct pkcs11 *open_token(void)
{
    struct pkcs11 *token;
    struct err err = {0};

    cr_assert(pkcs11_open(softhsm_module(), SOFTHSM_TOKEN, softhsm_pin_file(), &token, &err), "%s",
              err.text);
    return token;
}

static struct pkcs11_key *make(struct pkcs11 *token, enum pkcs11_kind kind, const char *label)
{
    struct pkcs11_key *key;
    struct err err = {0};

    cr_assert(pkcs11_generate(token, kind, label, &key, &err), "%s", err.text);
    return key;
}

Test(pkcs11, an_ed25519_key_made_in_the_token_signs_and_is_found_again)
{
    AUTO_PKCS11 *first = open_token();
    struct pkcs11_key *made = make(first, PKCS11_ED25519, "root-1");
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t sig[PKCS11_SIG_MAX];
    struct pkcs11_key *found;
    struct pkcs11 *second;
    struct err err = {0};
    size_t len;

    memcpy(public_key, pkcs11_key_public(made), sizeof(public_key));
    pkcs11_close(first);
    first = NULL;
    second = open_token();
    cr_assert(pkcs11_find(second, "root-1", &found, &err), "%s", err.text);
    cr_assert(pkcs11_sign(found, message, sizeof(message), sig, &len, &err), "%s", err.text);

    cr_expect_eq(pkcs11_key_kind(found), PKCS11_ED25519);
    cr_expect_null(pkcs11_key_pem(found));
    cr_expect_arr_eq(pkcs11_key_public(found), public_key, sizeof(public_key));
    cr_expect_eq(len, SIGN_BYTES);
    cr_expect(sign_check(public_key, message, sizeof(message), sig));
    cr_expect_not(sign_check(public_key, message, sizeof(message) - 1, sig));
    pkcs11_close(second);
}

Test(pkcs11, an_ecdsa_key_signs_as_update_metadata_wants_it)
{
    AUTO_PKCS11 *token = open_token();
    struct pkcs11_key *key = make(token, PKCS11_ECDSA_P256, "root-2");
    uint8_t sig[PKCS11_SIG_MAX];
    struct err err = {0};
    size_t len;

    cr_expect_null(pkcs11_key_public(key));
    cr_assert(verify_pem_is(VERIFY_ECDSA_P256, pkcs11_key_pem(key)), "%s", pkcs11_key_pem(key));
    for (int i = 0; i < 100; i++) { /* r and s have leading zeros and high bits now and then */
        cr_assert(pkcs11_sign(key, message, sizeof(message), sig, &len, &err), "%s", err.text);
        cr_expect(
            verify_pem(VERIFY_ECDSA_P256, pkcs11_key_pem(key), message, sizeof(message), sig, len));
    }
    cr_expect_not(
        verify_pem(VERIFY_ECDSA_P256, pkcs11_key_pem(key), message, sizeof(message) - 1, sig, len));
}

Test(pkcs11, a_seed_that_was_imported_signs_as_it_did_outside)
{
    AUTO_PKCS11 *token = open_token();
    AUTO_SIGN_KEY struct sign_key *outside = sign_key_new();
    uint8_t sig[PKCS11_SIG_MAX];
    uint8_t expected[SIGN_BYTES];
    struct pkcs11_key *key;
    uint8_t seed[32];
    struct err err = {0};
    size_t len;

    sign_key_seed(outside, seed);
    cr_assert(pkcs11_import(token, seed, "moved", &key, &err), "%s", err.text);
    cr_assert(pkcs11_sign(key, message, sizeof(message), sig, &len, &err), "%s", err.text);

    sign_make(outside, message, sizeof(message), expected);
    cr_expect_arr_eq(pkcs11_key_public(key), sign_key_public(outside), SIGN_PUBLIC_BYTES);
    cr_expect_arr_eq(sig, expected, SIGN_BYTES);
}

Test(pkcs11, a_label_is_used_once)
{
    AUTO_PKCS11 *token = open_token();
    struct pkcs11_key *key = make(token, PKCS11_ED25519, "one");
    const uint8_t seed[32] = {1};
    struct err err = {0};

    cr_expect_not(pkcs11_generate(token, PKCS11_ED25519, "one", &key, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_not(pkcs11_import(token, seed, "one", &key, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_not(pkcs11_generate(token, PKCS11_ED25519, "", &key, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    cr_expect_not(pkcs11_find(token, "two", &key, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}

Test(pkcs11, says_what_is_wrong_when_a_token_does_not_open)
{
    struct pkcs11 *token;
    struct err err = {0};
    const struct {
        const char *what;
        const char *module;
        const char *label;
        const char *pin;
        unsigned mode;
        enum err_code code;
    } cases[] = {
        {"no module", temp_path("nothing.so"), SOFTHSM_TOKEN, "1234", 0600, ERR_UNAVAILABLE},
        {"no token of this name", softhsm_module(), "tes", "1234", 0600, ERR_NOT_FOUND},
        {"a wrong PIN", softhsm_module(), SOFTHSM_TOKEN, "1235", 0600, ERR_DENIED},
        {"an empty PIN", softhsm_module(), SOFTHSM_TOKEN, "\n", 0600, ERR_INVALID},
        {"a PIN that all may read", softhsm_module(), SOFTHSM_TOKEN, "1234", 0644, ERR_DENIED},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *pin = temp_path("other-pin");

        temp_write(pin, cases[i].pin, strlen(cases[i].pin));
        cr_assert_eq(chmod(pin, cases[i].mode), 0);
        cr_expect_not(pkcs11_open(cases[i].module, cases[i].label, pin, &token, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
    }
    cr_expect_not(pkcs11_open(softhsm_module(), SOFTHSM_TOKEN, temp_path("none"), &token, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}
