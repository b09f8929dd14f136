/* What the server says: an offer, the same again, another one, or none. An update past the switch
 * ends first; the next poll asks again. */
#include <string.h>

#include "device-client/supervisor/machine.h"
#include "device-client/supervisor/machine_move.h"
#include "lib/base/text.h"

static bool can_be_cancelled(enum update_state state)
{
    return update_move_find(state, UPDATE_EVENT_CANCELLED) != NULL;
}

/* The end of the update before the switch, because the server took it back. */
static bool cancel(struct machine *machine, struct err *err)
{
    struct err why = {0};

    (void)err_refuse(&why, REFUSAL_CANCELLED, "the server took the offer back");
    return machine_move(machine, UPDATE_EVENT_CANCELLED, &why, err) &&
           machine_move(machine, UPDATE_EVENT_CLOSED, NULL, err);
}

static bool is_same_update(const struct record *record, const struct wire_poll_answer *answer)
{
    return text_equal(record->deployment, answer->deployment) &&
           text_equal(record->offered.path, answer->targets[0].path) &&
           crypto_equal(record->offered.sha256, answer->targets[0].sha256, HASH_BYTES);
}

/* The director's patch stays what the director said when it was asked. */
static void take_offer(struct record *record, const struct wire_poll_answer *answer, bool is_same)
{
    record->assignment = answer->assignment;
    record->offered = answer->targets[0];
    record->window = answer->conditions.window;
    memcpy(record->deployment, answer->deployment, sizeof(record->deployment));
    if (is_same && record->directed)
        return;
    record->directed = false;
    memcpy(record->deltas, answer->deltas, sizeof(record->deltas));
    record->delta_count = answer->delta_count;
}

static bool start_update(struct machine *machine, int64_t now_ms, struct err *err)
{
    machine->record->offered_ms = now_ms;
    machine->record->image.known = false;
    machine->record->bytes = 0;
    return machine_move(machine, UPDATE_EVENT_OFFERED, NULL, err);
}

bool machine_answer(struct machine *machine, const struct wire_poll_answer *answer, int64_t now_ms,
                    struct err *err)
{
    struct record *record = machine->record;
    bool granted = answer->deployment[0] != '\0';
    struct record before;

    if (answer->assignment == record->assignment)
        return true;
    if (record->state != UPDATE_IDLE && !can_be_cancelled(record->state))
        return true; /* past the switch: this update ends first, the next poll asks again */
    if (granted && record->state != UPDATE_IDLE && is_same_update(record, answer)) {
        take_offer(record, answer, true);
        return machine->ops->save(machine->arg, record, err);
    }
    if (record->state != UPDATE_IDLE && !cancel(machine, err))
        return false;
    before = *record;
    record->assignment = answer->assignment;
    if (granted)
        take_offer(record, answer, false);
    if (granted ? start_update(machine, now_ms, err)
                : machine->ops->save(machine->arg, record, err))
        return true;
    *record = before;
    return false;
}

bool machine_install(struct machine *machine, const struct wire_target *target, int64_t now_ms,
                     struct err *err)
{
    struct record *record = machine->record;

    if (record->state != UPDATE_IDLE)
        return err_set(err, ERR_CONFLICT, "an update is %s", update_state_name(record->state));
    record->offered = *target;
    record->delta_count = 0;
    record->directed = false;
    record->window.set = false;
    record->deployment[0] = '\0';
    return start_update(machine, now_ms, err);
}
