/* A file that anybody may have made: its build id is found or not, and nothing else happens. */
#include <string.h>

#include "server/reports/build_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file {
    const uint8_t *data;
    size_t size;
};

static bool read_file(void *arg, uint64_t offset, void *out, size_t len)
{
    const struct file *file = arg;

    if (offset > file->size || len > file->size - offset)
        return false;
    memcpy(out, file->data + offset, len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file file = {data, size};
    struct build_id id = {.len = 0};
    struct err err = {0};

    if (build_id_find(read_file, &file, &id, &err))
        ASSERT(id.len >= BUILD_ID_BYTES_MIN && id.len <= BUILD_ID_BYTES_MAX);
    else
        ASSERT(err.code == ERR_INVALID && id.len == 0);
    return 0;
}
