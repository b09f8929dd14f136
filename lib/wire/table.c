/* Reading: each member is looked up in the table and goes straight to its offset; a bit per field
 * remembers what was there, so duplicates and gaps are found. Writing walks the table in order. */
#include "lib/wire/table.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/update/state.h"
#include "lib/wire/device.h"
#include "lib/wire/scan.h"

enum { NAME_ROOM = 40 };

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* Offsets were taken with offsetof() from the struct that `base` points to. */
static void *field_of(void *base, size_t offset)
{
    return (char *)base + offset;
}

static const void *const_field_of(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

/* --- reading -------------------------------------------------------------------------------- */

static bool read_object(struct scan *in, const struct wire_table *table, void *out,
                        struct err *err);

static bool read_text(struct scan *in, const struct wire_field *field, char *out, struct err *err)
{
    if (!scan_text(in, out, field->room, err))
        return false;
    if (strlen(out) < field->min)
        return err_set(err, ERR_INVALID, "the text is too short");
    if (field->fits && !field->fits(out))
        return err_set(err, ERR_INVALID, "the text has not the right form");
    return true;
}

static bool read_hex(struct scan *in, uint8_t *out, size_t len, struct err *err)
{
    char text[2 * 64 + 1];

    ASSERT(2 * len < sizeof(text));
    if (!scan_text(in, text, sizeof(text), err))
        return false;
    return text_to_hex_bytes(text, strlen(text), out, len) ||
           err_set(err, ERR_INVALID, "expected %zu hex digits", 2 * len);
}

static bool read_hash(struct scan *in, struct wire_hash *out, struct err *err)
{
    char text[HASH_HEX_ROOM];

    if (!scan_text(in, text, sizeof(text), err))
        return false;
    out->set = text[0] != '\0';
    return !out->set || text_to_hex_bytes(text, strlen(text), out->bytes, HASH_BYTES) ||
           err_set(err, ERR_INVALID, "expected 64 hex digits");
}

static bool read_u64(struct scan *in, const struct wire_field *field, uint64_t *out,
                     struct err *err)
{
    if (!scan_u64(in, out, err))
        return false;
    if (*out < field->min || *out > field->max)
        return err_set(err, ERR_INVALID, "the number is not in %llu to %llu",
                       (unsigned long long)field->min, (unsigned long long)field->max);
    return true;
}

static bool read_number(struct scan *in, const struct wire_field *field, struct wire_number *out,
                        struct err *err)
{
    out->set = true;
    return read_u64(in, field, &out->value, err);
}

static bool read_time(struct scan *in, bool required, int64_t *out, struct err *err)
{
    char text[TEXT_TIME_ROOM];

    *out = 0;
    if (!scan_text(in, text, sizeof(text), err))
        return false;
    if (text[0] == '\0' && !required)
        return true;
    return text_to_time(text, strlen(text), out) ||
           err_set(err, ERR_INVALID, "expected a time like 2026-01-31T00:00:00Z");
}

static bool read_state(struct scan *in, enum update_state *out, struct err *err)
{
    char text[NAME_ROOM];

    *out = UPDATE_IDLE;
    if (!scan_text(in, text, sizeof(text), err))
        return false;
    if (text[0] == '\0')
        return true;
    return (update_state_parse(text, strlen(text), out) && *out != UPDATE_IDLE) ||
           err_set(err, ERR_INVALID, "'%s' is not a state", text);
}

static bool read_refusal(struct scan *in, enum refusal *out, struct err *err)
{
    char text[NAME_ROOM];

    if (!scan_text(in, text, sizeof(text), err))
        return false;
    return refusal_parse(text, strlen(text), out) ||
           err_set(err, ERR_INVALID, "'%s' is not a reason", text);
}

static bool read_days(struct scan *in, uint8_t *out, struct err *err)
{
    enum scan_next next;
    bool first = true;

    if (!scan_open(in, '[', err))
        return false;
    while ((next = scan_member(in, ']', &first, err)) == SCAN_MORE) {
        char name[NAME_ROOM];
        size_t i = 0;

        if (!scan_text(in, name, sizeof(name), err))
            return false;
        while (i < COUNT(days) && !text_equal(days[i], name))
            i++;
        if (i == COUNT(days) || *out & 1U << i)
            return err_set(err, ERR_INVALID, "'%s' is no day, or there twice", name);
        *out |= (uint8_t)(1U << i);
    }
    if (next == SCAN_DONE && *out == 0)
        return err_set(err, ERR_INVALID, "the list is too short");
    return next == SCAN_DONE;
}

static bool read_day_time(struct scan *in, uint16_t *out, struct err *err)
{
    static const char digits[] = "0123456789";
    char text[NAME_ROOM];
    int hours, minutes;

    if (!scan_text(in, text, sizeof(text), err))
        return false;
    if (strlen(text) != 5 || strspn(text, digits) != 2 || text[2] != ':' ||
        strspn(text + 3, digits) != 2)
        return err_set(err, ERR_INVALID, "expected a time of day like 02:30");
    hours = (text[0] - '0') * 10 + text[1] - '0';
    minutes = (text[3] - '0') * 10 + text[4] - '0';
    if (hours > 23 || minutes > 59)
        return err_set(err, ERR_INVALID, "there is no time of day %s", text);
    *out = (uint16_t)(hours * 60 + minutes);
    return true;
}

static bool read_list(struct scan *in, const struct wire_field *field, void *base, struct err *err)
{
    size_t *count = field_of(base, field->count);
    size_t item_bytes = field->kind == WIRE_LIST ? field->of->size : HASH_BYTES;
    char *items = field_of(base, field->offset);
    enum scan_next next;
    bool first = true;

    if (!scan_open(in, '[', err))
        return false;
    while ((next = scan_member(in, ']', &first, err)) == SCAN_MORE) {
        void *item = items + *count * item_bytes;

        if (*count == field->room)
            return err_set(err, ERR_LIMIT, "more than %zu entries", field->room);
        if (field->kind == WIRE_LIST ? !read_object(in, field->of, item, err)
                                     : !read_hex(in, item, HASH_BYTES, err))
            return err_wrap(err, "entry %zu", *count);
        (*count)++;
    }
    if (next == SCAN_DONE && *count < field->min)
        return err_set(err, ERR_INVALID, "the list is too short");
    return next == SCAN_DONE;
}

static bool read_value(struct scan *in, const struct wire_field *field, void *base, struct err *err)
{
    void *out = field_of(base, field->offset);

    switch (field->kind) {
    case WIRE_TEXT:
        return read_text(in, field, out, err);
    case WIRE_HEX:
        return read_hex(in, out, field->room, err);
    case WIRE_HASH:
        return read_hash(in, out, err);
    case WIRE_U64:
        return read_u64(in, field, out, err);
    case WIRE_NUMBER:
        return read_number(in, field, out, err);
    case WIRE_BOOL:
        return scan_bool(in, out, err);
    case WIRE_TIME:
        return read_time(in, true, out, err);
    case WIRE_TIME_OR_NONE:
        return read_time(in, false, out, err);
    case WIRE_STATE:
        return read_state(in, out, err);
    case WIRE_REFUSAL:
        return read_refusal(in, out, err);
    case WIRE_DAYS:
        return read_days(in, out, err);
    case WIRE_DAY_TIME:
        return read_day_time(in, out, err);
    case WIRE_HASHES:
    case WIRE_LIST:
        return read_list(in, field, base, err);
    case WIRE_OBJECT:
        if (field->presence == WIRE_IF_TRUE)
            *(bool *)out = true;
        return read_object(in, field->of, out, err);
    }
    ASSERT(false);
    return false;
}

static size_t find(const struct wire_table *table, const char *name)
{
    size_t i = 0;

    while (i < table->count && !text_equal(table->fields[i].name, name))
        i++;
    return i;
}

static bool read_member(struct scan *in, const struct wire_table *table, void *out, uint32_t *seen,
                        struct err *err)
{
    char name[NAME_ROOM];
    size_t i;

    if (!scan_key(in, name, sizeof(name), err))
        return false;
    i = find(table, name);
    if (i == table->count) {
        if (table->reader == WIRE_REFUSE_UNKNOWN)
            return err_set(err, ERR_INVALID, "field '%s' is not known", name);
        return scan_skip(in, err);
    }
    if (*seen & UINT32_C(1) << i)
        return err_set(err, ERR_INVALID, "field '%s' is there twice", name);
    *seen |= UINT32_C(1) << i;
    return read_value(in, &table->fields[i], out, err) || err_wrap(err, "field '%s'", name);
}

static bool is_present(const struct wire_field *field, const void *message)
{
    switch (field->presence) {
    case WIRE_ALWAYS:
    case WIRE_LATER:
        return true;
    case WIRE_IF_TRUE:
        return *(const bool *)const_field_of(message, field->offset);
    case WIRE_WITH:
    case WIRE_MAY_WITH:
        return *(const char *)const_field_of(message, field->with) != '\0';
    }
    ASSERT(false);
    return false;
}

/* What was read is what would be written: nothing is missing and nothing is left over. */
static bool check_presence(const struct wire_table *table, const void *message, uint32_t seen,
                           struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct wire_field *field = &table->fields[i];
        bool was_read = seen & UINT32_C(1) << i;
        bool optional = field->presence == WIRE_IF_TRUE || field->presence == WIRE_LATER ||
                        field->presence == WIRE_MAY_WITH;

        bool is_with = field->presence == WIRE_WITH || field->presence == WIRE_MAY_WITH;

        if (was_read && is_with && !is_present(field, message))
            return err_set(err, ERR_INVALID, "field '%s' stands alone", field->name);
        if (!was_read && !optional && is_present(field, message))
            return err_set(err, ERR_INVALID, "field '%s' is missing", field->name);
    }
    return true;
}

