/* The programs lie in the folder that build/MODE/tests/ is in, too. */
#include "tests/support/program.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "tests/support/temp.h"

enum { ARGS_MAX = 40, SAID_BYTES_MAX = 1 << 20, RUN_MS_MAX = 120000 };

static char *said;

static char *program_path(const char *name)
{
    char self[1024];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *tests = NULL;

    ASSERT(len > 0);
    self[len] = '\0';
    for (const char *at = self; (at = strstr(at, "/tests/")) != NULL; at++)
        tests = at;
    ASSERT(tests);
    return mem_printf("%.*s/%s", (int)(tests - self), self, name);
}

static void keep(const char *path)
{
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, SAID_BYTES_MAX);
    ASSERT(file_read(path, &text, &err));
    mem_free(said);
    said = mem_strdup(buf_text(&text));
}

int program_run(const char *name, const char *const *args)
{
    AUTO_FREE char *path = program_path(name);
    AUTO_FREE char *output = mem_printf("%s/said", temp_dir());
    const char *argv[ARGS_MAX] = {path};
    struct spawn_options options = {0};
    struct err err = {0};
    int status = -1;

    for (size_t i = 0; args[i]; i++) {
        ASSERT(i + 2 < ARGS_MAX);
        argv[i + 1] = args[i];
    }
    options.output_fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ASSERT(options.output_fd >= 0);
    ASSERT(spawn_run(argv, &options, RUN_MS_MAX, &status, &err));
    (void)close(options.output_fd);
    keep(output);
    return status;
}

const char *program_said(void)
{
    return said ? said : "";
}
