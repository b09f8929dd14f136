/* Images are read once and never held in memory. */
#include "cli/hash_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/progress.h"
#include "lib/base/mem.h"

enum { PIECE_BYTES = 1 << 20 };

const char *hash_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool add_pieces(int fd, struct sha256 *hash, struct progress *progress, uint64_t *length,
                       struct err *err)
{
    AUTO_FREE uint8_t *piece = mem_alloc(PIECE_BYTES);
    ssize_t len;

    *length = 0;
    while ((len = read(fd, piece, PIECE_BYTES)) > 0) {
        sha256_add(hash, piece, (size_t)len);
        *length += (uint64_t)len;
        progress_show(progress, *length);
    }
    return len == 0 || err_system(err, "could not read");
}

bool hash_file(const char *path, FILE *progress_out, uint64_t *length, uint8_t sha256[HASH_BYTES],
               struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_SHA256 struct sha256 *hash = sha256_new();
    struct progress progress;
    struct stat info;
    uint64_t read_len;
    bool good;

    if (fd < 0 || fstat(fd, &info) != 0)
        return err_system(err, "could not open '%s'", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_INVALID, "'%s' is not a regular file", path);
    progress_start(&progress, progress_out, hash_file_name(path), (uint64_t)info.st_size);
    good = add_pieces(fd, hash, &progress, &read_len, err);
    progress_end(&progress);
    if (!good)
        return err_wrap(err, "'%s'", path);
    if (read_len != (uint64_t)info.st_size)
        return err_set(err, ERR_INVALID, "'%s' changed while it was read", path);
    sha256_peek(hash, sha256);
    *length = read_len;
    return true;
}
