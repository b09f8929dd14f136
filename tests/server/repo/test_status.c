#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/repo/expiry.h"
#include "server/repo/status.h"
#include "tests/support/offline.h"

static const int64_t day_ms = 24LL * 3600 * 1000;

static struct repo_document *document(const char *role, int64_t expires_ms)
{
    struct offline *offline = offline_new();
    struct repo_document *out;
    struct err err;

    offline->expires_ms = expires_ms;
    {
        AUTO_BUF bytes = offline_sign(offline_os(offline, 1), &offline->root, 1);

        cr_assert(repo_document_new(REPO_IMAGE, role, &bytes, false, &out, &err), "%s", err.text);
    }
    offline_free(offline);
    return out;
}

Test(status, warns_at_90_30_and_7_days_and_of_what_the_server_renews_only_when_it_is_past)
{
    static const int64_t now_ms = 1800000000000;
    static const struct {
        const char *role;
        int64_t left_ms;
        enum repo_expiry level;
    } cases[] = {
        {"targets", 90 * 24LL * 3600000 + 1000, EXPIRY_FAR},
        {"targets", 90 * 24LL * 3600000, EXPIRY_90},
        {"root", 30 * 24LL * 3600000 + 1000, EXPIRY_90},
        {"root", 30 * 24LL * 3600000, EXPIRY_30},
        {"os-h1", 7 * 24LL * 3600000 + 1000, EXPIRY_30},
        {"os-h1", 7 * 24LL * 3600000, EXPIRY_7},
        {"os-h1", 1000, EXPIRY_7},
        {"os-h1", 0, EXPIRY_PAST},
        {"root", -1000, EXPIRY_PAST},
        {"timestamp", 1000, EXPIRY_FAR},
        {"timestamp", 0, EXPIRY_PAST},
        {"snapshot", 7 * 24LL * 3600000, EXPIRY_FAR},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct repo_document *one = document(cases[i].role, now_ms + cases[i].left_ms);

        cr_expect_eq(repo_expiry_of(one, now_ms), cases[i].level, "%s with %lld ms", cases[i].role,
                     (long long)cases[i].left_ms);
        repo_document_unref(one);
    }
    cr_expect_null(repo_expiry_name(EXPIRY_FAR));
    cr_expect_str_eq(repo_expiry_name(EXPIRY_7), "7");
    cr_expect_str_eq(repo_expiry_name(EXPIRY_PAST), "expired");
}

