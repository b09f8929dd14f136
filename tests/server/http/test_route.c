#include "server/http/route.h"

#include <criterion/criterion.h>
#include <string.h>

static void nothing(struct http_request *req, void *app)
{
    (void)req;
    (void)app;
}

static const struct http_route first[] = {
    {.method = "GET", .path = "/", .handler = nothing},
    {.method = "GET", .path = "/items", .handler = nothing},
    {.method = "POST", .path = "/items", .handler = nothing},
    {.method = "GET", .path = "/items/new", .handler = nothing},
    {.method = "GET", .path = "/items/:id", .handler = nothing},
    {.method = "DELETE", .path = "/items/:id", .handler = nothing},
};
static const struct http_route second[] = {
    {.method = "GET", .path = "/t/:tenant/image/:path*", .handler = nothing},
    {.method = "PUT", .path = "/a/:b/:c/d", .handler = nothing},
};
static const struct http_route *const tables[] = {first, second, NULL};
static const size_t counts[] = {COUNT(first), COUNT(second)};
static const struct http_app app = {.route_tables = tables, .route_counts = counts};

Test(http_route, is_found_by_path_and_method)
{
    static const struct {
        enum http_method method;
        const char *path;
        const struct http_route *route;
        const char *params[2];
        const char *allow;
    } cases[] = {
        {HTTP_GET, "/", &first[0], {NULL}, ""},
        {HTTP_HEAD, "/", &first[0], {NULL}, ""},
        {HTTP_POST, "/items", &first[2], {NULL}, ""},
        {HTTP_GET, "/items/new", &first[3], {NULL}, ""},
        {HTTP_GET, "/items/x y", &first[4], {"x y"}, ""},
        {HTTP_DELETE, "/items/new", &first[5], {"new"}, ""},
        {HTTP_GET, "/t/acme/image/targets/a.img", &second[0], {"acme", "targets/a.img"}, ""},
        {HTTP_PUT, "/a/1/2/d", &second[1], {"1", "2"}, ""},
        {HTTP_PUT, "/items", NULL, {NULL}, "GET, HEAD, POST"},
        {HTTP_HEAD, "/a/1/2/d", NULL, {NULL}, "PUT"},
        {HTTP_PATCH, "/items/7", NULL, {NULL}, "GET, HEAD, DELETE"},
        {HTTP_GET, "/item", NULL, {NULL}, ""},
        {HTTP_GET, "/itemss", NULL, {NULL}, ""},
        {HTTP_GET, "/items/", NULL, {NULL}, ""},
        {HTTP_GET, "/items/7/", NULL, {NULL}, ""},
        {HTTP_GET, "/t/acme/image/", NULL, {NULL}, ""},
        {HTTP_GET, "/t//image/a", NULL, {NULL}, ""},
        {HTTP_GET, "/t/acme/image", NULL, {NULL}, ""},
        {HTTP_PUT, "/a/1/2/e", NULL, {NULL}, ""},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_match match;
        enum http_match_verdict verdict =
            http_route_find(&app, cases[i].method, cases[i].path, arena, &match);

        cr_expect_eq(match.route, cases[i].route, "%s", cases[i].path);
        cr_expect_str_eq(match.allow, cases[i].allow);
        if (!cases[i].route)
            cr_expect_eq(verdict, cases[i].allow[0] ? HTTP_MATCH_NO_METHOD : HTTP_MATCH_NO_PATH,
                         "%s", cases[i].path);
        for (size_t k = 0; k < 2; k++) {
            cr_expect_eq(match.params[k] != NULL, cases[i].params[k] != NULL, "%s", cases[i].path);
            if (match.params[k] && cases[i].params[k])
                cr_expect_str_eq(match.params[k], cases[i].params[k]);
        }
    }
    arena_free(arena);
}
