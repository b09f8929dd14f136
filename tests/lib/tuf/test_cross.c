#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

#define DEVICE "8d1f00000000000000000000000000000000000000000000000000000000beef"
#define PATH "os/h1/v1/rootfs.img"

static const int64_t now_ms = 1795370400000; /* 2026-11-22T18:00:00Z */

/* What a director would sign for the image. */
static json_t *choice_of(const json_t *image)
{
    json_t *custom = json_object_get(image, "custom");
    json_t *choice =
        json_pack("{s:O, s:O, s:{s:O, s:{s:{s:s}}, s:s}}", "length",
                  json_object_get(image, "length"), "hashes", json_object_get(image, "hashes"),
                  "custom", "match", json_object_get(custom, "match"), "ecus", DEVICE "-main",
                  "hwid", "h1", "action", "install");
    json_t *copy = json_deep_copy(choice);

    cr_assert(copy);
    json_decref(choice);
    return copy;
}

static struct tuf_set *set_of(json_t *body)
{
    struct tuf_repo *repo = tuf_repo_new();
    const size_t key = TUF_TARGETS;
    struct tuf_set *set = NULL;
    const struct buf *file;
    struct err err = {0};

    tuf_repo_put(repo, "1.targets.json", body, &key, 1);
    file = tuf_repo_file(repo, "1.targets.json");
    cr_assert(tuf_set_of_targets(file->data, file->len, &set, &err), "%s", err.text);
    tuf_repo_free(repo);
    return set;
}

/* The signed part with these entries, taken over. */
static json_t *body_of(json_t *entries)
{
    json_t *body = tuf_make_targets(17, now_ms + 1000, entries, NULL);

    json_decref(entries);
    cr_assert_eq(json_object_set_new(body, "x-device", json_string(DEVICE)), 0);
    cr_assert_eq(json_object_set_new(body, "x-bundle", json_string("r55")), 0);
    cr_assert_eq(json_object_set_new(body, "x-bundle-parts", json_integer(1)), 0);
    cr_assert_eq(json_object_set_new(body, "x-issued", json_string("2026-11-22T17:00:00Z")), 0);
    return body;
}

static json_t *custom_of(json_t *entry)
{
    return json_object_get(entry, "custom");
}

static json_t *match_of(json_t *entry)
{
    return json_object_get(custom_of(entry), "match");
}

static void set(json_t *object, const char *name, json_t *value)
{
    cr_assert_eq(json_object_set_new(object, name, value), 0);
}

/* --- reading the director's document -----------------------------------------------------------
 */

static void as_it_is(json_t *body, json_t *entry)
{
    (void)body;
    (void)entry;
}
static void other_device(json_t *body, json_t *entry)
{
    (void)entry;
    set(body, "x-device", json_string("8d1f"));
}
static void no_device(json_t *body, json_t *entry)
{
    (void)entry;
    (void)json_object_del(body, "x-device");
}
static void delegation(json_t *body, json_t *entry)
{
    (void)entry;
    set(body, "delegations", json_pack("{s:{}, s:[]}", "keys", "roles"));
}
static void ecu_twice(json_t *body, json_t *entry)
{
    set(json_object_get(body, "targets"), "app/p/a/1", json_deep_copy(entry));
}
static void other_ecu(json_t *body, json_t *entry)
{
    (void)body;
    set(custom_of(entry), "ecus", json_pack("{s:{s:s}}", "8d1f-main", "hwid", "h1"));
}
static void second_ecu(json_t *body, json_t *entry)
{
    (void)body;
    set(json_object_get(custom_of(entry), "ecus"), DEVICE "-radio",
        json_pack("{s:s}", "hwid", "h"));
}
static void no_ecu(json_t *body, json_t *entry)
{
    (void)body;
    set(custom_of(entry), "ecus", json_object());
}
static void more_parts(json_t *body, json_t *entry)
{
    (void)entry;
    set(body, "x-bundle-parts", json_integer(2));
}
static void no_action(json_t *body, json_t *entry)
{
    (void)body;
    (void)json_object_del(custom_of(entry), "action");
}
static void other_action(json_t *body, json_t *entry)
{
    (void)body;
    set(custom_of(entry), "action", json_string("erase"));
}
static void no_match(json_t *body, json_t *entry)
{
    (void)body;
    (void)json_object_del(custom_of(entry), "match");
}
static void issued_as_number(json_t *body, json_t *entry)
{
    (void)entry;
    set(body, "x-issued", json_integer(5));
}
static void delta_up(json_t *body, json_t *entry)
{
    (void)body;
    set(custom_of(entry), "delta",
        json_pack("{s:s, s:i}", "path", "../../etc/passwd", "length", 1));
}

