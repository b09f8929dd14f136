/* Every path is taken by its folder's descriptor ("/proc/self/fd/7/name"), because the kernel's
 * address has room for 107 bytes and folders of tests and users are longer. */
#include "lib/os/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/mem.h"

enum { BACKLOG = 128 };

struct place {
    int dir_fd;
    const char *name;
    struct sockaddr_un address;
};

static bool place_open(const char *path, struct place *out, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *dir = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
    int len;

    out->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    out->name = slash ? slash + 1 : path;
    out->dir_fd = open(dir[0] ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->dir_fd < 0)
        return err_system(err, "could not open folder '%s'", dir);
    len = snprintf(out->address.sun_path, sizeof(out->address.sun_path), "/proc/self/fd/%d/%s",
                   out->dir_fd, out->name);
    if (out->name[0] == '\0' || len < 0 || (size_t)len >= sizeof(out->address.sun_path)) {
        cleanup_close(&out->dir_fd);
        return err_set(err, ERR_INVALID, "'%s' cannot be a socket's name", path);
    }
    return true;
}

static const struct sockaddr *address_of(const struct place *place)
{
    return (const struct sockaddr *)&place->address;
}

static bool new_socket(int *out, struct err *err)
{
    *out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return *out >= 0 || err_system(err, "could not make a UNIX socket");
}

static bool listen_in(const struct place *place, const char *path, unsigned mode, int fd,
                      struct err *err)
{
    if (unlinkat(place->dir_fd, place->name, 0) != 0 && errno != ENOENT)
        return err_system(err, "could not replace '%s'", path);
    if (fchmod(fd, (mode_t)mode) != 0 || bind(fd, address_of(place), sizeof(place->address)) != 0 ||
        fchmodat(place->dir_fd, place->name, (mode_t)mode, 0) != 0 || listen(fd, BACKLOG) != 0)
        return err_system(err, "could not listen at '%s'", path);
    return true;
}

bool unix_listen(const char *path, unsigned mode, int *out_fd, struct err *err)
{
    AUTO_CLOSE int fd = -1;
    struct place place;
    bool good;

    if (!new_socket(&fd, err) || !place_open(path, &place, err))
        return false;
    good = listen_in(&place, path, mode, fd, err);
    cleanup_close(&place.dir_fd);
    if (good)
        *out_fd = TAKE_FD(fd);
    return good;
}

bool unix_connect(const char *path, int *out_fd, struct err *err)
{
    AUTO_CLOSE int fd = -1;
    struct place place;
    int failure;

    if (!new_socket(&fd, err))
        return false;
    if (!place_open(path, &place, err)) {
        if (err->code == ERR_NOT_FOUND)
            err->code = ERR_UNAVAILABLE; /* its folder is made when somebody listens */
        return false;
    }
    /* A stream of this family is connected at once, or not at all. */
    failure = connect(fd, address_of(&place), sizeof(place.address)) == 0 ? 0 : errno;
    cleanup_close(&place.dir_fd);
    if (failure == 0) {
        *out_fd = TAKE_FD(fd);
        return true;
    }
    errno = failure;
    (void)err_system(err, "could not connect to '%s'", path);
    if (failure == ENOENT || failure == ECONNREFUSED || failure == EAGAIN)
        err->code = ERR_UNAVAILABLE;
    return false;
}

bool unix_accept(int listen_fd, int *out_fd, struct err *err)
{
    *out_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (*out_fd >= 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return true;
    return err_system(err, "could not accept a connection");
}

bool unix_peer_uid(int fd, uid_t *out, struct err *err)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return err_system(err, "could not ask who connected");
    *out = peer.uid;
    return true;
}
