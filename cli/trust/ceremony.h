#pragma once
/*
 * What every command has in common that changes what people sign: which keys are at hand, which
 * root is trusted, where the published documents come from, and what happens with the new ones:
 *
 *     ceremony_open()    reads keys, root and the published documents
 *     (edits of ceremony->plan)
 *     ceremony_finish()  signs with the keys at hand; then writes a request bundle (--out), or
 *                        publishes what is complete, or leaves a request at the server for those
 *                        who still have to sign
 */
#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/trust/keyring.h"
#include "cli/trust/plan.h"
#include "cli/trust/project.h"

struct ceremony_options {
    struct option_texts keys;
    const char *root;
    const char *director_root;
    const char *state;
    const char *out;
    const char *note;
    const char *module;
    const char *token;
    const char *pin_file;
    struct option_texts key_labels;
    bool request;
    bool yes;
    bool no_keys; /* a request for others: no key at hand signs it */
    uint64_t expires_days;
};

enum { CEREMONY_EXPIRES_DAYS = 365, CEREMONY_EXPIRES_DAYS_MAX = 3650 };

/* Rows for tables of options: the keys at hand, and all the rest. */
/* clang-format off */
#define KEY_OPTIONS(values) \
    {.name = "keys",      .type = OPTION_TEXTS, .field = offsetof(values, ceremony.keys),       .value = "DIR",  .help = "folder of keys, or of folders of keys; ./keys when there is one"}, \
    {.name = "pkcs11",    .type = OPTION_TEXT,  .field = offsetof(values, ceremony.module),     .value = "MODULE", .help = "sign with a token: the PKCS#11 module of its maker"}, \
    {.name = "token",     .type = OPTION_TEXT,  .field = offsetof(values, ceremony.token),      .value = "LABEL", .help = "which token"}, \
    {.name = "pin-file",  .type = OPTION_TEXT,  .field = offsetof(values, ceremony.pin_file),   .value = "FILE", .help = "its PIN, in a file that only you can read"}, \
    {.name = "key-label", .type = OPTION_TEXTS, .field = offsetof(values, ceremony.key_labels), .value = "LABEL", .help = "which of its keys"}, \
    {.name = "root",      .type = OPTION_TEXT,  .field = offsetof(values, ceremony.root),       .value = "FILE", .help = "the root you trust; root.json beside the keys"}, \
    {.name = "director-root", .type = OPTION_TEXT, .field = offsetof(values, ceremony.director_root), .value = "FILE", .help = "the same of the director; director-root.json beside the keys"}, \
    {.name = "yes",       .type = OPTION_FLAG,  .field = offsetof(values, ceremony.yes),        .help = "do not ask"}
#define CEREMONY_OPTIONS(values) \
    KEY_OPTIONS(values), \
    {.name = "state",     .type = OPTION_TEXT,  .field = offsetof(values, ceremony.state),      .value = "DIR",  .help = "what is published, from 'repo pull'; otherwise it is asked of the server"}, \
    {.name = "out",       .type = OPTION_TEXT,  .field = offsetof(values, ceremony.out),        .value = "FILE", .help = "write a request bundle instead of sending anything"}, \
    {.name = "request",   .type = OPTION_FLAG,  .field = offsetof(values, ceremony.request),    .help = "leave a request at the server even if it is complete"}, \
    {.name = "note",      .type = OPTION_TEXT,  .field = offsetof(values, ceremony.note),       .value = "TEXT", .help = "for those who will sign"}, \
    {.name = "expires-days", .type = OPTION_U64, .field = offsetof(values, ceremony.expires_days), .min = 1, .max = CEREMONY_EXPIRES_DAYS_MAX, .value = "N", .help = "valid for so many days (365)"}
/* clang-format on */

struct ceremony {
    struct cli *cli;
    const struct ceremony_options *options;
    struct api *api; /* NULL when --state and --out leave the server out of it */
    struct project project;
    char *tenant;
    struct keyring ring;
    struct state state;
    struct plan plan;
};

#define AUTO_CEREMONY CLEANUP(ceremony_done) struct ceremony
/* `out` is a local of the caller and must not move afterwards. On failure it may be done. */
MUST_USE bool ceremony_open(const struct api_options *api, const struct ceremony_options *options,
                            struct cli *cli, struct ceremony *out, struct err *err);
/* Without anything published: for `init`. */
MUST_USE bool ceremony_open_empty(const struct api_options *api,
                                  const struct ceremony_options *options, struct cli *cli,
                                  struct ceremony *out, struct err *err);
void ceremony_done(struct ceremony *ceremony);

/* Fields of the answer: "state" ("published", "request", "written"), "documents" [{"repository",
 * "role", "version", "signatures", "threshold", "missing", "summary"}], "request" or "out". */
MUST_USE bool ceremony_finish(struct ceremony *ceremony, const char *note, json_t *answer,
                              struct err *err);
/* The first half of that: the bundle, signed by the keys at hand, and "documents" of the answer. */
MUST_USE bool ceremony_bundle(struct ceremony *ceremony, const char *note, json_t *answer,
                              struct bundle *out, struct err *err);
/* The answer for people. */
void ceremony_print(struct cli *cli, const json_t *answer);

/* --- pieces that other commands use, too -------------------------------------------------------
 */

/* The keys that the options name. */
MUST_USE bool ceremony_keys(const struct ceremony_options *options, struct keyring *ring,
                            struct err *err);
/* The root that the options name, else NAME beside the keys. `*found` is false when there is none;
 * that is no failure. */
MUST_USE bool ceremony_root(const struct ceremony_options *options, const char *given,
                            const char *name, struct buf *out, bool *found, struct err *err);
/* The tenant that the server knows us as; the caller frees it. */
MUST_USE bool ceremony_tenant(struct api *api, char **out, struct err *err);
/* Publishes a bundle whose documents are complete. */
MUST_USE bool ceremony_publish(struct api *api, const struct bundle *bundle, json_t **answer,
                               struct err *err);
/* Leaves it at the server as a request, with the signatures it has. */
MUST_USE bool ceremony_request(struct api *api, const struct bundle *bundle, json_t **answer,
                               struct err *err);
/* The next version of the published trust/anchors.json; the caller's. ERR_NOT_FOUND. */
MUST_USE bool ceremony_anchors(const struct ceremony *ceremony, json_t **out, struct err *err);
/* Writes a file that must not be there yet. */
MUST_USE bool ceremony_write(const char *path, const struct buf *text, struct err *err);
