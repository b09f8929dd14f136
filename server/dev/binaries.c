/* Debian keeps the server's programs out of PATH, in one folder per major version. */
#include "server/dev/binaries.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/spawn.h"

static const char debian_dir[] = "/usr/lib/postgresql";

static bool has_programs(const char *dir)
{
    static const char *const programs[] = {"initdb", "pg_ctl", "postgres"};

    for (size_t i = 0; i < COUNT(programs); i++) {
        char path[512];

        if (snprintf(path, sizeof(path), "%s/%s", dir, programs[i]) >= (int)sizeof(path) ||
            access(path, X_OK) != 0)
            return false;
    }
    return true;
}

static bool debian_bin(const char *version, char *out, size_t room)
{
    return snprintf(out, room, "%s/%s/bin", debian_dir, version) < (int)room && has_programs(out);
}

static bool find_newest(char *out, size_t room)
{
    DIR *dir = opendir(debian_dir);
    const struct dirent *entry;
    uint64_t best = 0;

    while (dir && (entry = readdir(dir)) != NULL) {
        uint64_t version;

        if (text_to_u64(entry->d_name, strlen(entry->d_name), 1, 1000, &version) &&
            version > best && debian_bin(entry->d_name, out, room))
            best = version;
    }
    if (dir)
        (void)closedir(dir);
    if (best > 0) {
        char name[8];

        (void)snprintf(name, sizeof(name), "%u", (unsigned)best);
        return debian_bin(name, out, room); /* a later, older one may have written to `out` */
    }
    return false;
}

static bool find_in_path(char *out, size_t room)
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t len = strcspn(path, ":");

        if (len > 0 && len < room) {
            memcpy(out, path, len);
            out[len] = '\0';
            if (has_programs(out))
                return true;
        }
        path += len + (path[len] == ':');
    }
    return false;
}

bool binaries_find(const char *version, char *out, size_t room, struct err *err)
{
    if (version && debian_bin(version, out, room))
        return true;
    if (version)
        return err_set(err, ERR_NOT_FOUND,
                       "the cluster was made by PostgreSQL %s, whose server programs were not "
                       "found: run 'apt-get install postgresql-%s'",
                       version, version);
    if (find_newest(out, room) || find_in_path(out, room))
        return true;
    return err_set(err, ERR_NOT_FOUND,
                   "PostgreSQL's server programs were not found: run 'apt-get install "
                   "postgresql-15'");
}

static const char *const no_prefix[] = {NULL};
/* A user that exists: initdb looks its name up. Debian's server packages make this one. */
static const char *const namespace_prefix[] = {"unshare", "-U", "--map-user=postgres", "--", NULL};
static const char *const postgres_prefix[] = {
    "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", NULL};

enum run_as run_as_choose(void)
{
    static const char *const probe[] = {"unshare", "-U", "--map-user=postgres", "--", "true", NULL};
    AUTO_CLOSE int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const struct spawn_options options = {.output_fd = null_fd};
    struct err ignored;
    int status = 1;

    if (geteuid() != 0)
        return RUN_DIRECTLY;
    if (spawn_run(probe, &options, 10000, &status, &ignored) && status == 0)
        return RUN_IN_NAMESPACE;
    return RUN_AS_POSTGRES;
}

const char *const *run_as_prefix(enum run_as run_as)
{
    switch (run_as) {
    case RUN_DIRECTLY:
        return no_prefix;
    case RUN_IN_NAMESPACE:
        return namespace_prefix;
    case RUN_AS_POSTGRES:
        return postgres_prefix;
    }
    return no_prefix;
}
