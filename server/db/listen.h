#pragma once
/* The one connection of a pool that listens for notifications; see db_listen() in db.h. */
#include "server/db/conn.h"

struct listener;

struct listener *listener_new(struct loop *loop, const struct conn_target *target,
                              struct stmt_set *statements);
void listener_free(struct listener *listener);
void listener_add(struct listener *listener, const char *name, db_notify_fn *fn, void *arg);
