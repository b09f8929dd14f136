/*
 * The order of durable writes is the whole point:
 *   moving        record (state, and the number its report will have), then the report
 *   writing       record (the slot's content is unknown), boot state "empty", slot, read back,
 *                 record "staged"
 *   switching     record "activating", boot state "try", reboot
 *   confirming    boot state "good", counters, record "succeeded" with the raised floor
 *   giving up     record "rolled-back", boot state "bad", reboot
 * A cut between two of them is found by machine_boot() and finished by machine_run().
 */
#include "device-client/supervisor/machine.h"

#include <string.h>

#include "device-client/limits.h"
#include "device-client/supervisor/machine_move.h"
#include "lib/base/text.h"
#include "lib/log/log.h"

/* --- moving ----------------------------------------------------------------------------------- */

static bool is_reported(const struct record *record)
{
    return record->deployment[0] && record->state != UPDATE_IDLE && record->state != UPDATE_OFFERED;
}

static bool queue_report(struct machine *machine, struct err *err)
{
    const struct record *record = machine->record;
    struct wire_report report = {
        .state = record->state, .reason = record->reason, .bytes = record->bytes};

    memcpy(report.deployment, record->deployment, sizeof(report.deployment));
    memcpy(report.detail, record->detail, sizeof(report.detail));
    if (record->image.known) {
        report.image.set = true;
        memcpy(report.image.bytes, record->image.sha256, HASH_BYTES);
    }
    return machine->ops->report(machine->arg, &report, err);
}

/* The present state's report is in the queue, or was; a cut between the record and the queue is
 * healed here. */
static bool ensure_reported(struct machine *machine, struct err *err)
{
    const struct record *record = machine->record;
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint64_t last = machine->ops->report_last(machine->arg, epoch);

    if (!is_reported(record))
        return true;
    if (last >= record->report_seq && memcmp(epoch, record->report_epoch, sizeof(epoch)) == 0)
        return true;
    return queue_report(machine, err);
}

/* The present state will be reported under the queue's next number. */
static void number_report(struct machine *machine)
{
    struct record *record = machine->record;

    record->report_seq = machine->ops->report_last(machine->arg, record->report_epoch) + 1;
}

static void set_reason(struct record *record, const struct err *why)
{
    record->reason = why ? why->refusal : REFUSAL_NONE;
    wire_detail_copy(record->detail, why ? why->text : "");
    if (!why)
        return;
    record->last_refusal = why->refusal;
    wire_detail_copy(record->last_error, why->text);
}

/* The one function that changes the state. `why` is the refusal, or NULL. When the save fails
 * the record is as before; when only the report does, machine_run() queues it again. */
bool machine_move(struct machine *machine, enum update_event event, const struct err *why,
                  struct err *err)
{
    const struct update_move *row = update_move_find(machine->record->state, event);
    const struct record before = *machine->record;

    ASSERT(row);
    machine->record->state = row->to;
    set_reason(machine->record, why);
    if (row->to == UPDATE_IDLE) {
        machine->record->deployment[0] = '\0';
        machine->record->delta_count = 0;
    }
    number_report(machine);
    if (!machine->ops->save(machine->arg, machine->record, err)) {
        *machine->record = before;
        return false;
    }
    LOG_INFO("update.moved", "from=%s to=%s reason=%s because='%s'%s%s",
             update_state_name(row->from), update_state_name(row->to),
             refusal_name(machine->record->reason), row->because, why ? " detail=" : "",
             why ? why->text : "");
    return ensure_reported(machine, err);
}

/* --- before the switch --------------------------------------------------------------------------
 */

/* Nothing that would help could change by waiting. */
static bool is_final(const struct err *why)
{
    return why->code != ERR_UNAVAILABLE;
}

/* Ends the update, or leaves it for later. */
static bool refuse(struct machine *machine, const struct err *why, enum machine_next *next,
                   struct err *err)
{
    if (is_final(why))
        return machine_move(machine, UPDATE_EVENT_REFUSED, why, err);
    *next = MACHINE_RETRY;
    *err = *why;
    return true;
}

