#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/api.h"
#include "tests/support/pg.h"

#define HOOK "{\"url\":\"https://hooks.example.org/x\",\"events\":[\"deployment.*\"]}"

static void say(struct api *api, const char *event)
{
    AUTO_FREE char *sql =
        mem_printf("SELECT slipway_notice(id, '%s', '{\"release\":\"v2\"}') FROM tenant"
                   " WHERE name = 'default'",
                   event);

    fixture_sql(&api->fixture, sql);
}

static char *path_of(const char *id, const char *more)
{
    return mem_printf("/api/v1/webhooks/%s%s", id, more);
}

Test(webhook, shows_its_secret_once)
{
    struct api *api = api_open();
    AUTO_ANSWER made = api_ask(api, "POST", "/api/v1/webhooks", HOOK);
    AUTO_FREE char *path = path_of(api_text(&made, "id"), "");
    AUTO_ANSWER got = api_ask(api, "GET", path, NULL);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/webhooks", NULL);

    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect_eq(strlen(api_text(&made, "secret")), 64);
    cr_expect_str_eq(api_text(&made, "template"), "json");
    cr_expect_eq(got.status, 200);
    cr_expect_null(strstr(buf_text(&got.body), "secret"));
    cr_expect_null(strstr(buf_text(&list.body), "secret"));
    cr_expect_str_eq(api_text(&list, "items.0.url"), "https://hooks.example.org/x");
    api_close(api);
}

Test(webhook, is_refused_where_a_field_is_not_what_it_must_be)
{
    static const struct {
        const char *body;
        const char *named;
    } cases[] = {
        {"{\"events\":[\"*\"]}", "'url'"},
        {"{\"url\":\"http://hooks.example.org\",\"events\":[\"*\"]}", "'url'"},
        {"{\"url\":\"https://127.0.0.1/\",\"events\":[\"*\"]}", "'url'"},
        {"{\"url\":\"https://a.example\"}", "'events'"},
        {"{\"url\":\"https://a.example\",\"events\":[]}", "'events'"},
        {"{\"url\":\"https://a.example\",\"events\":[\"*\",\"x.y\"]}", "'events[1]'"},
        {"{\"url\":\"https://a.example\",\"events\":[\"*\"],\"template\":\"sms\"}", "'template'"},
        {"{\"url\":\"https://a.example\",\"events\":[\"*\"],\"secret\":\"x\"}", "'secret'"},
        {"{\"url\":\"https://a.example\",\"events\":[\"*\"],\"enabled\":true}", "'enabled'"},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_ask(api, "POST", "/api/v1/webhooks", cases[i].body);

        cr_expect_eq(answer.status, 400, "%s", cases[i].body);
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].named), "%s: %s", cases[i].body,
                  api_text(&answer, "detail"));
    }
    api_close(api);
}

Test(webhook, is_made_by_who_changes_things_removed_by_administrators_and_not_anothers)
{
    static const struct {
        const char *token;
        const char *method;
        int status;
    } cases[] = {
        {"default-reader", "PATCH", 403},         {"default-contributor", "PATCH", 200},
        {"default-contributor", "DELETE", 403},   {"other-administrator", "PATCH", 404},
        {"other-administrator", "DELETE", 404},   {"default-administrator", "DELETE", 200},
        {"default-administrator", "DELETE", 404},
    };
    struct api *api = api_open();
    AUTO_FREE char *id = api_create(api, "/api/v1/webhooks", HOOK);
    AUTO_FREE char *path = path_of(id, "");

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_patch = strcmp(cases[i].method, "PATCH") == 0;
        AUTO_ANSWER answer =
            api_send(api, &(struct api_request){.method = cases[i].method,
                                                .path = path,
                                                .token = cases[i].token,
                                                .body = is_patch ? "{\"template\":\"chat\"}" : NULL,
                                                .body_len = is_patch ? 19 : 0});

        cr_expect_eq(answer.status, cases[i].status, "%s %s: %s", cases[i].token, cases[i].method,
                     buf_text(&answer.body));
    }
    api_close(api);
}

