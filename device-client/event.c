/* `slipway-agent event`: for crash handlers and scripts. It only writes a file of the state folder;
 * the agent tells the server when it is time. */
#include <stdio.h>
#include <string.h>

#include "device-client/command.h"
#include "device-client/report/spool.h"
#include "device-client/supervisor/config.h"
#include "device-client/supervisor/record.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { BACKTRACE_BYTES_MAX = 8192 };

struct given {
    const char *state;
    const char *category;
    const char *class;
    const char *component;
    const char *exit_status;
    const char *signal;
    const char *summary;
    const char *backtrace;
    const char *count;
    bool planned;
};

static bool take_text(char *out, size_t room, const char *name, const char *text, struct err *err)
{
    return !text || text_copy(out, room, text) ||
           err_set(err, ERR_LIMIT, "%s is longer than %zu", name, room - 1);
}

static bool take_number(struct wire_number *out, const char *name, const char *text,
                        struct err *err)
{
    out->set = text != NULL;
    return !text || text_to_u64(text, strlen(text), 0, WIRE_COUNT_MAX, &out->value) ||
           err_set(err, ERR_INVALID, "%s is no number", name);
}

/* A line of a backtrace: the build id of the program or library and the offset in it, in hex. */
static bool take_frame(const char *line, size_t len, struct wire_frame *out, struct err *err)
{
    size_t id_len = strcspn(line, " ");
    const char *at = line + id_len + 1;

    if (id_len >= len || id_len >= sizeof(out->build_id) || len - id_len - 1 > 16)
        return err_set(err, ERR_INVALID, "--backtrace: a line is not BUILD_ID OFFSET");
    memcpy(out->build_id, line, id_len);
    for (; at < line + len; at++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, *at);

        if (!digit || out->offset >> 60)
            return err_set(err, ERR_INVALID, "--backtrace: an offset is not in hex");
        out->offset = out->offset << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

/* More frames than are told are left out: the innermost matter. */
static bool take_backtrace(const char *path, struct wire_event_body *event, struct err *err)
{
    const char *line;
    AUTO_BUF text;

    buf_init(&text, BACKTRACE_BYTES_MAX);
    if (!path)
        return true;
    if (!file_read(path, &text, err))
        return err_wrap(err, "--backtrace");
    line = buf_text(&text);
    while (*line && event->frame_count < WIRE_FRAMES_MAX) {
        size_t len = strcspn(line, "\n");

        if (!take_frame(line, len, &event->backtrace[event->frame_count], err))
            return false;
        event->frame_count++;
        line += len + (line[len] == '\n');
    }
    return true;
}

/* What runs now; a device that does not know says nothing. */
static void take_image(const char *state_dir, struct wire_event_body *event)
{
    AUTO_FREE char *path = state_path(state_dir, "record");
    AUTO_FREE struct record *record = mem_alloc(sizeof(*record));
    struct err ignored = {0};

    if (!record_load(path, record, &ignored) || !record->slots[record->running].known)
        return;
    event->image.set = true;
    memcpy(event->image.bytes, record->slots[record->running].sha256, HASH_BYTES);
}

static bool make_event(const struct given *given, struct wire_event_body *out, struct err *err)
{
    struct wire_number count = {0};
    const char *class = given->class ? given->class : "app";

    *out = (struct wire_event_body){.end_ms = clock_now_ms(), .planned = given->planned};
    out->start_ms = out->end_ms;
    if (!take_text(out->category, sizeof(out->category), "--category", given->category, err) ||
        !take_text(out->class, sizeof(out->class), "--class", class, err) ||
        !take_text(out->component, sizeof(out->component), "--component", given->component, err) ||
        !take_text(out->summary, sizeof(out->summary), "--summary", given->summary, err) ||
        !take_number(&out->exit_status, "--exit-status", given->exit_status, err) ||
        !take_number(&out->signal, "--signal", given->signal, err) ||
        !take_number(&count, "--count", given->count, err) ||
        !take_backtrace(given->backtrace, out, err))
        return false;
    out->count = count.set ? count.value : 1;
    take_image(given->state, out);
    return true;
}

int command_event(int argc, char **argv)
{
    struct given given = {0};
    const struct option table[] = {
        {.name = "--state", .value = &given.state, .required = true},
        {.name = "--category", .value = &given.category, .required = true},
        {.name = "--class", .value = &given.class},
        {.name = "--component", .value = &given.component},
        {.name = "--exit-status", .value = &given.exit_status},
        {.name = "--signal", .value = &given.signal},
        {.name = "--summary", .value = &given.summary},
        {.name = "--backtrace", .value = &given.backtrace},
        {.name = "--count", .value = &given.count},
        {.name = "--planned", .flag = &given.planned},
    };
    AUTO_FREE struct wire_event_body *event = mem_alloc(sizeof(*event));
    AUTO_FREE char *dir = NULL;
    struct config config;
    struct err err = {0};

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    dir = state_path(given.state, "events");
    if (!config_load(given.state, &config, &err) || !make_event(&given, event, &err) ||
        !spool_add(dir, event, &err))
        return command_failed(&err);
    return EXIT_OK;
}
