#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

#include "lib/os/file.h"
#include "server/artifact/store.h"
#include "tests/support/temp.h"

Test(store, gives_a_file_its_name_only_when_it_is_adopted)
{
    struct artifact_store *store;
    char temp[ARTIFACT_PATH_ROOM];
    uint8_t hash[HASH_BYTES];
    uint64_t size;
    struct err err;
    int fd;

    cr_assert(artifact_store_open(temp_dir(), &store, &err), "%s", err.text);
    hash_sha256("hello", 5, hash);
    cr_expect_not(artifact_store_read(store, hash, &fd, &size, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);

    artifact_store_temp(store, temp);
    temp_write(temp, "hello", 5);
    cr_expect_not(artifact_store_read(store, hash, &fd, &size, &err));
    cr_assert(artifact_store_adopt(store, temp, hash, &err), "%s", err.text);
    cr_expect_not(file_exists(temp));
    cr_assert(artifact_store_read(store, hash, &fd, &size, &err), "%s", err.text);
    cr_expect_eq(size, 5);
    (void)close(fd);
    artifact_store_close(store);
    temp_done();
}

Test(store, forgets_unfinished_files_at_the_next_start_and_nothing_else)
{
    struct artifact_store *store;
    char unfinished[ARTIFACT_PATH_ROOM];
    char temp[ARTIFACT_PATH_ROOM];
    uint8_t hash[HASH_BYTES];
    uint64_t size;
    struct err err;
    int fd;

    cr_assert(artifact_store_open(temp_dir(), &store, &err), "%s", err.text);
    hash_sha256("kept", 4, hash);
    artifact_store_temp(store, temp);
    artifact_store_temp(store, unfinished);
    cr_expect_str_neq(temp, unfinished);
    temp_write(temp, "kept", 4);
    temp_write(unfinished, "half", 4);
    cr_assert(artifact_store_adopt(store, temp, hash, &err), "%s", err.text);
    artifact_store_close(store);

    cr_assert(artifact_store_open(temp_dir(), &store, &err), "%s", err.text);
    cr_expect_not(file_exists(unfinished));
    cr_assert(artifact_store_read(store, hash, &fd, &size, &err), "%s", err.text);
    (void)close(fd);
    artifact_store_close(store);
    temp_done();
}

Test(store, says_which_folder_it_cannot_make)
{
    struct artifact_store *store;
    char long_name[2000];
    struct err err;

    cr_expect_not(artifact_store_open("/proc/nothing/here", &store, &err));
    cr_expect(strstr(err.text, "/proc/nothing"), "%s", err.text);
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[0] = '/';
    long_name[sizeof(long_name) - 1] = '\0';
    cr_expect_not(artifact_store_open(long_name, &store, &err));
}
