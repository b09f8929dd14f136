#pragma once
/* Which route a request is for. Pure; the tables are the application's. */
#include "server/http/http.h"

enum http_match_verdict {
    HTTP_MATCH_FOUND,
    HTTP_MATCH_NO_PATH,   /* 404 */
    HTTP_MATCH_NO_METHOD, /* 405: `allow` says which there are */
};

enum { HTTP_PARAMS_MAX = 4, HTTP_ALLOW_ROOM = 64 };

struct http_match {
    const struct http_route *route;
    const char *params[HTTP_PARAMS_MAX]; /* in the arena */
    char allow[HTTP_ALLOW_ROOM];         /* "GET, HEAD, POST" */
};

/* `path` is decoded. */
enum http_match_verdict http_route_find(const struct http_app *app, enum http_method method,
                                        const char *path, struct arena *arena,
                                        struct http_match *out);
