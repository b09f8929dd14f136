#pragma once
/*
 * Files by hash, below one folder:
 *
 *     DIR/blobs/ab/abcd...   a whole file whose content has that SHA-256
 *     DIR/tmp/RANDOM         on its way to become one; removed at the next start
 *     DIR/leaving/abcd...    on its way out; put back at the next start, and removed anew if it is
 *                            still to go
 *
 * A file appears under its final name only after its hash was checked and its bytes were synced,
 * so a reader never sees a part. Nothing here is changed after opening: any thread may use it.
 */
#include "lib/base/err.h"
#include "lib/crypto/hash.h"

struct artifact_store;

enum { ARTIFACT_PATH_ROOM = 1200 };

/* Makes the folders and removes what unfinished uploads left. */
MUST_USE bool artifact_store_open(const char *dir, struct artifact_store **out, struct err *err);
void artifact_store_close(struct artifact_store *store);
/* A name in DIR/tmp that nobody has. */
void artifact_store_temp(const struct artifact_store *store, char out[ARTIFACT_PATH_ROOM]);
/* Where the file of this hash is, or would be. */
void artifact_store_path(const struct artifact_store *store, const uint8_t sha256[HASH_BYTES],
                         char out[ARTIFACT_PATH_ROOM]);
/* Gives a temporary file, whose hash was checked, its final name; durable when it returns.
 * Blocks. */
MUST_USE bool artifact_store_adopt(const struct artifact_store *store, const char *temp,
                                   const uint8_t sha256[HASH_BYTES], struct err *err);
/* Removes the file of a hash, if it is older than `before_ms`: one that is not was put here again
 * meanwhile, which is no error (false with ERR_CONFLICT). True when it is not there any more.
 * Blocks.
 */
MUST_USE bool artifact_store_remove(const struct artifact_store *store,
                                    const uint8_t sha256[HASH_BYTES], int64_t before_ms,
                                    struct err *err);
/* For reading; ERR_NOT_FOUND. The caller owns the descriptor. */
MUST_USE bool artifact_store_read(const struct artifact_store *store,
                                  const uint8_t sha256[HASH_BYTES], int *out_fd, uint64_t *out_size,
                                  struct err *err);
