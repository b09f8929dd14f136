#include "server/dev/cluster.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/db/sync.h"

static char dir[] = "/tmp/slipway-cluster-XXXXXX";

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
    struct err err;

    cr_assert(cluster_destroy(dir, &err) && file_remove_tree(dir, &err), "%s", err.text);
}

static struct cluster *start(const char *where)
{
    struct cluster *cluster = NULL;
    struct err err;

    cr_assert(cluster_start(where, CLUSTER_TEST, &cluster, &err), "%s", err.text);
    return cluster;
}

static void run(const struct cluster *cluster, const char *sql)
{
    AUTO_FREE char *conninfo = cluster_conninfo(cluster, "slipway");
    AUTO_DB_SYNC *sync = NULL;
    struct err err;

    cr_assert(db_sync_open(conninfo, &sync, &err), "%s", err.text);
    cr_assert(db_sync_run(sync, sql, &err), "%s", err.text);
}

static void make_database(const struct cluster *cluster)
{
    struct err err;

    cr_assert(cluster_make_database(cluster, "slipway", &err), "%s", err.text);
}

TestSuite(cluster, .init = setup, .fini = teardown);

Test(cluster, is_made_stopped_and_started_again_with_its_data)
{
    struct cluster *cluster = start(dir);
    struct err err;

    cr_assert_not(cluster_was_adopted(cluster));
    make_database(cluster);
    make_database(cluster); /* there already */
    run(cluster, "CREATE TABLE kept (a integer)");
    cr_assert(cluster_stop(cluster, &err), "%s", err.text);
    cluster_free(cluster);

    cluster = start(dir);
    cr_assert_not(cluster_was_adopted(cluster), "it had stopped");
    run(cluster, "SELECT a FROM kept");
    cluster_free(cluster);
}

Test(cluster, one_that_still_runs_is_adopted)
{
    struct cluster *first = start(dir);
    struct cluster *second = start(dir);

    cr_assert(cluster_was_adopted(second));
    cr_assert_eq(cluster_pid(first), cluster_pid(second));
    cluster_free(first);
    cluster_free(second);
}

Test(cluster, a_killed_one_is_repaired_and_keeps_what_was_committed)
{
    struct cluster *cluster = start(dir);

    make_database(cluster);
    run(cluster, "CREATE TABLE kept (a integer)");
    cr_assert_eq(kill(cluster_pid(cluster), SIGKILL), 0);
    cluster_free(cluster);

    cluster = start(dir);
    cr_assert_not(cluster_was_adopted(cluster));
    run(cluster, "SELECT a FROM kept");
    cluster_free(cluster);
}

Test(cluster, a_pid_file_that_names_another_program_does_not_confuse_it)
{
    AUTO_FREE char *path = mem_printf("%s/pg/data/postmaster.pid", dir);
    AUTO_FREE char *text = mem_printf("%d\n/nowhere\n1\n5432\n/nowhere\n\n", (int)getpid());
    struct cluster *cluster = start(dir);
    struct err err;

    cr_assert(cluster_stop(cluster, &err), "%s", err.text);
    cluster_free(cluster);
    if (access(path, F_OK) == 0) /* run as user postgres: its folder is elsewhere */
        cr_assert_fail("it did not remove its pid file");
    if (!file_write(path, 0600, text, strlen(text), &err))
        cr_skip_test("the data folder is not below ours here");

    cluster = start(dir);
    cluster_free(cluster);
}

Test(cluster, long_paths_and_quotes_are_no_problem)
{
    AUTO_FREE char *deep = mem_printf("%s/it's a \\ long path %0100d/var", dir, 7);
    struct cluster *cluster = start(deep);
    struct err err;

    make_database(cluster);
    run(cluster, "SELECT 1");
    cr_assert(cluster_stop(cluster, &err), "%s", err.text);
    cluster_free(cluster);
    cluster = start(deep);
    run(cluster, "SELECT 1");
    cluster_free(cluster);
    cr_assert(cluster_destroy(deep, &err), "%s", err.text);
}

Test(cluster, nobody_else_may_enter_and_there_is_no_port)
{
    struct cluster *cluster = start(dir);
    AUTO_FREE char *conninfo = cluster_conninfo(cluster, "postgres");
    AUTO_DB_SYNC *sync = NULL;
    const struct db_result *result;
    struct stat info;
    struct err err;

    cr_assert_eq(stat(dir, &info), 0);
    cr_assert_eq(info.st_mode & 077, 0);
    cr_assert(db_sync_open(conninfo, &sync, &err), "%s", err.text);
    cr_assert(db_sync_query(sync, "SHOW listen_addresses", NULL, 0, &result, &err));
    cr_assert_str_eq(db_text(result, 0, 0), "");
    cluster_free(cluster);
}

Test(cluster, as_root_without_namespaces_it_runs_as_postgres)
{
    AUTO_FREE char *bin = mem_printf("%s/bin", dir);
    AUTO_FREE char *fake = mem_printf("%s/unshare", bin);
    AUTO_FREE char *path = mem_printf("%s:%s", bin, getenv("PATH"));
    static const char refuses[] = "#!/bin/sh\nexit 1\n";
    struct cluster *cluster;
    struct err err;

    if (geteuid() != 0)
        cr_skip_test("not root");
    cr_assert(file_make_dirs(bin, 0755, &err) &&
                  file_write(fake, 0755, refuses, strlen(refuses), &err),
              "%s", err.text);
    cr_assert_eq(setenv("PATH", path, 1), 0);
    cluster = start(dir);
    make_database(cluster);
    run(cluster, "CREATE TABLE kept (a integer)");
    cr_assert(cluster_stop(cluster, &err), "%s", err.text);
    cluster_free(cluster);
    cluster = start(dir);
    run(cluster, "SELECT a FROM kept");
    cluster_free(cluster);
}

Test(cluster, says_what_to_install)
{
    struct cluster *cluster = NULL;
    AUTO_FREE char *data = mem_printf("%s/pg/data", dir);
    AUTO_FREE char *version = mem_printf("%s/PG_VERSION", data);
    AUTO_FREE char *places = mem_printf("%s/cluster", dir);
    AUTO_FREE char *text = mem_printf("%s/pg\n%s/pg\n", dir, dir);
    struct err err;

    cr_assert(file_make_dirs(data, 0700, &err) && file_write(version, 0600, "7\n", 2, &err) &&
                  file_write(places, 0600, text, strlen(text), &err),
              "%s", err.text);
    cr_assert_not(cluster_start(dir, CLUSTER_TEST, &cluster, &err));
    cr_assert(strstr(err.text, "run 'apt-get install postgresql-7'"), "%s", err.text);
}
