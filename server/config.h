#pragma once
/*
 * The server's configuration. `slipwayd --help-config` prints the table behind it.
 */
#include "lib/config/config.h"

struct server_config {
    char *listen_address;
    uint64_t listen_port; /* 0: any free one */
    char *public_url;     /* empty: made from the address and the port */
    char *tls_certificate;
    char *tls_key;
    char *database_url;
    char *database_owner_url;      /* of whom the tables belong to; never empty after loading */
    uint64_t database_connections; /* per worker */
    char *database_migrations;     /* empty: the installed ones */
    char *signer_socket;
    char *storage_dir;
    char *deltagen;           /* empty: the one beside this program */
    uint64_t delta_devices;   /* fewer do not make a delta worth its while */
    uint64_t delta_memory;    /* bytes that one deltagen may use */
    uint64_t workers;         /* 0: as many as there are cores */
    uint64_t report_days;     /* raw events */
    uint64_t attachment_days; /* what came with them */
    char *symbolize;          /* the program; empty: the one beside this program */
    bool webhook_private;     /* webhooks may point inside */
    char *log_level;
    uint64_t drain_s;
};

extern const struct config_table server_config_table;

/* The file (or nothing), then the environment; then checks what concerns more than one key. */
MUST_USE bool server_config_load(const char *path, struct server_config *out, struct err *err);
/* As above for `slipwayd --dev`: plain HTTP on 127.0.0.1:8080, files below `dir`; `database_url`
 * is the private cluster's. */
MUST_USE bool server_config_load_dev(const char *dir, const char *database_url,
                                     struct server_config *out, struct err *err);
void server_config_done(struct server_config *config);
