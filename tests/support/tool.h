#pragma once
/* Runs one of the system's tools by a shell's line, quietly, and waits for its end. */
#include "lib/base/base.h"

/* The exit status; its output is dropped. Formatted like printf(). */
int tool_run(const char *fmt, ...) PRINTF(1, 2);
