/* Signatures that OpenSSL's command line made, and what is no key. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/verify.h"

static const char message[] = "what is signed";

/* openssl dgst -sha256 -sign, over `message` */
static const char ec_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDtkK2C/hzFSDbryXRjLBABvFg5Zq\n"
                             "c0QcdjfuMtHeBH9YWw7bnxIZ4zTf3r6bDqmP1FsXHxEDsoi1ekiLHUFVTQ==\n"
                             "-----END PUBLIC KEY-----\n";
static const char rsa_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqn49IrZKnOYR4Uud1WUQ\n"
                              "cXpCc5zp4/I82XT1GosvepfZ56bNlaVUr1sreqeCKanJZdPkPy1mgyWQzsAigE8s\n"
                              "bGvAdeJLInn8A5qyYNaiAAuxwslpRKTLVMdeRWKraJMkKEQW5RViaYL/HJBOoGIM\n"
                              "tnQBX8q3O0Bx4LN7TSGt9NDMWO9pUfbKuJ4q5VWjw++8dHICsql1VEumMnwQ7rxM\n"
                              "HP4mV9MN8+DqGDkBQlXZT1Fgq1y0hd3xAGKBMHZufBTnQjOQVIFX7jkbm3QEXFON\n"
                              "4efvHjkOPQIn/6qlwRWo7dK4elBSmR2nVU9kGhUxjA+RXNllpjYzP0snBE3NuBqa\n"
                              "vQIDAQAB\n"
                              "-----END PUBLIC KEY-----\n";
static const char rsa_1024_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCvbzOOL6osT2CgqeN53q1Tc+xU\n"
    "bkxexW/LqjLXa3M/eW1fjDBNdvckFQQFkg/EssgvLj0w56po3wRseS1GT8E4GCWR\n"
    "KyG3UsdYYQ4i9iojoFqq+34UECgHXNDqHWv7zFdArABju1i6RqijZhOq3OeuAe7F\n"
    "xcJon7h11e9/GvKTKwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char p384_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEiQpKxH7jjilOeVa5k21gxEMIQBdX39xa\n"
                               "HK15N1KiXWBMn6SMUBr9O/kJ9qAC8Cc/cfRxFMfq+oYdIlHRcBt7gvDCtGpvC0io\n"
                               "9M2QvJmatcS4uy8d+kjI4DxdIIRDWOXv\n"
                               "-----END PUBLIC KEY-----\n";
static const char ec_sig[] =
    "3045022100ffa4623a9d54a827e88d7e075e9cd9584ebcdddbc3a86c798af90e737a7db97f02205b40cdcb89"
    "f68abaea1628c840a7535eae1e4347d51e97f0da46276b2f614556";
static const char rsa_sig[] =
    "070767983545d69ad101cd2a0e7fbbbcb0e315c613363302ad28c70a88fdd9f0a2fc380bde38a8e07c6a5429"
    "65502534a42eb37d2f403a5bb1e7b63b2677b984c3830db038273cc35338401d28caf2a24a930d32ab18a603"
    "f07c11f1ee3a87374e7d966e3ef78fa07c2153550eef9b1e795c9cd53974b9c8852df78812ac7bfbcb59ad82"
    "87e5fdd8d11594cffa738c46260147aa12ca4ce591a2721e422077640c67ffcf4c80e3e70a9c3d7da37492db"
    "87d55bddebc654b09163b555d57c7ad3c49d25f0abb023ad71e4db35bf0625980761b5f1efaadff9c9580856"
    "c716974535859a94b61b229cc467dd99fd67537d39e862b626792fed7c522f0d374715f2";
