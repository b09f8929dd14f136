/* The machine's effects on the real world. Each is short: the work is in fetch/, apply/, slots/,
 * boot/, report/ and trust/. */
#include <string.h>

#include "device-client/apply/apply.h"
#include "device-client/apply/progress.h"
#include "device-client/fetch/fetch.h"
#include "device-client/limits.h"
#include "device-client/report/send.h"
#include "device-client/supervisor/parts.h"
#include "device-client/supervisor/switching.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/delta/format.h"
#include "lib/log/log.h"
#include "lib/os/spawn.h"

/* --- record, reports, boot state -----------------------------------------------------------------
 */

static bool save(void *arg, const struct record *record, struct err *err)
{
    const struct agent *agent = arg;

    return record_save(agent->record_path, record, err);
}

static bool report(void *arg, struct wire_report *report, struct err *err)
{
    struct agent *agent = arg;

    report->time_ms = clock_now_ms();
    return report_queue_add(agent->queue, report, err);
}

static uint64_t report_last(void *arg, uint8_t epoch[WIRE_EPOCH_BYTES])
{
    const struct agent *agent = arg;

    memcpy(epoch, report_queue_epoch(agent->queue), WIRE_EPOCH_BYTES);
    return report_queue_last_seq(agent->queue);
}

static bool boot_read(void *arg, struct boot_status *out, struct err *err)
{
    const struct agent *agent = arg;

    return agent->boot->read(agent->config.boot_file, out, err);
}

static bool boot_try(void *arg, enum slot slot, struct err *err)
{
    const struct agent *agent = arg;

    return agent->boot->try_once(agent->config.boot_file, slot, err);
}

static bool boot_confirm(void *arg, enum slot slot, struct err *err)
{
    const struct agent *agent = arg;

    return agent->boot->confirm(agent->config.boot_file, slot, err);
}

static bool boot_invalidate(void *arg, enum slot slot, struct err *err)
{
    const struct agent *agent = arg;

    return agent->boot->invalidate(agent->config.boot_file, slot, err);
}

static bool boot_give_up(void *arg, enum slot slot, struct err *err)
{
    const struct agent *agent = arg;

    return agent->boot->give_up(agent->config.boot_file, slot, err);
}

/* --- choosing
 * ------------------------------------------------------------------------------------- */

struct tuf_device agent_device(const struct agent *agent)
{
    const struct image *runs = &agent->record.slots[agent->machine.running];
    const struct counter highest = counters_highest(&agent->counters, "os");
    const struct counter mine =
        runs->known ? counters_of(&agent->counters, "os", runs->name) : highest;
    struct tuf_device device = {
        .hwid = agent->config.hwid,
        .type = "os",
        .installed = runs->known || mine.release_counter > 0,
        .release_counter = runs->release_counter,
        .security_epoch = runs->security_epoch,
        .sha256 = runs->known ? runs->sha256 : NULL,
        .floor = agent->record.floor > highest.floor ? agent->record.floor : highest.floor,
        .name = runs->known ? runs->name : NULL,
        .revert_until_ms = runs->revert_until_ms,
        .now_ms = agent_now(agent),
    };

    /* A record put back from a copy, or a slot written by hand, does not lower it. */
    if (device.release_counter < mine.release_counter)
        device.release_counter = mine.release_counter;
    return device;
}

/* After a start there is no walked set: metadata is walked before anything is judged. What the
 * metadata refuses is not the update's fault; it is tried again. */
static bool ensure_set(struct agent *agent, struct err *err)
{
    if (agent->set || agent->local_file)
        return agent->set || trust_load(&agent->trust, &agent->set, err);
    if (agent_walk(agent, err))
        return true;
    err->code = ERR_UNAVAILABLE;
    return false;
}

/* Every patch the director names is told by its header. One of another form than ours, or of more
 * memory than we give, is as good as none. */
static void take_delta(const struct tuf_delta *delta, struct verdict *out)
{
    if (!delta->present || delta->header_length != DELTA_HEADER_BYTES ||
        delta->memory > DELTA_MEMORY_BYTES_MAX || !tuf_path_is_safe(delta->path))
        return;
    out->has_delta = true;
    out->delta.length = delta->length;
    memcpy(out->delta.sha256, delta->header_sha256, HASH_BYTES);
    memcpy(out->delta.from, delta->from_sha256, HASH_BYTES);
    (void)text_copy(out->delta.path, sizeof(out->delta.path), delta->path); /* TUF_PATH_MAX fits */
}

static bool judge_signed(struct agent *agent, const struct record *record,
                         const struct tuf_device *device, struct tuf_target *target, size_t *at,
                         struct err *err)
{
    const struct trust_question question = {&agent->directed, &record->offered, device};

    if (agent->is_directed && !agent->local_file)
        return trust_judge_directed(agent->set, &question, target, at, err);
    return trust_judge(agent->set, record->offered.path, record->offered.sha256, device, target,
                       err);
}

