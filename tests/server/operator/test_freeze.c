/* The freeze calendar, and capabilities of single devices. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

#define DEVICE "0000000000000000000000000000000000000000000000000000000000000001"
#define DAY_MS (24LL * 3600 * 1000)

/* A body with two times, in days from now. */
static char *days(const char *fmt, double from, double to)
{
    char a[TEXT_TIME_ROOM], b[TEXT_TIME_ROOM];
    AUTO_BUF out;

    text_from_time(clock_now_ms() + (int64_t)(from * (double)DAY_MS), a);
    text_from_time(clock_now_ms() + (int64_t)(to * (double)DAY_MS), b);
    buf_init(&out, 4096);
    for (const char *c = fmt; *c; c++) {
        if (*c == '@')
            buf_add_text(&out, c[1] == '1' ? a : b);
        else if (c == fmt || c[-1] != '@')
            buf_add(&out, c, 1);
    }
    return (char *)buf_take(&out);
}

static struct api_answer freeze(struct api *api, double from, double to)
{
    AUTO_FREE char *body =
        days("{\"starts\":\"@1\",\"ends\":\"@2\",\"reason\":\"holidays\"}", from, to);

    return api_ask(api, "POST", "/api/v1/freezes", body);
}

Test(freeze, is_made_listed_and_removed)
{
    struct api *api = api_open();
    AUTO_ANSWER made = freeze(api, -1, 1);
    AUTO_ANSWER ahead = freeze(api, 2, 3);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/freezes", NULL);
    AUTO_FREE char *path = mem_printf("/api/v1/freezes/%s", api_text(&made, "id"));
    AUTO_ANSWER gone = api_ask(api, "DELETE", path, NULL);
    AUTO_ANSWER again = api_ask(api, "DELETE", path, NULL);
    AUTO_ANSWER left = api_ask(api, "GET", "/api/v1/freezes", NULL);
    AUTO_ANSWER all = api_ask(api, "GET", "/api/v1/freezes?past=true", NULL);

    cr_expect_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect(strstr(buf_text(&made.body), "\"holds\" : true"));
    cr_expect(strstr(buf_text(&ahead.body), "\"holds\" : false"));
    cr_expect_eq(api_number(&list, "items"), 2);
    cr_expect_eq(gone.status, 200);
    cr_expect_eq(again.status, 404);
    cr_expect_eq(api_number(&left, "items"), 1);
    cr_expect_eq(api_number(&all, "items"), 2);
    api_close(api);
}

Test(freeze, overlaps_no_other_but_may_touch_it)
{
    struct api *api = api_open();
    AUTO_FREE char *body = days("{\"starts\":\"@1\",\"ends\":\"@2\",\"reason\":\"x\"}", 1, 2);
    AUTO_FREE char *next = days("{\"starts\":\"@1\",\"ends\":\"@2\",\"reason\":\"y\"}", 2, 3);
    AUTO_ANSWER first = api_ask(api, "POST", "/api/v1/freezes", body);
    AUTO_ANSWER same = api_ask(api, "POST", "/api/v1/freezes", body);
    AUTO_ANSWER around = freeze(api, 0.5, 4);
    AUTO_ANSWER within = freeze(api, 1.2, 1.4);
    AUTO_ANSWER behind = api_ask(api, "POST", "/api/v1/freezes", next);

    cr_expect_eq(first.status, 201);
    cr_expect_eq(same.status, 409);
    cr_expect(strstr(api_text(&same, "detail"), api_text(&first, "id")));
    cr_expect_eq(around.status, 409);
    cr_expect_eq(within.status, 409);
    cr_expect_eq(behind.status, 201, "%s", buf_text(&behind.body));
    api_close(api);
}

