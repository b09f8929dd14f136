/* The file system is the index: a hash either has its file or it has not. */
#include "server/artifact/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/os/file.h"

enum { DIR_LEN_MAX = 1000, FOLDER_MODE = 0750 };

struct artifact_store {
    char *dir;
};

static bool empty_temp(const char *dir, struct err *err)
{
    AUTO_FREE char *temp = mem_printf("%s/tmp", dir);

    return file_make_dirs(temp, FOLDER_MODE, err) && file_remove_tree(temp, err) &&
           file_make_dirs(temp, FOLDER_MODE, err);
}

/* A crash while files left: whether they may, is decided anew. */
static bool restore_leaving(const struct artifact_store *store, struct err *err)
{
    AUTO_FREE char *leaving = mem_printf("%s/leaving", store->dir);
    const struct dirent *entry;
    bool is_good = file_make_dirs(leaving, FOLDER_MODE, err);
    DIR *dir = is_good ? opendir(leaving) : NULL;

    if (is_good && !dir)
        return err_system(err, "could not open '%s'", leaving);
    while (is_good && (entry = readdir(dir))) {
        AUTO_FREE char *from = mem_printf("%s/%s", leaving, entry->d_name);
        uint8_t sha256[HASH_BYTES];
        char path[ARTIFACT_PATH_ROOM];

        if (!text_to_hex_bytes(entry->d_name, strlen(entry->d_name), sha256, HASH_BYTES))
            continue; /* not ours */
        artifact_store_path(store, sha256, path);
        is_good = file_rename(from, path, err);
    }
    if (dir)
        (void)closedir(dir);
    return is_good;
}

bool artifact_store_open(const char *dir, struct artifact_store **out, struct err *err)
{
    AUTO_FREE char *blobs = mem_printf("%s/blobs", dir);
    struct artifact_store *store;

    if (strlen(dir) > DIR_LEN_MAX)
        return err_set(err, ERR_LIMIT, "the storage folder's name is too long: '%.100s...'", dir);
    if (!file_make_dirs(blobs, FOLDER_MODE, err) || !file_sync_dir_of(blobs, err) ||
        !empty_temp(dir, err))
        return err_wrap(err, "storage");
    store = mem_alloc(sizeof(*store));
    store->dir = mem_strdup(dir);
    if (!restore_leaving(store, err)) {
        artifact_store_close(store);
        return err_wrap(err, "storage");
    }
    *out = store;
    return true;
}

void artifact_store_close(struct artifact_store *store)
{
    if (!store)
        return;
    mem_free(store->dir);
    mem_free(store);
}

/* The folder's length was checked at the start, so everything below it fits. */
static void format(char out[ARTIFACT_PATH_ROOM], const char *dir, const char *folder,
                   const char *name)
{
    int len = snprintf(out, ARTIFACT_PATH_ROOM, "%s/%s/%s", dir, folder, name);

    ASSERT(len > 0 && len < ARTIFACT_PATH_ROOM);
}

void artifact_store_temp(const struct artifact_store *store, char out[ARTIFACT_PATH_ROOM])
{
    char name[TOKEN_ROOM];

    token_make(name);
    format(out, store->dir, "tmp", name);
}

void artifact_store_path(const struct artifact_store *store, const uint8_t sha256[HASH_BYTES],
                         char out[ARTIFACT_PATH_ROOM])
{
    char name[3 + HASH_HEX_ROOM];

    text_from_hex_bytes(sha256, HASH_BYTES, name + 3);
    name[0] = name[3];
    name[1] = name[4];
    name[2] = '/';
    format(out, store->dir, "blobs", name);
}

static bool sync_file(const char *path, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_system(err, "could not open '%s'", path);
    if (fsync(fd) != 0)
        return err_system(err, "could not sync '%s'", path);
    return true;
}

bool artifact_store_adopt(const struct artifact_store *store, const char *temp,
                          const uint8_t sha256[HASH_BYTES], struct err *err)
{
    char path[ARTIFACT_PATH_ROOM];
    char *name;

    artifact_store_path(store, sha256, path);
    name = strrchr(path, '/');
    *name = '\0';
    if (!file_make_dirs(path, FOLDER_MODE, err) || !file_sync_dir_of(path, err))
        return false;
    *name = '/';
    return sync_file(temp, err) && file_rename(temp, path, err);
}

/* It is taken away first and looked at then: what comes to its name meanwhile is another file, and
 * what is put back over such a one has the same bytes. */
bool artifact_store_remove(const struct artifact_store *store, const uint8_t sha256[HASH_BYTES],
                           int64_t before_ms, struct err *err)
{
    char path[ARTIFACT_PATH_ROOM], leaving[ARTIFACT_PATH_ROOM], name[HASH_HEX_ROOM];
    struct stat info;

    artifact_store_path(store, sha256, path);
    text_from_hex_bytes(sha256, HASH_BYTES, name);
    format(leaving, store->dir, "leaving", name);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    if (!file_rename(path, leaving, err))
        return false;
    if (stat(leaving, &info) != 0)
        return err_system(err, "could not look at '%s'", leaving);
    if ((int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000 >= before_ms) {
        return file_rename(leaving, path, err) &&
               err_set(err, ERR_CONFLICT, "'%s' was stored again", name);
    }
    return file_remove(leaving, err);
}

bool artifact_store_read(const struct artifact_store *store, const uint8_t sha256[HASH_BYTES],
                         int *out_fd, uint64_t *out_size, struct err *err)
{
    char path[ARTIFACT_PATH_ROOM];
    AUTO_CLOSE int fd = -1;
    struct stat info;

    artifact_store_path(store, sha256, path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "there is no such file");
    if (fd < 0 || fstat(fd, &info) != 0)
        return err_system(err, "could not open '%s'", path);
    *out_fd = TAKE_FD(fd);
    *out_size = (uint64_t)info.st_size;
    return true;
}
