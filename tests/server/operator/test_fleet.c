#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "server/auth/tokens.h"
#include "tests/support/api.h"

#define EMPTY "00000000-0000-0000-0000-000000000000"

Test(fleet, refuses_what_is_not_said_right)
{
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        int status;
        const char *says;
    } cases[] = {
        {"POST", "/api/v1/products", "{\"name\":\"x\"", 400, "body"},
        {"POST", "/api/v1/products", "[]", 400, "object"},
        {"POST", "/api/v1/products", "{}", 400, "'name' is missing"},
        {"POST", "/api/v1/products", "{\"name\":\"x\"}", 400, "'hwids' is missing"},
        {"POST", "/api/v1/products", "{\"name\":\"x\",\"hwids\":[]}", 400, "'hwids' is empty"},
        {"POST", "/api/v1/products", "{\"name\":\"x\",\"hwids\":[\"a/b\"]}", 400, "hwids[0]"},
        {"POST", "/api/v1/products", "{\"name\":\"x\",\"hwids\":[\"a\",\"a\"]}", 400, "hwids[1]"},
        {"POST", "/api/v1/products", "{\"name\":\"x\",\"hwids\":[7]}", 400, "hwids[0]"},
        {"POST", "/api/v1/products", "{\"name\":\"x y\",\"hwids\":[\"a\"]}", 400, "'name'"},
        {"POST", "/api/v1/products", "{\"name\":\"\",\"hwids\":[\"a\"]}", 400, "'name' is empty"},
        {"POST", "/api/v1/products", "{\"name\":\"x\",\"hwids\":[\"a\"],\"nmae\":1}", 400, "nmae"},
        {"POST", "/api/v1/products", "{\"name\":\"x\",\"name\":\"y\",\"hwids\":[\"a\"]}", 400, ""},
        {"GET", "/api/v1/products/" EMPTY, NULL, 404, "no such product"},
        {"GET", "/api/v1/products/not-a-uuid", NULL, 400, "uuid"},
        {"GET", "/api/v1/products/0000000000000000000000000000000000AA", NULL, 400, "uuid"},
        {"GET", "/api/v1/products?limit=0", NULL, 400, "'limit'"},
        {"GET", "/api/v1/products?limit=201", NULL, 400, "'limit'"},
        {"GET", "/api/v1/products?after=x", NULL, 400, "'after'"},
        {"DELETE", "/api/v1/products", NULL, 405, ""},
        {"GET", "/api/v1/groups/" EMPTY, NULL, 404, "no such group"},
        {"GET", "/api/v1/groups?product=x", NULL, 400, "'product'"},
        {"PATCH", "/api/v1/groups/" EMPTY, "{}", 400, "nothing to change"},
        {"PATCH", "/api/v1/groups/" EMPTY, "{\"poll_interval_s\":0}", 400, "poll_interval_s"},
        {"PATCH", "/api/v1/groups/" EMPTY, "{\"poll_interval_s\":604801}", 400, "604800"},
        {"PATCH", "/api/v1/groups/" EMPTY, "{\"update_policy\":\"some\"}", 400, "update_policy"},
        {"PATCH", "/api/v1/groups/" EMPTY, "{\"poll_interval_s\":5}", 404, "no such group"},
        {"POST", "/api/v1/claim-tokens", "{\"group\":\"x\"}", 400, "'group'"},
        {"POST", "/api/v1/claim-tokens", "{\"group\":\"" EMPTY "\"}", 404, "no such group"},
        {"POST", "/api/v1/claim-tokens", "{\"group\":\"" EMPTY "\",\"count\":0}", 400, "'count'"},
        {"POST", "/api/v1/claim-tokens",
         "{\"group\":\"" EMPTY "\",\"expires\":\"2001-01-01T00:00:00Z\"}", 400, "'expires'"},
        {"POST", "/api/v1/claim-tokens", "{\"group\":\"" EMPTY "\",\"expires\":\"soon\"}", 400,
         "'expires'"},
        {"POST", "/api/v1/components", "{\"product\":\"" EMPTY "\",\"type\":\"os\",\"name\":\"n\"}",
         404, "no such product"},
        {"POST", "/api/v1/components",
         "{\"product\":\"" EMPTY "\",\"type\":\"kernel\",\"name\":\"n\"}", 400, "'type'"},
        {"POST", "/api/v1/tenants", "{\"name\":\"UPPER\"}", 400, "'name'"},
        {"POST", "/api/v1/tenants", "{\"name\":\"-x\"}", 400, "'name'"},
        {"POST", "/api/v1/tenants", "{\"name\":\"other\"}", 409, "exists already"},
        {"GET", "/api/v1/devices/abc", NULL, 400, "hex"},
        {"GET", "/api/v1/devices?group=" EMPTY, NULL, 404, "no such group"},
        {"GET", "/api/v1/nothing", NULL, 404, ""},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_ask(api, cases[i].method, cases[i].path, cases[i].body);

        cr_expect_eq(answer.status, cases[i].status, "%s %s %s: %d %s", cases[i].method,
                     cases[i].path, cases[i].body ? cases[i].body : "", answer.status,
                     buf_text(&answer.body));
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s %s %s: %s",
                  cases[i].method, cases[i].path, cases[i].body ? cases[i].body : "",
                  buf_text(&answer.body));
        cr_expect(strstr(buf_text(&answer.head), "application/problem+json"));
    }
    api_close(api);
}

