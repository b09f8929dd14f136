#pragma once
/*
 * A small update repository in memory, its client's store, and the io between them, for tests
 * that publish, attack and look what the client kept. Keys come from fixed seeds; every put
 * writes one file of the repository, signed by the keys given, so any order of lies can be told.
 */
#include "lib/crypto/sign.h"
#include "lib/tuf/tuf.h"

enum { TUF_REPO_FILES = 400, TUF_REPO_KEYS = 8, TUF_REPO_ROLES = 64 };

struct tuf_repo_file {
    char name[TUF_FILE_NAME_ROOM];
    struct buf bytes;
};

struct tuf_repo {
    int64_t now_ms;
    int64_t expires_ms;                   /* of what is put next, */
    int64_t root_expires_ms;              /* and of roots */
    struct sign_key *keys[TUF_REPO_KEYS]; /* [role], and from TUF_ROLE_COUNT on spare ones */
    size_t key_of[TUF_ROLE_COUNT];        /* which key a role has at present */
    json_t *targets;                      /* {path: entry} of what is put next */
    json_t *delegations;                  /* of them; NULL: none */
    struct tuf_repo_file files[TUF_REPO_FILES];
    size_t file_count;
    struct tuf_repo_file stored[TUF_REPO_ROLES]; /* what the client keeps */
    size_t stored_count;
    struct {
        char name[TUF_ROLE_NAME_MAX + 1];
        uint64_t version;
    } roles[TUF_REPO_ROLES]; /* delegated ones a snapshot lists */
    size_t role_count;
    char fetched[1000]; /* names, each followed by a blank */
    size_t fetch_count;
    struct tuf_io io;
};

struct tuf_repo *tuf_repo_new(void);
/* Root 1 is trusted; version 1 of everything was fetched and is stored. */
struct tuf_repo *tuf_repo_new_updated(void);
void tuf_repo_free(struct tuf_repo *repo);

/* The bodies, to be changed before they are put; owned by the caller. */
json_t *tuf_repo_root(struct tuf_repo *repo, uint64_t version);
/* Lists N.targets.json and N.snapshot.json as they are in the repository now. */
json_t *tuf_repo_snapshot(struct tuf_repo *repo, uint64_t version, uint64_t targets_version);
json_t *tuf_repo_timestamp(struct tuf_repo *repo, uint64_t version, uint64_t snapshot_version);
/* A complete os entry. */
json_t *tuf_repo_entry(const char *hwid, uint64_t counter, uint8_t sha256_byte);

/* Signs with keys[index] for each of `count` and puts the file; takes the body over. */
void tuf_repo_put(struct tuf_repo *repo, const char *name, json_t *body, const size_t *keys,
                  size_t count);
void tuf_repo_put_bytes(struct tuf_repo *repo, const char *name, const void *data, size_t len);
/* The honest ones, signed by their role's present key. */
void tuf_repo_put_root(struct tuf_repo *repo, uint64_t version);
void tuf_repo_put_targets(struct tuf_repo *repo, uint64_t version);
void tuf_repo_put_snapshot(struct tuf_repo *repo, uint64_t version, uint64_t targets_version);
void tuf_repo_put_timestamp(struct tuf_repo *repo, uint64_t version, uint64_t snapshot_version);
/* targets, snapshot and timestamp of one version. */
void tuf_repo_publish(struct tuf_repo *repo, uint64_t version);
/* A delegated role, listed by the snapshots that are put from now on; `targets` and `delegations`
 * (may be NULL) are taken over. */
void tuf_repo_put_role(struct tuf_repo *repo, const char *name, uint64_t version, json_t *targets,
                       json_t *delegations, size_t key);
/* One delegation to a role signed by one key, for a pattern; not terminating, for all hardware. */
json_t *tuf_repo_delegation(const struct tuf_repo *repo, const char *name, size_t key,
                            const char *pattern);
/* "delegations" of these (taken over), with all keys of the repository. */
json_t *tuf_repo_delegations(const struct tuf_repo *repo, json_t *const *roles, size_t count);
/* The bytes of a file, or NULL. */
struct buf *tuf_repo_file(struct tuf_repo *repo, const char *name);

/* As if the client had been made with this file as its root. */
void tuf_repo_trust(struct tuf_repo *repo, const char *root_name);
/* The version of what the client keeps of a role, 0 for nothing. */
uint64_t tuf_repo_kept(struct tuf_repo *repo, enum tuf_role role);
uint64_t tuf_repo_kept_role(struct tuf_repo *repo, const char *name);
/* The client's file "root.json"; NULL when it never had one, empty after forgetting. */
struct buf *tuf_repo_stored(struct tuf_repo *repo, const char *name);
void tuf_repo_forget(struct tuf_repo *repo, const char *name);
/* Forgets what was fetched and runs the workflow; *set may be NULL. */
bool tuf_repo_refresh(struct tuf_repo *repo, struct tuf_set **set, struct err *err);
/* What that asked for. */
const char *tuf_repo_fetched(const struct tuf_repo *repo);
/* One more key for the root role of this root body, and its threshold. */
void tuf_repo_add_root_key(const struct tuf_repo *repo, json_t *root, size_t key,
                           unsigned threshold);
