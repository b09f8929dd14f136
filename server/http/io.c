/* Signals: a write to a closed socket would raise SIGPIPE; send() is told not to, main ignores it
 * for sendfile and OpenSSL. */
#include "server/http/io.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/tls.h"
#include "server/limits.h"

/* The result of a system call that returned `n`. */
static enum io_result result_of(ssize_t n, enum io_result when_blocked, size_t *done)
{
    if (n > 0) {
        *done = (size_t)n;
        return IO_DONE;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return when_blocked;
    return IO_FAILED;
}

enum io_result io_read(const struct io *io, void *data, size_t len, size_t *done)
{
    ssize_t n;

    if (io->tls)
        return tls_read(io->tls, data, len, done);
    n = recv(io->fd, data, len, 0);
    return n == 0 ? IO_ENDED : result_of(n, IO_WANTS_READ, done);
}

enum io_result io_write(const struct io *io, const void *data, size_t len, bool more, size_t *done)
{
    /* After "try again" OpenSSL wants at least the same bytes again: pieces of one size do that. */
    if (io->tls)
        return tls_write(io->tls, data, len < HTTP_TLS_WRITE_BYTES ? len : HTTP_TLS_WRITE_BYTES,
                         done);
    return result_of(send(io->fd, data, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0)), IO_WANTS_WRITE,
                     done);
}

enum io_result io_send_file(const struct io *io, int file_fd, uint64_t offset, size_t len,
                            size_t *done)
{
    off_t at = (off_t)offset;
    uint8_t piece[HTTP_TLS_WRITE_BYTES];
    ssize_t n;

    if (!io->tls)
        return result_of(sendfile(io->fd, file_fd, &at, len), IO_WANTS_WRITE, done);
    do {
        n = pread(file_fd, piece, len < sizeof(piece) ? len : sizeof(piece), at);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return IO_FAILED;
    return tls_write(io->tls, piece, (size_t)n, done);
}