Test(fleet, makes_a_product_with_five_groups_and_only_once)
{
    struct api *api = api_open();
    AUTO_FREE char *id =
        api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\",\"b\"]}");
    AUTO_FREE char *path = mem_printf("/api/v1/products/%s/groups", id);
    AUTO_ANSWER groups = api_ask(api, "GET", path, NULL);
    AUTO_ANSWER again =
        api_ask(api, "POST", "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}");
    AUTO_ANSWER named = api_ask(api, "GET", "/api/v1/groups?name=production", NULL);
    AUTO_ANSWER products = api_ask(api, "GET", "/api/v1/products?name=cam", NULL);

    cr_expect_eq(api_number(&groups, "items"), 5);
    cr_expect_str_eq(api_text(&groups, "items.2.name"), "production");
    cr_expect_str_eq(api_text(&groups, "items.2.product"), "cam");
    cr_expect_str_eq(api_text(&groups, "items.2.update_policy"), "all");
    cr_expect_eq(again.status, 409);
    cr_expect_eq(api_number(&named, "items"), 1);
    cr_expect_str_eq(api_text(&products, "items.0.id"), id);
    cr_expect_str_eq(api_text(&products, "items.0.hwids.1"), "b");
    cr_expect(text_ends_with(api_text(&products, "items.0.created"), "Z"));
    api_close(api);
}

Test(fleet, changes_a_group_field_by_field)
{
    struct api *api = api_open();
    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}"));
    AUTO_ANSWER groups = api_ask(api, "GET", "/api/v1/groups", NULL);
    AUTO_FREE char *path = mem_printf("/api/v1/groups/%s", api_text(&groups, "items.0.id"));
    AUTO_ANSWER one = api_ask(api, "PATCH", path, "{\"poll_interval_s\":7}");
    AUTO_ANSWER two = api_ask(api, "PATCH", path, "{\"update_policy\":\"none\"}");
    AUTO_ANSWER got = api_ask(api, "GET", path, NULL);

    cr_expect_eq(one.status, 200);
    cr_expect_str_eq(api_text(&one, "update_policy"), "all");
    cr_expect_eq(two.status, 200);
    cr_expect_eq(api_number(&got, "poll_interval_s"), 7);
    cr_expect_str_eq(api_text(&got, "update_policy"), "none");
    api_close(api);
}

Test(fleet, shows_a_claim_token_once_and_keeps_its_digest)
{
    struct api *api = api_open();
    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}"));
    AUTO_ANSWER groups = api_ask(api, "GET", "/api/v1/groups?name=production", NULL);
    AUTO_FREE char *body =
        mem_printf("{\"group\":\"%s\",\"count\":3}", api_text(&groups, "items.0.id"));
    AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/claim-tokens", body);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/claim-tokens", NULL);

    cr_expect_eq(made.status, 201);
    cr_expect_eq(strlen(api_text(&made, "token")), TOKEN_ROOM - 1);
    cr_expect_str_eq(api_text(&made, "group"), "production");
    cr_expect_eq(api_number(&list, "items.0.count"), 3);
    cr_expect_eq(api_number(&list, "items.0.used"), 0);
    cr_expect_str_eq(api_text(&list, "items.0.token"), "");
    cr_expect_not(strstr(buf_text(&list.body), api_text(&made, "token")));
    api_close(api);
}

