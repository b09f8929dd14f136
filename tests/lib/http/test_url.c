#include "lib/http/url.h"

#include <criterion/criterion.h>
#include <string.h>

Test(url_path, decodes_to_the_segments_that_were_sent)
{
    static const struct {
        const char *text;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a/", "/a/"},
        {"/a%20b/%C3%BC", "/a b/\xc3\xbc"},
        {"/%7euser;v=1@x:y", "/~user;v=1@x:y"},
        {"/...", "/..."},
        {"/.a/..b", "/.a/..b"},
        {"", NULL},
        {"a", NULL},
        {"//", NULL},
        {"//a", NULL},
        {"/a//b", NULL},
        {"/.", NULL},
        {"/./a", NULL},
        {"/a/..", NULL},
        {"/../a", NULL},
        {"/%2e%2E/a", NULL},
        {"/a%2fb", NULL},
        {"/a%00", NULL},
        {"/a%0a", NULL},
        {"/a%7f", NULL},
        {"/a%", NULL},
        {"/a%4", NULL},
        {"/a%4g", NULL},
        {"/a b", NULL},
        {"/a\\b", NULL},
        {"/a\"b", NULL},
        {"/a?b", NULL},
        {"/a#b", NULL},
        {"/\xc3\xbc", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[64];
        bool good = url_path_decode(cases[i].text, strlen(cases[i].text), out);

        cr_expect_eq(good, cases[i].path != NULL, "%s", cases[i].text);
        if (good && cases[i].path)
            cr_expect_str_eq(out, cases[i].path);
    }
}

Test(url_query, values_are_found_by_whole_names_and_decoded)
{
    static const struct {
        const char *query;
        const char *value;
    } cases[] = {
        {"limit=5", "5"},     {"a=1&limit=5&limit=6", "5"},
        {"limit", ""},        {"limit=", ""},
        {"limit=a+b", "a b"}, {"li%6dit=%26%3d", "&="},
        {"limit=a=b", "a=b"}, {"", NULL},
        {"limits=5", NULL},   {"=5", NULL},
        {"&&", NULL},         {"a=limit", NULL},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *value = url_query_value(cases[i].query, "limit", arena);

        cr_expect_eq(value != NULL, cases[i].value != NULL, "%s", cases[i].query);
        if (value && cases[i].value)
            cr_expect_str_eq(value, cases[i].value);
    }
    arena_free(arena);
}

Test(url_query, refuses_what_rfc_3986_does_not_allow)
{
    static const char *const good[] = {"", "a=1&b=/?:@", "a=%20%ff", "a+b"};
    static const char *const bad[] = {"a b", "a=%",    "a=%2", "a=%zz", "a=%00",
                                      "a#b", "a=\x01", "\xff", "[]",    "a|b"};

    for (size_t i = 0; i < COUNT(good); i++)
        cr_expect(url_query_valid(good[i], strlen(good[i])), "%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_expect_not(url_query_valid(bad[i], strlen(bad[i])), "%s", bad[i]);
}

Test(url, what_is_encoded_decodes_to_itself)
{
    AUTO_BUF out;
    char back[64];

    buf_init(&out, 200);
    buf_add_text(&out, "/");
    url_encode("a b~%?\xc3\xbc&=+\"", &out);
    cr_expect_str_eq(buf_text(&out), "/a%20b~%25%3F%C3%BC%26%3D%2B%22");
    cr_assert(url_path_decode(buf_text(&out), out.len, back));
    cr_expect_str_eq(back, "/a b~%?\xc3\xbc&=+\"");
}

Test(url, is_taken_apart_or_refused)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        const char *path;
        unsigned port;
        bool tls;
    } cases[] = {
        {"http://a.example", "a.example", "", 80, false},
        {"HTTPS://A.Example/x?y", "a.example", "/x?y", 443, true},
        {"http://127.0.0.1:8080/", "127.0.0.1", "/", 8080, false},
        {"https://[::1]:8443/a", "::1", "/a", 8443, true},
        {"https://[::1]", "::1", "", 443, true},
        {"http://a?b=1", "a", "?b=1", 80, false},
        {"ftp://a", NULL, NULL, 0, false},
        {"a.example", NULL, NULL, 0, false},
        {"http://", NULL, NULL, 0, false},
        {"http:///x", NULL, NULL, 0, false},
        {"http://a:/", NULL, NULL, 0, false},
        {"http://a:0/", NULL, NULL, 0, false},
        {"http://a:65536/", NULL, NULL, 0, false},
        {"http://a:1x/", NULL, NULL, 0, false},
        {"http://:80/", NULL, NULL, 0, false},
        {"http://user@a/", NULL, NULL, 0, false},
        {"http://[::1/", NULL, NULL, 0, false},
        {"http://[::1]x/", NULL, NULL, 0, false},
        {"http://a/#b", NULL, NULL, 0, false},
        {"http://a b/", NULL, NULL, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct url url;
        struct err err = {0};
        bool good = url_parse(cases[i].text, &url, &err);

        cr_expect_eq(good, cases[i].host != NULL, "%s", cases[i].text);
        if (!good) {
            cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].text);
            continue;
        }
        cr_expect_eq(url.tls, cases[i].tls, "%s", cases[i].text);
        cr_expect_str_eq(url.host, cases[i].host);
        cr_expect_eq(url.port, cases[i].port, "%s", cases[i].text);
        cr_expect_str_eq(url.path, cases[i].path);
    }
}

Test(url, an_origin_is_scheme_host_and_port)
{
    static const struct {
        const char *other;
        bool same;
    } cases[] = {
        {"https://a.example:443/x", true}, {"https://A.example", true},
        {"http://a.example:443", false},   {"https://a.example:8443", false},
        {"https://b.example", false},
    };
    struct url base;
    struct err err = {0};

    cr_assert(url_parse("https://a.example/base", &base, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct url other;

        cr_assert(url_parse(cases[i].other, &other, &err));
        cr_expect_eq(url_same_origin(&base, &other), cases[i].same, "%s", cases[i].other);
    }
}
