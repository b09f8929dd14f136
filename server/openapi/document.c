/*
 * From routes and rows to the document. One pass over the route tables; what many operations have
 * in common (problems, schemes) is a component, named once.
 */
#include <ctype.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/http/problem.h"
#include "server/openapi/openapi.h"
#include "server/routes.h"

static void set(json_t *object, const char *name, json_t *value)
{
    ASSERT(json_object_set_new(object, name, value) == 0);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    set(object, name, json_string(text));
}

static void append(json_t *array, json_t *value)
{
    ASSERT(json_array_append_new(array, value) == 0);
}

static json_t *ref(const char *kind, const char *name)
{
    json_t *object = json_object();

    set(object, "$ref", json_sprintf("#/components/%s/%s", kind, name));
    return object;
}

/* --- components --------------------------------------------------------------------------------
 */

static json_t *problem_schema(void)
{
    json_t *schema = shape_schema("{status:int(400,599), type:text, title:text, detail?:text, "
                                  "code?:text, ...}");
    json_t *types = json_array();
    size_t count;
    const struct problem *problems = problem_all(&count);

    for (size_t i = 0; i < count; i++)
        append(types, json_string(problems[i].type));
    set(json_object_get(json_object_get(schema, "properties"), "type"), "enum", types);
    set_text(schema, "description", "RFC 9457; `type` is stable, `detail` is for people");
    return schema;
}

/* One response for a status: its types, and the first as an example. */
static json_t *problem_response(const struct problem *problem)
{
    json_t *response = json_object(), *content = json_object(), *media = json_object();
    json_t *example = json_object();
    AUTO_BUF text;

    buf_init(&text, PROBLEM_TEXT_MAX);
    problem_format(problem, NULL, REFUSAL_NONE, &text);
    json_decref(example);
    example = json_loads(buf_text(&text), 0, NULL);
    ASSERT(example);
    set_text(response, "description", problem->title);
    set(media, "schema", ref("schemas", "Problem"));
    set(media, "example", example);
    set(content, "application/problem+json", media);
    set(response, "content", content);
    return response;
}

static const char *response_name(int status, char out[16])
{
    AUTO_BUF text;

    buf_init(&text, 15);
    buf_printf(&text, "Problem%d", status);
    ASSERT(text_copy(out, 16, buf_text(&text)));
    return out;
}

static json_t *components(void)
{
    json_t *all = json_object(), *responses = json_object(), *schemas = json_object();
    json_t *schemes = json_object();
    size_t count;
    const struct problem *problems = problem_all(&count);
    char name[16];

    for (size_t i = 0; i < count; i++) {
        if (!json_object_get(responses, response_name(problems[i].status, name)))
            set(responses, name, problem_response(&problems[i]));
    }
    set(schemas, "Problem", problem_schema());
    for (const struct shape_name *at = shape_names; at->name; at++)
        set(schemas, at->name, shape_schema(at->shape));
    set(schemes, "operator",
        json_pack("{s:s, s:s, s:s}", "type", "http", "scheme", "bearer", "description",
                  "An operator's token; its role decides what it may do"));
    set(schemes, "device",
        json_pack("{s:s, s:s, s:s}", "type", "http", "scheme", "bearer", "description",
                  "The token of a device's session"));
    set(all, "schemas", schemas);
    set(all, "responses", responses);
    set(all, "securitySchemes", schemes);
    return all;
}

/* --- parameters --------------------------------------------------------------------------------
 */

static json_t *parameter(const char *name, const char *in, const char *shape, const char *summary)
{
    json_t *object = json_object();

    set_text(object, "name", name);
    set_text(object, "in", in);
    if (text_equal(in, "path"))
        set(object, "required", json_true());
    if (summary)
        set_text(object, "description", summary);
    set(object, "schema", shape_schema(shape));
    return object;
}

/* What a path's parameter looks like is what it is called. */
static const char *path_shape(const char *name)
{
    if (text_equal(name, "id"))
        return "uuid";
    if (text_equal(name, "device") || text_equal(name, "sha256"))
        return "hash";
    return "text";
}

static const char *sample(const char *name, void *arg)
{
    (void)arg;
    return openapi_sample(name);
}

