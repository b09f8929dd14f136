/* Every part goes into the hash with its length in front, so that no two lists of parts give the
 * same bytes. */
#include "server/reports/signature.h"

#include <string.h>

#include "lib/base/buf.h"

enum { PARTS_BYTES_MAX = 16384, HEX_RUN_MIN = 6 };

/* Of Linux on the architectures we know; others are told by number. */
static const char *const signals[] = {
    [1] = "SIGHUP",   [2] = "SIGINT",   [3] = "SIGQUIT",  [4] = "SIGILL",   [5] = "SIGTRAP",
    [6] = "SIGABRT",  [7] = "SIGBUS",   [8] = "SIGFPE",   [9] = "SIGKILL",  [10] = "SIGUSR1",
    [11] = "SIGSEGV", [12] = "SIGUSR2", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM",
    [24] = "SIGXCPU", [25] = "SIGXFSZ", [31] = "SIGSYS",
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* How much of the text is a number: decimal, 0x..., or many hex digits with a decimal one. */
static size_t number_len(const char *text)
{
    size_t hex = 0;
    bool has_digit = false;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && is_hex(text[2])) {
        for (hex = 2; is_hex(text[hex]); hex++)
            ;
        return hex;
    }
    for (; is_hex(text[hex]); hex++)
        has_digit = has_digit || is_digit(text[hex]);
    if (hex >= HEX_RUN_MIN && has_digit)
        return hex;
    return strspn(text, "0123456789");
}

void signature_summary(const char *summary, char out[SIGNATURE_TITLE_ROOM])
{
    size_t len = 0;

    while (*summary && len + 1 < SIGNATURE_TITLE_ROOM) {
        size_t number = number_len(summary);
        size_t blanks = strspn(summary, " \t\r\n");

        if (number > 0)
            out[len++] = '#';
        else if (blanks > 0)
            out[len++] = ' ';
        else
            out[len++] = *summary;
        summary += number > 0 ? number : blanks > 0 ? blanks : 1;
    }
    while (len > 0 && ((unsigned char)out[len - 1] & 0xC0) == 0x80) /* a character cut in two */
        len--;
    out[len] = '\0';
}

static void add_part(struct buf *parts, const void *data, size_t len)
{
    uint8_t bytes[4];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(len >> (8 * i));
    buf_add(parts, bytes, sizeof(bytes));
    buf_add(parts, data, len);
}

static void add_text(struct buf *parts, const char *text)
{
    add_part(parts, text, strlen(text));
}

static void add_number(struct buf *parts, uint64_t number)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    add_part(parts, bytes, sizeof(bytes));
}

static void add_head(struct buf *parts, const char *kind, const struct signature_event *event)
{
    add_text(parts, kind);
    add_text(parts, event->category);
    add_text(parts, event->class);
    add_text(parts, event->component);
    add_number(parts, (uint64_t)event->exit_status);
    add_number(parts, (uint64_t)event->signal);
}

static size_t innermost(size_t count)
{
    return count < SIGNATURE_FRAMES ? count : SIGNATURE_FRAMES;
}

void signature_of(const struct signature_event *event, uint8_t out[HASH_BYTES])
{
    AUTO_BUF parts;

    buf_init(&parts, PARTS_BYTES_MAX);
    if (event->frame_count > 0) {
        add_head(&parts, "frames", event);
        for (size_t i = 0; i < innermost(event->frame_count); i++) {
            add_part(&parts, event->frames[i].build_id, event->frames[i].build_id_len);
            add_number(&parts, event->frames[i].offset);
        }
    } else {
        char summary[SIGNATURE_TITLE_ROOM];

        signature_summary(event->summary, summary);
        add_head(&parts, "summary", event);
        add_text(&parts, summary);
    }
    ASSERT(!parts.failed);
    hash_sha256(parts.data, parts.len, out);
}

void signature_of_functions(const struct signature_event *event, const char *const *functions,
                            size_t count, uint8_t out[HASH_BYTES])
{
    AUTO_BUF parts;

    buf_init(&parts, PARTS_BYTES_MAX);
    add_head(&parts, "functions", event);
    for (size_t i = 0; i < innermost(count); i++)
        add_text(&parts, functions[i]);
    ASSERT(!parts.failed);
    hash_sha256(parts.data, parts.len, out);
}

/* Cuts what does not fit, between characters. */
static void add_short(struct buf *title, const char *text)
{
    size_t room = title->max - title->len;
    size_t len = strlen(text);

    if (len > room) {
        len = room;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    buf_add(title, text, len);
}

void signature_title(const struct signature_event *event, char out[SIGNATURE_TITLE_ROOM])
{
    char summary[SIGNATURE_TITLE_ROOM];
    AUTO_BUF title;

    buf_init(&title, SIGNATURE_TITLE_ROOM - 1);
    if (event->component[0]) {
        add_short(&title, event->component);
        add_short(&title, ": ");
    }
    add_short(&title, event->category);
    if (event->signal >= 0 && (size_t)event->signal < COUNT(signals) && signals[event->signal]) {
        add_short(&title, ", ");
        add_short(&title, signals[event->signal]);
    } else if (event->signal >= 0) {
        buf_printf(&title, ", signal %lld", (long long)event->signal);
    } else if (event->exit_status >= 0) {
        buf_printf(&title, ", exit %lld", (long long)event->exit_status);
    }
    signature_summary(event->summary, summary);
    if (summary[0]) {
        add_short(&title, ": ");
        add_short(&title, summary);
    }
    __builtin_memcpy(out, title.data, title.len);
    out[title.len] = '\0';
}
