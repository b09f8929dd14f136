#include <criterion/criterion.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"
#include "lib/crypto/token.h"
#include "lib/os/file.h"

Test(hash, gives_the_published_digests)
{
    uint8_t digest[HASH_BYTES];
    char text[HASH_HEX_ROOM];

    hash_sha256("abc", 3, digest); /* FIPS 180-4 example */
    text_from_hex_bytes(digest, sizeof(digest), text);
    cr_expect_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_blake2b("abc", 3, digest); /* b2sum -l 256 */
    text_from_hex_bytes(digest, sizeof(digest), text);
    cr_expect_str_eq(text, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

Test(hash, can_be_looked_at_while_it_runs)
{
    AUTO_SHA256 struct sha256 *hash = sha256_new();
    uint8_t half[HASH_BYTES], whole[HASH_BYTES], expected[HASH_BYTES];

    sha256_add(hash, "ab", 2);
    sha256_peek(hash, half);
    sha256_add(hash, "c", 1);
    sha256_peek(hash, whole);

    hash_sha256("ab", 2, expected);
    cr_expect_eq(memcmp(half, expected, HASH_BYTES), 0);
    hash_sha256("abc", 3, expected);
    cr_expect_eq(memcmp(whole, expected, HASH_BYTES), 0);
}

Test(sign, refuses_another_key_message_or_signature)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();
    AUTO_SIGN_KEY struct sign_key *other = sign_key_new();
    uint8_t signature[SIGN_BYTES];

    sign_make(key, "hello", 5, signature);

    cr_expect(sign_check(sign_key_public(key), "hello", 5, signature));
    cr_expect_not(sign_check(sign_key_public(other), "hello", 5, signature));
    cr_expect_not(sign_check(sign_key_public(key), "hellp", 5, signature));
    cr_expect_not(sign_check(sign_key_public(key), "hell", 4, signature));
    signature[10] ^= 1;
    cr_expect_not(sign_check(sign_key_public(key), "hello", 5, signature));
}

Test(sign, key_files_are_private_and_never_replaced)
{
    char dir[] = "/tmp/slipway-test-XXXXXX";
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();
    AUTO_SIGN_KEY struct sign_key *back = NULL;
    struct sign_key *none = NULL;
    struct err err = {0};
    AUTO_FREE char *path = NULL;

    cr_assert(mkdtemp(dir));
    path = mem_printf("%s/root.key", dir);

    cr_assert(sign_key_save(key, path, &err), "%s", err.text);
    cr_assert(sign_key_load(path, &back, &err), "%s", err.text);
    cr_expect_eq(memcmp(sign_key_public(key), sign_key_public(back), SIGN_PUBLIC_BYTES), 0);
    cr_expect_not(sign_key_save(key, path, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_expect_not(sign_key_load(path, &none, &err));
    cr_expect_eq(err.code, ERR_DENIED);
    cr_assert(file_write(path, 0600, "junk", 4, &err));
    cr_expect_not(sign_key_load(path, &none, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    cr_expect(file_remove_tree(dir, &err));
}

Test(token, are_43_characters_and_differ)
{
    char a[TOKEN_ROOM], b[TOKEN_ROOM];

    token_make(a);
    token_make(b);
    cr_expect_eq(strlen(a), 43);
    cr_expect_str_neq(a, b);
}

Test(token, of_an_operator_says_what_it_is_and_has_a_name)
{
    static const char *const others[] = {
        "",
        "slw_",
        "slw_00112233",
        "slw_00112233_00112233445566778899aabbccddeeff00112233445566778899aabbccddeef",
        "slw_00112233_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0",
        "slw_0011223g_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "slw_00112233-00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "slx_00112233_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };
    char first[TOKEN_OPERATOR_ROOM];
    char second[TOKEN_OPERATOR_ROOM];
    char id[TOKEN_OPERATOR_ID_ROOM];

    token_make_operator(first);
    token_make_operator(second);
    cr_expect_str_neq(first, second);
    cr_expect_eq(strlen(first), TOKEN_OPERATOR_ROOM - 1);
    cr_assert(token_operator_id(first, id));
    cr_expect_eq(strncmp(first + 4, id, 8), 0);
    for (size_t i = 0; i < COUNT(others); i++)
        cr_expect_not(token_operator_id(others[i], id), "%s", others[i]);
}