Test(status, says_in_one_sentence_what_a_thief_of_each_key_could_do)
{
    static const struct {
        enum repo_kind kind;
        const char *role;
        const char *says;
    } cases[] = {
        {REPO_IMAGE, "root", "every role"},
        {REPO_IMAGE, "targets", "new signers"},
        {REPO_IMAGE, "os-demo", "a system"},
        {REPO_IMAGE, "boot-demo", "boot loader"},
        {REPO_IMAGE, "app-team", "applications"},
        {REPO_IMAGE, "config-g", "settings"},
        {REPO_IMAGE, "evidence", "reports"},
        {REPO_IMAGE, "osmium", "delegated to this role"},
        {REPO_IMAGE, "snapshot", "mix older"},
        {REPO_IMAGE, "timestamp", "keep devices"},
        {REPO_DIRECTOR, "root", "another director"},
        {REPO_DIRECTOR, "targets", "never below"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *alone = repo_thief_sentence(cases[i].kind, cases[i].role, 1);
        AUTO_FREE char *of_two = repo_thief_sentence(cases[i].kind, cases[i].role, 2);

        cr_expect(strstr(alone, cases[i].says), "%s: %s", cases[i].role, alone);
        cr_expect(text_starts_with(alone, "Whoever has this key can "), "%s", alone);
        cr_expect(strstr(of_two, "alone can do nothing"), "%s", of_two);
        cr_expect(strstr(of_two, "whoever has 2 can "), "%s", of_two);
        cr_expect(text_ends_with(of_two, "."), "%s", of_two);
    }
}

/* --- a whole repository ------------------------------------------------------------------------
 */

static struct repo_view *published(struct offline *offline)
{
    AUTO_REPO_VIEW *nothing = offline_nothing();
    AUTO_REPO_BUNDLE bundle = {0};
    struct repo_view *view;
    struct err err;

    offline_add_first(offline, &bundle);
    offline_add(&bundle, REPO_DIRECTOR, "root", offline_director_root(offline, 1),
                offline->director_root);
    view = offline_publish(offline, nothing, &bundle, &err);
    cr_assert(view, "%s", err.text);
    return view;
}

static const json_t *role_of(const json_t *status, const char *repository, const char *name)
{
    const json_t *role;
    size_t i;

    json_array_foreach(json_object_get(status, "roles"), i, role)
    {
        if (text_equal(json_string_value(json_object_get(role, "role")), name) &&
            text_equal(json_string_value(json_object_get(role, "repository")), repository))
            return role;
    }
    cr_assert_fail("no role %s of %s", name, repository);
    return NULL;
}

Test(status, shows_of_each_role_until_when_and_by_whom_it_is_signed)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *view = published(offline);
    int64_t now_ms = offline->expires_ms - 20 * day_ms;
    AUTO_JSON *status = repo_status_json(view, now_ms);
    AUTO_JSON *index = repo_index_json(view);
    AUTO_JSON *nothing = repo_status_json(NULL, now_ms);
    const json_t *os = role_of(status, "image", "os-h1");
    char keyid[TUF_KEYID_ROOM];

    tuf_keyid(sign_key_public(offline->os[1]), keyid);
    cr_expect_eq(json_array_size(json_object_get(os, "keyids")), 2);
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(os, "keyids"), 1)), keyid);
    cr_expect_eq(json_integer_value(json_object_get(os, "threshold")), 1);
    cr_expect_eq(json_integer_value(json_object_get(os, "days_left")), 20);
    cr_expect_str_eq(json_string_value(json_object_get(os, "warning")), "30");
    cr_expect_str_eq(
        json_string_value(json_object_get(role_of(status, "image", "timestamp"), "warning")),
        "expired");
    cr_expect_eq(json_array_size(json_object_get(role_of(status, "director", "root"), "keyids")),
                 1);
    cr_expect_eq(json_array_size(json_object_get(status, "roles")), 6);
    cr_expect_eq(json_integer_value(json_object_get(status, "files")), 1);
    cr_expect_eq(json_integer_value(json_object_get(json_object_get(status, "targets"), "version")),
                 1);
    cr_expect_eq(json_array_size(json_object_get(index, "documents")), 6);
    cr_expect(json_is_null(json_object_get(nothing, "root")));
    cr_expect_eq(json_array_size(json_object_get(nothing, "roles")), 0);
    offline_free(offline);
}

Test(status, counts_the_roles_at_each_level_over_all_tenants)
{
    struct offline *offline = offline_new();
    struct repo *repo = repo_new();
    struct repo_watch *watch = repo_watch_new(repo);
    AUTO_REPO_VIEW *view = published(offline);
    static const struct {
        int64_t left_days;
        uint64_t counts[EXPIRY_COUNT];
    } cases[] = {
        {364, {6, 0, 0, 0, 0}}, {89, {0, 4, 0, 0, 2}}, {29, {0, 0, 4, 0, 2}},
        {6, {0, 0, 0, 4, 2}},   {-1, {0, 0, 0, 0, 6}},
    };

    repo_put(repo, view);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t counts[EXPIRY_COUNT];
        int64_t now_ms = offline->expires_ms - cases[i].left_days * day_ms;

        if (i == 0)
            now_ms = offline->now_ms + 1;
        repo_watch_run(watch, now_ms, counts);
        for (size_t level = 0; level < EXPIRY_COUNT; level++)
            cr_expect_eq(counts[level], cases[i].counts[level], "%lld days: level %zu",
                         (long long)cases[i].left_days, level);
    }
    repo_watch_free(watch);
    repo_free(repo);
    offline_free(offline);
}
