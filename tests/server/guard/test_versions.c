/* ETag, If-None-Match, If-Match, and pages while others insert. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/guard/guard.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

static char *make_group(struct api *api)
{
    AUTO_FREE char *product =
        api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}");
    AUTO_FREE char *body = mem_printf("{\"product\":\"%s\",\"name\":\"lab\"}", product);
    AUTO_FREE char *id = api_create(api, "/api/v1/groups", body);

    return mem_printf("/api/v1/groups/%s", id);
}

static struct api_answer ask(struct api *api, const char *method, const char *path,
                             const char *headers, const char *body)
{
    const struct api_request request = {.method = method,
                                        .path = path,
                                        .token = API_ADMIN,
                                        .headers = headers,
                                        .body = body,
                                        .body_len = body ? strlen(body) : 0};

    return api_send(api, &request);
}

/* The answer's ETag with its quotes; the caller frees. */
static char *etag_of(const struct api_answer *answer)
{
    const char *at = strstr(buf_text(&answer->head), "\r\nETag: ");

    cr_assert(at, "no ETag: %s", buf_text(&answer->head));
    at += strlen("\r\nETag: ");
    return mem_strndup(at, strcspn(at, "\r"));
}

Test(versions, answers_304_when_nothing_changed_and_the_thing_when_something_did)
{
    struct api *api = api_open();
    AUTO_FREE char *path = make_group(api);
    AUTO_ANSWER first = ask(api, "GET", path, NULL, NULL);
    AUTO_FREE char *etag = etag_of(&first);
    AUTO_FREE char *known = mem_printf("If-None-Match: W/\"x\", %s\r\n", etag);
    AUTO_ANSWER again = ask(api, "GET", path, known, NULL);
    AUTO_ANSWER change = ask(api, "PATCH", path, NULL, "{\"poll_interval_s\":77}");
    AUTO_ANSWER after = ask(api, "GET", path, known, NULL);

    cr_expect_eq(again.status, 304);
    cr_expect_eq(again.body.len, 0);
    cr_expect_eq(change.status, 200);
    cr_expect_eq(after.status, 200);
    cr_expect_eq(api_number(&after, "poll_interval_s"), 77);
    api_close(api);
}

Test(versions, refuses_an_update_of_what_was_changed_since_it_was_read)
{
    struct api *api = api_open();
    AUTO_FREE char *path = make_group(api);
    AUTO_ANSWER read = ask(api, "GET", path, NULL, NULL);
    AUTO_FREE char *etag = etag_of(&read);
    AUTO_FREE char *match = mem_printf("If-Match: %s\r\n", etag);
    AUTO_ANSWER mine = ask(api, "PATCH", path, match, "{\"poll_interval_s\":60}");
    AUTO_ANSWER yours = ask(api, "PATCH", path, match, "{\"poll_interval_s\":120}");
    AUTO_ANSWER now = ask(api, "GET", path, NULL, NULL);
    AUTO_FREE char *newer = etag_of(&now);
    AUTO_FREE char *either = mem_printf("If-Match: %s, %s\r\n", etag, newer);
    AUTO_ANSWER better = ask(api, "PATCH", path, either, "{\"poll_interval_s\":180}");
    AUTO_ANSWER any = ask(api, "PATCH", path, "If-Match: *\r\n", "{\"poll_interval_s\":240}");
    AUTO_ANSWER gone = ask(api, "DELETE", path, match, NULL);

    cr_expect_eq(mine.status, 200, "%s", buf_text(&mine.body));
    cr_expect_eq(yours.status, 412, "%s", buf_text(&yours.body));
    cr_expect_str_eq(api_text(&yours, "type"), "urn:slipway:problem:stale");
    cr_expect_eq(api_number(&now, "poll_interval_s"), 60, "the first update was not lost");
    cr_expect_eq(better.status, 200, "%s", buf_text(&better.body));
    cr_expect_eq(any.status, 200, "%s", buf_text(&any.body));
    cr_expect_eq(gone.status, 412);
    api_close(api);
}

Test(versions, refuses_tags_that_are_none_of_this_object)
{
    static const char *const tags[] = {
        "x", "\"x\"", "\"12\"", "W/\"1-ab\"", "\"-ab\"", "\"1-ab", "\"99999999999999999999-a\"",
        ","};
    struct api *api = api_open();
    AUTO_FREE char *path = make_group(api);
    AUTO_ANSWER other = ask(api, "PUT", "/api/v1/images/00", "If-Match: \"1-a\"\r\n", NULL);

    for (size_t i = 0; i < COUNT(tags); i++) {
        AUTO_FREE char *match = mem_printf("If-Match: %s\r\n", tags[i]);
        AUTO_ANSWER answer = ask(api, "PATCH", path, match, "{\"poll_interval_s\":60}");

        cr_expect_eq(answer.status, 412, "%s", tags[i]);
    }
    cr_expect_eq(other.status, 412, "images have no versions");
    api_close(api);
}

Test(versions, are_of_one_object_and_of_what_operators_do)
{
    struct api *api = api_open();
    AUTO_FREE char *path = make_group(api);
    AUTO_ANSWER read = ask(api, "GET", path, NULL, NULL);
    AUTO_FREE char *etag = etag_of(&read);
    AUTO_FREE char *match = mem_printf("If-Match: %s\r\n", etag);
    AUTO_ANSWER product =
        api_ask(api, "POST", "/api/v1/products", "{\"name\":\"another\",\"hwids\":[\"b\"]}");
    AUTO_ANSWER change = ask(api, "PATCH", path, match, "{\"poll_interval_s\":60}");

    cr_expect_eq(product.status, 201);
    cr_expect_eq(change.status, 200, "another object's change is no lost update");
    cr_expect_str_eq(guard_kind_of("/api/v1/groups/:id"), "group");
    cr_expect_null(guard_kind_of("/api/v1/groups"));
    api_close(api);
}

Test(versions, keep_pages_stable_while_others_insert)
{
    struct api *api = api_open();
    char seen[5][16] = {""};
    AUTO_FREE char *after = mem_strdup("");
    size_t count = 0;

    for (int i = 0; i < 3; i++) {
        AUTO_FREE char *body = mem_printf("{\"name\":\"p%d\",\"hwids\":[\"a\"]}", i);
        AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/products", body);

        cr_assert_eq(made.status, 201);
    }
    for (;;) {
        AUTO_FREE char *path =
            mem_printf("/api/v1/products?limit=1%s%s", after[0] ? "&after=" : "", after);
        AUTO_FREE char *late = mem_printf("{\"name\":\"late%zu\",\"hwids\":[\"a\"]}", count);
        AUTO_ANSWER page = api_ask(api, "GET", path, NULL);

        cr_assert_eq(page.status, 200);
        cr_assert_eq(api_number(&page, "items"), 1);
        cr_assert(count < COUNT(seen));
        cr_assert(text_copy(seen[count++], sizeof(seen[0]), api_text(&page, "items.0.name")));
        mem_free(after);
        after = mem_strdup(api_text(&page, "next"));
        if (!after[0])
            break;
        if (count <= 2) { /* others insert between two pages */
            AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/products", late);

            cr_assert_eq(made.status, 201);
        }
    }
    cr_expect_eq(count, 5, "each once, those that came meanwhile at the end");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(seen[i], seen[k]);
    }
    api_close(api);
}