static bool step_offered(struct machine *machine, enum machine_next *next, struct err *err)
{
    struct record *record = machine->record;
    const struct image *runs = &record->slots[machine->running];
    struct verdict verdict = {0};
    struct err why = {0};

    if (runs->known && crypto_equal(runs->sha256, record->offered.sha256, HASH_BYTES))
        return machine_move(machine, UPDATE_EVENT_SKIPPED, NULL, err);
    if (!machine->ops->judge(machine->arg, record, &verdict, &why))
        return refuse(machine, &why, next, err);
    verdict.image.known = true;
    record->image = verdict.image;
    if (verdict.directed) {
        record->directed = true;
        record->delta_count = verdict.has_delta ? 1 : 0;
        record->deltas[0] = verdict.delta;
    }
    record->target_slot = slot_other(machine->running);
    record->bytes = 0;
    record->delta_refused = false;
    record->delta_tries = 0;
    record->delta_progress = 0;
    return machine_move(machine, UPDATE_EVENT_ACCEPTED, NULL, err);
}

/* The patch from what runs, or NULL for the whole image. */
static const struct wire_delta *choose_delta(const struct machine *machine)
{
    const struct record *record = machine->record;
    const struct image *runs = &record->slots[machine->running];

    if (record->delta_refused || !runs->known)
        return NULL;
    for (size_t i = 0; i < record->delta_count; i++)
        if (crypto_equal(record->deltas[i].from, runs->sha256, HASH_BYTES))
            return &record->deltas[i];
    return NULL;
}

/* The slot is about to be overwritten: first nobody may start it or believe what it held. */
static bool open_slot(struct machine *machine, struct err *err)
{
    struct record *record = machine->record;

    if (record->slots[record->target_slot].known) {
        record->slots[record->target_slot].known = false;
        if (!machine->ops->save(machine->arg, record, err))
            return false;
    }
    return machine->ops->boot_invalidate(machine->arg, (enum slot)record->target_slot, err);
}

/* A patch that ends the agent while it is applied (too much memory, a bug of ours) must not do so
 * for ever: the try is durable before it begins. */
static bool begin_patch(struct machine *machine, struct err *why, struct err *err)
{
    struct record *record = machine->record;
    uint64_t progress = machine->ops->patch_progress(machine->arg);

    /* One that got further since may go on as often as power fails. */
    if (progress > record->delta_progress)
        record->delta_tries = 0;
    record->delta_progress = progress;
    if (record->delta_tries >= DELTA_TRIES_MAX)
        return err_refuse(why, REFUSAL_DELTA_LIMIT, "the agent ended %d times while applying it",
                          DELTA_TRIES_MAX);
    record->delta_tries++;
    if (machine->ops->save(machine->arg, record, err))
        return true;
    record->delta_tries--;
    return false;
}

/* A patch that does not work is told to the server and not tried again. */
static bool refuse_delta(struct machine *machine, const struct err *why, struct err *err)
{
    struct record *record = machine->record;

    LOG_WARNING("update.delta_refused", "reason=%s detail='%s'", refusal_name(why->refusal),
                why->text);
    record->delta_refused = true;
    set_reason(record, why);
    number_report(machine);
    return machine->ops->save(machine->arg, record, err) && ensure_reported(machine, err);
}

static bool written(struct machine *machine, struct err *err)
{
    struct record *record = machine->record;

    record->slots[record->target_slot] = record->image;
    machine->slot_checked = true;
    return machine_move(machine, UPDATE_EVENT_WRITTEN, NULL, err);
}

/* An update that was staged before and comes back needs no second download. */
static bool is_there_already(struct machine *machine)
{
    const struct record *record = machine->record;
    const struct image *held = &record->slots[record->target_slot];
    struct err ignored = {0};

    return held->known && crypto_equal(held->sha256, record->image.sha256, HASH_BYTES) &&
           machine->ops->holds(machine->arg, (enum slot)record->target_slot, held, &ignored);
}

