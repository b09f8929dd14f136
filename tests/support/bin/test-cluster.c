/*
 * The tests' PostgreSQL cluster from a shell:
 *
 *     test-cluster start DIR    starts (or adopts) it and prints the connection string
 *     test-cluster stop DIR     stops it and removes DIR
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/dev/cluster.h"

static bool start(const char *dir, struct err *err)
{
    AUTO_FREE char *conninfo = NULL;
    struct cluster *cluster;

    if (!cluster_start(dir, CLUSTER_TEST, &cluster, err))
        return false;
    conninfo = cluster_conninfo(cluster, "postgres");
    cluster_free(cluster);
    return puts(conninfo) >= 0;
}

static bool stop(const char *dir, struct err *err)
{
    return cluster_destroy(dir, err) && file_remove_tree(dir, err);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    bool done;

    if (argc != 3 || (strcmp(argv[1], "start") != 0 && strcmp(argv[1], "stop") != 0)) {
        (void)fputs("usage: test-cluster start|stop DIR\n", stderr);
        return 2;
    }
    done = strcmp(argv[1], "start") == 0 ? start(argv[2], &err) : stop(argv[2], &err);
    if (!done)
        (void)fprintf(stderr, "test-cluster: %s\n", err.text);
    return done ? 0 : 1;
}
