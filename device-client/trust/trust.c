/* Storing is one durable file per role; fetching is a plain GET without a token. The rules are
 * all in lib/tuf. */
#include "device-client/trust/trust.h"

#include <string.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

static char *file_path(const struct trust *trust, const char *name)
{
    return mem_printf("%s/%s", trust->dir, name);
}

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    const struct trust *trust = arg;
    AUTO_FREE char *url = mem_printf("%s/metadata/%s", trust->base, name);
    const struct client_request request = {
        .method = "GET", .url = url, .answer_bytes_max = max, .total_ms = METADATA_MS_MAX};
    AUTO_CLIENT_ANSWER answer = {0};

    if (!trust->transport)
        return err_set(err, ERR_UNAVAILABLE, "'%s' cannot be fetched offline", name);
    if (!(trust->is_own ? transport_get_own : transport_get)(trust->transport, &request, &answer,
                                                             err))
        return false;
    if (!client_answer_check(&answer, err)) {
        /* Another device's documents are no end of a chain of roots. */
        if (answer.status == 404 || (answer.status == 403 && err->refusal == REFUSAL_NONE))
            return err_set(err, ERR_NOT_FOUND, "there is no '%s'", name);
        if (err->code == ERR_UNAVAILABLE)
            return err_wrap(err, "'%s'", name);
        if (err->refusal == REFUSAL_DEVICE_MISMATCH)
            return err_refuse(err, REFUSAL_DEVICE_MISMATCH, "'%s' is another device's", name);
        return err_refuse(err, REFUSAL_HTTP_STATUS, "'%s' was answered with HTTP %u", name,
                          answer.status);
    }
    buf_add(out, answer.body.data, answer.body.len);
    return !out->failed || err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is too long", name);
}

/* Where a document waits, or NULL when it is stored at once. */
static struct trust_staged *staged(const struct trust *trust, const char *name)
{
    static const enum tuf_role roles[] = {TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS};

    for (size_t i = 0; trust->stage && i < COUNT(roles); i++) {
        const char *role = tuf_role_name(roles[i]);

        if (text_starts_with(name, role) && text_equal(name + strlen(role), ".json"))
            return &trust->stage->documents[roles[i]];
    }
    return NULL;
}

static bool load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct trust *trust = arg;
    AUTO_FREE char *path = file_path(trust, name);
    const struct trust_staged *waiting = staged(trust, name);

    if (!waiting || !waiting->some)
        return file_read(path, out, err);
    buf_add(out, waiting->bytes.data, waiting->bytes.len);
    return !out->failed || err_set(err, ERR_LIMIT, "'%s' is too long", name);
}

static void stage(struct trust_staged *place, const void *data, size_t len)
{
    if (place->some)
        buf_done(&place->bytes);
    place->some = true;
    buf_init(&place->bytes, len);
    buf_add(&place->bytes, data, len);
}

static bool store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    struct trust *trust = arg;
    AUTO_FREE char *path = file_path(trust, name);

    if (!text_equal(name, "timestamp.json") && !text_equal(name, "snapshot.json"))
        trust->offline_changed = true;
    if (staged(trust, name)) {
        stage(staged(trust, name), data, len);
        return true;
    }
    return file_write(path, 0600, data, len, err);
}

static bool drop(void *arg, const char *name, struct err *err)
{
    AUTO_FREE char *path = file_path(arg, name);

    return file_remove(path, err);
}

bool trust_stage_keep(struct trust *trust, struct err *err)
{
    for (int role = TUF_TIMESTAMP; role < TUF_ROLE_COUNT; role++) {
        const struct trust_staged *place = &trust->stage->documents[role];
        AUTO_FREE char *name = mem_printf("%s.json", tuf_role_name((enum tuf_role)role));
        AUTO_FREE char *path = file_path(trust, name);

        if (place->some && !file_write(path, 0600, place->bytes.data, place->bytes.len, err))
            return false;
    }
    return true;
}

void trust_stage_done(struct trust_stage *stage)
{
    for (size_t i = 0; i < TUF_ROLE_COUNT; i++)
        if (stage->documents[i].some)
            buf_done(&stage->documents[i].bytes);
    *stage = (struct trust_stage){0};
}

struct tuf_io trust_io(struct trust *trust)
{
    return (struct tuf_io){
        .fetch = fetch, .load = load, .store = store, .drop = drop, .arg = trust};
}