static bool judge(void *arg, const struct record *record, struct verdict *out, struct err *err)
{
    struct agent *agent = arg;
    const struct image *runs = &record->slots[agent->machine.running];
    uint64_t revert_to[TUF_REVERTS_MAX];
    struct tuf_device device;
    AUTO_TUF_TARGET target = {0};
    size_t at = 0;

    if (!ensure_set(agent, err))
        return false;
    device = agent_device(agent);
    for (size_t i = 0; i < runs->revert_count; i++)
        revert_to[i] = runs->revert_to[i].counter;
    device.revert_to = revert_to;
    device.revert_count = runs->revert_count;
    if (!judge_signed(agent, record, &device, &target, &at, err))
        return false;
    agent_image_of(&target, &out->image);
    if (!agent->is_directed || agent->local_file)
        return true;
    out->directed = true;
    take_delta(&agent->directed.targets[at].choice.delta, out);
    return true;
}

/* --- bytes
 * ------------------------------------------------------------------------------------------ */

static bool go_on(void *arg, uint64_t received)
{
    struct agent *agent = arg;

    (void)received;
    wake_wait(&agent->wake, 0);
    return !agent->wake.stop && !agent->wake.reboot;
}

static struct apply_target target_of(const struct record *record)
{
    struct apply_target target = {.slot = (enum slot)record->target_slot,
                                  .length = record->image.length};

    memcpy(target.sha256, record->image.sha256, HASH_BYTES);
    return target;
}

/* "image_base/targets/DIR/SHA256.FILE" */
static char *image_url(const struct agent *agent, const struct image *image)
{
    const char *slash = strrchr(image->path, '/');
    size_t dir_len = slash ? (size_t)(slash - image->path) + 1 : 0;
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(image->sha256, HASH_BYTES, hex);
    return mem_printf("%s/targets/%.*s%s.%s", agent->claim.image_base, (int)dir_len, image->path,
                      hex, image->path + dir_len);
}

/* What an update left that this one replaced, or a patch that was refused, may be all the space
 * there is. */
static void make_room(const struct agent *agent, const struct fetch *fetch)
{
    uint8_t keep[2][HASH_BYTES];
    struct err err = {0};

    memcpy(keep[0], fetch->sha256, HASH_BYTES);
    memcpy(keep[1], agent->record.image.sha256, HASH_BYTES);
    if (!fetch_clean(fetch->dir, (const uint8_t(*)[HASH_BYTES])keep, COUNT(keep), &err))
        LOG_WARNING("agent.not_cleaned", "because='%s'", err.text);
}

static bool get_file(struct agent *agent, const struct fetch *fetch, uint64_t *bytes,
                     struct err *err)
{
    mem_free(agent->fetched);
    agent->fetched = NULL;
    make_room(agent, fetch);
    if (fetch_file(agent->transport, fetch, &agent->fetched, bytes, err))
        return true;
    if (err->refusal != REFUSAL_SLOW_RETRIEVAL)
        return false;
    agent_note_refusal(agent, err); /* what came is kept; a slow link is not the image's fault */
    return err_set(err, ERR_UNAVAILABLE, "the download is too slow");
}

