#pragma once
/* Files as answers: which part a request asks for (pure), and sending it piece by piece. */
#include "server/http/io.h"
#include "server/http/parse.h"

struct http_file_plan {
    int status; /* 200, 206, 304 or 416 */
    uint64_t first;
    uint64_t length;
};

/* What to send of a file of `size` bytes and that name. */
struct http_file_plan http_file_plan(const struct http_head *head, uint64_t size, const char *etag);

/* What remains to be sent. */
struct http_file {
    int fd; /* owned; -1: none */
    uint64_t offset;
    uint64_t left;
};

/* Sends until the connection is full, the file's part is sent (left 0, IO_DONE) or `*budget` is
 * used up (IO_WANTS_WRITE: others have their turn). `*budget` falls by what went. */
enum io_result http_file_send(struct http_file *file, const struct io *io, size_t *budget);
/* Harmless when there is none. */
void http_file_close(struct http_file *file);
