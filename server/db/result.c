/* Reading results. They arrive in text form (one form for the whole result, and most columns are
 * text anyway): numbers are parsed, bytea comes as \x and hex. */
#include "server/db/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

size_t db_rows(const struct db_result *result)
{
    return (size_t)PQntuples(result->pg);
}

unsigned db_columns(const struct db_result *result)
{
    return (unsigned)PQnfields(result->pg);
}

static int row_of(const struct db_result *result, size_t row, unsigned col)
{
    ASSERT(row < db_rows(result) && col < db_columns(result));
    return (int)row;
}

uint64_t db_affected(const struct db_result *result)
{
    const char *text = PQcmdTuples(result->pg);
    uint64_t count = 0;

    bool is_number = text_to_u64(text, strlen(text), 0, UINT64_MAX, &count);

    ASSERT(is_number || text[0] == '\0'); /* empty for statements that touch nothing */
    return count;
}

bool db_is_null(const struct db_result *result, size_t row, unsigned col)
{
    return PQgetisnull(result->pg, row_of(result, row, col), (int)col);
}

const char *db_text(const struct db_result *result, size_t row, unsigned col)
{
    return PQgetvalue(result->pg, row_of(result, row, col), (int)col);
}

int64_t db_i64(const struct db_result *result, size_t row, unsigned col)
{
    const char *text = db_text(result, row, col);
    char *end;
    long long value;

    if (text[0] == '\0')
        return 0;
    errno = 0;
    value = strtoll(text, &end, 10);
    ASSERT(errno == 0 && *end == '\0');
    return value;
}

bool db_bool(const struct db_result *result, size_t row, unsigned col)
{
    return db_text(result, row, col)[0] == 't';
}

/* "2026-11-22 18:00:00.123456+00": every connection asks for this form and for UTC. */
int64_t db_time_ms(const struct db_result *result, size_t row, unsigned col)
{
    const char *text = db_text(result, row, col);
    char seconds[TEXT_TIME_ROOM];
    int64_t time_ms;
    int64_t unit_ms = 100;
    bool is_time;

    if (text[0] == '\0')
        return 0;
    (void)text_copy(seconds, sizeof(seconds), text); /* cut on purpose */
    ASSERT(strlen(text) >= 22 && text_ends_with(text, "+00"));
    seconds[10] = 'T';
    seconds[19] = 'Z';
    seconds[20] = '\0';
    is_time = text_to_time(seconds, 20, &time_ms);
    ASSERT(is_time); /* ISO form, between 1970 and 9999 */
    if (text[19] == '.') {
        for (const char *c = text + 20; *c >= '0' && *c <= '9' && unit_ms > 0; c++) {
            time_ms += (*c - '0') * unit_ms;
            unit_ms /= 10;
        }
    }
    return time_ms;
}

static const char *hex_of(const struct db_result *result, size_t row, unsigned col, size_t *len)
{
    const char *text = db_text(result, row, col);
    size_t text_len = (size_t)PQgetlength(result->pg, (int)row, (int)col);

    if (text_len == 0) { /* NULL */
        *len = 0;
        return text;
    }
    ASSERT(text_len >= 2 && text_len % 2 == 0 && text[0] == '\\' && text[1] == 'x');
    *len = (text_len - 2) / 2;
    return text + 2;
}

size_t db_bytes_len(const struct db_result *result, size_t row, unsigned col)
{
    size_t len;

    (void)hex_of(result, row, col, &len); /* only its length is wanted */
    return len;
}

bool db_bytes(const struct db_result *result, size_t row, unsigned col, void *out, size_t len)
{
    size_t found;
    const char *hex = hex_of(result, row, col, &found);

    return !db_is_null(result, row, col) && found == len &&
           text_to_hex_bytes(hex, found * 2, out, len);
}

void db_bytes_add(const struct db_result *result, size_t row, unsigned col, struct buf *out)
{
    size_t len;
    const char *hex = hex_of(result, row, col, &len);
    uint8_t *room = buf_reserve(out, len);

    if (!room || !text_to_hex_bytes(hex, len * 2, room, len))
        return;
    out->len += len;
}
