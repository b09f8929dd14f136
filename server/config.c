/* The table of keys; `--dev` is the same table with other defaults, so the environment works
 * there as well. */
#include "server/config.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/file.h"
#include "server/limits.h"

#define FIELD(name) offsetof(struct server_config, name)

enum { TEXT_MAX = 1000 };

static const struct config_key keys[] = {
    {
        .name = "listen.address",
        .type = CONFIG_TEXT,
        .field = FIELD(listen_address),
        .fallback = "0.0.0.0",
        .min = 1,
        .max = 64,
        .help = "IP address of the device and operator APIs; :: is every address of both kinds.",
    },
    {
        .name = "listen.port",
        .type = CONFIG_UINT,
        .field = FIELD(listen_port),
        .fallback = "8443",
        .min = 0,
        .max = 65535,
        .help = "TCP port of the device and operator APIs; 0 takes any free one.",
    },
    {
        .name = "public.url",
        .type = CONFIG_TEXT,
        .field = FIELD(public_url),
        .fallback = "",
        .max = 200,
        .help = "Base URL that devices are told, such as https://updates.example.org; empty: made "
                "from address and port.",
    },
    {
        .name = "tls.certificate",
        .type = CONFIG_TEXT,
        .field = FIELD(tls_certificate),
        .fallback = "",
        .max = TEXT_MAX,
        .help = "PEM file of the certificate and its chain; empty: plain HTTP.",
    },
    {
        .name = "tls.key",
        .type = CONFIG_TEXT,
        .field = FIELD(tls_key),
        .fallback = "",
        .max = TEXT_MAX,
        .help = "PEM file of the certificate's private key.",
    },
    {
        .name = "database.url",
        .type = CONFIG_TEXT,
        .field = FIELD(database_url),
        .fallback = "host=/var/run/postgresql dbname=slipway",
        .min = 1,
        .max = 4000,
        .help = "PostgreSQL connection string or URL; a socket folder or hostaddr= avoids name "
                "lookups. Its login is a member of role slipway_runtime, as which the server acts.",
    },
    {
        .name = "database.owner_url",
        .type = CONFIG_TEXT,
        .field = FIELD(database_owner_url),
        .fallback = "",
        .max = 4000,
        .help = "Connection string of the schema's owner, for migrate and add-operator. Empty: "
                "database.url.",
    },
    {
        .name = "database.connections",
        .type = CONFIG_UINT,
        .field = FIELD(database_connections),
        .fallback = "2",
        .min = 1,
        .max = DB_CONNECTIONS_MAX,
        .help = "Connections of each worker.",
    },
    {
        .name = "database.migrations",
        .type = CONFIG_TEXT,
        .field = FIELD(database_migrations),
        .fallback = "",
        .max = TEXT_MAX,
        .help = "Folder of the schema's migrations; empty: the one that was installed or built "
                "with this program.",
    },
    {
        .name = "signer.socket",
        .type = CONFIG_TEXT,
        .field = FIELD(signer_socket),
        .fallback = "/run/slipway-signer/socket",
        .min = 1,
        .max = TEXT_MAX,
        .help = "Socket of slipway-signer, which holds the online keys.",
    },
    {
        .name = "storage.dir",
        .type = CONFIG_TEXT,
        .field = FIELD(storage_dir),
        .fallback = "/var/lib/slipway",
        .min = 1,
        .max = TEXT_MAX,
        .help = "Folder of images and deltas.",
    },
    {
        .name = "delta.program",
        .type = CONFIG_TEXT,
        .field = FIELD(deltagen),
        .fallback = "",
        .max = TEXT_MAX,
        .help = "The deltagen program; empty: the one beside this program.",
    },
    {
        .name = "delta.min_devices",
        .type = CONFIG_UINT,
        .field = FIELD(delta_devices),
        .fallback = "10",
        .min = 1,
        .max = UINT32_MAX,
        .help = "Deltas are made from images that at least so many devices run, and a thousandth.",
    },
    {
        .name = "delta.memory",
        .type = CONFIG_SIZE,
        .field = FIELD(delta_memory),
        .fallback = "2G",
        .min = 64 << 20,
        .max = UINT64_C(1) << 40,
        .help =
            "Memory of the one deltagen that runs beside the server; it waits until that is free.",
    },
    {
        .name = "reports.raw_days",
        .type = CONFIG_UINT,
        .field = FIELD(report_days),
        .fallback = "14",
        .min = 1,
        .max = 3650,
        .help = "Days that raw events are kept; their daily sums are kept ten years.",
    },
    {
        .name = "reports.attachment_days",
        .type = CONFIG_UINT,
        .field = FIELD(attachment_days),
        .fallback = "29",
        .min = 1,
        .max = 3650,
        .help = "Days that logs and minidumps of devices are kept.",
    },
    {
        .name = "symbolize.program",
        .type = CONFIG_TEXT,
        .field = FIELD(symbolize),
        .fallback = "",
        .max = TEXT_MAX,
        .help = "The slipway-symbolize program; empty: the one beside this program.",
    },
    {
        .name = "webhook.private",
        .type = CONFIG_BOOL,
        .field = FIELD(webhook_private),
        .fallback = "false",
        .help = "Whether webhooks may point to http:// URLs and to private addresses. Who may make "
                "one could then reach what only this machine can.",
    },
    {
        .name = "workers",
        .type = CONFIG_UINT,
        .field = FIELD(workers),
        .fallback = "0",
        .min = 0,
        .max = WORKERS_MAX,
        .help = "Threads that serve; 0: one for each core.",
    },
    {
        .name = "log.level",
        .type = CONFIG_TEXT,
        .field = FIELD(log_level),
        .fallback = "info",
        .min = 1,
        .max = 16,
        .help = "error, warning, info or debug; read again at SIGHUP.",
    },
    {
        .name = "drain.seconds",
        .type = CONFIG_UINT,
        .field = FIELD(drain_s),
        .fallback = "10",
        .min = 0,
        .max = 3600,
        .help = "How long a stopping server lets requests end.",
    },
};
const struct config_table server_config_table = {keys, COUNT(keys), "SLIPWAY"};

