#include <criterion/criterion.h>

#include <string.h>

#include "tests/support/tuf_director.h"

/* --- director against image repository and device ----------------------------------------------
 */

/* One comparison: entries as they are signed, and who looks at them. */
struct meeting {
    json_t *image;
    json_t *choice;
    json_t *beside; /* another part of the bundle; NULL: none */
    const char *role;
    const char *image_path; /* DIRECTOR_PATH */
    struct tuf_device device;
};

static const uint64_t reverts[] = {3, 5};

static void no_change(struct meeting *m)
{
    (void)m;
}
static void other_length(struct meeting *m)
{
    entry_put(m->choice, "length", json_integer(999));
}
static void other_hash(struct meeting *m)
{
    AUTO_JSON *other = tuf_repo_entry("h1", 5, 2);

    entry_put(m->choice, "hashes", json_deep_copy(json_object_get(other, "hashes")));
}
static void other_path(struct meeting *m)
{
    m->image_path = "os/h1/v2/rootfs.img";
}
static void other_counter(struct meeting *m)
{
    entry_put(entry_match(m->choice), "release_counter", json_integer(6));
}
static void more_hwids(struct meeting *m)
{
    entry_put(entry_match(m->choice), "hwids", json_pack("[s, s]", "h1", "h2"));
}
static void extra_match(struct meeting *m)
{
    entry_put(entry_match(m->choice), "x", json_integer(1));
}
static void reordered_match(struct meeting *m)
{
    json_t *match = entry_match(m->choice);
    json_t *name = json_deep_copy(json_object_get(match, "name"));

    (void)json_object_del(match, "name");
    entry_put(match, "name", name); /* now it is last: the same canonical form */
}
static void of_type_app(struct meeting *m)
{
    entry_put(entry_custom(m->image), "type", json_string("app"));
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
    (void)json_object_del(entry_custom(m->image), "type");
    (void)json_object_del(entry_custom(m->image), "match");
}
static void for_other_hardware(struct meeting *m)
{
    entry_put(entry_match(m->image), "hwids", json_pack("[s]", "h2"));
    entry_put(entry_match(m->choice), "hwids", json_pack("[s]", "h2"));
}
static void ecu_of_other_hardware(struct meeting *m)
{
    entry_put(entry_custom(m->choice), "ecus",
              json_pack("{s:{s:s}}", DIRECTOR_DEVICE "-main", "hwid", "h2"));
}
static void newer_installed(struct meeting *m)
{
    m->device.release_counter = 6;
}
static void downgrade(struct meeting *m)
{
    newer_installed(m);
    entry_put(entry_custom(m->choice), "action", json_string("downgrade"));
}
static void consent_only(struct meeting *m)
{
    newer_installed(m);
    m->device.revert_to = reverts;
    m->device.revert_count = COUNT(reverts);
    m->device.revert_until_ms = director_now_ms + 1;
}
static void downgrade_and_consent(struct meeting *m)
{
    downgrade(m);
    consent_only(m);
}
static void late_consent(struct meeting *m)
{
    downgrade_and_consent(m);
    m->device.revert_until_ms = director_now_ms;
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
    entry_put(entry_custom(m->image), "stepping_stone", json_integer(5));
}
static void require(struct meeting *m, const char *type, const char *name, int counter)
{
    entry_put(entry_custom(m->image), "requires",
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
    entry_put(entry_match(m->beside), "name", json_string("u-boot"));
    entry_put(entry_match(m->beside), "release_counter", json_integer(counter));
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
    struct tuf_set *chosen;

    entry_put(images, m->image_path, m->image);
    entry_put(choices, DIRECTOR_PATH, m->choice);
    image_set = director_set(director_body(images));
    chosen = director_set(director_body(choices));
    cr_assert(tuf_set_target(image_set, m->image_path, &image, err), "%s", err->text);
    cr_assert(tuf_director_read(chosen, DIRECTOR_DEVICE, 0, &director, err), "%s", err->text);
    image.role = m->role;
    if (m->beside) { /* another part of the same device: none is known yet, so it is made by hand */
        struct tuf_target *both = mem_array(2, sizeof(*both));

        tuf_target_copy(&director.targets[0], &both[0]);
        tuf_target_copy(&director.targets[0], &both[1]);
        both[1].type = "boot";
        both[1].name = "u-boot";
        both[1].release_counter = (uint64_t)json_integer_value(
            json_object_get(entry_match(m->beside), "release_counter"));
        tuf_target_done(&director.targets[0]);
        mem_free(director.targets);
        director.targets = both;
        director.count = 2;
        json_decref(m->beside);
    }
    cr_expect_eq(tuf_cross_check(&director, 0, &image, &m->device, err), err->code == ERR_NONE);
    tuf_set_free(image_set);
    tuf_set_free(chosen);
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
            .image_path = DIRECTOR_PATH,
            .device = {.hwid = "h1",
                       .type = "os",
                       .installed = true,
                       .name = "base-os",
                       .release_counter = 4,
                       .now_ms = director_now_ms},
        };
        struct err err = {0};

        m.choice = director_choice(m.image);
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
