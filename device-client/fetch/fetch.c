/* The file's length on disk is the progress; its hash is made again over what is there when a
 * download goes on. A resumed file that turns out wrong is fetched once more from the start, in
 * case a power cut left garbage in it: only whole downloads are held against the server. */
#include "device-client/fetch/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

struct download {
    const struct fetch *fetch;
    char *part; /* "DIR/SHA256.part", owned */
    char *tag;  /* "DIR/SHA256.etag", owned */
    int fd;
    struct sha256 *hash; /* of the bytes on disk, owned */
    uint64_t at;         /* bytes on disk */
    uint64_t resumed;    /* of them, there before this request */
    uint64_t received;
    uint64_t unsynced;
};

static void download_done(struct download *download)
{
    cleanup_close(&download->fd);
    sha256_free(download->hash);
    mem_free(download->part);
    mem_free(download->tag);
}

static bool has_space(const struct download *download, struct err *err)
{
    struct statvfs disk;
    uint64_t need = download->fetch->length - download->at + SPACE_SPARE_BYTES;

    if (statvfs(download->fetch->dir, &disk) != 0)
        return err_system(err, "could not look at '%s'", download->fetch->dir);
    if (disk.f_bavail * disk.f_frsize < need)
        return err_refuse(err, REFUSAL_SPACE, "the download needs %llu more bytes of disk",
                          (unsigned long long)need);
    return true;
}

static bool restart(struct download *download, struct err *err)
{
    sha256_free(download->hash);
    download->hash = sha256_new();
    download->at = download->resumed = 0;
    if (ftruncate(download->fd, 0) != 0)
        return err_system(err, "could not empty '%s'", download->part);
    return true;
}

static bool hash_what_is_there(struct download *download, struct err *err)
{
    AUTO_FREE uint8_t *step = mem_alloc(COPY_BYTES);
    struct stat info;

    if (fstat(download->fd, &info) != 0)
        return err_system(err, "could not look at '%s'", download->part);
    if ((uint64_t)info.st_size > download->fetch->length)
        return restart(download, err);
    while (download->at < (uint64_t)info.st_size) {
        uint64_t left = (uint64_t)info.st_size - download->at;
        size_t len = left < COPY_BYTES ? (size_t)left : COPY_BYTES;

        if (!file_pread_all(download->fd, step, len, download->at, err))
            return err_wrap(err, "'%s'", download->part);
        sha256_add(download->hash, step, len);
        download->at += len;
    }
    download->resumed = download->at;
    return true;
}