static bool read_object(struct scan *in, const struct wire_table *table, void *out, struct err *err)
{
    enum scan_next next;
    uint32_t seen = 0;
    bool first = true;

    if (!scan_open(in, '{', err))
        return false;
    while ((next = scan_member(in, '}', &first, err)) == SCAN_MORE)
        if (!read_member(in, table, out, &seen, err))
            return false;
    return next == SCAN_DONE && check_presence(table, out, seen, err);
}

bool wire_parse(const struct wire_table *table, const void *data, size_t len, void *out,
                struct err *err)
{
    struct scan in = scan_of(data, len);
    bool ok;

    memset(out, 0, table->size);
    ok = read_object(&in, table, out, err) && scan_end(&in, err);
    if (!ok)
        memset(out, 0, table->size);
    return ok;
}

/* --- writing -------------------------------------------------------------------------------- */

void wire_format_text(struct buf *out, const char *text)
{
    buf_add_u8(out, '"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            buf_printf(out, "\\%c", *at);
        else if ((uint8_t)*at < 0x20)
            buf_printf(out, "\\u%04x", (unsigned)(uint8_t)*at);
        else
            buf_add(out, at, 1);
    }
    buf_add_u8(out, '"');
}

static void write_hex(struct buf *out, const uint8_t *data, size_t len)
{
    char text[2 * 64 + 1];

    ASSERT(2 * len < sizeof(text));
    text_from_hex_bytes(data, len, text);
    buf_printf(out, "\"%s\"", text);
}

