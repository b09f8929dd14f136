/* One pass over the text each; numbers that are no uint64 make the header one to ignore. */
#include "lib/http/range.h"

#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

/* "-500": the last 500 bytes. */
static enum range_verdict parse_suffix(const char *text, uint64_t size, struct range *out)
{
    uint64_t length;

    if (!text_to_u64(text, strlen(text), 0, UINT64_MAX, &length))
        return RANGE_WHOLE;
    if (length == 0)
        return RANGE_UNSATISFIABLE;
    if (length >= size)
        return RANGE_WHOLE;
    *out = (struct range){.first = size - length, .length = length};
    return RANGE_PART;
}

enum range_verdict range_parse(const char *text, uint64_t size, struct range *out)
{
    static const char unit[] = "bytes=";
    uint64_t last = UINT64_MAX;
    uint64_t first;
    const char *dash;

    if (!text || strncasecmp(text, unit, sizeof(unit) - 1) != 0)
        return RANGE_WHOLE;
    text += sizeof(unit) - 1;
    if (text[0] == '-')
        return parse_suffix(text + 1, size, out);
    dash = strchr(text, '-');
    if (!dash || !text_to_u64(text, (size_t)(dash - text), 0, UINT64_MAX, &first))
        return RANGE_WHOLE;
    if (dash[1] != '\0' && !text_to_u64(dash + 1, strlen(dash + 1), first, UINT64_MAX, &last))
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    if (last >= size)
        last = size - 1;
    *out = (struct range){.first = first, .length = last - first + 1};
    return RANGE_PART;
}

/* Whether `text` starts with the quoted tag; `*rest` is what follows. */
static bool starts_with_tag(const char *text, const char *etag, const char **rest)
{
    size_t len = strlen(etag);

    if (text[0] != '"' || strncmp(text + 1, etag, len) != 0 || text[len + 1] != '"')
        return false;
    *rest = text + len + 2;
    return true;
}

bool range_if_holds(const char *if_range, const char *etag)
{
    const char *rest;

    return !if_range || (starts_with_tag(if_range, etag, &rest) && rest[0] == '\0');
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

bool etag_list_has(const char *if_none_match, const char *etag)
{
    const char *at = if_none_match;

    if (!at)
        return false;
    if (text_equal(at, "*"))
        return true;
    for (;;) {
        const char *rest;

        at = skip_blanks(at);
        if (text_starts_with(at, "W/"))
            at += 2;
        if (starts_with_tag(at, etag, &rest)) {
            rest = skip_blanks(rest);
            if (rest[0] == '\0' || rest[0] == ',')
                return true;
        }
        if (at[0] == '"') {
            at = strchr(at + 1, '"'); /* a comma may stand inside a tag */
            if (!at)
                return false;
        }
        at = strchr(at, ',');
        if (!at)
            return false;
        at++;
    }
}
