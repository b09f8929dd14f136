/* Opening and closing, and the few acts that are not an update. The daemon's rhythm is in cycle.c.
 */
#include "device-client/supervisor/agent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device-client/fetch/fetch.h"
#include "device-client/limits.h"
#include "device-client/supervisor/parts.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/file.h"

/* --- opening -------------------------------------------------------------------------------------
 */

static bool take_lock(struct agent *agent, struct err *err)
{
    AUTO_FREE char *path = state_path(agent->state_dir, "lock");
    char text[24];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (!file_lock(path, &agent->lock_fd, err))
        return err->code == ERR_CONFLICT
                   ? err_set(err, ERR_CONFLICT, "an agent runs in '%s' already", agent->state_dir)
                   : false;
    if (ftruncate(agent->lock_fd, 0) != 0)
        return err_system(err, "could not write '%s'", path);
    return file_pwrite_all(agent->lock_fd, text, (size_t)len, 0, err);
}

/* A damaged record is put aside: the slots say what is installed, the server what to do. */
static bool open_record(struct agent *agent, struct err *err)
{
    AUTO_FREE char *damaged = mem_printf("%s.damaged", agent->record_path);

    if (record_load(agent->record_path, &agent->record, err))
        return true;
    if (err->code == ERR_NOT_FOUND) {
        *err = (struct err){0};
        return true;
    }
    if (err->code != ERR_INVALID && err->code != ERR_LIMIT)
        return false;
    LOG_ERROR("agent.record_damaged", "because='%s' kept='%s'", err->text, damaged);
    *err = (struct err){0};
    return file_rename(agent->record_path, damaged, err);
}

static bool open_boot(struct agent *agent, struct err *err)
{
    struct boot_status status = {0};

    agent->boot = boot_backend_find(agent->config.boot);
    if (!agent->boot)
        return err_set(err, ERR_INVALID, "there is no boot backend '%s'", agent->config.boot);
    if (!agent->boot->read(agent->config.boot_file, &status, err))
        return false;
    agent->machine = (struct machine){
        .ops = &agent_ops, .arg = agent, .record = &agent->record, .running = status.active};
    if (agent->options.slot && !slot_parse(agent->options.slot, &agent->machine.running))
        return err_set(err, ERR_INVALID, "there is no slot '%s'", agent->options.slot);
    return true;
}

static bool go_on(void *arg)
{
    struct agent *agent = arg;

    wake_wait(&agent->wake, 0);
    return !agent->wake.stop && !agent->wake.reboot && !agent_took_too_long(agent);
}

static bool open_network(struct agent *agent, struct err *err)
{
    const struct transport_options options = {
        .origin = agent->config.server,
        .ca_file = agent->config.ca_file[0] ? agent->config.ca_file : NULL,
        .key = agent->key,
        .go_on = go_on,
        .arg = agent,
    };

    agent->claimed = claim_load(agent->state_dir, &agent->claim, err);
    if (!agent->claimed && err->code != ERR_NOT_FOUND)
        return false;
    *err = (struct err){0};
    if (!transport_open(&options, &agent->transport, err))
        return false;
    agent->trust = (struct trust){
        .dir = agent->metadata_dir, .base = agent->claim.image_base, .transport = agent->transport};
    agent->director = (struct trust){
        .dir = agent->director_dir, .base = "", .is_own = true, .transport = agent->transport};
    return agent_load_anchors(agent, err);
}

/* Numbers that never fall. A device from before they were kept apart has its floor in the record.
 * Damaged ones are put aside: the record's floor and counter still stand. */
