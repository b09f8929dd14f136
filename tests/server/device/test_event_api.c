/* Events from outside: a device that posts them, and what is in the database afterwards. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/limits.h"
#include "tests/support/desk_world.h"

/* A refusal may have ended the connection. */
static void reconnect(struct gadget *gadget)
{
    peer_close(gadget->peer);
    gadget->peer = peer_open(&gadget->world->front);
}

static int post(struct gadget *gadget, const char *text)
{
    AUTO_BUF body;

    buf_init(&body, (size_t)DEVICE_REPORT_BYTES_MAX * 2);
    buf_add_text(&body, text);
    reconnect(gadget);
    return gadget_ask(gadget, "POST", "report", &body);
}

/* An event that ended `ago_s` seconds ago; `more` are further members. */
static int event(struct gadget *gadget, uint64_t seq, const char *category, int64_t ago_s,
                 const char *more)
{
    char end[TEXT_TIME_ROOM];
    AUTO_FREE char *text = NULL;

    text_from_time(clock_now_ms() - ago_s * 1000, end);
    text = mem_printf("{\"epoch\":\"00112233445566778899aabbccddeeff\",\"seq\":%llu,"
                      "\"event\":{\"category\":\"%s\",\"class\":\"app\",\"component\":\"pump\","
                      "\"count\":1,\"start\":\"%s\",\"end\":\"%s\"%s}}",
                      (unsigned long long)seq, category, end, end, more);
    return post(gadget, text);
}

