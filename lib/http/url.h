#pragma once
/*
 * URLs, strictly: percent-decoding that refuses what could be read two ways, query values, and
 * absolute http(s) URLs taken apart for clients.
 */
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/*
 * Decodes an absolute path ("/a/b%20c") to `out`, which holds len + 1 bytes. Refused: characters
 * RFC 3986 does not allow, bad percent codes, an encoded slash, control characters, the segments
 * "." and "..", and empty segments but the last. So splitting `out` at its slashes gives exactly
 * the segments that were sent.
 */
MUST_USE bool url_path_decode(const char *text, size_t len, char *out);
/* Whether a raw query ("a=1&b=%20") has only allowed characters and good percent codes, no %00. */
MUST_USE bool url_query_valid(const char *text, size_t len);
/* The decoded value of the first parameter of that name, "+" read as a blank; NULL when there is
 * none. */
char *url_query_value(const char *query, const char *name, struct arena *arena);
/* Adds `text` with everything but unreserved characters percent-encoded: one segment or value. */
void url_encode(const char *text, struct buf *out);

enum { URL_HOST_MAX = 255 };

struct url {
    bool tls;                    /* https */
    char host[URL_HOST_MAX + 1]; /* lower case, an IPv6 address without its brackets */
    unsigned port;               /* the scheme's own when none was given */
    const char *path;            /* path and query inside the parsed text; "" when none */
};

/* No user, no fragment. `out->path` borrows `text`. */
MUST_USE bool url_parse(const char *text, struct url *out, struct err *err);
/* Same scheme, host and port: where a credential may go. */
bool url_same_origin(const struct url *a, const struct url *b);
