/* What suites for TUF clients ask about delegations: the order of the search, where it ends, and
 * that a role is verified for each of its delegators. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "tests/support/conformance.h"
#include "tests/support/program.h"

static const char top[] = "2.root timestamp 1.snapshot 1.targets";

static struct conformance c;

static void open_world(void)
{
    conform_open(&c, TEST_KEY_ED25519);
    conform_start(&c);
}

static void close_world(void)
{
    conform_close(&c);
}

TestSuite(conformance_delegations, .init = open_world, .fini = close_world);

/* Once all are made: version 1 of everything. */
static void publish(void)
{
    for (size_t i = 0; i < c.forge->role_count; i++) {
        if (json_object_get(c.forge->roles[i].body, "targets"))
            forge_put(c.forge, c.forge->roles[i].name);
    }
    forge_set_version(c.forge, "snapshot", 0);
    forge_set_version(c.forge, "timestamp", 0);
    forge_snapshot(c.forge);
}

/* "targets>A A>C:*.py B>D!": FROM>TO, a pattern when it is not "*", a '!' when terminating. */
static void delegate_all(const char *edges)
{
    AUTO_FREE char *text = mem_strdup(edges);
    char *rest = text;

    for (char *edge; (edge = strsep(&rest, " ")) != NULL;) {
        size_t len = strlen(edge);
        bool terminating = edge[len - 1] == '!';
        char *from = strsep(&edge, ">");
        char *to = NULL;
        json_t *rule;

        if (terminating)
            edge[strlen(edge) - 1] = '\0';
        to = strsep(&edge, ":");
        rule = forge_delegate(c.forge, from, to, edge ? edge : "*");
        if (terminating)
            cr_assert_eq(json_object_set_new(rule, "terminating", json_true()), 0);
    }
    publish();
}

/* What a search for the target asked for behind the top-level roles. */
static const char *visited(const char *target, int status)
{
    const char *fetched;

    (void)conform_fetched(&c);
    cr_expect_eq(conform_download(&c, target), status, "%s: %s", target, program_said());
    fetched = conform_fetched(&c);
    cr_assert(text_starts_with(fetched, top), "%s", fetched);
    fetched += sizeof(top) - 1;
    return *fetched ? fetched + 1 : fetched;
}

