/* A line at a time; a byte that ends none is kept for the next piece. */
#include "cli/event_lines.h"

#include <string.h>

#include "lib/base/text.h"

void event_lines_init(struct event_lines *lines)
{
    *lines = (struct event_lines){.is_broken = false};
    buf_init(&lines->line, EVENT_LINE_BYTES_MAX);
    buf_init(&lines->data, EVENT_LINE_BYTES_MAX);
}

void event_lines_done(struct event_lines *lines)
{
    buf_done(&lines->line);
    buf_done(&lines->data);
}

void event_lines_reset(struct event_lines *lines)
{
    buf_reset(&lines->line);
    buf_reset(&lines->data);
    lines->name[0] = '\0';
    (void)text_copy(lines->next_id, sizeof(lines->next_id), lines->id); /* as long */
    lines->is_broken = false;
}

/* The value of "name: value" or "name:value"; NULL for another name. */
static const char *value_of(const char *line, const char *name)
{
    size_t len = strlen(name);

    if (strncmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    return line + len + (line[len + 1] == ' ' ? 2 : 1);
}

static bool end_event(struct event_lines *lines, event_fn *fn, void *arg)
{
    bool goes_on = true;

    (void)text_copy(lines->id, sizeof(lines->id), lines->next_id); /* as long */
    if (lines->data.len > 0)
        goes_on = fn(lines->id, lines->name, buf_text(&lines->data), arg);
    buf_reset(&lines->data);
    lines->name[0] = '\0';
    return goes_on;
}

static bool end_line(struct event_lines *lines, event_fn *fn, void *arg)
{
    const char *line = buf_text(&lines->line);
    const char *value;

    if (line[0] == '\0')
        return end_event(lines, fn, arg);
    if ((value = value_of(line, "data"))) {
        if (lines->data.len > 0)
            buf_add_text(&lines->data, "\n");
        buf_add_text(&lines->data, value);
        lines->is_broken = lines->data.failed;
    } else if ((value = value_of(line, "event"))) {
        lines->is_broken = !text_copy(lines->name, sizeof(lines->name), value);
    } else if ((value = value_of(line, "id"))) {
        lines->is_broken = !text_copy(lines->next_id, sizeof(lines->next_id), value);
    }
    return !lines->is_broken;
}

bool event_lines_add(struct event_lines *lines, const void *data, size_t len, event_fn *fn,
                     void *arg)
{
    const char *at = data;
    const char *end = at + len;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t piece = (size_t)((stop ? stop : end) - at);
        bool goes_on;

        buf_add(&lines->line, at, piece);
        lines->is_broken = lines->line.failed;
        if (lines->is_broken)
            return false;
        if (!stop)
            return true;
        if (lines->line.len > 0 && lines->line.data[lines->line.len - 1] == '\r')
            lines->line.data[--lines->line.len] = '\0';
        goes_on = end_line(lines, fn, arg);
        buf_reset(&lines->line);
        if (!goes_on)
            return false;
        at = stop + 1;
    }
    return true;
}
