#pragma once
/*
 * The offline side of a tenant, for tests of publication: keys, documents to be lied with at will,
 * and a client that believes what a view shows. The online keys are here, too.
 */
#include "lib/crypto/sign.h"
#include "server/repo/compose.h"

struct offline {
    int64_t now_ms;
    int64_t expires_ms; /* of what is made next */
    struct sign_key *root;
    struct sign_key *targets;
    struct sign_key *os[2]; /* of the role os-h1 */
    struct sign_key *director_root;
    struct sign_key *snapshot;
    struct sign_key *timestamp;
    struct sign_key *director;
    const struct repo_online_keys *served; /* a server's, for roots; NULL: those above */
    unsigned os_threshold;
    json_t *entries;    /* {path: entry} of the role targets */
    json_t *os_entries; /* of os-h1 */
};

struct offline *offline_new(void);
void offline_free(struct offline *offline);
struct repo_online_keys offline_online(const struct offline *offline);

/* The signed parts; the caller owns them. Targets delegate os/h1 to os-h1 when `delegates`. */
json_t *offline_root(const struct offline *offline, unsigned version);
json_t *offline_director_root(const struct offline *offline, unsigned version);
json_t *offline_targets(const struct offline *offline, unsigned version, bool delegates);
json_t *offline_os(const struct offline *offline, unsigned version);
/* A complete entry of type "os" for h1, or of type "trust". */
json_t *offline_image(const char *version, unsigned counter, const void *data, size_t len);
json_t *offline_file(const char *text);

/* Takes the body over; the caller frees with buf_done(). */
struct buf offline_sign(json_t *body, struct sign_key *const *keys, size_t count);
/* Signs with one key and adds it to what is to be published. */
void offline_add(struct repo_bundle *bundle, enum repo_kind kind, const char *role, json_t *body,
                 struct sign_key *key);
/* Root, targets that delegate, os-h1 with an image of 5 bytes: all versions 1. */
void offline_add_first(const struct offline *offline, struct repo_bundle *bundle);

/* Composes, signs with the online keys, and gives the view after it; NULL with `err`. */
struct repo_view *offline_publish(const struct offline *offline, const struct repo_view *before,
                                  const struct repo_bundle *bundle, struct err *err);
struct repo_view *offline_renew(const struct offline *offline, const struct repo_view *before,
                                int64_t now_ms, struct err *err);
/* A view with nothing in it. */
struct repo_view *offline_nothing(void);
/* A client that was made with root 1 of the view walks it and looks a path up; `path` NULL: it
 * only walks. */
bool offline_client_accepts(const struct offline *offline, const struct repo_view *view,
                            const char *path, struct err *err);
