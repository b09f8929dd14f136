/* Tokens as the API makes them: shown once, narrowed, revoked, and nothing but a hash kept. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "server/auth/tokens.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

static struct api_answer ask_as(struct api *api, const char *token, const char *method,
                                const char *path, const char *body)
{
    return api_send(api, &(struct api_request){.method = method,
                                               .path = path,
                                               .token = token,
                                               .body = body,
                                               .body_len = body ? strlen(body) : 0});
}

/* Memory follows the database, as the change log makes it in the server. */
static void reload_until(struct api *api, const char *token, bool is_known)
{
    int status;

    auth_tokens_load(api->worker.tokens, api->worker.db);
    do {
        AUTO_ANSWER answer = ask_as(api, token, "GET", "/api/v1/tenant", NULL);

        status = answer.status;
    } while ((status != 401) != is_known);
}

static struct api_answer make_token(struct api *api, const char *body)
{
    struct api_answer made = api_ask(api, "POST", "/api/v1/operator-tokens", body);

    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    reload_until(api, api_text(&made, "token"), true);
    return made;
}

Test(token, is_shown_once_works_and_is_kept_as_a_hash)
{
    struct api *api = api_open();
    AUTO_ANSWER made = make_token(api, "{\"name\":\"ci \\u00e9\",\"role\":\"reader\"}");
    const char *token = api_text(&made, "token");
    AUTO_ANSWER used = ask_as(api, token, "GET", "/api/v1/products", NULL);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/operator-tokens?limit=200", NULL);
    AUTO_FREE char *short_id = mem_strndup(token, strcspn(token + 4, "_") + 4);
    char id[TOKEN_OPERATOR_ID_ROOM];

    cr_assert(token_operator_id(token, id), "%s", token);
    cr_expect_str_eq(api_text(&made, "id"), short_id, "as it begins");
    cr_expect_str_eq(api_text(&made, "role"), "reader");
    cr_expect_eq(used.status, 200);
    cr_expect_null(strstr(buf_text(&list.body), token));
    cr_expect_not_null(strstr(buf_text(&list.body), id));
    cr_expect_eq(world_number(&api->fixture,
                              "SELECT count(*) FROM operator_token WHERE digest = sha256('%s')",
                              token),
                 1);
    api_close(api);
}

/* T57 */
Test(token, read_from_a_database_dump_opens_nothing)
{
    struct api *api = api_open();
    AUTO_ANSWER made = make_token(api, "{\"name\":\"x\",\"role\":\"administrator\"}");
    AUTO_FREE char *digest =
        mem_strdup(world_text(&api->fixture,
                              "SELECT encode(digest, 'hex') FROM operator_token"
                              " WHERE 'slw_' || public_id = '%s'",
                              api_text(&made, "id")));
    AUTO_FREE char *as_token = mem_printf("%s_%s", api_text(&made, "id"), digest);
    AUTO_ANSWER by_digest = ask_as(api, digest, "GET", "/api/v1/products", NULL);
    AUTO_ANSWER by_form = ask_as(api, as_token, "GET", "/api/v1/products", NULL);

    cr_expect_eq(by_digest.status, 401);
    cr_expect_eq(by_form.status, 401);
    api_close(api);
}

Test(token, that_is_revoked_ends_at_once_for_changes_and_soon_for_all)
{
    struct api *api = api_open();
    AUTO_ANSWER made = make_token(api, "{\"name\":\"x\",\"role\":\"contributor\"}");
    AUTO_FREE char *path = mem_printf("/api/v1/operator-tokens/%s/revoke", api_text(&made, "id"));
    AUTO_ANSWER revoked = api_ask(api, "POST", path, NULL);
    AUTO_ANSWER again = api_ask(api, "POST", path, NULL);
    AUTO_ANSWER change = ask_as(api, api_text(&made, "token"), "POST", "/api/v1/products",
                                "{\"name\":\"p\",\"hwids\":[\"h\"]}");
    AUTO_ANSWER none = api_ask(api, "POST", "/api/v1/operator-tokens/slw_00000000/revoke", NULL);

    cr_expect_eq(revoked.status, 200, "%s", buf_text(&revoked.body));
    cr_expect_eq(again.status, 200);
    cr_expect_str_eq(api_text(&again, "revoked"), api_text(&revoked, "revoked"));
    cr_expect_eq(change.status, 403, "this server's memory does not know yet, the database does");
    cr_expect_str_eq(api_text(&change, "code"), "RBAC");
    cr_expect_eq(none.status, 404);
    reload_until(api, api_text(&made, "token"), false);
    api_close(api);
}

