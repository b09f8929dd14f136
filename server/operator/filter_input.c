/* Parsed here so that a mistake is told by its place, before any statement runs. */
#include "server/operator/filter_input.h"

#include "server/rollout/filter.h"

bool input_filter(const char *text, struct arena *arena, const char **out, struct err *err)
{
    AUTO_FILTER *filter = NULL;
    AUTO_BUF program;

    buf_init(&program, FILTER_JSON_BYTES_MAX);
    *out = NULL;
    if (!text)
        return true;
    if (!filter_parse(text, &filter, err))
        return false;
    filter_format_json(filter, &program);
    *out = arena_strdup(arena, buf_text(&program));
    return true;
}