static bool open_download(const struct fetch *fetch, struct download *out, struct err *err)
{
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(fetch->sha256, HASH_BYTES, hex);
    *out = (struct download){.fetch = fetch, .hash = sha256_new()};
    out->part = mem_printf("%s/%s.part", fetch->dir, hex);
    out->tag = mem_printf("%s/%s.etag", fetch->dir, hex);
    out->fd = open(out->part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (out->fd < 0)
        return err_system(err, "could not open '%s'", out->part);
    return hash_what_is_there(out, err);
}

/* --- the request --------------------------------------------------------------------------------
 */

/* A new entity tag is kept before the first of its bytes. */
static bool keep_tag(const struct download *download, const char *etag, struct err *err)
{
    if (etag[0] == '\0')
        return file_remove(download->tag, err);
    return file_write(download->tag, 0600, etag, strlen(etag), err);
}

static bool on_head(void *arg, const struct client_answer *head, struct err *err)
{
    struct download *download = arg;
    const struct fetch *fetch = download->fetch;

    if (head->status != 206) {
        if (download->at && !restart(download, err)) /* the whole file comes, from its start */
            return false;
        if (!keep_tag(download, head->etag, err))
            return false;
    } else if (head->range_from != download->at) {
        return err_set(err, ERR_UNAVAILABLE, "the server sent another range than was asked for");
    }
    if (head->has_length && head->length != fetch->length - download->at)
        return err_refuse(err, fetch->wrong_length, "the answer has %llu bytes, not %llu",
                          (unsigned long long)head->length,
                          (unsigned long long)fetch->length - download->at);
    return true;
}

static bool on_body(void *arg, const void *data, size_t len, struct err *err)
{
    struct download *download = arg;

    download->received += len;
    if (len > download->fetch->length - download->at)
        return err_refuse(err, download->fetch->wrong_length, "the file is longer than %llu bytes",
                          (unsigned long long)download->fetch->length);
    errno = 0;
    if (!file_pwrite_all(download->fd, data, len, download->at, err))
        return errno == ENOSPC ? err_refuse(err, REFUSAL_SPACE, "the disk is full")
                               : err_wrap(err, "'%s'", download->part);
    sha256_add(download->hash, data, len);
    download->at += len;
    download->unsynced += len;
    if (download->unsynced >= FETCH_SYNC_BYTES) {
        if (fdatasync(download->fd) != 0)
            return err_system(err, "could not sync '%s'", download->part);
        download->unsynced = 0;
    }
    return true;
}

static bool on_progress(void *arg, uint64_t done, uint64_t total)
{
    const struct download *download = arg;
    const struct fetch *fetch = download->fetch;

    (void)done;
    (void)total;
    return !fetch->go_on || fetch->go_on(fetch->arg, download->received);
}

/* What a status other than 2xx means for a file. */
static bool check_status(struct download *download, const struct client_answer *answer,
                         struct err *err)
{
    if (client_answer_check(answer, err))
        return true;
    if (answer->status == 416) { /* our part is longer than their file */
        (void)restart(download, err);
        return err_set(err, ERR_UNAVAILABLE, "the server has a shorter file");
    }
    if (err->code == ERR_UNAVAILABLE)
        return false;
    return err_refuse(err, REFUSAL_HTTP_STATUS, "the file was answered with HTTP %u",
                      answer->status);
}

static bool get_rest(struct transport *transport, struct download *download, struct err *err)
{
    AUTO_BUF tag;
    AUTO_CLIENT_ANSWER answer = {0};
    struct err ignored = {0};
    struct client_request request = {
        .method = "GET",
        .url = download->fetch->url,
        .range_from = download->at,
        .answer_bytes_max = UINT64_MAX, /* on_body() counts against the expected length */
        .on_head = on_head,
        .on_body = on_body,
        .on_progress = on_progress,
        .arg = download,
    };

    buf_init(&tag, CLIENT_ETAG_ROOM);
    if (download->at && file_read(download->tag, &tag, &ignored))
        request.if_range = buf_text(&tag);
    if (!transport_get(transport, &request, &answer, err) || !check_status(download, &answer, err))
        return err_wrap(err, "'%s'", download->fetch->url);
    return true;
}

/* True when the file is whole and right; *again: it went on from an old part and is wrong. */
static bool complete(struct transport *transport, struct download *download, bool *again,
                     struct err *err)
{
    uint8_t found[HASH_BYTES];

    *again = false;
    if (!has_space(download, err))
        return false;
    if (download->at < download->fetch->length && !get_rest(transport, download, err))
        return false;
    if (download->at != download->fetch->length)
        return err_refuse(err, download->fetch->wrong_length, "the file ends after %llu bytes",
                          (unsigned long long)download->at);
    sha256_peek(download->hash, found);
    if (!download->fetch->is_header && !crypto_equal(found, download->fetch->sha256, HASH_BYTES)) {
        *again = download->resumed > 0;
        (void)restart(download, err); /* a refused file is not kept; the refusal matters more */
        return err_refuse(err, download->fetch->wrong_hash, "'%s' has another hash than expected",
                          download->fetch->url);
    }
    if (fdatasync(download->fd) != 0)
        return err_system(err, "could not sync '%s'", download->part);
    return true;
}

bool fetch_file(struct transport *transport, const struct fetch *fetch, char **out_path,
                uint64_t *received, struct err *err)
{
    struct download download = {.fd = -1};
    bool again = false;
    bool ok = open_download(fetch, &download, err) &&
              (complete(transport, &download, &again, err) ||
               (again && complete(transport, &download, &again, err)));

    *received += download.received;
    if (ok)
        *out_path = TAKE(download.part);
    download_done(&download);
    return ok;
}

/* --- cleaning ------------------------------------------------------------------------------------
 */

static bool is_kept(const char *name, const uint8_t (*keep)[HASH_BYTES], size_t keep_count)
{
    for (size_t i = 0; i < keep_count; i++) {
        char hex[HASH_HEX_ROOM];

        text_from_hex_bytes(keep[i], HASH_BYTES, hex);
        if (text_starts_with(name, hex))
            return true;
    }
    return false;
}

bool fetch_clean(const char *dir, const uint8_t (*keep)[HASH_BYTES], size_t keep_count,
                 struct err *err)
{
    DIR *open_dir = opendir(dir);
    const struct dirent *entry;
    bool ok = true;

    if (!open_dir)
        return err_system(err, "could not open folder '%s'", dir);
    while (ok && (entry = readdir(open_dir)) != NULL) {
        AUTO_FREE char *path = mem_printf("%s/%s", dir, entry->d_name);

        if (entry->d_name[0] != '.' && !is_kept(entry->d_name, keep, keep_count))
            ok = file_remove(path, err);
    }
    (void)closedir(open_dir); /* only reading */
    return ok;
}
