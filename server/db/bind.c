/*
 * Values of a call. Scalars that PostgreSQL converts by itself (numbers, uuid, json, text) go as
 * text; bytea, timestamptz and all arrays go in PostgreSQL's binary form, which needs no escaping
 * and half the bytes. Integers of that form are big-endian:
 *
 *     array:    i32 dimensions (1) | i32 has NULLs | i32 element type | i32 count | i32 lower bound
 * (1) then per element: i32 length (-1: NULL) | bytes
 */
#include <string.h>

#include "server/db/call.h"

/* pg_type.h; these numbers are part of PostgreSQL's protocol. */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };

/* PostgreSQL counts microseconds from 2000-01-01. */
static const int64_t postgres_epoch_ms = 946684800000;

static void add_big_endian(struct buf *out, uint64_t value, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    buf_add(out, bytes, len);
}

static void add_i32(struct buf *out, int64_t value)
{
    add_big_endian(out, (uint64_t)value, 4);
}

static struct buf *value_begin(struct db_call *call, int format)
{
    ASSERT(call->bound < call->stmt->params);
    call->values[call->bound].offset = call->bytes.len;
    call->values[call->bound].format = format;
    return &call->bytes;
}

static void value_end(struct db_call *call)
{
    struct db_value *value = &call->values[call->bound++];

    value->len = (int)(call->bytes.len - value->offset); /* below DB_CALL_BYTES_MAX */
    buf_add_u8(&call->bytes, 0); /* libpq wants text values with their NUL */
}

void db_bind_null(struct db_call *call)
{
    (void)value_begin(call, 0); /* there is nothing to add */
    call->values[call->bound++].len = -1;
}

void db_bind_text_len(struct db_call *call, const char *text, size_t len)
{
    if (!text) {
        db_bind_null(call);
        return;
    }
    if (memchr(text, '\0', len)) { /* would silently cut the value */
        struct err err;

        (void)err_set(&err, ERR_INVALID, "a text holds a NUL");
        tx_fail(call->tx, &err);
    }
    buf_add(value_begin(call, 0), text, len);
    value_end(call);
}

void db_bind_text(struct db_call *call, const char *text)
{
    db_bind_text_len(call, text, text ? strlen(text) : 0);
}

void db_bind_json(struct db_call *call, const char *json)
{
    db_bind_text(call, json);
}

void db_bind_i64(struct db_call *call, int64_t value)
{
    buf_printf(value_begin(call, 0), "%lld", (long long)value);
    value_end(call);
}

void db_bind_bool(struct db_call *call, bool value)
{
    buf_add_text(value_begin(call, 0), value ? "t" : "f");
    value_end(call);
}

void db_bind_bytes(struct db_call *call, const void *data, size_t len)
{
    if (!data) {
        db_bind_null(call);
        return;
    }
    buf_add(value_begin(call, 1), data, len);
    value_end(call);
}

static uint64_t postgres_time(int64_t time_ms)
{
    return (uint64_t)((time_ms - postgres_epoch_ms) * 1000);
}

void db_bind_time_ms(struct db_call *call, int64_t time_ms)
{
    add_big_endian(value_begin(call, 1), postgres_time(time_ms), 8);
    value_end(call);
}

static struct buf *array_begin(struct db_call *call, int element_type, bool has_nulls, size_t count)
{
    struct buf *out = value_begin(call, 1);

    ASSERT(count <= DB_CALL_BYTES_MAX);
    add_i32(out, count > 0 ? 1 : 0);
    add_i32(out, has_nulls);
    add_i32(out, element_type);
    if (count > 0) {
        add_i32(out, (int64_t)count);
        add_i32(out, 1);
    }
    return out;
}

void db_bind_i64_array(struct db_call *call, const int64_t *values, size_t count)
{
    struct buf *out = array_begin(call, OID_INT8, false, count);

    for (size_t i = 0; i < count; i++) {
        add_i32(out, 8);
        add_big_endian(out, (uint64_t)values[i], 8);
    }
    value_end(call);
}

void db_bind_i32_array(struct db_call *call, const int32_t *values, size_t count)
{
    struct buf *out = array_begin(call, OID_INT4, false, count);

    for (size_t i = 0; i < count; i++) {
        add_i32(out, 4);
        add_i32(out, values[i]);
    }
    value_end(call);
}

void db_bind_time_ms_array(struct db_call *call, const int64_t *times_ms, size_t count)
{
    struct buf *out = array_begin(call, OID_TIMESTAMPTZ, false, count);

    for (size_t i = 0; i < count; i++) {
        add_i32(out, 8);
        add_big_endian(out, postgres_time(times_ms[i]), 8);
    }
    value_end(call);
}

static void add_element(struct buf *out, const void *data, size_t len)
{
    ASSERT(len <= DB_CALL_BYTES_MAX);
    add_i32(out, data ? (int64_t)len : -1);
    if (data)
        buf_add(out, data, len);
}

void db_bind_text_array(struct db_call *call, const char *const *texts, size_t count)
{
    bool has_nulls = false;
    struct buf *out;

    for (size_t i = 0; i < count; i++)
        has_nulls = has_nulls || !texts[i];
    out = array_begin(call, OID_TEXT, has_nulls, count);
    for (size_t i = 0; i < count; i++)
        add_element(out, texts[i], texts[i] ? strlen(texts[i]) : 0);
    value_end(call);
}

void db_bind_bytes_array(struct db_call *call, const struct db_slice *slices, size_t count)
{
    bool has_nulls = false;
    struct buf *out;

    for (size_t i = 0; i < count; i++)
        has_nulls = has_nulls || !slices[i].data;
    out = array_begin(call, OID_BYTEA, has_nulls, count);
    for (size_t i = 0; i < count; i++)
        add_element(out, slices[i].data, slices[i].len);
    value_end(call);
}
