/* The watching thread owns the cluster and the signer object from dev_ready() until it was joined.
 */
#include "server/dev/dev.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/log/log.h"
#include "lib/os/file.h"
#include "server/dev/cluster.h"
#include "server/dev/signer_process.h"

enum { WATCH_MS = 200 };

struct dev {
    char dir[PATH_MAX];
    int lock_fd;
    struct cluster *cluster;
    struct signer_process *signer;
    const char *signer_program; /* NULL: beside us */
    char *database_url;
    char url[256];
    bool is_watched;
    pthread_t thread;
    int stop_fd; /* an eventfd: readable when the thread shall end */
};

static char *path_of(const struct dev *dev, const char *name)
{
    return mem_printf("%s/%s", dev->dir, name);
}

enum { LOCK_TRIES = 20, LOCK_WAIT_MS = 100 };

static bool lock_dir(struct dev *dev, const char *dir, struct err *err)
{
    AUTO_FREE char *path = NULL;

    if (!file_make_dirs(dir, 0700, err))
        return false;
    if (!realpath(dir, dev->dir))
        return err_system(err, "could not find folder '%s'", dir);
    path = path_of(dev, "lock");
    /* Of a server that was killed a moment ago, a child that just began may still hold it. */
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (file_lock(path, &dev->lock_fd, err))
            return true;
        if (err->code != ERR_CONFLICT)
            return false;
        (void)poll(NULL, 0, LOCK_WAIT_MS);
    }
    return err_set(err, ERR_CONFLICT, "a server is already running in '%s'", dev->dir);
}

bool dev_open(const char *dir, const char *signer, struct dev **out, struct err *err)
{
    struct dev *dev = mem_alloc(sizeof(*dev));
    struct err ignored;

    dev->lock_fd = -1;
    dev->stop_fd = -1;
    dev->signer_program = signer;
    if (!lock_dir(dev, dir, err) || !cluster_start(dev->dir, CLUSTER_DEV, &dev->cluster, err) ||
        !cluster_make_database(dev->cluster, "slipway", err) ||
        !signer_process_start(dev->signer_program, dev->dir, &dev->signer, err)) {
        (void)dev_close(dev, &ignored);
        return false;
    }
    if (cluster_was_adopted(dev->cluster))
        LOG_INFO("dev.database_adopted", "pid=%d", (int)cluster_pid(dev->cluster));
    dev->database_url = cluster_conninfo(dev->cluster, "slipway");
    *out = dev;
    return true;
}

const char *dev_dir(const struct dev *dev)
{
    return dev->dir;
}

const char *dev_database_url(const struct dev *dev)
{
    return dev->database_url;
}

bool dev_token(const struct dev *dev, char out[TOKEN_OPERATOR_ROOM], struct err *err)
{
    AUTO_FREE char *path = path_of(dev, "operator-token");
    AUTO_BUF text;

    buf_init(&text, TOKEN_OPERATOR_ROOM);
    if (!file_exists(path)) {
        token_make_operator(out);
        return file_create(path, 0600, out, strlen(out), err);
    }
    if (!file_read(path, &text, err))
        return false;
    return (text.len >= TOKEN_ROOM - 1 && text_copy(out, TOKEN_OPERATOR_ROOM, buf_text(&text))) ||
           err_set(err, ERR_INVALID, "'%s' does not hold a token", path);
}

/* --- dev.json -----------------------------------------------------------------------------------
 */

static bool write_json(const struct dev *dev, struct err *err)
{
    AUTO_FREE char *path = path_of(dev, "dev.json");
    AUTO_FREE char *text = NULL;
    AUTO_JSON *tree = NULL;
    char token[TOKEN_OPERATOR_ROOM];
    int pg_pid = (int)cluster_pid(dev->cluster);
    int signer_pid = (int)signer_process_pid(dev->signer);

    if (!dev_token(dev, token, err))
        return false;
    tree = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:[i, i, i]}", "url", dev->url, "token", token,
                     "database", dev->database_url, "pid", (int)getpid(), "pg_pid", pg_pid,
                     "signer_pid", signer_pid, "pids", (int)getpid(), pg_pid, signer_pid);
    crypto_wipe(token, sizeof(token));
    if (!tree)
        return err_set(err, ERR_INVALID, "'%s' is not UTF-8", dev->dir);
    text = json_text(tree);
    return file_write(path, 0600, text, strlen(text), err);
}

