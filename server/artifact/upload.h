#pragma once
/*
 * A file that arrives piece by piece, is hashed and written on the background thread, and becomes
 * a blob only when length and hash are what they must be.
 *
 * One upload belongs to one loop; its callbacks run there, never from inside a call here.
 */
#include "lib/loop/loop.h"
#include "server/artifact/store.h"

struct artifact_upload;

struct artifact_upload_plan {
    const struct artifact_store *store;
    struct offload *offload;
    struct loop *loop;
    uint8_t sha256[HASH_BYTES];
    uint64_t length;
    /* After artifact_upload_write() said that the buffer is full: it has room again. */
    void (*on_room)(void *arg);
    /* Exactly once, unless aborted before: the blob is durable (NULL), or why not. ERR_UNTRUSTED:
     * other bytes than the hash says. The upload is gone then. */
    void (*on_done)(const struct err *err, void *arg);
    void *arg;
};

struct artifact_upload *artifact_upload_new(const struct artifact_upload_plan *plan);
/* False: take no more until on_room(). The pieces of one call are always taken. */
bool artifact_upload_write(struct artifact_upload *upload, const void *data, size_t len);
/* That was all. */
void artifact_upload_finish(struct artifact_upload *upload);
/* No callback runs any more; what was written is removed. */
void artifact_upload_abort(struct artifact_upload *upload);
