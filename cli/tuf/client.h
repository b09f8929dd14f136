#pragma once
/*
 * slipway-tuf's edge: trusted metadata in one folder, fetched over HTTP from one place. All rules
 * are lib/tuf's.
 *
 * The folder holds root.json, timestamp.json, snapshot.json, targets.json and ROLE.json of the
 * delegated roles, percent-encoded: the received bytes.
 */
#include "lib/client/client.h"
#include "lib/tuf/tuf.h"

enum { TUF_CLIENT_FILE_ROOM = TUF_FILE_NAME_ROOM };

struct tuf_client {
    const char *metadata_dir;
    const char *metadata_url; /* NULL: nothing is fetched */
    const char *target_dir;
    const char *target_url;
    struct client *http;
    char file[TUF_CLIENT_FILE_ROOM]; /* that was looked at last: what a refusal is about */
};

/* How lib/tuf reaches the folder and the server; the client outlives it. */
struct tuf_io tuf_client_io(struct tuf_client *client);
/* Gets the target's bytes into a file of its own below target_dir, unless it is there already. */
MUST_USE bool tuf_client_download(struct tuf_client *client, const struct tuf_target *target,
                                  struct err *err);
