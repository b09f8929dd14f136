/* When the director signs, and what: the rules without a database or a signer. */
#include <criterion/criterion.h>
#include <string.h>

#include "server/repo/director_compose.h"

static const int64_t now_ms = INT64_C(1790000000000);
static const int64_t hour_ms = 3600000;
static const int64_t day_ms = 86400000;
static const char device[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* A device whose documents were all signed an hour ago. */
static struct store_director idle(void)
{
    return (struct store_director){
        .tenant = "default",
        .device = device,
        .hwid = "board",
        .assignment = 4,
        .deployment = "",
        .action = "",
        .path = "",
        .match = "",
        .targets_version = now_ms - hour_ms,
        .snapshot_version = now_ms - hour_ms,
        .timestamp_version = now_ms - hour_ms,
        .targets_expires_ms = now_ms - hour_ms + DIRECTOR_TARGETS_LIFE_MS,
        .signed_ms = now_ms - hour_ms,
    };
}

static struct store_director with_orders(void)
{
    struct store_director facts = idle();

    facts.has_target = true;
    facts.deployment = "6a1f3a4e-0000-4000-8000-000000000001";
    facts.action = "update";
    facts.path = "os/board/2/rootfs.img";
    facts.length = 1000;
    memset(facts.sha256, 0xab, sizeof(facts.sha256));
    facts.match = "{\"hwids\":[\"board\"],\"name\":\"base-os\",\"release_counter\":2,"
                  "\"security_epoch\":0,\"version\":\"2\"}";
    return facts;
}

Test(director_due, nothing_changed_and_fresh_is_nothing_to_sign)
{
    struct store_director facts = idle();

    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_NOTHING);
    cr_expect_eq(director_due(&facts, facts.signed_ms + DIRECTOR_TIMESTAMP_RENEW_MS - 1),
                 DIRECTOR_NOTHING);
    cr_expect_eq(director_due(&facts, facts.signed_ms + DIRECTOR_TIMESTAMP_RENEW_MS),
                 DIRECTOR_TIMESTAMP);
}

Test(director_due, new_orders_old_targets_and_the_first_time_are_all_three)
{
    struct store_director facts = idle();

    facts.is_moved = true;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_ALL);
    facts = idle();
    facts.timestamp_version = 0;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_ALL);
    facts = idle();
    facts.targets_expires_ms = now_ms + DIRECTOR_TARGETS_RENEW_MS;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_NOTHING);
    facts.targets_expires_ms--;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_ALL);
}

Test(director_due, what_is_below_a_raised_floor_is_signed_again_once)
{
    struct store_director facts = idle();
    struct director_versions versions;

    facts.version_floor = facts.targets_version;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_NOTHING);
    facts.version_floor++;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_ALL);
    facts = idle();
    facts.version_floor = now_ms + hour_ms;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_ALL);
    versions = director_versions(&facts, DIRECTOR_ALL, now_ms);
    cr_expect(versions.targets == facts.version_floor && versions.snapshot == facts.version_floor &&
              versions.timestamp == facts.version_floor);
    facts.targets_version = versions.targets;
    facts.snapshot_version = versions.snapshot;
    facts.timestamp_version = versions.timestamp;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_NOTHING);
}

Test(director_due, a_clock_that_went_back_signs_again)
{
    struct store_director facts = idle();

    facts.signed_ms = now_ms + 1;
    cr_expect_eq(director_due(&facts, now_ms), DIRECTOR_TIMESTAMP);
}

Test(director_versions, move_past_everything_that_was_signed)
{
    cr_expect_eq(director_version(0, 0, now_ms), now_ms);
    cr_expect_eq(director_version(now_ms, 0, now_ms), now_ms + 1);
    cr_expect_eq(director_version(now_ms + day_ms, 0, now_ms), now_ms + day_ms + 1);
    cr_expect_eq(director_version(5, now_ms + day_ms, now_ms), now_ms + day_ms);
}

Test(director_versions, rise_only_where_something_is_signed)
{
    struct store_director facts = idle();
    struct director_versions versions = director_versions(&facts, DIRECTOR_TIMESTAMP, now_ms);

    cr_expect_eq(versions.targets, facts.targets_version);
    cr_expect_eq(versions.snapshot, facts.snapshot_version);
    cr_expect_eq(versions.timestamp, now_ms);
    versions = director_versions(&facts, DIRECTOR_ALL, now_ms);
    cr_expect(versions.targets == now_ms && versions.snapshot == now_ms);
}

static const char *text_at(const json_t *tree, const char *name)
{
    return json_string_value(json_object_get(tree, name));
}

Test(director_targets, without_orders_name_the_device_and_list_nothing)
{
    struct store_director facts = idle();
    AUTO_JSON *body = NULL;
    struct err err = {0};

    cr_assert(director_targets(&facts, 7, now_ms, &body, &err), "%s", err.text);
    cr_expect_str_eq(text_at(body, "x-device"), device);
    cr_expect_str_eq(text_at(body, "x-bundle"), "");
    cr_expect_eq(json_integer_value(json_object_get(body, "x-bundle-parts")), 0);
    cr_expect_eq(json_object_size(json_object_get(body, "targets")), 0);
    cr_expect_null(json_object_get(body, "delegations"));
}

Test(director_targets, repeat_the_signed_match_section_byte_for_byte)
{
    struct store_director facts = with_orders();
    AUTO_JSON *body = NULL;
    const json_t *custom;
    struct err err = {0};
    AUTO_BUF match;

    buf_init(&match, 4096);
    cr_assert(director_targets(&facts, 7, now_ms, &body, &err), "%s", err.text);
    custom =
        json_object_get(json_object_get(json_object_get(body, "targets"), facts.path), "custom");
    cr_assert(custom);
    cr_assert(json_canonical(json_object_get(custom, "match"), &match, &err));
    cr_expect_str_eq(buf_text(&match), facts.match);
    cr_expect_str_eq(text_at(custom, "action"), "install");
    cr_expect_null(json_object_get(custom, "delta"));
    cr_expect_str_eq(text_at(body, "x-bundle"), facts.deployment);
    cr_expect_eq(json_integer_value(json_object_get(body, "x-bundle-parts")), 1);
}

Test(director_targets, say_downgrade_and_which_patch)
{
    struct store_director facts = with_orders();
    AUTO_JSON *body = NULL;
    const json_t *custom;
    const json_t *delta;
    struct err err = {0};

    facts.action = "downgrade";
    facts.has_delta = true;
    facts.delta_length = 500;
    facts.delta_header_length = 140;
    facts.delta_memory = 900000;
    facts.from_length = 990;
    cr_assert(director_targets(&facts, 7, now_ms, &body, &err), "%s", err.text);
    custom =
        json_object_get(json_object_get(json_object_get(body, "targets"), facts.path), "custom");
    delta = json_object_get(custom, "delta");
    cr_expect_str_eq(text_at(custom, "action"), "downgrade");
    cr_expect_eq(json_integer_value(json_object_get(delta, "header_length")), 140);
    cr_expect_eq(json_integer_value(json_object_get(delta, "mem")), 900000);
    cr_expect_eq(json_integer_value(json_object_get(json_object_get(delta, "from"), "length")),
                 990);
}

Test(director_targets, refuse_a_match_section_that_is_none)
{
    struct store_director facts = with_orders();
    json_t *body = NULL;
    struct err err = {0};

    facts.match = "{\"hwids\":";
    cr_expect_not(director_targets(&facts, 7, now_ms, &body, &err));
    cr_expect_null(body);
}