Test(conformance_delegations, roles_are_asked_in_preorder)
{
    static const struct {
        const char *edges, *order;
    } cases[] = {
        {"targets>A", "1.A"},
        {"targets>A targets>B", "1.A 1.B"},
        {"targets>A targets>B B>C", "1.A 1.B 1.C"},
        {"targets>A targets>B A>C A>D", "1.A 1.C 1.D 1.B"},
        {"targets>A targets>B A>C C>D", "1.A 1.C 1.D 1.B"},
        /* only the terminating one's own may follow */
        {"targets>A targets>B A>C! A>D", "1.A 1.C"},
        {"targets>A targets>B A>C! C>D", "1.A 1.C 1.D"},
        /* only where the path fits */
        {"targets>A:*.py targets>B A>C", "1.B"},
        {"targets>A targets>B A>C:*.py C>D", "1.A 1.B"},
        {"targets>A:*.py! targets>B", "1.B"},
        /* round in circles */
        {"targets>A targets>B B>C C>D D>B", "1.A 1.B 1.C 1.D"},
        {"targets>A A>A", "1.A"},
        /* two ways to one role, which signed for both */
        {"targets>A targets>B B>C A>C", "1.A 1.C 1.B"},
        {"targets>A targets>B B>C A>C:*.py", "1.A 1.B 1.C"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        delegate_all(cases[i].edges);
        cr_expect_str_eq(visited("missingpath", 1), cases[i].order, "case %zu", i);
        cr_expect(text_starts_with(program_said(), "result=TARGET_NOT_IN_IMAGE_REPO "), "%s",
                  program_said());
        cr_expect_eq(conform_download(&c, "missingpath"), 1);
        cr_expect_str_eq(conform_fetched(&c), "2.root timestamp", "case %zu: trusted already", i);
        conform_again(&c);
    }
}

Test(conformance_delegations, a_target_is_found_where_the_whole_chain_allows_it)
{
    static const char edges[] =
        "targets>A:*.md targets>B:releases/*/* B>C:releases/x/* B>D:releases/y/*.zip";
    static const struct {
        const char *target, *order;
        int status;
    } cases[] = {
        {"targetfile", "", 0},
        {"README.md", "1.A", 0},
        {"releases/x/x_v1", "1.B 1.C", 0},
        {"releases/y/y_v1.zip", "1.B 1.D", 0},
        {"releases/z/z_v1.zip", "1.B", 1}, /* listed by D, delegated by nobody */
        {"docs/README.md", "", 1},         /* '*' is one component */
        {"releases/x/deep/x_v1", "", 1},   /* so are two of them two */
        {"RELEASES/x/x_v1", "", 1},        /* letters are not folded */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *name = NULL;

        delegate_all(edges);
        (void)forge_add_target(c.forge, "targets", "targetfile", "of targets");
        (void)forge_add_target(c.forge, "A", "README.md", "of A");
        (void)forge_add_target(c.forge, "A", "docs/README.md", "of A, deeper");
        (void)forge_add_target(c.forge, "C", "releases/x/x_v1", "of C");
        (void)forge_add_target(c.forge, "C", "releases/x/deep/x_v1", "of C, deeper");
        (void)forge_add_target(c.forge, "C", "RELEASES/x/x_v1", "of C, louder");
        (void)forge_add_target(c.forge, "D", "releases/y/y_v1.zip", "of D");
        (void)forge_add_target(c.forge, "D", "releases/z/z_v1.zip", "of D, too");
        publish();
        name = mem_strdup(visited(cases[i].target, cases[i].status));
        if (cases[i].status == 0) {
            char *file = strstr(name, "targets/");

            cr_assert(file, "%s", name);
            file[file == name ? 0 : -1] = '\0';
        }
        cr_expect_str_eq(name, cases[i].order, "%s", cases[i].target);
        cr_expect_eq(conform_downloads(&c)[0] != '\0', cases[i].status == 0);
        conform_again(&c);
    }
}

Test(conformance_delegations, patterns_match_within_one_component)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"*", "a", true},           {"*", "a/b", false},      {"a/*", "a/b", true},
        {"a/*", "a/b/c", false},    {"?", "a", true},         {"?", "ab", false},
        {"a?c", "abc", true},       {"a?c", "a/c", false},    {"*.zip", "x.zip", true},
        {"*.zip", "x.ZIP", false},  {"[ab]x", "bx", true},    {"[!ab]x", "bx", false},
        {"a", "a", true},           {"a", "b", false},        {"*/*", "a/b", true},
        {"a*b*c", "axxbxxc", true}, {"a*b*c", "axxc", false}, {"", "a", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *order;

        (void)forge_delegate(c.forge, "targets", "A", cases[i].pattern);
        publish();
        if (cases[i].pattern[0] == '\0') { /* no pattern is not a delegation of everything */
            cr_expect_eq(conform_download(&c, cases[i].path), 1);
            conform_again(&c);
            continue;
        }
        order = visited(cases[i].path, 1);
        cr_expect_str_eq(order, cases[i].matches ? "1.A" : "", "'%s' and '%s'", cases[i].pattern,
                         cases[i].path);
        conform_again(&c);
    }
}

Test(conformance_delegations, two_delegators_of_one_role_name_each_verify_it_with_their_own_keys)
{
    struct forge_role *role;
    const struct test_key *of_a;

    (void)forge_delegate(c.forge, "targets", "A", "*");
    (void)forge_delegate(c.forge, "targets", "B", "*");
    (void)forge_delegate(c.forge, "A", "C", "*.a");
    (void)forge_delegate(c.forge, "B", "C", "*.b");
    (void)forge_add_target(c.forge, "C", "file.a", "for A");
    (void)forge_add_target(c.forge, "C", "file.b", "for B");
    role = forge_role(c.forge, "C");
    of_a = role->keys[0];
    cr_assert_neq(of_a, role->keys[1]);
    role->key_count = 1; /* only A's key signs */
    publish();
    cr_assert_eq(conform_download(&c, "file.a"), 0, "%s", program_said());
    cr_assert_str_eq(conform_downloads(&c), "for A|");
    /* It is trusted and stored, but B's keys never signed it. */
    cr_assert_eq(conform_download(&c, "file.b"), 1);
    cr_assert(conform_refused("DELEGATED_THRESHOLD", "C"), "%s", program_said());
    cr_assert_str_eq(conform_downloads(&c), "for A|");
    cr_assert_eq(conform_download_two(&c, "file.a", "file.b"), 1);
    cr_assert(conform_refused("DELEGATED_THRESHOLD", "C"), "%s", program_said());
    /* And the other way round, in one search: A's C would be visited again under B. */
    conform_again(&c);
    (void)forge_delegate(c.forge, "targets", "A", "*");
    (void)forge_delegate(c.forge, "targets", "B", "*");
    (void)forge_delegate(c.forge, "A", "C", "*");
    (void)forge_delegate(c.forge, "B", "C", "*");
    publish(); /* signed by both */
    (void)conform_fetched(&c);
    cr_assert_str_eq(visited("missing", 1), "1.A 1.C 1.B");
    forge_role(c.forge, "C")->key_count = 1;
    forge_bump(c.forge, "C");
    forge_snapshot(c.forge);
    cr_assert_eq(conform_download(&c, "missing"), 1);
    cr_assert(conform_refused("DELEGATED_THRESHOLD", "C"), "%s", program_said());
}

