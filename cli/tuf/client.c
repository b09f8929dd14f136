/* Files by name, requests by name. A target is looked for by its hash when the repository's names
 * have it, as consistent snapshots do, and kept under its percent-encoded path. */
#include "cli/tuf/client.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { FETCH_MS_MAX = 60000 };
static const size_t target_bytes_max = (size_t)1 << 30;

static char *path_of(const struct tuf_client *client, const char *name)
{
    return mem_printf("%s/%s", client->metadata_dir, name);
}

static void note(struct tuf_client *client, const char *name)
{
    (void)text_copy(client->file, sizeof(client->file), name); /* the same room */
}

static bool get(struct tuf_client *client, const char *url, size_t max, struct buf *out,
                struct err *err)
{
    const struct client_request request = {
        .method = "GET", .url = url, .answer_bytes_max = max, .total_ms = FETCH_MS_MAX};
    AUTO_CLIENT_ANSWER answer = {0};

    if (!client_send(client->http, &request, &answer, err))
        return false;
    if (answer.status == 404 || answer.status == 403)
        return err_set(err, ERR_NOT_FOUND, "there is no '%s'", url);
    if (answer.status != 200)
        return err_refuse(err, REFUSAL_HTTP_STATUS, "'%s' was answered with HTTP %u", url,
                          answer.status);
    buf_add(out, answer.body.data, answer.body.len);
    return !out->failed || err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is too long", url);
}

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct tuf_client *client = arg;
    AUTO_FREE char *url = mem_printf("%s/%s", client->metadata_url, name);

    note(client, name);
    return get(client, url, max, out, err);
}

static bool load(void *arg, const char *name, struct buf *out, struct err *err)
{
    AUTO_FREE char *path = path_of(arg, name);

    note(arg, name);
    return file_read(path, out, err);
}

static bool store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    AUTO_FREE char *path = path_of(arg, name);

    return file_write(path, 0644, data, len, err);
}

static bool drop(void *arg, const char *name, struct err *err)
{
    AUTO_FREE char *path = path_of(arg, name);

    return file_remove(path, err);
}

struct tuf_io tuf_client_io(struct tuf_client *client)
{
    return (struct tuf_io){
        .fetch = fetch, .load = load, .store = store, .drop = drop, .arg = client};
}

/* --- targets ------------------------------------------------------------------------------------
 */

/* Every byte that means something in a URL or a path, but the slash where it separates. */
static char *encode(const char *text, bool keep_slash)
{
    struct buf out;

    buf_init(&out, strlen(text) * 3 + 1);
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr("-._~", *text) ||
                     (keep_slash && *text == '/');

        if (plain)
            buf_add_u8(&out, (uint8_t)*text);
        else
            buf_printf(&out, "%%%02X", (unsigned)(uint8_t)*text);
    }
    buf_add_text(&out, "");
    return (char *)out.data;
}

/* "DIR/HASH.FILE" below the targets' address. */
static char *url_of(const struct tuf_client *client, const struct tuf_target *target)
{
    char hex[2 * HASH512_BYTES + 1];
    const char *slash = strrchr(target->path, '/');
    size_t dir_len = slash ? (size_t)(slash - target->path) + 1 : 0;
    AUTO_FREE char *dir = mem_strndup(target->path, dir_len);
    AUTO_FREE char *dir_url = encode(dir, true);
    AUTO_FREE char *file_url = encode(target->path + dir_len, false);

    if (target->has_sha256)
        text_from_hex_bytes(target->sha256, sizeof(target->sha256), hex);
    else
        text_from_hex_bytes(target->sha512, sizeof(target->sha512), hex);
    return mem_printf("%s/%s%s.%s", client->target_url, dir_url ? dir_url : "", hex, file_url);
}

static bool is_there(const char *path, const struct tuf_target *target)
{
    struct err ignored = {0};
    AUTO_BUF data;

    buf_init(&data, (size_t)target->length + 1);
    return file_read(path, &data, &ignored) &&
           tuf_target_check(target, buf_text(&data), data.len, &ignored);
}

bool tuf_client_download(struct tuf_client *client, const struct tuf_target *target,
                         struct err *err)
{
    AUTO_FREE char *name = encode(target->path, false);
    AUTO_FREE char *path = mem_printf("%s/%s", client->target_dir, name);
    AUTO_FREE char *url = url_of(client, target);
    AUTO_BUF data = {0};

    note(client, target->role); /* it vouches for the file */
    if (target->length > target_bytes_max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is longer than 1 GiB", target->path);
    if (is_there(path, target))
        return true;
    buf_init(&data, (size_t)target->length);
    if (!get(client, url, (size_t)target->length, &data, err)) {
        if (err->refusal == REFUSAL_LENGTH_LIMIT) /* the length is what was signed */
            err->refusal = REFUSAL_TARGET_LENGTH;
        return false;
    }
    return tuf_target_check(target, buf_text(&data), data.len, err) &&
           file_write(path, 0644, data.data, data.len, err);
}
