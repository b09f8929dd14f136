#include "device-client/report/spool.h"

#include <criterion/criterion.h>
#include <string.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/temp.h"

#define NOW_MS (INT64_C(1795392000) * 1000)

static struct wire_event_body crash(int64_t at_ms)
{
    return (struct wire_event_body){.category = "app-crash",
                                    .class = "app",
                                    .component = "pump",
                                    .count = 1,
                                    .start_ms = at_ms,
                                    .end_ms = at_ms,
                                    .signal = {true, 11},
                                    .summary = "it fell"};
}

static struct report_queue *open_queue(void)
{
    struct report_queue *queue = NULL;
    struct err err = {0};

    cr_assert(report_queue_open(temp_path("reports"), &queue, &err), "%s", err.text);
    return queue;
}

static void add(const struct wire_event_body *event)
{
    struct err err = {0};

    cr_assert(spool_add(temp_path("events"), event, &err), "%s", err.text);
}

/* All that waits goes to the queue; the first message there is read. */
static size_t take(struct report_queue *queue, struct wire_event *first)
{
    const struct buf *message;
    struct err err = {0};

    cr_assert(spool_take(temp_path("events"), queue, &err), "%s", err.text);
    message = report_queue_first(queue);
    if (message)
        cr_assert(wire_event_parse(message->data, message->len, first, &err), "%s", err.text);
    return report_queue_length(queue);
}

Test(spool, counts_the_same_trouble_in_one_message, .fini = temp_done)
{
    struct report_queue *queue = open_queue();
    struct wire_event_body event = crash(NOW_MS);
    struct wire_event out;

    cr_expect_eq(take(queue, &out), 0, "there is nothing yet, not even the folder");
    for (int i = 0; i < 1000; i += 100) {
        event = crash(NOW_MS + (int64_t)i * 1000);
        add(&event);
    }
    cr_assert_eq(take(queue, &out), 1);
    cr_expect_eq(out.event.count, 10);
    cr_expect_eq(out.event.start_ms, NOW_MS);
    cr_expect_eq(out.event.end_ms, NOW_MS + 900000);
    cr_expect_eq(out.seq, 1);
    cr_expect_eq(take(queue, &out), 1, "it is taken once");
    add(&event);
    cr_expect_eq(take(queue, &out), 2, "what comes later is another message");
    report_queue_close(queue);
}

Test(spool, tells_other_troubles_apart, .fini = temp_done)
{
    struct report_queue *queue = open_queue();
    struct wire_event_body events[5];
    struct wire_event out;

    for (size_t i = 0; i < COUNT(events); i++)
        events[i] = crash(NOW_MS);
    events[1].signal.value = 6;
    (void)text_copy(events[2].component, sizeof(events[2].component), "valve");
    events[3].image.set = true;
    events[4].frame_count = 1;
    (void)text_copy(events[4].backtrace[0].build_id, 9, "00112233");
    for (size_t i = 0; i < COUNT(events); i++)
        add(&events[i]);
    cr_expect_eq(take(queue, &out), COUNT(events));
    report_queue_close(queue);
}

Test(spool, adds_uptime_up_and_never_tells_more_than_there_was_time_for, .fini = temp_done)
{
    struct report_queue *queue = open_queue();
    struct wire_event out;
    const int64_t day_ms = INT64_C(86400) * 1000;

    for (int i = 0; i < 20; i++) {
        struct wire_event_body event = {.category = "uptime",
                                        .class = "os",
                                        .count = 1,
                                        .start_ms = NOW_MS + i * day_ms,
                                        .end_ms = NOW_MS + (i + 1) * day_ms,
                                        .uptime_s = 86400};
        add(&event);
    }
    cr_assert_eq(take(queue, &out), 1);
    cr_expect_eq(out.event.uptime_s, EVENT_UPTIME_MS_MAX / 1000);
    cr_expect_eq(out.event.end_ms - out.event.start_ms, EVENT_UPTIME_MS_MAX);
    cr_expect_eq(out.event.end_ms, NOW_MS + 20 * day_ms);
    report_queue_close(queue);
}

Test(spool, an_event_taken_when_the_power_went_is_not_taken_twice, .fini = temp_done)
{
    struct report_queue *queue = open_queue();
    struct wire_event_body event = crash(NOW_MS);
    struct wire_event out = {.seq = 1, .event = event};
    AUTO_FREE char *path = mem_printf("%s/%064d", temp_path("events"), 1);
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    add(&event);
    cr_assert_eq(take(queue, &out), 1);
    wire_event_format(&out, &text); /* the file as it was between queue and removal */
    temp_write(path, text.data, text.len);
    cr_expect_eq(take(queue, &out), 1);
    cr_expect_not(file_exists(path));

    out.seq = 2; /* the same before it was queued */
    buf_reset(&text);
    wire_event_format(&out, &text);
    temp_write(path, text.data, text.len);
    cr_expect_eq(take(queue, &out), 2);
    (void)err;
    report_queue_close(queue);
}

Test(spool, refuses_what_the_server_would_and_names_the_field, .fini = temp_done)
{
    struct wire_event_body events[3];
    static const char *const want[] = {"field 'category'", "field 'signal'", "field 'component'"};

    for (size_t i = 0; i < COUNT(events); i++)
        events[i] = crash(NOW_MS);
    (void)text_copy(events[0].category, sizeof(events[0].category), "fire");
    events[1].signal.value = 65;
    (void)text_copy(events[2].component, sizeof(events[2].component), "a b");
    for (size_t i = 0; i < COUNT(events); i++) {
        struct err err = {0};

        cr_expect_not(spool_add(temp_path("events"), &events[i], &err));
        cr_expect_eq(err.code, ERR_INVALID);
        cr_expect(text_starts_with(err.text, want[i]), "%s", err.text);
    }
}

Test(spool, holds_so_many_kinds_and_then_counts_only_those, .fini = temp_done)
{
    struct report_queue *queue = open_queue();
    struct wire_event_body event = crash(NOW_MS);
    struct wire_event out;
    struct err err = {0};

    for (int i = 0; i < SPOOL_EVENTS_MAX; i++) {
        event.exit_status = (struct wire_number){true, (uint64_t)i};
        add(&event);
    }
    event.exit_status.value = SPOOL_EVENTS_MAX;
    cr_expect_not(spool_add(temp_path("events"), &event, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    event.exit_status.value = 0;
    add(&event);
    cr_expect_eq(take(queue, &out), SPOOL_EVENTS_MAX);
    report_queue_close(queue);
}

Test(spool, a_damaged_file_holds_nobody_up, .fini = temp_done)
{
    struct report_queue *queue = open_queue();
    struct wire_event_body event = crash(NOW_MS);
    AUTO_FREE char *path = NULL;
    struct wire_event out;

    add(&event);
    path = mem_printf("%s/%064d", temp_path("events"), 1);
    temp_write(path, "{", 1);
    cr_expect_eq(take(queue, &out), 1);
    cr_expect_not(file_exists(path));
    report_queue_close(queue);
}
