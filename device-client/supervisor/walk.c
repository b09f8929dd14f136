/*
 * One walk: now is fixed once; the director's documents, if there is a director; the image
 * repository; then what both teach: the director's first root, the anchors. Nothing of it is used
 * before all of it was verified.
 */
#include <string.h>

#include "device-client/limits.h"
#include "device-client/supervisor/parts.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "lib/os/file.h"

enum { CLOCK_BEHIND_MS_MAX = 60 * 1000 };

/* --- time --------------------------------------------------------------------------------------
 */

static int64_t lower_bound(const struct agent *agent)
{
    int64_t built_ms = time_built_ms();

    return agent->record.trusted_ms > built_ms ? agent->record.trusted_ms : built_ms;
}

static int64_t read_clock(const struct agent *agent)
{
    if (!agent->attested_ms)
        return clock_now_ms();
    return agent->attested_ms + (clock_mono_ms() - agent->attested_mono_ms);
}

int64_t agent_now(const struct agent *agent)
{
    int64_t lower_ms = lower_bound(agent);
    int64_t clock_ms = read_clock(agent);

    return clock_ms > lower_ms ? clock_ms : lower_ms;
}

bool agent_knows_time(const struct agent *agent)
{
    if (agent->attested_ms)
        return true;
    return !agent->config.no_clock && clock_now_ms() >= lower_bound(agent) - CLOCK_BEHIND_MS_MAX;
}

static bool attest(struct agent *agent, struct err *err)
{
    uint8_t nonce[TIME_NONCE_BYTES];
    int64_t asked_mono_ms = clock_mono_ms();
    int64_t time_ms = 0;
    AUTO_BUF ask;
    AUTO_BUF answer;

    buf_init(&ask, WIRE_REQUEST_BYTES_MAX);
    buf_init(&answer, TIME_ANSWER_BYTES_MAX);
    crypto_random(nonce, sizeof(nonce));
    time_ask_format(nonce, agent->claim.tenant, &ask);
    if (!transport_post_open(agent->transport, "/device/v1/time", &ask, &answer, err) ||
        !time_answer_check(&agent->anchors, &answer, nonce, clock_mono_ms() - asked_mono_ms,
                           &time_ms, err))
        return false;
    agent->attested_ms = time_ms;
    agent->attested_mono_ms = clock_mono_ms();
    LOG_INFO("agent.time_attested", "seconds=%lld", (long long)(time_ms / 1000));
    return true;
}

/* A device that has no clock asks once after each start; another one when its clock is behind what
 * it trusted, or far ahead. */
static bool wants_time(const struct agent *agent)
{
    int64_t ahead_ms = clock_now_ms() - lower_bound(agent);

    if (agent->attested_ms || !agent->claimed || !anchors_has_time(&agent->anchors))
        return false;
    return agent->config.no_clock || ahead_ms < -CLOCK_BEHIND_MS_MAX || ahead_ms > TIME_JUMP_MS_MAX;
}

/* A clock that jumped and that nobody attests is believed when all metadata, above all what was
 * signed offline, is valid by it: so a device that slept for years, or once walked before its clock
 * was set, goes on, and nobody makes everything expire by a clock alone. `*jump` says so then. */
static int64_t fix_now(struct agent *agent, struct err *jump)
{
    int64_t now_ms = 0;
    struct err err = {0};

    if (wants_time(agent) && !attest(agent, &err)) {
        if (err.code == ERR_UNTRUSTED)
            agent_note_refusal(agent, &err);
        else
            LOG_INFO("agent.no_time", "because='%s'", err.text);
    }
    if (agent->attested_ms || trust_time(lower_bound(agent), read_clock(agent), &now_ms, jump))
        return agent_now(agent);
    return read_clock(agent);
}

/* --- the director ------------------------------------------------------------------------------
 */

static const char director_root[] = "trust/director-root.json";
static const char anchors_name[] = "trust/anchors.json";

struct walked {
    struct tuf_set *set; /* of the image repository */
    bool is_directed;
    struct tuf_director directed;
    int64_t expires_ms; /* of the director's timestamp */
};

static void walked_done(struct walked *walked)
{
    tuf_set_free(walked->set);
    tuf_director_done(&walked->directed);
}

static void device_hex(const struct agent *agent, char out[HASH_HEX_ROOM])
{
    uint8_t id[HASH_BYTES];

    transport_device_id(agent->key, id);
    text_from_hex_bytes(id, sizeof(id), out);
}

/* A path at our own server: the session's token never goes anywhere else, whatever is claimed. */
static void set_director_base(struct agent *agent)
{
    char device[HASH_HEX_ROOM];

    device_hex(agent, device);
    mem_free(agent->director_base);
    agent->director_base = mem_printf("/t/%s/director/%s", agent->claim.tenant, device);
    agent->director.base = agent->director_base;
}

