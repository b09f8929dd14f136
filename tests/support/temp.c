/* One folder per process is enough: Criterion runs each test in its own. */
#include "tests/support/temp.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

static char dir[] = "/tmp/slipway-test-XXXXXX";
static bool made;

const char *temp_dir(void)
{
    if (!made)
        ASSERT(mkdtemp(dir));
    made = true;
    return dir;
}

void temp_done(void)
{
    struct err err = {0};

    ASSERT(!made || file_remove_tree(dir, &err));
    made = false;
}

const char *temp_path(const char *name)
{
    static char *paths[32];
    static size_t next;

    next = (next + 1) % COUNT(paths);
    mem_free(paths[next]);
    paths[next] = mem_printf("%s/%s", temp_dir(), name);
    return paths[next];
}

void temp_write(const char *path, const void *data, size_t len)
{
    struct err err = {0};

    ASSERT(file_write(path, 0600, data, len, &err));
}