Test(conformance_delegations, a_delegated_role_needs_its_threshold)
{
    json_t *rule = forge_delegate(c.forge, "targets", "A", "*");

    forge_add_key(c.forge, "targets", "A", forge_key(c.forge));
    cr_assert_eq(json_object_set_new(rule, "threshold", json_integer(2)), 0);
    (void)forge_add_target(c.forge, "A", "file", "content");
    forge_role(c.forge, "A")->key_count = 1;
    publish();
    cr_assert_eq(conform_download(&c, "file"), 1);
    cr_assert(conform_refused("DELEGATED_THRESHOLD", "A"), "%s", program_said());
    cr_assert_eq(conform_version(&c, "A"), 0);
    forge_role(c.forge, "A")->key_count = 2;
    forge_put(c.forge, "A");
    cr_assert_eq(conform_download(&c, "file"), 0, "%s", program_said());
}

Test(conformance_delegations, a_role_that_is_not_in_the_snapshot_ends_the_search)
{
    (void)forge_delegate(c.forge, "targets", "A", "*");
    (void)forge_delegate(c.forge, "targets", "B", "*");
    (void)forge_add_target(c.forge, "B", "file", "content");
    forge_role(c.forge, "A")->unlisted = true;
    publish();
    cr_assert_str_eq(visited("file", 1), "");
    cr_assert(conform_refused("TARGET_NOT_IN_IMAGE_REPO", "targets"), "%s", program_said());
}

Test(conformance_delegations, delegated_roles_are_what_the_snapshot_lists)
{
    static const struct {
        const char *from, *to, *code;
    } lies[] = {
        {"\"_type\":\"targets\"", "\"_type\":\"TARGETS\"", "TARGETS_HASH"},
        {"1.0.31", "1.0.3", "TARGETS_LENGTH"},
        {"1.0.31", "1.0.311", "LENGTH_LIMIT"},
    };

    c.forge->with_hashes = true;
    (void)forge_delegate(c.forge, "targets", "A", "*");
    publish();
    for (size_t i = 0; i < COUNT(lies); i++) {
        forge_put(c.forge, "A");
        forge_alter(c.forge, "1.A.json", lies[i].from, lies[i].to);
        cr_expect_eq(conform_download(&c, "file"), 1);
        cr_expect(conform_refused(lies[i].code, "A"), "%s: %s", lies[i].code, program_said());
        cr_expect_eq(conform_version(&c, "A"), 0);
    }
    c.forge->with_hashes = false;
    forge_snapshot(c.forge);
    forge_set_version(c.forge, "A", 2);
    forge_put(c.forge, "A");
    forge_put_file(c.forge, "1.A.json", forge_file(c.forge, "2.A.json")->body.data,
                   forge_file(c.forge, "2.A.json")->body.len);
    cr_assert_eq(conform_download(&c, "file"), 1);
    cr_assert(conform_refused("TARGETS_VERSION", "A"), "%s", program_said());
}

