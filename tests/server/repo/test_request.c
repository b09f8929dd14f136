#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/repo/request.h"
#include "tests/support/offline.h"

static struct repo_view *published(const struct offline *offline)
{
    AUTO_REPO_VIEW *nothing = offline_nothing();
    AUTO_REPO_BUNDLE bundle = {0};
    struct repo_view *view;
    struct err err;

    offline_add_first(offline, &bundle);
    view = offline_publish(offline, nothing, &bundle, &err);
    cr_assert(view, "%s", err.text);
    return view;
}

/* Adds a signed part that nobody signed yet. */
static void ask(struct repo_bundle *bundle, enum repo_kind kind, const char *role, json_t *body)
{
    AUTO_JSON *owned = body;
    AUTO_BUF canonical;
    struct err err;

    buf_init(&canonical, 100000);
    cr_assert(json_canonical(owned, &canonical, &err), "%s", err.text);
    if (!bundle->note)
        bundle->note = mem_strdup("please");
    repo_bundle_add(bundle, kind, role, &canonical);
}

static bool sign(const struct repo_view *view, struct repo_request *request, size_t at,
                 const struct sign_key *key, struct err *err)
{
    const struct buf *part = &request->documents[at].signed_part;
    char keyid[TUF_KEYID_ROOM];
    uint8_t sig[SIGN_BYTES];
    char hex[SIGN_HEX_ROOM];
    const struct repo_signature signature = {.keyid = keyid, .sig = hex};

    *err = (struct err){0};
    tuf_keyid(sign_key_public(key), keyid);
    sign_make(key, part->data, part->len, sig);
    text_from_hex_bytes(sig, sizeof(sig), hex);
    if (!repo_request_check(view, request, at, &signature, err))
        return false;
    repo_request_add_signature(request, at, keyid, hex);
    return true;
}

Test(request, is_complete_when_every_document_has_its_threshold_and_then_can_be_published)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *view = NULL;
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_REPO_BUNDLE signed_bundle = {0};
    AUTO_REPO_REQUEST request = {0};
    struct err err;

    offline->os_threshold = 2;
    {
        struct sign_key *keys[] = {offline->os[0], offline->os[1]};
        AUTO_REPO_VIEW *nothing = offline_nothing();
        AUTO_REPO_BUNDLE first = {0};
        AUTO_BUF os = offline_sign(offline_os(offline, 1), keys, 2);

        offline_add(&first, REPO_IMAGE, "root", offline_root(offline, 1), offline->root);
        offline_add(&first, REPO_IMAGE, "targets", offline_targets(offline, 1, true),
                    offline->targets);
        repo_bundle_add(&first, REPO_IMAGE, "os-h1", &os);
        view = offline_publish(offline, nothing, &first, &err);
        cr_assert(view, "%s", err.text);
    }
    (void)json_object_set_new(offline->os_entries, "os/h1/2.0/rootfs.img",
                              offline_image("2.0", 2, "second", 6));
    ask(&bundle, REPO_IMAGE, "targets", offline_targets(offline, 2, true));
    ask(&bundle, REPO_IMAGE, "os-h1", offline_os(offline, 2));
    cr_assert(repo_request_open(view, &bundle, &request, &err), "%s", err.text);
    cr_expect_str_eq(request.note, "please");
    cr_expect_eq(request.documents[1].version, 2);
    cr_expect(strstr(request.documents[1].summary, "+ os/h1/2.0/rootfs.img"), "%s",
              request.documents[1].summary);

    cr_expect_not(repo_request_is_complete(view, &request));
    cr_expect(sign(view, &request, 0, offline->targets, &err), "%s", err.text);
    cr_expect(sign(view, &request, 1, offline->os[1], &err), "%s", err.text);
    cr_expect_not(repo_request_is_complete(view, &request), "one of two");
    cr_expect(sign(view, &request, 1, offline->os[0], &err), "%s", err.text);
    cr_expect(repo_request_is_complete(view, &request));
    cr_assert(repo_request_bundle(&request, &signed_bundle, &err), "%s", err.text);
    {
        AUTO_REPO_VIEW *after = offline_publish(offline, view, &signed_bundle, &err);

        cr_assert(after, "%s", err.text);
        cr_expect_eq(repo_view_version(after, REPO_IMAGE, "os-h1"), 2);
    }
    offline_free(offline);
}

