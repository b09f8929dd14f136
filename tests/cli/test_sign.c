#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/key_dir.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/tuf/tuf.h"
#include "tests/support/cli_call.h"
#include "tests/support/temp.h"

static const struct cli_command *const tables[] = {cli_keys_commands, cli_sign_commands, NULL};

static const char *dir;

/* Offline keys in DIR/keys, online ones in DIR/online and their answer in DIR/online.json. */
static void make_keys(void)
{
    AUTO_KEY_PUBLIC snapshot = {0};
    AUTO_KEY_PUBLIC timestamp = {0};
    AUTO_JSON *online = NULL;
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *online_dir = NULL;
    struct err err = {0};

    dir = temp_dir();
    online_dir = mem_printf("%s/online", dir);
    cr_assert_eq(cli_call(tables, "keys new --dir %s/keys", dir), CLI_DONE, "%s", cli_call_err());
    cr_assert(key_dir_make(online_dir, "snapshot", &snapshot, &err), "%s", err.text);
    cr_assert(key_dir_make(online_dir, "timestamp", &timestamp, &err), "%s", err.text);
    online = json_pack("{s:{s:s,s:O}, s:{s:s,s:O}}", "snapshot", "keyid", snapshot.keyid, "key",
                       snapshot.key, "timestamp", "keyid", timestamp.keyid, "key", timestamp.key);
    text = json_text(online);
    temp_write(temp_path("online.json"), text, strlen(text));
}

static int sign_root(const char *out, const char *more)
{
    return cli_call(tables, "sign root --online %s/online.json --out %s/%s %s", dir, dir, out,
                    more);
}

static void make_root(void)
{
    AUTO_FREE char *keys = NULL;

    make_keys();
    keys = mem_printf("--keys %s/keys", dir);
    cr_assert_eq(sign_root("1.root.json", keys), CLI_DONE, "%s", cli_call_err());
}

static void read_file(const char *name, struct buf *out)
{
    struct err err = {0};

    buf_init(out, TUF_TARGETS_BYTES_MAX);
    cr_assert(file_read(temp_path(name), out, &err), "%s", err.text);
}

static int sign_release(unsigned number, const char *version, unsigned counter, const char *more)
{
    AUTO_FREE char *previous =
        number > 1 ? mem_printf("--previous %s/%u.targets.json", dir, number - 1) : mem_strdup("");

    return cli_call(tables,
                    "sign release --keys %s/keys --root %s/1.root.json --out %s/%u.targets.json "
                    "--component base-os --version %s --counter %u %s %s %s/image",
                    dir, dir, dir, number, version, counter, more, previous, dir);
}

Test(keys, are_made_once_and_kept_secret)
{
    AUTO_JSON *answer = NULL;
    struct stat info;

    make_keys();
    cr_expect(stat(temp_path("keys/root.key"), &info) == 0 && (info.st_mode & 0777) == 0600);
    cr_expect_eq(cli_call(tables, "keys new --dir %s/keys", dir), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "exists"), "%s", cli_call_err());
    cr_expect_eq(cli_call(tables, "keys new --dir %s/keys ../evil", dir), CLI_FAILED);
    cr_assert_eq(cli_call(tables, "keys list --dir %s/keys --json", dir), CLI_DONE);
    answer = json_loads(cli_call_out(), 0, NULL);
    cr_expect_eq(json_array_size(json_object_get(answer, "keys")), 2, "%s", cli_call_out());
    cr_expect_null(strstr(cli_call_out(), "seed"));
    cr_expect_eq(cli_call(tables, "keys list --dir %s/none", dir), CLI_FAILED);
    cr_expect_eq(cli_call(tables, "keys list"), CLI_FAILED, "there is no ./keys");
    temp_done();
}

Test(sign_root, makes_a_chain_that_devices_follow)
{
    AUTO_FREE char *same = NULL;
    AUTO_FREE char *other = NULL;
    AUTO_FREE char *both = NULL;
    AUTO_BUF first;
    AUTO_BUF second;
    struct err err = {0};

    make_root();
    same = mem_printf("--keys %s/keys --previous %s/1.root.json", dir, dir);
    other = mem_printf("--keys %s/new --previous %s/1.root.json", dir, dir);
    both = mem_printf("%s --previous-keys %s/keys", other, dir);
    cr_expect_eq(sign_root("1.root.json", same), CLI_FAILED, "a signed file is not replaced");
    cr_expect_eq(sign_root("2.root.json", same), CLI_DONE, "%s", cli_call_err());
    read_file("1.root.json", &first);
    read_file("2.root.json", &second);
    cr_expect(tuf_check_root_step(&first, &second, clock_now_ms(), &err), "%s", err.text);

    cr_assert_eq(cli_call(tables, "keys new --dir %s/new", dir), CLI_DONE);
    cr_expect_eq(sign_root("3.root.json", other), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "ROOT_OLD_THRESHOLD"), "%s", cli_call_err());
    cr_expect_eq(sign_root("3.root.json", both), CLI_DONE, "%s", cli_call_err());
    temp_done();
}

Test(sign_root, refuses_an_online_key_under_another_id)
{
    static const char wrong[] =
        "{\"snapshot\":{\"keyid\":\"00\",\"key\":{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\","
        "\"keyval\":{\"public\":\"00\"}}}}";
    AUTO_FREE char *keys = NULL;

    make_keys();
    keys = mem_printf("--keys %s/keys", dir);
    temp_write(temp_path("online.json"), wrong, sizeof(wrong) - 1);
    cr_expect_eq(sign_root("1.root.json", keys), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "KEYID_MISMATCH"), "%s", cli_call_err());
    cr_expect_not(file_exists(temp_path("1.root.json")));
    temp_done();
}

