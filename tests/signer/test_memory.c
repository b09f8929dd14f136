/* What the signer remembers: roles, a tenant's state, the last versions of devices. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "signer/recent.h"
#include "signer/roles.h"
#include "signer/state.h"
#include "tests/support/temp.h"

Test(roles, are_kept_in_order_and_once)
{
    AUTO_ROLES roles = {0};

    cr_expect(roles_add(&roles, "a", 1));
    cr_expect(roles_add(&roles, "b", 2));
    cr_expect_not(roles_add(&roles, "b", 3));
    cr_expect_not(roles_add(&roles, "a", 3));
    cr_expect_eq(roles.count, 2);
}

Test(state, a_tenant_without_a_file_has_nothing_signed, .fini = temp_done)
{
    struct policy_before state;
    struct err err = {0};

    cr_assert(state_load(temp_path("none"), &state, &err));
    cr_expect_eq(state.snapshot, 0);
    cr_expect_eq(state.published.count, 0);
    state_done(&state);
}

Test(state, survives_its_file, .fini = temp_done)
{
    struct policy_before state = {.snapshot = 9007199254740991, .timestamp = 7};
    struct policy_before back;
    struct err err = {0};

    state.published_snapshot = 5;
    cr_assert(roles_add(&state.published, "os-\"q\\.json", 3));
    cr_assert(roles_add(&state.published, "targets.json", 4));
    cr_assert(state_save(temp_path("state"), &state, &err), "%s", err.text);
    cr_assert(state_load(temp_path("state"), &back, &err), "%s", err.text);

    cr_expect_eq(back.snapshot, state.snapshot);
    cr_expect_eq(back.timestamp, 7);
    cr_expect_eq(back.published_snapshot, 5);
    cr_assert_eq(back.published.count, 2);
    cr_expect_str_eq(back.published.items[0].name, "os-\"q\\.json");
    cr_expect_eq(back.published.items[1].version, 4);
    state_done(&back);
    state_done(&state);
}

#define DISORDER                                                                                   \
    "{\"published\":{\"roles\":{\"b\":1,\"a\":1},\"snapshot\":1},\"snapshot\":1,\"timestamp\":1}"

Test(state, a_file_that_is_damaged_is_an_error_and_no_fresh_start, .fini = temp_done)
{
    static const char *const texts[] = {
        "",
        "{}",
        "{\"published\":{\"roles\":{},\"snapshot\":1},\"snapshot\":1}",
        "{\"published\":{\"roles\":[],\"snapshot\":1},\"snapshot\":1,\"timestamp\":1}",
        "{\"published\":{\"roles\":{\"a\":\"\"},\"snapshot\":1},\"snapshot\":1,\"timestamp\":1}",
        DISORDER,
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct policy_before state;
        struct err err = {0};

        temp_write(temp_path("state"), texts[i], strlen(texts[i]));
        cr_expect_not(state_load(temp_path("state"), &state, &err), "%s", texts[i]);
        cr_expect_eq(err.code, ERR_SYSTEM);
    }
}

static const int64_t now_ms = 1795395023000;

static bool set(struct recent *recent, const char *tenant, unsigned device, enum policy_kind kind,
                uint64_t version)
{
    struct policy_facts facts = {.kind = kind, .version = version};
    struct err err = {0};
    char name[SIGNER_DEVICE_HEX + 1];

    (void)snprintf(name, sizeof(name), "%064x", device);
    return recent_set(recent, tenant, name, &facts, now_ms, &err);
}

static uint64_t get(const struct recent *recent, const char *tenant, unsigned device,
                    enum policy_kind kind)
{
    char name[SIGNER_DEVICE_HEX + 1];

    (void)snprintf(name, sizeof(name), "%064x", device);
    return recent_find(recent, tenant, name, kind);
}

Test(recent, remembers_each_document_of_each_device_of_each_tenant)
{
    struct recent *recent = recent_new();

    cr_assert(set(recent, "a", 1, POLICY_TARGETS, (uint64_t)now_ms));
    cr_assert(set(recent, "a", 1, POLICY_SNAPSHOT, (uint64_t)now_ms + 1));
    cr_assert(set(recent, "b", 1, POLICY_TARGETS, (uint64_t)now_ms + 2));
    cr_assert(set(recent, "a", 1, POLICY_TARGETS, (uint64_t)now_ms + 3));

    cr_expect_eq(get(recent, "a", 1, POLICY_TARGETS), (uint64_t)now_ms + 3);
    cr_expect_eq(get(recent, "a", 1, POLICY_SNAPSHOT), (uint64_t)now_ms + 1);
    cr_expect_eq(get(recent, "a", 1, POLICY_TIMESTAMP), 0);
    cr_expect_eq(get(recent, "b", 1, POLICY_TARGETS), (uint64_t)now_ms + 2);
    cr_expect_eq(get(recent, "a", 2, POLICY_TARGETS), 0);
    recent_free(recent);
}

Test(recent, grows_with_what_is_fresh_and_forgets_what_is_of_the_past)
{
    struct recent *recent = recent_new();
    const uint64_t old_ms = 600000;
    unsigned forgotten = 0;

    for (unsigned i = 0; i < 5000; i++)
        cr_assert(set(recent, "old", i, POLICY_TARGETS, (uint64_t)now_ms - old_ms));
    for (unsigned i = 0; i < 5000; i++)
        cr_assert(set(recent, "new", i, POLICY_TARGETS, (uint64_t)now_ms + i));

    for (unsigned i = 0; i < 5000; i++) {
        cr_assert_eq(get(recent, "new", i, POLICY_TARGETS), (uint64_t)now_ms + i);
        forgotten += get(recent, "old", i, POLICY_TARGETS) == 0;
    }
    cr_expect_gt(forgotten, 4000);
    recent_free(recent);
}
