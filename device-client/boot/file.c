/* Every change is: load the newest whole copy, change the status, store it in the other place. */
#include "device-client/boot/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "device-client/limits.h"
#include "lib/base/bytes.h"
#include "lib/base/crc.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"

#define MAGIC "SLBOOT01"
enum { MAGIC_BYTES = 8, CRC_OFFSET = 28, PADDING_BYTES = 7 };

void boot_record_format(const struct boot_record *record, uint8_t out[BOOT_COPY_BYTES])
{
    AUTO_BUF text;

    buf_init(&text, BOOT_COPY_BYTES);
    buf_add(&text, MAGIC, MAGIC_BYTES);
    buf_add_u64(&text, record->sequence);
    buf_add_u8(&text, (uint8_t)record->status.active);
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        buf_add_u8(&text, (uint8_t)record->status.slots[i].state);
        buf_add_u8(&text, (uint8_t)record->status.slots[i].tries);
    }
    buf_add(&text, "\0\0\0\0\0\0", PADDING_BYTES);
    buf_add_u32(&text, crc32c(text.data, CRC_OFFSET));
    ASSERT(!text.failed && text.len == BOOT_COPY_BYTES);
    memcpy(out, text.data, BOOT_COPY_BYTES);
}

static bool parse_copy(const uint8_t *copy, struct boot_record *out)
{
    struct bytes in = bytes_of(copy, BOOT_COPY_BYTES);
    const uint8_t *magic = bytes_take(&in, MAGIC_BYTES);
    struct boot_record record = {.sequence = bytes_u64(&in)};
    uint8_t active = bytes_u8(&in);

    for (size_t i = 0; i < SLOT_COUNT; i++) {
        uint8_t state = bytes_u8(&in);

        if (state >= BOOT_SLOT_STATE_COUNT)
            return false;
        record.status.slots[i].state = (enum boot_slot_state)state;
        record.status.slots[i].tries = bytes_u8(&in);
    }
    (void)bytes_take(&in, PADDING_BYTES);
    if (bytes_u32(&in) != crc32c(copy, CRC_OFFSET) || in.failed)
        return false;
    if (memcmp(magic, MAGIC, MAGIC_BYTES) != 0 || active >= SLOT_COUNT)
        return false;
    record.status.active = (enum slot)active;
    *out = record;
    return true;
}

bool boot_record_parse(const uint8_t file[BOOT_FILE_BYTES], struct boot_record *out,
                       struct err *err)
{
    struct boot_record newest = {0};
    bool found = false;

    for (size_t i = 0; i < 2; i++) {
        struct boot_record copy;

        if (!parse_copy(file + i * BOOT_COPY_DISTANCE, &copy) || (copy.sequence & 1) != i)
            continue;
        if (!found || copy.sequence > newest.sequence)
            newest = copy;
        found = true;
    }
    if (!found)
        return err_set(err, ERR_INVALID, "no copy of the boot state is whole");
    *out = newest;
    return true;
}

enum slot boot_choose(struct boot_status *status)
{
    enum slot trial = slot_other(status->active);
    struct boot_slot *slot = &status->slots[trial];

    if (slot->state != BOOT_TRY)
        return status->active;
    if (slot->tries >= BOOT_TRIES_MAX) {
        slot->state = BOOT_BAD;
        return status->active;
    }
    slot->tries++;
    return trial;
}

bool boot_file_load(const char *path, struct boot_record *out, struct err *err)
{
    uint8_t content[BOOT_FILE_BYTES];
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_system(err, "could not open boot state '%s'", path);
    if (!file_pread_all(fd, content, sizeof(content), 0, err) ||
        !boot_record_parse(content, out, err))
        return err_wrap(err, "boot state '%s'", path);
    return true;
}

