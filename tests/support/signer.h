#pragma once
/*
 * A real slipway-signer on a folder below the test's own (temp.h). It ends with the test's
 * process, however that ends.
 */
#include <sys/types.h>

#include "lib/wire/signer.h"

struct test_signer {
    char *dir;    /* its state */
    char *socket; /* where it listens */
    pid_t pid;
};

/* Starts it and waits until it answers. `options`: more words for its command line, ended by NULL,
 * or NULL. Ends the test when it fails. */
void signer_start(struct test_signer *signer, const char *const *options);
/* kill -9; the state stays for the next signer_start() on the same struct. */
void signer_kill(struct test_signer *signer);
/* SIGTERM, and its exit status; frees. */
int signer_stop(struct test_signer *signer);

/* One request on a connection of its own, and its answer. */
void signer_ask(const struct test_signer *signer, const struct signer_ask *ask,
                struct signer_answer *out);
/* A program of the build that this test belongs to; the caller frees. */
char *built_program(const char *name);
