/*
 * The text of a filter, asked of a device whose every value is the end of that text. Beyond not
 * crashing: a refusal points into the text, `not (F)` is what F is not, and the program for SQL
 * fits.
 */
#include "server/rollout/filter.h"

#include <string.h>

enum { INPUT_MAX = 2048, WRAP_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct filter_text named(enum filter_space space, struct filter_text name, const void *arg)
{
    const struct filter_text *value = arg;

    ASSERT(space < FILTER_FIXED && name.len > 0 && name.len <= FILTER_BYTES_MAX);
    return name.data[0] == 'n' ? (struct filter_text){NULL, 0} : *value;
}

static struct filter_text fixed(enum filter_fixed name, const void *arg)
{
    ASSERT(name < FILTER_FIXED_COUNT);
    return *(const struct filter_text *)arg;
}

static bool negation(const char *text, const struct filter_subject *subject, bool *out)
{
    AUTO_FILTER *filter = NULL;
    struct err err = {0};
    AUTO_BUF wrapped;

    buf_init(&wrapped, INPUT_MAX + WRAP_MAX);
    buf_printf(&wrapped, "not (%s)", text);
    if (!filter_parse(buf_text(&wrapped), &filter, &err))
        return false; /* too long or too deep now */
    *out = filter_matches(filter, subject);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[INPUT_MAX + 1];
    struct filter_text value;
    struct filter_subject subject = {named, fixed, &value};
    AUTO_FILTER *filter = NULL;
    struct err err = {0};
    bool opposite;
    AUTO_BUF json;

    buf_init(&json, FILTER_JSON_BYTES_MAX);
    if (size > INPUT_MAX)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    value = (struct filter_text){text + size - size / 4, size / 4};
    if (!filter_parse(text, &filter, &err)) {
        ASSERT(err.code == ERR_INVALID && strncmp(err.text, "filter", 6) == 0);
        return 0;
    }
    ASSERT(strlen(text) <= FILTER_BYTES_MAX);
    filter_format_json(filter, &json);
    ASSERT(!json.failed && json.len > 0);
    if (negation(text, &subject, &opposite))
        ASSERT(opposite != filter_matches(filter, &subject));
    ASSERT(filter_version_compare(value, value) == 0);
    return 0;
}
