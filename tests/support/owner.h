#pragma once
/*
 * An owner's repositories without a server: the documents that `slipway` makes are published into
 * memory by the rules the server publishes by, and can be written as a folder for --state.
 */
#include "cli/init.h"
#include "cli/trust/ceremony.h"

enum { OWNER_ONLINE = 4 };

struct owner {
    char *keys; /* folder of the keys; root.json and director-root.json beside them */
    struct sign_key *online[OWNER_ONLINE];
    json_t *online_json; /* as GET repo/online-keys answers */
    struct binder files; /* "image/1.root.json", "director/1.root.json", "files/trust/..." */
    struct state state;  /* what is published */
    uint64_t version;    /* of the online documents */
    struct state_source source;
};

/* Keys and first documents of the profile for hardware "h1" and "h2", published. Asserts. */
struct owner *owner_new(const char *profile);
void owner_free(struct owner *owner);
/* Publishes all of the bundle or nothing; what the server would say in `err`. */
bool owner_publish(struct owner *owner, const struct bundle *bundle, struct err *err);
/* Brings the signatures of a response to the bundle, each verified. */
bool owner_respond(struct owner *owner, struct bundle *bundle, const json_t *response,
                   struct err *err);
/* Writes what is published as `repo pull` would. */
void owner_write(const struct owner *owner, const char *dir);
/* A plan over what is published, signed by all keys of the folder, as a bundle. */
void owner_sign(struct owner *owner, const struct plan *plan, struct bundle *out);
/* Reads a bundle that a command wrote. */
void owner_read(const char *path, struct bundle *out);
