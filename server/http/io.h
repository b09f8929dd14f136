#pragma once
/* Reading and writing one connection without blocking, over plain TCP or TLS. */
#include "lib/base/err.h"

struct tls_session;

enum io_result {
    IO_DONE,        /* at least one byte went */
    IO_WANTS_READ,  /* again when there is something to read */
    IO_WANTS_WRITE, /* again when there is room to write */
    IO_ENDED,       /* the other side will send no more */
    IO_FAILED,      /* the connection is lost */
};

struct io {
    int fd;
    struct tls_session *tls; /* NULL: plain */
};

enum io_result io_read(const struct io *io, void *data, size_t len, size_t *done);
/* `more` says that other bytes follow at once, so that they may share a packet. */
enum io_result io_write(const struct io *io, const void *data, size_t len, bool more, size_t *done);
/* At most `len` bytes of a file; over TLS at most one record. IO_FAILED also when the file is
 * shorter than it was said to be. */
enum io_result io_send_file(const struct io *io, int file_fd, uint64_t offset, size_t len,
                            size_t *done);
