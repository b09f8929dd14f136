#pragma once
/*
 * The socket: connections from the server, requests in, answers out. One thread, poll(2).
 *
 * A turn reads what every connection has, answers all whole requests, settles the desk once, and
 * only then sends: that is how many signatures share one write to the disk.
 */
#include <sys/types.h>

#include "signer/desk.h"

enum { SERVER_CONNECTIONS_MAX = 256 };

struct server_options {
    int listen_fd; /* the caller's */
    int stop_fd;   /* readable: end */
    uid_t uid;     /* who may connect, beside root's own and ours */
    struct desk *desk;
};
/* Serves until stop_fd is readable; what is answered by then is sent. */
MUST_USE bool server_run(const struct server_options *options, struct err *err);