Test(fleet, has_one_os_per_product)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *body =
        mem_printf("{\"product\":\"%s\",\"type\":\"os\",\"name\":\"second\"}", api->product);
    AUTO_ANSWER second = api_ask(api, "POST", "/api/v1/components", body);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/components?name=base-os", NULL);

    cr_expect_eq(second.status, 409);
    cr_expect_eq(api_number(&list, "items"), 1);
    cr_expect_str_eq(api_text(&list, "items.0.product"), "board");
    api_close(api);
}

Test(fleet, shows_a_tenant_nothing_of_another)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_ANSWER groups = api_ask(api, "GET", "/api/v1/groups?name=production", NULL);
    AUTO_FREE char *paths[] = {
        mem_printf("/api/v1/products/%s", api->product),
        mem_printf("/api/v1/groups/%s", api_text(&groups, "items.0.id")),
    };
    static const char *const lists[] = {"products",   "groups",      "claim-tokens",
                                        "devices",    "images",      "releases",
                                        "components", "deployments", "deltas"};

    for (size_t i = 0; i < COUNT(paths); i++) {
        AUTO_FREE char *path = paths[i];
        AUTO_ANSWER answer = api_send(
            api,
            &(struct api_request){.method = "GET", .path = path, .token = "other-administrator"});

        cr_expect_eq(answer.status, 404, "%s", path);
        paths[i] = NULL;
    }
    for (size_t i = 0; i < COUNT(lists); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/%s", lists[i]);
        AUTO_ANSWER answer = api_send(
            api,
            &(struct api_request){.method = "GET", .path = path, .token = "other-administrator"});

        cr_expect_eq(answer.status, 200, "%s", path);
        cr_expect_eq(api_number(&answer, "items"), 0, "%s: %s", path, buf_text(&answer.body));
    }
    api_close(api);
}

Test(fleet, lets_the_installations_own_tenants_make_others_and_see_only_those)
{
    struct api *api = api_open();
    AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/tenants", "{\"name\":\"customer\"}");
    AUTO_ANSWER mine = api_ask(api, "GET", "/api/v1/tenants", NULL);
    AUTO_ANSWER child = {0};
    AUTO_ANSWER theirs = api_send(api, &(struct api_request){.method = "GET",
                                                             .path = "/api/v1/tenants",
                                                             .token = "other-administrator"});

    cr_expect_eq(made.status, 201);
    cr_expect_eq(strlen(api_text(&made, "token")), TOKEN_OPERATOR_ROOM - 1);
    cr_expect_eq(api_number(&mine, "items"), 2);
    cr_expect_eq(api_number(&theirs, "items"), 1);
    auth_tokens_load(api->worker.tokens, api->worker.db);
    do {
        api_answer_done(&child);
        child = api_send(api, &(struct api_request){.method = "POST",
                                                    .path = "/api/v1/tenants",
                                                    .token = api_text(&made, "token"),
                                                    .body = "{\"name\":\"grandchild\"}",
                                                    .body_len = 21});
    } while (child.status == 401);
    cr_expect_eq(child.status, 403, "%s", buf_text(&child.body));
    api_close(api);
}

Test(fleet, pages_by_cursor)
{
    struct api *api = api_open();
    AUTO_ANSWER first = {0};
    AUTO_ANSWER second = {0};

    for (int i = 0; i < 6; i++) {
        AUTO_FREE char *body = mem_printf("{\"name\":\"p%d\",\"hwids\":[\"h\"]}", i);

        mem_free(api_create(api, "/api/v1/products", body));
    }
    first = api_ask(api, "GET", "/api/v1/products?limit=4", NULL);
    cr_assert_eq(api_number(&first, "items"), 4);
    {
        AUTO_FREE char *path =
            mem_printf("/api/v1/products?limit=4&after=%s", api_text(&first, "next"));

        second = api_ask(api, "GET", path, NULL);
    }

    cr_expect_eq(api_number(&second, "items"), 2);
    cr_expect_str_eq(api_text(&second, "items.1.name"), "p5");
    cr_expect(json_is_null(json_object_get(second.json, "next")));
    api_close(api);
}
