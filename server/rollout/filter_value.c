/*
 * How values compare: numbers exactly, texts as bytes, versions field by field, patterns as SQL's
 * LIKE. Each has its twin in migrations/0007_filter.sql.
 */
#include <string.h>

#include "lib/base/text.h"
#include "server/rollout/filter_internal.h"

enum { WHOLE_DIGITS_MAX = 12, PART_DIGITS_MAX = 6 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Digits from `*at` on, at most `max`, are added to `*value`; how many they were. */
static size_t take_digits(struct filter_text text, size_t *at, size_t max, int64_t *value)
{
    size_t start = *at;

    for (; *at < text.len && *at - start < max && is_digit(text.data[*at]); (*at)++)
        *value = *value * 10 + (text.data[*at] - '0');
    return *at - start;
}

bool filter_number(struct filter_text text, int64_t *micros)
{
    bool is_negative = text.len > 0 && text.data[0] == '-';
    size_t at = is_negative ? 1 : 0;
    int64_t value = 0;
    size_t parts = 0;

    if (take_digits(text, &at, WHOLE_DIGITS_MAX, &value) == 0)
        return false;
    if (at < text.len && text.data[at] == '.') {
        at++;
        parts = take_digits(text, &at, PART_DIGITS_MAX, &value);
        if (parts == 0)
            return false;
    }
    if (at != text.len)
        return false;
    for (; parts < PART_DIGITS_MAX; parts++)
        value *= 10;
    *micros = is_negative ? -value : value;
    return true;
}

int filter_text_compare(struct filter_text left, struct filter_text right)
{
    size_t len = left.len < right.len ? left.len : right.len;
    int order = len > 0 ? memcmp(left.data, right.data, len) : 0;

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (left.len > right.len) - (left.len < right.len);
}

/* --- versions ----------------------------------------------------------------------------------
 */

/* The next field: digits or letters; everything else only parts them. Nothing left: a 0. */
static struct filter_text next_field(struct filter_text *version)
{
    static const struct filter_text zero = {"0", 1};
    struct filter_text field;
    bool is_number;

    while (version->len > 0 && !is_digit(version->data[0]) && !is_letter(version->data[0])) {
        version->data++;
        version->len--;
    }
    if (version->len == 0)
        return zero;
    field = (struct filter_text){version->data, 0};
    is_number = is_digit(field.data[0]);
    while (version->len > 0 &&
           (is_number ? is_digit(version->data[0]) : is_letter(version->data[0]))) {
        field.len++;
        version->data++;
        version->len--;
    }
    return field;
}

static struct filter_text without_zeros(struct filter_text digits)
{
    while (digits.len > 1 && digits.data[0] == '0') {
        digits.data++;
        digits.len--;
    }
    return digits;
}

static int compare_fields(struct filter_text left, struct filter_text right)
{
    bool is_left = is_digit(left.data[0]);
    bool is_right = is_digit(right.data[0]);

    if (is_left != is_right)
        return is_left ? 1 : -1;
    if (!is_left)
        return filter_text_compare(left, right);
    left = without_zeros(left);
    right = without_zeros(right);
    if (left.len != right.len)
        return left.len < right.len ? -1 : 1;
    return filter_text_compare(left, right);
}

static struct filter_text without_build(struct filter_text version)
{
    const char *plus = version.len > 0 ? memchr(version.data, '+', version.len) : NULL;

    if (plus)
        version.len = (size_t)(plus - version.data);
    return version;
}

int filter_version_compare(struct filter_text left, struct filter_text right)
{
    left = without_build(left);
    right = without_build(right);
    while (left.len > 0 || right.len > 0) {
        struct filter_text a = next_field(&left);
        struct filter_text b = next_field(&right);
        int order = compare_fields(a, b);

        if (order != 0)
            return order;
    }
    return 0;
}

/* --- like --------------------------------------------------------------------------------------
 */

/* Bytes of the character at `at`; a byte that begins none counts as one. */
static size_t character_at(struct filter_text text, size_t at)
{
    unsigned len = text_utf8_len((const uint8_t *)text.data + at, text.len - at);

    return len > 0 ? len : 1;
}

/* Of the byte of the pattern at `*at`, which is not '%': does it take the text at `*from`? Both go
 * on behind it. */
static bool take_one(struct filter_text text, size_t *from, struct filter_text pattern, size_t *at)
{
    if (*from == text.len)
        return false;
    if (pattern.data[*at] == '_') {
        *from += character_at(text, *from);
        ++*at;
        return true;
    }
    if (pattern.data[*at] == '\\' && *at + 1 < pattern.len)
        ++*at;
    return pattern.data[(*at)++] == text.data[(*from)++];
}

/* Only the last '%' is ever gone back to: what those before it took can stay. */
bool filter_like(struct filter_text text, struct filter_text pattern)
{
    size_t from = 0, at = 0;
    size_t again_from = 0, again_at = 0; /* behind the last '%', when there was one */

    while (from < text.len || at < pattern.len) {
        if (at < pattern.len && pattern.data[at] == '%') {
            again_at = ++at;
            again_from = from;
        } else if (at == pattern.len || !take_one(text, &from, pattern, &at)) {
            if (again_at == 0 || again_from == text.len)
                return false;
            again_from += character_at(text, again_from);
            from = again_from;
            at = again_at;
        }
    }
    return true;
}