Test(token, refuses_what_is_not_said_right)
{
    static const struct {
        const char *body;
        int status;
        const char *says;
    } cases[] = {
        {"{\"role\":\"reader\"}", 400, "'name'"},
        {"{\"name\":\"\",\"role\":\"reader\"}", 400, "'name'"},
        {"{\"name\":\"a\\n\",\"role\":\"reader\"}", 400, "'name'"},
        {"{\"name\":\"a\",\"role\":\"root\"}", 400, "'role'"},
        {"{\"name\":\"a\"}", 400, "'role'"},
        {"{\"name\":\"a\",\"role\":\"reader\",\"products\":[]}", 400, "'products'"},
        {"{\"name\":\"a\",\"role\":\"reader\",\"products\":[\"x\"]}", 400, "products[0]"},
        {"{\"name\":\"a\",\"role\":\"reader\","
         "\"products\":[\"00000000-0000-0000-0000-000000000000\"]}",
         404, "product"},
        {"{\"name\":\"a\",\"role\":\"reader\","
         "\"groups\":[\"00000000-0000-0000-0000-000000000000\"]}",
         404, "group"},
        {"{\"name\":\"a\",\"role\":\"reader\",\"expires\":\"2020-01-01T00:00:00Z\"}", 400,
         "'expires'"},
        {"{\"name\":\"a\",\"role\":\"reader\",\"expires\":\"2999-01-01T00:00:00Z\"}", 400,
         "'expires'"},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_ask(api, "POST", "/api/v1/operator-tokens", cases[i].body);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].body,
                     buf_text(&answer.body));
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s: %s", cases[i].body,
                  buf_text(&answer.body));
    }
    api_close(api);
}

static char *group_of(struct api *api, const char *product, const char *name)
{
    AUTO_FREE char *path = mem_printf("/api/v1/products/%s/groups?name=%s", product, name);
    AUTO_ANSWER groups = api_ask(api, "GET", path, NULL);

    return mem_strdup(api_text(&groups, "items.0.id"));
}

static int change_group(struct api *api, const char *token, const char *group)
{
    AUTO_FREE char *path = mem_printf("/api/v1/groups/%s", group);
    AUTO_ANSWER answer = ask_as(api, token, "PATCH", path, "{\"poll_interval_s\":7}");

    if (answer.status == 403)
        cr_expect_str_eq(api_text(&answer, "code"), "RBAC");
    return answer.status;
}

Test(token, that_is_narrowed_changes_only_its_products_and_groups)
{
    struct api *api = api_open();
    AUTO_FREE char *one = api_create(api, "/api/v1/products", "{\"name\":\"a\",\"hwids\":[\"a\"]}");
    AUTO_FREE char *two = api_create(api, "/api/v1/products", "{\"name\":\"b\",\"hwids\":[\"b\"]}");
    AUTO_FREE char *mine = group_of(api, one, "production");
    AUTO_FREE char *near = group_of(api, one, "development");
    AUTO_FREE char *far = group_of(api, two, "production");
    AUTO_FREE char *by_product_body =
        mem_printf("{\"name\":\"p\",\"role\":\"administrator\",\"products\":[\"%s\"]}", one);
    AUTO_FREE char *by_group_body =
        mem_printf("{\"name\":\"g\",\"role\":\"contributor\",\"groups\":[\"%s\"]}", mine);
    AUTO_ANSWER by_product = make_token(api, by_product_body);
    AUTO_ANSWER by_group = make_token(api, by_group_body);
    const char *wide = api_text(&by_product, "token");
    const char *tight = api_text(&by_group, "token");
    AUTO_ANSWER product =
        ask_as(api, wide, "POST", "/api/v1/products", "{\"name\":\"c\",\"hwids\":[\"c\"]}");
    AUTO_ANSWER token = ask_as(api, wide, "POST", "/api/v1/operator-tokens",
                               "{\"name\":\"free\",\"role\":\"administrator\"}");
    AUTO_ANSWER settings = ask_as(api, wide, "PATCH", "/api/v1/tenant", "{\"approval_devices\":5}");

    cr_expect_str_eq(api_text(&by_product, "products.0"), "a");
    cr_expect_str_eq(api_text(&by_group, "groups.0"), "a/production");
    cr_expect_eq(change_group(api, wide, mine), 200);
    cr_expect_eq(change_group(api, wide, near), 200);
    cr_expect_eq(change_group(api, wide, far), 403);
    cr_expect_eq(change_group(api, tight, mine), 200);
    cr_expect_eq(change_group(api, tight, near), 403);
    cr_expect_eq(change_group(api, tight, far), 403);
    cr_expect_eq(product.status, 403, "a product is the whole tenant's");
    cr_expect_eq(token.status, 403, "nobody widens a token with itself");
    cr_expect_eq(settings.status, 403);
    api_close(api);
}

Test(token, says_when_it_was_used_last)
{
    struct api *api = api_open();
    AUTO_ANSWER made = make_token(api, "{\"name\":\"x\",\"role\":\"reader\"}");
    AUTO_ANSWER used = ask_as(api, api_text(&made, "token"), "GET", "/api/v1/products", NULL);

    cr_assert_eq(used.status, 200);
    cr_expect_str_eq(api_text(&made, "last_used"), "");
    auth_tokens_flush(api->worker.tokens, api->worker.db);
    while (world_number(&api->fixture,
                        "SELECT count(*) FROM operator_token WHERE 'slw_' || public_id = '%s'"
                        " AND last_used_at > now() - interval '1 hour'",
                        api_text(&made, "id")) == 0)
        loop_turn(api->worker.loop);
    api_close(api);
}
