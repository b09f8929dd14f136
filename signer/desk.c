/*
 * Tenants are loaded when they are asked about and stay. A state that could not be written stays
 * ahead of its file in memory, so nothing is signed twice; the answers of that batch are not sent.
 */
#include "signer/desk.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/os/file.h"
#include "signer/policy.h"
#include "signer/recent.h"
#include "signer/state.h"

enum { TENANTS_MAX = 10000 };

struct tenant {
    char name[SIGNER_TENANT_MAX + 1];
    struct online_key keys[SIGNER_LABEL_COUNT]; /* those that were needed */
    struct online_key next[SIGNER_LABEL_COUNT]; /* that shall take their place, */
    struct online_key last[SIGNER_LABEL_COUNT]; /* and whose place they took */
    struct policy_before state;
    bool changed; /* ahead of the file */
};

struct desk {
    char *dir;
    struct key_shelf keys;
    int64_t not_before_ms;
    struct recent *recent;
    struct tenant **tenants; /* by name */
    size_t tenant_count;
    size_t changed_count;
};

/* A request on its way. */
struct turn {
    struct desk *desk;
    const struct signer_ask *ask;
    struct tenant *tenant;
    int64_t now_ms;
};

bool desk_open(const struct desk_options *options, struct desk **out, struct err *err)
{
    struct desk *desk;

    if (!file_make_dirs(options->dir, 0700, err))
        return false;
    desk = mem_alloc(sizeof(*desk));
    desk->dir = mem_strdup(options->dir);
    desk->keys = options->keys;
    desk->not_before_ms = options->not_before_ms;
    desk->recent = recent_new();
    *out = desk;
    return true;
}

static void tenant_free(struct tenant *tenant)
{
    for (size_t i = 0; i < SIGNER_LABEL_COUNT; i++) {
        online_key_close(&tenant->keys[i]);
        online_key_close(&tenant->next[i]);
        online_key_close(&tenant->last[i]);
    }
    state_done(&tenant->state);
    mem_free(tenant);
}

void desk_close(struct desk *desk)
{
    if (!desk)
        return;
    for (size_t i = 0; i < desk->tenant_count; i++)
        tenant_free(desk->tenants[i]);
    mem_free(desk->tenants);
    recent_free(desk->recent);
    mem_free(desk->dir);
    mem_free(desk);
}

/* --- tenants -----------------------------------------------------------------------------------
 */

static char *state_path(const struct desk *desk, const char *tenant)
{
    return mem_printf("%s/%s.json", desk->dir, tenant);
}

