#include "lib/wire/event.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/text.h"

#define HEAD "{\"epoch\":\"00112233445566778899aabbccddeeff\",\"seq\":7,\"event\":"
#define NEEDED                                                                                     \
    "\"category\":\"app-crash\",\"class\":\"app\",\"count\":2,"                                    \
    "\"start\":\"2026-05-10T01:00:00Z\",\"end\":\"2026-05-10T02:00:00Z\""
#define SHA "\"0101010101010101010101010101010101010101010101010101010101010101\""

static bool parse(const char *text, struct wire_event *out, struct err *err)
{
    *err = (struct err){0};
    return wire_event_parse(text, strlen(text), out, err);
}

Test(wire_event, needs_little_and_carries_a_lot)
{
    static const char whole[] =
        HEAD "{\"category\":\"app-crash\",\"class\":\"app\",\"component\":\"pump\",\"count\":2,"
             "\"start\":\"2026-05-10T01:00:00Z\",\"end\":\"2026-05-10T02:00:00Z\","
             "\"planned\":false,\"image\":" SHA ",\"exit_status\":0,\"signal\":11,"
             "\"summary\":\"it fell\",\"backtrace\":[{\"build_id\":\"a1b2c3d4\",\"offset\":4096}],"
             "\"uptime_s\":0,\"attachment\":{\"kind\":\"log\",\"length\":5,\"sha256\":" SHA "}}}";
    static struct wire_event event;
    struct err err;
    AUTO_BUF again;

    buf_init(&again, WIRE_REQUEST_BYTES_MAX);
    cr_assert(parse(HEAD "{" NEEDED "}}", &event, &err), "%s", err.text);
    cr_expect_eq(event.seq, 7);
    cr_expect_eq(event.event.count, 2);
    cr_expect_not(event.event.signal.set);
    cr_expect_not(event.event.attachment.set);

    cr_assert(parse(whole, &event, &err), "%s", err.text);
    cr_expect(event.event.exit_status.set);
    cr_expect_eq(event.event.exit_status.value, 0);
    cr_expect_eq(event.event.signal.value, 11);
    cr_expect_eq(event.event.backtrace[0].offset, 4096);
    cr_expect_eq(event.event.attachment.length, 5);
    wire_event_format(&event, &again);
    cr_expect_str_eq(buf_text(&again), whole);
}

Test(wire_event, refuses_with_the_name_of_the_field)
{
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"{" NEEDED ",\"x\":1}}", "'x'"},
        {"{" NEEDED ",\"planned\":1}}", "'planned'"},
        {"{" NEEDED ",\"exit_status\":256}}", "'exit_status'"},
        {"{" NEEDED ",\"signal\":0}}", "'signal'"},
        {"{" NEEDED ",\"signal\":65}}", "'signal'"},
        {"{" NEEDED ",\"component\":\"a b\"}}", "'component'"},
        {"{" NEEDED ",\"summary\":\"\\u0007\"}}", "'summary'"},
        {"{" NEEDED ",\"image\":\"00\"}}", "'image'"},
        {"{" NEEDED ",\"uptime_s\":-1}}", "'uptime_s'"},
        {"{" NEEDED ",\"backtrace\":[{\"build_id\":\"a1b2c3\",\"offset\":1}]}}", "'build_id'"},
        {"{" NEEDED ",\"backtrace\":[{\"build_id\":\"a1b2c3d4e\",\"offset\":1}]}}", "'build_id'"},
        {"{" NEEDED ",\"attachment\":{\"kind\":\"film\",\"length\":5,\"sha256\":" SHA "}}}",
         "'kind'"},
        {"{" NEEDED ",\"attachment\":{\"kind\":\"log\",\"length\":0,\"sha256\":" SHA "}}}",
         "'length'"},
        {"{" NEEDED ",\"attachment\":{\"kind\":\"log\",\"length\":16777217,\"sha256\":" SHA "}}}",
         "'length'"},
        {"{\"class\":\"app\",\"count\":2,\"start\":\"2026-05-10T01:00:00Z\","
         "\"end\":\"2026-05-10T02:00:00Z\"}}",
         "'category'"},
        {"{\"category\":\"fire\",\"class\":\"app\",\"count\":2,"
         "\"start\":\"2026-05-10T01:00:00Z\",\"end\":\"2026-05-10T02:00:00Z\"}}",
         "'category'"},
        {"{\"category\":\"uptime\",\"class\":\"kernel\",\"count\":2,"
         "\"start\":\"2026-05-10T01:00:00Z\",\"end\":\"2026-05-10T02:00:00Z\"}}",
         "'class'"},
        {"{\"category\":\"uptime\",\"class\":\"os\",\"count\":0,"
         "\"start\":\"2026-05-10T01:00:00Z\",\"end\":\"2026-05-10T02:00:00Z\"}}",
         "'count'"},
        {"{\"category\":\"uptime\",\"class\":\"os\",\"count\":1000000001,"
         "\"start\":\"2026-05-10T01:00:00Z\",\"end\":\"2026-05-10T02:00:00Z\"}}",
         "'count'"},
        {"{\"category\":\"uptime\",\"class\":\"os\",\"count\":1,"
         "\"start\":\"yesterday\",\"end\":\"2026-05-10T02:00:00Z\"}}",
         "'start'"},
        {"[]}", "'event'"},
    };
    static struct wire_event event;

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024] = HEAD;
        struct err err;

        cr_assert(text_copy(text + strlen(text), sizeof(text) - strlen(text), cases[i].body));
        cr_expect_not(parse(text, &event, &err), "%s", cases[i].body);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].body, err.text);
    }
}

Test(wire_event, is_told_from_a_step_of_an_update)
{
    static const struct {
        const char *text;
        bool is_event;
    } cases[] = {
        {HEAD "{}}", true},
        {"{\"a\":{\"event\":1},\"event\":2}", true},
        {"{\"epoch\":\"00\",\"seq\":1,\"state\":\"staged\"}", false},
        {"{\"a\":{\"event\":1}}", false},
        {"{\"a\":\"event\"}", false},
        {"", false},
        {"{\"event", false},
        {"[\"event\"]", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(wire_report_is_event(cases[i].text, strlen(cases[i].text)), cases[i].is_event,
                     "%s", cases[i].text);
}

Test(wire_event, categories_have_names_that_parse_to_themselves)
{
    enum wire_category category;

    for (int i = 0; i < WIRE_CATEGORY_COUNT; i++) {
        cr_expect(wire_category_parse(wire_category_name((enum wire_category)i), &category));
        cr_expect_eq((int)category, i);
    }
    cr_expect_not(wire_category_parse("", &category));
    cr_expect_not(wire_category_parse("crash", &category));
}

Test(wire_event, the_longest_fits_the_servers_limit_of_a_report)
{
    static struct wire_event event;
    AUTO_BUF text;
    struct err err;

    cr_assert(parse(HEAD "{" NEEDED "}}", &event, &err));
    buf_init(&text, 8 << 10);
    memset(event.event.summary, '"', WIRE_SUMMARY_ROOM - 1);
    event.event.frame_count = WIRE_FRAMES_MAX;
    for (size_t i = 0; i < WIRE_FRAMES_MAX; i++) {
        memset(event.event.backtrace[i].build_id, 'a', WIRE_BUILD_ID_ROOM - 1);
        event.event.backtrace[i].offset = (UINT64_C(1) << 53) - 1;
    }
    wire_event_format(&event, &text);
    cr_expect_not(text.failed);
}
