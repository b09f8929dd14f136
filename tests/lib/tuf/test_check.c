#include <criterion/criterion.h>

#include <string.h>

#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

static struct tuf_repo *published(void)
{
    struct tuf_repo *repo = tuf_repo_new();

    cr_assert_eq(json_object_set_new(repo->targets, "os/h1/v1/a", tuf_repo_entry("h1", 5, 1)), 0);
    tuf_repo_put_root(repo, 1);
    tuf_repo_publish(repo, 1);
    return repo;
}

static bool root_step(struct tuf_repo *repo, const char *old, const char *fresh, struct err *err)
{
    *err = (struct err){0};
    return tuf_check_root_step(old ? tuf_repo_file(repo, old) : NULL, tuf_repo_file(repo, fresh),
                               repo->now_ms, err);
}

Test(check_root_step, takes_the_first_root_and_the_next_only)
{
    struct tuf_repo *repo = published();
    const size_t wrong_key = TUF_TARGETS;
    struct err err;

    tuf_repo_put_root(repo, 2);
    tuf_repo_put_root(repo, 3);
    cr_expect(root_step(repo, NULL, "1.root.json", &err), "%s", err.text);
    cr_expect(root_step(repo, "1.root.json", "2.root.json", &err), "%s", err.text);
    cr_expect_not(root_step(repo, "1.root.json", "3.root.json", &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_VERSION);
    cr_expect_not(root_step(repo, "1.root.json", "1.root.json", &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_VERSION);
    cr_expect_not(root_step(repo, NULL, "1.targets.json", &err));
    cr_expect_eq(err.refusal, REFUSAL_WRONG_TYPE);

    tuf_repo_put(repo, "2.root.json", tuf_repo_root(repo, 2), &wrong_key, 1);
    cr_expect_not(root_step(repo, NULL, "2.root.json", &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_NEW_THRESHOLD);
    cr_expect_not(root_step(repo, "1.root.json", "2.root.json", &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_OLD_THRESHOLD);

    repo->now_ms = repo->root_expires_ms;
    cr_expect_not(root_step(repo, NULL, "1.root.json", &err));
    cr_expect_eq(err.refusal, REFUSAL_ROOT_EXPIRED);
    tuf_repo_free(repo);
}

Test(check_root_names, tells_whose_key_it_is)
{
    struct tuf_repo *repo = published();
    const struct buf *root = tuf_repo_file(repo, "1.root.json");
    char keyid[TUF_KEYID_ROOM];
    struct err err = {0};

    tuf_keyid(sign_key_public(repo->keys[TUF_SNAPSHOT]), keyid);
    cr_expect(tuf_check_root_names(root, TUF_SNAPSHOT, keyid, &err), "%s", err.text);
    cr_expect_not(tuf_check_root_names(root, TUF_TIMESTAMP, keyid, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    tuf_repo_free(repo);
}

/* One more entry in the second targets. */
static bool second(struct tuf_repo *repo, const char *path, json_t *entry, struct err *err)
{
    *err = (struct err){0};
    cr_assert_eq(json_object_set_new(repo->targets, path, entry), 0);
    tuf_repo_put_targets(repo, 2);
    return tuf_check_targets(tuf_repo_file(repo, "1.root.json"),
                             tuf_repo_file(repo, "2.targets.json"),
                             tuf_repo_file(repo, "1.targets.json"), repo->now_ms, err);
}

static json_t *of_component(json_t *entry, const char *name)
{
    (void)json_object_set_new(json_object_get(json_object_get(entry, "custom"), "match"), "name",
                              json_string(name));
    return entry;
}

static json_t *of_type(json_t *entry, const char *type)
{
    (void)json_object_set_new(json_object_get(entry, "custom"), "type", json_string(type));
    return entry;
}

static json_t *with_field(json_t *entry, const char *name)
{
    (void)json_object_set_new(entry, name, json_integer(1));
    return entry;
}

Test(check_targets, lets_counters_only_go_up_and_bytes_only_stay)
{
    static const struct {
        const char *what;
        const char *path;
        const char *hwid;
        uint64_t counter;
        uint8_t byte;
        enum err_code code;
        enum refusal refusal;
    } cases[] = {
        {"a higher counter", "os/h1/v2/a", "h1", 6, 2, ERR_NONE, REFUSAL_NONE},
        {"the same counter", "os/h1/v2/a", "h1", 5, 2, ERR_UNTRUSTED, REFUSAL_RELEASE_ROLLBACK},
        {"a lower counter", "os/h1/v2/a", "h1", 4, 2, ERR_UNTRUSTED, REFUSAL_RELEASE_ROLLBACK},
        {"a lower counter for other hardware", "os/h2/v2/a", "h2", 4, 2, ERR_NONE, REFUSAL_NONE},
        {"the same again", "os/h1/v1/a", "h1", 5, 1, ERR_NONE, REFUSAL_NONE},
        {"other bytes under the same name", "os/h1/v1/a", "h1", 5, 2, ERR_CONFLICT, REFUSAL_NONE},
        {"type and place differ", "app/h1/v2/a", "h1", 6, 2, ERR_UNTRUSTED,
         REFUSAL_TYPE_ROLE_MISMATCH},
        {"an unsafe hardware id", "os/h1/v2/a", "h/1", 6, 2, ERR_UNTRUSTED, REFUSAL_NAME_UNSAFE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = published();
        json_t *entry = tuf_repo_entry(cases[i].hwid, cases[i].counter, cases[i].byte);
        struct err err;

        cr_expect_eq(second(repo, cases[i].path, entry, &err), cases[i].code == ERR_NONE, "%s: %s",
                     cases[i].what, err.text);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s",
                         cases[i].what);
        tuf_repo_free(repo);
    }
}

Test(check_targets, counts_each_component_and_type_for_itself)
{
    struct tuf_repo *repo = published();
    struct err err;

    cr_expect(second(repo, "os/h1/v1/b", of_component(tuf_repo_entry("h1", 1, 2), "other"), &err),
              "%s", err.text);
    cr_expect(second(repo, "app/h1/v1/c", of_type(tuf_repo_entry("h1", 1, 3), "app"), &err), "%s",
              err.text);
    cr_expect_not(
        second(repo, "os/h1/v1/d", of_component(tuf_repo_entry("h1", 1, 4), "other"), &err),
        "two new ones of one counter");
    cr_expect_eq(err.refusal, REFUSAL_RELEASE_ROLLBACK);
    tuf_repo_free(repo);
}

Test(check_targets, refuses_a_floor_above_the_release_s_own_counter)
{
    struct tuf_repo *repo = published();
    json_t *entry = tuf_repo_entry("h1", 6, 2);
    struct err err;

    cr_assert_eq(json_object_set_new(json_object_get(entry, "custom"), "floor", json_integer(6)),
                 0);
    cr_expect(second(repo, "os/h1/v2/a", json_deep_copy(entry), &err), "%s", err.text);
    cr_assert_eq(json_object_set_new(json_object_get(entry, "custom"), "floor", json_integer(7)),
                 0);
    cr_expect_not(second(repo, "os/h1/v2/a", entry, &err));
    cr_expect_eq(err.refusal, REFUSAL_BELOW_FLOOR);
    tuf_repo_free(repo);
}

Test(check_targets, refuses_what_a_device_or_another_client_would_refuse)
{
    struct tuf_repo *repo = published();
    const struct buf *root = tuf_repo_file(repo, "1.root.json");
    const struct buf *first = tuf_repo_file(repo, "1.targets.json");
    const size_t wrong_key = TUF_SNAPSHOT;
    struct err err;

    cr_expect(tuf_check_targets(root, first, NULL, repo->now_ms, &err), "%s", err.text);
    cr_expect_not(tuf_check_targets(root, first, first, repo->now_ms, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_VERSION);
    cr_expect_not(tuf_check_targets(root, first, NULL, repo->expires_ms, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_EXPIRED);
    cr_expect_not(
        second(repo, "os/h1/v2/a", with_field(tuf_repo_entry("h1", 6, 2), "gr\xc3\xbc"), &err));
    cr_expect_eq(err.refusal, REFUSAL_NAME_UNSAFE);
    cr_expect(second(repo, "os/h1/v2/a", with_field(tuf_repo_entry("h1", 6, 2), "x-note"), &err),
              "%s", err.text);

    tuf_repo_put(repo, "2.targets.json", tuf_make_targets(2, repo->expires_ms, repo->targets, NULL),
                 &wrong_key, 1);
    cr_expect_not(
        tuf_check_targets(root, tuf_repo_file(repo, "2.targets.json"), first, repo->now_ms, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_THRESHOLD);
    cr_expect_not(tuf_check_signed(root, tuf_repo_file(repo, "2.targets.json"), &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_THRESHOLD);
    cr_expect(tuf_check_signed(root, first, &err), "%s", err.text);
    tuf_repo_free(repo);
}

Test(peek, says_what_a_document_is)
{
    static const struct {
        const char *name;
        enum tuf_role role;
    } cases[] = {
        {"1.root.json", TUF_ROOT},
        {"timestamp.json", TUF_TIMESTAMP},
        {"1.snapshot.json", TUF_SNAPSHOT},
        {"1.targets.json", TUF_TARGETS},
    };
    struct tuf_repo *repo = published();
    struct tuf_facts facts;
    struct err err = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct buf *file = tuf_repo_file(repo, cases[i].name);

        cr_expect(tuf_peek(file->data, file->len, &facts, &err), "%s", err.text);
        cr_expect_eq(facts.role, cases[i].role, "%s", cases[i].name);
        cr_expect_eq(facts.version, 1);
    }
    cr_expect_not(tuf_peek("{}", 2, &facts, &err));
    cr_expect_eq(err.refusal, REFUSAL_WRONG_TYPE);
    cr_expect_not(tuf_peek("", 0, &facts, &err));
    cr_expect_eq(err.refusal, REFUSAL_JSON_STRICT);
    tuf_repo_free(repo);
}
