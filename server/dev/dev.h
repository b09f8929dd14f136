#pragma once
/*
 * `slipwayd --dev`: a folder with everything a server needs and no configuration.
 *
 *     DIR/lock             held while a server lives
 *     DIR/cluster, DIR/pg  the private PostgreSQL (cluster.h)
 *     DIR/signer           the private slipway-signer (signer_process.h): its keys, its state
 *     DIR/operator-token   the administrator's token of tenant "default"; 0600, kept
 *     DIR/dev.json         {"url", "token", "database", "pid", "pg_pid", "signer_pid", "pids"};
 *                          0600, there while the server is ready
 *
 * While the server runs, a thread watches PostgreSQL and the signer and starts them again when
 * they die: nobody else would.
 */
#include "lib/base/err.h"
#include "lib/crypto/token.h"

struct dev;

/* `signer` is the slipway-signer program, NULL: the one beside this program. Locks the folder
 * (ERR_CONFLICT: a server lives there) and starts or adopts the cluster, with an empty or known
 * database, and the signer. Blocks. */
MUST_USE bool dev_open(const char *dir, const char *signer, struct dev **out, struct err *err);
const char *dev_dir(const struct dev *dev);
/* Connection string of the server's database. */
const char *dev_database_url(const struct dev *dev);
/* The token of the folder, made at the first call. */
MUST_USE bool dev_token(const struct dev *dev, char out[TOKEN_OPERATOR_ROOM], struct err *err);
/* Writes dev.json and begins to watch. */
MUST_USE bool dev_ready(struct dev *dev, const char *url, struct err *err);
/* Ends all of it; PostgreSQL is stopped. False with the error when it would not stop. */
bool dev_close(struct dev *dev, struct err *err);
