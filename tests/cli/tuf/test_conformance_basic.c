/* What suites for TUF clients ask of any client: the command line, the order of requests, what is
 * kept. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/conformance.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

static const char all_files[] = "root snapshot targets timestamp";

static struct conformance c;

static void open_world(void)
{
    conform_open(&c, TEST_KEY_ECDSA);
}

static void close_world(void)
{
    conform_close(&c);
}

TestSuite(conformance_basic, .init = open_world, .fini = close_world);

Test(conformance_basic, init_asks_nobody_and_keeps_the_root_as_it_is)
{
    conform_start(&c);
    cr_assert_str_eq(web_log(c.web), "");
    cr_assert_str_eq(conform_files(&c), "root");
    cr_assert(conform_keeps(&c, "root", &forge_file(c.forge, "1.root.json")->body));
}

Test(conformance_basic, a_refresh_fetches_in_order_and_keeps_the_received_bytes)
{
    conform_start(&c);
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp 1.snapshot 1.targets");
    cr_assert_str_eq(conform_files(&c), all_files);
    cr_assert(conform_keeps(&c, "timestamp", &forge_file(c.forge, "timestamp.json")->body));
    cr_assert(conform_keeps(&c, "snapshot", &forge_file(c.forge, "1.snapshot.json")->body));
    cr_assert(conform_keeps(&c, "targets", &forge_file(c.forge, "1.targets.json")->body));
}

Test(conformance_basic, nothing_trusted_and_unchanged_is_fetched_again)
{
    conform_start(&c);
    cr_assert_eq(conform_refresh(&c), 0);
    (void)conform_fetched(&c);
    cr_assert_eq(conform_refresh(&c), 0);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
    forge_timestamp(c.forge);
    cr_assert_eq(conform_refresh(&c), 0);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp");
    forge_snapshot(c.forge);
    cr_assert_eq(conform_refresh(&c), 0);
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp 2.snapshot");
    forge_bump(c.forge, "targets");
    forge_snapshot(c.forge);
    forge_bump(c.forge, "root");
    cr_assert_eq(conform_refresh(&c), 0);
    cr_assert_str_eq(conform_fetched(&c), "2.root 3.root timestamp 3.snapshot 2.targets");
}

Test(conformance_basic, a_search_for_nothing_still_refreshes)
{
    conform_start(&c);
    cr_assert_eq(conform_download(&c, "nonexistent artifact"), 1);
    cr_assert(conform_refused("TARGET_NOT_IN_IMAGE_REPO", "targets"), "%s", program_said());
    cr_assert_str_eq(conform_fetched(&c), "2.root timestamp 1.snapshot 1.targets");
    cr_assert_str_eq(conform_files(&c), all_files);
}

Test(conformance_basic, options_stand_anywhere)
{
    AUTO_FREE char *url = mem_printf("%s/metadata/", web_origin(c.web));
    const char *const args[] = {"refresh", "--metadata-dir", temp_path("md"), "--metadata-url", url,
                                NULL};

    conform_start(&c);
    cr_assert_eq(program_run("slipway-tuf", args), 0, "%s", program_said());
}

Test(conformance_basic, wrong_usage_is_1_and_asks_nobody)
{
    AUTO_FREE char *url = mem_printf("%s/metadata", web_origin(c.web));
    const char *md = temp_path("md");
    const char *const lines[][8] = {
        {NULL},
        {"refresh", NULL},
        {"--metadata-dir", md, NULL},
        {"--metadata-dir", md, "refresh", NULL},
        {"--metadata-url", url, "refresh", NULL},
        {"--metadata-url", url, "--metadata-dir", md, "download", NULL},
        {"--metadata-url", url, "--metadata-dir", md, "refresh", "twice", NULL},
        {"--metadata-url", url, "--metadata-dir", md, "dance", NULL},
        {"--unknown", "x", "--metadata-url", url, "--metadata-dir", md, "refresh", NULL},
        {"--metadata-url", url, "refresh", "--metadata-dir", NULL},
    };

    conform_start(&c);
    for (size_t i = 0; i < COUNT(lines); i++)
        cr_expect_eq(program_run("slipway-tuf", lines[i]), 1, "line %zu", i);
    cr_assert_str_eq(web_log(c.web), "");
}

Test(conformance_basic, a_trusted_root_that_is_none_is_refused_before_any_request)
{
    static const struct {
        const char *from, *to;
    } lies[] = {
        {"\"version\":1,", ""},
        {"\"version\":1,", "\"version\":2,"},
        {"\"_type\":\"root\"", "\"_type\":\"toor\""},
        {"\"sig\":\"30", "\"sig\":\"31"},
        {"\"signatures\":[", "\"signatures\":[],\"x\":["},
        {"{", "["},
    };

    for (size_t i = 0; i < COUNT(lies); i++) {
        const struct buf *root = &forge_file(c.forge, "1.root.json")->body;

        forge_put(c.forge, "root");
        forge_alter(c.forge, "1.root.json", lies[i].from, lies[i].to);
        cr_expect_eq(conform_init(&c, root->data, root->len), 1, "lie %zu", i);
        cr_expect(text_starts_with(program_said(), "result=ROOT_LOCAL_INVALID role=root"), "%s",
                  program_said());
        cr_expect_str_eq(conform_files(&c), i == 0 ? "" : "root"); /* what was planted */
        /* As if an older program had taken it. */
        conform_plant(&c, "root", root);
        cr_expect_eq(conform_refresh(&c), 1, "lie %zu", i);
        cr_expect(conform_refused("ROOT_LOCAL_INVALID", "root"), "%s", program_said());
        conform_plant(&c, "root", &(const struct buf){.len = 0});
        cr_expect_eq(conform_refresh(&c), 1);
    }
    cr_assert_str_eq(web_log(c.web), "");
}