static bool step_downloading(struct machine *machine, enum machine_next *next, struct err *err)
{
    struct record *record = machine->record;
    const struct wire_delta *delta = choose_delta(machine);
    struct err why = {0};
    bool ok;

    if (is_there_already(machine))
        return written(machine, err);
    ok = machine->ops->fetch(machine->arg, record, delta, &record->bytes, &why);
    if (ok && delta) {
        ok = begin_patch(machine, &why, err);
        if (!ok && why.code == ERR_NONE)
            return false;
    }
    if (ok) {
        if (!open_slot(machine, err))
            return false;
        ok = machine->ops->write(machine->arg, record, delta, &why);
    }
    if (ok)
        return written(machine, err);
    if (delta && is_final(&why))
        return refuse_delta(machine, &why, err);
    return refuse(machine, &why, next, err);
}

/* What a staged update waits for is told, and when it waits no more. */
static bool note_wait(struct machine *machine, const struct err *why, struct err *err)
{
    struct record *record = machine->record;
    char detail[WIRE_DETAIL_ROOM];

    wire_detail_copy(detail, why->text);
    if (record->reason == why->refusal && text_equal(record->detail, detail))
        return true;
    LOG_INFO("update.waits", "reason=%s detail='%s'", refusal_name(why->refusal), detail);
    record->reason = why->refusal;
    memcpy(record->detail, detail, sizeof(detail));
    number_report(machine);
    return machine->ops->save(machine->arg, record, err) && ensure_reported(machine, err);
}

static bool step_staged(struct machine *machine, enum machine_next *next, struct err *err)
{
    const struct record *record = machine->record;
    struct err why = {0};
    bool go = false;
    bool may;

    if (!machine->slot_checked) {
        if (!machine->ops->holds(machine->arg, (enum slot)record->target_slot, &record->image,
                                 &why))
            return refuse(machine, &why, next, err);
        machine->slot_checked = true;
    }
    may = machine->ops->may_switch(machine->arg, record, &why);
    if (!note_wait(machine, &why, err))
        return false;
    if (!may) {
        *next = MACHINE_REST;
        return true;
    }
    if (!machine->ops->allow(machine->arg, record, &go, &why)) {
        *next = MACHINE_RETRY;
        *err = why;
        return true;
    }
    if (go)
        return machine_move(machine, UPDATE_EVENT_ALLOWED, NULL, err);
    *next = MACHINE_REST;
    return true;
}

/* --- the switch and after it
 * ---------------------------------------------------------------------- */

static bool step_activating(struct machine *machine, enum machine_next *next, struct err *err)
{
    if (!machine->ops->boot_try(machine->arg, (enum slot)machine->record->target_slot, err))
        return false;
    *next = MACHINE_REBOOT;
    return true;
}

/* Confirmed already, by hand or just before a power cut: then neither health nor server is asked
 * again, and a server that is gone does not make a good system start again and again. */
static bool is_confirmed(const struct machine *machine, bool *out, struct err *err)
{
    struct boot_status status = {0};

    if (!machine->ops->boot_read(machine->arg, &status, err))
        return false;
    *out = status.active == machine->running && status.slots[machine->running].state == BOOT_GOOD;
    return true;
}

static bool succeed(struct machine *machine, struct err *err)
{
    struct record *record = machine->record;

    if (!machine->ops->commit(machine->arg, &record->image, err))
        return false;
    if (record->image.floor > record->floor)
        record->floor = record->image.floor;
    return machine_move(machine, UPDATE_EVENT_HEALTHY, NULL, err);
}

static bool step_verifying(struct machine *machine, enum machine_next *next, struct err *err)
{
    const struct record *record = machine->record;
    struct err why = {0};
    bool confirmed = false;

    if (!is_confirmed(machine, &confirmed, err))
        return false;
    if (confirmed)
        return succeed(machine, err);
    if (!machine->healthy && !machine->ops->health(machine->arg, &why)) {
        why.code = ERR_UNTRUSTED;
        why.refusal = REFUSAL_HEALTH;
        return machine_move(machine, UPDATE_EVENT_UNHEALTHY, &why, err);
    }
    machine->healthy = true;
    if (record->deployment[0] && !machine->reached) {
        *next = MACHINE_REST;
        return true;
    }
    return machine->ops->boot_confirm(machine->arg, machine->running, err) && succeed(machine, err);
}

