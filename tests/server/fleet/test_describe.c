#include "server/fleet/describe.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/fleet/fleet.h"
#include "tests/support/world.h"

static bool is(const uint8_t *pairs, const char *name, const char *value)
{
    struct filter_text found = fleet_pairs_find(pairs, (struct filter_text){name, strlen(name)});

    if (!found.data || !value)
        return !found.data && !value;
    return found.len == strlen(value) && memcmp(found.data, value, found.len) == 0;
}

Test(fleet_describe, packs_an_object_and_finds_its_names)
{
    uint8_t *pairs = fleet_pairs_pack(
        "{\"a\":\"1\",\"\":\"nobody\",\"empty\":\"\",\"\\u00fc\":\"\\\"x\\\"\",\"n\":5,\"t\":true,"
        "\"f\":false,\"gone\":null,\"list\":[1],\"last\":\"z\"}");

    cr_expect(is(pairs, "a", "1"));
    cr_expect(is(pairs, "", "nobody"));
    cr_expect(is(pairs, "empty", ""));
    cr_expect(is(pairs, "ü", "\"x\""));
    cr_expect(is(pairs, "n", "5"));
    cr_expect(is(pairs, "t", "true"));
    cr_expect(is(pairs, "f", "false"));
    cr_expect(is(pairs, "gone", NULL));
    cr_expect(is(pairs, "list", NULL));
    cr_expect(is(pairs, "last", "z"));
    cr_expect(is(pairs, "las", NULL), "a name is found whole or not at all");
    mem_free(pairs);
}

Test(fleet_describe, takes_nothing_from_what_is_no_object)
{
    static const char *const texts[] = {"", "{}", "[]", "{", "5", "\"a\"", "{\"a\":{}}"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t *pairs = fleet_pairs_pack(texts[i]);

        cr_expect_null(pairs, "%s", texts[i]);
    }
    cr_expect(is(fleet_pairs_none, "a", NULL));
}

Test(fleet_describe, leaves_out_a_name_that_is_too_long_and_keeps_its_neighbours)
{
    char name[257];
    uint8_t *pairs;
    AUTO_FREE char *json = NULL;

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    json =
        mem_printf("{\"a\":\"1\",\"%s\":\"long\",\"%s\":\"longest\",\"b\":\"2\"}", name, name + 1);
    pairs = fleet_pairs_pack(json);
    cr_expect(is(pairs, name, NULL));
    cr_expect(is(pairs, name + 1, "longest"), "255 bytes are the most");
    cr_expect(is(pairs, "a", "1") && is(pairs, "b", "2"));
    mem_free(pairs);
}

/* --- filters of the index ----------------------------------------------------------------------
 */

static struct store_device device_of(unsigned number, const char *attributes, const char *tags)
{
    struct store_device device = {.id = number,
                                  .tenant_id = 1,
                                  .group_id = 1,
                                  .hwid = "board",
                                  .standing = {.device_id = number},
                                  .attributes = attributes,
                                  .tags = tags};

    device.device[0] = (uint8_t)number;
    return device;
}

static struct filter *filter_of(const char *text)
{
    struct filter *filter = NULL;
    struct err err = {0};

    cr_assert(filter_parse(text, &filter, &err), "%s", err.text);
    return filter;
}

static bool says(struct fleet_device *device, const char *text)
{
    AUTO_FILTER *filter = filter_of(text);
    struct fleet_facts copy;

    fleet_device_read(device, &copy);
    return fleet_filter_matches(NULL, &copy, filter);
}

Test(fleet_describe, answers_filters_from_copies_and_forgets_what_was_replaced)
{
    static const uint8_t hash[HASH_BYTES] = {7};
    struct fleet_index *index = fleet_index_new();
    struct store_device from = device_of(1, "{\"ram\":\"512\"}", "{\"ring\":\"lab\"}");
    struct fleet_device *device = fleet_index_add(index, &from);

    cr_expect(says(device, "ram = 512 and tag.ring = 'lab' and hwid = 'board'"));
    cr_expect(says(device, "device like '0100%' and not has(group) and not has(counter)"),
              "without a model nobody knows its name or the counter");
    fleet_device_attributes(device, "{\"ram\":\"1024\"}", hash);
    cr_expect(says(device, "ram = 1024 and tag.ring = 'lab'"));
    from = device_of(1, "{\"ram\":\"1024\"}", "{}");
    cr_expect_eq(fleet_index_add(index, &from), device);
    cr_expect(says(device, "ram = 1024 and not has(tag.ring)"), "a tag that was taken away");
    fleet_index_free(index);
}

