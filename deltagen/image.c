/* An empty file cannot be mapped; it becomes an empty string. */
#include "deltagen/image.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/mem.h"

bool image_open(const char *path, struct image *out, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    void *data;

    if (fd < 0 || fstat(fd, &info) < 0)
        return err_system(err, "could not open '%s'", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_INVALID, "'%s' is not a regular file", path);
    if (info.st_size == 0) {
        *out = (struct image){.data = (const uint8_t *)""};
        return true;
    }
    data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return err_system(err, "could not map '%s'", path);
    *out = (struct image){.data = data, .len = (size_t)info.st_size};
    return true;
}

void image_close(struct image *image)
{
    void *mapping;

    memcpy(&mapping, &image->data, sizeof(mapping)); /* munmap() takes no const */
    if (image->len > 0)
        (void)munmap(mapping, image->len);
    *image = (struct image){0};
}

size_t image_read(const struct image *image, uint64_t offset, void *buf, size_t room)
{
    size_t left = offset < image->len ? image->len - (size_t)offset : 0;
    size_t some = left < room ? left : room;

    if (some > 0)
        memcpy(buf, image->data + offset, some);
    return some;
}

void image_sha256(const struct image *image, uint8_t out[HASH_BYTES])
{
    hash_sha256(image->data, image->len, out);
}