static void write_time(struct buf *out, bool required, int64_t time_ms)
{
    char text[TEXT_TIME_ROOM] = "";

    if (required || time_ms != 0)
        text_from_time(time_ms, text);
    buf_printf(out, "\"%s\"", text);
}

static void write_days(struct buf *out, uint8_t bits)
{
    bool first = true;

    buf_add_u8(out, '[');
    for (size_t i = 0; i < COUNT(days); i++) {
        if (!(bits & 1U << i))
            continue;
        buf_printf(out, "%s\"%s\"", first ? "" : ",", days[i]);
        first = false;
    }
    buf_add_u8(out, ']');
}

static void write_list(struct buf *out, const struct wire_field *field, const void *base)
{
    size_t count = *(const size_t *)const_field_of(base, field->count);
    const char *items = const_field_of(base, field->offset);

    buf_add_u8(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_u8(out, ',');
        if (field->kind == WIRE_LIST)
            wire_format(field->of, items + i * field->of->size, out);
        else
            write_hex(out, (const uint8_t *)items + i * HASH_BYTES, HASH_BYTES);
    }
    buf_add_u8(out, ']');
}

static void write_value(struct buf *out, const struct wire_field *field, const void *base)
{
    const void *at = const_field_of(base, field->offset);
    const struct wire_hash *hash = at;
    const struct wire_number *number = at;

    switch (field->kind) {
    case WIRE_TEXT:
        wire_format_text(out, at);
        return;
    case WIRE_HEX:
        write_hex(out, at, field->room);
        return;
    case WIRE_HASH:
        write_hex(out, hash->bytes, hash->set ? HASH_BYTES : 0);
        return;
    case WIRE_U64:
        buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
        return;
    case WIRE_NUMBER:
        buf_printf(out, "%llu", (unsigned long long)number->value);
        return;
    case WIRE_BOOL:
        buf_add_text(out, *(const bool *)at ? "true" : "false");
        return;
    case WIRE_TIME:
    case WIRE_TIME_OR_NONE:
        write_time(out, field->kind == WIRE_TIME, *(const int64_t *)at);
        return;
    case WIRE_STATE:
        if (*(const enum update_state *)at == UPDATE_IDLE)
            wire_format_text(out, "");
        else
            wire_format_text(out, update_state_name(*(const enum update_state *)at));
        return;
    case WIRE_REFUSAL:
        wire_format_text(out, refusal_name(*(const enum refusal *)at));
        return;
    case WIRE_DAYS:
        write_days(out, *(const uint8_t *)at);
        return;
    case WIRE_DAY_TIME:
        buf_printf(out, "\"%02d:%02d\"", *(const uint16_t *)at / 60, *(const uint16_t *)at % 60);
        return;
    case WIRE_HASHES:
    case WIRE_LIST:
        write_list(out, field, base);
        return;
    case WIRE_OBJECT:
        wire_format(field->of, at, out);
        return;
    }
}

void wire_format(const struct wire_table *table, const void *message, struct buf *out)
{
    bool first = true;

    buf_add_u8(out, '{');
    for (size_t i = 0; i < table->count; i++) {
        if (!is_present(&table->fields[i], message))
            continue;
        buf_printf(out, "%s\"%s\":", first ? "" : ",", table->fields[i].name);
        write_value(out, &table->fields[i], message);
        first = false;
    }
    buf_add_u8(out, '}');
}
