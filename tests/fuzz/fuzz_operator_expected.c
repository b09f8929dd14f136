/*
 * A list of devices that are expected, as an operator sends it. Beyond not crashing: what is taken
 * has a group and tags that parse for every line, and what is refused names its line.
 */
#include <string.h>

#include "server/operator/expected_input.h"
#include "server/operator/tags_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct expected_list *list)
{
    ASSERT(list->count > 0 && list->count <= EXPECTED_LINES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        AUTO_JSON *tags = NULL;
        struct err err;

        ASSERT(list->groups[i][0] != '\0');
        ASSERT(json_parse(list->tags[i], strlen(list->tags[i]), &json_limits_api, &tags, &err));
        ASSERT(tags_check(tags, "tags", false, &err));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct expected_lines lines = {(const char *)data, size, 7, size % 2 ? "cam/lab" : NULL};
    struct arena *arena = arena_new();
    struct expected_list list;
    struct err err = {0};

    if (expected_parse(&lines, arena, &list, &err))
        check(&list);
    else
        ASSERT((err.code == ERR_INVALID || err.code == ERR_LIMIT) &&
               (strncmp(err.text, "line ", 5) == 0 || strncmp(err.text, "there ", 6) == 0));
    arena_free(arena);
    return 0;
}
