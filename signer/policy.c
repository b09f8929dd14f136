/*
 * One table says which document belongs to which label; each has a reader. Documents are compared
 * with their own canonical form, so that there is one way to write what was checked and nothing
 * hides in spelling.
 */
#include "signer/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "signer/shape.h"

enum { ROLE_RISE_MAX = 1000 /* of a role's version, between snapshots */, DEPTH_MAX = 12 };
static const int64_t hour_ms = 3600LL * 1000;
static const int64_t day_ms = 24LL * 3600 * 1000;
static const int64_t behind_ms = 60LL * 1000;  /* versions: a request that waited */
static const int64_t ahead_ms = 3600LL * 1000; /* clocks that were put right */
static const int64_t time_off_ms = 5000;

static const struct flat_limits limits = {
    .bytes_max = SIGNER_MESSAGE_BYTES_MAX, .nodes_max = 1 << 18, .depth_max = DEPTH_MAX};

/* clang-format off */
static const char *const meta_members[] = {"_type", "spec_version", "version", "expires", "meta", NULL};
static const char *const director_meta_members[] =
    {"_type", "spec_version", "version", "expires", "meta", "x-device", NULL};
static const char *const targets_members[] =
    {"_type", "spec_version", "version", "expires", "targets", "x-device", "x-bundle", NULL};
static const char *const time_members[] = {"_type", "nonce", "time", NULL};
static const char *const entry_members[] = {"length", "hashes", "custom", NULL};
/* clang-format on */

static const struct shape entry_shape = {.what = "a target of a director",
                                         .required = entry_members};

/* What is being read. */
struct reading {
    const struct signer_ask *ask;
    const struct policy_clock *clock;
    struct flat_value body;
    struct policy_facts *facts;
};
typedef bool read_fn(const struct reading *reading, struct err *err);

static read_fn read_snapshot, read_timestamp, read_director_snapshot, read_targets, read_time;

struct rule {
    enum signer_label label;
    const char *type;
    enum policy_kind kind;
    bool of_device;
    int64_t life_days; /* at most, and one hour; 0: it has no "expires" */
    struct shape shape;
    read_fn *read;
};

/* clang-format off */
static const struct rule rules[] = {
    {SIGNER_SNAPSHOT,  "snapshot",  POLICY_SNAPSHOT,  false, 31, {"a snapshot", meta_members, NULL, true}, read_snapshot},
    {SIGNER_TIMESTAMP, "timestamp", POLICY_TIMESTAMP, false, 2,  {"a timestamp", meta_members, NULL, true}, read_timestamp},
    {SIGNER_DIRECTOR,  "targets",   POLICY_TARGETS,   true,  31, {"a director's targets", targets_members, NULL, true}, read_targets},
    {SIGNER_DIRECTOR,  "snapshot",  POLICY_SNAPSHOT,  true,  31, {"a director's snapshot", director_meta_members, NULL, true}, read_director_snapshot},
    {SIGNER_DIRECTOR,  "timestamp", POLICY_TIMESTAMP, true,  2,  {"a director's timestamp", director_meta_members, NULL, true}, read_timestamp},
    {SIGNER_TIME,      "time",      POLICY_TIME,      false, 0,  {"an attested time", time_members, NULL, false}, read_time},
};
/* clang-format on */

void policy_facts_done(struct policy_facts *facts)
{
    roles_done(&facts->roles);
}

/* --- what every document has -------------------------------------------------------------------
 */

static const struct rule *find_rule(enum signer_label label, struct flat_value body)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (rules[i].label == label && flat_text_is(flat_get(body, "_type"), rules[i].type))
            return &rules[i];
    }
    return NULL;
}

static bool is_canonical(const struct signer_ask *ask, struct flat_value body, struct err *err)
{
    AUTO_BUF again;

    buf_init(&again, ask->len + 1);
    if (!flat_canonical(body, &again, err) || again.len != ask->len ||
        memcmp(again.data, ask->data, ask->len) != 0)
        return err_set(err, ERR_DENIED, "the document is not in canonical form");
    return true;
}

/* Not far behind the present, nor far ahead of it or of the time that versions were raised to.
 * Devices remember the versions that a document names, too. */
static bool is_not_ahead(uint64_t version, const struct policy_clock *clock, struct err *err)
{
    int64_t last = clock->now_ms > clock->not_before_ms ? clock->now_ms : clock->not_before_ms;

    return version <= (uint64_t)(last + ahead_ms) ||
           err_set(err, ERR_DENIED, "version %" PRIu64 " leaps into the future", version);
}

static bool is_timely(uint64_t version, const struct policy_clock *clock, struct err *err)
{
    if (version < (uint64_t)(clock->now_ms - behind_ms))
        return err_set(err, ERR_DENIED, "version %" PRIu64 " is of the past", version);
    return is_not_ahead(version, clock, err);
}

