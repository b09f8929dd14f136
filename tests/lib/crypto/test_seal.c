#include "lib/crypto/seal.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "tests/support/temp.h"

static const uint8_t secret[32] = "the thirty-two bytes of a seed.";

Test(seal, a_box_opens_with_its_key_only)
{
    AUTO_SEAL_KEY struct seal_key *key = seal_key_new();
    AUTO_SEAL_KEY struct seal_key *other = seal_key_new();
    uint8_t back[sizeof(secret)];
    struct err err = {0};
    AUTO_BUF box;

    buf_init(&box, 200);
    seal_close(key, secret, sizeof(secret), &box);

    cr_assert_eq(box.len, sizeof(secret) + SEAL_OVERHEAD_BYTES);
    cr_assert(seal_open(key, box.data, box.len, back, &err));
    cr_expect_arr_eq(back, secret, sizeof(secret));
    cr_expect_not(seal_open(other, box.data, box.len, back, &err));
    cr_expect_eq(err.code, ERR_DENIED);
}

Test(seal, a_box_with_one_altered_byte_or_one_less_does_not_open)
{
    AUTO_SEAL_KEY struct seal_key *key = seal_key_new();
    uint8_t back[sizeof(secret)];
    struct err err = {0};
    AUTO_BUF box;

    buf_init(&box, 200);
    seal_close(key, secret, sizeof(secret), &box);

    for (size_t i = 0; i < box.len; i++) {
        box.data[i] ^= 1;
        cr_expect_not(seal_open(key, box.data, box.len, back, &err), "byte %zu", i);
        box.data[i] ^= 1;
    }
    cr_expect_not(seal_open(key, box.data, box.len - 1, back, &err));
    cr_expect_not(seal_open(key, box.data, SEAL_OVERHEAD_BYTES - 1, back, &err));
    cr_expect_not(seal_open(key, box.data, 0, back, &err));
}

Test(seal, two_boxes_of_one_secret_differ)
{
    AUTO_SEAL_KEY struct seal_key *key = seal_key_new();
    AUTO_BUF one;
    AUTO_BUF two;

    buf_init(&one, 200);
    buf_init(&two, 200);
    seal_close(key, secret, sizeof(secret), &one);
    seal_close(key, secret, sizeof(secret), &two);

    cr_expect_arr_neq(one.data, two.data, one.len);
}

Test(seal, a_key_survives_its_file, .fini = temp_done)
{
    AUTO_SEAL_KEY struct seal_key *key = seal_key_new();
    AUTO_SEAL_KEY struct seal_key *back = NULL;
    const char *path = temp_path("master");
    uint8_t opened[sizeof(secret)];
    struct err err = {0};
    struct stat info;
    AUTO_BUF box;

    buf_init(&box, 200);
    cr_assert(seal_key_save(key, path, &err), "%s", err.text);
    cr_assert(seal_key_load(path, &back, &err), "%s", err.text);
    seal_close(key, secret, sizeof(secret), &box);

    cr_expect(seal_open(back, box.data, box.len, opened, &err));
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
    cr_expect_not(seal_key_save(key, path, &err), "it replaces none");
    cr_expect_eq(err.code, ERR_CONFLICT);
}

Test(seal, refuses_key_files_that_are_none, .fini = temp_done)
{
    AUTO_SEAL_KEY struct seal_key *key = seal_key_new();
    AUTO_SEAL_KEY struct seal_key *back = NULL;
    const char *path = temp_path("master");
    struct err err = {0};

    temp_write(path, "slipway-master-key-1 00\n", 24);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_expect_not(seal_key_load(path, &back, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    cr_expect_not(seal_key_load(temp_path("missing"), &back, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);

    cr_assert(seal_key_save(key, temp_path("open"), &err));
    cr_assert_eq(chmod(temp_path("open"), 0640), 0);
    cr_expect_not(seal_key_load(temp_path("open"), &back, &err));
    cr_expect_eq(err.code, ERR_DENIED);
}
