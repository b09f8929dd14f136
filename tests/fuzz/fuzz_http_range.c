/*
 * Range, If-None-Match and URLs. An accepted part lies inside the file and means the same when
 * written plainly; a decoded path encodes and decodes to itself.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/http/range.h"
#include "lib/http/url.h"

enum { INPUT_MAX = 4 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const char *text, uint64_t size)
{
    struct range range = {0};
    struct range again = {0};
    char plain[80];

    if (range_parse(text, size, &range) != RANGE_PART)
        return;
    ASSERT(range.length > 0 && range.first < size && range.length <= size - range.first);
    (void)snprintf(plain, sizeof(plain), "bytes=%llu-%llu", (unsigned long long)range.first,
                   (unsigned long long)(range.first + range.length - 1)); /* two numbers fit */
    ASSERT(range_parse(plain, size, &again) == RANGE_PART);
    ASSERT(range.first == again.first && range.length == again.length);
}

static void check_path(const char *text, size_t len)
{
    AUTO_FREE char *path = mem_alloc(len + 1);
    AUTO_FREE char *again = mem_alloc(3 * len + 1);
    AUTO_BUF plain;

    buf_init(&plain, 3 * len + 1);
    if (!url_path_decode(text, len, path))
        return;
    ASSERT(path[0] == '/' && !strstr(path, "/../") && !strstr(path, "//"));
    for (const char *at = path; *at; at++) {
        const char one[] = {*at, '\0'};

        if (*at == '/')
            buf_add_text(&plain, "/");
        else
            url_encode(one, &plain);
    }
    ASSERT(url_path_decode(buf_text(&plain), plain.len, again));
    ASSERT(strcmp(path, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 1000, UINT64_MAX};
    AUTO_FREE char *text = NULL;
    struct arena *arena;
    struct url url;
    struct err err;

    if (size > INPUT_MAX)
        return 0;
    text = mem_strndup((const char *)data, size);
    for (size_t i = 0; i < COUNT(sizes); i++)
        check_range(text, sizes[i]);
    (void)etag_list_has(text, "tag");
    (void)range_if_holds(text, "tag");
    check_path(text, strlen(text));
    arena = arena_new();
    (void)url_query_value(text, "q", arena);
    if (url_parse(text, &url, &err))
        ASSERT(url.port > 0 && url.port < 65536 && url.host[0] && url_same_origin(&url, &url));
    arena_free(arena);
    return 0;
}