static const char rsa_salt_20_sig[] =
    "65de56b63701aa70e9c6fc9b1aa095f33e49669071237622f845b7cf673ebfce2e9f648cf5f7b0972c706d3c"
    "1de6277e003df89ef7db217ff2693d5708f00e8ee6af872167259badb9af46a9eb8d33bc156a609b57659baa"
    "9e0b2caebe8df8603e250c857a40223258f55e7d0ce6f8132b969e73bf93083eb04cd7fcc2ec18df79480396"
    "54bba5c6624334c8c67b55945a8bfe47e759ae57d9cb4b3757832e2b939595fde40b79060aad07a0b095d868"
    "85aa1ba572bf4e4f8c12a94c5bfa997d8905d6e7dda1d9294755c1c8439a13641b48f555653060c74a59b8a3"
    "383feca1209f69a705012ee290b06ee213cd80dca2f461cecc3e44f1c3cdb75be34ddb84";
static const char rsa_pkcs1_sig[] =
    "974625fb296acd09f214bde2190db276bf4249eb52e647956428d23cd1c202a8f0568ed1469e0ba702989612"
    "2b98ab787cebc328e6442328cade98e8781fe34804e177c43fef9770e6efaba5ebb9884e6f0319b648479131"
    "4d267a29be8369ca99a62f897a318403ffa4c401084c91d5b12908884a9f5c1d23b4c39d288779ac21939a8c"
    "7f762a17f50172da1ff6ea0bb6fcda542fbab4668518cbccb174d89c875242fb899069f883f076bfb2b78026"
    "e0b74a976be1fd6d8589cbbaf8ea30b86b516b6a9c810a69439865ce9a66bb1e2e41bbdb113004b01ebb74f7"
    "2d33562999b6bb3df37af197e8ee764b29ca8622cfe32803277c3026a1535008f23aca52";
static const char rsa_1024_sig[] =
    "a2b61f3b268f93293d3b1b39f5ef795249559e611b0bf3e1901dcfa4536233a36bea1a068dab3948bc6366c3"
    "1961ceaacf53d7e62543b4105cafbad28133a55c56663a1854d3202128e8e13903e43040e5dc3c8942cd4cf9"
    "57e6b1144f460ee4c63f807a757298f9cd205ae720c905be4eb5bfa8da89cb07b941d3b2d3d9e7d4";
static const char p384_sig[] =
    "3066023100ce5d88535f3babe00c2e82b64420b46ae3673cd2a7c7e70fe9f83a0fc25e6d04e632a5561f04ec"
    "cfd04a4b81336aeee802310084ed7de22314e53993758ccd24bd81ade723a2f7b2d7d1e3b838fe3054ed3e2f"
    "dc114a4b3f1415f057eb2455098cd2ec";

static bool verifies(enum verify_scheme scheme, const char *pem, const char *text, const char *hex)
{
    uint8_t sig[512];
    size_t len = strlen(hex) / 2;

    cr_assert(len <= sizeof(sig) && text_to_hex_bytes(hex, strlen(hex), sig, len));
    return verify_pem(scheme, pem, text, strlen(text), sig, len);
}

Test(crypto_verify, takes_good_signatures)
{
    cr_expect(verifies(VERIFY_ECDSA_P256, ec_pem, message, ec_sig));
    cr_expect(verifies(VERIFY_RSA_PSS, rsa_pem, message, rsa_sig));
    cr_expect(verifies(VERIFY_RSA_PSS, rsa_pem, message, rsa_salt_20_sig));
}

Test(crypto_verify, refuses_other_messages_keys_and_schemes)
{
    cr_expect_not(verifies(VERIFY_ECDSA_P256, ec_pem, "what is signe", ec_sig));
    cr_expect_not(verifies(VERIFY_RSA_PSS, rsa_pem, "what was signed", rsa_sig));
    cr_expect_not(verifies(VERIFY_RSA_PSS, rsa_pem, message, rsa_pkcs1_sig));
    cr_expect_not(verifies(VERIFY_RSA_PSS, rsa_1024_pem, message, rsa_1024_sig));
    cr_expect_not(verifies(VERIFY_ECDSA_P256, p384_pem, message, p384_sig));
    cr_expect_not(verifies(VERIFY_ECDSA_P256, rsa_pem, message, rsa_sig));
    cr_expect_not(verifies(VERIFY_RSA_PSS, ec_pem, message, ec_sig));
    cr_expect_not(verifies(VERIFY_ECDSA_P256, ec_pem, message, ""));
    cr_expect_not(verifies(VERIFY_ECDSA_P256, ec_pem, message, "00"));
}

