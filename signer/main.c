/*
 * slipway-signer: holds a server's online keys and signs what the policy allows. The order of its
 * start: options, keys, socket, hardening; from then on it is a loop.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/file.h"
#include "lib/os/unix.h"
#include "signer/harden.h"
#include "signer/server.h"

static const char usage[] =
    "usage: slipway-signer --socket PATH --state DIR [OPTIONS]\n"
    "\n"
    "Holds the online keys of a Slipway server (snapshot, timestamp, director, time of each\n"
    "tenant) and signs over a UNIX socket what its policy allows.\n"
    "\n"
    "       --socket PATH         where to listen\n"
    "       --state DIR           what was signed last; one signer a folder\n"
    "       --backend file        keys in DIR/keys, sealed with the master key (default)\n"
    "       --master-key FILE     the master key, made if it is missing; default: the systemd\n"
    "                             credential slipway-signer-master, else DIR/keys/master-key\n"
    "       --backend pkcs11      key pairs in a token\n"
    "       --module FILE         the token's PKCS#11 module\n"
    "       --token LABEL         the token\n"
    "       --pin-file FILE       its PIN, mode 0600\n"
    "       --client USER         who may connect, name or number; default: only who runs this.\n"
    "                             The socket is then open to this program's group\n"
    "       --not-before TIME     versions may be near TIME, too (2026-11-22T18:00:00Z): after\n"
    "                             \"slipwayd recover --not-before TIME\"\n"
    "       --log-level LEVEL     error, warning, info, debug\n"
    "       --help | --version\n"
    "\n"
    "SIGTERM ends it. Everything that was signed is durable before its signature leaves.\n";

enum { PATH_BYTES_MAX = 4000 };

struct options {
    const char *socket;
    const char *state;
    const char *backend;
    const char *master_key;
    const char *module;
    const char *token;
    const char *pin_file;
    const char *client;
    const char *not_before;
    const char *log_level;
};

/* --- running -----------------------------------------------------------------------------------
 */

static bool find_user(const char *name, uid_t *out, struct err *err)
{
    const struct passwd *user;
    uint64_t number;

    if (text_to_u64(name, strlen(name), 0, UINT32_MAX - 1, &number)) {
        *out = (uid_t)number;
        return true;
    }
    user = getpwnam(name);
    if (!user)
        return err_set(err, ERR_INVALID, "there is no user '%s'", name);
    *out = user->pw_uid;
    return true;
}

/* SIGTERM and SIGINT come as something to read. */
static bool open_stop_fd(int *out, struct err *err)
{
    sigset_t stops;

    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &stops, NULL);
    *out = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    return *out >= 0 || err_system(err, "could not wait for signals");
}

static bool serve(const struct options *options, const struct desk_options *desk_options,
                  struct err *err)
{
    struct server_options server = {.uid = geteuid()};
    AUTO_CLOSE int listen_fd = -1;
    AUTO_CLOSE int stop_fd = -1;
    bool good;

    if (options->client && !find_user(options->client, &server.uid, err))
        return false;
    if (!desk_open(desk_options, &server.desk, err))
        return false;
    good = open_stop_fd(&stop_fd, err) &&
           unix_listen(options->socket, options->client ? 0660 : 0600, &listen_fd, err) &&
           harden(err);
    if (good) {
        LOG_INFO("signer.ready", "socket=%s backend=%s", options->socket,
                 desk_options->keys.backend->name);
        server.listen_fd = listen_fd;
        server.stop_fd = stop_fd;
        good = server_run(&server, err);
        LOG_INFO("signer.stopped", "good=%d", good);
    }
    desk_close(server.desk);
    return good;
}

