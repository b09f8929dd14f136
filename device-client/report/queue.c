/* The whole file is small, so it is also held in memory: `text` is the file's content, `first`
 * the offset of the oldest report that still matters. */
#include "device-client/report/queue.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "device-client/limits.h"
#include "lib/base/bytes.h"
#include "lib/base/crc.h"
#include "lib/base/mem.h"
#include "lib/crypto/token.h"
#include "lib/os/file.h"

#define MAGIC "SLQUEUE1"
enum { MAGIC_BYTES = 8, HEADER_BYTES = 36, CRC_OFFSET = 32, ENTRY_HEAD_BYTES = 8 };

struct report_queue {
    char *path;
    int fd; /* for appending; -1 after a rewrite until the next append */
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint64_t base_seq; /* in the file's header */
    struct buf text;
    size_t first;  /* offset of the first report that was not dropped */
    size_t length; /* reports from there on */
    size_t dropped;
    struct buf message;
};

static void format_header(const struct report_queue *queue, uint64_t base_seq, struct buf *out)
{
    size_t start = out->len;

    buf_add(out, MAGIC, MAGIC_BYTES);
    buf_add(out, queue->epoch, WIRE_EPOCH_BYTES);
    buf_add_u64(out, base_seq);
    buf_add_u32(out, crc32c(out->data + start, CRC_OFFSET));
}

