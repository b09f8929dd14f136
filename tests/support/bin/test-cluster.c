/*
 * The tests' PostgreSQL cluster from a shell:
 *
 *     test-cluster start DIR    starts (or adopts) it and prints the connection string
 *     test-cluster halt DIR     stops it; `start` finds everything again
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

static bool halt(const char *dir, struct err *err)
{
    struct cluster *cluster;
    bool good;

    if (!cluster_start(dir, CLUSTER_TEST, &cluster, err)) /* adopts the one that runs */
        return false;
    good = cluster_stop(cluster, err);
    cluster_free(cluster);
    return good;
}

static bool stop(const char *dir, struct err *err)
{
    return cluster_destroy(dir, err) && file_remove_tree(dir, err);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*run)(const char *dir, struct err *err);
    } verbs[] = {{"start", start}, {"halt", halt}, {"stop", stop}};
    struct err err = {0};

    for (size_t i = 0; argc == 3 && i < COUNT(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        if (verbs[i].run(argv[2], &err))
            return 0;
        (void)fprintf(stderr, "test-cluster: %s\n", err.text);
        return 1;
    }
    (void)fputs("usage: test-cluster start|halt|stop DIR\n", stderr);
    return 2;
}
