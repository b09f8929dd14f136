/*
 * The daemon's rhythm. One cycle: claim if need be, walk the metadata if it is stale, poll, do
 * what the update needs, send the reports. A cycle that fails is logged once and followed by a
 * back-off; the update's own state is durable, so the next cycle simply goes on.
 */
#include "device-client/fetch/fetch.h"
#include "device-client/limits.h"
#include "device-client/report/send.h"
#include "device-client/supervisor/events.h"
#include "device-client/supervisor/parts.h"
#include "device-client/transport/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"

#include <string.h>
#include <sys/utsname.h>

static uint32_t random_number(void)
{
    uint32_t number;

    crypto_random(&number, sizeof(number));
    return number;
}

/* --- talking to the server
 * ------------------------------------------------------------------------ */

static bool ensure_claimed(struct agent *agent, struct err *err)
{
    if (agent->claimed)
        return true;
    if (!transport_claim(agent->transport, agent->config.claim, agent->config.hwid, &agent->claim,
                         err) ||
        !claim_save(agent->state_dir, &agent->claim, err))
        return false;
    agent->claimed = true;
    LOG_INFO("agent.claimed", "product=%s group=%s", agent->claim.product, agent->claim.group);
    return true;
}

static void attribute(struct wire_attributes *attributes, const char *key, const char *value)
{
    struct wire_attribute *pair = &attributes->pairs[attributes->count++];

    (void)text_copy(pair->key, sizeof(pair->key), key);
    wire_value_copy(pair->value, value);
}

static void describe(const struct agent *agent, struct wire_attributes *out)
{
    const struct image *runs = &agent->record.slots[agent->machine.running];
    struct utsname name = {0};

    memset(out, 0, sizeof(*out));
    (void)uname(&name); /* without it the texts are empty */
    attribute(out, "agent.protocol", "1");
    attribute(out, "arch", name.machine);
    attribute(out, "hwid", agent->config.hwid);
    attribute(out, "kernel", name.release);
    attribute(out, "os.version", runs->known ? runs->version : "");
    if (agent->config.timezone[0])
        attribute(out, "timezone", agent->config.timezone);
    wire_attributes_sort(out);
}

static bool send_attributes(struct agent *agent, struct err *err)
{
    struct wire_attributes attributes;
    AUTO_BUF message;
    AUTO_BUF answer;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    describe(agent, &attributes);
    wire_attributes_format(&attributes, &message);
    return transport_send(agent->transport, "PUT", "/device/v1/attributes", &message, &answer, err);
}

static void fill_poll(const struct agent *agent, struct wire_poll *out)
{
    const struct image *runs = &agent->record.slots[agent->machine.running];
    struct wire_attributes attributes;

    *out = (struct wire_poll){.assignment = agent->record.assignment,
                              .attributes_hash.set = true,
                              .timestamp_expires_ms = agent->record.timestamp_expires_ms};
    if (runs->known)
        memcpy(out->installed[out->installed_count++], runs->sha256, HASH_BYTES);
    describe(agent, &attributes);
    wire_attributes_hash(&attributes, out->attributes_hash.bytes);
}

static bool poll_server(struct agent *agent, struct wire_poll_answer *out, struct err *err)
{
    struct wire_poll request;
    AUTO_BUF message;
    AUTO_BUF answer;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    fill_poll(agent, &request);
    wire_poll_format(&request, &message);
    return transport_send(agent->transport, "POST", "/device/v1/poll", &message, &answer, err) &&
           wire_poll_answer_parse(answer.data, answer.len, out, err);
}

/* --- one cycle
 * ---------------------------------------------------------------------------------------- */

static bool is_stale(const struct agent *agent)
{
    const struct record *record = &agent->record;

    return !record->slots[agent->machine.running].known ||
           trust_is_stale(record->walked_ms, record->timestamp_expires_ms, agent_now(agent));
}

/* Without fresh metadata the poll still goes out: the server shall hear of the refusal. */
static void walk_if_stale(struct agent *agent)
{
    struct err err = {0};

    if (is_stale(agent) && !agent_walk(agent, &err) && err.code != ERR_UNTRUSTED)
        LOG_INFO("agent.no_metadata", "because='%s'", err.text);
}

/* An offer is only taken with metadata walked after it was made; the server repeats it until its
 * assignment comes back. Refused metadata is no reason to poll less often. */
static bool take_answer(struct agent *agent, const struct wire_poll_answer *answer, struct err *err)
{
    bool is_new = answer->assignment != agent->record.assignment;

    if (is_new && answer->deployment[0]) {
        agent->offer = answer->assignment;
        if (!agent_walk(agent, err))
            return err->code == ERR_UNTRUSTED;
    }
    return machine_answer(&agent->machine, answer, agent_now(agent), err);
}

static void clean_downloads(const struct agent *agent)
{
    struct err err = {0};

    if (agent->record.state == UPDATE_IDLE && !fetch_clean(agent->download_dir, NULL, 0, &err))
        LOG_WARNING("agent.not_cleaned", "because='%s'", err.text);
}

static bool converse(struct agent *agent, enum machine_next *next, struct err *err)
{
    struct wire_poll_answer answer = {0};

    if (!ensure_claimed(agent, err))
        return false;
    walk_if_stale(agent);
    if (!poll_server(agent, &answer, err))
        return false;
    agent->machine.reached = true;
    agent->next_poll_s = answer.next_poll_s;
    agent->report_s = answer.report_s.set ? answer.report_s.value : 0;
    if (answer.attributes && !send_attributes(agent, err))
        return false;
    return take_answer(agent, &answer, err) && machine_run(&agent->machine, next, err);
}

