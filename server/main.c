/*
 * slipwayd: the command line, and the order in which things are made: configuration, schema,
 * server. `--dev` puts its private database in front of that.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "server/app.h"
#include "server/config.h"
#include "server/db/migrate.h"
#include "server/db/sync.h"
#include "server/dev/dev.h"
#include "server/store/store_first.h"
#include "server/store/store_recover.h"

static const char usage[] =
    "usage: slipwayd --config FILE              serve\n"
    "       slipwayd --dev [--dir DIR]          serve with a private PostgreSQL below DIR "
    "(./var),\n"
    "                                           on 127.0.0.1:8080\n"
    "       slipwayd migrate --config FILE      bring the database's schema up to date\n"
    "       slipwayd add-operator TENANT --config FILE\n"
    "                                           make the tenant if it is missing, and print a new\n"
    "                                           administrator's token\n"
    "       slipwayd recover --not-before TIME --config FILE\n"
    "                                           after a backup was restored whose server had a "
    "clock\n"
    "                                           that was ahead: versions begin there (RFC 3339)\n"
    "       slipwayd --help-config              the configuration file, with every key\n"
    "       slipwayd --print-api                the HTTP API, from the route tables\n"
    "       slipwayd --version | --help\n"
    "\n"
    "Every key may come from the environment: SLIPWAY_LISTEN_PORT for listen.port. Also:\n"
    "       --migrations DIR                    the schema's migrations (database.migrations)\n"
    "\n"
    "SIGTERM drains and stops, SIGHUP reads TLS files and log level again.\n";

enum { PAGE_BYTES_MAX = 1 << 20 };

struct options {
    const char *config;
    const char *dir;
    const char *migrations;
    bool dev;
    const char *command; /* NULL: serve */
    const char *tenant;
    const char *not_before;
};

/* --- what both ways of serving share ---------------------------------------------------------- */

static bool find_migrations(const struct options *options, const struct server_config *config,
                            char out[PATH_MAX], struct err *err)
{
    const char *named = options->migrations ? options->migrations : config->database_migrations;

    if (named[0] == '\0')
        return migrate_find_dir(out, PATH_MAX, err);
    return text_copy(out, PATH_MAX, named) ||
           err_set(err, ERR_LIMIT, "the path '%s' is too long", named);
}

static bool load(const struct options *options, struct server_config *out, struct err *err)
{
    enum log_level level;

    if (!server_config_load(options->config, out, err))
        return false;
    if (log_level_parse(out->log_level, &level))
        log_set_level(level);
    return true;
}

static bool migrate(const struct options *options, const struct server_config *config,
                    struct err *err)
{
    char dir[PATH_MAX];
    unsigned applied;

    if (!find_migrations(options, config, dir, err) ||
        !migrate_apply(config->database_owner_url, dir, &applied, err))
        return false;
    LOG_INFO("schema.migrated", "applied=%u", applied);
    return true;
}

/* As many descriptors as we may have: each connection is one. */
static void raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* the old limit serves fewer connections */
}

/* A server that is told to stop while it starts finishes starting, then stops in good order:
 * otherwise a private database would be left running. app_run() lets them through. */
static void hold_stop_signals(void)
{
    sigset_t held;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &held, NULL);
}

/* --- slipwayd --config -------------------------------------------------------------------------
 */

static bool reload(struct server_config *out, void *arg, struct err *err)
{
    const struct options *options = arg;

    return server_config_load(options->config, out, err);
}

static bool serve_config(struct options *options, const struct server_config *config,
                         struct err *err)
{
    char dir[PATH_MAX];
    struct app *app;

    if (!find_migrations(options, config, dir, err) ||
        !migrate_check(config->database_url, dir, err) ||
        !app_open(config, reload, options, &app, err))
        return false;
    LOG_INFO("server.ready", "url=%s", app_url(app));
    app_run(app);
    app_close(app);
    return true;
}

static bool serve(struct options *options, struct err *err)
{
    struct server_config config;
    bool good;

    if (!load(options, &config, err))
        return false;
    good = serve_config(options, &config, err);
    server_config_done(&config);
    return good;
}

/* --- slipwayd --dev ----------------------------------------------------------------------------
 */

static bool load_dev(const struct dev *dev, struct server_config *out, struct err *err)
{
    return server_config_load_dev(dev_dir(dev), dev_database_url(dev), out, err);
}

static bool reload_dev(struct server_config *out, void *arg, struct err *err)
{
    return load_dev(arg, out, err);
}

static bool make_operator(const char *database_url, const char *tenant, const char *name,
                          const char *token, struct err *err)
{
    AUTO_DB_SYNC *sync = NULL;

    return db_sync_open(database_url, &sync, err) &&
           store_first_operator(sync, tenant, name, token, err);
}

static bool prepare_dev(const struct options *options, const struct dev *dev,
                        const struct server_config *config, struct err *err)
{
    char token[TOKEN_OPERATOR_ROOM];
    bool good = migrate(options, config, err) && dev_token(dev, token, err) &&
                make_operator(config->database_owner_url, "default", "slipwayd --dev", token, err);

    crypto_wipe(token, sizeof(token));
    return good;
}

static bool serve_in(const struct options *options, struct dev *dev,
                     const struct server_config *config, struct err *err)
{
    struct app *app;
    bool good;

    if (!prepare_dev(options, dev, config, err) || !app_open(config, reload_dev, dev, &app, err))
        return false;
    good = dev_ready(dev, app_url(app), err);
    if (good) {
        LOG_INFO("server.ready", "url=%s dir=%s", app_url(app), dev_dir(dev));
        app_run(app);
    }
    app_close(app);
    return good;
}

