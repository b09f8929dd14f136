#pragma once
/*
 * The slipway-signer of `--dev`: started beside the server, on a folder below its own. It ends
 * with the server, kill -9 included; what it signed is durable, so nothing is lost by that.
 *
 * All of this blocks. Not for two threads at once.
 */
#include <sys/types.h>

#include "lib/base/err.h"

struct signer_process;

/* Starts `program` (NULL: the one that lies beside this one; kept until the end) with its state in
 * `dir`/signer and its socket at `dir`/signer/socket, and waits until it listens. One that still
 * ends is waited for. */
MUST_USE bool signer_process_start(const char *program, const char *dir,
                                   struct signer_process **out, struct err *err);
bool signer_process_is_running(struct signer_process *process);
pid_t signer_process_pid(const struct signer_process *process);
/* SIGTERM, then SIGKILL; frees. NULL is fine. */
void signer_process_stop(struct signer_process *process);
