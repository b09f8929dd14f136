/* Temporary name, content, sync, final name: as every artifact. */
#include "server/repo/files.h"

#include "lib/os/file.h"
#include "server/artifact/store.h"

enum { FILE_MODE = 0640 };

static bool store_one(const struct artifact_store *store, const struct repo_file *file,
                      struct err *err)
{
    char temp[ARTIFACT_PATH_ROOM];

    artifact_store_temp(store, temp);
    return file_create(temp, FILE_MODE, file->bytes.data ? (const void *)file->bytes.data : "",
                       file->bytes.len, err) &&
           artifact_store_adopt(store, temp, file->sha256, err);
}

bool repo_files_store(const struct artifact_store *store, const struct repo_bundle *bundle,
                      struct err *err)
{
    for (size_t i = 0; i < bundle->file_count; i++) {
        if (!store_one(store, &bundle->files[i], err))
            return err_wrap(err, "could not store '%.100s'", bundle->files[i].path);
    }
    return true;
}