static uint64_t last_director_version(const struct agent *agent)
{
    uint64_t recorded = agent->record.director_version;

    return recorded > agent->counters.director_version ? recorded
                                                       : agent->counters.director_version;
}

/* The newest time the director vouches for. A clock needs no help; a device without one takes it
 * as long as it is no jump. */
static bool check_issued(const struct agent *agent, const struct tuf_director *directed,
                         struct err *err)
{
    int64_t ignored;

    return !agent->config.no_clock ||
           trust_time(lower_bound(agent), directed->issued_ms, &ignored, err);
}

static bool read_director(struct agent *agent, int64_t now_ms, struct walked *out, struct err *err)
{
    char device[HASH_HEX_ROOM];
    struct tuf_set *set = NULL;
    bool ok;

    device_hex(agent, device);
    if (!trust_refresh(&agent->director, now_ms, &set, err))
        return err->code == ERR_NOT_FOUND
                   ? err_refuse(err, REFUSAL_DIRECTOR_MISSING, "the director has nothing to say")
                   : err_wrap(err, "director");
    ok = tuf_director_read(set, device, last_director_version(agent), &out->directed, err) &&
         check_issued(agent, &out->directed, err) && trust_stage_keep(&agent->director, err);
    out->is_directed = ok;
    out->expires_ms = tuf_set_expires_ms(set, TUF_TIMESTAMP);
    tuf_set_free(set);
    return ok;
}

static bool walk_director(struct agent *agent, int64_t now_ms, struct walked *out, struct err *err)
{
    struct trust_stage stage = {0};
    bool ok;

    set_director_base(agent);
    agent->director.stage = &stage;
    ok = read_director(agent, now_ms, out, err);
    agent->director.stage = NULL;
    trust_stage_done(&stage);
    return ok;
}

/* The director's first root is a target that is signed offline. A tenant without one has no
 * director; who once had one never is without again. */
static bool learn_director(struct agent *agent, struct walked *walked, struct err *err)
{
    AUTO_BUF root;

    buf_init(&root, TUF_ROOT_BYTES_MAX + 1);
    if (!trust_file(&agent->trust, walked->set, director_root, NULL, &root, err)) {
        if (err->refusal != REFUSAL_TARGET_NOT_IN_IMAGE_REPO)
            return false;
        if (last_director_version(agent) > 0)
            return err_refuse(err, REFUSAL_DIRECTOR_MISSING, "nobody signs '%s' any more",
                              director_root);
        *err = (struct err){0};
        return true;
    }
    if (!trust_install_root(&agent->director, root.data, root.len, err))
        return err_wrap(err, "'%s'", director_root);
    LOG_INFO("agent.director_known", "bytes=%zu", root.len);
    return true;
}

/* --- anchors -----------------------------------------------------------------------------------
 */

static void use_pins(struct agent *agent)
{
    uint8_t pins[ANCHORS_PINS_ALL_MAX][HASH_BYTES];
    size_t count = anchors_pins(&agent->anchors, agent_now(agent), pins);

    transport_set_pins(agent->transport, (const uint8_t(*)[HASH_BYTES])pins, count);
}

bool agent_load_anchors(struct agent *agent, struct err *err)
{
    AUTO_BUF text;
    struct err why = {0};

    buf_init(&text, ANCHORS_BYTES_MAX + 1);
    if (!file_read(agent->anchors_path, &text, &why))
        return why.code == ERR_NOT_FOUND || err_wrap(memcpy(err, &why, sizeof(why)), "anchors");
    if (!anchors_parse(text.data, text.len, &agent->anchors, &why)) {
        LOG_ERROR("agent.anchors_damaged", "because='%s'", why.text); /* the next walk gets them */
        return true;
    }
    hash_sha256(text.data, text.len, agent->anchors_sha256);
    use_pins(agent);
    return true;
}

static bool take_anchors(struct agent *agent, const struct buf *text, struct err *err)
{
    AUTO_FREE struct anchors *fresh = mem_alloc(sizeof(*fresh));

    if (!anchors_parse(text->data, text->len, fresh, err))
        return false;
    if (fresh->version < agent->record.anchors_version)
        return err_refuse(err, REFUSAL_ANCHORS_FORMAT, "version %llu of the anchors is below %llu",
                          (unsigned long long)fresh->version,
                          (unsigned long long)agent->record.anchors_version);
    if (!file_write(agent->anchors_path, 0600, text->data, text->len, err))
        return false;
    agent->anchors = *fresh;
    agent->record.anchors_version = fresh->version;
    hash_sha256(text->data, text->len, agent->anchors_sha256);
    LOG_INFO("agent.anchors", "version=%llu", (unsigned long long)fresh->version);
    return true;
}