Test(event_api, an_event_is_committed_before_it_is_answered_and_counted_once)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    cr_expect_eq(event(&gadget, 1, "app-crash", 10, ",\"signal\":11,\"summary\":\"at 0x12\""), 200);
    cr_expect_eq(event(&gadget, 1, "app-crash", 10, ",\"signal\":11,\"summary\":\"at 0x12\""), 200);
    cr_expect_eq(event(&gadget, 2, "app-crash", 5, ",\"signal\":11,\"summary\":\"at 0x999\""), 200);
    cr_expect_eq(event(&gadget, 3, "app-exit", 5, ",\"planned\":true,\"exit_status\":0"), 200);
    cr_expect_eq(event(&gadget, 4, "uptime", 5, ""), 200);

    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM event"), 3);
    cr_expect_str_eq(world_text(&world.fixture, "SELECT count || ' ' || title FROM issue"),
                     "2 pump: app-crash, SIGSEGV: at #");
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(event_api, what_a_device_says_of_the_future_ends_when_it_came)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    cr_expect_eq(event(&gadget, 1, "app-crash", -86400, ""), 200);
    cr_expect_eq(event(&gadget, 2, "app-crash", INT64_C(86400) * 400, ""), 200);
    cr_expect_eq(world_number(&world.fixture,
                              "SELECT count(*) FROM event WHERE is_moved"
                              " AND ended_at BETWEEN received_at - interval '1 minute'"
                              "                  AND received_at + interval '1 minute'"),
                 2);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(event_api, what_cannot_be_read_is_refused_and_kept_once)
{
    static const struct {
        const char *category;
        const char *more;
        const char *says;
    } cases[] = {
        {"fire", "", "category"},
        {"custom", ",\"colour\":1", "colour"},
        {"uptime", ",\"uptime_s\":5", "uptime_s"},
        {"custom", ",\"signal\":\"11\"", "signal"},
    };
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(event(&gadget, 1, cases[i].category, 10, cases[i].more), 400, "%s",
                     cases[i].says);
        cr_expect(strstr(buf_text(&gadget.reply.body), cases[i].says), "%s",
                  buf_text(&gadget.reply.body));
    }
    cr_expect_eq(post(&gadget, "not json"), 400);
    cr_expect_eq(post(&gadget, "not json"), 400);
    cr_expect_eq(gadget_poll(&gadget), 200); /* what is on its way to the database has arrived */
    while (world_number(&world.fixture, "SELECT coalesce(sum(times), 0) FROM report_quarantine") <
           (int64_t)COUNT(cases) + 2)
        loop_turn(world.fixture.loop);
    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM report_quarantine"),
                 COUNT(cases) + 1);
    cr_expect_str_eq(world_text(&world.fixture, "SELECT convert_from(bytes, 'UTF8')"
                                                "  FROM report_quarantine WHERE times = 2"),
                     "not json");
    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM event"), 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(event_api, a_report_that_is_too_long_is_not_even_read)
{
    struct desk_world world;
    struct gadget gadget;
    AUTO_BUF body;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    buf_init(&body, (size_t)DEVICE_REPORT_BYTES_MAX * 2);
    while (body.len <= DEVICE_REPORT_BYTES_MAX)
        buf_add_text(&body, "{}");
    cr_expect_eq(gadget_ask(&gadget, "POST", "report", &body), 413);
    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM report_quarantine"), 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

/* --- attachments -------------------------------------------------------------------------------
 */

#define FILE_TEXT "what it said last\n"

static int put_file(struct gadget *gadget, const char *hex, const char *text)
{
    AUTO_FREE char *what = mem_printf("attachment/%s", hex);
    AUTO_BUF body;

    buf_init(&body, 1000);
    buf_add_text(&body, text);
    reconnect(gadget);
    return gadget_ask(gadget, "PUT", what, &body);
}

Test(event_api, a_declared_file_is_taken_where_the_group_agrees)
{
    struct desk_world world;
    struct gadget gadget;
    struct gadget other;
    uint8_t hash[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    AUTO_FREE char *more = NULL;

    hash_sha256(FILE_TEXT, strlen(FILE_TEXT), hash);
    text_from_hex_bytes(hash, HASH_BYTES, hex);
    more = mem_printf(",\"attachment\":{\"kind\":\"log\",\"length\":%zu,\"sha256\":\"%s\"}",
                      strlen(FILE_TEXT), hex);
    desk_world_open(&world);
    gadget_join(&gadget, &world);
    gadget_join(&other, &world);
    cr_expect_eq(put_file(&gadget, hex, FILE_TEXT), 404, "nothing declared it");
    cr_assert_eq(event(&gadget, 1, "app-crash", 10, more), 200);
    cr_expect_eq(put_file(&gadget, hex, FILE_TEXT), 403, "the group did not agree");
    cr_expect(strstr(buf_text(&gadget.reply.body), "crash dumps"), "%s",
              buf_text(&gadget.reply.body));
    world_sql(&world.fixture, "UPDATE device_group SET crash_dumps = true");
    cr_expect_eq(put_file(&other, hex, FILE_TEXT), 404, "another device's");
    gadget_close(&other);
    cr_expect_eq(put_file(&gadget, hex, "what it said"), 400, "not the length");
    cr_expect_eq(world_number(&world.fixture,
                              "SELECT count(*) FROM event_attachment WHERE stored_at IS NOT NULL"),
                 0);
    cr_expect_eq(put_file(&gadget, hex, "what it said LAST\n"), 422, "other bytes");
    cr_expect_eq(put_file(&gadget, hex, FILE_TEXT), 200);
    cr_expect_eq(put_file(&gadget, hex, FILE_TEXT), 200, "again");
    cr_expect_eq(world_number(&world.fixture,
                              "SELECT count(*) FROM event_attachment WHERE stored_at IS NOT NULL"),
                 1);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(event_api, a_device_sends_no_more_files_than_its_share)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    world_sql(&world.fixture,
              "UPDATE device_group SET crash_dumps = true;"
              "INSERT INTO event_attachment (device_id, sha256, tenant_id, kind, length, stored_at)"
              " SELECT 1, sha256(n::text::bytea), 1, 'log', 1, CASE WHEN n > 1 THEN now() END"
              "   FROM generate_series(1, 17) AS n");
    cr_expect_eq(
        put_file(&gadget, "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", "1"),
        403);
    gadget_close(&gadget);
    desk_world_close(&world);
}
