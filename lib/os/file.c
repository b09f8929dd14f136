/* The order that survives a power cut is written once, in replace(): bytes, fsync, rename, fsync
 * of the folder. */
#include "lib/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"

bool file_write_all(int fd, const void *data, size_t len, struct err *err)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(err, "could not write");
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool file_pwrite_all(int fd, const void *data, size_t len, uint64_t offset, struct err *err)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, at, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(err, "could not write at offset %llu", (unsigned long long)offset);
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

bool file_pread_all(int fd, void *data, size_t len, uint64_t offset, struct err *err)
{
    char *at = data;

    while (len > 0) {
        ssize_t n = pread(fd, at, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(err, "could not read at offset %llu", (unsigned long long)offset);
        if (n == 0)
            return err_set(err, ERR_INVALID, "file ends before offset %llu",
                           (unsigned long long)offset + len);
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

bool file_sync_dir_of(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *dir =
        slash ? mem_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : mem_strdup(".");
    AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0)
        return err_system(err, "could not sync folder '%s'", dir);
    return true;
}

static bool write_synced(const char *path, unsigned mode, const void *data, size_t len,
                         struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);

    if (fd < 0)
        return err_system(err, "could not create '%s'", path);
    if (!file_write_all(fd, data, len, err))
        return err_wrap(err, "file '%s'", path);
    if (fsync(fd) != 0)
        return err_system(err, "could not sync '%s'", path);
    return true;
}

static char *temporary_name(const char *path)
{
    return mem_printf("%s.tmp%ld", path, (long)getpid());
}

bool file_write(const char *path, unsigned mode, const void *data, size_t len, struct err *err)
{
    AUTO_FREE char *temporary = temporary_name(path);

    if (!write_synced(temporary, mode, data, len, err))
        return false;
    if (rename(temporary, path) != 0)
        return err_system(err, "could not rename '%s'", temporary);
    return file_sync_dir_of(path, err);
}

bool file_create(const char *path, unsigned mode, const void *data, size_t len, struct err *err)
{
    AUTO_FREE char *temporary = temporary_name(path);
    bool linked;

    if (!write_synced(temporary, mode, data, len, err))
        return false;
    linked = link(temporary, path) == 0;
    if (!linked) {
        if (errno == EEXIST)
            (void)err_set(err, ERR_CONFLICT, "file '%s' exists already", path);
        else
            (void)err_system(err, "could not create '%s'", path);
    }
    (void)unlink(temporary); /* a left-over is harmless and replaced by the next write */
    return linked && file_sync_dir_of(path, err);
}

bool file_read(const char *path, struct buf *out, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_system(err, "could not open '%s'", path);
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(err, "could not read '%s'", path);
        if (n == 0)
            return true;
        buf_add(out, chunk, (size_t)n);
        if (out->failed)
            return err_set(err, ERR_LIMIT, "file '%s' is longer than %zu bytes", path, out->max);
    }
}

bool file_size(const char *path, uint64_t *out, struct err *err)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return err_system(err, "could not look at '%s'", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_INVALID, "'%s' is not a regular file", path);
    *out = (uint64_t)info.st_size;
    return true;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_make_dirs(const char *path, unsigned mode, struct err *err)
{
    AUTO_FREE char *copy = mem_strdup(path);

    for (char *at = copy + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, (mode_t)mode) != 0 && errno != EEXIST)
            return err_system(err, "could not make folder '%s'", copy);
        *at = '/';
    }
    if (mkdir(copy, (mode_t)mode) != 0 && errno != EEXIST)
        return err_system(err, "could not make folder '%s'", copy);
    return true;
}

bool file_remove(const char *path, struct err *err)
{
    if (unlink(path) != 0)
        return errno == ENOENT || err_system(err, "could not remove '%s'", path);
    return file_sync_dir_of(path, err);
}

bool file_rename(const char *from, const char *to, struct err *err)
{
    if (rename(from, to) != 0)
        return err_system(err, "could not rename '%s' to '%s'", from, to);
    return file_sync_dir_of(to, err);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

bool file_remove_tree(const char *path, struct err *err)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return err_system(err, "could not remove folder '%s'", path);
    return true;
}

bool file_lock(const char *path, int *out_fd, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_system(err, "could not open lock '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return err_set(err, ERR_CONFLICT, "'%s' is locked by another process", path);
        return err_system(err, "could not lock '%s'", path);
    }
    *out_fd = TAKE_FD(fd);
    return true;
}
