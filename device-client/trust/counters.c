/* One copy is always whole; what is read is the newest whole one. */
#include "device-client/trust/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/crc.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/os/file.h"

#define MAGIC "SLCOUNT1"
enum { MAGIC_BYTES = 8, CRC_BYTES = 4 };

/* --- values ------------------------------------------------------------------------------------
 */

static struct counter *find(struct counters *counters, const char *type, const char *name)
{
    for (size_t i = 0; i < counters->count; i++)
        if (text_equal(counters->items[i].type, type) && text_equal(counters->items[i].name, name))
            return &counters->items[i];
    return NULL;
}

struct counter counters_of(const struct counters *counters, const char *type, const char *name)
{
    for (size_t i = 0; i < counters->count; i++)
        if (text_equal(counters->items[i].type, type) && text_equal(counters->items[i].name, name))
            return counters->items[i];
    return (struct counter){.release_counter = 0};
}

struct counter counters_highest(const struct counters *counters, const char *type)
{
    struct counter highest = {.release_counter = 0};

    for (size_t i = 0; i < counters->count; i++) {
        const struct counter *item = &counters->items[i];

        if (!text_equal(item->type, type))
            continue;
        if (item->floor > highest.floor)
            highest.floor = item->floor;
        if (item->release_counter > highest.release_counter)
            highest.release_counter = item->release_counter;
    }
    return highest;
}

bool counters_commit(struct counters *counters, const struct counter *now, struct err *err)
{
    struct counter *item = find(counters, now->type, now->name);

    if (!item) {
        if (counters->count == COUNTERS_ITEMS_MAX)
            return err_set(err, ERR_LIMIT, "there is no room for the counter of '%s'", now->name);
        item = &counters->items[counters->count++];
        *item = *now;
        return true;
    }
    item->release_counter = now->release_counter;
    if (now->floor > item->floor)
        item->floor = now->floor;
    return true;
}

/* --- bytes -------------------------------------------------------------------------------------
 */

static void add_word(struct buf *out, const char *word)
{
    size_t len = strlen(word);

    buf_add_u8(out, (uint8_t)len);
    buf_add(out, word, len);
}

void counters_format(const struct counters *counters, struct buf *out)
{
    size_t start = out->len;

    buf_add(out, MAGIC, MAGIC_BYTES);
    buf_add_u64(out, counters->sequence);
    buf_add_u64(out, counters->director_version);
    buf_add_u8(out, (uint8_t)counters->count);
    for (size_t i = 0; i < counters->count; i++) {
        add_word(out, counters->items[i].type);
        add_word(out, counters->items[i].name);
        buf_add_u64(out, counters->items[i].release_counter);
        buf_add_u64(out, counters->items[i].floor);
    }
    buf_add_u32(out, crc32c(out->data + start, out->len - start));
    ASSERT(!out->failed && out->len - start <= COUNTERS_COPY_DISTANCE);
}

static bool read_word(struct bytes *in, char out[COUNTERS_WORD_ROOM])
{
    size_t len = bytes_u8(in);
    const uint8_t *word = len < COUNTERS_WORD_ROOM ? bytes_take(in, len) : NULL;

    if (!word || memchr(word, '\0', len))
        return false;
    memcpy(out, word, len);
    out[len] = '\0';
    return true;
}

static bool read_items(struct bytes *in, struct counters *out)
{
    size_t count = bytes_u8(in);

    if (count > COUNTERS_ITEMS_MAX)
        return false;
    for (; out->count < count; out->count++) {
        struct counter *item = &out->items[out->count];

        if (!read_word(in, item->type) || !read_word(in, item->name))
            return false;
        item->release_counter = bytes_u64(in);
        item->floor = bytes_u64(in);
    }
    return true;
}

static bool parse_copy(const uint8_t *copy, struct counters *out)
{
    struct bytes in = bytes_of(copy, COUNTERS_COPY_DISTANCE);
    const uint8_t *magic = bytes_take(&in, MAGIC_BYTES);
    size_t len;

    *out = (struct counters){.sequence = bytes_u64(&in), .director_version = bytes_u64(&in)};
    if (!crypto_equal(magic, MAGIC, MAGIC_BYTES) || !read_items(&in, out))
        return false;
    len = in.pos;
    return bytes_u32(&in) == crc32c(copy, len) && !in.failed;
}

bool counters_parse(const uint8_t file[COUNTERS_FILE_BYTES], struct counters *out, struct err *err)
{
    struct counters copy;
    bool found = false;

    for (size_t i = 0; i < 2; i++) {
        if (!parse_copy(file + i * COUNTERS_COPY_DISTANCE, &copy) || (copy.sequence & 1) != i)
            continue;
        if (!found || copy.sequence > out->sequence)
            *out = copy;
        found = true;
    }
    return found || err_set(err, ERR_INVALID, "no copy of the counters is whole");
}

/* --- the file ----------------------------------------------------------------------------------
 */

static bool load_file(const char *where, struct counters *out, struct err *err)
{
    AUTO_FREE uint8_t *content = mem_alloc(COUNTERS_FILE_BYTES);
    AUTO_CLOSE int fd = open(where, O_RDONLY | O_CLOEXEC);

    *out = (struct counters){0};
    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "there are no counters yet");
    if (fd < 0)
        return err_system(err, "could not open counters '%s'", where);
    if (!file_pread_all(fd, content, COUNTERS_FILE_BYTES, 0, err) ||
        !counters_parse(content, out, err))
        return err_wrap(err, "counters '%s'", where);
    return true;
}

/* The first time the file appears whole, with a copy in its place. */
static bool create_file(const char *where, const struct buf *copy, uint64_t offset, struct err *err)
{
    AUTO_FREE uint8_t *content = mem_alloc(COUNTERS_FILE_BYTES);

    memcpy(content + offset, copy->data, copy->len);
    return file_write(where, 0600, content, COUNTERS_FILE_BYTES, err);
}

static bool save_file(const char *where, struct counters *counters, struct err *err)
{
    uint64_t offset = ((counters->sequence + 1) & 1) * COUNTERS_COPY_DISTANCE;
    AUTO_CLOSE int fd = open(where, O_WRONLY | O_CLOEXEC);
    bool is_missing = fd < 0 && errno == ENOENT;
    struct counters next = *counters;
    AUTO_BUF copy;

    buf_init(&copy, COUNTERS_COPY_DISTANCE);
    if (fd < 0 && !is_missing)
        return err_system(err, "could not open counters '%s'", where);
    next.sequence++;
    counters_format(&next, &copy);
    if (is_missing ? !create_file(where, &copy, offset, err)
                   : !file_pwrite_all(fd, copy.data, copy.len, offset, err))
        return err_wrap(err, "counters '%s'", where);
    if (!is_missing && fsync(fd) != 0)
        return err_system(err, "could not sync counters '%s'", where);
    *counters = next;
    return true;
}

static const struct counters_backend counters_file = {"file", load_file, save_file};

static const struct counters_backend *const backends[] = {&counters_file};

const struct counters_backend *counters_backend_find(const char *name)
{
    for (size_t i = 0; i < COUNT(backends); i++)
        if (text_equal(backends[i]->name, name))
            return backends[i];
    return NULL;
}