static bool check_head(const struct reading *reading, const struct rule *rule, struct err *err)
{
    struct flat_value body = reading->body;
    int64_t last_ms = reading->clock->now_ms + rule->life_days * day_ms + hour_ms;
    int64_t expires_ms;

    if (!flat_text_is(flat_get(body, "spec_version"), "1.0.31"))
        return err_set(err, ERR_DENIED, "the spec_version is not 1.0.31");
    if (!shape_version(flat_get(body, "version"), "the document", &reading->facts->version, err) ||
        !is_timely(reading->facts->version, reading->clock, err) ||
        !shape_time(flat_get(body, "expires"), "expires", &expires_ms, err))
        return false;
    return expires_ms <= last_ms ||
           err_set(err, ERR_DENIED, "%s may not live longer than %" PRId64 " days",
                   rule->shape.what, rule->life_days);
}

static bool check_device(const struct reading *reading, const struct rule *rule, struct err *err)
{
    const char *device = reading->ask->device;

    if (!rule->of_device)
        return device[0] == '\0' ||
               err_set(err, ERR_DENIED, "%s is of no device", rule->shape.what);
    if (device[0] == '\0')
        return err_set(err, ERR_DENIED, "the request names no device");
    return flat_text_is(flat_get(reading->body, "x-device"), device) ||
           err_set(err, ERR_DENIED, "%s is not for the device of the request", rule->shape.what);
}

static bool read_body(const struct reading *reading, struct err *err)
{
    const struct rule *rule = find_rule(reading->ask->label, reading->body);

    if (!rule)
        return err_set(err, ERR_DENIED, "the key '%s' does not sign such a document",
                       signer_label_name(reading->ask->label));
    reading->facts->kind = rule->kind;
    return shape_fits(reading->body, &rule->shape, err) && check_device(reading, rule, err) &&
           (rule->life_days == 0 || check_head(reading, rule, err)) && rule->read(reading, err);
}

bool policy_read(const struct signer_ask *ask, const struct policy_clock *clock,
                 struct policy_facts *out, struct err *err)
{
    AUTO_POLICY_FACTS facts = {.label = ask->label};
    struct reading reading = {.ask = ask, .clock = clock, .facts = &facts};
    AUTO_FLAT doc = {0};

    if (!flat_parse(ask->data, ask->len, &limits, &doc, err)) {
        err->code = ERR_DENIED;
        return false;
    }
    reading.body = flat_root(&doc);
    if (!is_canonical(ask, reading.body, err) || !read_body(&reading, err))
        return false;
    *out = facts;
    facts.roles = (struct roles){0};
    return true;
}

/* --- the image repository ----------------------------------------------------------------------
 */

static bool read_snapshot(const struct reading *reading, struct err *err)
{
    return shape_meta(flat_get(reading->body, "meta"), &reading->facts->roles, err);
}

/* "meta" that lists one file and no other. */
static bool read_one(const struct reading *reading, const char *name, uint64_t *version,
                     struct err *err)
{
    AUTO_ROLES roles = {0};

    if (!shape_meta(flat_get(reading->body, "meta"), &roles, err))
        return false;
    if (roles.count != 1 || !text_equal(roles.items[0].name, name))
        return err_set(err, ERR_DENIED, "\"meta\" lists something else than %s", name);
    *version = roles.items[0].version;
    return true;
}

static bool read_timestamp(const struct reading *reading, struct err *err)
{
    return read_one(reading, "snapshot.json", &reading->facts->snapshot_version, err) &&
           is_not_ahead(reading->facts->snapshot_version, reading->clock, err);
}

static bool rises(const char *what, uint64_t version, uint64_t last, struct err *err)
{
    return version > last ||
           err_set(err, ERR_DENIED,
                   "%s version %" PRIu64 " is not above %" PRIu64 ", which was signed before", what,
                   version, last);
}

static bool snapshot_follows(const struct policy_facts *facts, const struct policy_before *before,
                             struct err *err)
{
    const struct role_version *role;

    if (!rises("snapshot", facts->version, before->snapshot, err))
        return false;
    role = roles_find_loss(&before->published, &facts->roles);
    if (role)
        return err_set(err, ERR_DENIED, "the snapshot drops or lowers '%s', published as %" PRIu64,
                       role->name, role->version);
    role = before->published.count > 0
               ? roles_find_leap(&before->published, &facts->roles, ROLE_RISE_MAX)
               : NULL;
    if (role)
        return err_set(err, ERR_DENIED, "the snapshot makes '%s' leap to %" PRIu64, role->name,
                       role->version);
    return true;
}

bool policy_follows(const struct policy_facts *facts, const struct policy_before *before,
                    struct err *err)
{
    if (facts->kind == POLICY_SNAPSHOT)
        return snapshot_follows(facts, before, err);
    ASSERT(facts->kind == POLICY_TIMESTAMP);
    if (!rises("timestamp", facts->version, before->timestamp, err))
        return false;
    return facts->snapshot_version >= before->published_snapshot ||
           err_set(err, ERR_DENIED,
                   "the timestamp goes back to snapshot %" PRIu64 ", behind the published %" PRIu64,
                   facts->snapshot_version, before->published_snapshot);
}