static bool parse_header(const struct buf *text, uint8_t epoch[WIRE_EPOCH_BYTES],
                         uint64_t *base_seq)
{
    struct bytes in = bytes_of(text->data, text->len);
    const uint8_t *magic = bytes_take(&in, MAGIC_BYTES);
    const uint8_t *found = bytes_take(&in, WIRE_EPOCH_BYTES);

    *base_seq = bytes_u64(&in);
    if (bytes_u32(&in) != (text->len < CRC_OFFSET ? 0 : crc32c(text->data, CRC_OFFSET)) ||
        in.failed || memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
        return false;
    memcpy(epoch, found, WIRE_EPOCH_BYTES);
    return true;
}

/* The length of the whole entry at `at`, or 0 when it is torn. */
static size_t entry_at(const struct buf *text, size_t at, const uint8_t **message,
                       uint32_t *message_len)
{
    struct bytes in = bytes_of(text->data + at, text->len - at);
    uint32_t len = bytes_u32(&in);
    uint32_t crc = bytes_u32(&in);
    const uint8_t *data = bytes_take(&in, len);

    if (in.failed || len == 0 || len > WIRE_REQUEST_BYTES_MAX || crc32c(data, len) != crc)
        return 0;
    if (message) {
        *message = data;
        *message_len = len;
    }
    return ENTRY_HEAD_BYTES + len;
}

/* How many whole entries follow the header, and where they end. */
static size_t count_entries(const struct buf *text, size_t *end)
{
    size_t count = 0;
    size_t len;

    for (*end = HEADER_BYTES; (len = entry_at(text, *end, NULL, NULL)) > 0; *end += len)
        count++;
    return count;
}

static bool start_empty(struct report_queue *queue, struct err *err)
{
    crypto_random(queue->epoch, sizeof(queue->epoch));
    queue->base_seq = 0;
    queue->length = 0;
    buf_reset(&queue->text);
    format_header(queue, 0, &queue->text);
    return file_write(queue->path, 0600, queue->text.data, queue->text.len, err);
}

static bool load(struct report_queue *queue, struct err *err)
{
    size_t end;

    if (!file_read(queue->path, &queue->text, err)) {
        if (err->code != ERR_NOT_FOUND && err->code != ERR_LIMIT)
            return false;
        return start_empty(queue, err);
    }
    if (!parse_header(&queue->text, queue->epoch, &queue->base_seq))
        return start_empty(queue, err);
    queue->length = count_entries(&queue->text, &end);
    if (end < queue->text.len && truncate(queue->path, (off_t)end) != 0)
        return err_system(err, "could not cut '%s'", queue->path);
    queue->text.len = end;
    return true;
}

bool report_queue_open(const char *path, struct report_queue **out, struct err *err)
{
    struct report_queue *queue = mem_alloc(sizeof(*queue));

    queue->path = mem_strdup(path);
    queue->fd = -1;
    queue->first = HEADER_BYTES;
    buf_init(&queue->text, QUEUE_FILE_BYTES_MAX);
    buf_init(&queue->message, WIRE_REQUEST_BYTES_MAX);
    if (!load(queue, err)) {
        report_queue_close(queue);
        return err_wrap(err, "report queue");
    }
    *out = queue;
    return true;
}

void report_queue_close(struct report_queue *queue)
{
    if (!queue)
        return;
    cleanup_close(&queue->fd);
    buf_done(&queue->text);
    buf_done(&queue->message);
    mem_free(queue->path);
    mem_free(queue);
}

static bool append(struct report_queue *queue, const struct buf *entry, struct err *err)
{
    if (queue->fd < 0)
        queue->fd = open(queue->path, O_WRONLY | O_CLOEXEC);
    if (queue->fd < 0)
        return err_system(err, "could not open '%s'", queue->path);
    if (!file_pwrite_all(queue->fd, entry->data, entry->len, queue->text.len, err))
        return err_wrap(err, "report queue");
    if (fdatasync(queue->fd) != 0)
        return err_system(err, "could not sync '%s'", queue->path);
    buf_add(&queue->text, entry->data, entry->len);
    queue->length++;
    return true;
}

/* The oldest go, so that the newest message has room. */
static bool make_room(struct report_queue *queue, struct err *err)
{
    while (queue->length >= QUEUE_REPORTS_MAX || queue->text.len > QUEUE_BYTES_MAX) {
        report_queue_drop_first(queue);
        if (!report_queue_trim(queue, err))
            return false;
    }
    return true;
}

static bool add_message(struct report_queue *queue, const struct buf *message, struct err *err)
{
    AUTO_BUF entry;

    ASSERT(!message->failed);
    buf_init(&entry, WIRE_REQUEST_BYTES_MAX + ENTRY_HEAD_BYTES);
    buf_add_u32(&entry, (uint32_t)message->len);
    buf_add_u32(&entry, crc32c(message->data, message->len));
    buf_add(&entry, message->data, message->len);
    return append(queue, &entry, err);
}

bool report_queue_add(struct report_queue *queue, struct wire_report *report, struct err *err)
{
    AUTO_BUF message;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    if (!make_room(queue, err))
        return false;
    memcpy(report->epoch, queue->epoch, WIRE_EPOCH_BYTES);
    report->seq = report_queue_last_seq(queue) + 1;
    wire_report_format(report, &message);
    return add_message(queue, &message, err);
}

bool report_queue_add_event(struct report_queue *queue, struct wire_event *event, struct err *err)
{
    AUTO_BUF message;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    if (!make_room(queue, err))
        return false;
    memcpy(event->epoch, queue->epoch, WIRE_EPOCH_BYTES);
    event->seq = report_queue_last_seq(queue) + 1;
    wire_event_format(event, &message);
    return add_message(queue, &message, err);
}

const struct buf *report_queue_first(struct report_queue *queue)
{
    const uint8_t *message = NULL;
    uint32_t len = 0;

    if (queue->length == 0)
        return NULL;
    ASSERT(entry_at(&queue->text, queue->first, &message, &len) > 0);
    buf_reset(&queue->message);
    buf_add(&queue->message, message, len);
    return &queue->message;
}

void report_queue_drop_first(struct report_queue *queue)
{
    ASSERT(queue->length > 0);
    queue->first += entry_at(&queue->text, queue->first, NULL, NULL);
    queue->length--;
    queue->dropped++;
}

bool report_queue_trim(struct report_queue *queue, struct err *err)
{
    AUTO_BUF text;
    uint64_t base_seq = queue->base_seq + queue->dropped;

    buf_init(&text, queue->text.max);
    if (queue->dropped == 0)
        return true;
    format_header(queue, base_seq, &text);
    buf_add(&text, queue->text.data + queue->first, queue->text.len - queue->first);
    if (!file_write(queue->path, 0600, text.data, text.len, err))
        return err_wrap(err, "report queue");
    cleanup_close(&queue->fd); /* it is the replaced file's */
    queue->fd = -1;
    buf_reset(&queue->text);
    buf_add(&queue->text, text.data, text.len);
    queue->base_seq = base_seq;
    queue->first = HEADER_BYTES;
    queue->dropped = 0;
    return true;
}

size_t report_queue_length(const struct report_queue *queue)
{
    return queue->length;
}

uint64_t report_queue_last_seq(const struct report_queue *queue)
{
    return queue->base_seq + queue->dropped + queue->length;
}

const uint8_t *report_queue_epoch(const struct report_queue *queue)
{
    return queue->epoch;
}

bool report_queue_count(const char *path, size_t *out, struct err *err)
{
    AUTO_BUF text;
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint64_t base_seq;
    size_t end;

    buf_init(&text, QUEUE_FILE_BYTES_MAX);
    *out = 0;
    if (!file_read(path, &text, err))
        return err->code == ERR_NOT_FOUND;
    if (parse_header(&text, epoch, &base_seq))
        *out = count_entries(&text, &end);
    return true;
}
