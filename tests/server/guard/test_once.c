/* Idempotency-Key: what was done is not done again, whatever died in between. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

#define PRODUCTS "/api/v1/products"
#define CAM "{\"name\":\"cam\",\"hwids\":[\"a\"]}"
#define DOG "{\"name\":\"dog\",\"hwids\":[\"a\"]}"

static struct api_answer post(struct api *api, const char *path, const char *key, const char *body)
{
    AUTO_FREE char *headers = mem_printf("Idempotency-Key: %s\r\n", key);
    const struct api_request request = {.method = "POST",
                                        .path = path,
                                        .token = API_ADMIN,
                                        .headers = headers,
                                        .body = body,
                                        .body_len = strlen(body)};

    return api_send(api, &request);
}

static int64_t products(struct api *api)
{
    return world_number(&api->fixture, "SELECT count(*) FROM product");
}

Test(once, gives_the_same_answer_again_and_does_it_once)
{
    struct api *api = api_open();
    AUTO_ANSWER first = post(api, PRODUCTS, "k-1", CAM);
    AUTO_ANSWER again = post(api, PRODUCTS, "k-1", CAM);
    AUTO_ANSWER other = post(api, PRODUCTS, "k-2", CAM);
    const char *header = "\r\nIdempotency-Replayed: true";

    cr_expect_eq(first.status, 201, "%s", buf_text(&first.body));
    cr_expect_eq(again.status, 201, "%s", buf_text(&again.body));
    cr_expect_str_eq(api_text(&again, "id"), api_text(&first, "id"));
    cr_expect(strstr(buf_text(&again.head), header));
    cr_expect(!strstr(buf_text(&first.head), header));
    cr_expect_eq(other.status, 409, "another key is another request");
    cr_expect_eq(products(api), 1);
    api_close(api);
}

Test(once, refuses_another_request_with_the_key_and_keys_that_are_none)
{
    struct api *api = api_open();
    AUTO_FREE char *longest = mem_printf("%0128d", 7);
    AUTO_FREE char *too_long = mem_printf("%0129d", 7);
    AUTO_ANSWER first = post(api, PRODUCTS, "k", CAM);
    AUTO_ANSWER body = post(api, PRODUCTS, "k", DOG);
    AUTO_ANSWER path = post(api, PRODUCTS "?x=1", "k", CAM);
    AUTO_ANSWER edge = post(api, PRODUCTS, longest, DOG);
    AUTO_ANSWER more = post(api, PRODUCTS, too_long, DOG);
    AUTO_ANSWER blank = post(api, PRODUCTS, "a b", DOG);

    cr_expect_eq(first.status, 201);
    cr_expect_eq(body.status, 422, "%s", buf_text(&body.body));
    cr_expect_eq(path.status, 422);
    cr_expect_eq(edge.status, 201);
    cr_expect_eq(more.status, 400);
    cr_expect_eq(blank.status, 400);
    cr_expect_eq(products(api), 2);
    api_close(api);
}

Test(once, forgets_what_was_refused_so_that_it_may_be_asked_better)
{
    struct api *api = api_open();
    AUTO_ANSWER wrong = post(api, PRODUCTS, "k", "{\"name\":\"cam\"}");
    AUTO_ANSWER right = post(api, PRODUCTS, "k", CAM);

    cr_expect_eq(wrong.status, 400);
    cr_expect_eq(right.status, 201, "%s", buf_text(&right.body));
    api_close(api);
}

Test(once, never_keeps_a_secret)
{
    struct api *api = api_open();
    const char *body = "{\"name\":\"ci\",\"role\":\"reader\"}";
    AUTO_ANSWER first = post(api, "/api/v1/operator-tokens", "k", body);
    AUTO_ANSWER again = post(api, "/api/v1/operator-tokens", "k", body);

    cr_expect_eq(first.status, 201);
    cr_expect_eq(again.status, 201);
    cr_expect(strlen(api_text(&first, "token")) > 64);
    cr_expect_str_eq(api_text(&again, "token"), "");
    cr_expect_str_eq(api_text(&again, "id"), api_text(&first, "id"));
    cr_expect_eq(world_number(&api->fixture,
                              "SELECT count(*) FROM idempotency"
                              " WHERE answer LIKE '%%' || '%s' || '%%'",
                              api_text(&first, "token")),
                 0);
    api_close(api);
}

Test(once, knows_that_it_was_done_when_only_the_answer_was_lost)
{
    struct api *api = api_open();
    AUTO_ANSWER first = post(api, PRODUCTS, "k", CAM);
    AUTO_FREE char *object = mem_printf("product %s", api_text(&first, "id"));

    cr_assert_eq(first.status, 201);
    /* killed between the change's commit and the answer's */
    world_sql(&api->fixture, "UPDATE idempotency SET status = NULL, answer = NULL, backend = 0");
    AUTO_ANSWER again = post(api, PRODUCTS, "k", CAM);
    cr_expect_eq(again.status, 200, "%s", buf_text(&again.body));
    cr_expect_str_eq(api_text(&again, "object"), object);
    cr_expect_eq(products(api), 1);
    api_close(api);
}