static bool open_counters(struct agent *agent, struct err *err)
{
    AUTO_FREE char *damaged = mem_printf("%s.damaged", agent->counters_path);

    agent->counters_backend = counters_backend_find("file");
    ASSERT(agent->counters_backend);
    if (agent->counters_backend->load(agent->counters_path, &agent->counters, err))
        return true;
    if (err->code == ERR_NOT_FOUND) {
        *err = (struct err){0};
        return true;
    }
    if (err->code != ERR_INVALID)
        return false;
    LOG_ERROR("agent.counters_damaged", "because='%s' kept='%s'", err->text, damaged);
    *err = (struct err){0};
    return file_rename(agent->counters_path, damaged, err);
}

static bool open_parts(struct agent *agent, struct err *err)
{
    AUTO_FREE char *key_path = state_path(agent->state_dir, "identity.key");
    AUTO_FREE char *queue_path = state_path(agent->state_dir, "reports");

    if (!config_load(agent->state_dir, &agent->config, err) || !take_lock(agent, err))
        return false;
    agent->health =
        mem_strdup(agent->options.health ? agent->options.health : agent->config.health);
    if (!clock_zone_set(agent->config.timezone)) /* then it is UTC, as without one */
        LOG_WARNING("agent.zone_unknown", "zone='%s'", agent->config.timezone);
    slots_init(&agent->slots, agent->config.slot_a, agent->config.slot_b);
    return sign_key_load(key_path, &agent->key, err) &&
           file_make_dirs(agent->download_dir, 0700, err) &&
           file_make_dirs(agent->director_dir, 0700, err) && open_record(agent, err) &&
           open_counters(agent, err) && report_queue_open(queue_path, &agent->queue, err) &&
           open_boot(agent, err) && open_network(agent, err);
}

bool agent_open(const struct agent_options *options, struct agent **out, struct err *err)
{
    struct agent *agent = mem_alloc(sizeof(*agent));

    wake_init(&agent->wake);
    agent->options = *options;
    agent->lock_fd = -1;
    agent->state_dir = mem_strdup(options->state_dir);
    agent->record_path = state_path(options->state_dir, "record");
    agent->progress_path = state_path(options->state_dir, "patch-progress");
    agent->download_dir = state_path(options->state_dir, "download");
    agent->metadata_dir = state_path(options->state_dir, "metadata");
    agent->director_dir = state_path(options->state_dir, "director");
    agent->anchors_path = state_path(options->state_dir, "anchors.json");
    agent->counters_path = state_path(options->state_dir, "counters");
    agent->started_mono_ms = clock_mono_ms();
    agent->next_poll_s = 1;
    agent->up_mono_ms = agent->started_mono_ms;
    agent->told_mono_ms = agent->started_mono_ms - EVENTS_MS; /* what waits is told at once */
    if (!open_parts(agent, err)) {
        agent_close(agent);
        return false;
    }
    *out = agent;
    return true;
}

void agent_close(struct agent *agent)
{
    if (!agent)
        return;
    tuf_set_free(agent->set);
    tuf_director_done(&agent->directed);
    report_queue_close(agent->queue);
    transport_close(agent->transport);
    slots_done(&agent->slots);
    sign_key_free(agent->key);
    cleanup_close(&agent->lock_fd);
    mem_free(agent->fetched);
    mem_free(agent->local_file);
    mem_free(agent->health);
    mem_free(agent->counters_path);
    mem_free(agent->anchors_path);
    mem_free(agent->director_base);
    mem_free(agent->director_dir);
    mem_free(agent->metadata_dir);
    mem_free(agent->download_dir);
    mem_free(agent->record_path);
    mem_free(agent->progress_path);
    mem_free(agent->state_dir);
    mem_free(agent);
}

bool agent_save(struct agent *agent, struct err *err)
{
    return record_save(agent->record_path, &agent->record, err);
}

bool agent_commit(struct agent *agent, const struct image *image, struct err *err)
{
    struct counters next = agent->counters;
    struct counter now = {.release_counter = image->release_counter, .floor = image->floor};
    struct counter old;

    if (!text_copy(now.type, sizeof(now.type), "os") ||
        !text_copy(now.name, sizeof(now.name), image->name))
        return err_set(err, ERR_LIMIT, "the component's name is too long");
    old = counters_of(&next, now.type, now.name);
    if (old.release_counter == now.release_counter && old.floor >= now.floor)
        return true;
    if (!counters_commit(&next, &now, err) ||
        !agent->counters_backend->save(agent->counters_path, &next, err))
        return false;
    agent->counters = next;
    return true;
}

