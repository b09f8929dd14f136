#pragma once
/* What a device shall run, signed for it alone and only when it asks and something is due. */
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct db;
struct signer;

struct director_place {
    struct db *db;
    struct signer *signer;
    const char *keyid; /* that the director's newest root names; copied */
};

/* `timestamp` is the device's current timestamp, borrowed for the call. */
typedef void director_done_fn(const struct buf *timestamp, const struct err *err, void *arg);
/* Signs what is due for the device with this row and keeps it, then gives its timestamp. When
 * somebody else signed meanwhile, theirs. */
void director_refresh(const struct director_place *place, int64_t device_row,
                      director_done_fn *done, void *arg);
