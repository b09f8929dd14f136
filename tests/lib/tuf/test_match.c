#include <criterion/criterion.h>

#include <string.h>

#include "lib/tuf/internal.h"

Test(pattern, matches_components_and_never_crosses_a_slash)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"*", "a", true},
        {"*", "a/b", false},
        {"*/*", "a/b", true},
        {"*/*", "a", false},
        {"*/*", "a/b/c", false},
        {"os/h1/*/*", "os/h1/v1/rootfs.img", true},
        {"os/h1/*/*", "os/h2/v1/rootfs.img", false},
        {"os/h1/*/*", "os/h1/v1", false},
        {"os/h1/*/*", "os/h1/v1/a/b", false},
        {"*.md", "README.md", true},
        {"*.md", "README.mdx", false},
        {"*.md", ".md", true},
        {"*a*b*c", "xxaxxbxxc", true},
        {"*a*b*c", "xxaxxcxxb", false},
        {"a*", "a", true},
        {"a**", "ab", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"a?c", "a/c", false},
        {"?", "", false},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"[abc]x", "bx", true},
        {"[abc]x", "dx", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[!a-c]x", "bx", false},
        {"[]]", "]", true},
        {"[!]]", "a", true},
        {"[!]]", "]", false},
        {"[a-]", "-", true},
        {"[z-a]", "m", false},
        {"[", "[", true},
        {"[a", "[a", true},
        {"[a/b]", "a", false},
        {"[!a]", "/", false},
        {"x[a/b]", "x[a/b]", true},
        {"*[0-9].bin", "fw12.bin", true},
        {"*[0-9].bin", "fw.bin", false},
        {"A", "a", false},
        {"a\\*", "a*", false}, /* no escapes */
        {"*/b*", "aaa/bbb", true},
        {"*a/b", "aaa/b", true},
        {"*a/b", "ab/b", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(tuf_pattern_matches(cases[i].pattern, cases[i].path), cases[i].matches,
                     "'%s' '%s'", cases[i].pattern, cases[i].path);
}

Test(pattern, of_many_stars_ends_soon)
{
    char path[TUF_PATH_MAX + 1];
    char pattern[TUF_PATTERN_MAX];

    memset(path, 'a', TUF_PATH_MAX);
    path[TUF_PATH_MAX] = '\0';
    for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
        memcpy(pattern + i, "*a", 2);
    memcpy(pattern + 400, "b", 2);
    cr_expect_not(tuf_pattern_matches(pattern, path));
}

Test(bins, are_named_as_tap_15_does)
{
    static const struct {
        unsigned bits;
        const char *name;
    } cases[] = {
        {1, "b-0"},   {2, "b-0"},     {4, "b-2"},      {5, "b-05"},        {8, "b-2d"},
        {9, "b-05b"}, {16, "b-2db8"}, {20, "b-2db8b"}, {31, "b-16dc5afa"}, {32, "b-2db8b5f4"},
    };
    char name[32];

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert(tuf_bin_name("b", cases[i].bits, "os/h/x", name, sizeof(name)));
        cr_expect_str_eq(name, cases[i].name, "%u", cases[i].bits);
    }
    cr_expect_not(tuf_bin_name("b", 32, "os/h/x", name, 10));
    cr_expect(tuf_bin_name("b", 32, "os/h/x", name, 11));
}

Test(file_name, encodes_everything_but_the_unreserved)
{
    static const struct {
        const char *role;
        uint64_t version;
        const char *name;
    } cases[] = {
        {"root", 0, "root.json"},
        {"root", 2, "2.root.json"},
        {"os-demo.b_~", 7, "7.os-demo.b_~.json"},
        {"../a b", 18446744073709551615U, "18446744073709551615...%2Fa%20b.json"},
    };
    char name[TUF_FILE_NAME_ROOM];

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert(tuf_file_name(cases[i].role, cases[i].version, name, sizeof(name)));
        cr_expect_str_eq(name, cases[i].name);
    }
    cr_expect(tuf_file_name("root", 2, name, sizeof("2.root.json")));
    cr_expect_not(tuf_file_name("root", 2, name, sizeof("2.root.json") - 1));
}

Test(role_names, promise_types)
{
    static const struct {
        const char *role, *type;
        bool may;
    } cases[] = {
        {"targets", "os", true},    {"targets", "trust", true},     {"os-h1", "os", true},
        {"os-h1", "app", false},    {"os-h1", "boot", false},       {"app-team", "app", true},
        {"app-team", "os", false},  {"evidence", "evidence", true}, {"evidence", "os", false},
        {"osx", "app", true},       {"team", "app", true},          {"team", "trust", false},
        {"os-h1.4-0a", "os", true},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(tuf_role_may_sign(cases[i].role, cases[i].type), cases[i].may, "%s %s",
                     cases[i].role, cases[i].type);
}