static bool run_in(const struct options *options, int64_t not_before_ms, struct err *err)
{
    AUTO_FREE char *keys_dir = mem_printf("%s/keys", options->state);
    AUTO_FREE char *tenants_dir = mem_printf("%s/tenants", options->state);
    const struct key_options key_options = {.dir = keys_dir,
                                            .master_key = options->master_key,
                                            .module = options->module,
                                            .token = options->token,
                                            .pin_file = options->pin_file};
    struct desk_options desk = {.dir = tenants_dir, .not_before_ms = not_before_ms};
    bool good;

    desk.keys.backend = key_backend_find(options->backend);
    if (!desk.keys.backend)
        return err_set(err, ERR_INVALID, "'%s' is no backend: file, pkcs11", options->backend);
    if (!desk.keys.backend->open(&key_options, &desk.keys.self, err))
        return false;
    good = serve(options, &desk, err);
    desk.keys.backend->close(desk.keys.self);
    return good;
}

static bool run(const struct options *options, struct err *err)
{
    AUTO_FREE char *lock_path = NULL;
    AUTO_CLOSE int lock_fd = -1;
    int64_t not_before_ms = 0;
    enum log_level level;

    if (!log_level_parse(options->log_level, &level))
        return err_set(err, ERR_INVALID, "'%s' is no level", options->log_level);
    log_set_level(level);
    if (options->not_before &&
        !text_to_time(options->not_before, strlen(options->not_before), &not_before_ms))
        return err_set(err, ERR_INVALID, "'%s' is no time", options->not_before);
    if (!file_make_dirs(options->state, 0700, err))
        return false;
    lock_path = mem_printf("%s/lock", options->state);
    if (!file_lock(lock_path, &lock_fd, err))
        return err->code == ERR_CONFLICT
                   ? err_set(err, ERR_CONFLICT, "a signer is running in '%s'", options->state)
                   : false;
    return run_in(options, not_before_ms, err);
}

/* --- the command line --------------------------------------------------------------------------
 */

enum { OPTION_HELP = 256, OPTION_VERSION, OPTION_FIRST };

/* From OPTION_FIRST on: the fields of struct options that these fill. */
static const struct {
    const char *name;
    size_t field;
} texts[] = {
    {"socket", offsetof(struct options, socket)},
    {"state", offsetof(struct options, state)},
    {"backend", offsetof(struct options, backend)},
    {"master-key", offsetof(struct options, master_key)},
    {"module", offsetof(struct options, module)},
    {"token", offsetof(struct options, token)},
    {"pin-file", offsetof(struct options, pin_file)},
    {"client", offsetof(struct options, client)},
    {"not-before", offsetof(struct options, not_before)},
    {"log-level", offsetof(struct options, log_level)},
};

/* False: the program ends with `*status`. */
static bool parse(int argc, char **argv, struct options *out, int *status)
{
    struct option list[COUNT(texts) + 3] = {{"help", no_argument, NULL, OPTION_HELP},
                                            {"version", no_argument, NULL, OPTION_VERSION}};
    int code;

    for (size_t i = 0; i < COUNT(texts); i++)
        list[2 + i] =
            (struct option){texts[i].name, required_argument, NULL, OPTION_FIRST + (int)i};
    *status = 0;
    while ((code = getopt_long(argc, argv, "", list, NULL)) != -1) {
        if (code == OPTION_HELP || code == OPTION_VERSION) {
            *status = fputs(code == OPTION_HELP ? usage : "slipway-signer 0.1.0\n", stdout) < 0;
            return false;
        }
        if (code < OPTION_FIRST || strlen(optarg) > PATH_BYTES_MAX)
            break;
        memcpy((char *)out + texts[code - OPTION_FIRST].field, &optarg, sizeof(optarg));
    }
    if (code == -1 && optind == argc && out->socket && out->state)
        return true;
    (void)fputs(usage, stderr);
    *status = 2;
    return false;
}

int main(int argc, char **argv)
{
    struct options options = {.backend = "file", .log_level = "info"};
    struct err err = {0};
    int status;

    if (!parse(argc, argv, &options, &status))
        return status;
    if (run(&options, &err))
        return 0;
    LOG_ERROR("signer.failed", "reason='%s'", err.text);
    return 1;
}
