#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

Test(names, have_one_alphabet_and_no_way_out)
{
    static const struct {
        const char *path;
        bool safe;
    } cases[] = {
        {"os/h1/2.4.0/rootfs.img", true},
        {"a", true},
        {"a..b/..c/c..", true},
        {"a+b~c-d_e.f", true},
        {"", false},
        {"/a", false},
        {"a/", false},
        {"a//b", false},
        {".", false},
        {"..", false},
        {"a/../b", false},
        {"a/./b", false},
        {"a/..", false},
        {"a b", false},
        {"a\\b", false},
        {"a%2fb", false},
        {"a?b", false},
        {"a#b", false},
        {"\xc3\xa4", false},
    };
    char longest[TUF_PATH_MAX + 2];

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(tuf_path_is_safe(cases[i].path), cases[i].safe, "'%s'", cases[i].path);
    memset(longest, 'a', sizeof(longest));
    longest[TUF_PATH_MAX + 1] = '\0';
    cr_expect_not(tuf_path_is_safe(longest));
    longest[TUF_PATH_MAX] = '\0';
    cr_expect(tuf_path_is_safe(longest));
    cr_expect_not(tuf_word_is_safe(longest));
    cr_expect(tuf_word_is_safe("2.4.0-rc1"));
    cr_expect_not(tuf_word_is_safe("a/b"));
    cr_expect_not(tuf_word_is_safe(".."));
    cr_expect_not(tuf_word_is_safe(""));
}

/* A set of targets with what the test put into repo->targets. */
static struct tuf_set *set_of(struct tuf_repo *repo)
{
    struct tuf_set *set = NULL;
    const struct buf *file;
    struct err err = {0};

    tuf_repo_put_targets(repo, 1);
    file = tuf_repo_file(repo, "1.targets.json");
    cr_assert(tuf_set_of_targets(file->data, file->len, &set, &err), "%s", err.text);
    return set;
}

static void add(struct tuf_repo *repo, const char *path, json_t *entry)
{
    cr_assert_eq(json_object_set_new(repo->targets, path, entry), 0);
}

static json_t *custom_of(json_t *entry)
{
    return json_object_get(entry, "custom");
}