/* A patch is only worth its bytes if the running slot still is the image it starts from. */
static bool check_base(struct agent *agent, struct err *err)
{
    const struct image *runs = &agent->record.slots[agent->machine.running];
    uint8_t found[HASH_BYTES];

    if (agent->base_checked)
        return true;
    if (!slots_hash(&agent->slots, agent->machine.running, runs->length, found, err))
        return false;
    if (!crypto_equal(found, runs->sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_DELTA_BASE, "slot %s is not the image the patch is for",
                          slot_name(agent->machine.running));
    agent->base_checked = true;
    return true;
}

static bool fetch_delta(struct agent *agent, const struct record *record,
                        const struct wire_delta *delta, uint64_t *bytes, struct err *err)
{
    AUTO_FREE char *url = mem_printf("%s/%s", agent->claim.image_base, delta->path);
    struct fetch fetch = {
        .dir = agent->download_dir,
        .url = url,
        .length = delta->length,
        .wrong_hash = REFUSAL_DELTA_FILE_HASH,
        .wrong_length = REFUSAL_DELTA_FILE_HASH,
        .is_header = record->directed,
        .go_on = go_on,
        .arg = agent,
    };

    if (delta->length >= record->image.length)
        return err_refuse(err, REFUSAL_DELTA_LIMIT, "the patch is not smaller than the image");
    memcpy(fetch.sha256, delta->sha256, HASH_BYTES);
    return check_base(agent, err) && get_file(agent, &fetch, bytes, err);
}

static bool fetch_image(struct agent *agent, const struct record *record, uint64_t *bytes,
                        struct err *err)
{
    AUTO_FREE char *url = image_url(agent, &record->image);
    struct fetch fetch = {
        .dir = agent->download_dir,
        .url = url,
        .length = record->image.length,
        .wrong_hash = REFUSAL_TARGET_HASH,
        .wrong_length = REFUSAL_TARGET_LENGTH,
        .go_on = go_on,
        .arg = agent,
    };

    memcpy(fetch.sha256, record->image.sha256, HASH_BYTES);
    return get_file(agent, &fetch, bytes, err);
}

static bool fetch(void *arg, const struct record *record, const struct wire_delta *delta,
                  uint64_t *bytes, struct err *err)
{
    struct agent *agent = arg;
    const struct apply_target target = target_of(record);

    if (!apply_fits(&agent->slots, &target, err))
        return false;
    if (agent->local_file) {
        mem_free(agent->fetched);
        agent->fetched = mem_strdup(agent->local_file);
        return true;
    }
    if (delta)
        return fetch_delta(agent, record, delta, bytes, err);
    return fetch_image(agent, record, bytes, err);
}

static bool write_slot(void *arg, const struct record *record, const struct wire_delta *delta,
                       struct err *err)
{
    const struct agent *agent = arg;
    const struct image *runs = &record->slots[agent->machine.running];
    const struct apply_target target = target_of(record);

    const struct apply_patch patch = {
        .old_length = runs->length,
        .old_sha256 = runs->sha256,
        .header_sha256 = delta && record->directed ? delta->sha256 : NULL,
        .progress_path = agent->progress_path,
    };

    if (delta)
        return apply_patch(&agent->slots, agent->fetched, &patch, &target, err);
    return apply_progress_forget(agent->progress_path, err) &&
           apply_image(&agent->slots, agent->fetched, &target, err);
}

static uint64_t patch_progress(void *arg)
{
    const struct agent *agent = arg;

    return apply_progress_measure(agent->progress_path);
}

static bool holds(void *arg, enum slot slot, const struct image *image, struct err *err)
{
    const struct agent *agent = arg;
    uint8_t found[HASH_BYTES];

    if (slots_hash(&agent->slots, slot, image->length, found, err) &&
        crypto_equal(found, image->sha256, HASH_BYTES))
        return true;
    return err_refuse(err, REFUSAL_INSTALL_READBACK, "slot %s no longer holds the image",
                      slot_name(slot));
}

/* --- permissions and health
 * --------------------------------------------------------------------------- */

static bool may_switch(void *arg, const struct record *record, struct err *why)
{
    struct agent *agent = arg;
    struct switching switching = {
        .offered_ms = record->offered_ms,
        .window = record->window,
        .knows_time = agent_knows_time(agent),
        .zone = clock_zone_offset_s,
    };
    struct err err = {0};

    if (!deferral_load(agent->state_dir, &switching.deferred_ms, &err))
        LOG_WARNING("update.deferral_unreadable", "because='%s'", err.text);
    return switching_is_due(&switching, agent_now(agent), &agent->switch_ms, why);
}

static bool ask_to_switch(struct agent *agent, const struct record *record,
                          struct wire_activate_answer *out, struct err *err)
{
    struct wire_activate request = {.assignment = record->assignment};
    AUTO_BUF message;
    AUTO_BUF answer;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    memcpy(request.deployment, record->deployment, sizeof(request.deployment));
    wire_activate_format(&request, &message);
    return transport_send(agent->transport, "POST", "/device/v1/activate", &message, &answer,
                          err) &&
           wire_activate_answer_parse(answer.data, answer.len, out, err);
}

static bool allow(void *arg, const struct record *record, bool *go, struct err *err)
{
    struct agent *agent = arg;
    struct wire_activate_answer answer = {0};
    int64_t wait_ms;

    *go = !record->deployment[0]; /* installed by hand: that hand is the permission */
    if (*go || clock_mono_ms() < agent->activate_mono_ms)
        return true;
    if (!report_send_all(agent->queue, agent->transport, err) ||
        !ask_to_switch(agent, record, &answer, err)) {
        err->code = ERR_UNAVAILABLE; /* no answer, no switch; asked again later */
        return false;
    }
    *go = answer.go;
    wait_ms = (int64_t)answer.retry_s * 1000;
    agent->activate_mono_ms =
        clock_mono_ms() + (wait_ms < ACTIVATE_RETRY_MS_MAX ? wait_ms : ACTIVATE_RETRY_MS_MAX);
    if (!answer.go)
        LOG_INFO("update.not_yet", "reason=%s retry_s=%llu", answer.reason,
                 (unsigned long long)answer.retry_s);
    return true;
}

static bool commit(void *arg, const struct image *image, struct err *err)
{
    return agent_commit(arg, image, err);
}

static bool health(void *arg, struct err *err)
{
    const struct agent *agent = arg;
    const char *const argv[] = {agent->health, NULL};
    const struct spawn_options options = {.output_fd = -1};
    int status = 0;

    if (!agent->health[0])
        return true;
    if (!spawn_run(argv, &options, HEALTH_MS_MAX, &status, err))
        return err_wrap(err, "health program");
    return status == 0 || err_set(err, ERR_INVALID, "health program ended with status %d", status);
}

const struct machine_ops agent_ops = {
    .save = save,
    .report = report,
    .report_last = report_last,
    .boot_read = boot_read,
    .boot_try = boot_try,
    .boot_confirm = boot_confirm,
    .boot_invalidate = boot_invalidate,
    .boot_give_up = boot_give_up,
    .judge = judge,
    .fetch = fetch,
    .write = write_slot,
    .patch_progress = patch_progress,
    .holds = holds,
    .may_switch = may_switch,
    .allow = allow,
    .commit = commit,
    .health = health,
};
