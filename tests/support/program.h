#pragma once
/* Runs one of the programs of this build, to the end, and keeps what it said. */
#include "lib/base/base.h"

/* `args` ends with NULL and begins behind the program's name. The exit status. */
int program_run(const char *name, const char *const *args);
/* What the last one wrote to standard output and error. */
const char *program_said(void);
