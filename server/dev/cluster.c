/*
 * The folder of a cluster:
 *
 *     DIR/cluster      two lines: the cluster's home and its socket folder
 *     HOME/data        PostgreSQL's own; made as data.new and renamed, so it is whole or absent
 *     HOME/log         what the server and its tools print
 *
 * HOME is DIR/pg, or a folder below /var/lib when another user runs the server. Sockets live in
 * HOME when their path is short enough for a socket address (107 bytes), else in a folder in /tmp.
 */
#include "server/dev/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "server/db/sync.h"
#include "server/dev/binaries.h"

enum {
    START_MS_MAX = 60000, /* crash recovery of a small cluster takes seconds */
    STOP_MS_MAX = 30000,
    SOCKET_PATH_MAX = 107,
    ARGS_MAX = 32,
};

struct cluster {
    char dir[PATH_MAX];
    char home[PATH_MAX];
    char sockets[PATH_MAX];
    enum run_as run_as;
    pid_t pid;
    bool adopted;
};

static char *in_home(const struct cluster *cluster, const char *name)
{
    return mem_printf("%s/%s", cluster->home, name);
}

/* --- places ------------------------------------------------------------------------------------
 */

static bool give_to_server(const char *path, enum run_as run_as, struct err *err)
{
    const struct passwd *user;

    if (run_as != RUN_AS_POSTGRES)
        return true;
    user = getpwnam("postgres"); /* nobody else in the program asks */
    if (!user)
        return err_set(err, ERR_NOT_FOUND, "there is no user 'postgres' to run the database as");
    if (chown(path, user->pw_uid, user->pw_gid) != 0)
        return err_system(err, "could not give '%s' to user 'postgres'", path);
    return true;
}

/* The folder is new and private; only the user who runs the server may enter it, and root. */
static bool make_private_dir(char *template, enum run_as run_as, struct err *err)
{
    if (!mkdtemp(template))
        return err_system(err, "could not make folder '%s'", template);
    return give_to_server(template, run_as, err);
}

static bool remember_places(const struct cluster *cluster, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/cluster", cluster->dir);
    AUTO_FREE char *text = mem_printf("%s\n%s\n", cluster->home, cluster->sockets);

    return file_write(path, 0600, text, strlen(text), err);
}

static bool choose_sockets(struct cluster *cluster, struct err *err)
{
    static const char socket_name[] = "/.s.PGSQL.5432.lock";
    char template[] = "/tmp/slipway-pg-XXXXXX";

    if (strlen(cluster->home) + strlen(socket_name) <= SOCKET_PATH_MAX)
        return text_copy(cluster->sockets, sizeof(cluster->sockets), cluster->home);
    if (!make_private_dir(template, cluster->run_as, err))
        return false;
    (void)text_copy(cluster->sockets, sizeof(cluster->sockets), template); /* it is short */
    return true;
}

static bool choose_home(struct cluster *cluster, struct err *err)
{
    char template[] = "/var/lib/slipway-dev-XXXXXX";

    if (cluster->run_as == RUN_AS_POSTGRES) {
        if (!make_private_dir(template, cluster->run_as, err))
            return false;
        (void)text_copy(cluster->home, sizeof(cluster->home), template);
        return true;
    }
    if (snprintf(cluster->home, sizeof(cluster->home), "%s/pg", cluster->dir) >=
        (int)sizeof(cluster->home))
        return err_set(err, ERR_LIMIT, "the path '%s' is too long", cluster->dir);
    return file_make_dirs(cluster->home, 0700, err);
}

/* Reads DIR/cluster; false (no error) when this is not the folder of a cluster yet. */
static bool recall_places(struct cluster *cluster)
{
    AUTO_FREE char *path = mem_printf("%s/cluster", cluster->dir);
    AUTO_BUF text;
    struct err ignored;
    const char *line;
    size_t home_len;

    buf_init(&text, 2 * (size_t)PATH_MAX);
    if (!file_read(path, &text, &ignored))
        return false;
    line = buf_text(&text);
    home_len = strcspn(line, "\n");
    if (home_len == 0 || home_len >= PATH_MAX || line[home_len] != '\n')
        return false;
    memcpy(cluster->home, line, home_len);
    cluster->home[home_len] = '\0';
    (void)text_copy(cluster->sockets, sizeof(cluster->sockets), line + home_len + 1);
    cluster->sockets[strcspn(cluster->sockets, "\n")] = '\0';
    return cluster->sockets[0] != '\0';
}