Test(conformance_basic, a_bad_root_does_not_replace_a_good_one)
{
    conform_start(&c);
    cr_assert_eq(conform_init(&c, "{}", 2), 1);
    cr_assert(text_starts_with(program_said(), "result=ROOT_LOCAL_INVALID role=root"));
    cr_assert(conform_keeps(&c, "root", &forge_file(c.forge, "1.root.json")->body));
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
}

Test(conformance_basic, fields_nobody_knows_are_signed_and_accepted)
{
    json_t *root = forge_role(c.forge, "root")->body;
    json_t *keys = json_object_get(root, "keys");
    const char *id = test_key_id(forge_role(c.forge, "root")->keys[0]);

    conform_start(&c);
    cr_assert_eq(json_object_set_new(root, "custom-field", json_string("\u00e9\n\"\\")), 0);
    cr_assert_eq(json_object_set_new(json_object_get(keys, id), "extra-field",
                                     json_pack("{s:i, s:i}", "a", 1, "b", 2)),
                 0);
    cr_assert_eq(json_object_set_new(forge_rule(c.forge, "root", "root"), "another-field",
                                     json_string("value")),
                 0);
    forge_bump(c.forge, "root");
    cr_assert_eq(conform_refresh(&c), 0, "%s", program_said());
    cr_assert_eq(conform_version(&c, "root"), 2);
}

Test(conformance_basic, only_the_first_major_version_of_the_specification)
{
    static const struct {
        const char *spec;
        int status;
    } cases[] = {{"1.0.31", 0}, {"1.0", 0}, {"1.0.0", 0}, {"1.99.2", 0},
                 {"2.0.0", 1},  {"2.0", 1}, {"0.9.0", 1}, {"10.0", 1},
                 {"1", 1},      {"", 1},    {"1.0.x", 1}, {"1.0.0.0", 1}};

    conform_start(&c);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(json_object_set_new(forge_role(c.forge, "timestamp")->body, "spec_version",
                                         json_string(cases[i].spec)),
                     0);
        forge_timestamp(c.forge);
        cr_expect_eq(conform_refresh(&c), cases[i].status, "'%s'", cases[i].spec);
        if (cases[i].status)
            cr_expect(conform_refused("SPEC_VERSION", "timestamp"), "%s", program_said());
    }
}

Test(conformance_basic, answers_that_are_no_files_end_a_refresh)
{
    static const unsigned statuses[] = {200, 204, 206, 301, 302, 400, 401, 410, 500, 503};
    static const char page[] = "<html><body>This is a page for people</body></html>";

    conform_start(&c);
    for (size_t i = 0; i < COUNT(statuses); i++) {
        forge_put_file(c.forge, "timestamp.json", page, sizeof(page) - 1);
        forge_file(c.forge, "timestamp.json")->status = statuses[i];
        cr_expect_eq(conform_refresh(&c), 1, "%u", statuses[i]);
        cr_expect_str_eq(conform_fetched(&c), "2.root timestamp");
        cr_expect_str_eq(conform_files(&c), "root", "%u", statuses[i]);
    }
    forge_file(c.forge, "timestamp.json")->manner = WEB_DROPPED;
    cr_assert_eq(conform_refresh(&c), 1);
    forge_put(c.forge, "timestamp");
    cr_assert_eq(conform_refresh(&c), 0);
}
