#pragma once
/*
 * UNIX stream sockets by path. A path may be longer than the kernel's 107 bytes. Descriptors are
 * non-blocking and closed by exec.
 */
#include <sys/types.h>

#include "lib/base/err.h"

/* Listens at `path`, which gets `mode` and replaces what was there. The caller holds a lock: two
 * listeners at one path would not notice each other. */
MUST_USE bool unix_listen(const char *path, unsigned mode, int *out_fd, struct err *err);
/* ERR_UNAVAILABLE when nobody listens there, or not yet, or too many wait. Does not block. */
MUST_USE bool unix_connect(const char *path, int *out_fd, struct err *err);
/* The next connection; -1 in `*out_fd` when there is none. */
MUST_USE bool unix_accept(int listen_fd, int *out_fd, struct err *err);
/* As whom the other end was started. */
MUST_USE bool unix_peer_uid(int fd, uid_t *out, struct err *err);
