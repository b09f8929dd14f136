#pragma once
/*
 * A tar archive (POSIX ustar) compressed as gzip, in memory: the only other home of zlib than
 * lib/delta. The same files give the same bytes.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { TARGZ_NAME_MAX = 99 };

/* Files, one after another. */
struct targz {
    struct buf tar;
};
/* At most `max` bytes before they are compressed. */
void targz_init(struct targz *targz, size_t max);
void targz_done(struct targz *targz);
/* A file of mode 0600. False, and nothing is added, when its name is too long or there is no room.
 */
MUST_USE bool targz_add(struct targz *targz, const char *name, const void *data, size_t len,
                        int64_t time_s);
/* Appends the whole archive. */
MUST_USE bool targz_finish(struct targz *targz, struct buf *out, struct err *err);