/* --- watching -----------------------------------------------------------------------------------
 */

static void start_signer_again(struct dev *dev)
{
    struct signer_process *fresh;
    struct err err;

    LOG_WARNING("dev.signer_died", "dir=%s", dev->dir);
    if (!signer_process_start(dev->signer_program, dev->dir, &fresh, &err)) {
        LOG_ERROR("dev.signer_not_started", "reason='%s'", err.text);
        return; /* the next look tries again */
    }
    signer_process_stop(dev->signer);
    dev->signer = fresh;
    if (!write_json(dev, &err))
        LOG_ERROR("dev.json_not_written", "reason='%s'", err.text);
    LOG_INFO("dev.signer_restarted", "pid=%d", (int)signer_process_pid(fresh));
}

static void start_again(struct dev *dev)
{
    struct cluster *fresh;
    struct err err;

    LOG_WARNING("dev.database_died", "pid=%d", (int)cluster_pid(dev->cluster));
    if (!cluster_start(dev->dir, CLUSTER_DEV, &fresh, &err)) {
        LOG_ERROR("dev.database_not_started", "reason='%s'", err.text);
        return; /* the next look tries again */
    }
    cluster_free(dev->cluster);
    dev->cluster = fresh;
    if (!write_json(dev, &err))
        LOG_ERROR("dev.json_not_written", "reason='%s'", err.text);
    LOG_INFO("dev.database_restarted", "pid=%d", (int)cluster_pid(fresh));
}

/* True when it is time to end. */
static bool wait_a_little(const struct dev *dev)
{
    struct pollfd stop = {.fd = dev->stop_fd, .events = POLLIN};

    return poll(&stop, 1, WATCH_MS) > 0;
}

static void *watch(void *arg)
{
    struct dev *dev = arg;

    while (!wait_a_little(dev)) {
        if (!cluster_is_running(dev->cluster))
            start_again(dev);
        if (!signer_process_is_running(dev->signer))
            start_signer_again(dev);
    }
    return NULL;
}

bool dev_ready(struct dev *dev, const char *url, struct err *err)
{
    sigset_t all;
    sigset_t old;

    (void)text_copy(dev->url, sizeof(dev->url), url); /* ours, and short */
    if (!write_json(dev, err))
        return false;
    dev->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (dev->stop_fd < 0)
        return err_system(err, "could not make an eventfd");
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    errno = pthread_create(&dev->thread, NULL, watch, dev);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    dev->is_watched = errno == 0;
    return dev->is_watched || err_system(err, "could not start a thread");
}

static void stop_watching(struct dev *dev)
{
    uint64_t one = 1;

    if (!dev->is_watched)
        return;
    (void)!write(dev->stop_fd, &one, sizeof(one)); /* the counter cannot be full */
    (void)pthread_join(dev->thread, NULL);
}

bool dev_close(struct dev *dev, struct err *err)
{
    AUTO_FREE char *json_path = NULL;
    bool good = true;

    if (!dev)
        return true;
    json_path = path_of(dev, "dev.json");
    stop_watching(dev);
    signer_process_stop(dev->signer);
    if (dev->lock_fd >= 0) /* else it is another server's file */
        good = file_remove(json_path, err);
    if (dev->cluster)
        good = cluster_stop(dev->cluster, err) && good;
    cluster_free(dev->cluster);
    mem_free(dev->database_url);
    cleanup_close(&dev->stop_fd);
    cleanup_close(&dev->lock_fd);
    mem_free(dev);
    return good;
}
