/* The same field tables as the device messages, so that what is written is what is read. */
#include "device-client/supervisor/record.h"

#include <string.h>

#include "device-client/limits.h"
#include "lib/base/crc.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/wire/table.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(type, member) AT(type, member), .room = sizeof(((struct type *)0)->member)
#define LIST(type, member, number)                                                                 \
    AT(type, member), .room = COUNT(((struct type *)0)->member),                                   \
                      .count = offsetof(struct type, number)
#define TABLE(type)                                                                                \
    static const struct wire_table type##_table = {                                                \
        .fields = type##_fields,                                                                   \
        .count = COUNT(type##_fields),                                                             \
        .size = sizeof(struct type),                                                               \
        .reader = WIRE_IGNORE_UNKNOWN,                                                             \
    };                                                                                             \
    _Static_assert(COUNT(type##_fields) <= 32, "a bit per field")

/* clang-format off */
static const struct wire_field image_revert_fields[] = {
    {.name = "counter", .kind = WIRE_U64, AT(image_revert, counter), .max = UINT64_MAX},
};
TABLE(image_revert);

static const struct wire_field image_fields[] = {
    {.name = "known",           .kind = WIRE_BOOL, AT(image, known)},
    {.name = "path",            .kind = WIRE_TEXT, TEXT(image, path)},
    {.name = "sha256",          .kind = WIRE_HEX,  TEXT(image, sha256)},
    {.name = "length",          .kind = WIRE_U64,  AT(image, length), .max = UINT64_MAX},
    {.name = "name",            .kind = WIRE_TEXT, TEXT(image, name)},
    {.name = "version",         .kind = WIRE_TEXT, TEXT(image, version)},
    {.name = "release_counter", .kind = WIRE_U64,  AT(image, release_counter), .max = UINT64_MAX},
    {.name = "security_epoch",  .kind = WIRE_U64,  AT(image, security_epoch), .max = UINT64_MAX},
    {.name = "floor",           .kind = WIRE_U64,  AT(image, floor), .max = UINT64_MAX},
    {.name = "revert_to",       .kind = WIRE_LIST, LIST(image, revert_to, revert_count), .of = &image_revert_table, .presence = WIRE_LATER},
    {.name = "revert_until",    .kind = WIRE_TIME_OR_NONE, AT(image, revert_until_ms), .presence = WIRE_LATER},
};
TABLE(image);

static const struct wire_field wire_delta_fields[] = {
    {.name = "path",   .kind = WIRE_TEXT, TEXT(wire_delta, path)},
    {.name = "sha256", .kind = WIRE_HEX,  TEXT(wire_delta, sha256)},
    {.name = "length", .kind = WIRE_U64,  AT(wire_delta, length), .max = UINT64_MAX},
    {.name = "from",   .kind = WIRE_HEX,  TEXT(wire_delta, from)},
};
TABLE(wire_delta);

static const struct wire_field window_fields[] = {
    {.name = "days",  .kind = WIRE_DAYS,     AT(window, days)},
    {.name = "start", .kind = WIRE_DAY_TIME, AT(window, start_min)},
    {.name = "end",   .kind = WIRE_DAY_TIME, AT(window, end_min)},
};
TABLE(window);

static const struct wire_field record_fields[] = {
    {.name = "state",             .kind = WIRE_STATE,        AT(record, state)},
    {.name = "assignment",        .kind = WIRE_U64,          AT(record, assignment), .max = UINT64_MAX},
    {.name = "deployment",        .kind = WIRE_TEXT,         TEXT(record, deployment)},
    {.name = "offered_path",      .kind = WIRE_TEXT,         TEXT(record, offered.path)},
    {.name = "offered_sha256",    .kind = WIRE_HEX,          TEXT(record, offered.sha256)},
    {.name = "deltas",            .kind = WIRE_LIST,         LIST(record, deltas, delta_count), .of = &wire_delta_table},
    {.name = "directed",          .kind = WIRE_BOOL,         AT(record, directed), .presence = WIRE_LATER},
    {.name = "image",             .kind = WIRE_OBJECT,       AT(record, image), .of = &image_table},
    {.name = "target_slot",       .kind = WIRE_U64,          AT(record, target_slot), .max = SLOT_B},
    {.name = "reason",            .kind = WIRE_REFUSAL,      AT(record, reason)},
    {.name = "detail",            .kind = WIRE_TEXT,         TEXT(record, detail)},
    {.name = "bytes",             .kind = WIRE_U64,          AT(record, bytes), .max = UINT64_MAX},
    {.name = "delta_refused",     .kind = WIRE_BOOL,         AT(record, delta_refused)},
    {.name = "delta_tries",       .kind = WIRE_U64,          AT(record, delta_tries), .max = UINT64_MAX, .presence = WIRE_LATER},
    {.name = "delta_progress",    .kind = WIRE_U64,          AT(record, delta_progress), .max = UINT64_MAX, .presence = WIRE_LATER},
    {.name = "offered_at",        .kind = WIRE_TIME_OR_NONE, AT(record, offered_ms)},
    {.name = "window",            .kind = WIRE_OBJECT,       AT(record, window), .of = &window_table, .presence = WIRE_IF_TRUE},
    {.name = "report_seq",        .kind = WIRE_U64,          AT(record, report_seq), .max = UINT64_MAX},
    {.name = "report_epoch",      .kind = WIRE_HEX,          TEXT(record, report_epoch)},
    {.name = "running",           .kind = WIRE_U64,          AT(record, running), .max = SLOT_B},
    {.name = "slots",             .kind = WIRE_LIST,         LIST(record, slots, slot_count), .of = &image_table, .min = SLOT_COUNT},
    {.name = "floor",             .kind = WIRE_U64,          AT(record, floor), .max = UINT64_MAX},
    {.name = "trusted_time",      .kind = WIRE_TIME_OR_NONE, AT(record, trusted_ms)},
    {.name = "walked_at",         .kind = WIRE_TIME_OR_NONE, AT(record, walked_ms)},
    {.name = "timestamp_expires", .kind = WIRE_TIME_OR_NONE, AT(record, timestamp_expires_ms)},
    {.name = "offline_seen",      .kind = WIRE_TIME_OR_NONE, AT(record, offline_ms), .presence = WIRE_LATER},
    {.name = "director_version",  .kind = WIRE_U64,          AT(record, director_version), .max = UINT64_MAX, .presence = WIRE_LATER},
    {.name = "director_bundle",   .kind = WIRE_TEXT,         TEXT(record, director_bundle), .presence = WIRE_LATER},
    {.name = "anchors_version",   .kind = WIRE_U64,          AT(record, anchors_version), .max = UINT64_MAX, .presence = WIRE_LATER},
    {.name = "last_refusal",      .kind = WIRE_REFUSAL,      AT(record, last_refusal)},
    {.name = "last_error",        .kind = WIRE_TEXT,         TEXT(record, last_error)},
};
TABLE(record);
/* clang-format on */

enum { CHECK_BYTES = 17 }; /* "\ncrc32c 01234567\n" */

void record_init(struct record *record)
{
    memset(record, 0, sizeof(*record));
    record->slot_count = SLOT_COUNT;
}

static void format_check(const void *data, size_t len, char out[CHECK_BYTES + 1])
{
    uint32_t crc = crc32c(data, len);
    const uint8_t bytes[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                              (uint8_t)crc};

    memcpy(out, "\ncrc32c ", 8);
    text_from_hex_bytes(bytes, sizeof(bytes), out + 8);
    out[CHECK_BYTES - 1] = '\n';
    out[CHECK_BYTES] = '\0';
}

bool record_parse(const void *data, size_t len, struct record *out, struct err *err)
{
    char check[CHECK_BYTES + 1];
    size_t text_len;

    record_init(out);
    if (len <= CHECK_BYTES)
        return err_set(err, ERR_INVALID, "the state record is cut short");
    text_len = len - CHECK_BYTES;
    format_check(data, text_len, check);
    if (memcmp((const char *)data + text_len, check, CHECK_BYTES) != 0)
        return err_set(err, ERR_INVALID, "the state record is damaged");
    if (!wire_parse(&record_table, data, text_len, out, err)) {
        record_init(out);
        return err_wrap(err, "state record");
    }
    return true;
}

void record_format(const struct record *record, struct buf *out)
{
    size_t start = out->len;
    char check[CHECK_BYTES + 1];

    wire_format(&record_table, record, out);
    format_check(out->data + start, out->len - start, check);
    buf_add(out, check, CHECK_BYTES);
}

bool record_load(const char *path, struct record *out, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, RECORD_BYTES_MAX);
    record_init(out);
    return file_read(path, &text, err) && record_parse(text.data, text.len, out, err);
}

bool record_save(const char *path, const struct record *record, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, RECORD_BYTES_MAX);
    record_format(record, &text);
    ASSERT(!text.failed);
    return file_write(path, 0600, text.data, text.len, err);
}