Test(freeze, refuses_times_that_make_no_sense_and_who_may_not)
{
    static const struct {
        double from, to;
        const char *says;
    } cases[] = {
        {2, 1, "'ends' is not after"}, {1, 1, "'ends' is not after"}, {-3, -2, "in the past"},
        {1, 368, "366 days"},          {3700, 3701, "ten years"},
    };
    struct api *api = api_open();
    AUTO_FREE char *good = days("{\"starts\":\"@1\",\"ends\":\"@2\",\"reason\":\"x\"}", 1, 2);
    AUTO_FREE char *bare = days("{\"starts\":\"@1\",\"ends\":\"@2\"}", 1, 2);
    AUTO_ANSWER contributor = api_send(api, &(struct api_request){.method = "POST",
                                                                  .path = "/api/v1/freezes",
                                                                  .token = "default-contributor",
                                                                  .body = good,
                                                                  .body_len = strlen(good)});
    AUTO_ANSWER reason = api_ask(api, "POST", "/api/v1/freezes", bare);

    cr_expect_eq(contributor.status, 403);
    cr_expect_eq(reason.status, 400);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = freeze(api, cases[i].from, cases[i].to);

        cr_expect_eq(answer.status, 400, "%s", cases[i].says);
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s", buf_text(&answer.body));
    }
    api_close(api);
}

/* --- capabilities ------------------------------------------------------------------------------
 */

static struct api_answer issue(struct api *api, const char *name, double until)
{
    AUTO_FREE char *fmt =
        mem_printf("{\"name\":\"%s\",\"expires\":\"@2\",\"reason\":\"a bug\"}", name);
    AUTO_FREE char *body = days(fmt, 0, until);

    return api_ask(api, "POST", "/api/v1/devices/" DEVICE "/capabilities", body);
}

static struct api *open_with_device(void)
{
    struct api *api = api_open();

    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}"));
    world_sql(&api->fixture, "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
                             " SELECT tenant_id, decode('" DEVICE "', 'hex'), sha256('k'), id, 'a'"
                             "   FROM device_group WHERE name = 'development'");
    return api;
}

Test(capability, is_noted_with_its_document_once_and_revoked)
{
    struct api *api = open_with_device();
    AUTO_ANSWER made = issue(api, "debug-shell", 30);
    AUTO_ANSWER twice = issue(api, "debug-shell", 1);
    AUTO_ANSWER other = issue(api, "sideload", 1);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/devices/" DEVICE "/capabilities", NULL);
    AUTO_FREE char *path = mem_printf("/api/v1/capabilities/%s/revoke", api_text(&made, "id"));
    AUTO_ANSWER gone = api_ask(api, "POST", path, NULL);
    AUTO_ANSWER left = api_ask(api, "GET", "/api/v1/capabilities", NULL);
    AUTO_ANSWER all = api_ask(api, "GET", "/api/v1/capabilities?past=true", NULL);
    AUTO_ANSWER again = issue(api, "debug-shell", 1);
    AUTO_JSON *document = json_loads(api_text(&made, "document"), 0, NULL);
    AUTO_BUF canonical;

    buf_init(&canonical, 4096);
    cr_expect_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_assert(document && json_canonical(document, &canonical, &(struct err){0}));
    cr_expect_str_eq(buf_text(&canonical), api_text(&made, "document"), "it is canonical");
    cr_expect_str_eq(json_string_value(json_object_get(document, "device")), DEVICE);
    cr_expect_eq(twice.status, 409);
    cr_expect_eq(other.status, 201);
    cr_expect_eq(api_number(&list, "items"), 2);
    cr_expect_eq(gone.status, 200);
    cr_expect_eq(api_number(&left, "items"), 1);
    cr_expect_eq(api_number(&all, "items"), 2);
    cr_expect_eq(again.status, 201);
    api_close(api);
}

Test(capability, refuses_other_names_longer_times_and_devices_that_are_gone)
{
    struct api *api = open_with_device();
    AUTO_ANSWER name = issue(api, "root", 1);
    AUTO_ANSWER past = issue(api, "sideload", -1);
    AUTO_ANSWER late = issue(api, "sideload", 30.1);
    AUTO_ANSWER reader =
        api_send(api, &(struct api_request){.method = "POST",
                                            .path = "/api/v1/devices/" DEVICE "/capabilities",
                                            .token = "default-contributor",
                                            .body = "{}",
                                            .body_len = 2});

    cr_expect_eq(name.status, 400);
    cr_expect_eq(past.status, 400);
    cr_expect_eq(late.status, 400);
    cr_expect_eq(reader.status, 403);
    world_sql(&api->fixture, "UPDATE device SET state = 'decommissioned'");
    {
        AUTO_ANSWER gone = issue(api, "sideload", 1);

        cr_expect_eq(gone.status, 409);
    }
    api_close(api);
}