bool trust_refresh(struct trust *trust, int64_t now_ms, struct tuf_set **out, struct err *err)
{
    const struct tuf_io io = trust_io(trust);

    return tuf_refresh(&io, &tuf_limits_device, now_ms, out, err) ||
           err_wrap(err, "update metadata");
}

bool trust_load(struct trust *trust, struct tuf_set **out, struct err *err)
{
    const struct tuf_io io = trust_io(trust);

    return tuf_load(&io, &tuf_limits_device, out, err) || err_wrap(err, "stored metadata");
}

static const char root_file[] = "root.json";

bool trust_has_root(const struct trust *trust)
{
    AUTO_FREE char *path = file_path(trust, root_file);

    return file_exists(path);
}

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

/* --- files -------------------------------------------------------------------------------------
 */

/* "BASE/targets/DIR/SHA256.FILE" */
static char *target_url(const struct trust *trust, const struct tuf_target *target)
{
    const char *slash = strrchr(target->path, '/');
    size_t dir_len = slash ? (size_t)(slash - target->path) + 1 : 0;
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(target->sha256, HASH_BYTES, hex);
    return mem_printf("%s/targets/%.*s%s.%s", trust->base, (int)dir_len, target->path, hex,
                      target->path + dir_len);
}

static bool fetch_target(struct trust *trust, const struct tuf_target *target, struct buf *out,
                         struct err *err)
{
    AUTO_FREE char *url = target_url(trust, target);
    const struct client_request request = {.method = "GET",
                                           .url = url,
                                           .answer_bytes_max = target->length + 1,
                                           .total_ms = METADATA_MS_MAX};
    AUTO_CLIENT_ANSWER answer = {0};

    if (!trust->transport)
        return err_set(err, ERR_UNAVAILABLE, "'%s' cannot be fetched offline", target->path);
    if (!transport_get(trust->transport, &request, &answer, err)) {
        if (err->refusal == REFUSAL_LENGTH_LIMIT)
            err->refusal = REFUSAL_TARGET_LENGTH;
        return false;
    }
    if (!client_answer_check(&answer, err))
        return err->code == ERR_UNAVAILABLE
                   ? false
                   : err_refuse(err, REFUSAL_HTTP_STATUS, "'%s' was answered with HTTP %u",
                                target->path, answer.status);
    buf_add(out, answer.body.data, answer.body.len);
    return tuf_target_check(target, out->data, out->len, err);
}

bool trust_file(struct trust *trust, struct tuf_set *set, const char *path, const uint8_t *known,
                struct buf *out, struct err *err)
{
    AUTO_TUF_TARGET target = {0};

    if (!tuf_find(set, path, NULL, &target, err))
        return false;
    if (!target.has_sha256)
        return err_refuse(err, REFUSAL_NO_KNOWN_HASH, "'%s' has no sha256", path);
    if (target.length >= out->max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is longer than %zu bytes", path,
                          out->max);
    if (known && crypto_equal(known, target.sha256, HASH_BYTES))
        return true;
    return fetch_target(trust, &target, out, err) || err_wrap(err, "'%s'", path);
}

/* --- what was chosen ---------------------------------------------------------------------------
 */

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

static bool find_choice(const struct tuf_director *director, const char *path, size_t *at,
                        struct err *err)
{
    for (size_t i = 0; i < director->count; i++) {
        if (!text_equal(director->targets[i].path, path))
            continue;
        *at = i;
        return true;
    }
    return err_refuse(err, REFUSAL_NOT_DIRECTED, "the director does not list '%.100s'", path);
}

bool trust_judge_directed(struct tuf_set *set, const struct trust_question *question,
                          struct tuf_target *out, size_t *at, struct err *err)
{
    const struct wire_target *choice = question->choice;
    AUTO_TUF_TARGET target = {0};

    if (!find_choice(question->director, choice->path, at, err) ||
        !tuf_find(set, choice->path, question->device->hwid, &target, err) ||
        !tuf_cross_check(question->director, *at, &target, question->device, err))
        return false;
    if (!crypto_equal(target.sha256, choice->sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_NOT_DIRECTED, "'%.100s' is directed with another hash",
                          choice->path);
    *out = target;
    target.memory = NULL;
    return true;
}

bool trust_is_stale(int64_t walked_ms, int64_t timestamp_expires_ms, int64_t now_ms)
{
    int64_t half = walked_ms / 2 + timestamp_expires_ms / 2;

    return walked_ms == 0 || timestamp_expires_ms == 0 || now_ms >= half;
}