/* Anchors that cannot be had are told, and no reason to go without updates: those we have stay. */
static void learn_anchors(struct agent *agent, struct tuf_set *set)
{
    struct err err = {0};
    AUTO_BUF text;
    bool ok;

    buf_init(&text, ANCHORS_BYTES_MAX + 1);
    ok = trust_file(&agent->trust, set, anchors_name,
                    agent->anchors.set_count ? agent->anchors_sha256 : NULL, &text, &err);
    if (ok && text.len > 0)
        ok = take_anchors(agent, &text, &err);
    if (!ok && err.code == ERR_UNTRUSTED && err.refusal != REFUSAL_TARGET_NOT_IN_IMAGE_REPO)
        agent_note_refusal(agent, &err);
    use_pins(agent);
}

/* --- the walk ----------------------------------------------------------------------------------
 */

static bool walk_all(struct agent *agent, int64_t now_ms, struct walked *out, struct err *err)
{
    bool had_director = trust_has_root(&agent->director);

    if (had_director && !walk_director(agent, now_ms, out, err))
        return false;
    if (!trust_refresh(&agent->trust, now_ms, &out->set, err))
        return false;
    if (had_director)
        return true;
    return learn_director(agent, out, err) &&
           (!trust_has_root(&agent->director) || walk_director(agent, now_ms, out, err));
}

static bool note_director(struct agent *agent, const struct tuf_director *directed, struct err *err)
{
    struct counters next = agent->counters;

    agent->record.director_version = directed->version;
    (void)text_copy(agent->record.director_bundle, sizeof(agent->record.director_bundle),
                    directed->bundle); /* for people; may be cut */
    if (next.director_version >= directed->version)
        return true;
    next.director_version = directed->version;
    if (!agent->counters_backend->save(agent->counters_path, &next, err))
        return false;
    agent->counters = next;
    return true;
}

/* What was walked becomes what the agent goes by. */
static bool take_walk(struct agent *agent, struct walked *walked, int64_t now_ms, struct err *err)
{
    struct record *record = &agent->record;

    tuf_set_free(agent->set);
    agent->set = TAKE(walked->set);
    tuf_director_done(&agent->directed);
    agent->directed = walked->directed;
    walked->directed = (struct tuf_director){0};
    agent->is_directed = walked->is_directed;
    record->trusted_ms = now_ms;
    if (agent->config.no_clock && agent->directed.issued_ms > now_ms)
        record->trusted_ms = agent->directed.issued_ms;
    record->walked_ms = now_ms;
    record->timestamp_expires_ms =
        walked->is_directed ? walked->expires_ms : tuf_set_expires_ms(agent->set, TUF_TIMESTAMP);
    if (agent->trust.offline_changed || record->offline_ms == 0)
        record->offline_ms = now_ms;
    agent->trust.offline_changed = false;
    return !walked->is_directed || note_director(agent, &agent->directed, err);
}

/* Nobody could be asked for days: the owner shall see it, and the server when it comes back. */
static void note_silence(struct agent *agent, int64_t now_ms)
{
    struct err why = {0};

    if (agent->record.walked_ms == 0 || now_ms - agent->record.walked_ms <= FRESH_MS_MAX)
        return;
    (void)err_refuse(&why, REFUSAL_NO_FRESH_METADATA, "no fresh timestamp for %lld hours",
                     (long long)((now_ms - agent->record.walked_ms) / 3600000));
    agent_note_refusal(agent, &why);
}

/* To know what runs, roles are looked into that an offer may not need: a bad one is told, and no
 * reason to go without updates. */
static bool identify(struct agent *agent, struct err *err)
{
    if (agent_identify(agent, err))
        return true;
    if (err->code != ERR_UNTRUSTED)
        return false;
    agent_note_refusal(agent, err);
    *err = (struct err){0};
    return true;
}

void agent_renew_anchors(struct agent *agent)
{
    struct err jump = {0};
    struct err err = {0};
    struct tuf_set *set = NULL;
    int64_t now_ms = fix_now(agent, &jump);

    if (trust_refresh(&agent->trust, now_ms, &set, &err)) {
        learn_anchors(agent, set);
        if (!agent_save(agent, &err))
            LOG_ERROR("agent.not_noted", "because='%s'", err.text);
    } else {
        LOG_INFO("agent.no_anchors", "because='%s'", err.text);
    }
    tuf_set_free(set);
}

bool agent_walk(struct agent *agent, struct err *err)
{
    struct walked walked = {0};
    struct err jump = {0};
    int64_t now_ms = fix_now(agent, &jump);
    bool ok = walk_all(agent, now_ms, &walked, err);

    if (ok) {
        learn_anchors(agent, walked.set);
        ok = take_walk(agent, &walked, now_ms, err) && agent_save(agent, err) &&
             identify(agent, err);
    } else if (err->code == ERR_UNTRUSTED) {
        if (jump.code != ERR_NONE)
            *err = jump;
        agent_note_refusal(agent, err);
    } else {
        note_silence(agent, now_ms);
    }
    walked_done(&walked);
    return ok;
}