Test(webhook, gets_the_events_it_asked_for_while_it_is_enabled)
{
    struct api *api = api_open();
    AUTO_FREE char *id = api_create(api, "/api/v1/webhooks", HOOK);
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *log_path = path_of(id, "/deliveries?state=queued");

    say(api, "deployment.halted");
    say(api, "issue.new");
    {
        AUTO_ANSWER off = api_ask(api, "PATCH", path, "{\"enabled\":false}");

        cr_expect_eq(off.status, 200, "%s", buf_text(&off.body));
    }
    say(api, "deployment.paused");
    {
        AUTO_ANSWER log = api_ask(api, "GET", log_path, NULL);

        cr_expect_eq(api_number(&log, "items"), 1);
        cr_expect_str_eq(api_text(&log, "items.0.event"), "deployment.halted");
        cr_expect_str_eq(api_text(&log, "items.0.object.release"), "v2");
    }
    api_close(api);
}

Test(webhook, of_another_tenant_hears_nothing)
{
    struct api *api = api_open();
    AUTO_ANSWER made = api_send(api, &(struct api_request){.method = "POST",
                                                           .path = "/api/v1/webhooks",
                                                           .token = "other-administrator",
                                                           .body = HOOK,
                                                           .body_len = strlen(HOOK)});
    AUTO_FREE char *path = path_of(api_text(&made, "id"), "");

    say(api, "deployment.halted");
    {
        AUTO_ANSWER got = api_send(
            api,
            &(struct api_request){.method = "GET", .path = path, .token = "other-administrator"});

        cr_expect_eq(api_number(&got, "queued"), 0, "%s", buf_text(&got.body));
    }
    api_close(api);
}

Test(webhook, delivery_is_queued_again_when_it_is_not_queued_and_dead_when_its_webhook_goes)
{
    struct api *api = api_open();
    AUTO_FREE char *id = api_create(api, "/api/v1/webhooks", HOOK);
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *test_path = path_of(id, "/test");
    AUTO_FREE char *log_path = path_of(id, "/deliveries");
    AUTO_ANSWER test = api_ask(api, "POST", test_path, NULL);
    AUTO_FREE char *again = mem_printf("%s/%s/redeliver", log_path, api_text(&test, "id"));

    cr_expect_eq(test.status, 202, "%s", buf_text(&test.body));
    cr_expect_str_eq(api_text(&test, "event"), "webhook.test");
    {
        AUTO_ANSWER early = api_ask(api, "POST", again, NULL);

        cr_expect_eq(early.status, 409, "%s", buf_text(&early.body));
    }
    fixture_sql(&api->fixture, "UPDATE webhook_delivery SET state = 'dead', tries = 8,"
                               " ended_at = now()");
    {
        AUTO_ANSWER queued = api_ask(api, "POST", again, NULL);

        cr_expect_eq(queued.status, 202, "%s", buf_text(&queued.body));
        cr_expect_eq(api_number(&queued, "tries"), 0);
    }
    {
        AUTO_ANSWER gone = api_ask(api, "DELETE", path, NULL);
        AUTO_ANSWER log = api_ask(api, "GET", log_path, NULL);
        AUTO_ANSWER late = api_ask(api, "POST", again, NULL);

        cr_expect_eq(gone.status, 200);
        cr_expect_str_eq(api_text(&log, "items.0.state"), "dead", "the log stays");
        cr_expect_eq(late.status, 404);
    }
    api_close(api);
}

Test(webhook, changes_are_in_the_audit_and_there_is_a_most)
{
    struct api *api = api_open();
    AUTO_FREE char *first = api_create(api, "/api/v1/webhooks", HOOK);

    cr_assert(first);
    fixture_sql(&api->fixture, "INSERT INTO webhook (tenant_id, url, secret, events, template)"
                               " SELECT t.id, 'https://a.example', sha256('a'), '{*}', 'json'"
                               "   FROM tenant t, generate_series(1, 98) WHERE t.name = 'default'");
    {
        AUTO_ANSWER last = api_ask(api, "POST", "/api/v1/webhooks", HOOK);
        AUTO_ANSWER over = api_ask(api, "POST", "/api/v1/webhooks", HOOK);
        AUTO_ANSWER audit = api_ask(api, "GET", "/api/v1/audit", NULL);

        cr_expect_eq(last.status, 201, "%s", buf_text(&last.body));
        cr_expect_eq(over.status, 409, "%s", buf_text(&over.body));
        cr_expect(strstr(buf_text(&audit.body), "webhook.write"), "%s", buf_text(&audit.body));
    }
    api_close(api);
}