static bool check(const struct server_config *config, struct err *err)
{
    enum log_level level;

    if (!log_level_parse(config->log_level, &level))
        return err_set(err, ERR_INVALID, "'log.level' is error, warning, info or debug");
    if ((config->tls_certificate[0] == '\0') != (config->tls_key[0] == '\0'))
        return err_set(err, ERR_INVALID, "'tls.certificate' and 'tls.key' are set together");
    if (config->public_url[0] != '\0' && !text_starts_with(config->public_url, "http://") &&
        !text_starts_with(config->public_url, "https://"))
        return err_set(err, ERR_INVALID, "'public.url' starts with http:// or https://");
    if (text_ends_with(config->public_url, "/"))
        return err_set(err, ERR_INVALID, "'public.url' does not end with a slash");
    return true;
}

static bool finish(struct server_config *config, bool loaded, struct err *err)
{
    if (!loaded)
        return false;
    if (config->database_owner_url[0] == '\0') {
        mem_free(config->database_owner_url);
        config->database_owner_url = mem_strdup(config->database_url);
    }
    if (check(config, err))
        return true;
    server_config_done(config);
    return false;
}

bool server_config_load(const char *path, struct server_config *out, struct err *err)
{
    return finish(out, config_load(&server_config_table, path, out, err), err);
}

bool server_config_load_dev(const char *dir, const char *database_url, struct server_config *out,
                            struct err *err)
{
    AUTO_FREE char *defaults =
        mem_printf("listen.address = 127.0.0.1\nlisten.port = 8080\nstorage.dir = %s\n"
                   "delta.min_devices = 1\n"
                   "signer.socket = %s/signer/socket\ndrain.seconds = 3\n"
                   "webhook.private = true\n",
                   dir, dir);

    if (!finish(out, config_load_text(&server_config_table, defaults, out, err), err))
        return false;
    mem_free(out->database_url);
    mem_free(out->database_owner_url);
    out->database_url = mem_strdup(database_url);
    out->database_owner_url = mem_strdup(database_url);
    return true;
}

void server_config_done(struct server_config *config)
{
    config_done(&server_config_table, config);
}
