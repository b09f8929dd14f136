/* Preconditions in the order of RFC 9110 §13.2.2: If-None-Match, then Range with If-Range. A HEAD
 * ignores Range (§14.2: it is defined for GET only). */
#include "server/http/file.h"

#include <unistd.h>

#include "lib/http/range.h"

struct http_file_plan http_file_plan(const struct http_head *head, uint64_t size, const char *etag)
{
    struct http_file_plan plan = {.status = 200, .length = size};
    struct range range;

    if (etag_list_has(http_head_header(head, "if-none-match"), etag))
        return (struct http_file_plan){.status = 304};
    if (head->method != HTTP_GET || !range_if_holds(http_head_header(head, "if-range"), etag))
        return plan;
    switch (range_parse(http_head_header(head, "range"), size, &range)) {
    case RANGE_WHOLE:
        break;
    case RANGE_PART:
        plan = (struct http_file_plan){.status = 206, .first = range.first, .length = range.length};
        break;
    case RANGE_UNSATISFIABLE:
        plan = (struct http_file_plan){.status = 416};
        break;
    }
    return plan;
}

enum io_result http_file_send(struct http_file *file, const struct io *io, size_t *budget)
{
    while (file->left) {
        size_t len = file->left < *budget ? (size_t)file->left : *budget;
        size_t done = 0;
        enum io_result result;

        if (len == 0)
            return IO_WANTS_WRITE;
        result = io_send_file(io, file->fd, file->offset, len, &done);
        if (result != IO_DONE)
            return result;
        file->offset += done;
        file->left -= done;
        *budget -= done;
    }
    return IO_DONE;
}

void http_file_close(struct http_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    file->left = 0;
}