/* The folder may have been moved, and /tmp may have been emptied by a reboot. */
static bool find_places(struct cluster *cluster, struct err *err)
{
    AUTO_FREE char *expected = mem_printf("%s/pg", cluster->dir);

    if (recall_places(cluster) && file_exists(cluster->home) &&
        (cluster->run_as == RUN_AS_POSTGRES || text_equal(cluster->home, expected))) {
        if (file_exists(cluster->sockets))
            return true;
    } else if (!choose_home(cluster, err)) {
        return false;
    }
    return choose_sockets(cluster, err) && remember_places(cluster, err);
}

/* --- running -----------------------------------------------------------------------------------
 */

/* Runs one of PostgreSQL's programs as the right user, its output in HOME/log. */
static bool run_tool(const struct cluster *cluster, const char *bin_dir, const char *const *args,
                     struct err *err)
{
    const char *const *prefix = run_as_prefix(cluster->run_as);
    AUTO_FREE char *program = mem_printf("%s/%s", bin_dir, args[0]);
    AUTO_FREE char *log_path = in_home(cluster, "log");
    AUTO_CLOSE int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct spawn_options options = {.dir = "/", .output_fd = log_fd};
    const char *argv[ARGS_MAX];
    size_t count = 0;
    int status = 0;

    if (log_fd < 0)
        return err_system(err, "could not open '%s'", log_path);
    while (*prefix)
        argv[count++] = *prefix++;
    argv[count++] = program;
    for (size_t i = 1; args[i]; i++) {
        ASSERT(count + 1 < ARGS_MAX);
        argv[count++] = args[i];
    }
    argv[count] = NULL;
    if (!spawn_run(argv, &options, START_MS_MAX + 5000, &status, err))
        return false;
    if (status != 0)
        return err_set(err, ERR_SYSTEM, "'%s' ended with status %d; see '%s'", program, status,
                       log_path);
    return true;
}

static bool make_data(const struct cluster *cluster, const char *bin_dir, enum cluster_kind kind,
                      struct err *err)
{
    AUTO_FREE char *fresh = in_home(cluster, "data.new");
    AUTO_FREE char *data = in_home(cluster, "data");
    const char *args[] = {"initdb",     "-D",
                          fresh,        "-U",
                          "slipway",    "-A",
                          "trust",      "--encoding=UTF8",
                          "--locale=C", kind == CLUSTER_TEST ? "--no-sync" : NULL,
                          NULL};

    if (!file_remove_tree(fresh, err) || !run_tool(cluster, bin_dir, args, err))
        return err_wrap(err, "could not make a PostgreSQL cluster");
    return file_rename(fresh, data, err);
}

/* Written at each start: the cluster is ours alone, and its folder may have moved. */
static bool write_settings(const struct cluster *cluster, enum cluster_kind kind, struct err *err)
{
    AUTO_FREE char *path = in_home(cluster, "data/postgresql.conf");
    AUTO_BUF text;

    buf_init(&text, 64 << 10);
    buf_add_text(&text, "# Written by slipwayd --dev at each start.\n"
                        "listen_addresses = ''\n"
                        "unix_socket_permissions = 0700\n"
                        "max_connections = 100\n"
                        "shared_buffers = 32MB\n"
                        "max_wal_size = 256MB\n"
                        "min_wal_size = 32MB\n"
                        "autovacuum_naptime = 10s\n"
                        "autovacuum_vacuum_cost_delay = 0\n"
                        "log_line_prefix = '%m [%p] '\n");
    if (kind == CLUSTER_TEST)
        buf_add_text(&text, "fsync = off\nfull_page_writes = off\n");
    buf_add_text(&text, "unix_socket_directories = '");
    for (const char *c = cluster->sockets; *c; c++) {
        if (*c == '\'')
            buf_add_u8(&text, '\'');
        buf_add(&text, c, 1);
    }
    buf_add_text(&text, "'\n");
    if (text.failed)
        return err_set(err, ERR_LIMIT, "the path '%s' is too long", cluster->sockets);
    return file_write(path, 0600, text.data, text.len, err) &&
           give_to_server(path, cluster->run_as, err);
}

