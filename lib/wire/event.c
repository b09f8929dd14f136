/* The table of the event, and the words it may use. */
#include "lib/wire/event.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/wire/codec.h"
#include "lib/wire/scan.h"

enum { UPTIME_S_MAX = 31 * 86400 };

static const char *const categories[] = {
    [WIRE_UPDATE] = "update",
    [WIRE_APP_CRASH] = "app-crash",
    [WIRE_APP_EXIT] = "app-exit",
    [WIRE_KERNEL_CRASH] = "kernel-crash",
    [WIRE_WATCHDOG] = "watchdog",
    [WIRE_REBOOT] = "reboot",
    [WIRE_OUT_OF_MEMORY] = "out-of-memory",
    [WIRE_DISK_FULL] = "disk-full",
    [WIRE_ATTESTATION] = "attestation",
    [WIRE_TIME_TROUBLE] = "time",
    [WIRE_NETWORK] = "network",
    [WIRE_CUSTOM] = "custom",
    [WIRE_UPTIME] = "uptime",
};
_Static_assert(COUNT(categories) == WIRE_CATEGORY_COUNT, "every category has a name");

const char *wire_category_name(enum wire_category category)
{
    ASSERT((unsigned)category < WIRE_CATEGORY_COUNT);
    return categories[category];
}

bool wire_category_parse(const char *name, enum wire_category *out)
{
    for (size_t i = 0; i < COUNT(categories); i++) {
        if (text_equal(categories[i], name)) {
            *out = (enum wire_category)i;
            return true;
        }
    }
    return false;
}

static bool is_category(const char *text)
{
    enum wire_category category;

    return wire_category_parse(text, &category);
}

static bool is_class(const char *text)
{
    return text_equal(text, "os") || text_equal(text, "app");
}

static bool is_component(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "._-")] == '\0';
}

static bool is_summary(const char *text)
{
    for (; *text; text++)
        if ((uint8_t)*text < 0x20)
            return false;
    return true;
}

static bool is_build_id(const char *text)
{
    size_t len = strspn(text, "0123456789abcdef");

    return text[len] == '\0' && len >= 8 && len % 2 == 0;
}

static bool is_attachment(const char *text)
{
    return text_equal(text, "log") || text_equal(text, "minidump");
}

/* clang-format off */
static const struct wire_field wire_frame_fields[] = {
    {.name = "build_id", .kind = WIRE_TEXT, TEXT(wire_frame, build_id), .fits = is_build_id},
    {.name = "offset",   .kind = WIRE_U64,  AT(wire_frame, offset), .max = SCAN_NUMBER_MAX},
};
TABLE(wire_frame, WIRE_REFUSE_UNKNOWN);

static const struct wire_field wire_attachment_fields[] = {
    {.name = "kind",   .kind = WIRE_TEXT, TEXT(wire_attachment, kind), .fits = is_attachment},
    {.name = "length", .kind = WIRE_U64,  AT(wire_attachment, length), .min = 1, .max = WIRE_ATTACHMENT_BYTES_MAX},
    {.name = "sha256", .kind = WIRE_HEX,  TEXT(wire_attachment, sha256)},
};
TABLE(wire_attachment, WIRE_REFUSE_UNKNOWN);

static const struct wire_field wire_event_body_fields[] = {
    {.name = "category",    .kind = WIRE_TEXT,   TEXT(wire_event_body, category), .fits = is_category},
    {.name = "class",       .kind = WIRE_TEXT,   TEXT(wire_event_body, class), .fits = is_class},
    {.name = "component",   .kind = WIRE_TEXT,   TEXT(wire_event_body, component), .fits = is_component, .presence = WIRE_LATER},
    {.name = "count",       .kind = WIRE_U64,    AT(wire_event_body, count), .min = 1, .max = WIRE_COUNT_MAX},
    {.name = "start",       .kind = WIRE_TIME,   AT(wire_event_body, start_ms)},
    {.name = "end",         .kind = WIRE_TIME,   AT(wire_event_body, end_ms)},
    {.name = "planned",     .kind = WIRE_BOOL,   AT(wire_event_body, planned), .presence = WIRE_LATER},
    {.name = "image",       .kind = WIRE_HASH,   AT(wire_event_body, image), .presence = WIRE_LATER},
    {.name = "exit_status", .kind = WIRE_NUMBER, AT(wire_event_body, exit_status), .max = 255, .presence = WIRE_IF_TRUE},
    {.name = "signal",      .kind = WIRE_NUMBER, AT(wire_event_body, signal), .min = 1, .max = 64, .presence = WIRE_IF_TRUE},
    {.name = "summary",     .kind = WIRE_TEXT,   TEXT(wire_event_body, summary), .fits = is_summary, .presence = WIRE_LATER},
    {.name = "backtrace",   .kind = WIRE_LIST,   LIST(wire_event_body, backtrace, frame_count), .of = &wire_frame_table, .presence = WIRE_LATER},
    {.name = "uptime_s",    .kind = WIRE_U64,    AT(wire_event_body, uptime_s), .max = UPTIME_S_MAX, .presence = WIRE_LATER},
    {.name = "attachment",  .kind = WIRE_OBJECT, AT(wire_event_body, attachment), .of = &wire_attachment_table, .presence = WIRE_IF_TRUE},
};
TABLE(wire_event_body, WIRE_REFUSE_UNKNOWN);

static const struct wire_field wire_event_fields[] = {
    {.name = "epoch", .kind = WIRE_HEX,    TEXT(wire_event, epoch)},
    {.name = "seq",   .kind = WIRE_U64,    AT(wire_event, seq), .min = 1, .max = SCAN_NUMBER_MAX},
    {.name = "event", .kind = WIRE_OBJECT, AT(wire_event, event), .of = &wire_event_body_table},
};
CODEC(wire_event, WIRE_REFUSE_UNKNOWN);
/* clang-format on */

bool wire_report_is_event(const void *data, size_t len)
{
    struct scan in = scan_of(data, len);
    char name[WIRE_NAME_ROOM];
    struct err err;
    bool first = true;

    if (!scan_open(&in, '{', &err))
        return false;
    while (scan_member(&in, '}', &first, &err) == SCAN_MORE) {
        if (!scan_key(&in, name, sizeof(name), &err))
            return false;
        if (text_equal(name, "event"))
            return true;
        if (!scan_skip(&in, &err))
            return false;
    }
    return false;
}

void wire_backtrace_format(const struct wire_event_body *event, struct buf *out)
{
    buf_add_u8(out, '[');
    for (size_t i = 0; i < event->frame_count; i++) {
        if (i)
            buf_add_u8(out, ',');
        wire_format(&wire_frame_table, &event->backtrace[i], out);
    }
    buf_add_u8(out, ']');
}
