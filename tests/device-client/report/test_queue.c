#include "device-client/report/queue.h"

#include <criterion/criterion.h>
#include <string.h>

#include "device-client/limits.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/temp.h"

static struct report_queue *open_queue(const char *path)
{
    struct report_queue *queue = NULL;
    struct err err = {0};

    cr_assert(report_queue_open(path, &queue, &err), "%s", err.text);
    return queue;
}

static void add(struct report_queue *queue, uint64_t bytes)
{
    struct wire_report report = {.state = UPDATE_DOWNLOADING, .bytes = bytes};
    struct err err = {0};

    (void)text_copy(report.deployment, WIRE_UUID_ROOM, "0f8fad5b-d9cb-469f-a165-70867728950e");
    cr_assert(report_queue_add(queue, &report, &err), "%s", err.text);
}

static struct wire_report first(struct report_queue *queue)
{
    const struct buf *message = report_queue_first(queue);
    struct wire_report report = {0};
    struct err err = {0};

    cr_assert_not_null(message);
    cr_assert(wire_report_parse(message->data, message->len, &report, &err), "%s", err.text);
    return report;
}

Test(report_queue, gives_reports_back_oldest_first_after_a_restart, .fini = temp_done)
{
    const char *path = temp_path("queue");
    struct report_queue *queue = open_queue(path);
    size_t count;
    struct err err = {0};

    cr_expect_null(report_queue_first(queue));
    for (uint64_t i = 1; i <= 3; i++)
        add(queue, i * 10);
    report_queue_close(queue);
    cr_assert(report_queue_count(path, &count, &err));
    cr_expect_eq(count, 3);

    queue = open_queue(path);
    for (uint64_t i = 1; i <= 3; i++) {
        struct wire_report report = first(queue);

        cr_expect_eq(report.seq, i);
        cr_expect_eq(report.bytes, i * 10);
        cr_expect_arr_eq(report.epoch, report_queue_epoch(queue), WIRE_EPOCH_BYTES);
        report_queue_drop_first(queue);
    }
    cr_expect_null(report_queue_first(queue));
    report_queue_close(queue);
}

Test(report_queue, numbers_go_on_after_everything_was_sent, .fini = temp_done)
{
    const char *path = temp_path("queue");
    struct report_queue *queue = open_queue(path);
    uint8_t epoch[WIRE_EPOCH_BYTES];
    struct err err = {0};

    memcpy(epoch, report_queue_epoch(queue), sizeof(epoch));
    add(queue, 1);
    add(queue, 2);
    report_queue_drop_first(queue);
    cr_assert(report_queue_trim(queue, &err));
    report_queue_drop_first(queue);
    cr_expect_eq(report_queue_last_seq(queue), 2);
    cr_assert(report_queue_trim(queue, &err));
    report_queue_close(queue);

    queue = open_queue(path);
    cr_expect_eq(report_queue_length(queue), 0);
    add(queue, 3);
    cr_expect_eq(first(queue).seq, 3);
    cr_expect_arr_eq(epoch, report_queue_epoch(queue), WIRE_EPOCH_BYTES);
    report_queue_close(queue);
}

Test(report_queue, what_was_not_trimmed_is_sent_again_under_the_same_number, .fini = temp_done)
{
    const char *path = temp_path("queue");
    struct report_queue *queue = open_queue(path);

    add(queue, 1);
    add(queue, 2);
    report_queue_drop_first(queue);
    report_queue_close(queue);

    queue = open_queue(path);
    cr_expect_eq(first(queue).seq, 1);
    cr_expect_eq(report_queue_last_seq(queue), 2);
    report_queue_close(queue);
}

Test(report_queue, survives_a_power_cut_at_every_byte, .fini = temp_done)
{
    const char *whole = temp_path("whole");
    const char *cut = temp_path("cut");
    struct report_queue *queue = open_queue(whole);
    AUTO_BUF text;
    struct err err = {0};
    size_t last = 0;

    buf_init(&text, 1 << 20);
    for (uint64_t i = 1; i <= 3; i++)
        add(queue, i);
    report_queue_close(queue);
    cr_assert(file_read(whole, &text, &err));

    for (size_t len = 0; len <= text.len; len++) {
        size_t length;

        temp_write(cut, text.data, len);
        queue = open_queue(cut);
        length = report_queue_length(queue);
        cr_expect(length == last || length == last + 1, "%zu bytes", len);
        last = length;
        add(queue, 77);
        for (size_t i = 0; i < length; i++) {
            cr_expect_eq(first(queue).bytes, i + 1, "%zu bytes", len);
            report_queue_drop_first(queue);
        }
        cr_expect_eq(first(queue).bytes, 77, "%zu bytes", len);
        cr_expect_eq(first(queue).seq, length + 1, "%zu bytes", len);
        report_queue_close(queue);
    }
    cr_expect_eq(last, 3);
}

Test(report_queue, a_damaged_header_starts_a_new_epoch, .fini = temp_done)
{
    const char *path = temp_path("queue");
    struct report_queue *queue = open_queue(path);
    uint8_t epoch[WIRE_EPOCH_BYTES];
    AUTO_BUF text;
    struct err err = {0};

    buf_init(&text, 1 << 20);
    memcpy(epoch, report_queue_epoch(queue), sizeof(epoch));
    add(queue, 1);
    report_queue_close(queue);
    cr_assert(file_read(path, &text, &err));
    text.data[9] ^= 1;
    temp_write(path, text.data, text.len);

    queue = open_queue(path);
    cr_expect_eq(report_queue_length(queue), 0);
    cr_expect_neq(memcmp(epoch, report_queue_epoch(queue), sizeof(epoch)), 0);
    report_queue_close(queue);
}

Test(report_queue, drops_the_oldest_when_it_is_full, .fini = temp_done, .timeout = 60)
{
    const char *path = temp_path("queue");
    struct report_queue *queue = open_queue(path);

    for (uint64_t i = 1; i <= QUEUE_REPORTS_MAX + 5; i++)
        add(queue, i);
    cr_expect_eq(report_queue_length(queue), QUEUE_REPORTS_MAX);
    cr_expect_eq(first(queue).seq, 6);
    report_queue_close(queue);

    queue = open_queue(path);
    cr_expect_eq(report_queue_length(queue), QUEUE_REPORTS_MAX);
    cr_expect_eq(first(queue).seq, 6);
    report_queue_close(queue);
}
