#pragma once
/*
 * The running server: workers, their shared modules, the routes. Built in order, torn down in the
 * opposite one. Everything here is for the main thread, which runs worker 0 itself.
 */
#include "lib/base/err.h"
#include "server/config.h"

struct app;

/* Reads the configuration again, for SIGHUP; fills `out` as server_config_load() does. */
typedef bool app_reload_fn(struct server_config *out, void *arg, struct err *err);

/* Connects, checks the schema, fills the memory and listens. `config` must outlive the app. */
MUST_USE bool app_open(const struct server_config *config, app_reload_fn *reload, void *reload_arg,
                       struct app **out, struct err *err);
/* "http://127.0.0.1:8080": where this server is reached from its own machine. */
const char *app_url(const struct app *app);
/* Serves until SIGTERM or SIGINT (which the caller may have blocked until now), then drains.
 * SIGHUP reloads TLS files and log level. */
void app_run(struct app *app);
void app_close(struct app *app);
/* docs/API.md, from the tables of routes. */
void app_print_api(struct buf *out);
