/* The document is whole: every route of every table is in it, and all it says hangs together. A
 * validator of other people looks at it in tests/acceptance, a server in tests/e2e. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/openapi/openapi.h"
#include "server/routes.h"

static const struct http_route *route_of(const struct openapi_row *row)
{
    for (size_t i = 0; route_tables[i]; i++) {
        for (size_t k = 0; k < route_counts[i]; k++) {
            const struct http_route *route = &route_tables[i][k];

            if (text_equal(route->method, row->method) && text_equal(route->path, row->path))
                return route;
        }
    }
    return NULL;
}

typedef void row_fn(const struct openapi_row *row, const char *what);

static void each_row(row_fn *fn)
{
    for (size_t i = 0; openapi_tables[i]; i++) {
        for (const struct openapi_row *row = openapi_tables[i]; row->method; row++) {
            AUTO_FREE char *what = mem_printf("%s %s", row->method, row->path);

            fn(row, what);
        }
    }
}

static const char *sample(const char *name, void *arg)
{
    (void)arg;
    return openapi_sample(name);
}

Test(openapi, has_a_row_for_every_route)
{
    for (size_t i = 0; route_tables[i]; i++) {
        for (size_t k = 0; k < route_counts[i]; k++) {
            const struct http_route *route = &route_tables[i][k];

            cr_expect(openapi_find(route->method, route->path),
                      "%s %s has no row in server/openapi", route->method, route->path);
        }
    }
}

static void expect_route(const struct openapi_row *row, const char *what)
{
    const struct http_route *route = route_of(row);

    cr_assert(route, "%s is no route", what);
    cr_expect_eq(openapi_find(row->method, row->path), row, "%s stands there twice", what);
    cr_expect(!row->body || route->body_max > 0, "%s takes no body", what);
    cr_expect(!row->example || row->body, "%s: an example of no body", what);
    cr_expect(!row->body || text_equal(row->body, OPENAPI_BYTES) || row->example || row->replay,
              "%s has no example", what);
    cr_expect(!row->answer || !row->media, "%s answers with two things", what);
    cr_expect(row->answer || row->media, "%s does not say what it answers", what);
}

Test(openapi, has_no_row_without_a_route_or_an_example)
{
    each_row(expect_route);
}

static void expect_shapes(const struct openapi_row *row, const char *what)
{
    AUTO_JSON *answer = row->answer ? shape_schema(row->answer) : NULL;
    AUTO_JSON *body = row->example ? shape_schema(row->body) : NULL;
    AUTO_JSON *example = NULL;
    AUTO_BUF text;
    struct err err = {0};

    buf_init(&text, 1 << 20);
    cr_expect(!row->answer || answer, "%s: its answer has no shape", what);
    if (!row->example)
        return;
    cr_assert(openapi_fill(row->example, sample, NULL, &text));
    example = json_loads(buf_text(&text), 0, NULL);
    cr_assert(example, "%s: %s", what, buf_text(&text));
    cr_expect(shape_check(body, example, "example", &err), "%s: %s", what, err.text);
}

Test(openapi, has_examples_that_fit_their_shapes)
{
    each_row(expect_shapes);
}

/* --- the document ------------------------------------------------------------------------------
 */

static const json_t *resolve(const json_t *document, const char *ref)
{
    cr_assert(text_starts_with(ref, "#/"), "%s", ref);
    for (const char *at = ref + 2; *at && document;) {
        size_t len = strcspn(at, "/");
        AUTO_FREE char *name = mem_strndup(at, len);

        document = json_object_get(document, name);
        at += len + (at[len] == '/');
    }
    return document;
}

static void expect_refs(const json_t *document, const json_t *part)
{
    const char *ref = json_string_value(json_object_get(part, "$ref"));
    const char *name;
    json_t *member;

    if (ref)
        cr_expect(resolve(document, ref), "%s is nowhere", ref);
    json_object_foreach(json_iterable(part), name, member) expect_refs(document, member);
    for (size_t i = 0; i < json_array_size(part); i++)
        expect_refs(document, json_array_get(part, i));
}

Test(openapi, refers_to_nothing_that_is_not_there)
{
    AUTO_JSON *document = openapi_document();

    cr_expect_str_eq(json_string_value(json_object_get(document, "openapi")), "3.1.0");
    expect_refs(document, document);
}

/* Every "{name}" of the path is a parameter, and the other way round. */
static void expect_parameters(const char *path, const json_t *operation)
{
    const json_t *list = json_object_get(operation, "parameters");
    size_t in_path = 0, in_list = 0;

    for (const char *at = strchr(path, '{'); at; at = strchr(at + 1, '{'))
        in_path++;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *parameter = json_array_get(list, i);
        AUTO_FREE char *name =
            mem_printf("{%s}", json_string_value(json_object_get(parameter, "name")));

        if (!text_equal(json_string_value(json_object_get(parameter, "in")), "path"))
            continue;
        in_list++;
        cr_expect(strstr(path, name), "%s has no %s", path, name);
    }
    cr_expect_eq(in_path, in_list, "%s", path);
}

static bool has_good_response(const json_t *operation)
{
    const char *status;
    json_t *response;

    json_object_foreach(json_object_get(json_iterable(operation), "responses"), status, response)
    {
        if (status[0] == '2' && json_object_get(response, "description"))
            return true;
    }
    return false;
}

Test(openapi, has_whole_operations_with_names_of_their_own)
{
    AUTO_JSON *document = openapi_document();
    AUTO_JSON *names = json_object();
    size_t routes = 0, operations = 0;
    const char *path, *method;
    json_t *item, *operation;

    for (size_t i = 0; route_tables[i]; i++)
        routes += route_counts[i];
    json_object_foreach(json_object_get(document, "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            const char *id = json_string_value(json_object_get(operation, "operationId"));

            operations++;
            cr_assert(id, "%s %s", method, path);
            cr_expect_null(json_object_get(names, id), "%s is there twice", id);
            (void)json_object_set_new(names, id, json_true());
            cr_expect(has_good_response(operation), "%s", id);
            expect_parameters(path, operation);
        }
    }
    cr_expect_eq(operations, routes);
}
