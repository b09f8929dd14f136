/* Two passes: widths, then lines. Values are cut at VALUE_ROOM, never wrapped. */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { COLUMNS_MAX = 12, VALUE_ROOM = 120, DEPTH_MAX = 12 };

static const json_t *follow(const json_t *at, const char *field)
{
    while (at && *field) {
        const char *dot = strchrnul(field, '.');
        AUTO_FREE char *name = mem_strndup(field, (size_t)(dot - field));

        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10))
                               : json_object_get(at, name);
        field = *dot ? dot + 1 : dot;
    }
    return at;
}

/* Text from outside stays on its line and away from the terminal's control characters. */
static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void scalar(const json_t *value, char *out, size_t room)
{
    if (json_is_string(value)) {
        (void)text_copy(out, room, json_string_value(value)); /* cut on purpose */
    } else if (!value || json_is_null(value)) {
        (void)text_copy(out, room, "-");
    } else {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

        (void)text_copy(out, room, text ? text : "?"); /* cut on purpose */
        mem_free(text);
    }
    clean(out);
}

void table_value(const json_t *object, const char *field, char *out, size_t room)
{
    const json_t *value = follow(object, field);
    char joined[VALUE_ROOM] = "";
    size_t used = 0;

    if (!json_is_array(value)) {
        scalar(value, out, room);
        return;
    }
    for (size_t i = 0; i < json_array_size(value) && used < sizeof(joined) - 1; i++) {
        char item[VALUE_ROOM];
        int n;

        scalar(json_array_get(value, i), item, sizeof(item));
        n = snprintf(joined + used, sizeof(joined) - used, "%s%s", i ? "," : "", item);
        used += n > 0 ? (size_t)n : 0;
    }
    (void)text_copy(out, room, used ? joined : "-"); /* cut on purpose */
}

static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80; /* code points, not bytes */
    return width;
}

static void print_cell(FILE *out, const char *text, int width, bool last)
{
    (void)fprintf(out, "%s%*s", text, last ? 0 : width - width_of(text) + 2, "");
}

void table_print(FILE *out, const json_t *items, const struct column *columns)
{
    int widths[COLUMNS_MAX] = {0};
    size_t count = 0;
    char text[VALUE_ROOM];

    while (columns[count].title)
        count++;
    ASSERT(count > 0 && count <= COLUMNS_MAX);
    if (json_array_size(items) == 0) {
        (void)fprintf(out, "none\n");
        return;
    }
    for (size_t c = 0; c < count; c++) {
        widths[c] = width_of(columns[c].title);
        for (size_t i = 0; i < json_array_size(items); i++) {
            table_value(json_array_get(items, i), columns[c].field, text, sizeof(text));
            if (width_of(text) > widths[c])
                widths[c] = width_of(text);
        }
    }
    for (size_t c = 0; c < count; c++)
        print_cell(out, columns[c].title, widths[c], c + 1 == count);
    (void)fputc('\n', out);
    for (size_t i = 0; i < json_array_size(items); i++) {
        for (size_t c = 0; c < count; c++) {
            table_value(json_array_get(items, i), columns[c].field, text, sizeof(text));
            print_cell(out, text, widths[c], c + 1 == count);
        }
        (void)fputc('\n', out);
    }
}

static bool is_nested(const json_t *value)
{
    return (json_is_object(value) && json_object_size(value) > 0) ||
           (json_is_array(value) && json_array_size(value) > 0 &&
            !json_is_string(json_array_get(value, 0)));
}

/* Bounded by DEPTH_MAX, which no answer of ours reaches. */
static void print_nested(FILE *out, const json_t *value, int depth);

static void print_field(FILE *out, const char *name, const json_t *value, int depth)
{
    char text[VALUE_ROOM * 4];

    if (is_nested(value) && depth < DEPTH_MAX) {
        (void)fprintf(out, "%*s%s:\n", depth * 2, "", name);
        print_nested(out, value, depth + 1);
        return;
    }
    table_value(value, "", text, sizeof(text));
    (void)fprintf(out, "%*s%s: %s\n", depth * 2, "", name, text);
}

static void print_nested(FILE *out, const json_t *value, int depth)
{
    if (json_is_object(value)) {
        for (void *i = json_object_iter(json_iterable(value)); i;
             i = json_object_iter_next(json_iterable(value), i))
            print_field(out, json_object_iter_key(i), json_object_iter_value(i), depth);
        return;
    }
    for (size_t n = 0; n < json_array_size(value); n++) {
        char name[24];

        (void)snprintf(name, sizeof(name), "%zu", n + 1);
        print_field(out, name, json_array_get(value, n), depth);
    }
}

void table_print_object(FILE *out, const json_t *object)
{
    print_nested(out, object, 0);
}
