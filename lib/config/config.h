#pragma once
/*
 * Configuration: a table of keys, each with the field it fills, its default, its range and its
 * help; so the help, the sample file and the documentation cannot drift from the program.
 *
 * A file has lines `key = value`, empty lines, and lines that start with #. A value is the rest
 * of the line without the blanks around it. An unknown or repeated key is an error. The
 * environment wins over the file: `listen.port` of a program with prefix SLIPWAY is
 * SLIPWAY_LISTEN_PORT.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum config_type {
    CONFIG_TEXT, /* char *, owned by the struct; min and max are lengths */
    CONFIG_UINT, /* uint64_t */
    CONFIG_SIZE, /* uint64_t; "64K", "3M", "2G" */
    CONFIG_BOOL, /* bool; "true" or "false" */
    CONFIG_TYPE_COUNT,
};

enum { CONFIG_FILE_BYTES_MAX = 64 << 10, CONFIG_KEYS_MAX = 128 };

struct config_key {
    const char *name;
    enum config_type type;
    size_t field; /* offsetof() in the program's struct */
    const char *fallback;
    uint64_t min;
    uint64_t max;
    const char *help; /* one sentence */
};

struct config_table {
    const struct config_key *keys;
    size_t count;
    const char *prefix; /* of the environment: "SLIPWAY" */
};

/* Fills the whole struct at `out`: defaults, then the file (NULL: none), then the environment.
 * On failure `out` owns nothing. */
MUST_USE bool config_load(const struct config_table *table, const char *path, void *out,
                          struct err *err);
/* The same with the text of a file. */
MUST_USE bool config_load_text(const struct config_table *table, const char *text, void *out,
                               struct err *err);
/* Defaults and the text of a file, nothing else: what config_load() is made of. Pure. */
MUST_USE bool config_parse(const struct config_table *table, const char *text, size_t len,
                           void *out, struct err *err);
/* Frees the texts. */
void config_done(const struct config_table *table, void *config);
/* One key and its explanation after the other, for people. */
void config_print_help(const struct config_table *table, struct buf *out);
/* A file with every key commented out, at its default. */
void config_print_sample(const struct config_table *table, struct buf *out);
/* The lines `key = value` that parse to this struct again. */
void config_format(const struct config_table *table, const void *config, struct buf *out);