Test(targets, are_typed)
{
    struct tuf_repo *repo = tuf_repo_new();
    json_t *entry = tuf_repo_entry("h1", 2040, 7);
    struct tuf_set *set;
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    cr_assert_eq(json_object_set_new(custom_of(entry), "floor", json_integer(2031)), 0);
    cr_assert_eq(json_object_set_new(custom_of(entry), "stepping_stone", json_integer(2000)), 0);
    add(repo, "os/h1/v1/a.img", entry);
    set = set_of(repo);
    cr_assert(tuf_set_target(set, "os/h1/v1/a.img", &target, &err), "%s", err.text);
    cr_expect_str_eq(target.path, "os/h1/v1/a.img");
    cr_expect_str_eq(target.type, "os");
    cr_expect_str_eq(target.name, "base-os");
    cr_expect_str_eq(target.version, "v1");
    cr_expect(target.hwid_count == 1 && strcmp(target.hwids[0], "h1") == 0);
    cr_expect_eq(target.length, 1000);
    cr_expect_eq(target.sha256[31], 7);
    cr_expect_eq(target.release_counter, 2040);
    cr_expect_eq(target.floor, 2031);
    cr_expect_eq(target.stepping_stone, 2000);
    cr_expect_not(tuf_set_target(set, "os/h1/v1/b.img", &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGET_NOT_IN_IMAGE_REPO);
    tuf_set_free(set);
    tuf_repo_free(repo);
}

static void no_hashes(json_t *entry)
{
    (void)json_object_del(entry, "hashes");
}
static void other_hash(json_t *entry)
{
    (void)json_object_set_new(entry, "hashes", json_pack("{s:s}", "sha384", "00"));
}
static void short_hash(json_t *entry)
{
    (void)json_object_set_new(entry, "hashes", json_pack("{s:s}", "sha256", "00"));
}
static void no_length(json_t *entry)
{
    (void)json_object_del(entry, "length");
}
static void no_type(json_t *entry)
{
    (void)json_object_del(custom_of(entry), "type");
}
static void no_counter(json_t *entry)
{
    (void)json_object_del(json_object_get(custom_of(entry), "match"), "release_counter");
}
static void counter_0(json_t *entry)
{
    (void)json_object_set_new(json_object_get(custom_of(entry), "match"), "release_counter",
                              json_integer(0));
}
static void no_hwids(json_t *entry)
{
    (void)json_object_set_new(json_object_get(custom_of(entry), "match"), "hwids", json_array());
}
static void bad_hwid(json_t *entry)
{
    (void)json_object_set_new(json_object_get(custom_of(entry), "match"), "hwids",
                              json_pack("[s]", "a/b"));
}
static void bad_version(json_t *entry)
{
    (void)json_object_set_new(json_object_get(custom_of(entry), "match"), "version",
                              json_string("1 0"));
}
static void bad_floor(json_t *entry)
{
    (void)json_object_set_new(custom_of(entry), "floor", json_string("7"));
}

Test(targets, refuse_an_entry_that_is_not_complete_and_show_the_others)
{
    static const struct {
        const char *what;
        void (*mutate)(json_t *entry);
        enum refusal refusal;
    } cases[] = {
        {"no hashes", no_hashes, REFUSAL_JSON_STRICT},
        {"T38 an unknown hash only", other_hash, REFUSAL_NO_KNOWN_HASH},
        {"a hash of one byte", short_hash, REFUSAL_JSON_STRICT},
        {"no length", no_length, REFUSAL_JSON_STRICT},
        {"no type", no_type, REFUSAL_JSON_STRICT},
        {"no counter", no_counter, REFUSAL_JSON_STRICT},
        {"counter 0", counter_0, REFUSAL_JSON_STRICT},
        {"no hardware", no_hwids, REFUSAL_JSON_STRICT},
        {"an unsafe hardware id", bad_hwid, REFUSAL_NAME_UNSAFE},
        {"an unsafe version", bad_version, REFUSAL_NAME_UNSAFE},
        {"a floor that is a text", bad_floor, REFUSAL_JSON_STRICT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = tuf_repo_new();
        json_t *entry = tuf_repo_entry("h1", 1, 1);
        struct tuf_set *set;
        AUTO_TUF_TARGET target = {0};
        struct err err = {0};

        cases[i].mutate(entry);
        add(repo, "os/h1/v1/a.img", entry);
        add(repo, "os/h1/v2/a.img", tuf_repo_entry("h1", 2, 2));
        set = set_of(repo);
        cr_expect_not(tuf_set_target(set, "os/h1/v1/a.img", &target, &err), "%s", cases[i].what);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
        cr_expect(tuf_set_target(set, "os/h1/v2/a.img", &target, &err), "%s", cases[i].what);
        tuf_set_free(set);
        tuf_repo_free(repo);
    }
}

static bool on_target(const struct tuf_target *target, void *arg)
{
    struct buf *out = arg;

    buf_printf(out, "%s ", target->path);
    return target->release_counter != 3;
}

Test(targets, are_walked_in_the_order_of_the_document)
{
    struct tuf_repo *repo = tuf_repo_new();
    json_t *foreign = json_pack("{s:i, s:{s:s}}", "length", 1, "hashes", "sha512", "00");
    struct tuf_set *set;
    AUTO_BUF out;

    buf_init(&out, 1000);
    add(repo, "os/h1/d", tuf_repo_entry("h1", 1, 1));
    add(repo, "os/h1/b", foreign);
    add(repo, "os/h1/c", tuf_repo_entry("h1", 3, 3));
    add(repo, "os/h1/a", tuf_repo_entry("h1", 4, 4));
    set = set_of(repo);
    tuf_set_each(set, on_target, &out);
    cr_expect_str_eq(buf_text(&out), "os/h1/d os/h1/c ");
    tuf_set_free(set);
    tuf_repo_free(repo);
}

Test(fits, judges_type_hardware_counter_floor_epoch_and_stepping_stone)
{
    static const uint8_t same[HASH_BYTES] = {1};
    static const uint8_t other[HASH_BYTES] = {2};
    static const struct {
        const char *what;
        struct tuf_target target;
        struct tuf_device device;
        enum refusal refusal;
    } cases[] = {
        {"newer", {.release_counter = 6}, {.installed = true, .release_counter = 5}, REFUSAL_NONE},
        {"nothing known installed", {.release_counter = 1}, {.installed = false}, REFUSAL_NONE},
        {"T30 other hardware",
         {.release_counter = 6},
         {.hwid = "h9", .installed = true, .release_counter = 5},
         REFUSAL_HWID_MISMATCH},
        {"T29 an app for the os slot",
         {.type = "app", .path = "os/h1/v/a", .release_counter = 6},
         {.installed = false},
         REFUSAL_TYPE_ROLE_MISMATCH},
        {"T29 an os in an app's place",
         {.path = "app/h1/v/a", .release_counter = 6},
         {.installed = false},
         REFUSAL_TYPE_ROLE_MISMATCH},
        {"a path that only starts like the type",
         {.path = "osx/a", .release_counter = 6},
         {.installed = false},
         REFUSAL_TYPE_ROLE_MISMATCH},
        {"T31 older",
         {.release_counter = 4},
         {.installed = true, .release_counter = 5},
         REFUSAL_RELEASE_ROLLBACK},
        {"the same counter, the same bytes",
         {.release_counter = 5, .sha256 = {1}},
         {.installed = true, .release_counter = 5, .sha256 = same},
         REFUSAL_NONE},
        {"the same counter, other bytes",
         {.release_counter = 5, .sha256 = {1}},
         {.installed = true, .release_counter = 5, .sha256 = other},
         REFUSAL_RELEASE_ROLLBACK},
        {"the same counter, bytes not known",
         {.release_counter = 5, .sha256 = {1}},
         {.installed = true, .release_counter = 5},
         REFUSAL_NONE},
        {"T31 below the floor",
         {.release_counter = 6},
         {.installed = true, .release_counter = 5, .floor = 7},
         REFUSAL_BELOW_FLOOR},
        {"at the floor",
         {.release_counter = 7},
         {.installed = true, .release_counter = 5, .floor = 7},
         REFUSAL_NONE},
        {"an older epoch",
         {.release_counter = 6, .security_epoch = 1},
         {.installed = true, .release_counter = 5, .security_epoch = 2},
         REFUSAL_SECURITY_EPOCH},
        {"a stepping stone not reached",
         {.release_counter = 6, .stepping_stone = 5},
         {.installed = true, .release_counter = 4},
         REFUSAL_STEPPING_STONE},
        {"a stepping stone reached",
         {.release_counter = 6, .stepping_stone = 5},
         {.installed = true, .release_counter = 5},
         REFUSAL_NONE},
        {"a stepping stone, nothing known installed",
         {.release_counter = 6, .stepping_stone = 5},
         {.installed = false},
         REFUSAL_STEPPING_STONE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_target target = cases[i].target;
        struct tuf_device device = cases[i].device;
        struct err err = {0};
        bool fits;

        target.path = target.path ? target.path : "os/h1/v/a";
        target.type = target.type ? target.type : "os";
        target.role = "targets";
        target.is_typed = true;
        target.has_sha256 = true;
        target.hwids[0] = "h0";
        target.hwids[1] = "h1";
        target.hwid_count = 2;
        device.hwid = device.hwid ? device.hwid : "h1";
        device.type = "os";
        fits = tuf_target_fits(&target, &device, &err);
        cr_expect_eq(fits, cases[i].refusal == REFUSAL_NONE, "%s: %s", cases[i].what, err.text);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s",
                         cases[i].what);
    }
}
