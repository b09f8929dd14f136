#pragma once
/*
 * A repository whose publisher may be honest or not, over HTTP: every role is a body that can be
 * changed and signed again by any keys, every file can be altered, left away or invented. Honest
 * calls keep versions and lists right; everything else is the caller's lie.
 *
 * Nothing may be changed while a client runs.
 */
#include "tests/support/test_key.h"
#include "tests/support/web.h"

enum { FORGE_KEYS = 12, FORGE_ROLES = 64, FORGE_FILES = 512, FORGE_NAME_ROOM = 400 };

struct forge_role {
    char *name;
    json_t *body; /* "signed": to be changed, then put */
    const struct test_key *keys[FORGE_KEYS];
    size_t key_count;
    uint64_t put_version; /* of what was put last, 0: nothing */
    bool unlisted;        /* by the snapshots */
};

struct forge_file {
    char name[FORGE_NAME_ROOM]; /* "2.root.json", or "targets/DIR/HASH.FILE" */
    struct web_answer answer;
};

struct tuf_forge {
    enum test_key_kind kind; /* of new keys */
    bool with_hashes;        /* length and sha256 in snapshot and timestamp */
    int64_t expires_ms;      /* of new roles */
    struct forge_role roles[FORGE_ROLES];
    size_t role_count;
    struct forge_file files[FORGE_FILES];
    size_t file_count;
    struct test_key *keys[2048]; /* all there ever were */
    size_t key_count;
};

/* Version 1 of everything is there. */
struct tuf_forge *forge_new(enum test_key_kind kind);
void forge_free(struct tuf_forge *forge);

struct forge_role *forge_role(struct tuf_forge *forge, const char *name);
uint64_t forge_version(struct tuf_forge *forge, const char *role);
/* These change the body; it must be put to be seen. */
void forge_set_version(struct tuf_forge *forge, const char *role, uint64_t version);
void forge_set_expiry(struct tuf_forge *forge, const char *role, int64_t days_from_now);

/* Signs the body as it is with the role's keys and puts it into its file. */
void forge_put(struct tuf_forge *forge, const char *name);
/* As the next version. */
void forge_bump(struct tuf_forge *forge, const char *role);
/* Lists the snapshot's version; the next version of the timestamp. */
void forge_timestamp(struct tuf_forge *forge);
/* Lists all roles as they were put; the next version of the snapshot, and a timestamp. */
void forge_snapshot(struct tuf_forge *forge);
/* What the snapshot's body says of a role. */
json_t *forge_listed(struct tuf_forge *forge, const char *role);

struct test_key *forge_key(struct tuf_forge *forge);
/* `from` ("root" or a delegator) lists the key for the role, which signs with it from now on. */
void forge_add_key(struct tuf_forge *forge, const char *from, const char *role,
                   const struct test_key *key);
/* Lists the key under any name, for a role that need not sign with it. */
void forge_list_key(struct tuf_forge *forge, const char *from, const char *role,
                    const struct test_key *key, const char *keyid);
/* One new key of the root's for a top-level role, instead of all it had. */
void forge_rotate(struct tuf_forge *forge, const char *role);
/* The rule of a role: {"keyids", "threshold"}, and of a delegation more. */
json_t *forge_rule(struct tuf_forge *forge, const char *from, const char *role);
/* A delegation with one new key; the role is made (version 1, not yet put) unless it is there. */
json_t *forge_delegate(struct tuf_forge *forge, const char *from, const char *role,
                       const char *pattern);

/* A target: its entry in the role's body, which is returned, and its file. */
json_t *forge_add_target(struct tuf_forge *forge, const char *role, const char *path,
                         const char *content);

/* Files. A name is what stands behind "/metadata/" or with "targets/" before it. */
struct web_answer *forge_file(struct tuf_forge *forge, const char *name);
void forge_put_file(struct tuf_forge *forge, const char *name, const void *data, size_t len);
void forge_drop_file(struct tuf_forge *forge, const char *name);
/* The first `from` in the file becomes `to`, behind all signatures' backs. */
void forge_alter(struct tuf_forge *forge, const char *name, const char *from, const char *to);
/* Fills the answer when the path is of a file below `base` ("" or "/t/x/image"). */
void forge_answer(struct tuf_forge *forge, const char *base, const char *path,
                  struct web_answer *answer);