bool boot_file_store(const char *path, struct boot_record *record, struct err *err)
{
    uint8_t copy[BOOT_COPY_BYTES];
    uint64_t offset = ((record->sequence + 1) & 1) * BOOT_COPY_DISTANCE;
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return err_system(err, "could not open boot state '%s'", path);
    record->sequence++;
    boot_record_format(record, copy);
    if (!file_pwrite_all(fd, copy, sizeof(copy), offset, err))
        return err_wrap(err, "boot state '%s'", path);
    if (fsync(fd) != 0)
        return err_system(err, "could not sync boot state '%s'", path);
    return true;
}

bool boot_file_create(const char *path, struct err *err)
{
    static const struct boot_record first = {.status.slots[SLOT_A].state = BOOT_GOOD};
    uint8_t content[BOOT_FILE_BYTES] = {0};

    boot_record_format(&first, content);
    return file_create(path, 0600, content, sizeof(content), err);
}

/* --- the backend ------------------------------------------------------------------------------ */

/* `confirm` and `fall-back` by hand change the file beside a running agent: of two changes at once
 * none may get lost. The lock lasts until the file is closed. */
static bool load_to_change(const char *where, struct boot_record *out, int *lock_fd,
                           struct err *err)
{
    int fd = open(where, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_system(err, "could not open boot state '%s'", where);
    *lock_fd = fd; /* the caller closes it */
    if (flock(fd, LOCK_EX) != 0)
        return err_system(err, "could not lock boot state '%s'", where);
    return boot_file_load(where, out, err);
}

static bool read_status(const char *where, struct boot_status *out, struct err *err)
{
    struct boot_record record = {0};

    if (!boot_file_load(where, &record, err))
        return false;
    *out = record.status;
    return true;
}

static bool try_once(const char *where, enum slot slot, struct err *err)
{
    AUTO_CLOSE int lock_fd = -1;
    struct boot_record record = {0};

    if (!load_to_change(where, &record, &lock_fd, err))
        return false;
    if (record.status.active == slot)
        return err_set(err, ERR_CONFLICT, "slot %s is the active one", slot_name(slot));
    record.status.slots[slot] = (struct boot_slot){.state = BOOT_TRY};
    return boot_file_store(where, &record, err);
}

static bool confirm(const char *where, enum slot slot, struct err *err)
{
    AUTO_CLOSE int lock_fd = -1;
    struct boot_record record = {0};

    if (!load_to_change(where, &record, &lock_fd, err))
        return false;
    record.status.active = slot;
    record.status.slots[slot] = (struct boot_slot){.state = BOOT_GOOD};
    return boot_file_store(where, &record, err);
}

static bool invalidate(const char *where, enum slot slot, struct err *err)
{
    AUTO_CLOSE int lock_fd = -1;
    struct boot_record record = {0};

    if (!load_to_change(where, &record, &lock_fd, err))
        return false;
    if (record.status.active == slot)
        return err_set(err, ERR_CONFLICT, "slot %s is the active one", slot_name(slot));
    record.status.slots[slot] = (struct boot_slot){.state = BOOT_EMPTY};
    return boot_file_store(where, &record, err);
}

static bool give_up(const char *where, enum slot slot, struct err *err)
{
    AUTO_CLOSE int lock_fd = -1;
    struct boot_record record = {0};
    enum slot other = slot_other(slot);

    if (!load_to_change(where, &record, &lock_fd, err))
        return false;
    if (record.status.active == slot && record.status.slots[other].state != BOOT_GOOD)
        return err_set(err, ERR_CONFLICT, "slot %s is not good, there is nothing to fall back to",
                       slot_name(other));
    if (record.status.active == slot)
        record.status.active = other;
    record.status.slots[slot].state = BOOT_BAD;
    return boot_file_store(where, &record, err);
}

const struct boot_backend boot_file = {
    .name = "file",
    .read = read_status,
    .try_once = try_once,
    .confirm = confirm,
    .invalidate = invalidate,
    .give_up = give_up,
};
