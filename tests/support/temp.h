#pragma once
/*
 * A folder of the test's own under /tmp, and files in it.
 */
#include "lib/base/base.h"

/* Makes the folder; temp_done() removes it and what is in it. */
const char *temp_dir(void);
void temp_done(void);
/* "DIR/name", valid until the end of the test. */
const char *temp_path(const char *name);
void temp_write(const char *path, const void *data, size_t len);
