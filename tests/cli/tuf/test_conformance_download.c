/* What suites for TUF clients ask about downloads: the signed bytes or nothing, and not twice. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "tests/support/conformance.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

static struct conformance c;

static void open_world(void)
{
    conform_open(&c, TEST_KEY_ED25519);
    conform_start(&c);
}

static void close_world(void)
{
    conform_close(&c);
}

TestSuite(conformance_download, .init = open_world, .fini = close_world);

static void publish(void)
{
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
}

/* What is served for a target, whatever was signed. */
static void serve(const char *path, const char *signed_content, const char *served)
{
    char hex[HASH_HEX_ROOM];
    char name[FORGE_NAME_ROOM];
    uint8_t hash[HASH_BYTES];

    hash_sha256(signed_content, strlen(signed_content), hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    (void)snprintf(name, sizeof(name), "targets/%s.%s", hex, path);
    forge_put_file(c.forge, name, served, strlen(served));
}

static void hash_512(const char *content, char hex[2 * HASH512_BYTES + 1])
{
    uint8_t hash[HASH512_BYTES];

    hash_sha512(content, strlen(content), hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
}

Test(conformance_download, a_refresh_downloads_nothing_and_a_download_the_signed_bytes)
{
    (void)forge_add_target(c.forge, "targets", "target_file.txt", "target file contents");
    publish();
    cr_assert_eq(conform_refresh(&c), 0);
    cr_assert_str_eq(conform_downloads(&c), "");
    cr_assert_eq(conform_download(&c, "target_file.txt"), 0, "%s", program_said());
    cr_assert_str_eq(conform_downloads(&c), "target file contents|");
}

Test(conformance_download, a_file_in_a_folder_and_its_namesake_are_two)
{
    (void)forge_add_target(c.forge, "targets", "path/to/a/file.txt", "deep");
    (void)forge_add_target(c.forge, "targets", "file.txt", "flat");
    publish();
    cr_assert_eq(conform_download(&c, "path/to/a/file.txt"), 0, "%s", program_said());
    cr_assert_str_eq(conform_downloads(&c), "deep|");
    cr_assert_eq(conform_download_two(&c, "file.txt", "path/to/a/file.txt"), 0);
    cr_assert_str_eq(conform_downloads(&c), "deep|flat|");
}

Test(conformance_download, what_is_there_and_right_is_not_fetched_again)
{
    (void)forge_add_target(c.forge, "targets", "file", "content");
    publish();
    cr_assert_eq(conform_download(&c, "file"), 0);
    cr_assert(strstr(conform_fetched(&c), " targets/"));
    cr_assert_eq(conform_download(&c, "file"), 0);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
    temp_write(temp_path("downloads/file"), "CONTENT", 7); /* a disk that forgets */
    cr_assert_eq(conform_download(&c, "file"), 0);
    cr_assert(strstr(conform_fetched(&c), " targets/"));
    cr_assert_str_eq(conform_downloads(&c), "content|");
}

Test(conformance_download, a_changed_target_replaces_the_old_file_and_a_forged_one_never)
{
    char old[32] = "";

    for (int i = 0; i < 4; i++) {
        AUTO_FREE char *content = mem_printf("contents %d", i);
        AUTO_FREE char *all = mem_printf("%s|", content);

        (void)forge_add_target(c.forge, "targets", "file", content);
        publish();
        cr_assert_eq(conform_download(&c, "file"), 0, "%s", program_said());
        cr_assert_str_eq(conform_downloads(&c), all);
        serve("file", content, "malicious!");
        publish();
        cr_assert_eq(conform_download(&c, "file"), 0); /* it is there */
        cr_assert_str_eq(conform_downloads(&c), all);
        cr_assert_str_neq(old, content);
        (void)text_copy(old, sizeof(old), content);
    }
}

Test(conformance_download, other_bytes_are_refused_and_not_kept)
{
    static const struct {
        const char *served, *code;
    } cases[] = {
        {"CONTENT", "TARGET_HASH"}, {"contenT", "TARGET_HASH"},    {"conten", "TARGET_LENGTH"},
        {"", "TARGET_LENGTH"},      {"contents", "TARGET_LENGTH"}, {"content\n", "TARGET_LENGTH"},
    };

    (void)forge_add_target(c.forge, "targets", "file", "content");
    publish();
    for (size_t i = 0; i < COUNT(cases); i++) {
        serve("file", "content", cases[i].served);
        cr_expect_eq(conform_download(&c, "file"), 1, "'%s'", cases[i].served);
        cr_expect(conform_refused(cases[i].code, "targets"), "'%s': %s", cases[i].served,
                  program_said());
        cr_expect_str_eq(conform_downloads(&c), "");
    }
    serve("file", "content", "content");
    cr_assert_eq(conform_download(&c, "file"), 0);
}

Test(conformance_download, a_file_that_is_not_served_is_a_failure)
{
    (void)forge_add_target(c.forge, "targets", "file", "content");
    (void)forge_add_target(c.forge, "targets", "other", "other content");
    publish();
    serve("file", "content", "content");
    forge_file(c.forge, c.forge->files[c.forge->file_count - 1].name);
    for (size_t i = 0; i < c.forge->file_count; i++) {
        if (strstr(c.forge->files[i].name, ".file"))
            c.forge->files[i].answer.status = 404;
    }
    cr_assert_eq(conform_download_two(&c, "other", "file"), 1);
    cr_assert_str_eq(conform_downloads(&c), "other content|");
}

Test(conformance_download, each_known_hash_counts_and_unknown_ones_alone_are_refused)
{
    static const char content[] = "content";
    json_t *entry = forge_add_target(c.forge, "targets", "file", content);
    json_t *hashes = json_object_get(entry, "hashes");
    AUTO_FREE char *name = NULL;
    char sha512[2 * HASH512_BYTES + 1];

    hash_512(content, sha512);
    /* both, and one nobody knows */
    cr_assert_eq(json_object_set_new(hashes, "sha512", json_string(sha512)), 0);
    cr_assert_eq(json_object_set_new(hashes, "blake7", json_string("00")), 0);
    publish();
    cr_assert_eq(conform_download(&c, "file"), 0, "%s", program_said());
    /* both must fit */
    sha512[0] = sha512[0] == '0' ? '1' : '0';
    cr_assert_eq(json_object_set_new(hashes, "sha512", json_string(sha512)), 0);
    publish();
    cr_assert_eq(conform_download(&c, "file"), 1);
    cr_assert(conform_refused("TARGET_HASH", "targets"), "%s", program_said());
    /* the long one alone */
    hash_512(content, sha512);
    cr_assert_eq(json_object_set_new(hashes, "sha512", json_string(sha512)), 0);
    cr_assert_eq(json_object_del(hashes, "sha256"), 0);
    name = mem_printf("targets/%s.file", sha512);
    forge_put_file(c.forge, name, content, sizeof(content) - 1);
    publish();
    cr_assert_eq(conform_download(&c, "file"), 0, "%s", program_said());
    /* none that is known */
    cr_assert_eq(json_object_del(hashes, "sha512"), 0);
    publish();
    cr_assert_eq(conform_download(&c, "file"), 1);
    cr_assert(conform_refused("NO_KNOWN_HASH", "targets"), "%s", program_said());
}

Test(conformance_download, names_that_lead_elsewhere_are_refused)
{
    static const char *const names[] = {
        "a/../../etc/passwd", "/etc/passwd", "../x", "a//b", "a/.", "a\nb", "a/"};

    for (size_t i = 0; i < COUNT(names); i++) {
        json_t *targets = json_object_get(forge_role(c.forge, "targets")->body, "targets");

        (void)json_object_clear(targets);
        (void)forge_add_target(c.forge, "targets", names[i], "content");
        publish();
        cr_expect_eq(conform_download(&c, names[i]), 1, "'%s'", names[i]);
        cr_expect(conform_refused("NAME_UNSAFE", "targets"), "'%s': %s", names[i], program_said());
        cr_expect_str_eq(conform_downloads(&c), "");
        cr_expect_eq(conform_version(&c, "targets"), 0);
    }
}

Test(conformance_download, an_empty_file_is_a_file)
{
    (void)forge_add_target(c.forge, "targets", "empty", "");
    publish();
    cr_assert_eq(conform_download(&c, "empty"), 0, "%s", program_said());
    cr_assert_str_eq(conform_downloads(&c), "|");
    serve("empty", "", "x");
    cr_assert(conform_download(&c, "empty") == 0, "it is there");
}

Test(conformance_download, a_length_that_is_signed_is_no_reason_to_take_memory)
{
    static const struct {
        uint64_t length;
        const char *code;
    } cases[] = {
        {(UINT64_C(1) << 26) - 1, "TARGET_LENGTH"}, {UINT64_C(1) << 26, "TARGET_LENGTH"},
        {UINT64_C(1) << 30, "TARGET_LENGTH"},       {(UINT64_C(1) << 30) + 1, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 31) - 1, "LENGTH_LIMIT"},  {UINT64_C(1) << 31, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 32) - 1, "LENGTH_LIMIT"},  {UINT64_C(1) << 32, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 32) + 7, "LENGTH_LIMIT"},  {(UINT64_C(1) << 53) - 1, "LENGTH_LIMIT"},
    };
    json_t *entry = forge_add_target(c.forge, "targets", "file", "content");

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(
            json_object_set_new(entry, "length", json_integer((json_int_t)cases[i].length)), 0);
        publish();
        cr_expect_eq(conform_download(&c, "file"), 1);
        cr_expect(conform_refused(cases[i].code, "targets"), "%llu: %s",
                  (unsigned long long)cases[i].length, program_said());
        cr_expect_str_eq(conform_downloads(&c), "");
    }
}