static bool serve_dev(struct options *options, struct err *err)
{
    struct server_config config;
    enum log_level level;
    struct err stop_err;
    struct dev *dev;
    bool good;

    if (!dev_open(options->dir, NULL, &dev, err))
        return false;
    good = load_dev(dev, &config, err);
    if (good) {
        if (log_level_parse(config.log_level, &level))
            log_set_level(level);
        good = serve_in(options, dev, &config, err);
        server_config_done(&config);
    }
    if (dev_close(dev, &stop_err))
        return good;
    if (good)
        *err = stop_err; /* else the first error is the one to tell */
    return false;
}

/* --- other commands ----------------------------------------------------------------------------
 */

static bool run_migrate(struct options *options, struct err *err)
{
    struct server_config config;
    bool good;

    if (!load(options, &config, err))
        return false;
    good = migrate(options, &config, err);
    server_config_done(&config);
    return good;
}

static bool run_add_operator(struct options *options, struct err *err)
{
    struct server_config config;
    char token[TOKEN_OPERATOR_ROOM];
    bool good;

    if (!load(options, &config, err))
        return false;
    token_make_operator(token);
    good = make_operator(config.database_owner_url, options->tenant, "slipwayd add-operator", token,
                         err);
    if (good)
        good = puts(token) >= 0 || err_system(err, "could not print the token");
    crypto_wipe(token, sizeof(token));
    server_config_done(&config);
    return good;
}

static bool recover(const struct server_config *config, int64_t not_before_ms, struct err *err)
{
    AUTO_DB_SYNC *sync = NULL;
    uint64_t tenants;

    if (!db_sync_open(config->database_owner_url, &sync, err) ||
        !store_recover(sync, not_before_ms, &tenants, err))
        return false;
    LOG_INFO("repo.versions_raised", "tenants=%llu not_before_ms=%lld", (unsigned long long)tenants,
             (long long)not_before_ms);
    return true;
}

static bool run_recover(struct options *options, struct err *err)
{
    struct server_config config;
    int64_t not_before_ms;
    bool good;

    if (!text_to_time(options->not_before, strlen(options->not_before), &not_before_ms))
        return err_set(err, ERR_INVALID, "'%s' is not a time like 2027-01-31T12:00:00Z",
                       options->not_before);
    if (!load(options, &config, err))
        return false;
    good = recover(&config, not_before_ms, err);
    server_config_done(&config);
    return good;
}

static bool print_page(void (*print)(struct buf *out))
{
    AUTO_BUF page;

    buf_init(&page, PAGE_BYTES_MAX);
    print(&page);
    return fputs(buf_text(&page), stdout) >= 0;
}

static void print_config(struct buf *out)
{
    buf_add_text(out, "# Configuration of slipwayd. Every key may also come from the environment:\n"
                      "# SLIPWAY_LISTEN_PORT for listen.port.\n\n");
    config_print_sample(&server_config_table, out);
}

/* --- the command line --------------------------------------------------------------------------
 */

enum option_code {
    OPTION_CONFIG = 256,
    OPTION_DEV,
    OPTION_DIR,
    OPTION_MIGRATIONS,
    OPTION_NOT_BEFORE,
    OPTION_HELP,
    OPTION_HELP_CONFIG,
    OPTION_PRINT_API,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"dev", no_argument, NULL, OPTION_DEV},
    {"dir", required_argument, NULL, OPTION_DIR},
    {"migrations", required_argument, NULL, OPTION_MIGRATIONS},
    {"not-before", required_argument, NULL, OPTION_NOT_BEFORE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
    {"print-api", no_argument, NULL, OPTION_PRINT_API},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* The exit status when that was all, or -1 to go on. */
static int take_option(int code, struct options *options)
{
    switch (code) {
    case OPTION_CONFIG:
        options->config = optarg;
        return -1;
    case OPTION_DEV:
        options->dev = true;
        return -1;
    case OPTION_DIR:
        options->dir = optarg;
        return -1;
    case OPTION_MIGRATIONS:
        options->migrations = optarg;
        return -1;
    case OPTION_NOT_BEFORE:
        options->not_before = optarg;
        return -1;
    case OPTION_HELP:
        return fputs(usage, stdout) >= 0 ? 0 : 1;
    case OPTION_HELP_CONFIG:
        return print_page(print_config) ? 0 : 1;
    case OPTION_PRINT_API:
        return print_page(app_print_api) ? 0 : 1;
    case OPTION_VERSION:
        return puts("slipwayd 0.1.0") >= 0 ? 0 : 1;
    default: /* getopt has said what is wrong */
        (void)fputs(usage, stderr);
        return 2;
    }
}

typedef bool command_fn(struct options *options, struct err *err);

/* NULL: wrong usage. */
static command_fn *choose(int count, char **words, struct options *options)
{
    if (count == 0 && options->dev && !options->config)
        return serve_dev;
    if (options->dev)
        return NULL;
    if (count == 0)
        return options->config ? serve : NULL;
    if (count == 1 && text_equal(words[0], "migrate"))
        return run_migrate;
    if (count == 1 && text_equal(words[0], "recover") && options->not_before)
        return run_recover;
    if (count == 2 && text_equal(words[0], "add-operator")) {
        options->tenant = words[1];
        return run_add_operator;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = {.dir = "./var"};
    command_fn *command;
    struct err err;
    int code;

    while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int status = take_option(code, &options);

        if (status >= 0)
            return status;
    }
    command = choose(argc - optind, argv + optind, &options);
    if (!command) {
        (void)fputs(usage, stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a client that left is an error of write() */
    raise_limits();
    if (command == serve || command == serve_dev)
        hold_stop_signals();
    if (command(&options, &err))
        return 0;
    LOG_ERROR("server.failed", "reason='%s'", err.text);
    return 1;
}