static void add_path_parameters(json_t *list, const struct openapi_row *row)
{
    unsigned n = 0;

    for (const char *at = strstr(row->path, "/:"); at; at = strstr(at + 1, "/:")) {
        AUTO_BUF name;
        char known[64];
        json_t *added;

        buf_init(&name, 64);
        buf_add(&name, at + 2, strcspn(at + 2, "/*"));
        added = parameter(buf_text(&name), "path", path_shape(buf_text(&name)), NULL);
        ASSERT(openapi_param_name(row, n++, known, sizeof(known)));
        set_text(added, "example", openapi_sample(known));
        append(list, added);
    }
}

static void add_query_parameters(json_t *list, const struct openapi_row *row)
{
    for (const char *at = row->query; at && *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        const struct openapi_parameter *known = openapi_parameter_find(at, len);
        json_t *added;

        ASSERT(known);
        added = parameter(known->name, "query", known->shape, known->summary);
        if (known->example)
            set_text(added, "example", known->example);
        append(list, added);
        at += len;
    }
}

static void add_header_parameters(json_t *list, const struct http_route *route)
{
    if (route->access != ACCESS_OPERATOR)
        return;
    if (text_equal(route->method, "POST"))
        append(list, parameter("Idempotency-Key", "header", "text(1,128)",
                               "The same key and body within 24 hours: the same answer, done "
                               "once"));
    else if (text_equal(route->method, "GET"))
        append(list, parameter("If-None-Match", "header", "text",
                               "An ETag that is known: 304 when it is still so"));
    else
        append(list, parameter("If-Match", "header", "text",
                               "The ETag that was read: 412 when it is no longer so"));
}

/* --- one operation -----------------------------------------------------------------------------
 */

static json_t *content(const char *media_type, json_t *schema, json_t *example)
{
    json_t *all = json_object(), *media = json_object();

    if (schema)
        set(media, "schema", schema);
    if (example)
        set(media, "example", example);
    set(all, media_type, media);
    return all;
}

static json_t *request_body(const struct openapi_row *row)
{
    json_t *body = json_object();
    json_t *example = NULL;
    AUTO_BUF text;

    buf_init(&text, 65536);
    if (row->example) {
        ASSERT(openapi_fill(row->example, sample, NULL, &text));
        example = json_loads(buf_text(&text), 0, NULL);
        ASSERT(example);
    }
    set(body, "required", json_true());
    set(body, "content",
        text_equal(row->body, OPENAPI_BYTES)
            ? content("application/octet-stream", NULL, NULL)
            : content("application/json", shape_schema(row->body), example));
    return body;
}

static json_t *good_response(const struct http_route *route, const struct openapi_row *row)
{
    json_t *response = json_object();
    json_t *schema;

    set_text(response, "description", route->summary);
    if (row->answer) {
        schema = shape_schema(row->answer);
        set(response, "content", content("application/json", schema, shape_example(schema)));
    } else if (row->media) {
        set(response, "content", content(row->media, NULL, NULL));
    }
    return response;
}

static void refuse(json_t *responses, int status)
{
    AUTO_BUF key;
    char name[16];

    buf_init(&key, 16);
    buf_printf(&key, "%d", status);
    set(responses, buf_text(&key), ref("responses", response_name(status, name)));
}

static void add_refusals(json_t *responses, const struct http_route *route,
                         const struct openapi_row *row)
{
    bool changes = !text_equal(route->method, "GET");

    if (route->access != ACCESS_PUBLIC) {
        refuse(responses, 401);
        refuse(responses, 403);
    }
    if (strstr(route->path, "/:"))
        refuse(responses, 404);
    if (changes || row->query || strstr(route->path, "/:"))
        refuse(responses, 400);
    if (route->body_max > 0)
        refuse(responses, 413);
    if (changes && route->access == ACCESS_OPERATOR) {
        refuse(responses, 409);
        refuse(responses, 422);
        if (!text_equal(route->method, "POST"))
            refuse(responses, 412);
    }
    if (!text_equal(route->path, "/healthz"))
        refuse(responses, 503);
    for (const char *at = row->refusals; at && *at;) {
        uint64_t status;
        size_t len = strcspn(at, " ");

        ASSERT(text_to_u64(at, len, 400, 599, &status));
        refuse(responses, (int)status);
        at += len + strspn(at + len, " ");
    }
}

