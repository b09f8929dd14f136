/* Both are mappings: an anonymous one, or one of an unlinked file of that length. */
#include "deltagen/flat.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/mem.h"

static int open_file(uint64_t len, struct err *err)
{
    const char *dir = getenv("TMPDIR");
    AUTO_CLOSE int fd = open(dir ? dir : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)len) < 0) {
        (void)err_system(err, "could not make a temporary file of %llu bytes",
                         (unsigned long long)len);
        return -1;
    }
    return TAKE_FD(fd);
}

bool flat_open(uint64_t len, uint64_t memory_bytes, struct flat *out, struct err *err)
{
    AUTO_CLOSE int fd = -1;
    size_t size = len > 0 ? (size_t)len : 1;
    void *data;

    if (len > memory_bytes) {
        fd = open_file(size, err);
        if (fd < 0)
            return false;
    }
    data = mmap(NULL, size, PROT_READ | PROT_WRITE,
                fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return err_system(err, "could not map %llu bytes", (unsigned long long)len);
    *out = (struct flat){data, len};
    return true;
}

void flat_close(struct flat *flat)
{
    if (flat->data)
        (void)munmap(flat->data, flat->len > 0 ? (size_t)flat->len : 1);
    *flat = (struct flat){0};
}
