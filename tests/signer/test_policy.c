#include "signer/policy.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

#define DEVICE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SHA DEVICE

static const int64_t hour_ms = 3600LL * 1000;
static const int64_t now_ms = 1795395023000; /* 2026-11-23 */
static const struct policy_clock now = {.now_ms = now_ms};

/* A document with the members that all have, and one more, which ends with a comma. The members are
 * in order: "meta" before "spec_version", "targets" behind it. Freed by the caller. */
static char *document(const char *type, int64_t version, int64_t expires_ms, const char *member)
{
    bool is_meta = text_starts_with(member, "\"meta\"");
    char expires[TEXT_TIME_ROOM];

    text_from_time(expires_ms, expires);
    return mem_printf("{\"_type\":\"%s\",\"expires\":\"%s\",%s\"spec_version\":\"1.0.31\",%s"
                      "\"version\":%" PRId64 "}",
                      type, expires, is_meta ? member : "", is_meta ? "" : member, version);
}

static bool read_text(enum signer_label label, const char *device, const char *text,
                      const struct policy_clock *clock, struct policy_facts *out, struct err *err)
{
    struct signer_ask ask = {.op = SIGNER_SIGN,
                             .tenant = "t",
                             .label = label,
                             .data = (const uint8_t *)text,
                             .len = strlen(text)};

    (void)text_copy(ask.device, sizeof(ask.device), device);
    return policy_read(&ask, clock, out, err);
}

static void expect_refused(enum signer_label label, const char *device, const char *text,
                           const char *why)
{
    AUTO_POLICY_FACTS facts = {0};
    struct err err = {0};

    cr_expect_not(read_text(label, device, text, &now, &facts, &err), "accepted: %s", text);
    cr_expect_eq(err.code, ERR_DENIED, "%s", err.text);
    cr_expect(strstr(err.text, why), "'%s' is not about '%s': %s", err.text, why, text);
}

static void expect_signed(enum signer_label label, const char *device, const char *text)
{
    AUTO_POLICY_FACTS facts = {0};
    struct err err = {0};

    cr_expect(read_text(label, device, text, &now, &facts, &err), "%s: %s", err.text, text);
}

/* --- the image repository ----------------------------------------------------------------------
 */

#define META_SNAPSHOT(version)                                                                     \
    "\"meta\":{\"snapshot.json\":{\"hashes\":{\"sha256\":\"" SHA                                   \
    "\"},\"length\":9,\"version\":" version "}},"
#define META_ROLES "\"meta\":{\"os-a.json\":{\"version\":3},\"targets.json\":{\"version\":4}},"

Test(policy, signs_a_snapshot_and_knows_its_version_and_roles)
{
    AUTO_FREE char *text = document("snapshot", now_ms, now_ms + hour_ms, META_ROLES);
    AUTO_POLICY_FACTS facts = {0};
    struct err err = {0};

    cr_assert(read_text(SIGNER_SNAPSHOT, "", text, &now, &facts, &err), "%s", err.text);
    cr_expect_eq(facts.kind, POLICY_SNAPSHOT);
    cr_expect_eq(facts.version, (uint64_t)now_ms);
    cr_assert_eq(facts.roles.count, 2);
    cr_expect_str_eq(facts.roles.items[0].name, "os-a.json");
    cr_expect_eq(facts.roles.items[1].version, 4);
}

Test(policy, each_key_signs_its_own_kind_of_document_only)
{
    AUTO_FREE char *snapshot = document("snapshot", now_ms, now_ms + hour_ms, META_ROLES);
    AUTO_FREE char *timestamp =
        document("timestamp", now_ms, now_ms + hour_ms, META_SNAPSHOT("1795395023000"));
    AUTO_FREE char *root = document("root", now_ms, now_ms + hour_ms, META_ROLES);
    AUTO_FREE char *targets = document("targets", now_ms, now_ms + hour_ms, "\"targets\":{},");

    expect_signed(SIGNER_SNAPSHOT, "", snapshot);
    expect_signed(SIGNER_TIMESTAMP, "", timestamp);
    expect_refused(SIGNER_TIMESTAMP, "", snapshot, "does not sign such");
    expect_refused(SIGNER_SNAPSHOT, "", timestamp, "does not sign such");
    expect_refused(SIGNER_TIME, "", timestamp, "does not sign such");
    expect_refused(SIGNER_SNAPSHOT, "", targets, "does not sign such");
    for (unsigned label = 0; label < SIGNER_LABEL_COUNT; label++)
        expect_refused((enum signer_label)label, "", root, "does not sign such");
    expect_refused(SIGNER_DIRECTOR, DEVICE, snapshot, "x-device");
    expect_refused(SIGNER_SNAPSHOT, DEVICE, snapshot, "of no device");
}

