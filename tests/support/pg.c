/* Databases are named t_PID_N after the test's process, so a later test knows which ones nobody
 * uses any more. The migrated database is made once per cluster and copied as a template. */
#include "tests/support/pg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "server/db/migrate.h"
#include "server/db/sync.h"
#include "server/dev/cluster.h"

static const char variable[] = "SLIPWAY_TEST_PG";

NORETURN static void fail(const char *what, const struct err *err)
{
    cr_assert_fail("%s: %s", what, err->text);
    abort(); /* it does not return, but does not say so either */
}

/* --- the folder of a binary that runs alone -----------------------------------------------------
 */

NORETURN static void watch(int alive_fd, const char *dir)
{
    char byte;
    struct err err;
    int null_fd = open("/dev/null", O_RDWR);

    /* Nobody who waits for the tests' output shall wait for this. */
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++)
        (void)dup2(null_fd, fd);
    (void)setsid(); /* Ctrl-C is for the tests; it ends them, which is noticed here */
    while (read(alive_fd, &byte, 1) < 0 && errno == EINTR)
        ;
    if (cluster_destroy(dir, &err))
        (void)!file_remove_tree(dir, &err); /* there is nobody left to tell */
    _exit(0);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    char dir[] = "/tmp/slipway-test-XXXXXX";
    int alive[2];
    pid_t pid;

    (void)tests;
    if (getenv(variable))
        return;
    if (!mkdtemp(dir) || pipe2(alive, O_CLOEXEC) != 0 || (pid = fork()) < 0)
        abort();
    if (pid == 0) {
        (void)close(alive[1]);
        watch(alive[0], dir);
    }
    (void)close(alive[0]); /* alive[1] stays open for as long as this process lives */
    (void)setenv(variable, dir, 1);
}

/* --- databases ----------------------------------------------------------------------------------
 */

char *pg_test_migrations(void)
{
    char dir[PATH_MAX];
    struct err err;

    if (!migrate_find_dir(dir, sizeof(dir), &err))
        fail("migrations", &err);
    return mem_strdup(dir);
}

static void lock(const char *dir, int *fd)
{
    AUTO_FREE char *path = mem_printf("%s/lock", dir);
    struct err err;

    while (!file_lock(path, fd, &err)) {
        if (err.code != ERR_CONFLICT)
            fail("lock", &err);
        (void)poll(NULL, 0, 10);
    }
}

static struct db_sync *open_database(const struct cluster *cluster, const char *name)
{
    AUTO_FREE char *conninfo = cluster_conninfo(cluster, name);
    struct db_sync *sync;
    struct err err;

    if (!db_sync_open(conninfo, &sync, &err))
        fail("connect", &err);
    return sync;
}

/* Under the lock: the cluster runs and has the database that is copied. */
static struct cluster *prepare(const char *dir)
{
    AUTO_CLOSE int lock_fd = -1;
    AUTO_FREE char *migrations = pg_test_migrations();
    AUTO_FREE char *conninfo = NULL;
    struct cluster *cluster;
    unsigned applied;
    struct err err;

    if (!file_make_dirs(dir, 0700, &err))
        fail("folder", &err);
    lock(dir, &lock_fd);
    if (!cluster_start(dir, CLUSTER_TEST, &cluster, &err))
        fail("cluster", &err);
    conninfo = cluster_conninfo(cluster, "migrated");
    if (!cluster_make_database(cluster, "migrated", &err) ||
        !migrate_apply(conninfo, migrations, &applied, &err))
        fail("migrations", &err);
    return cluster;
}

static bool is_abandoned(const char *name)
{
    size_t digits = strspn(name + 2, "0123456789");
    uint64_t pid;

    return text_to_u64(name + 2, digits, 1, INT_MAX, &pid) && kill((pid_t)pid, 0) != 0 &&
           errno == ESRCH;
}

static void drop_abandoned(struct db_sync *sync)
{
    static const char sql[] = "SELECT datname FROM pg_database WHERE datname LIKE 't\\_%'";
    const struct db_result *result;
    char *names[64];
    size_t count = 0;
    struct err err;

    if (!db_sync_query(sync, sql, NULL, 0, &result, &err))
        fail("list of databases", &err);
    for (size_t i = 0; i < db_rows(result) && count < COUNT(names); i++) {
        if (is_abandoned(db_text(result, i, 0)))
            names[count++] = mem_strdup(db_text(result, i, 0));
    }
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *drop = mem_printf("DROP DATABASE IF EXISTS %s WITH (FORCE)", names[i]);

        (void)!db_sync_run(sync, drop, &err); /* another test may be dropping it */
        mem_free(names[i]);
    }
}

static char *make_database(const char *template)
{
    static unsigned made;
    const char *dir = getenv(variable);
    struct cluster *cluster = prepare(dir);
    AUTO_DB_SYNC *sync = open_database(cluster, "postgres");
    AUTO_FREE char *name = mem_printf("t_%d_%u", (int)getpid(), made++);
    AUTO_FREE char *sql = mem_printf("CREATE DATABASE %s TEMPLATE %s", name, template);
    char *conninfo = cluster_conninfo(cluster, name);
    struct err err;

    drop_abandoned(sync);
    /* A copy is refused while another test is connected to the original. */
    while (!db_sync_run(sync, sql, &err)) {
        if (!strstr(err.text, "being accessed"))
            fail("create database", &err);
        (void)poll(NULL, 0, 10);
    }
    cluster_free(cluster);
    return conninfo;
}

char *pg_test_database(void)
{
    return make_database("migrated");
}

char *pg_test_empty_database(void)
{
    return make_database("template0");
}