Test(crypto_verify, every_changed_byte_of_a_signature_is_noticed)
{
    uint8_t sig[512];
    size_t len = strlen(ec_sig) / 2;

    cr_assert(text_to_hex_bytes(ec_sig, strlen(ec_sig), sig, len));
    for (size_t i = 0; i < len; i++) {
        sig[i] ^= 0x10;
        cr_expect_not(verify_pem(VERIFY_ECDSA_P256, ec_pem, message, strlen(message), sig, len));
        sig[i] ^= 0x10;
    }
    cr_expect_not(verify_pem(VERIFY_ECDSA_P256, ec_pem, message, strlen(message), sig, len - 1));
}

Test(crypto_verify, takes_one_public_key_and_nothing_else)
{
    AUTO_FREE char *twice = mem_printf("%s%s", ec_pem, ec_pem);
    AUTO_FREE char *before = mem_printf("x%s", ec_pem);
    AUTO_FREE char *behind = mem_printf("%s \n\t", ec_pem);
    AUTO_FREE char *cut = mem_strndup(ec_pem, strlen(ec_pem) - 40);
    AUTO_FREE char *huge = mem_array(VERIFY_PEM_BYTES_MAX + 100, 1);

    memset(huge, '\n', VERIFY_PEM_BYTES_MAX + 99);
    for (size_t i = 0; ec_pem[i]; i++)
        huge[i] = ec_pem[i];
    cr_expect(verify_pem_is(VERIFY_ECDSA_P256, ec_pem));
    cr_expect(verify_pem_is(VERIFY_RSA_PSS, rsa_pem));
    cr_expect(verify_pem_is(VERIFY_ECDSA_P256, behind));
    cr_expect_not(verify_pem_is(VERIFY_ECDSA_P256, twice));
    cr_expect_not(verify_pem_is(VERIFY_ECDSA_P256, before));
    cr_expect_not(verify_pem_is(VERIFY_ECDSA_P256, cut));
    cr_expect_not(verify_pem_is(VERIFY_ECDSA_P256, huge));
    cr_expect_not(verify_pem_is(VERIFY_RSA_PSS, rsa_1024_pem));
    cr_expect_not(verify_pem_is(VERIFY_ECDSA_P256, p384_pem));
    cr_expect_not(verify_pem_is(VERIFY_ECDSA_P256, ""));
}

/* The same key as ec_pem, its point compressed. */
static const char compressed_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADDtkK2C/hzFSDbryXRjLBABvFg5Zq\n"
    "c0QcdjfuMtHeBH8=\n"
    "-----END PUBLIC KEY-----\n";

Test(crypto_verify, tells_one_key_from_another_however_they_are_written)
{
    uint8_t first[HASH_BYTES];
    uint8_t other[HASH_BYTES];
    char spaced[VERIFY_PEM_BYTES_MAX];

    (void)snprintf(spaced, sizeof(spaced), "%s \n\n", ec_pem);
    cr_assert(verify_pem_identity(VERIFY_ECDSA_P256, ec_pem, first));
    cr_assert(verify_pem_identity(VERIFY_ECDSA_P256, compressed_pem, other));
    cr_expect_arr_eq(first, other, HASH_BYTES);
    cr_assert(verify_pem_identity(VERIFY_ECDSA_P256, spaced, other));
    cr_expect_arr_eq(first, other, HASH_BYTES);
    cr_assert(verify_pem_identity(VERIFY_RSA_PSS, rsa_pem, other));
    cr_expect(memcmp(first, other, HASH_BYTES) != 0);
    cr_expect_not(verify_pem_identity(VERIFY_RSA_PSS, ec_pem, other));
    cr_expect_not(verify_pem_identity(VERIFY_ECDSA_P256, p384_pem, other));
    cr_expect_not(verify_pem_identity(VERIFY_ECDSA_P256, "", other));
}
