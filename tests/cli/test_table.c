#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "lib/base/mem.h"

static json_t *tree(const char *text)
{
    json_t *out = json_loads(text, 0, NULL);

    cr_assert(out);
    return out;
}

Test(table, aligns_columns_and_follows_paths)
{
    static const struct column columns[] = {
        {"NAME", "name"}, {"RUNS", "installed.0.version"}, {"HW", "hwids"}, {0}};
    AUTO_JSON *items =
        tree("[{\"name\":\"a\",\"installed\":[{\"version\":\"1.0\"}],\"hwids\":[\"x\","
             "\"y\"]},{\"name\":\"longer\",\"installed\":[]}]");
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    table_print(out, items, columns);
    (void)fclose(out);

    cr_expect_str_eq(text, "NAME    RUNS  HW\n"
                           "a       1.0   x,y\n"
                           "longer  -     -\n");
}

Test(table, keeps_control_characters_off_the_terminal)
{
    AUTO_JSON *object = tree("{\"detail\":\"a\\u001b[31m\\nb\"}");
    char out[64];

    table_value(object, "detail", out, sizeof(out));

    cr_expect_str_eq(out, "a?[31m?b");
}

Test(table, shows_an_object_line_by_line)
{
    AUTO_JSON *object = tree("{\"id\":1,\"gate\":{\"failed\":true},\"phases\":[{\"percent\":5}],"
                             "\"none\":null}");
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    table_print_object(out, object);
    (void)fclose(out);

    cr_expect_str_eq(text,
                     "id: 1\ngate:\n  failed: true\nphases:\n  1:\n    percent: 5\nnone: -\n");
}