static size_t place_of(const struct desk *desk, const char *name)
{
    size_t low = 0;
    size_t high = desk->tenant_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(desk->tenants[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool find_tenant(struct desk *desk, const char *name, struct tenant **out, struct err *err)
{
    size_t at = place_of(desk, name);
    AUTO_FREE char *path = NULL;
    struct policy_before state;

    if (at < desk->tenant_count && strcmp(desk->tenants[at]->name, name) == 0) {
        *out = desk->tenants[at];
        return true;
    }
    if (desk->tenant_count == TENANTS_MAX)
        return err_set(err, ERR_LIMIT, "there are %d tenants already", TENANTS_MAX);
    path = state_path(desk, name);
    if (!state_load(path, &state, err))
        return false;
    desk->tenants = mem_resize(desk->tenants, desk->tenant_count + 1, sizeof(struct tenant *));
    memmove(desk->tenants + at + 1, desk->tenants + at,
            (desk->tenant_count - at) * sizeof(struct tenant *));
    desk->tenants[at] = *out = mem_alloc(sizeof(struct tenant));
    desk->tenant_count++;
    memcpy((*out)->name, name, strlen(name) + 1);
    (*out)->state = state;
    return true;
}

static bool open_key(struct turn *turn, enum signer_label label, uint64_t generation,
                     enum key_wish wish, struct online_key *key, struct err *err)
{
    const struct key_name name = {turn->tenant->name, label, generation};

    return key->backend || online_key_open(&turn->desk->keys, &name, wish, key, err);
}

static bool need_key(struct turn *turn, enum signer_label label, enum key_wish wish,
                     struct err *err)
{
    return open_key(turn, label, turn->tenant->state.generations[label], wish,
                    &turn->tenant->keys[label], err);
}

static void state_changed(struct turn *turn)
{
    turn->desk->changed_count += !turn->tenant->changed;
    turn->tenant->changed = true;
}

/* --- exchanging keys ---------------------------------------------------------------------------
 *
 * A next key is made when it is asked for, and takes its place when a document is to be signed by
 * it: then a root names it. The one before stays usable, in case that root was not published.
 */

static bool need_next(struct turn *turn, enum signer_label label, enum key_wish wish,
                      struct err *err)
{
    return open_key(turn, label, turn->tenant->state.generations[label] + 1, wish,
                    &turn->tenant->next[label], err);
}

static void adopt_next(struct turn *turn, enum signer_label label)
{
    struct tenant *tenant = turn->tenant;

    online_key_close(&tenant->last[label]);
    tenant->last[label] = tenant->keys[label];
    tenant->keys[label] = tenant->next[label];
    tenant->next[label] = (struct online_key){0};
    tenant->state.generations[label]++;
    state_changed(turn);
    LOG_INFO("signer.key_exchanged", "tenant=%s label=%s keyid=%s", tenant->name,
             signer_label_name(label), tenant->keys[label].keyid);
}

static bool is_key(const struct online_key *key, const char *keyid)
{
    return key->backend && strcmp(key->keyid, keyid) == 0;
}

/* The key of this id; "": the present one. */
static bool choose_key(struct turn *turn, enum signer_label label, const char *keyid,
                       const struct online_key **out, struct err *err)
{
    struct tenant *tenant = turn->tenant;
    uint64_t generation = tenant->state.generations[label];
    struct err ignored = {0};

    *out = &tenant->keys[label];
    if (!need_key(turn, label, KEY_EXISTING, err))
        return false;
    if (keyid[0] == '\0' || is_key(*out, keyid))
        return true;
    if (need_next(turn, label, KEY_EXISTING, &ignored) && is_key(&tenant->next[label], keyid)) {
        adopt_next(turn, label);
        return true;
    }
    *out = &tenant->last[label];
    if (generation > 0 &&
        open_key(turn, label, generation - 1, KEY_EXISTING, &tenant->last[label], &ignored) &&
        is_key(*out, keyid))
        return true;
    return err_set(err, ERR_DENIED, "there is no %s key %.16s here", signer_label_name(label),
                   keyid);
}

bool desk_settle(struct desk *desk, struct err *err)
{
    for (size_t i = 0; i < desk->tenant_count && desk->changed_count > 0; i++) {
        struct tenant *tenant = desk->tenants[i];
        AUTO_FREE char *path = NULL;

        if (!tenant->changed)
            continue;
        path = state_path(desk, tenant->name);
        if (!state_save(path, &tenant->state, err))
            return false;
        tenant->changed = false;
        desk->changed_count--;
    }
    return true;
}

/* --- requests ----------------------------------------------------------------------------------
 */

typedef bool answer_fn(struct turn *turn, struct signer_answer *out, struct err *err);

static bool answer_ping(struct turn *turn, struct signer_answer *out, struct err *err)
{
    (void)turn;
    (void)out;
    (void)err;
    return true;
}

static bool answer_keys(struct turn *turn, struct signer_answer *out, struct err *err)
{
    const struct policy_before *state = &turn->tenant->state;
    struct err ignored = {0};

    out->keys.signed_max = state->snapshot > state->timestamp ? state->snapshot : state->timestamp;
    for (unsigned i = 0; i < SIGNER_LABEL_COUNT; i++) {
        if (!need_key(turn, (enum signer_label)i, KEY_MADE, err))
            return false;
        memcpy(out->keys.public_key[i], online_key_public(&turn->tenant->keys[i]),
               SIGN_PUBLIC_BYTES);
        if (need_next(turn, (enum signer_label)i, KEY_EXISTING, &ignored))
            memcpy(out->keys.next[i], online_key_public(&turn->tenant->next[i]), SIGN_PUBLIC_BYTES);
    }
    return true;
}

/* The time has no root that names its key, so nothing tells when: its next key serves at once. */
static bool answer_next(struct turn *turn, struct signer_answer *out, struct err *err)
{
    enum signer_label label = turn->ask->label;

    if (!need_key(turn, label, KEY_MADE, err) || !need_next(turn, label, KEY_MADE, err))
        return false;
    if (label == SIGNER_TIME)
        adopt_next(turn, label);
    return answer_keys(turn, out, err);
}

/* Is it allowed, and remembered? The state moves before the signature is made. */
static bool admit_image(struct turn *turn, const struct policy_facts *facts, struct err *err)
{
    struct policy_before *state = &turn->tenant->state;

    if (!policy_follows(facts, state, err))
        return false;
    if (facts->kind == POLICY_SNAPSHOT)
        state->snapshot = facts->version;
    else
        state->timestamp = facts->version;
    state_changed(turn);
    return true;
}

static bool admit_director(struct turn *turn, const struct policy_facts *facts, struct err *err)
{
    const char *tenant = turn->tenant->name;
    const char *device = turn->ask->device;
    uint64_t last = recent_find(turn->desk->recent, tenant, device, facts->kind);

    return policy_rises(facts, last, err) &&
           recent_set(turn->desk->recent, tenant, device, facts, turn->now_ms, err);
}

static bool admit(struct turn *turn, const struct policy_facts *facts, struct err *err)
{
    switch (facts->label) {
    case SIGNER_SNAPSHOT:
    case SIGNER_TIMESTAMP:
        return admit_image(turn, facts, err);
    case SIGNER_DIRECTOR:
        return admit_director(turn, facts, err);
    case SIGNER_TIME:
    case SIGNER_LABEL_COUNT:
        return true;
    }
    return false;
}

static bool answer_sign(struct turn *turn, struct signer_answer *out, struct err *err)
{
    const struct signer_ask *ask = turn->ask;
    const struct policy_clock clock = {.now_ms = turn->now_ms,
                                       .not_before_ms = turn->desk->not_before_ms};
    AUTO_POLICY_FACTS facts = {0};
    const struct online_key *key;

    return policy_read(ask, &clock, &facts, err) &&
           choose_key(turn, ask->label, ask->keyid, &key, err) && admit(turn, &facts, err) &&
           online_key_sign(key, ask->data, ask->len, &out->signature, err);
}

static bool answer_import(struct turn *turn, struct signer_answer *out, struct err *err)
{
    struct online_key *key = &turn->tenant->keys[turn->ask->label];
    struct online_key imported;

    (void)out;
    if (!online_key_import(&turn->desk->keys, turn->tenant->name, turn->ask->label, turn->ask->data,
                           &imported, err))
        return false;
    if (turn->tenant->state.generations[turn->ask->label] > 0) {
        online_key_close(&imported); /* it was exchanged since */
        return true;
    }
    online_key_close(key);
    *key = imported;
    LOG_INFO("signer.key_imported", "tenant=%s label=%s keyid=%s", turn->tenant->name,
             signer_label_name(turn->ask->label), key->keyid);
    return true;
}

static bool answer_published(struct turn *turn, struct signer_answer *out, struct err *err)
{
    struct policy_before *state = &turn->tenant->state;
    const struct online_key *key = &turn->tenant->keys[SIGNER_SNAPSHOT];
    AUTO_POLICY_FACTS facts = {0};
    uint8_t sig[SIGN_BYTES];
    AUTO_BUF canonical;

    (void)out;
    buf_init(&canonical, SIGNER_MESSAGE_BYTES_MAX);
    if (!need_key(turn, SIGNER_SNAPSHOT, KEY_EXISTING, err) ||
        !policy_read_published(turn->ask, key->keyid, &canonical, sig, &facts, err))
        return false;
    if (!sign_check(online_key_public(key), canonical.data, canonical.len, sig))
        return err_set(err, ERR_DENIED, "the snapshot's signature is wrong");
    if (facts.version <= state->published_snapshot)
        return true; /* told again */
    if (roles_find_loss(&state->published, &facts.roles))
        return err_set(err, ERR_DENIED, "a snapshot that lists more was published before");
    roles_done(&state->published);
    state->published = facts.roles;
    facts.roles = (struct roles){0};
    state->published_snapshot = facts.version;
    if (facts.version > state->snapshot)
        state->snapshot = facts.version; /* signed before it was this signer's key */
    state_changed(turn);
    return true;
}

static answer_fn *const answers[] = {
    [SIGNER_PING] = answer_ping,           [SIGNER_KEYS] = answer_keys,
    [SIGNER_SIGN] = answer_sign,           [SIGNER_IMPORT] = answer_import,
    [SIGNER_PUBLISHED] = answer_published, [SIGNER_NEXT] = answer_next,
};
_Static_assert(COUNT(answers) == SIGNER_OP_COUNT, "every request has an answer");

static bool answer(struct desk *desk, const struct signer_ask *ask, int64_t now_ms,
                   struct signer_answer *out, struct err *err)
{
    struct turn turn = {.desk = desk, .ask = ask, .now_ms = now_ms};

    if (ask->op != SIGNER_PING && !find_tenant(desk, ask->tenant, &turn.tenant, err))
        return false;
    return answers[ask->op](&turn, out, err);
}

static void log_refusal(const struct signer_ask *ask, const struct err *err)
{
    LOG_WARNING("signer.refused", "tenant=%s label=%s device=%.8s reason='%s'", ask->tenant,
                signer_label_name(ask->label), ask->device, err->text);
}

void desk_answer(struct desk *desk, const void *message, size_t len, int64_t now_ms,
                 struct signer_answer *out)
{
    struct signer_ask ask = {0};
    struct err err = {0};

    *out = (struct signer_answer){0};
    if (signer_ask_parse(message, len, &ask, &err)) {
        out->op = ask.op;
        if (answer(desk, &ask, now_ms, out, &err))
            return;
    }
    log_refusal(&ask, &err);
    *out = (struct signer_answer){.op = ask.op, .refused = true, .err = err};
}