/* The loader falls back by itself once the slot is bad; a slot it already gave up is not ours. */
static bool step_rolled_back(struct machine *machine, enum machine_next *next, struct err *err)
{
    bool is_running = machine->running == machine->record->target_slot;

    if (is_running && !machine->ops->boot_give_up(machine->arg, machine->running, err))
        return false;
    if (!machine_move(machine, UPDATE_EVENT_CLOSED, NULL, err))
        return false;
    if (is_running)
        *next = MACHINE_REBOOT;
    return true;
}

/* --- the whole
 * ------------------------------------------------------------------------------------ */

static bool step(struct machine *machine, enum machine_next *next, struct err *err)
{
    switch (machine->record->state) {
    case UPDATE_IDLE:
        *next = MACHINE_REST;
        return true;
    case UPDATE_OFFERED:
        return step_offered(machine, next, err);
    case UPDATE_DOWNLOADING:
        return step_downloading(machine, next, err);
    case UPDATE_STAGED:
        return step_staged(machine, next, err);
    case UPDATE_ACTIVATING:
        return step_activating(machine, next, err);
    case UPDATE_VERIFYING:
        return step_verifying(machine, next, err);
    case UPDATE_ROLLED_BACK:
        return step_rolled_back(machine, next, err);
    case UPDATE_SUCCEEDED:
    case UPDATE_FAILED:
    case UPDATE_CANCELLED:
    case UPDATE_SKIPPED:
        return machine_move(machine, UPDATE_EVENT_CLOSED, NULL, err);
    case UPDATE_STATE_COUNT:
        break;
    }
    ASSERT(false);
    return false;
}

bool machine_run(struct machine *machine, enum machine_next *next, struct err *err)
{
    *next = MACHINE_ON;
    if (!ensure_reported(machine, err)) /* the disk may have failed in between */
        return false;
    /* Every step that leaves it ON moved forward in the table or gave a patch up. */
    while (*next == MACHINE_ON)
        if (!step(machine, next, err))
            return false;
    return true;
}

/* --- after a start
 * -------------------------------------------------------------------------------- */

static bool fell_back(struct machine *machine, struct err *err)
{
    struct err why = {0};

    (void)err_refuse(&why, REFUSAL_BOOT_FALLBACK, "the boot loader gave slot %s up",
                     slot_name((enum slot)machine->record->target_slot));
    return machine_move(machine, UPDATE_EVENT_FELL_BACK, &why, err);
}

static bool boot_activating(struct machine *machine, const struct boot_status *status,
                            struct err *err)
{
    const struct record *record = machine->record;

    if (machine->running == record->target_slot)
        return machine_move(machine, UPDATE_EVENT_STARTED, NULL, err);
    if (status->slots[record->target_slot].state == BOOT_BAD)
        return fell_back(machine, err);
    return true; /* the loader was not told, or has tries left: machine_run() tells it again */
}

/* A slot on trial runs, but no update waits for it: whatever the reason, it is not wanted. */
static bool refuse_trial(struct machine *machine, enum machine_next *next, struct err *err)
{
    *next = MACHINE_REBOOT;
    return machine->ops->boot_give_up(machine->arg, machine->running, err);
}

bool machine_boot(struct machine *machine, enum machine_next *next, struct err *err)
{
    struct record *record = machine->record;
    struct boot_status status = {0};

    *next = MACHINE_REST;
    if (!machine->ops->boot_read(machine->arg, &status, err))
        return false;
    if (record->running != machine->running) {
        record->running = machine->running;
        if (!machine->ops->save(machine->arg, record, err))
            return false;
    }
    if (!ensure_reported(machine, err))
        return false;
    if (record->state == UPDATE_ACTIVATING)
        return boot_activating(machine, &status, err);
    if (record->state == UPDATE_VERIFYING)
        return machine->running == record->target_slot || fell_back(machine, err);
    if (status.slots[machine->running].state == BOOT_TRY && status.active != machine->running &&
        record->state != UPDATE_ROLLED_BACK)
        return refuse_trial(machine, next, err);
    return true;
}