Test(director, is_read_and_refused_by_its_codes)
{
    static const struct {
        const char *what;
        void (*mutate)(json_t *body, json_t *entry);
        uint64_t version_min;
        enum refusal refusal;
    } cases[] = {
        {"as it should be", as_it_is, 17, REFUSAL_NONE},
        {"T34 of a version below the last", as_it_is, 18, REFUSAL_TARGETS_ROLLBACK},
        {"T32 another device's", other_device, 0, REFUSAL_WRONG_DEVICE},
        {"T32 nobody's", no_device, 0, REFUSAL_WRONG_DEVICE},
        {"T33 with a delegation", delegation, 0, REFUSAL_DIRECTOR_DELEGATION},
        {"T33 a part twice", ecu_twice, 0, REFUSAL_ECU_DUPLICATE},
        {"T33 an unknown part", other_ecu, 0, REFUSAL_ECU_UNKNOWN},
        {"T33 an unknown part beside a known one", second_ecu, 0, REFUSAL_ECU_UNKNOWN},
        {"no part", no_ecu, 0, REFUSAL_ECU_UNKNOWN},
        {"T35 a part of the bundle missing", more_parts, 0, REFUSAL_BUNDLE_INCOMPLETE},
        {"no action", no_action, 0, REFUSAL_JSON_STRICT},
        {"an unknown action", other_action, 0, REFUSAL_JSON_STRICT},
        {"no match", no_match, 0, REFUSAL_JSON_STRICT},
        {"a number as time", issued_as_number, 0, REFUSAL_JSON_STRICT},
        {"a patch without hashes", delta_up, 0, REFUSAL_JSON_STRICT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *image = tuf_repo_entry("h1", 5, 1);
        json_t *entries = json_object();
        AUTO_TUF_DIRECTOR director = {0};
        struct tuf_set *read;
        json_t *body;
        struct err err = {0};

        set(entries, PATH, choice_of(image));
        body = body_of(entries);
        cases[i].mutate(body, json_object_get(json_object_get(body, "targets"), PATH));
        read = set_of(body);
        cr_expect_eq(tuf_director_read(read, DEVICE, cases[i].version_min, &director, &err),
                     cases[i].refusal == REFUSAL_NONE, "%s: %s", cases[i].what, err.text);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
        if (cases[i].refusal != REFUSAL_NONE)
            cr_expect(director.count == 0 && !director.targets, "%s", cases[i].what);
        tuf_set_free(read);
    }
}

Test(director, tells_everything_it_chose)
{
    AUTO_JSON *image = tuf_repo_entry("h1", 5, 1);
    json_t *choice = choice_of(image);
    json_t *entries = json_object();
    AUTO_TUF_DIRECTOR director = {0};
    AUTO_TUF_TARGET copy = {0};
    struct tuf_set *read;
    struct err err = {0};
    char hex[HASH_HEX_ROOM];
    uint8_t hash[HASH_BYTES] = {7};

    text_from_hex_bytes(hash, sizeof(hash), hex);
    set(custom_of(choice), "not_before", json_string("2026-11-22T18:00:00Z"));
    set(custom_of(choice), "deadline", json_string("2026-11-22T18:00:01Z"));
    set(custom_of(choice), "delta",
        json_pack("{s:s, s:i, s:i, s:s, s:{s:s, s:i}, s:i}", "path", "delta/ab.spd", "length", 900,
                  "header_length", 64, "header_sha256", hex, "from", "sha256", hex, "length", 1000,
                  "mem", 4096));
    set(entries, PATH, choice);
    read = set_of(body_of(entries));
    cr_assert(tuf_director_read(read, DEVICE, 0, &director, &err), "%s", err.text);
    tuf_set_free(read);
    cr_assert_eq(director.count, 1);
    cr_expect_str_eq(director.device, DEVICE);
    cr_expect_str_eq(director.bundle, "r55");
    cr_expect(director.version == 17 && director.parts == 1);
    cr_expect_eq(director.issued_ms, now_ms - 3600000);
    tuf_target_copy(&director.targets[0], &copy);
    tuf_director_done(&director);
    cr_expect_str_eq(copy.path, PATH);
    cr_expect_str_eq(copy.type, "os");
    cr_expect_str_eq(copy.name, "base-os");
    cr_expect_str_eq(copy.hwids[0], "h1");
    cr_expect_str_eq(copy.choice.ecu, DEVICE "-main");
    cr_expect_str_eq(copy.choice.ecu_hwid, "h1");
    cr_expect_str_eq(copy.choice.action, "install");
    cr_expect(copy.choice.not_before_ms == now_ms && copy.choice.deadline_ms == now_ms + 1000);
    cr_expect(copy.choice.delta.present);
    cr_expect_str_eq(copy.choice.delta.path, "delta/ab.spd");
    cr_expect(copy.choice.delta.length == 900 && copy.choice.delta.header_length == 64);
    cr_expect(copy.choice.delta.from_length == 1000 && copy.choice.delta.memory == 4096);
    cr_expect(copy.choice.delta.header_sha256[0] == 7 && copy.choice.delta.from_sha256[0] == 7);
}

/* --- director against image repository and device ----------------------------------------------
 */

/* One comparison: entries as they are signed, and who looks at them. */
struct meeting {
    json_t *image;
    json_t *choice;
    json_t *beside; /* another part of the bundle; NULL: none */
    const char *role;
    const char *image_path; /* PATH */
    struct tuf_device device;
};

static const uint64_t reverts[] = {3, 5};

static void no_change(struct meeting *m)
{
    (void)m;
}
static void other_length(struct meeting *m)
{
    set(m->choice, "length", json_integer(999));
}
static void other_hash(struct meeting *m)
{
    AUTO_JSON *other = tuf_repo_entry("h1", 5, 2);

    set(m->choice, "hashes", json_deep_copy(json_object_get(other, "hashes")));
}
static void other_path(struct meeting *m)
{
    m->image_path = "os/h1/v2/rootfs.img";
}
static void other_counter(struct meeting *m)
{
    set(match_of(m->choice), "release_counter", json_integer(6));
}
static void more_hwids(struct meeting *m)
{
    set(match_of(m->choice), "hwids", json_pack("[s, s]", "h1", "h2"));
}
static void extra_match(struct meeting *m)
{
    set(match_of(m->choice), "x", json_integer(1));
}
static void reordered_match(struct meeting *m)
{
    json_t *match = match_of(m->choice);
    json_t *name = json_deep_copy(json_object_get(match, "name"));

    (void)json_object_del(match, "name");
    set(match, "name", name); /* now it is last: the same canonical form */
}
static void of_type_app(struct meeting *m)
{
    set(custom_of(m->image), "type", json_string("app"));
}
static void by_app_role(struct meeting *m)
{
    m->role = "app-team";
}
static void by_os_role(struct meeting *m)
{
    m->role = "os-h1";
}
static void untyped(struct meeting *m)
{
    (void)json_object_del(custom_of(m->image), "type");
    (void)json_object_del(custom_of(m->image), "match");
}
static void for_other_hardware(struct meeting *m)
{
    set(match_of(m->image), "hwids", json_pack("[s]", "h2"));
    set(match_of(m->choice), "hwids", json_pack("[s]", "h2"));
}
static void ecu_of_other_hardware(struct meeting *m)
{
    set(custom_of(m->choice), "ecus", json_pack("{s:{s:s}}", DEVICE "-main", "hwid", "h2"));
}
static void newer_installed(struct meeting *m)
{
    m->device.release_counter = 6;
}
static void downgrade(struct meeting *m)
{
    newer_installed(m);
    set(custom_of(m->choice), "action", json_string("downgrade"));
}
static void consent_only(struct meeting *m)
{
    newer_installed(m);
    m->device.revert_to = reverts;
    m->device.revert_count = COUNT(reverts);
    m->device.revert_until_ms = now_ms + 1;
}
static void downgrade_and_consent(struct meeting *m)
{
    downgrade(m);
    consent_only(m);
}
static void late_consent(struct meeting *m)
{
    downgrade_and_consent(m);
    m->device.revert_until_ms = now_ms;
}
static void consent_without_end(struct meeting *m)
{
    downgrade_and_consent(m);
    m->device.revert_until_ms = 0;
}
static void consent_for_another(struct meeting *m)
{
    downgrade_and_consent(m);
    m->device.revert_count = 1;
}
static void downgrade_below_floor(struct meeting *m)
{
    downgrade_and_consent(m);
    m->device.floor = 6;
}
static void downgrade_of_epoch(struct meeting *m)
{
    downgrade_and_consent(m);
    m->device.security_epoch = 1;
}
static void equal_counter_other_bytes(struct meeting *m)
{
    static const uint8_t other[HASH_BYTES] = {9};

    m->device.release_counter = 5;
    m->device.sha256 = other;
}
static void below_floor(struct meeting *m)
{
    m->device.floor = 6;
}
static void older_epoch(struct meeting *m)
{
    m->device.security_epoch = 1;
}
static void stone_ahead(struct meeting *m)
{
    set(custom_of(m->image), "stepping_stone", json_integer(5));
}
static void require(struct meeting *m, const char *type, const char *name, int counter)
{
    set(custom_of(m->image), "requires",
        json_pack("[{s:s, s:s, s:i}]", "type", type, "name", name, "min_counter", counter));
}
static void requires_missing(struct meeting *m)
{
    require(m, "boot", "u-boot", 12);
}
static void requires_installed(struct meeting *m)
{
    require(m, "os", "base-os", 4);
}
static void requires_more_than_installed(struct meeting *m)
{
    require(m, "os", "other-os", 4);
}
static void beside_of(struct meeting *m, int counter)
{
    m->beside = json_deep_copy(m->choice);
    set(match_of(m->beside), "name", json_string("u-boot"));
    set(match_of(m->beside), "release_counter", json_integer(counter));
    require(m, "boot", "u-boot", 12);
}
static void requires_of_the_bundle(struct meeting *m)
{
    beside_of(m, 12);
}
static void requires_more_than_the_bundle(struct meeting *m)
{
    beside_of(m, 11);
}

static void judge(struct meeting *m, struct err *err)
{
    json_t *images = json_object();
    json_t *choices = json_object();
    AUTO_TUF_DIRECTOR director = {0};
    AUTO_TUF_TARGET image = {0};
    struct tuf_set *image_set;
    struct tuf_set *director_set;

    set(images, m->image_path, m->image);
    set(choices, PATH, m->choice);
    image_set = set_of(body_of(images));
    director_set = set_of(body_of(choices));
    cr_assert(tuf_set_target(image_set, m->image_path, &image, err), "%s", err->text);
    cr_assert(tuf_director_read(director_set, DEVICE, 0, &director, err), "%s", err->text);
    image.role = m->role;
    if (m->beside) { /* another part of the same device: none is known yet, so it is made by hand */
        struct tuf_target *both = mem_array(2, sizeof(*both));

        tuf_target_copy(&director.targets[0], &both[0]);
        tuf_target_copy(&director.targets[0], &both[1]);
        both[1].type = "boot";
        both[1].name = "u-boot";
        both[1].release_counter =
            (uint64_t)json_integer_value(json_object_get(match_of(m->beside), "release_counter"));
        tuf_target_done(&director.targets[0]);
        mem_free(director.targets);
        director.targets = both;
        director.count = 2;
        json_decref(m->beside);
    }
    cr_expect_eq(tuf_cross_check(&director, 0, &image, &m->device, err), err->code == ERR_NONE);
    tuf_set_free(image_set);
    tuf_set_free(director_set);
}

Test(cross_check, compares_director_image_repository_and_device)
{
    static const struct {
        const char *what;
        void (*mutate)(struct meeting *m);
        enum refusal refusal;
    } cases[] = {
        {"what both signed", no_change, REFUSAL_NONE},
        {"T26 another length", other_length, REFUSAL_DIRECTOR_IMAGE_MISMATCH},
        {"T26 another hash", other_hash, REFUSAL_DIRECTOR_IMAGE_MISMATCH},
        {"another path", other_path, REFUSAL_DIRECTOR_IMAGE_MISMATCH},
        {"T27 another counter", other_counter, REFUSAL_MATCH_SECTION_MISMATCH},
        {"T27 more hardware", more_hwids, REFUSAL_MATCH_SECTION_MISMATCH},
        {"T27 one more field", extra_match, REFUSAL_MATCH_SECTION_MISMATCH},
        {"the same match in another order", reordered_match, REFUSAL_NONE},
        {"T29 an app in an os place", of_type_app, REFUSAL_TYPE_ROLE_MISMATCH},
        {"T29 an os by an app's role", by_app_role, REFUSAL_TYPE_ROLE_MISMATCH},
        {"an os by an os role", by_os_role, REFUSAL_NONE},
        {"a plain target", untyped, REFUSAL_MATCH_SECTION_MISMATCH},
        {"T30 other hardware", for_other_hardware, REFUSAL_HWID_MISMATCH},
        {"a part of other hardware", ecu_of_other_hardware, REFUSAL_HWID_MISMATCH},
        {"T31 older", newer_installed, REFUSAL_RELEASE_ROLLBACK},
        {"T31 older, with downgrade", downgrade, REFUSAL_RELEASE_ROLLBACK},
        {"T31 older, with consent", consent_only, REFUSAL_RELEASE_ROLLBACK},
        {"older, with downgrade and consent", downgrade_and_consent, REFUSAL_NONE},
        {"T31 consent that has ended", late_consent, REFUSAL_RELEASE_ROLLBACK},
        {"consent without an end", consent_without_end, REFUSAL_RELEASE_ROLLBACK},
        {"T31 consent for another counter", consent_for_another, REFUSAL_RELEASE_ROLLBACK},
        {"T31 below the floor, with both", downgrade_below_floor, REFUSAL_BELOW_FLOOR},
        {"of an older epoch, with both", downgrade_of_epoch, REFUSAL_SECURITY_EPOCH},
        {"the same counter, other bytes", equal_counter_other_bytes, REFUSAL_RELEASE_ROLLBACK},
        {"below the floor", below_floor, REFUSAL_BELOW_FLOOR},
        {"of an older epoch", older_epoch, REFUSAL_SECURITY_EPOCH},
        {"a stepping stone not reached", stone_ahead, REFUSAL_STEPPING_STONE},
        {"what it requires is not there", requires_missing, REFUSAL_REQUIRES},
        {"what it requires is installed", requires_installed, REFUSAL_NONE},
        {"another component is required", requires_more_than_installed, REFUSAL_REQUIRES},
        {"the bundle has what it requires", requires_of_the_bundle, REFUSAL_NONE},
        {"the bundle has an older one", requires_more_than_the_bundle, REFUSAL_REQUIRES},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct meeting m = {
            .image = tuf_repo_entry("h1", 5, 1),
            .role = "targets",
            .image_path = PATH,
            .device = {.hwid = "h1",
                       .type = "os",
                       .installed = true,
                       .name = "base-os",
                       .release_counter = 4,
                       .now_ms = now_ms},
        };
        struct err err = {0};

        m.choice = choice_of(m.image);
        cases[i].mutate(&m);
        judge(&m, &err);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
    }
}

Test(target, content_is_checked_by_length_and_all_hashes)
{
    struct tuf_target target = {.path = "a", .length = 5, .has_sha256 = true, .has_sha512 = true};
    struct err err = {0};

    hash_sha256("hello", 5, target.sha256);
    hash_sha512("hello", 5, target.sha512);
    cr_expect(tuf_target_check(&target, "hello", 5, &err), "%s", err.text);
    cr_expect_not(tuf_target_check(&target, "hello!", 6, &err)); /* T37 */
    cr_expect_eq(err.refusal, REFUSAL_TARGET_LENGTH);
    cr_expect_not(tuf_target_check(&target, "hell", 4, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGET_LENGTH);
    cr_expect_not(tuf_target_check(&target, "hallo", 5, &err)); /* T36 */
    cr_expect_eq(err.refusal, REFUSAL_TARGET_HASH);
    target.sha512[63] ^= 1;
    cr_expect_not(tuf_target_check(&target, "hello", 5, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGET_HASH);
}