#define BEGUN(backend, since)                                                                      \
    "UPDATE idempotency SET status = NULL, answer = NULL, audit_seq = NULL, request_id = 'dead',"  \
    " backend = " backend ", started_at = now() - interval '" since "'"

Test(once, waits_for_one_that_lives_and_takes_over_from_one_that_died)
{
    static const struct {
        const char *what;
        const char *begun;
        int status;
    } cases[] = {
        {"it lives", BEGUN("(SELECT pid FROM pg_stat_activity LIMIT 1)", "0 s"), 409},
        {"it lives, but was forgotten", BEGUN("(SELECT pid FROM pg_stat_activity LIMIT 1)", "61 s"),
         201},
        {"its session is gone", BEGUN("2147483647", "0 s"), 201},
        {"it gave up", BEGUN("0", "0 s"), 201},
    };

    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *key = mem_printf("k%zu", i);
        AUTO_ANSWER first = post(api, PRODUCTS, key, CAM);

        cr_assert_eq(first.status, 201);
        /* as if nothing had been committed yet */
        world_sql(&api->fixture, "UPDATE product SET name = 'gone' || id");
        world_sql(&api->fixture, "%s WHERE key = '%s'", cases[i].begun, key);
        AUTO_ANSWER again = post(api, PRODUCTS, key, CAM);
        cr_expect_eq(again.status, cases[i].status, "%s: %s", cases[i].what, buf_text(&again.body));
        cr_expect_eq(strstr(buf_text(&again.head), "\r\nRetry-After: 1") != NULL,
                     cases[i].status == 409, "%s", cases[i].what);
        cr_expect_eq(world_number(&api->fixture, "SELECT count(*) FROM idempotency_fence"),
                     cases[i].status == 201, "%s", cases[i].what);
        world_sql(&api->fixture, "DELETE FROM idempotency_fence");
        world_sql(&api->fixture, "UPDATE product SET name = 'gone' || id");
    }
    api_close(api);
}

Test(once, rolls_back_the_change_of_one_that_was_taken_for_dead)
{
    struct api *api = api_open();

    world_sql(&api->fixture,
              "INSERT INTO idempotency_fence SELECT id, 'late', now() + interval '1 h'"
              " FROM tenant WHERE name = 'default'");
    world_sql(&api->fixture,
              "DO $$ BEGIN"
              " PERFORM set_config('slipway.tenant', '*', true);"
              " PERFORM slipway_audit(o.id, 'late', 'product.write', 'product x', NULL, NULL, NULL,"
              "   NULL) FROM operator_token o JOIN tenant t ON t.id = o.tenant_id"
              "  WHERE t.name = 'default' AND o.role = 'administrator' AND o.expires_at IS NULL;"
              " RAISE EXCEPTION 'it was let pass';"
              " EXCEPTION WHEN SQLSTATE 'SL409' THEN NULL; END $$");
    cr_expect_eq(world_number(&api->fixture, "SELECT count(*) FROM audit"), 0);
    api_close(api);
}

Test(once, keeps_so_many_keys_and_no_more_and_throws_old_ones_away)
{
    struct api *api = api_open();
    world_sql(&api->fixture,
              "INSERT INTO idempotency (tenant_id, token_id, key, request, request_id,"
              " backend, expires_at) SELECT o.tenant_id, o.id, 'k' || n,"
              " sha256('x'), 'r' || n, 0, now() + interval '1 h'"
              " FROM operator_token o JOIN tenant t ON t.id = o.tenant_id,"
              " generate_series(1, 9999) AS n WHERE t.name = 'default'"
              " AND o.digest = sha256('default-administrator')");
    AUTO_ANSWER last = post(api, PRODUCTS, "last", CAM);
    AUTO_ANSWER full = post(api, PRODUCTS, "full", DOG);
    world_sql(&api->fixture, "UPDATE idempotency SET expires_at = now() - interval '1 s'"
                             " WHERE key = 'k5'");
    AUTO_ANSWER room = post(api, PRODUCTS, "k5", DOG);

    cr_expect_eq(last.status, 201, "%s", buf_text(&last.body));
    cr_expect_eq(full.status, 422);
    cr_expect(strstr(api_text(&full, "detail"), "too many"));
    cr_expect_eq(room.status, 201, "%s", buf_text(&room.body));
    api_close(api);
}