bool policy_rises(const struct policy_facts *facts, uint64_t last_version, struct err *err)
{
    return rises("the device's", facts->version, last_version, err);
}

/* --- a device's director -----------------------------------------------------------------------
 */

static bool read_director_snapshot(const struct reading *reading, struct err *err)
{
    uint64_t version = 0;

    return read_one(reading, "targets.json", &version, err) &&
           is_not_ahead(version, reading->clock, err);
}

/* Exactly one ECU, and it is of this device. */
static bool is_of_device(struct flat_value ecus, const char *device, struct err *err)
{
    char own[SIGNER_DEVICE_HEX + sizeof("-main")];

    ASSERT(snprintf(own, sizeof(own), "%s-main", device) < (int)sizeof(own));
    if (!flat_is(ecus, FLAT_OBJECT) || flat_count(ecus) != 1)
        return err_set(err, ERR_DENIED, "a target is not for exactly one ECU");
    return flat_text_is(flat_key(flat_first(ecus)), own) ||
           err_set(err, ERR_DENIED, "a target is for an ECU of another device");
}

static bool read_target(struct flat_value entry, const char *device, struct err *err)
{
    struct flat_value custom = flat_get(entry, "custom");
    struct flat_value action = flat_get(custom, "action");
    uint64_t length;

    if (!shape_fits(entry, &entry_shape, err) || !shape_hashes(flat_get(entry, "hashes"), err))
        return false;
    if (!flat_number(flat_get(entry, "length"), &length))
        return err_set(err, ERR_DENIED, "a target's length is no number");
    if (!flat_is(flat_get(custom, "match"), FLAT_OBJECT))
        return err_set(err, ERR_DENIED, "a target has no \"match\"");
    if (!flat_text_is(action, "install") && !flat_text_is(action, "downgrade"))
        return err_set(err, ERR_DENIED, "a target's action is neither install nor downgrade");
    return is_of_device(flat_get(custom, "ecus"), device, err);
}

static bool read_targets(const struct reading *reading, struct err *err)
{
    struct flat_value targets = flat_get(reading->body, "targets");

    if (!flat_is(targets, FLAT_OBJECT))
        return err_set(err, ERR_DENIED, "\"targets\" is no object");
    for (struct flat_value at = flat_first(targets); flat_some(at); at = flat_next(at)) {
        if (!read_target(at, reading->ask->device, err))
            return false;
    }
    return true;
}

/* --- attested time -----------------------------------------------------------------------------
 */

static bool read_time(const struct reading *reading, struct err *err)
{
    uint8_t nonce[HASH_BYTES];
    int64_t time_ms;

    if (!flat_hex(flat_get(reading->body, "nonce"), nonce, sizeof(nonce)))
        return err_set(err, ERR_DENIED, "the nonce is not 32 bytes in hex");
    if (!shape_time(flat_get(reading->body, "time"), "time", &time_ms, err))
        return false;
    return (time_ms >= reading->clock->now_ms - time_off_ms &&
            time_ms <= reading->clock->now_ms + time_off_ms) ||
           err_set(err, ERR_DENIED, "the time is not now");
}

/* --- what is published -------------------------------------------------------------------------
 */

static bool find_signature(struct flat_value document, const char *keyid, uint8_t *sig)
{
    struct flat_value list = flat_get(document, "signatures");

    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        if (flat_text_is(flat_get(at, "keyid"), keyid))
            return flat_hex(flat_get(at, "sig"), sig, SIGN_BYTES);
    }
    return false;
}

/* The file's own order and spacing mean nothing: what was signed is the canonical form. */
static bool read_published(const struct buf *canonical, struct policy_facts *facts, struct err *err)
{
    struct flat_value body;
    AUTO_FLAT doc = {0};

    if (!flat_parse(canonical->data, canonical->len, &limits, &doc, err))
        return false;
    body = flat_root(&doc);
    if (!flat_text_is(flat_get(body, "_type"), "snapshot"))
        return err_set(err, ERR_DENIED, "what is published is no snapshot");
    return shape_version(flat_get(body, "version"), "the snapshot", &facts->version, err) &&
           shape_meta(flat_get(body, "meta"), &facts->roles, err);
}

bool policy_read_published(const struct signer_ask *ask, const char *keyid, struct buf *canonical,
                           uint8_t sig[SIGN_BYTES], struct policy_facts *out, struct err *err)
{
    AUTO_POLICY_FACTS facts = {.label = SIGNER_SNAPSHOT, .kind = POLICY_SNAPSHOT};
    AUTO_FLAT doc = {0};

    if (!flat_parse(ask->data, ask->len, &limits, &doc, err) ||
        !flat_canonical(flat_get(flat_root(&doc), "signed"), canonical, err) ||
        !read_published(canonical, &facts, err)) {
        err->code = ERR_DENIED;
        return false;
    }
    if (!find_signature(flat_root(&doc), keyid, sig))
        return err_set(err, ERR_DENIED, "the snapshot is not signed by this signer's key");
    *out = facts;
    facts.roles = (struct roles){0};
    return true;
}
