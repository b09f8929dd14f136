#pragma once
/*
 * The numbers that must never fall, apart from the state record: what a thief of the flash, or
 * a state folder put back from a copy, must not undo. For each component (type, name) the release
 * counter that was last committed and the highest floor; and the director's last version.
 *
 * They live behind a small table of functions, chosen by name: a file now. The interface fits a TPM
 * NV index (one small blob, read and replaced as a whole).
 *
 * The file has two copies, as the boot state: a torn write of one leaves the other; the whole one
 * with the newest sequence counts, and the next write goes to the other place.
 *
 *   copy at offset (sequence & 1) * 4096, integers little-endian
 *   offset  size
 *        0     8  magic "SLCOUNT1"
 *        8     8  sequence
 *       16     8  version of the director's last document
 *       24     1  components, at most 8; each:
 *                   1 + n  length and text of the type
 *                   1 + n  length and text of the name
 *                   8      release counter
 *                   8      floor
 *        .     4  CRC-32C of the bytes before
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum {
    COUNTERS_ITEMS_MAX = 8,
    COUNTERS_WORD_ROOM = 65,
    COUNTERS_COPY_DISTANCE = 4096,
    COUNTERS_FILE_BYTES = 8192,
};

struct counters {
    uint64_t sequence;
    uint64_t director_version;
    struct counter {
        char type[COUNTERS_WORD_ROOM];
        char name[COUNTERS_WORD_ROOM];
        uint64_t release_counter;
        uint64_t floor;
    } items[COUNTERS_ITEMS_MAX];
    size_t count;
};

struct counters_backend {
    const char *name;
    /* ERR_NOT_FOUND: nothing was ever stored; ERR_INVALID: neither copy is whole. */
    bool (*load)(const char *where, struct counters *out, struct err *err);
    /* Stores the next sequence number; durable when it returns true. */
    bool (*save)(const char *where, struct counters *counters, struct err *err);
};

/* NULL when there is no such backend. */
const struct counters_backend *counters_backend_find(const char *name);

/* Of a component; zeros when nothing was ever committed. */
struct counter counters_of(const struct counters *counters, const char *type, const char *name);
/* The highest counter and floor of the type, whatever the component is called. */
struct counter counters_highest(const struct counters *counters, const char *type);
/* After a commit: the release counter is what runs now (a consented way back lowers it), the floor
 * only rises. False when there are too many components, or a word is too long. */
MUST_USE bool counters_commit(struct counters *counters, const struct counter *now,
                              struct err *err);

/* Pure, for the file and its tests. */
void counters_format(const struct counters *counters, struct buf *out);
MUST_USE bool counters_parse(const uint8_t file[COUNTERS_FILE_BYTES], struct counters *out,
                             struct err *err);
