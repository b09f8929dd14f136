#pragma once
/*
 * The operator API as the commands use it: one blocking call, whole lists over their pages, names
 * to ids. An error's text is the server's own sentence.
 */
#include "lib/json/json.h"

struct api;

/* The options that every command talking to a server has; the first member of its values. */
struct api_options {
    const char *url;
    const char *token_file;
    const char *ca;
};

/* Rows for a command's table of options, e.g. API_OPTIONS(struct values). */
/* clang-format off */
#define API_OPTIONS(values) \
    {.name = "url",        .type = OPTION_TEXT, .field = offsetof(values, api.url),        .value = "URL",  .help = "the server; otherwise SLIPWAY_URL, the login, or ./var/dev.json"}, \
    {.name = "token-file", .type = OPTION_TEXT, .field = offsetof(values, api.token_file), .value = "FILE", .help = "file with the operator's token; otherwise SLIPWAY_TOKEN or the login"}, \
    {.name = "ca",         .type = OPTION_TEXT, .field = offsetof(values, api.ca),         .value = "FILE", .help = "PEM certificates to trust for TLS; otherwise SLIPWAY_CA or the system's"}
/* clang-format on */

#define AUTO_API CLEANUP(api_cleanup)

MUST_USE bool api_open(const struct api_options *options, struct api **out, struct err *err);
void api_close(struct api *api);
void api_cleanup(struct api **api);

/* `path` is below /api/v1 ("/products"); `body` may be NULL and is borrowed. A NULL `out` drops
 * the answer. */
MUST_USE bool api_call(struct api *api, const char *method, const char *path, const json_t *body,
                       json_t **out, struct err *err);
/* A body that is not our JSON but the user's bytes. */
MUST_USE bool api_send(struct api *api, const char *method, const char *path,
                       const struct buf *body, json_t **out, struct err *err);
/* A public file by its path at the server ("/t/acme/image/..."), as bytes; with `bearer` the
 * operator's token goes along. ERR_NOT_FOUND, LENGTH_LIMIT above `max`. */
MUST_USE bool api_fetch(struct api *api, const char *path, bool bearer, size_t max, struct buf *out,
                        struct err *err);
/* An answer without an end: pieces go to `fn` as they come, until it says no or the connection
 * ends. ERR_UNAVAILABLE: it may be tried again. */
MUST_USE bool api_follow(struct api *api, const char *path,
                         bool (*fn)(void *arg, const void *data, size_t len, struct err *err),
                         void *arg, struct err *err);
/* Streams a file, with a bar on a terminal. */
MUST_USE bool api_upload(struct api *api, const char *path, const char *file, json_t **out,
                         struct err *err);
/* All pages of a list up to `limit` items (0: all), as {"items": [...]}. `path` may have a
 * query. */
MUST_USE bool api_list(struct api *api, const char *path, uint64_t limit, json_t **out,
                       struct err *err);

/* Names to ids, freed by the caller; what looks like an id is taken as one. */
MUST_USE bool api_product_id(struct api *api, const char *name, char **out, struct err *err);
/* "PRODUCT/GROUP" or an id. */
MUST_USE bool api_group_id(struct api *api, const char *name, char **out, struct err *err);
/* `product` (an id) may be NULL: the name must then be the only one. */
MUST_USE bool api_release_id(struct api *api, const char *name, const char *product, char **out,
                             struct err *err);
