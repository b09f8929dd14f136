#pragma once
/*
 * The subcommands of deltagen. main.c reads the options into one struct; each command does its
 * work, prints what it did, and returns the exit status: 0 done, 1 refused or failed.
 */
#include "lib/base/err.h"
#include "lib/delta/format.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    bool json;
    int codec;              /* as make_options' */
    enum delta_class class; /* of diff */
    uint64_t memory_bytes;  /* of diff: the generator's own; else what applying may take */
    unsigned threads;
    uint64_t region_bytes; /* of diff: 0, or for an update in place */
    uint64_t erase_bytes;
    const char *journal;  /* of update; NULL: beside the image */
    const char *files[3]; /* in the order of the command's usage */
};

typedef int command_fn(const struct options *options);

command_fn command_diff;
command_fn command_full;
command_fn command_apply;
command_fn command_info;
command_fn command_verify;
command_fn command_update;

/* Prints "deltagen: " and the error, with the refusal's code when there is one. */
int command_failed(const struct err *err);
