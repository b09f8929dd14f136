#pragma once
/* Where published files come from: a server, or a folder that `slipway repo pull` filled. */
#include "cli/trust/state.h"

struct api;

struct source_server {
    struct api *api;
    const char *tenant;
    const char *keep; /* folder into which everything that is fetched goes, too; NULL: none */
};
struct state_source source_of_server(const struct source_server *server);
/* From outside, without being anybody: `base` is "https://host/t/TENANT". The director's files need
 * a device and the token of its session; without them there are none. */
struct client;
struct source_public {
    struct client *client;
    const char *base;
    const char *device; /* hex; NULL: none */
    const char *bearer;
};
struct state_source source_of_public(const struct source_public *place);
/* `dir` is borrowed. */
struct state_source source_of_folder(const char *dir);
