#pragma once
/*
 * JSON as people read it: lists as aligned columns, one object as "name: value" lines.
 */
#include <stdio.h>

#include "lib/json/json.h"

struct column {
    const char *title;
    const char *field; /* "id", or a path: "installed.0.version" */
};

/* The items of a list, a line each, under a line of titles; "none" when there are none. The
 * columns end with an empty one. */
void table_print(FILE *out, const json_t *items, const struct column *columns);
/* Every field on its own line, nested ones indented. */
void table_print_object(FILE *out, const json_t *object);
/* The text of a field by its path; numbers and booleans as text, "-" when it is not there.
 * `room` bytes of `out`. */
void table_value(const json_t *object, const char *field, char *out, size_t room);
