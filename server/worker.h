#pragma once
/*
 * One worker: a thread with a loop, a listener and PostgreSQL connections of its own. It is what
 * the front hands to every handler as `app`. Plain data: the pointers are set once, before the
 * loop runs, and a module takes from here only what it needs.
 */
#include <stdint.h>

struct loop;
struct db;
struct http_server;
struct offload;
struct auth_tokens;
struct repo;
struct artifact_store;
struct metrics;
struct server_config;
struct fleet;
struct device_desk;
struct signer;
struct stream_hub;

struct worker {
    /* its own */
    int number;
    struct loop *loop;
    struct db *db;
    struct http_server *http;
    struct signer *signer;       /* its connection to slipway-signer */
    struct stream_hub *stream;   /* who listens to what happens */
    struct device_desk *devices; /* what its device handlers share */

    /* read only */
    const struct server_config *config;
    const char *public_url; /* what devices are told, without a slash at the end */

    /* shared by all workers; each is safe to use from any thread */
    struct offload *offload;
    struct metrics *metrics;
    struct fleet *fleet;                /* devices, groups, deployments in memory */
    struct auth_tokens *tokens;         /* operators' tokens */
    struct repo *repo;                  /* the image repositories' current documents */
    struct artifact_store *artifacts;   /* files by hash */
    struct artifact_store *attachments; /* of events, likewise */
    struct artifact_store *symbols;     /* debug files, likewise */
};
