/* Storing is one durable file per role; fetching is a plain GET without a token. The rules are
 * all in lib/tuf. */
#include "device-client/trust/trust.h"

#include <string.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"

static char *file_path(const struct trust *trust, const char *name)
{
    return mem_printf("%s/%s", trust->dir, name);
}

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    const struct trust *trust = arg;
    AUTO_FREE char *url = mem_printf("%s/metadata/%s", trust->image_base, name);
    const struct client_request request = {
        .method = "GET", .url = url, .answer_bytes_max = max, .total_ms = METADATA_MS_MAX};
    AUTO_CLIENT_ANSWER answer = {0};

    if (!trust->transport)
        return err_set(err, ERR_UNAVAILABLE, "'%s' cannot be fetched offline", name);
    if (!transport_get(trust->transport, &request, &answer, err))
        return false;
    if (!client_answer_check(&answer, err)) {
        if (answer.status == 403 || answer.status == 404)
            return err_set(err, ERR_NOT_FOUND, "there is no '%s'", name);
        if (err->code == ERR_UNAVAILABLE)
            return err_wrap(err, "'%s'", name);
        return err_refuse(err, REFUSAL_HTTP_STATUS, "'%s' was answered with HTTP %u", name,
                          answer.status);
    }
    buf_add(out, answer.body.data, answer.body.len);
    return !out->failed || err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is too long", name);
}

static bool load(void *arg, const char *name, struct buf *out, struct err *err)
{
    AUTO_FREE char *path = file_path(arg, name);

    return file_read(path, out, err);
}

static bool store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    AUTO_FREE char *path = file_path(arg, name);

    return file_write(path, 0600, data, len, err);
}

static bool drop(void *arg, const char *name, struct err *err)
{
    AUTO_FREE char *path = file_path(arg, name);

    return file_remove(path, err);
}

static struct tuf_io io_of(struct trust *trust)
{
    return (struct tuf_io){
        .fetch = fetch, .load = load, .store = store, .drop = drop, .arg = trust};
}

bool trust_refresh(struct trust *trust, int64_t now_ms, struct tuf_set **out, struct err *err)
{
    const struct tuf_io io = io_of(trust);

    return tuf_refresh(&io, &tuf_limits_device, now_ms, out, err) || err_wrap(err, "update metadata");
}

bool trust_load(struct trust *trust, struct tuf_set **out, struct err *err)
{
    const struct tuf_io io = io_of(trust);

    return tuf_load(&io, &tuf_limits_device, out, err) || err_wrap(err, "stored metadata");
}

static const char root_file[] = "root.json";

bool trust_install_root(struct trust *trust, const void *data, size_t len, struct err *err)
{
    struct tuf_set *set = NULL;

    if (!store(trust, root_file, data, len, err))
        return false;
    if (!trust_load(trust, &set, err)) {
        struct err ignored = {0};

        (void)drop(trust, root_file, &ignored); /* the first error is the one to tell */
        return err_wrap(err, "root of trust");
    }
    tuf_set_free(set);
    return true;
}

bool trust_time(int64_t trusted_ms, int64_t clock_ms, int64_t *out_ms, struct err *err)
{
    if (trusted_ms && clock_ms - trusted_ms > TIME_JUMP_MS_MAX)
        return err_refuse(err, REFUSAL_TIME_JUMP,
                          "the clock is more than 400 days ahead of the last trusted time");
    *out_ms = clock_ms > trusted_ms ? clock_ms : trusted_ms;
    return true;
}

bool trust_walk(struct trust *trust, int64_t trusted_ms, int64_t clock_ms, int64_t *out_ms,
                struct tuf_set **out, struct err *err)
{
    struct err late = {0};

    if (trust_time(trusted_ms, clock_ms, out_ms, err))
        return trust_refresh(trust, *out_ms, out, err);
    if (trust_refresh(trust, clock_ms, out, &late)) {
        *out_ms = clock_ms;
        return true;
    }
    if (late.code != ERR_UNTRUSTED) /* nobody could be asked */
        *err = late;
    return false;
}

bool trust_judge(struct tuf_set *set, const char *path, const uint8_t sha256[HASH_BYTES],
                 const struct tuf_device *device, struct tuf_target *out, struct err *err)
{
    AUTO_TUF_TARGET target = {0};

    if (!tuf_find(set, path, device->hwid, &target, err))
        return false;
    if (!target.has_sha256 || !crypto_equal(target.sha256, sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_DIRECTOR_IMAGE_MISMATCH,
                          "'%s' is signed with another hash than was chosen", path);
    if (!tuf_target_fits(&target, device, err))
        return false;
    *out = target;
    target.memory = NULL;
    return true;
}

bool trust_is_stale(int64_t walked_ms, int64_t timestamp_expires_ms, int64_t now_ms)
{
    int64_t half = walked_ms / 2 + timestamp_expires_ms / 2;

    return walked_ms == 0 || timestamp_expires_ms == 0 || now_ms >= half;
}
