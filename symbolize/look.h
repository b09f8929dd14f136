#pragma once
/*
 * The one place that gives a debug file to elfutils: whose function is at an address. The file is
 * hostile; what it makes of this process stays in this process.
 */
#include <stdint.h>

#include "lib/base/base.h"

enum { LOOK_TEXT_ROOM = 201 };

struct debug_file;

/* Of an open file, which stays the caller's. NULL: elfutils cannot read it. */
struct debug_file *debug_file_open(int fd);
void debug_file_close(struct debug_file *file);

/* Printable ASCII; "" and 0 where it is not known. */
struct look {
    char function[LOOK_TEXT_ROOM];
    char source[LOOK_TEXT_ROOM];
    int line;
};
/* `address` is the file's own: of a library, counted from where it was loaded. */
void debug_file_look(const struct debug_file *file, uint64_t address, struct look *out);
