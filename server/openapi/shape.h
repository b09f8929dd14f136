#pragma once
/*
 * Shapes: a short notation for JSON Schema, in which the rows of this folder say what bodies and
 * answers look like. For texts of our own only: a mistake in one is stopped by an assertion.
 *
 *   {name:text, soak_s?:int(0,100), *:any}   an object; `?` may be missing, `*` is every other
 *   {..., ...}                               ... and others may be there, unsaid
 *   [shape]   shape|null   'all'|'none'      list, choice, words
 *   text int number bool null any            JSON's own; text(1,63), int(1,100) with a range
 *   uuid hash time name base64               texts of a form
 *   #Group                                   a row of shape_names
 *
 * An object without `*` or `...` has no other members.
 */
#include "lib/json/json.h"

/* Ends with a NULL name. */
struct shape_name {
    const char *name;
    const char *shape;
};
extern const struct shape_name shape_names[];
/* What a "$ref" means, or NULL for a schema that is none; the caller owns it. */
json_t *shape_resolve(const json_t *schema);

/* The schema; the caller owns it. */
json_t *shape_schema(const char *shape);
/* A value that fits the schema; the caller owns it. */
json_t *shape_example(const json_t *schema);
/* Does the value fit? `path` is its name in errors. For tests. */
MUST_USE bool shape_check(const json_t *schema, const json_t *value, const char *path,
                          struct err *err);