static json_t *responses_of(const struct http_route *route, const struct openapi_row *row)
{
    json_t *responses = json_object();
    AUTO_BUF status;

    buf_init(&status, 16);
    buf_printf(&status, "%d", row->status ? row->status : 200);
    set(responses, buf_text(&status), good_response(route, row));
    if (route->access == ACCESS_OPERATOR && text_equal(route->method, "GET"))
        set(responses, "304", json_pack("{s:s}", "description", "It is what the caller knows"));
    add_refusals(responses, route, row);
    return responses;
}

/* "getApiV1ProductsId": unique, because method and path are. */
static void operation_id(const struct http_route *route, struct buf *out)
{
    bool upper = false;

    for (const char *at = route->method; *at; at++)
        buf_add_u8(out, (uint8_t)tolower((unsigned char)*at));
    for (const char *at = route->path; *at; at++) {
        if (!isalnum((unsigned char)*at)) {
            upper = true;
            continue;
        }
        buf_add_u8(out, (uint8_t)(upper ? toupper((unsigned char)*at) : *at));
        upper = false;
    }
}

/* The third segment of /api/v1/..., the first of the others. */
static json_t *tags_of(const char *path)
{
    const char *at = text_starts_with(path, "/api/v1/") ? path + strlen("/api/v1/") : path + 1;
    json_t *tags = json_array();

    append(tags, json_stringn(at, strcspn(at, "/:")));
    return tags;
}

static json_t *security_of(enum http_access access)
{
    json_t *list = json_array();

    if (access == ACCESS_OPERATOR)
        append(list, json_pack("{s:[]}", "operator"));
    else if (access == ACCESS_DEVICE)
        append(list, json_pack("{s:[]}", "device"));
    return list;
}

static json_t *operation(const struct http_route *route, const struct openapi_row *row)
{
    json_t *object = json_object(), *parameters = json_array();
    AUTO_BUF id;

    buf_init(&id, 256);
    operation_id(route, &id);
    set_text(object, "operationId", buf_text(&id));
    set_text(object, "summary", route->summary);
    set(object, "tags", tags_of(route->path));
    set(object, "security", security_of(route->access));
    add_path_parameters(parameters, row);
    add_query_parameters(parameters, row);
    add_header_parameters(parameters, route);
    set(object, "parameters", parameters);
    if (row->body)
        set(object, "requestBody", request_body(row));
    set(object, "responses", responses_of(route, row));
    return object;
}

/* --- the document ------------------------------------------------------------------------------
 */

/* "/api/v1/products/:id" is "/api/v1/products/{id}" here. */
static void template_of(const char *path, struct buf *out)
{
    while (*path) {
        size_t plain = strcspn(path, ":");
        size_t len;

        buf_add(out, path, plain);
        path += plain;
        if (!*path || path[-1] != '/') {
            buf_add(out, path, *path ? 1 : 0);
            path += *path ? 1 : 0;
            continue;
        }
        len = strcspn(path, "/*");
        buf_add_text(out, "{");
        buf_add(out, path + 1, len - 1);
        buf_add_text(out, "}");
        path += len + (path[len] == '*' ? 1 : 0);
    }
}

static void add_operation(json_t *paths, const struct http_route *route)
{
    const struct openapi_row *row = openapi_find(route->method, route->path);
    AUTO_BUF path, method;
    json_t *item;

    buf_init(&path, 256);
    buf_init(&method, 16);
    if (!row) /* a test says so; the rest of the document is still right */
        return;
    template_of(route->path, &path);
    for (const char *at = route->method; *at; at++)
        buf_add_u8(&method, (uint8_t)tolower((unsigned char)*at));
    item = json_object_get(paths, buf_text(&path));
    if (!item) {
        item = json_object();
        set(paths, buf_text(&path), item);
    }
    set(item, buf_text(&method), operation(route, row));
}

json_t *openapi_document(void)
{
    json_t *document = json_object(), *paths = json_object();

    set_text(document, "openapi", "3.1.0");
    set(document, "info",
        json_pack("{s:s, s:s, s:s}", "title", "Slipway", "version", "1", "summary",
                  "Keeps a fleet of Linux devices on the software its owner chose"));
    for (size_t i = 0; route_tables[i]; i++) {
        for (size_t k = 0; k < route_counts[i]; k++)
            add_operation(paths, &route_tables[i][k]);
    }
    set(document, "paths", paths);
    set(document, "components", components());
    return document;
}
