/* Downloads: every byte is fetched and hashed as it comes, and none is kept. */
#include <string.h>

#include "cli/sim/fleet.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

/* What shall come: the delta, or the whole image. */
struct wanted {
    const uint8_t *sha256;
    uint64_t length;
    enum refusal wrong_length;
    enum refusal wrong_hash;
};

static struct wanted wanted_of(const struct sim_device *device)
{
    const struct wire_delta *delta = sim_device_delta(device);

    if (delta)
        return (struct wanted){delta->sha256, delta->length, REFUSAL_DELTA_LIMIT,
                               REFUSAL_DELTA_FILE_HASH};
    return (struct wanted){device->target->sha256, device->target->length, REFUSAL_TARGET_LENGTH,
                           REFUSAL_TARGET_HASH};
}

/* The patch's first bytes, as far as the director signed them. */
static void add_head(struct task *task, const void *data, size_t len)
{
    const struct sim_offer *offer = task->member->device.offer;
    uint64_t before = task->received - len;

    if (task->head && before < offer->header_length)
        sha256_add(task->head, data,
                   len < offer->header_length - before ? len
                                                       : (size_t)(offer->header_length - before));
}

static bool on_body(void *arg, const void *data, size_t len, struct err *err)
{
    struct task *task = arg;
    const struct wanted wanted = wanted_of(&task->member->device);

    task->received += len;
    task->fleet->summary.bytes_fetched += len;
    sha256_add(task->hash, data, len);
    add_head(task, data, len);
    return task->received <= wanted.length ||
           err_refuse(err, wanted.wrong_length, "the file is longer than %llu bytes",
                      (unsigned long long)wanted.length);
}

static bool check(const struct task *task, struct err *err)
{
    const struct wanted wanted = wanted_of(&task->member->device);
    uint8_t sha256[HASH_BYTES];

    if (task->received != wanted.length)
        return err_refuse(err, wanted.wrong_length, "the file has %llu bytes, not %llu",
                          (unsigned long long)task->received, (unsigned long long)wanted.length);
    sha256_peek(task->hash, sha256);
    if (!crypto_equal(sha256, wanted.sha256, HASH_BYTES))
        return err_refuse(err, wanted.wrong_hash, "the file has another hash than was promised");
    if (!task->head)
        return true;
    sha256_peek(task->head, sha256);
    return crypto_equal(sha256, task->member->device.offer->header_sha256, HASH_BYTES) ||
           err_refuse(err, REFUSAL_DELTA_FILE_HASH,
                      "the patch has another header than the director signed");
}

/* False with what the device is told. */
static bool is_whole(const struct task *task, const struct client_answer *answer,
                     const struct err *err, struct err *why)
{
    if (!answer) {
        *why = *err;
        if (why->refusal == REFUSAL_SLOW_RETRIEVAL)
            why->code = ERR_UNAVAILABLE;
        return false;
    }
    if (client_answer_check(answer, why))
        return check(task, why);
    if (why->code == ERR_UNAVAILABLE)
        return false;
    return err_refuse(why, REFUSAL_HTTP_STATUS, "the file was answered with HTTP %u",
                      answer->status);
}

static void on_file(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct sim_device *device = &task->member->device;
    struct err why = {0};

    if (is_whole(task, answer, err, &why)) {
        sim_device_fetched(device, task->received, clock_mono_ms());
    } else {
        if (why.code == ERR_UNAVAILABLE)
            fleet_note_error(task->fleet, &why);
        else
            task->fleet->summary.refusals++;
        sim_device_not_fetched(device, task->received, &why, clock_mono_ms());
    }
    fleet_finish(task);
}

/* "image_base/targets/DIR/SHA256.FILE" */
static char *image_url(const struct fleet *fleet, const struct sim_image *image)
{
    const char *slash = strrchr(image->path, '/');
    size_t dir_len = slash ? (size_t)(slash - image->path) + 1 : 0;
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(image->sha256, HASH_BYTES, hex);
    return mem_printf("%s/targets/%.*s%s.%s", fleet->image_base, (int)dir_len, image->path, hex,
                      image->path + dir_len);
}

/* A path that could lead elsewhere makes the delta useless; the image is fetched instead. */
static void refuse_path(struct fleet *fleet, struct member *member)
{
    struct err why = {0};

    (void)err_refuse(&why, REFUSAL_NAME_UNSAFE, "the delta has an unsafe path");
    fleet->summary.refusals++;
    sim_device_not_fetched(&member->device, 0, &why, clock_mono_ms());
    fleet_step(fleet, member);
}

void transfer_begin(struct fleet *fleet, struct member *member)
{
    const struct wire_delta *delta = sim_device_delta(&member->device);
    AUTO_FREE char *url = NULL;
    struct task *task;

    if (delta && !tuf_path_is_safe(delta->path)) {
        refuse_path(fleet, member);
        return;
    }
    url = delta ? mem_printf("%s/%s", fleet->image_base, delta->path)
                : image_url(fleet, member->device.target);
    task = task_new(fleet, member);
    task->hash = sha256_new();
    if (delta && member->device.offer->header_length)
        task->head = sha256_new();

    const struct client_request request = {.method = "GET",
                                           .url = url,
                                           .answer_bytes_max = UINT64_MAX, /* on_body() counts */
                                           .on_body = on_body,
                                           .arg = task};

    client_pool_send(fleet->pool, &request, on_file, task);
}