/* --- metadata
 * ------------------------------------------------------------------------------------- */

void agent_note_refusal(struct agent *agent, const struct err *why)
{
    struct wire_report event = {.reason = why->refusal, .time_ms = clock_now_ms()};
    struct err err = {0};

    agent->refused = true;
    /* A walk before the poll belongs to no offer: it repeats what the offer was refused for. */
    if (agent->told == why->refusal && (!agent->offer || agent->told_offer == agent->offer))
        return;
    agent->told = why->refusal;
    agent->told_offer = agent->offer;
    agent->record.last_refusal = why->refusal;
    wire_detail_copy(agent->record.last_error, why->text);
    wire_detail_copy(event.detail, why->text);
    LOG_WARNING("agent.refused", "reason=%s detail='%s'", refusal_name(why->refusal), why->text);
    if (!agent_save(agent, &err) || !report_queue_add(agent->queue, &event, &err))
        LOG_ERROR("agent.not_noted", "because='%s'", err.text);
}

/* --- by hand
 * --------------------------------------------------------------------------------------- */

struct search {
    uint8_t sha256[HASH_BYTES];
    char path[WIRE_PATH_ROOM];
};

static bool find_hash(const struct tuf_target *target, void *arg)
{
    struct search *search = arg;

    if (!target->is_typed || !crypto_equal(target->sha256, search->sha256, HASH_BYTES))
        return true;
    (void)text_copy(search->path, sizeof(search->path), target->path); /* TUF_PATH_MAX fits */
    return false;
}

static bool hash_file(const char *file, uint8_t out[HASH_BYTES], struct err *err)
{
    struct slots as_slots;
    uint64_t size = 0;
    bool ok;

    slots_init(&as_slots, file, file);
    ok = slots_size(&as_slots, SLOT_A, &size, err) && slots_hash(&as_slots, SLOT_A, size, out, err);
    slots_done(&as_slots);
    return ok || err_wrap(err, "'%s'", file);
}

/* The signed path of the file's content. */
static bool find_target(struct agent *agent, const char *file, struct wire_target *out,
                        struct err *err)
{
    struct search search = {0};

    if (!hash_file(file, search.sha256, err))
        return false;
    if (!agent->set && !trust_load(&agent->trust, &agent->set, err))
        return false;
    if (!tuf_each(agent->set, agent->config.hwid, find_hash, &search, err))
        return false;
    if (!search.path[0])
        return err_refuse(err, REFUSAL_TARGET_NOT_IN_IMAGE_REPO,
                          "nobody signed '%s' in the metadata this device has", file);
    memcpy(out->path, search.path, sizeof(out->path));
    memcpy(out->sha256, search.sha256, HASH_BYTES);
    return true;
}

bool agent_install(struct agent *agent, const char *file, enum machine_next *next, struct err *err)
{
    struct wire_target target = {0};

    if (!machine_boot(&agent->machine, next, err) || !find_target(agent, file, &target, err) ||
        !agent_identify(agent, err))
        return false;
    if (!machine_install(&agent->machine, &target, clock_now_ms(), err))
        return false;
    agent->local_file = mem_strdup(file);
    agent->record.last_refusal = REFUSAL_NONE; /* so that one of this update is told apart */
    if (!machine_run(&agent->machine, next, err))
        return false;
    if (*next == MACHINE_REBOOT || agent->record.state != UPDATE_IDLE)
        return true;
    return agent->record.last_refusal == REFUSAL_NONE ||
           err_refuse(err, agent->record.last_refusal, "%s", agent->record.last_error);
}