Test(sign_release, names_the_image_in_the_next_targets)
{
    AUTO_TUF_TARGET target = {0};
    struct tuf_set *set = NULL;
    uint8_t sha256[HASH_BYTES];
    AUTO_BUF targets;
    struct err err = {0};

    make_root();
    temp_write(temp_path("image"), "hello", 5);
    cr_assert_eq(
        sign_release(1, "v1", 10, "--hwid h1 --hwid h2 --floor 9 --back-to 8 --back-to 9 "),
        CLI_DONE, "%s", cli_call_err());
    cr_assert_eq(sign_release(2, "v2", 11, "--hwid h1 --epoch 3 --stepping-stone 10 "), CLI_DONE,
                 "%s", cli_call_err());
    read_file("2.targets.json", &targets);
    cr_assert(tuf_set_of_targets(targets.data, targets.len, &set, &err), "%s", err.text);
    cr_expect_eq(tuf_set_version(set, TUF_TARGETS), 2);

    cr_assert(tuf_set_target(set, "os/h1/v1/image", &target, &err), "%s", err.text);
    hash_sha256("hello", 5, sha256);
    cr_expect_arr_eq(target.sha256, sha256, HASH_BYTES);
    cr_expect_eq(target.length, 5);
    cr_expect(target.hwid_count == 2 && strcmp(target.hwids[1], "h2") == 0);
    cr_expect(target.release_counter == 10 && target.floor == 9);
    cr_expect(target.revert_count == 2 && target.revert_until_ms > clock_now_ms());
    tuf_target_done(&target);
    cr_assert(tuf_set_target(set, "os/h1/v2/image", &target, &err), "%s", err.text);
    cr_expect(target.security_epoch == 3 && target.stepping_stone == 10);
    tuf_set_free(set);
    temp_done();
}

Test(sign_release, takes_one_image_for_each_hardware)
{
    make_root();
    temp_write(temp_path("image"), "hello", 5);
    temp_write(temp_path("other"), "other", 5);
    cr_assert_eq(
        cli_call(tables,
                 "sign release --keys %s/keys --root %s/1.root.json --out %s/1.targets.json "
                 "--component base-os --version v1 --counter 1 --hwid h1 --hwid h2 "
                 "%s/image %s/other --json",
                 dir, dir, dir, dir, dir),
        CLI_DONE, "%s", cli_call_err());
    cr_expect(strstr(cli_call_out(), "os/h1/v1/image") && strstr(cli_call_out(), "os/h2/v1/other"),
              "%s", cli_call_out());
    temp_done();
}

Test(sign_release, refuses_what_would_be_refused_later)
{
    static const struct {
        const char *version;
        const char *more;
        const char *words;
        unsigned counter;
        int status;
    } cases[] = {
        {"v2", "--hwid h1 ", "RELEASE_ROLLBACK", 10, CLI_FAILED},
        {"v2", "--hwid h2 --hwid h1 ", "RELEASE_ROLLBACK", 9, CLI_FAILED},
        {"v1", "--hwid h1 ", "signed already", 11, CLI_FAILED},
        {"v/2", "--hwid h1 ", "version 'v/2'", 11, CLI_FAILED},
        {"..", "--hwid h1 ", "version '..'", 11, CLI_FAILED},
        {"v2", "--hwid h/1 ", "hardware id 'h/1'", 11, CLI_FAILED},
        {"v2", "--hwid h1 ", "'--counter' cannot be '0'", 0, CLI_USAGE},
        {"v2", "", "--hwid is missing", 11, CLI_USAGE},
        {"v2", "--hwid h1 --hwid h2 --hwid h3 /dev/null ", "2 images for 3", 11, CLI_USAGE},
    };

    make_root();
    temp_write(temp_path("image"), "hello", 5);
    cr_assert_eq(sign_release(1, "v1", 10, "--hwid h1 "), CLI_DONE, "%s", cli_call_err());
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(sign_release(2, cases[i].version, cases[i].counter, cases[i].more),
                     cases[i].status, "%s", cases[i].words);
        cr_expect(strstr(cli_call_err(), cases[i].words), "%s: %s", cases[i].words, cli_call_err());
        cr_expect_not(file_exists(temp_path("2.targets.json")), "%s", cases[i].words);
    }
    temp_done();
}

Test(sign_release, goes_on_from_other_peoples_targets_only_when_told_so)
{
    AUTO_FREE char *keys = NULL;
    AUTO_FREE char *line = NULL;

    make_root();
    temp_write(temp_path("image"), "hello", 5);
    cr_assert_eq(sign_release(1, "v1", 10, "--hwid h1 "), CLI_DONE, "%s", cli_call_err());
    cr_assert_eq(cli_call(tables, "keys new --dir %s/evil", dir), CLI_DONE);
    keys = mem_printf("--keys %s/evil", dir);
    cr_assert_eq(sign_root("e.root.json", keys), CLI_DONE, "%s", cli_call_err());
    line = mem_printf("sign release --keys %s/evil --root %s/e.root.json --out %s/2.targets.json "
                      "--previous %s/1.targets.json --component base-os --version v2 --counter 11 "
                      "--hwid h1 %s/image",
                      dir, dir, dir, dir, dir);
    cr_expect_eq(cli_call(tables, "%s", line), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "TARGETS_THRESHOLD"), "%s", cli_call_err());
    cr_expect_eq(cli_call(tables, "%s --accept-previous", line), CLI_DONE, "%s", cli_call_err());
    temp_done();
}
