#pragma once
/*
 * GET /api/v1/openapi.json: what an OpenAPI 3.1 reader wants to know of every route. Method, path,
 * who may call and what for come from the route tables; a row here, found by method and path, adds
 * what they do not know: parameters, shapes of body and answer, an example. Who makes a route makes
 * its row: a test fails without.
 *
 * The rows of all tables in their order are also a script: tests replay the examples against a
 * server. "${NAME}" in an example (raw, so quotes stand around it) is what an earlier answer or
 * the test gave; in the document it is a value that looks like one.
 */
#include "lib/base/buf.h"
#include "server/http/http.h"
#include "server/openapi/shape.h"

struct openapi_row {
    const char *method;
    const char *path;
    const char *query;   /* "limit after name": each a row of the table of parameters; NULL: none */
    const char *ask;     /* the query of the example: "device=${device}"; NULL: none */
    const char *body;    /* a shape; OPENAPI_BYTES: a file; NULL: none, or none is needed */
    const char *answer;  /* a shape; NULL: see media */
    const char *media;   /* of an answer that is not JSON; NULL and no answer: nothing but 2xx */
    const char *example; /* the body's */
    const char *names; /* of the path's parameters, "groups" or "device,spare"; NULL: by the path */
    const char *keeps; /* "NAME=FIELD" (or "NAME=items.0.FIELD"): of the answer, for later rows */
    const char *replay;   /* why tests cannot replay it, or NULL */
    const char *refusals; /* statuses beside those that every such route has: "412" */
    int status;           /* of the good answer; 0: 200 */
};

#define OPENAPI_BYTES "bytes"

/* Ends with NULL; each table with a row without a method. */
extern const struct openapi_row *const openapi_tables[];
extern const struct openapi_row openapi_rows_setup[], openapi_rows_fleet[], openapi_rows_rollout[],
    openapi_rows_reports[], openapi_rows_repo[], openapi_rows_device[], openapi_rows_last[];

/* NULL when there is none. */
const struct openapi_row *openapi_find(const char *method, const char *path);
/* The name under which the n-th parameter of a row's path is known to examples; false when the path
 * has no more. */
MUST_USE bool openapi_param_name(const struct openapi_row *row, unsigned n, char *out, size_t room);
/* What examples say where only a server knows: a value for ${name}. */
const char *openapi_sample(const char *name);
/* Text with every ${NAME} replaced by what `value` says of it; false when it says NULL. */
typedef const char *openapi_value_fn(const char *name, void *arg);
MUST_USE bool openapi_fill(const char *text, openapi_value_fn *value, void *arg, struct buf *out);
/* The path as it is asked for: "/api/v1/products/UUID". */
MUST_USE bool openapi_fill_path(const struct openapi_row *row, openapi_value_fn *value, void *arg,
                                struct buf *out);

/* The whole document; the caller owns it. */
json_t *openapi_document(void);

/* The schema of a query parameter, or NULL; borrowed text of the table. */
struct openapi_parameter {
    const char *name;
    const char *shape;
    const char *summary;
    const char *example;
};
const struct openapi_parameter *openapi_parameter_find(const char *name, size_t len);