Test(request, of_a_root_needs_the_old_keys_and_the_new_ones)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *view = published(offline);
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_REPO_REQUEST request = {0};
    struct sign_key *old = offline->root;
    struct err err;

    offline->root = sign_key_new();
    ask(&bundle, REPO_IMAGE, "root", offline_root(offline, 2));
    cr_assert(repo_request_open(view, &bundle, &request, &err), "%s", err.text);
    cr_expect(strstr(request.documents[0].summary, "+ root: key"), "%s",
              request.documents[0].summary);
    cr_expect_not(sign(view, &request, 0, offline->targets, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELEGATION_DENIED, "%s", err.text);
    cr_expect(sign(view, &request, 0, offline->root, &err), "%s", err.text);
    cr_expect_not(repo_request_is_complete(view, &request), "the old key has not signed");
    cr_expect(sign(view, &request, 0, old, &err), "%s", err.text);
    cr_expect(repo_request_is_complete(view, &request));
    {
        AUTO_JSON *json = repo_request_json(view, &request, "id");
        const json_t *shown = json_array_get(json_object_get(json, "documents"), 0);

        cr_expect_eq(json_array_size(json_object_get(shown, "rules")), 2);
        cr_expect_eq(json_array_size(json_object_get(shown, "keyids")), 2);
        cr_expect_eq(json_array_size(json_object_get(shown, "signed_by")), 2);
        cr_expect(json_is_true(json_object_get(shown, "complete")));
    }
    sign_key_free(old);
    offline_free(offline);
}

Test(request, of_a_first_root_needs_its_own_keys_only)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *nothing = offline_nothing();
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_REPO_REQUEST request = {0};
    struct err err;

    ask(&bundle, REPO_DIRECTOR, "root", offline_director_root(offline, 1));
    cr_assert(repo_request_open(nothing, &bundle, &request, &err), "%s", err.text);
    cr_expect_not(repo_request_is_complete(nothing, &request));
    cr_expect(sign(nothing, &request, 0, offline->director_root, &err), "%s", err.text);
    cr_expect(repo_request_is_complete(nothing, &request));
    offline_free(offline);
}

/* Keys that the request itself delegates to sign the next document of it. */
Test(request, judges_each_document_beside_those_before_it)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *view = published(offline);
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_REPO_REQUEST request = {0};
    struct sign_key *old = offline->os[0];
    struct err err;

    offline->os[0] = sign_key_new();
    ask(&bundle, REPO_IMAGE, "targets", offline_targets(offline, 2, true));
    ask(&bundle, REPO_IMAGE, "os-h1", offline_os(offline, 2));
    cr_assert(repo_request_open(view, &bundle, &request, &err), "%s", err.text);
    cr_expect_not(sign(view, &request, 1, old, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELEGATION_DENIED);
    cr_expect(sign(view, &request, 1, offline->os[0], &err), "%s", err.text);
    sign_key_free(old);
    offline_free(offline);
}

Test(request, is_refused_at_once_when_it_could_never_be_published)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *view = published(offline);
    const struct {
        const char *what;
        const char *role;
        json_t *body;
        enum err_code code;
        enum refusal refusal;
    } cases[] = {
        {"the current version", "targets", offline_targets(offline, 1, true), ERR_CONFLICT,
         REFUSAL_NONE},
        {"a role that nobody delegates", "os-h9", offline_os(offline, 1), ERR_UNTRUSTED,
         REFUSAL_DELEGATION_DENIED},
        {"a root under another name", "targets", offline_root(offline, 2), ERR_UNTRUSTED,
         REFUSAL_WRONG_TYPE},
        {"no metadata", "targets", json_object(), ERR_UNTRUSTED, REFUSAL_WRONG_TYPE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_REPO_BUNDLE bundle = {0};
        AUTO_REPO_REQUEST request = {0};
        struct err err = {0};

        ask(&bundle, REPO_IMAGE, cases[i].role, cases[i].body);
        cr_expect_not(repo_request_open(view, &bundle, &request, &err), "%s", cases[i].what);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(request.count, 0);
    }
    offline_free(offline);
}

Test(request, finds_the_document_that_signatures_are_for_by_name_and_bytes)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *view = published(offline);
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_REPO_REQUEST request = {0};
    char role[] = "os-h1";
    char other[] = "root";
    struct repo_signed_document document = {.repository = REPO_IMAGE, .role = role};
    size_t at = 9;
    struct err err;

    ask(&bundle, REPO_IMAGE, "targets", offline_targets(offline, 2, true));
    ask(&bundle, REPO_IMAGE, "os-h1", offline_os(offline, 2));
    cr_assert(repo_request_open(view, &bundle, &request, &err), "%s", err.text);
    memcpy(document.sha256, request.documents[1].sha256, HASH_BYTES);
    cr_expect(repo_request_find(&request, &document, &at, &err));
    cr_expect_eq(at, 1);
    document.sha256[0] ^= 1;
    cr_expect_not(repo_request_find(&request, &document, &at, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    document.role = other;
    cr_expect_not(repo_request_find(&request, &document, &at, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    offline_free(offline);
}
