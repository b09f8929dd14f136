#include "cli/import.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

static void add_file(json_t *plan, enum import_kind kind, const char *name)
{
    AUTO_FREE char *path = mem_printf("tests/cli/import/%s", name);
    AUTO_BUF text;
    struct err err;

    buf_init(&text, 1 << 20);
    cr_assert(file_read(path, &text, &err), "%s", err.text);
    cr_assert(import_add(plan, kind, text.data, text.len, &err), "%s", err.text);
}

static void expect(const json_t *plan, const char *wanted)
{
    AUTO_JSON *tree = json_loads(wanted, 0, NULL);
    AUTO_FREE char *text = json_text(plan);

    cr_assert(tree);
    cr_expect(json_equal(tree, json_iterable(plan)), "%s", text);
}

Test(import, reads_what_hawkbit_exports)
{
    AUTO_JSON *plan = import_plan();

    add_file(plan, IMPORT_HAWKBIT, "hawkbit-targets.json");
    add_file(plan, IMPORT_HAWKBIT, "hawkbit-targets.json"); /* the same once more */
    import_settle(plan, "production");
    expect(plan, "{\"groups\":{\"Yard-North\":2,\"production\":1},\"devices\":{"
                 "\"cam-0001\":{\"group\":\"Yard-North\",\"had_token\":true,\"tags\":{"
                 "\"name\":\"Gate 1\",\"description\":\"north gate\",\"type\":\"camera\","
                 "\"revision\":\"2\",\"fw\":\"1.4.0\"}},"
                 "\"cam-0002\":{\"group\":\"production\",\"had_token\":true,"
                 "\"tags\":{\"name\":\"Gate 2\"}},"
                 "\"cam-0003\":{\"group\":\"Yard-North\",\"tags\":{}}}}");
}

Test(import, reads_what_mender_exports_in_any_order)
{
    static const char *const orders[][2] = {{"mender-inventory.json", "mender-devauth.json"},
                                            {"mender-devauth.json", "mender-inventory.json"}};

    for (size_t i = 0; i < COUNT(orders); i++) {
        AUTO_JSON *plan = import_plan();

        add_file(plan, IMPORT_MENDER, orders[i][0]);
        add_file(plan, IMPORT_MENDER, orders[i][1]);
        import_settle(plan, "lab");
        expect(plan, "{\"groups\":{\"field\":0,\"lab\":1},\"devices\":{"
                     "\"8a6e0d0c-33aa-4d5c-b1a2-7d2b63d9d0f1\":{\"group\":\"field\",\"public_key\":"
                     "\"19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1\","
                     "\"tags\":{\"device_type\":\"cam-v1\",\"mem_total_kB\":\"1024000\","
                     "\"site\":\"berlin\"}},"
                     "\"b3f1c6de-0000-4d5c-b1a2-7d2b63d9d0f2\":{\"group\":\"lab\",\"tags\":{}}}}");
    }
}

Test(import, refuses_what_is_no_export)
{
    static const struct {
        enum import_kind kind;
        const char *text;
    } cases[] = {
        {IMPORT_HAWKBIT, ""},
        {IMPORT_HAWKBIT, "{}"},
        {IMPORT_HAWKBIT, "{\"content\":{}}"},
        {IMPORT_HAWKBIT, "{\"content\":[7]}"},
        {IMPORT_HAWKBIT, "{\"content\":[{\"name\":\"x\"}]}"},
        {IMPORT_HAWKBIT, "{\"content\":[{\"controllerId\":\"\"}]}"},
        {IMPORT_MENDER, "{\"content\":[]}"},
        {IMPORT_MENDER, "[{\"id\":7}]"},
        {IMPORT_MENDER, "[{}"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *plan = import_plan();
        struct err err = {0};

        cr_expect(!import_add(plan, cases[i].kind, cases[i].text, strlen(cases[i].text), &err),
                  "%s", cases[i].text);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].text);
    }
}

Test(import, makes_a_name_of_a_group_from_any)
{
    AUTO_FREE char *plain = import_group_name("a.b_c-9");
    AUTO_FREE char *other = import_group_name("Yard/North \xc3\xa4");
    AUTO_FREE char *edge = import_group_name("0123456789012345678901234567890123456789012345678901"
                                             "2345678901234");

    cr_expect_str_eq(plain, "a.b_c-9");
    cr_expect_str_eq(other, "Yard-North---");
    cr_expect_eq(strlen(edge), 63);
}
