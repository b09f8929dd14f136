#pragma once
/*
 * A file by its hash, into a folder, however often the network or the power goes: what arrived
 * stays in DIR/SHA256.part and the next call asks for the rest. Nothing is trusted before the
 * whole file's hash was compared, here or (is_header) piece by piece by its user. Blocks.
 */
#include "device-client/transport/transport.h"

struct fetch {
    const char *dir; /* exists */
    const char *url;
    uint8_t sha256[HASH_BYTES];
    bool is_header; /* `sha256` is only the file's name: what it is is found out piece by piece
                       when it is used (a patch whose header was signed) */
    uint64_t length;
    enum refusal wrong_hash;   /* the code for other bytes: TARGET_HASH, DELTA_FILE_HASH */
    enum refusal wrong_length; /* the code for an announced length that is not the expected one */
    /* Asked now and then, with the bytes that were received in this call; false ends it with
     * ERR_UNAVAILABLE. May be NULL. */
    bool (*go_on)(void *arg, uint64_t received);
    void *arg;
};

/* `*out_path` is the whole file, the caller frees it. `*received` grows by the bytes that came
 * over the network, also on failure. SPACE when the disk cannot hold it; ERR_UNAVAILABLE: call
 * again later and it goes on where it was. */
MUST_USE bool fetch_file(struct transport *transport, const struct fetch *fetch, char **out_path,
                         uint64_t *received, struct err *err);
/* Removes everything but the files of the given hashes; they belong to updates that ended. */
MUST_USE bool fetch_clean(const char *dir, const uint8_t (*keep)[HASH_BYTES], size_t keep_count,
                          struct err *err);
