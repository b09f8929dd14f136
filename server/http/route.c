/* Walks the tables; a mismatch mostly shows in the first few characters, so a hundred routes cost
 * less than one system call. */
#include "server/http/route.h"

#include <string.h>

#include "lib/base/text.h"
#include "server/http/parse.h"

struct piece {
    const char *text;
    size_t len;
};

/* Compares a path with a route's; `pieces` gets what its ":name" segments stand for. */
static bool fits(const char *pattern, const char *path, struct piece pieces[HTTP_PARAMS_MAX])
{
    size_t count = 0;

    memset(pieces, 0, HTTP_PARAMS_MAX * sizeof(*pieces)); /* of a route that nearly fitted */
    while (*pattern) {
        size_t name_len;
        size_t len;

        if (*pattern != ':') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        name_len = strcspn(pattern, "/");
        len = pattern[name_len - 1] == '*' ? strlen(path) : strcspn(path, "/");
        if (len == 0)
            return false;
        ASSERT(count < HTTP_PARAMS_MAX);
        pieces[count++] = (struct piece){.text = path, .len = len};
        pattern += name_len;
        path += len;
    }
    return *path == '\0';
}

static bool serves(const struct http_route *route, enum http_method method)
{
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    return text_equal(route->method, http_method_name(method));
}

static void add_allowed(char allow[HTTP_ALLOW_ROOM], const char *method)
{
    size_t len = strlen(allow);

    if (strstr(allow, method))
        return;
    if (len)
        (void)text_copy(allow + len, HTTP_ALLOW_ROOM - len, ", "); /* the room is for all six */
    len = strlen(allow);
    (void)text_copy(allow + len, HTTP_ALLOW_ROOM - len, method);
    if (text_equal(method, "GET"))
        add_allowed(allow, "HEAD");
}

static const struct http_route *find_in(const struct http_route *table, size_t count,
                                        enum http_method method, const char *path,
                                        struct piece *pieces, char *allow)
{
    for (size_t i = 0; i < count; i++) {
        if (!fits(table[i].path, path, pieces))
            continue;
        if (serves(&table[i], method))
            return &table[i];
        add_allowed(allow, table[i].method);
    }
    return NULL;
}

enum http_match_verdict http_route_find(const struct http_app *app, enum http_method method,
                                        const char *path, struct arena *arena,
                                        struct http_match *out)
{
    *out = (struct http_match){0};
    for (size_t i = 0; app->route_tables[i]; i++) {
        struct piece pieces[HTTP_PARAMS_MAX] = {0};

        out->route =
            find_in(app->route_tables[i], app->route_counts[i], method, path, pieces, out->allow);
        if (!out->route)
            continue;
        out->allow[0] = '\0';
        for (size_t k = 0; k < HTTP_PARAMS_MAX; k++) {
            if (pieces[k].text)
                out->params[k] = arena_strndup(arena, pieces[k].text, pieces[k].len);
        }
        return HTTP_MATCH_FOUND;
    }
    return out->allow[0] ? HTTP_MATCH_NO_METHOD : HTTP_MATCH_NO_PATH;
}
