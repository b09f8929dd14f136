#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/tuf_shop.h"

Test(check_whole, finds_a_role_its_delegator_no_longer_stands_for)
{
    struct shop shop;
    struct tuf_published published;
    json_t *roles[2];
    struct err err = {0};

    shop_open(&shop);
    json_decref(shop.fresh);
    published = (struct tuf_published){.roles = shop.roles, .count = shop.count};
    cr_expect(tuf_check_whole(&published, &err), "%s", err.text);

    roles[0] = tuf_repo_delegation(shop.repo, "os-h1", SHOP_OTHER_KEY, "os/h1/*/*");
    json_decref(shop.repo->delegations);
    shop.repo->delegations = tuf_repo_delegations(shop.repo, roles, 1); /* and app-t is retired */
    tuf_repo_put_targets(shop.repo, 2);
    shop.roles[1].bytes = tuf_repo_file(shop.repo, "2.targets.json");
    cr_expect_not(tuf_check_whole(&published, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELEGATED_THRESHOLD, "%s", err.text);

    roles[0] = tuf_repo_delegation(shop.repo, "os-h1", SHOP_OS_KEY, "os/h1/*/*");
    json_decref(shop.repo->delegations);
    shop.repo->delegations = tuf_repo_delegations(shop.repo, roles, 1);
    tuf_repo_put_targets(shop.repo, 3);
    shop.roles[1].bytes = tuf_repo_file(shop.repo, "3.targets.json");
    err = (struct err){0};
    cr_expect(tuf_check_whole(&published, &err), "%s", err.text);
    tuf_repo_free(shop.repo);
}

Test(signers, are_told_of_every_role_and_checked_one_by_one)
{
    static const struct {
        const char *role;
        size_t key;
    } cases[] = {{"root", TUF_ROOT},     {"targets", TUF_TARGETS}, {"timestamp", TUF_TIMESTAMP},
                 {"os-h1", SHOP_OS_KEY}, {"app-t", SHOP_APP_KEY},  {"app-t.2-3", SHOP_APP_KEY}};
    struct shop shop;
    struct tuf_published published;
    struct tuf_signers signers;
    struct err err = {0};
    AUTO_BUF text;

    shop_open(&shop);
    json_decref(shop.fresh);
    published = (struct tuf_published){.roles = shop.roles, .count = shop.count};
    buf_init(&text, 100);
    buf_add_text(&text, "{\"a\":1}");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct sign_key *key = shop.repo->keys[cases[i].key];
        char keyid[TUF_KEYID_ROOM];
        char hex[SIGN_HEX_ROOM];
        uint8_t sig[SIGN_BYTES];

        tuf_keyid(sign_key_public(key), keyid);
        cr_assert(tuf_signers_of(&published, cases[i].role, &signers, &err), "%s", err.text);
        cr_expect(signers.count == 1 && signers.threshold == 1);
        cr_expect_str_eq(signers.keyids[0], keyid, "%s", cases[i].role);

        sign_make(key, text.data, text.len, sig);
        text_from_hex_bytes(sig, sizeof(sig), hex);
        cr_expect(tuf_check_signature(&published, cases[i].role, &text, keyid, hex, &err), "%s",
                  err.text);
        hex[0] = hex[0] == '0' ? '1' : '0';
        cr_expect_not(tuf_check_signature(&published, cases[i].role, &text, keyid, hex, &err));
        cr_expect_eq(err.refusal, REFUSAL_TARGETS_THRESHOLD);
        cr_expect_not(tuf_check_signature(&published, cases[i].role, &text, keyid, "", &err));
        cr_expect_eq(err.refusal, REFUSAL_TARGETS_THRESHOLD);
        tuf_keyid(sign_key_public(shop.repo->keys[SHOP_OTHER_KEY]), keyid);
        cr_expect_not(tuf_check_signature(&published, cases[i].role, &text, keyid, hex, &err));
        cr_expect_eq(err.refusal, REFUSAL_DELEGATION_DENIED);
    }
    cr_expect_not(tuf_signers_of(&published, "os-h9", &signers, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELEGATION_DENIED);
    published.count = 0;
    cr_expect_not(tuf_signers_of(&published, "targets", &signers, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    tuf_repo_free(shop.repo);
}

static bool add_name(const char *name, void *arg)
{
    buf_printf(arg, "%s ", name);
    return true;
}

Test(delegated_names, are_all_roles_and_bins)
{
    struct shop shop;
    struct err err = {0};
    AUTO_BUF out;

    buf_init(&out, 1000);
    shop_open(&shop);
    json_decref(shop.fresh);
    for (size_t i = 1; i < shop.count; i++)
        cr_assert(tuf_delegated_names(shop.roles[i].bytes->data, shop.roles[i].bytes->len, add_name,
                                      &out, &err),
                  "%s", err.text);
    cr_expect_str_eq(buf_text(&out), "os-h1 app-t app-t.2-0 app-t.2-1 app-t.2-2 app-t.2-3 ");
    tuf_repo_free(shop.repo);
}

Test(join, makes_the_document_that_signing_makes)
{
    struct tuf_repo *repo = tuf_repo_new();
    const struct sign_key *const keys[] = {repo->keys[TUF_TARGETS]};
    AUTO_JSON *body = tuf_make_targets(1, repo->expires_ms, repo->targets, NULL);
    AUTO_JSON *tree = NULL;
    struct err err = {0};
    struct tuf_facts facts;
    AUTO_BUF canonical;
    AUTO_BUF whole;
    AUTO_BUF joined;

    buf_init(&canonical, 4000);
    buf_init(&whole, 4000);
    buf_init(&joined, 4000);
    tuf_repo_put_root(repo, 1);
    shop_put(body, "x-note", json_string("a \"line\"\nand \\ another\t\x01 \xc3\xbc"));
    cr_assert(tuf_sign_document(body, keys, 1, &whole, &err) &&
              json_parse(whole.data, whole.len, &json_limits_metadata, &tree, &err) &&
              json_canonical(body, &canonical, &err) &&
              tuf_join(&canonical, json_object_get(tree, "signatures"), &joined, &err));
    cr_expect(tuf_peek(joined.data, joined.len, &facts, &err), "%s", err.text);
    cr_expect(tuf_check_signed(tuf_repo_file(repo, "1.root.json"), &joined, &err), "%s", err.text);
    tuf_repo_free(repo);
}
