#include <criterion/criterion.h>

#include <string.h>

#include "cli/trust/anchors.h"
#include "lib/base/mem.h"

#define PIN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char *pins[ANCHORS_PINS + 1];

static void fill(void)
{
    for (size_t i = 0; i < COUNT(pins); i++)
        pins[i] = PIN;
}

TestSuite(anchors, .init = fill);

Test(anchors, say_all_that_devices_look_for)
{
    AUTO_JSON *key = json_pack("{s:s}", "keytype", "ed25519");
    AUTO_JSON *made = anchors_new(key);
    AUTO_FREE char *text = NULL;
    struct err err = {0};

    cr_assert(anchors_set_pins(made, pins, 1, &err), "%s", err.text);
    text = anchors_text(made);
    cr_expect_str_eq(text, "{\"_type\":\"anchors\",\"version\":1,\"tls_pins\":[\"" PIN
                           "\"],\"device_cas\":[],\"next\":[],\"time_key\":{\"keytype\":"
                           "\"ed25519\"}}\n");
}

Test(anchors, count_up_and_keep_what_is_not_changed)
{
    AUTO_JSON *first = anchors_new(NULL);
    AUTO_JSON *second = anchors_next(first);
    struct err err = {0};

    cr_assert(anchors_set_pins(second, pins, ANCHORS_PINS, &err), "%s", err.text);
    cr_expect_eq(json_integer_value(json_object_get(second, "version")), 2);
    cr_expect_eq(json_integer_value(json_object_get(first, "version")), 1);
    cr_assert(anchors_add_pins(second, "2027-01-01T00:00:00Z", pins, 1, &err), "%s", err.text);
    cr_expect_eq(json_array_size(json_object_get(second, "tls_pins")), ANCHORS_PINS);
    cr_expect_eq(json_array_size(json_object_get(second, "next")), 1);
    cr_assert(anchors_set_pins(second, pins, 0, &err), "%s", err.text);
    cr_expect_eq(json_array_size(json_object_get(second, "next")), 0,
                 "what shall be valid is said as a whole");
}

Test(anchors, take_no_more_than_devices_do_and_only_pins)
{
    const char *wrong[] = {"00", NULL};
    AUTO_JSON *made = anchors_new(NULL);
    struct err err = {0};

    cr_expect_not(anchors_set_pins(made, pins, ANCHORS_PINS + 1, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_not(anchors_set_pins(made, wrong, 1, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    cr_expect_not(anchors_add_pins(made, "tomorrow", pins, 1, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    for (size_t i = 0; i < ANCHORS_NEXT; i++)
        cr_expect(anchors_add_pins(made, "2027-01-01T00:00:00Z", pins, 1, &err), "%s", err.text);
    cr_expect_not(anchors_add_pins(made, "2027-01-01T00:00:00Z", pins, 1, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
}