Test(conformance_delegations, strange_role_names_are_quoted_in_requests_and_files)
{
    static const struct {
        const char *name, *quoted;
    } cases[] = {
        {"?", "%3F"},
        {"#", "%23"},
        {"/delegatedrole", "%2Fdelegatedrole"},
        {"../delegatedrole", "..%2Fdelegatedrole"},
        {"..", ".."},
        {"a b&c=[d]%", "a%20b%26c%3D%5Bd%5D%25"},
        {"r\u00f6le", "r%C3%B6le"},
        {"-_.~09", "-_.~09"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *request = mem_printf("1.%s", cases[i].quoted);

        (void)forge_delegate(c.forge, "targets", cases[i].name, "*");
        publish();
        cr_expect_str_eq(visited("nonexistent target", 1), request);
        cr_expect_eq(conform_version(&c, cases[i].quoted), 1, "%s", conform_files(&c));
        conform_again(&c);
    }
}

Test(conformance_delegations, a_role_name_that_is_too_long_or_taken_is_refused)
{
    static const char *const taken[] = {"root", "timestamp", "snapshot", "targets", ""};
    char name[301];

    memset(name, 'x', sizeof(name) - 1);
    name[300] = '\0';
    (void)forge_delegate(c.forge, "targets", name, "*");
    publish();
    cr_assert_eq(conform_download(&c, "file"), 1);
    cr_assert_str_eq(conform_files(&c), "root snapshot timestamp");
    for (size_t i = 0; i < COUNT(taken); i++) {
        conform_again(&c);
        (void)forge_delegate(c.forge, "targets", "A", "*");
        cr_assert_eq(
            json_object_set_new(forge_rule(c.forge, "targets", "A"), "name", json_string(taken[i])),
            0);
        publish();
        cr_expect_eq(conform_refresh(&c), 1);
        cr_expect(conform_refused("NAME_UNSAFE", "targets"), "%s", program_said());
    }
}

Test(conformance_delegations, at_most_32_roles_are_visited)
{
    static const int counts[] = {32, 33};

    for (size_t i = 0; i < COUNT(counts); i++) {
        char from[16] = "targets";
        char to[16];

        for (int role = 1; role <= counts[i]; role++) {
            (void)snprintf(to, sizeof(to), "r%d", role);
            (void)forge_delegate(c.forge, from, to, "*");
            memcpy(from, to, sizeof(from));
        }
        (void)forge_add_target(c.forge, to, "file", "at the end");
        publish();
        cr_expect_eq(conform_download(&c, "file"), i == 0 ? 0 : 1, "%s", program_said());
        if (i == 1)
            cr_expect(conform_refused("ROLE_LIMIT", "r32"), "%s", program_said());
        conform_again(&c);
    }
}

Test(conformance_delegations, bins_by_hash_are_asked_for_the_one_path)
{
    static const char path[] = "some/file";
    json_t *targets = forge_role(c.forge, "targets")->body;
    const struct test_key *key = forge_key(c.forge);
    AUTO_FREE char *request = NULL;
    char bin[64];
    char other[64];

    cr_assert(tuf_bin_name("bin", 3, path, bin, sizeof(bin)));
    for (int i = 0; i < 8; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "bin-%x", (unsigned)i);
        (void)forge_delegate(c.forge, "targets", name, "*");
        forge_role(c.forge, name)->keys[0] = key;
    }
    cr_assert_eq(json_object_set_new(
                     targets, "delegations",
                     json_pack("{s:{s:O}, s:{s:[s], s:i, s:i, s:s}}", "keys", test_key_id(key),
                               test_key_json(key), "succinct_roles", "keyids", test_key_id(key),
                               "threshold", 1, "bit_length", 3, "name_prefix", "bin")),
                 0);
    (void)forge_add_target(c.forge, bin, path, "in its bin");
    (void)snprintf(other, sizeof(other), "bin-%x", bin[4] == '0' ? 1U : 0U);
    (void)forge_add_target(c.forge, other, "other/file", "in a bin of another path");
    publish();
    request = mem_printf("1.%s", bin);
    cr_assert(strstr(visited(path, 0), request));
    cr_assert_str_eq(conform_downloads(&c), "in its bin|");
    cr_assert(tuf_bin_name("bin", 3, "other/file", bin, sizeof(bin)));
    cr_assert_eq(conform_download(&c, "other/file"), text_equal(bin, other) ? 0 : 1);
}

Test(conformance_delegations, path_hash_prefixes_are_the_old_form_of_bins)
{
    json_t *rule = forge_delegate(c.forge, "targets", "A", "x");
    uint8_t hash[HASH_BYTES];
    char hex[HASH_HEX_ROOM];

    hash_sha256("some/file", 9, hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    hex[2] = '\0';
    cr_assert_eq(json_object_del(rule, "paths"), 0);
    cr_assert_eq(json_object_set_new(rule, "path_hash_prefixes", json_pack("[s]", hex)), 0);
    (void)forge_add_target(c.forge, "A", "some/file", "content");
    publish();
    cr_assert_eq(conform_download(&c, "some/file"), 0, "%s", program_said());
    hash_sha256("other", 5, hash);
    text_from_hex_bytes(hash, 1, hex + 3);
    cr_assert_str_neq(hex, hex + 3);
    cr_assert_eq(conform_download(&c, "other"), 1);
}
