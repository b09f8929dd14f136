#include "cli/event_lines.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"

struct seen {
    struct buf text; /* "id|name|data;" */
    unsigned most;
    unsigned count;
};

static bool on_event(const char *id, const char *name, const char *data, void *arg)
{
    struct seen *seen = arg;

    buf_printf(&seen->text, "%s|%s|%s;", id, name, data);
    return ++seen->count != seen->most;
}

static bool feed(const char *text, size_t piece, unsigned most, struct seen *seen)
{
    struct event_lines lines;
    bool good = true;

    *seen = (struct seen){.most = most};
    buf_init(&seen->text, 4096);
    event_lines_init(&lines);
    for (size_t at = 0; good && at < strlen(text); at += piece) {
        size_t left = strlen(text) - at;

        good = event_lines_add(&lines, text + at, left < piece ? left : piece, on_event, seen);
    }
    event_lines_done(&lines);
    return good;
}

Test(event_lines, give_the_same_events_however_they_are_cut)
{
    static const char text[] = "retry: 2000\n\n:\n\nid: 1\nevent: a.b\ndata: {\"x\":1}\n\n"
                               "id: 2\r\nevent:c\r\ndata:one\r\ndata: two\r\n\r\n"
                               ": comment\ndata: last\n\nid: 3\nevent: begun\ndata: not ended";

    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        struct seen seen;

        cr_assert(feed(text, piece, 0, &seen));
        cr_expect_str_eq(buf_text(&seen.text), "1|a.b|{\"x\":1};2|c|one\ntwo;2||last;",
                         "in pieces of %zu", piece);
        buf_done(&seen.text);
    }
}

Test(event_lines, stop_when_they_are_told_to)
{
    struct seen seen;

    cr_expect_not(feed("data: 1\n\ndata: 2\n\ndata: 3\n\n", 100, 2, &seen));
    cr_expect_eq(seen.count, 2);
    buf_done(&seen.text);
}

Test(event_lines, that_never_end_are_refused)
{
    AUTO_FREE char *text = mem_alloc(EVENT_LINE_BYTES_MAX + 10);
    struct event_lines lines;
    struct seen seen = {0};

    memset(text, 'x', EVENT_LINE_BYTES_MAX + 9);
    event_lines_init(&lines);
    cr_expect(event_lines_add(&lines, text, EVENT_LINE_BYTES_MAX / 2, on_event, &seen));
    cr_expect_not(lines.is_broken);
    cr_expect_not(event_lines_add(&lines, text, EVENT_LINE_BYTES_MAX, on_event, &seen));
    cr_expect(lines.is_broken);
    event_lines_done(&lines);
}

Test(event_lines, keep_their_place_when_the_connection_is_lost)
{
    struct event_lines lines;
    struct seen seen = {0};

    buf_init(&seen.text, 4096);
    event_lines_init(&lines);
    cr_expect(event_lines_add(&lines, "id: 7\ndata: a\n\nid: 8\ndata: b", 28, on_event, &seen));
    event_lines_reset(&lines);
    cr_expect_str_eq(lines.id, "7", "8 was not whole: it has to come again");
    cr_expect(event_lines_add(&lines, "data: c\n\n", 9, on_event, &seen));
    cr_expect(strstr(buf_text(&seen.text), "7||c;"));
    cr_expect_null(strstr(buf_text(&seen.text), "b"), "what was begun is forgotten");
    event_lines_done(&lines);
    buf_done(&seen.text);
}
