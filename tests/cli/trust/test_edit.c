#include <criterion/criterion.h>

#include <string.h>

#include "cli/trust/edit.h"
#include "lib/crypto/sign.h"

static json_t *fresh_keys(size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        AUTO_SIGN_KEY struct sign_key *key = sign_key_new();

        json_array_append_new(list, tuf_key_json(sign_key_public(key)));
    }
    return list;
}

static size_t key_count(json_t *body)
{
    return json_object_size(edit_keys(body));
}

Test(edit, next_version_keeps_what_it_does_not_know)
{
    AUTO_JSON *body = json_pack("{s:s, s:i, s:s, s:{s:i}}", "_type", "targets", "version", 7,
                                "expires", "2020-01-01T00:00:00Z", "x-new", "a", 1);
    AUTO_JSON *next = edit_next(body, 0, 2);

    cr_expect_eq(json_integer_value(json_object_get(next, "version")), 8);
    cr_expect_str_eq(json_string_value(json_object_get(next, "expires")), "1970-01-03T00:00:00Z");
    cr_expect(json_equal(json_object_get(next, "x-new"), json_object_get(body, "x-new")));
    cr_expect_eq(json_integer_value(json_object_get(body, "version")), 7, "the old one stays");
}

Test(edit, delegates_a_hardware_once_and_drops_keys_that_nobody_names)
{
    AUTO_JSON *body = edit_targets_new(0, 1);
    AUTO_JSON *first = fresh_keys(2);
    AUTO_JSON *second = fresh_keys(3);
    AUTO_JSON *hwids = NULL;
    struct err err = {0};

    cr_assert(edit_delegate_os(body, "h1", first, 2, &err), "%s", err.text);
    cr_assert(edit_delegate_os(body, "h2", first, 1, &err), "%s", err.text);
    cr_expect_eq(key_count(body), 2);
    cr_assert(edit_set_keys(body, "os-h1", second, 0, &err), "%s", err.text);
    cr_expect_eq(key_count(body), 5, "h2 still names the first two");
    cr_assert(edit_set_keys(body, "os-h2", second, 3, &err), "%s", err.text);
    cr_expect_eq(key_count(body), 3);
    cr_expect_eq(json_integer_value(json_object_get(edit_rule(body, "os-h1"), "threshold")), 2,
                 "0 leaves the threshold");
    cr_expect_not(edit_delegate_os(body, "h1", first, 1, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_not(edit_delegate_os(body, "h/1", first, 1, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    hwids = edit_hwids(body);
    cr_expect_eq(json_array_size(hwids), 2);
}

Test(edit, never_leaves_a_threshold_that_nobody_can_reach)
{
    AUTO_JSON *body = edit_targets_new(0, 1);
    AUTO_JSON *three = fresh_keys(3);
    AUTO_JSON *two = fresh_keys(2);
    struct err err = {0};

    cr_assert(edit_delegate_os(body, "h1", three, 3, &err), "%s", err.text);
    cr_expect_not(edit_set_keys(body, "os-h1", two, 0, &err));
    cr_expect_eq(err.code, ERR_INVALID, "%s", err.text);
    cr_expect_not(edit_set_keys(body, "os-h1", three, 4, &err));
    cr_expect(edit_set_keys(body, "os-h1", two, 2, &err), "%s", err.text);
    cr_expect_not(edit_set_keys(body, "os-h9", two, 1, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}

Test(edit, gives_back_the_keys_of_a_role)
{
    AUTO_JSON *body = edit_targets_new(0, 1);
    AUTO_JSON *keys = fresh_keys(3);
    AUTO_JSON *found = NULL;
    AUTO_JSON *none = NULL;
    struct err err = {0};

    cr_assert(edit_delegate_os(body, "h1", keys, 1, &err), "%s", err.text);
    found = edit_keys_of(body, "os-h1");
    none = edit_keys_of(body, "os-h2");
    cr_expect(json_equal(found, keys));
    cr_expect_eq(json_array_size(none), 0);
    cr_expect_null(edit_rule(body, "root"));
}
