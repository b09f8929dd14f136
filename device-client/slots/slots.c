/* Hashing is the same pass for one prefix or many: sha256_peek() gives the hash so far. */
#include "device-client/slots/slots.h"

#include <fcntl.h>
#include <unistd.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"

void slots_init(struct slots *slots, const char *path_a, const char *path_b)
{
    *slots = (struct slots){.paths = {mem_strdup(path_a), mem_strdup(path_b)}};
}

void slots_done(struct slots *slots)
{
    for (size_t i = 0; i < SLOT_COUNT; i++)
        mem_free(slots->paths[i]);
    *slots = (struct slots){0};
}

bool slots_open(const struct slots *slots, enum slot slot, int flags, int *out_fd, struct err *err)
{
    int fd = open(slots->paths[slot], flags | O_CLOEXEC);

    if (fd < 0)
        return err_system(err, "could not open slot %s '%s'", slot_name(slot), slots->paths[slot]);
    *out_fd = fd;
    return true;
}

bool slots_size(const struct slots *slots, enum slot slot, uint64_t *out_bytes, struct err *err)
{
    AUTO_CLOSE int fd = -1;
    off_t end;

    if (!slots_open(slots, slot, O_RDONLY, &fd, err))
        return false;
    end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return err_system(err, "could not measure slot %s", slot_name(slot));
    *out_bytes = (uint64_t)end;
    return true;
}

static bool hash_to(int fd, struct sha256 *hash, uint64_t from, uint64_t to, struct err *err)
{
    AUTO_FREE uint8_t *step = mem_alloc(COPY_BYTES);

    while (from < to) {
        size_t len = to - from < COPY_BYTES ? (size_t)(to - from) : COPY_BYTES;

        if (!file_pread_all(fd, step, len, from, err))
            return false;
        sha256_add(hash, step, len);
        from += len;
    }
    return true;
}

bool slots_hash_prefixes(const struct slots *slots, enum slot slot, const uint64_t *lengths,
                         size_t count, uint8_t (*out)[HASH_BYTES], struct err *err)
{
    AUTO_SHA256 struct sha256 *hash = sha256_new();
    AUTO_CLOSE int fd = -1;
    uint64_t from = 0;

    if (!slots_open(slots, slot, O_RDONLY, &fd, err))
        return false;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice: without it we read the cache */
    for (size_t i = 0; i < count; i++) {
        ASSERT(lengths[i] >= from);
        if (!hash_to(fd, hash, from, lengths[i], err))
            return err_wrap(err, "slot %s", slot_name(slot));
        sha256_peek(hash, out[i]);
        from = lengths[i];
    }
    return true;
}

bool slots_hash(const struct slots *slots, enum slot slot, uint64_t length, uint8_t out[HASH_BYTES],
                struct err *err)
{
    return slots_hash_prefixes(slots, slot, &length, 1, (uint8_t(*)[HASH_BYTES])out, err);
}