/* "PID (postgres) S ..."; a zombie (Z) waits only for its parent to look. */
static bool is_living_postgres(unsigned pid)
{
    AUTO_FREE char *path = mem_printf("/proc/%u/stat", pid);
    AUTO_BUF text;
    struct err ignored;

    buf_init(&text, 4096);
    return file_read(path, &text, &ignored) && strstr(buf_text(&text), " (postgres) ") &&
           !strstr(buf_text(&text), " (postgres) Z");
}

/* The postmaster that holds the data folder, or 0. A file that a crash left behind names a
 * process that is gone, or by now another program's. */
static pid_t running_pid(const struct cluster *cluster)
{
    AUTO_FREE char *path = in_home(cluster, "data/postmaster.pid");
    AUTO_BUF text;
    struct err ignored;
    uint64_t pid;

    buf_init(&text, 4096);
    if (!file_read(path, &text, &ignored) ||
        !text_to_u64(buf_text(&text), strcspn(buf_text(&text), "\n"), 1, INT_MAX, &pid) ||
        !is_living_postgres((unsigned)pid))
        return 0;
    return (pid_t)pid;
}

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static bool read_version(const struct cluster *cluster, struct buf *out)
{
    AUTO_FREE char *path = in_home(cluster, "data/PG_VERSION");
    struct err ignored;

    if (!file_read(path, out, &ignored) || out->len == 0)
        return false;
    out->data[strcspn(buf_text(out), "\n")] = '\0';
    return true;
}

/* After a kill -9 of the postmaster its children need a moment to notice; until then they hold
 * the shared memory and a new start is refused. */
static bool start_server(struct cluster *cluster, const char *bin_dir, struct err *err)
{
    AUTO_FREE char *data = in_home(cluster, "data");
    AUTO_FREE char *pid_path = in_home(cluster, "data/postmaster.pid");
    const char *args[] = {"pg_ctl", "start", "-D", data, "-w", "-t", "60", NULL};
    int64_t deadline_ms = clock_mono_ms() + START_MS_MAX / 4;

    while (!run_tool(cluster, bin_dir, args, err)) {
        if (clock_mono_ms() > deadline_ms)
            return err_wrap(err, "could not start PostgreSQL");
        pause_ms(200);
        if (running_pid(cluster) == 0 && file_exists(pid_path) && !file_remove(pid_path, err))
            return false;
    }
    return true;
}

static bool wait_until_it_answers(const struct cluster *cluster, struct err *err)
{
    AUTO_FREE char *conninfo = cluster_conninfo(cluster, "postgres");
    int64_t deadline_ms = clock_mono_ms() + START_MS_MAX;

    for (;;) {
        AUTO_DB_SYNC *sync = NULL;

        if (db_sync_open(conninfo, &sync, err))
            return true;
        if (clock_mono_ms() > deadline_ms)
            return err_wrap(err, "PostgreSQL does not answer");
        pause_ms(50);
    }
}

static bool bring_up(struct cluster *cluster, enum cluster_kind kind, struct err *err)
{
    AUTO_FREE char *data = NULL;
    AUTO_BUF version;
    char bin_dir[PATH_MAX];

    buf_init(&version, 64);
    cluster->run_as = run_as_choose();
    if (!find_places(cluster, err))
        return false;
    cluster->pid = running_pid(cluster);
    cluster->adopted = cluster->pid != 0;
    if (cluster->adopted)
        return wait_until_it_answers(cluster, err);

    data = in_home(cluster, "data");
    if (!binaries_find(read_version(cluster, &version) ? buf_text(&version) : NULL, bin_dir,
                       sizeof(bin_dir), err))
        return false;
    if (!file_exists(data) && !make_data(cluster, bin_dir, kind, err))
        return false;
    if (!write_settings(cluster, kind, err) || !start_server(cluster, bin_dir, err) ||
        !wait_until_it_answers(cluster, err))
        return false;
    cluster->pid = running_pid(cluster);
    return cluster->pid != 0 || err_set(err, ERR_SYSTEM, "PostgreSQL ended after its start");
}

