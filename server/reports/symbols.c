/* FUNCTION tab SOURCE tab LINE newline */
#include "server/reports/symbols.h"

#include <string.h>

#include "lib/base/text.h"

enum { LINE_NUMBER_MAX = 10000000 };

/* Up to `stop`, which is taken, too. */
static bool take(const char **at, const char *end, char stop, const char **out, size_t *len)
{
    const char *found = memchr(*at, stop, (size_t)(end - *at));

    if (!found)
        return false;
    *out = *at;
    *len = (size_t)(found - *at);
    *at = found + 1;
    return true;
}

static bool take_text(const char **at, const char *end, char out[SYMBOLS_TEXT_ROOM])
{
    const char *text;
    size_t len;

    if (!take(at, end, '\t', &text, &len) || len >= SYMBOLS_TEXT_ROOM)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)text[i] <= 0x20 || (uint8_t)text[i] >= 0x7f)
            return false;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

bool symbols_parse(const char *text, size_t len, struct symbol *out, size_t count, struct err *err)
{
    const char *end = text + len;

    for (size_t i = 0; i < count; i++) {
        const char *number;
        size_t number_len;

        if (!take_text(&text, end, out[i].function) || !take_text(&text, end, out[i].source) ||
            !take(&text, end, '\n', &number, &number_len) ||
            !text_to_u64(number, number_len, 0, LINE_NUMBER_MAX, &out[i].line))
            return err_set(err, ERR_INVALID, "line %zu of the symbols is damaged", i + 1);
    }
    return text == end || err_set(err, ERR_INVALID, "more symbols came than were asked for");
}