Test(policy, a_version_is_near_the_present)
{
    const struct {
        int64_t off_ms;
        const char *why; /* NULL: signed */
    } cases[] = {
        {-60000, NULL},          {-60001, "of the past"},
        {hour_ms, NULL},         {hour_ms + 1, "leaps into the future"},
        {24 * hour_ms, "leaps"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *text =
            document("snapshot", now_ms + cases[i].off_ms, now_ms + hour_ms, META_ROLES);

        if (cases[i].why)
            expect_refused(SIGNER_SNAPSHOT, "", text, cases[i].why);
        else
            expect_signed(SIGNER_SNAPSHOT, "", text);
    }
}

Test(policy, not_before_lets_versions_be_raised_to_that_time)
{
    const struct policy_clock raised = {.now_ms = now_ms, .not_before_ms = now_ms + 50 * hour_ms};
    AUTO_FREE char *text =
        document("snapshot", raised.not_before_ms + hour_ms, now_ms + hour_ms, META_ROLES);
    AUTO_FREE char *late =
        document("snapshot", raised.not_before_ms + hour_ms + 1, now_ms + hour_ms, META_ROLES);
    AUTO_POLICY_FACTS facts = {0};
    struct err err = {0};

    cr_expect_not(read_text(SIGNER_SNAPSHOT, "", late, &raised, &facts, &err));
    cr_expect(read_text(SIGNER_SNAPSHOT, "", text, &raised, &facts, &err), "%s", err.text);
}

Test(policy, the_version_that_a_timestamp_names_does_not_leap_either)
{
    AUTO_FREE char *past = document("timestamp", now_ms, now_ms + hour_ms, META_SNAPSHOT("1"));
    AUTO_FREE char *far =
        document("timestamp", now_ms, now_ms + hour_ms, META_SNAPSHOT("9007199254740991"));

    expect_signed(SIGNER_TIMESTAMP, "", past);
    expect_refused(SIGNER_TIMESTAMP, "", far, "leaps into the future");
}

Test(policy, a_document_does_not_live_longer_than_ours)
{
    const int64_t day_ms = 24 * hour_ms;
    static const struct {
        const char *type;
        enum signer_label label;
        const char *rest;
        int64_t days;
    } cases[] = {
        {"snapshot", SIGNER_SNAPSHOT, META_ROLES, 31},
        {"timestamp", SIGNER_TIMESTAMP, META_SNAPSHOT("5"), 2},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t last_ms = now_ms + cases[i].days * day_ms + hour_ms;
        AUTO_FREE char *good = document(cases[i].type, now_ms, last_ms, cases[i].rest);
        AUTO_FREE char *bad = document(cases[i].type, now_ms, last_ms + 1000, cases[i].rest);

        expect_signed(cases[i].label, "", good);
        expect_refused(cases[i].label, "", bad, "may not live longer");
    }
}

Test(policy, what_is_not_understood_is_not_signed)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", ""},
        {"[]", "does not sign such"},
        {"{}", "does not sign such"},
        {"{\"_type\":\"snapshot\"}", "has no"},
        {"{\"_type\":\"snapshot\",\"_type\":\"snapshot\"}", ""},
        {"{\"_type\":\"snapshot\"} ", "canonical"},
        {"{\"_type\": \"snapshot\"}", "canonical"},
        {"{\"a\":1,\"_type\":\"snapshot\"}", "canonical"},
        {"{\"_type\":\"snap\\u0073hot\"}", "canonical"},
    };
    static const struct {
        const char *rest;
        const char *why;
    } metas[] = {
        {"\"meta\":{},", "lists nothing"},
        {"\"meta\":[],", "lists nothing"},
        {"\"meta\":{\"targets\":{\"version\":1}},", "no role's file"},
        {"\"meta\":{\"targets.json\":{\"version\":0}},", "no number above 0"},
        {"\"meta\":{\"targets.json\":{\"version\":\"1\"}},", "no number above 0"},
        {"\"meta\":{\"targets.json\":{}},", "has no"},
        {"\"meta\":{\"targets.json\":{\"length\":\"1\",\"version\":1}},", "length"},
        {"\"meta\":{\"targets.json\":{\"hashes\":{\"sha256\":\"00\"},\"version\":1}},", "SHA-256"},
        {"\"meta\":{\"targets.json\":{\"size\":1,\"version\":1}},", "'size'"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        expect_refused(SIGNER_SNAPSHOT, "", cases[i].text, cases[i].why);
    for (size_t i = 0; i < COUNT(metas); i++) {
        AUTO_FREE char *text = document("snapshot", now_ms, now_ms + hour_ms, metas[i].rest);

        expect_refused(SIGNER_SNAPSHOT, "", text, metas[i].why);
    }
}

Test(policy, members_that_have_no_business_in_a_document_are_refused)
{
    AUTO_FREE char *known = document("snapshot", now_ms, now_ms + hour_ms, META_ROLES);
    size_t len = strlen(known) - 1;
    AUTO_FREE char *extension =
        mem_printf("%.*s,\"x-issued\":\"2026-11-23T00:00:00Z\"}", (int)len, known);
    AUTO_FREE char *unknown = mem_printf("%.*s,\"versions\":1}", (int)len, known);

    expect_signed(SIGNER_SNAPSHOT, "", extension);
    expect_refused(SIGNER_SNAPSHOT, "", unknown, "no business with a member 'versions'");
}

/* --- what may follow ---------------------------------------------------------------------------
 */

static void fill(struct roles *roles, const char *const *names, const uint64_t *versions)
{
    for (; *names; names++)
        cr_assert(roles_add(roles, *names, *versions++));
}

static const char *const published_names[] = {"os-a.json", "targets.json", NULL};

static struct policy_before before_of(uint64_t os, uint64_t targets)
{
    struct policy_before before = {.snapshot = 100, .timestamp = 200, .published_snapshot = 90};

    fill(&before.published, published_names, (const uint64_t[]){os, targets});
    return before;
}

Test(policy, versions_of_the_image_repository_only_rise)
{
    struct policy_before before = before_of(3, 4);
    struct policy_facts snapshot = {.kind = POLICY_SNAPSHOT};
    struct policy_facts timestamp = {.kind = POLICY_TIMESTAMP, .snapshot_version = 90};
    struct err err = {0};

    fill(&snapshot.roles, published_names, (const uint64_t[]){3, 4});
    for (uint64_t version = 99; version <= 101; version++) {
        snapshot.version = version;
        cr_expect_eq(policy_follows(&snapshot, &before, &err), version > 100, "%s", err.text);
        timestamp.version = version + 100;
        cr_expect_eq(policy_follows(&timestamp, &before, &err), version > 100, "%s", err.text);
    }
    roles_done(&snapshot.roles);
    roles_done(&before.published);
}

Test(policy, a_timestamp_does_not_go_back_behind_the_published_snapshot)
{
    struct policy_before before = before_of(3, 4);
    struct policy_facts facts = {.kind = POLICY_TIMESTAMP, .version = 201};
    struct err err = {0};

    facts.snapshot_version = 90;
    cr_expect(policy_follows(&facts, &before, &err));
    facts.snapshot_version = 89;
    cr_expect_not(policy_follows(&facts, &before, &err));
    cr_expect_eq(err.code, ERR_DENIED);
    roles_done(&before.published);
}

Test(policy, a_snapshot_drops_no_published_role_and_lowers_none)
{
    static const struct {
        const char *names[4];
        uint64_t versions[3];
        const char *why; /* NULL: may follow */
    } cases[] = {
        {{"os-a.json", "targets.json"}, {3, 4}, NULL},
        {{"os-a.json", "os-b.json", "targets.json"}, {3, 1, 5}, NULL},
        {{"targets.json"}, {9}, "drops or lowers 'os-a.json'"},
        {{"os-a.json"}, {3}, "drops or lowers 'targets.json'"},
        {{"os-a.json", "targets.json"}, {2, 5}, "drops or lowers 'os-a.json'"},
        {{"os-a.json", "targets.json"}, {3, 3}, "drops or lowers 'targets.json'"},
        {{"os-a.json", "targets.json"}, {1003, 4}, NULL},
        {{"os-a.json", "targets.json"}, {1004, 4}, "makes 'os-a.json' leap"},
        {{"os-a.json", "os-b.json", "targets.json"}, {3, 1001, 4}, "makes 'os-b.json' leap"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct policy_before before = before_of(3, 4);
        struct policy_facts facts = {.kind = POLICY_SNAPSHOT, .version = 101};
        struct err err = {0};

        fill(&facts.roles, cases[i].names, cases[i].versions);
        cr_expect_eq(policy_follows(&facts, &before, &err), !cases[i].why, "case %zu: %s", i,
                     err.text);
        cr_expect(!cases[i].why || strstr(err.text, cases[i].why), "case %zu: %s", i, err.text);
        roles_done(&facts.roles);
        roles_done(&before.published);
    }
}

/* --- the director ------------------------------------------------------------------------------
 */

#define ENTRY(device, more)                                                                        \
    "{\"custom\":{\"action\":\"install\",\"ecus\":{\"" device "-main\":{\"hwid\":\"a\"}" more      \
    "},\"match\":{}},\"hashes\":{\"sha256\":\"" SHA "\"},\"length\":7}"

/* Freed by the caller. */
static char *directed(const char *device, const char *targets)
{
    AUTO_FREE char *rest = mem_printf("\"targets\":{%s},", targets);
    AUTO_FREE char *body = document("targets", now_ms, now_ms + hour_ms, rest);

    return mem_printf("%.*s,\"x-bundle\":\"\",\"x-device\":\"%s\"}", (int)strlen(body) - 1, body,
                      device);
}

Test(policy, directs_one_device_to_its_own_images)
{
    AUTO_FREE char *nothing = directed(DEVICE, "");
    AUTO_FREE char *one = directed(DEVICE, "\"os/a/1/r.img\":" ENTRY(DEVICE, ""));
    AUTO_FREE char *two = directed(
        DEVICE, "\"os/a/1/r.img\":" ENTRY(DEVICE, "") ",\"os/b/1/r.img\":" ENTRY(DEVICE, ""));

    expect_signed(SIGNER_DIRECTOR, DEVICE, nothing);
    expect_signed(SIGNER_DIRECTOR, DEVICE, one);
    expect_signed(SIGNER_DIRECTOR, DEVICE, two);
}

Test(policy, refuses_a_director_document_for_another_or_for_two_devices)
{
    AUTO_FREE char *foreign = directed(OTHER, "");
    AUTO_FREE char *ecu = directed(DEVICE, "\"os/a/1/r.img\":" ENTRY(OTHER, ""));
    AUTO_FREE char *both =
        directed(DEVICE, "\"os/a/1/r.img\":" ENTRY(DEVICE, ",\"" OTHER "-main\":{\"hwid\":\"a\"}"));
    AUTO_FREE char *mixed = directed(
        DEVICE, "\"os/a/1/r.img\":" ENTRY(DEVICE, "") ",\"os/b/1/r.img\":" ENTRY(OTHER, ""));
    AUTO_FREE char *good = directed(DEVICE, "");

    expect_refused(SIGNER_DIRECTOR, DEVICE, foreign, "not for the device");
    expect_refused(SIGNER_DIRECTOR, DEVICE, ecu, "another device");
    expect_refused(SIGNER_DIRECTOR, DEVICE, both, "exactly one ECU");
    expect_refused(SIGNER_DIRECTOR, DEVICE, mixed, "another device");
    expect_refused(SIGNER_DIRECTOR, "", good, "names no device");
}

Test(policy, refuses_a_director_document_that_delegates)
{
    AUTO_FREE char *body = directed(DEVICE, "");
    AUTO_FREE char *text = mem_printf("{\"_type\":\"targets\",\"delegations\":{},%s",
                                      body + strlen("{\"_type\":\"targets\","));

    expect_refused(SIGNER_DIRECTOR, DEVICE, text, "'delegations'");
}

Test(policy, a_directed_target_is_whole)
{
    static const struct {
        const char *entry;
        const char *why;
    } cases[] = {
        {"7", "no object"},
        {"{\"custom\":{},\"hashes\":{\"sha256\":\"" SHA "\"}}", "length"},
        {"{\"custom\":{},\"hashes\":{\"sha256\":\"00\"},\"length\":7}", "SHA-256"},
        {"{\"custom\":{},\"hashes\":{\"sha256\":\"" SHA "\"},\"length\":7}", "match"},
        {"{\"custom\":{\"match\":{}},\"hashes\":{\"sha256\":\"" SHA "\"},\"length\":7}", "action"},
        {"{\"custom\":{\"action\":\"install\",\"match\":{}},\"hashes\":{\"sha256\":\"" SHA
         "\"},\"length\":7}",
         "one ECU"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *targets = mem_printf("\"os/a/1/r.img\":%s", cases[i].entry);
        AUTO_FREE char *text = directed(DEVICE, targets);

        expect_refused(SIGNER_DIRECTOR, DEVICE, text, cases[i].why);
    }
}

Test(policy, a_director_lists_only_its_own_documents)
{
    AUTO_FREE char *good = document("snapshot", now_ms, now_ms + hour_ms,
                                    "\"meta\":{\"targets.json\":{\"version\":1795395023000}},");
    AUTO_FREE char *more = document("snapshot", now_ms, now_ms + hour_ms, META_ROLES);
    const char *tail = ",\"x-device\":\"" DEVICE "\"}";
    AUTO_FREE char *signed_good = mem_printf("%.*s%s", (int)strlen(good) - 1, good, tail);
    AUTO_FREE char *signed_more = mem_printf("%.*s%s", (int)strlen(more) - 1, more, tail);

    expect_signed(SIGNER_DIRECTOR, DEVICE, signed_good);
    expect_refused(SIGNER_DIRECTOR, DEVICE, signed_more, "something else than targets.json");
}

Test(policy, versions_of_a_device_only_rise)
{
    struct policy_facts facts = {.kind = POLICY_TARGETS, .version = 7};
    struct err err = {0};

    cr_expect(policy_rises(&facts, 0, &err));
    cr_expect(policy_rises(&facts, 6, &err));
    cr_expect_not(policy_rises(&facts, 7, &err));
    cr_expect_not(policy_rises(&facts, 8, &err));
    cr_expect_eq(err.code, ERR_DENIED);
}

/* --- time --------------------------------------------------------------------------------------
 */

Test(policy, attests_the_time_that_it_is)
{
    static const struct {
        int64_t off_ms;
        bool good;
    } cases[] = {{0, true}, {-5000, true}, {5000, true}, {-6000, false}, {6000, false}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char time[TEXT_TIME_ROOM];
        AUTO_FREE char *text = NULL;

        text_from_time(now_ms + cases[i].off_ms, time);
        text = mem_printf("{\"_type\":\"time\",\"nonce\":\"" SHA "\",\"time\":\"%s\"}", time);
        if (cases[i].good)
            expect_signed(SIGNER_TIME, "", text);
        else
            expect_refused(SIGNER_TIME, "", text, "not now");
    }
    expect_refused(SIGNER_TIME, "", "{\"_type\":\"time\",\"nonce\":\"00\",\"time\":\"x\"}",
                   "nonce");
    expect_refused(SIGNER_TIME, "", "{\"_type\":\"time\",\"nonce\":\"" SHA "\",\"time\":\"now\"}",
                   "no time");
    expect_refused(SIGNER_TIME, "",
                   "{\"_type\":\"time\",\"nonce\":\"" SHA
                   "\",\"time\":\"2026-11-23T00:00:00Z\",\"version\":1}",
                   "'version'");
}