bool cluster_start(const char *dir, enum cluster_kind kind, struct cluster **out, struct err *err)
{
    struct cluster *cluster = mem_alloc(sizeof(*cluster));

    if (!file_make_dirs(dir, 0700, err)) {
        cluster_free(cluster);
        return false;
    }
    if (!realpath(dir, cluster->dir)) {
        cluster_free(cluster);
        return err_system(err, "could not find folder '%s'", dir);
    }
    if (!bring_up(cluster, kind, err)) {
        cluster_free(cluster);
        return false;
    }
    *out = cluster;
    return true;
}

void cluster_free(struct cluster *cluster)
{
    mem_free(cluster);
}

bool cluster_was_adopted(const struct cluster *cluster)
{
    return cluster->adopted;
}

bool cluster_is_running(const struct cluster *cluster)
{
    return running_pid(cluster) == cluster->pid;
}

pid_t cluster_pid(const struct cluster *cluster)
{
    return cluster->pid;
}

/* --- databases ---------------------------------------------------------------------------------
 */

static void add_conninfo_value(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "%s%s='", out->len ? " " : "", key);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_add_u8(out, '\\');
        buf_add(out, value, 1);
    }
    buf_add_u8(out, '\'');
}

char *cluster_conninfo(const struct cluster *cluster, const char *database)
{
    AUTO_BUF out;

    buf_init(&out, 4 * (size_t)PATH_MAX);
    add_conninfo_value(&out, "host", cluster->sockets);
    add_conninfo_value(&out, "port", "5432");
    add_conninfo_value(&out, "user", "slipway");
    add_conninfo_value(&out, "dbname", database);
    ASSERT(!out.failed);
    return (char *)buf_take(&out);
}

bool cluster_make_database(const struct cluster *cluster, const char *database, struct err *err)
{
    AUTO_FREE char *conninfo = cluster_conninfo(cluster, "postgres");
    AUTO_FREE char *name = db_sync_quote_name(database);
    AUTO_FREE char *sql = mem_printf("CREATE DATABASE %s", name);
    AUTO_DB_SYNC *sync = NULL;
    const struct db_result *found;

    if (!db_sync_open(conninfo, &sync, err))
        return false;
    if (!db_sync_query(sync, "SELECT oid FROM pg_database WHERE datname = $1", &database, 1, &found,
                       err))
        return false;
    return db_rows(found) > 0 || db_sync_run(sync, sql, err);
}

/* --- the end ------------------------------------------------------------------------------------
 */

bool cluster_stop(struct cluster *cluster, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + STOP_MS_MAX;
    pid_t pid = running_pid(cluster);
    bool was_asked_twice = false;

    if (pid != 0 && kill(pid, SIGINT) != 0 && errno != ESRCH)
        return err_system(err, "could not stop PostgreSQL (process %d)", (int)pid);
    while (pid != 0 && running_pid(cluster) == pid) {
        if (clock_mono_ms() > deadline_ms && was_asked_twice)
            return err_set(err, ERR_SYSTEM, "PostgreSQL (process %d) does not stop", (int)pid);
        if (clock_mono_ms() > deadline_ms) {
            (void)kill(pid, SIGQUIT); /* at once; the next start repairs */
            was_asked_twice = true;
            deadline_ms = clock_mono_ms() + STOP_MS_MAX;
        }
        pause_ms(20);
    }
    if (text_starts_with(cluster->sockets, "/tmp/slipway-pg-"))
        return file_remove_tree(cluster->sockets, err);
    return true;
}

bool cluster_destroy(const char *dir, struct err *err)
{
    struct cluster cluster = {0};
    AUTO_FREE char *places = mem_printf("%s/cluster", dir);

    if (!realpath(dir, cluster.dir))
        return errno == ENOENT || err_system(err, "could not find folder '%s'", dir);
    if (!recall_places(&cluster))
        return true;
    return cluster_stop(&cluster, err) && file_remove_tree(cluster.home, err) &&
           file_remove(places, err);
}
