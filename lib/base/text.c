/* Strict conversions; the civil-date arithmetic follows Howard Hinnant's "chrono-compatible
 * low-level date algorithms" (days since 1970 <-> year, month, day; public domain formulas). */
#include "lib/base/text.h"

#include <stdio.h>
#include <string.h>

bool text_to_u64(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (len == 0 || len > 20 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool text_to_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    size_t len = strlen(text);
    unsigned shift = 0;
    uint64_t value;

    if (len > 1) {
        const char *unit = strchr(units, text[len - 1]);

        if (unit) {
            shift = 10 * (unsigned)(unit - units + 1);
            len--;
        }
    }
    if (!text_to_u64(text, len, 0, UINT64_MAX >> shift, &value))
        return false;
    *out = value << shift;
    return true;
}

void text_from_hex_bytes(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool text_to_hex_bytes(const char *text, size_t text_len, uint8_t *out, size_t len)
{
    if (text_len != 2 * len)
        return false;
    for (size_t i = 0; i < text_len; i++)
        if (hex_value(text[i]) < 0)
            return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    return true;
}

bool text_copy(char *out, size_t room, const char *text)
{
    size_t len = strnlen(text, room);
    bool fits = len < room;

    ASSERT(room > 0);
    if (!fits)
        len = room - 1;
    memcpy(out, text, len);
    out[len] = '\0';
    return fits;
}

bool text_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t text_len = strlen(text);
    size_t len = strlen(suffix);

    return text_len >= len && strcmp(text + text_len - len, suffix) == 0;
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static bool field(const char *text, size_t len, unsigned max, unsigned *out)
{
    unsigned value = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = value;
    return value <= max;
}

bool text_to_time(const char *text, size_t len, int64_t *out_ms)
{
    unsigned year, month, day, hour, minute, second;
    int check_year, check_month, check_day;
    int64_t days;

    if (len != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
        text[16] != ':' || text[19] != 'Z')
        return false;
    if (!field(text, 4, 9999, &year) || !field(text + 5, 2, 12, &month) ||
        !field(text + 8, 2, 31, &day) || !field(text + 11, 2, 23, &hour) ||
        !field(text + 14, 2, 59, &minute) || !field(text + 17, 2, 59, &second))
        return false;
    if (year < 1970 || month == 0 || day == 0)
        return false;
    days = days_from_civil(year, month, day);
    civil_from_days(days, &check_year, &check_month, &check_day);
    if (check_month != (int)month || check_day != (int)day) /* 30 February */
        return false;
    *out_ms = ((days * 24 + hour) * 60 + minute) * 60000 + (int64_t)second * 1000;
    return true;
}

void text_from_time(int64_t time_ms, char *out)
{
    int64_t seconds = time_ms / 1000;
    int64_t rest = seconds % 86400;
    int year, month, day;

    if (time_ms < 0)
        seconds = rest = 0;
    civil_from_days(seconds / 86400, &year, &month, &day);
    (void)snprintf(out, TEXT_TIME_ROOM, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000U,
                   (unsigned)month % 100U, (unsigned)day % 100U, (unsigned)(rest / 3600) % 100U,
                   (unsigned)(rest / 60 % 60) % 100U, (unsigned)(rest % 60) % 100U);
}

void text_from_size(uint64_t size_bytes, char *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)size_bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < COUNT(units)) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(out, TEXT_SIZE_ROOM, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* Overlong forms, surrogates and what is above U+10FFFF are no characters. */
unsigned text_utf8_len(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first, last, low, high; /* of the first byte; of the second */
        unsigned len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < COUNT(forms); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (forms[i].len > left)
            return 0;
        if (forms[i].len > 1 && (at[1] < forms[i].low || at[1] > forms[i].high))
            return 0;
        for (unsigned k = 2; k < forms[i].len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}