struct walk {
    const struct filter *filter;
    unsigned matches;
};

static void count_match(const struct fleet_facts *facts, void *arg)
{
    struct walk *walk = arg;

    walk->matches += fleet_filter_matches(NULL, facts, walk->filter);
}

Test(fleet_describe, answers_filters_under_the_lock_of_a_walk)
{
    struct fleet_index *index = fleet_index_new();
    AUTO_FILTER *filter = filter_of("version(fw) >= '1.10'");
    struct walk walk = {filter, 0};
    struct fleet_cursor cursor = {0};

    for (unsigned n = 1; n <= 30; n++) {
        AUTO_FREE char *attributes = mem_printf("{\"fw\":\"1.%u\"}", n);
        struct store_device from = device_of(n, attributes, NULL);

        (void)fleet_index_add(index, &from);
    }
    while (fleet_index_step(index, &cursor, 7, count_match, &walk))
        ;
    cr_expect_eq(walk.matches, 21);
    fleet_index_free(index);
}

/* --- filters of a fleet as it is stored --------------------------------------------------------
 */

struct real_walk {
    const struct model *model;
    const struct filter *filter;
    unsigned matches;
};

static void count_real(const struct fleet_facts *facts, void *arg)
{
    struct real_walk *walk = arg;

    walk->matches += fleet_filter_matches(walk->model, facts, walk->filter);
}

static unsigned in_memory(struct fleet *fleet, const struct filter *filter)
{
    struct model *model = model_holder_get(fleet_model_of(fleet));
    struct real_walk walk = {model, filter, 0};
    struct fleet_cursor cursor = {0};

    while (fleet_index_step(fleet_index_of(fleet), &cursor, 100, count_real, &walk))
        ;
    model_unref(model);
    return walk.matches;
}

static unsigned in_sql(const struct fixture *fixture, const struct filter *filter)
{
    AUTO_BUF program;

    buf_init(&program, FILTER_JSON_BYTES_MAX);
    filter_format_json(filter, &program);
    return (unsigned)world_number(
        fixture,
        "SELECT count(*) FROM device v, (SELECT $p$%s$p$::jsonb AS p) AS program"
        " WHERE slipway_filter(p, v.attributes, v.tags, slipway_filter_fixed(p, v.hwid,"
        "         v.device_id, v.group_id, v.tenant_id, v.installed))",
        buf_text(&program));
}

Test(fleet_describe, finds_the_same_devices_as_sql_in_a_fleet_that_is_stored)
{
    static const char *const filters[] = {
        "counter >= 2",
        "counter = 1 or not has(counter)",
        "group = 'production'",
        "group = 'nobody'",
        "hwid = 'board' and counter in (1, 3)",
        "device like '%1'",
        "ram > 5 and version(fw) < '1.10'",
        "tag.ring = 'a' or tag.ring = 'b'",
        "has(tag.ring)",
        "not has(ram)",
    };
    struct fixture fixture;
    struct fleet *fleet = fleet_new();

    world_open(&fixture, 1);
    world_devices(&fixture, 40);
    world_sql(&fixture,
              "UPDATE device SET installed = CASE WHEN id %% 4 = 0 THEN '{}'::bytea[]"
              "     ELSE ARRAY[decode(repeat('0' || id %% 4, 32), 'hex')] END,"
              " attributes = CASE WHEN id %% 5 = 0 THEN '{}'::jsonb ELSE jsonb_build_object("
              "     'ram', (id %% 9)::text, 'fw', '1.' || id %% 13) END,"
              " tags = CASE id %% 3 WHEN 0 THEN '{}' WHEN 1 THEN '{\"ring\":\"a\"}'"
              "     ELSE '{\"ring\":\"b\"}' END::jsonb");
    fleet_start(fleet, fixture.loop, fixture.db);
    while (!fleet_is_ready(fleet))
        loop_turn(fixture.loop);
    for (size_t i = 0; i < COUNT(filters); i++) {
        AUTO_FILTER *filter = filter_of(filters[i]);
        unsigned stored = in_sql(&fixture, filter);

        cr_expect_eq(in_memory(fleet, filter), stored, "%s: %u stored", filters[i], stored);
        cr_expect((stored > 0) == (i != 3), "%s: %u", filters[i], stored);
    }
    db_close(fixture.db);
    fleet_stop(fleet);
    fleet_free(fleet);
    fixture.db = NULL;
    fixture_close(&fixture);
}
