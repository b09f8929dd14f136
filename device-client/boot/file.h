#pragma once
/*
 * The `file` backend: the boot state is a small file that the loader and the agent share. Two
 * copies, 4 KiB apart, so that a torn write of one leaves the other; the copy with the newest
 * sequence number counts, and the next write goes to the other place.
 *
 *   copy at offset (sequence & 1) * 4096, integers little-endian
 *   offset  size
 *        0     8  magic "SLBOOT01"
 *        8     8  sequence
 *       16     1  active slot: 0 a, 1 b
 *       17     1  slot a: 0 empty, 1 good, 2 try, 3 bad
 *       18     1  slot a: tries
 *       19     1  slot b: state
 *       20     1  slot b: tries
 *       21     7  zero
 *       28     4  CRC-32C of the 28 bytes before
 */
#include "device-client/boot/boot.h"

enum { BOOT_COPY_BYTES = 32, BOOT_COPY_DISTANCE = 4096, BOOT_FILE_BYTES = 8192 };

struct boot_record {
    uint64_t sequence;
    struct boot_status status;
};

extern const struct boot_backend boot_file;

/* Pure. ERR_INVALID when neither copy is whole. */
MUST_USE bool boot_record_parse(const uint8_t file[BOOT_FILE_BYTES], struct boot_record *out,
                                struct err *err);
void boot_record_format(const struct boot_record *record, uint8_t out[BOOT_COPY_BYTES]);
/* The loader's decision, pure: counts the attempt in `status` and says which slot to start. A
 * slot whose tries are used up becomes bad. The caller stores the status before starting. */
enum slot boot_choose(struct boot_status *status);

MUST_USE bool boot_file_load(const char *path, struct boot_record *out, struct err *err);
/* Writes the next sequence number, durably. `record->sequence` is raised. */
MUST_USE bool boot_file_store(const char *path, struct boot_record *record, struct err *err);
/* A new file: slot a is good and active, slot b is empty. ERR_CONFLICT when it exists. */
MUST_USE bool boot_file_create(const char *path, struct err *err);