/* A slot that was confirmed by hand does not wait for the server. */
static bool work(struct agent *agent, enum machine_next *next, struct err *err)
{
    if (agent->record.state == UPDATE_VERIFYING && !machine_run(&agent->machine, next, err))
        return false;
    return *next == MACHINE_REBOOT || converse(agent, next, err);
}

/* The device is not known any more: the claim is made again. */
static void forget_claim(struct agent *agent)
{
    struct err err = {0};

    LOG_ERROR("agent.unknown", "the server does not know this device; claiming again");
    agent->claimed = false;
    if (!claim_forget(agent->state_dir, &err))
        LOG_ERROR("agent.claim_kept", "because='%s'", err.text);
}

static bool cycle(struct agent *agent, enum machine_next *next, struct err *err)
{
    struct err send_err = {0};
    bool ok;

    agent->refused = false;
    agent->offer = 0;
    *next = MACHINE_REST;
    ok = work(agent, next, err);
    if (!ok && err->refusal == REFUSAL_PIN_MISMATCH) {
        agent_note_refusal(agent, err); /* for the owner; the server cannot be told */
        agent_renew_anchors(agent);
    }
    if (agent->claimed && transport_is_unknown(agent->transport))
        forget_claim(agent);
    if (ok)
        events_collect(agent);
    if (agent->claimed && *next != MACHINE_REBOOT &&
        !report_send_all(agent->queue, agent->transport, &send_err) && ok) {
        *err = send_err;
        ok = false;
    }
    if (!agent->refused && ok)
        agent->told = REFUSAL_NONE;
    clean_downloads(agent);
    return ok && *next != MACHINE_RETRY;
}

bool agent_check(struct agent *agent, enum machine_next *next, struct err *err)
{
    if (!machine_boot(&agent->machine, next, err))
        return false;
    return *next == MACHINE_REBOOT || cycle(agent, next, err);
}

/* --- the daemon
 * ------------------------------------------------------------------------------------------ */

/* Until the next cycle. */
static int64_t pause_ms(struct agent *agent, bool ok)
{
    int64_t until_activate = agent->activate_mono_ms - clock_mono_ms();
    int64_t until_switch = agent->switch_ms - agent_now(agent);
    int64_t wait;

    if (!ok)
        return backoff_ms(++agent->failures, transport_retry_after_s(agent->transport),
                          random_number());
    agent->failures = 0;
    wait = backoff_poll_ms(agent->next_poll_s, agent->options.poll_floor_ms, random_number());
    if (agent->record.state == UPDATE_STAGED && until_activate > 0 && until_activate < wait)
        wait = until_activate;
    if (agent->record.state == UPDATE_STAGED && until_switch > 0 && until_switch < wait)
        wait = until_switch;
    return wait;
}

/* A new system that cannot reach its server is not better than the old one. */
bool agent_took_too_long(const struct agent *agent)
{
    return agent->record.state == UPDATE_VERIFYING &&
           clock_mono_ms() - agent->started_mono_ms > VERIFY_MS_MAX;
}

static enum agent_end run_cycles(struct agent *agent)
{
    for (;;) {
        enum machine_next next = MACHINE_REST;
        struct err err = {0};
        bool ok;

        agent->wake.check = false;
        ok = cycle(agent, &next, &err);
        if (next == MACHINE_REBOOT || agent->wake.reboot)
            return AGENT_REBOOT;
        if (agent->wake.stop)
            return AGENT_STOPPED;
        if (!ok)
            LOG_WARNING("agent.check_failed", "because='%s'", err.text);
        if (agent_took_too_long(agent)) {
            LOG_ERROR("agent.not_verified", "the server was not reached in time");
            return AGENT_REBOOT;
        }
        wake_wait(&agent->wake, pause_ms(agent, ok));
        if (agent->wake.stop)
            return AGENT_STOPPED;
        if (agent->wake.reboot)
            return AGENT_REBOOT;
    }
}

/* What needs no server is done before it is asked: health checks, giving a bad slot up. */
static bool start(struct agent *agent, enum machine_next *next, struct err *err)
{
    if (!machine_boot(&agent->machine, next, err))
        return false;
    clean_downloads(agent);
    if (*next == MACHINE_REBOOT ||
        update_state_rank(agent->record.state) < update_state_rank(UPDATE_ACTIVATING))
        return true;
    return machine_run(&agent->machine, next, err);
}

static enum agent_end run_all(struct agent *agent)
{
    enum machine_next next = MACHINE_REST;
    struct err err = {0};

    LOG_INFO("agent.started", "slot=%s state=%s", slot_name(agent->machine.running),
             update_state_name(agent->record.state));
    if (!start(agent, &next, &err)) {
        LOG_ERROR("agent.cannot_start", "because='%s'", err.text);
        return AGENT_FAILED;
    }
    if (next == MACHINE_REBOOT)
        return AGENT_REBOOT;
    if (agent->options.first_poll_ms > 0)
        wake_wait(&agent->wake,
                  (int64_t)crypto_random_below((uint32_t)agent->options.first_poll_ms));
    if (agent->wake.stop)
        return AGENT_STOPPED;
    return agent->wake.reboot ? AGENT_REBOOT : run_cycles(agent);
}

enum agent_end agent_run(struct agent *agent)
{
    enum agent_end end;

    events_start(agent);
    end = run_all(agent);
    if (end != AGENT_FAILED)
        events_stop(agent);
    return end;
}
