/* A file holds the event as the message that it will be. Its epoch is zeros until it is taken: then
 * it gets the name under which it goes into the queue, so that a cut between the two is told. */
#include "device-client/report/spool.h"

#include <dirent.h>
#include <poll.h>
#include <string.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/file.h"

enum { LOCK_TRIES = 200, LOCK_WAIT_MS = 10 };

static const uint8_t no_epoch[WIRE_EPOCH_BYTES];

/* Whoever has it holds it for a few writes only. */
static bool take_lock(const char *dir, int *out, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/lock", dir);

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (file_lock(path, out, err))
            return true;
        if (err->code != ERR_CONFLICT)
            return false;
        (void)poll(NULL, 0, LOCK_WAIT_MS);
    }
    return err_set(err, ERR_UNAVAILABLE, "'%s' is in use", dir);
}

static bool is_uptime(const struct wire_event_body *event)
{
    return text_equal(event->category, wire_category_name(WIRE_UPTIME));
}

/* Everything but how often, when and for how long. */
static void name_of(const struct wire_event_body *event, char out[HASH_HEX_ROOM])
{
    struct wire_event kind = {.seq = 1, .event = *event};
    uint8_t sha256[HASH_BYTES];
    AUTO_BUF text;

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    kind.event.count = 1;
    kind.event.start_ms = kind.event.end_ms = 0;
    kind.event.uptime_s = 0;
    kind.event.attachment.set = false;
    wire_event_format(&kind, &text);
    hash_sha256(text.data, text.len, sha256);
    text_from_hex_bytes(sha256, sizeof(sha256), out);
}

static bool read_event(const char *path, struct wire_event *out, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    return file_read(path, &text, err) && wire_event_parse(text.data, text.len, out, err);
}

static bool write_event(const char *path, const struct wire_event *event, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    wire_event_format(event, &text);
    ASSERT(!text.failed);
    return file_write(path, 0600, text.data, text.len, err);
}

/* No event may be longer than the server takes; of what is, the end counts. */
static void shorten(struct wire_event_body *event)
{
    int64_t span_max_ms = is_uptime(event) ? EVENT_UPTIME_MS_MAX : EVENT_SPAN_MS_MAX;
    uint64_t span_s;

    if (event->end_ms - event->start_ms > span_max_ms)
        event->start_ms = event->end_ms - span_max_ms;
    span_s = (uint64_t)(event->end_ms - event->start_ms) / 1000;
    if (event->uptime_s > span_s)
        event->uptime_s = span_s;
}

static void merge(const struct wire_event_body *older, struct wire_event_body *event)
{
    event->count += older->count;
    if (event->count > WIRE_COUNT_MAX)
        event->count = WIRE_COUNT_MAX;
    event->uptime_s += older->uptime_s;
    if (older->start_ms < event->start_ms)
        event->start_ms = older->start_ms;
    if (older->end_ms > event->end_ms)
        event->end_ms = older->end_ms;
    shorten(event);
}

/* Names of files in `dir` that are events; asks `each` for all of them or until it says false. */
static bool walk(const char *dir, bool (*each)(const char *name, void *arg, struct err *err),
                 void *arg, struct err *err)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    bool ok = true;

    if (!folder)
        return err_system(err, "could not read '%s'", dir);
    while (ok && (entry = readdir(folder)) != NULL)
        if (strlen(entry->d_name) == HASH_HEX_ROOM - 1)
            ok = each(entry->d_name, arg, err);
    (void)closedir(folder); /* it was only read */
    return ok;
}

static bool count_one(const char *name, void *arg, struct err *err)
{
    size_t *count = arg;

    (void)name;
    (void)err;
    (*count)++;
    return true;
}

static bool has_room(const char *dir, struct err *err)
{
    size_t count = 0;

    if (!walk(dir, count_one, &count, err))
        return false;
    return count < SPOOL_EVENTS_MAX ||
           err_set(err, ERR_LIMIT, "%d kinds of events wait already", SPOOL_EVENTS_MAX);
}

/* What is written is what the server will read. */
static bool check(const struct wire_event *event, struct err *err)
{
    static const char prefix[] = "field 'event': ";
    struct wire_event again;
    AUTO_BUF text;

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    wire_event_format(event, &text);
    if (text.failed)
        return err_set(err, ERR_LIMIT, "the event is too long");
    if (wire_event_parse(text.data, text.len, &again, err))
        return true;
    if (text_starts_with(err->text, prefix))
        memmove(err->text, err->text + strlen(prefix), strlen(err->text) - strlen(prefix) + 1);
    return false;
}

bool spool_add(const char *dir, const struct wire_event_body *event, struct err *err)
{
    struct wire_event next = {.seq = 1, .event = *event};
    struct wire_event older;
    char name[HASH_HEX_ROOM];
    AUTO_FREE char *path = NULL;
    AUTO_CLOSE int lock = -1;
    struct err read_err = {0};

    if (!check(&next, err) || !file_make_dirs(dir, 0700, err) || !take_lock(dir, &lock, err))
        return false;
    shorten(&next.event);
    name_of(event, name);
    path = mem_printf("%s/%s", dir, name);
    if (read_event(path, &older, &read_err)) {
        if (memcmp(older.epoch, no_epoch, sizeof(no_epoch)) == 0)
            merge(&older.event, &next.event);
    } else if (read_err.code == ERR_NOT_FOUND && !has_room(dir, err)) {
        return false;
    }
    return write_event(path, &next, err);
}

struct taking {
    const char *dir;
    struct report_queue *queue;
};

static bool is_queued(const struct wire_event *event, const struct report_queue *queue)
{
    return memcmp(event->epoch, report_queue_epoch(queue), WIRE_EPOCH_BYTES) == 0 &&
           event->seq <= report_queue_last_seq(queue);
}

static bool take_one(const char *name, void *arg, struct err *err)
{
    const struct taking *taking = arg;
    AUTO_FREE char *path = mem_printf("%s/%s", taking->dir, name);
    struct wire_event event;

    if (!read_event(path, &event, err)) {
        if (err->code != ERR_INVALID && err->code != ERR_LIMIT)
            return false;
        LOG_WARNING("report.event_unreadable", "because='%s'", err->text);
        return file_remove(path, err);
    }
    if (is_queued(&event, taking->queue))
        return file_remove(path, err);
    memcpy(event.epoch, report_queue_epoch(taking->queue), WIRE_EPOCH_BYTES);
    event.seq = report_queue_last_seq(taking->queue) + 1;
    return write_event(path, &event, err) && report_queue_add_event(taking->queue, &event, err) &&
           file_remove(path, err);
}

bool spool_take(const char *dir, struct report_queue *queue, struct err *err)
{
    struct taking taking = {.dir = dir, .queue = queue};
    AUTO_CLOSE int lock = -1;

    if (!file_exists(dir))
        return true;
    return take_lock(dir, &lock, err) && walk(dir, take_one, &taking, err);
}
