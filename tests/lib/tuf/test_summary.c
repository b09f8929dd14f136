#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/summary.h"

static struct buf text_buf(const char *text)
{
    struct buf buf;

    buf_init(&buf, 200000);
    buf_add_text(&buf, text);
    return buf;
}

static void expect_summary(const char *what, const char *before, const char *after,
                           const char *expected)
{
    AUTO_BUF old = text_buf(before ? before : "");
    AUTO_BUF fresh = text_buf(after);
    AUTO_BUF out;
    struct err err = {0};

    buf_init(&out, TUF_SUMMARY_BYTES_MAX);
    cr_assert(tuf_summary("r", before ? &old : NULL, &fresh, &out, &err), "%s: %s", what, err.text);
    cr_expect_str_eq(buf_text(&out), expected, "%s:\n%s", what, buf_text(&out));
}

#define V(n) "\"version\":" #n ",\"expires\":\"2027-01-01T00:00:00Z\""
#define ENTRY(floor)                                                                               \
    "{\"length\":7,\"hashes\":{\"sha256\":\"0123456789abcdef0123\"},\"custom\":{\"floor\":" floor  \
    ",\"revert_to\":[3,4],\"revert_until\":\"U\",\"requires\":[{\"type\":\"boot\",\"name\":\"u\"," \
    "\"min_counter\":2}],"                                                                         \
    "\"match\":{\"hwids\":[\"h1\",\"h2\"],\"name\":\"base\",\"version\":\"2."                      \
    "0\","                                                                                         \
    "\"release_counter\":5}}}"
#define TEXT(floor)                                                                                \
    "base 2.0, counter 5, floor " floor ", may go back to 3 4 until U, 7 bytes,"                   \
    " sha256 0123456789abcdef, for h1, h2, requires boot u from counter 2"
#define ROLE(threshold, keys, paths)                                                               \
    "{\"name\":\"os-x\",\"threshold\":" threshold ",\"keyids\":[" keys "],\"paths\":[" paths "],"  \
    "\"x-hwids\":[\"x\"],\"terminating\":true}"

Test(summary, tells_every_difference_on_a_line_of_its_own)
{
    static const struct {
        const char *what;
        const char *before;
        const char *after;
        const char *expected;
    } cases[] = {
        {"a first version", NULL, "{" V(1) "}",
         "r: version 1, the first\nexpires 2027-01-01T00:00:00Z\n"},
        {"nothing but the version", "{" V(1) "}", "{" V(2) "}", "r: version 1 -> 2\n"},
        {"a whole document against a signed part", "{\"signatures\":[],\"signed\":{" V(1) "}}",
         "{" V(2) "}", "r: version 1 -> 2\n"},
        {"another expiry", "{\"version\":1,\"expires\":\"a\"}", "{\"version\":2,\"expires\":\"b\"}",
         "r: version 1 -> 2\nexpires b (was a)\n"},
        {"keys and thresholds of a root",
         "{" V(1) ",\"roles\":{\"root\":{\"threshold\":1,\"keyids\":[\"a\",\"b\"]}}}",
         "{" V(2) ",\"roles\":{\"root\":{\"threshold\":2,\"keyids\":[\"b\",\"c\"]}}}",
         "r: version 1 -> 2\n+ root: key c\n- root: key a\nroot: threshold 1 -> 2\n"},
        {"a new delegation", "{" V(1) "}",
         "{" V(2) ",\"delegations\":{\"roles\":[" ROLE("2", "\"a\",\"b\"", "\"os/x/*/*\"") "]}}",
         "r: version 1 -> 2\n+ role os-x may sign os/x/*/* for hardware x: 2 of 2 keys\n"},
        {"a delegation changed",
         "{" V(1) ",\"delegations\":{\"roles\":[" ROLE("1", "\"a\"", "\"p\"") "]}}",
         "{" V(2) ",\"delegations\":{\"roles\":[" ROLE("2", "\"a\",\"b\"", "\"q\"") "]}}",
         "r: version 1 -> 2\n+ os-x: key b\nos-x: threshold 1 -> 2\n+ os-x: paths q\n"
         "- os-x: paths p\n"},
        {"a delegation removed",
         "{" V(1) ",\"delegations\":{\"roles\":[" ROLE("1", "\"a\"", "\"p\"") "]}}",
         "{" V(2) ",\"delegations\":{\"roles\":[]}}",
         "r: version 1 -> 2\n- role os-x may sign nothing any more\n"},
        {"bins", "{" V(1) "}",
         "{" V(2) ",\"delegations\":{\"succinct_roles\":{\"name_prefix\":\"b\",\"bit_length\":3,"
                  "\"threshold\":1,\"keyids\":[\"a\"]}}}",
         "r: version 1 -> 2\n+ bins b: 8 of them\n+ b: key a\nb: 1 of 1 keys\n"},
        {"a new target", "{" V(1) ",\"targets\":{}}",
         "{" V(2) ",\"targets\":{\"p\":" ENTRY("3") "}}",
         "r: version 1 -> 2\n+ p: " TEXT("3") "\n"},
        {"another floor", "{" V(1) ",\"targets\":{\"p\":" ENTRY("3") "}}",
         "{" V(2) ",\"targets\":{\"p\":" ENTRY("4") "}}",
         "r: version 1 -> 2\n~ p: " TEXT("4") " (was " TEXT("3") ")\n"},
        {"a target removed", "{" V(1) ",\"targets\":{\"p\":" ENTRY("3") "}}",
         "{" V(2) ",\"targets\":{}}", "r: version 1 -> 2\n- p\n"},
        {"nothing as it should be", "{\"roles\":1,\"targets\":[2],\"delegations\":\"x\"}",
         "{\"version\":\"x\",\"roles\":[1],\"targets\":{\"p\":3},\"expires\":7}",
         "r: version 0 -> 0\n+ p:  , 0 bytes, sha256 \n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        expect_summary(cases[i].what, cases[i].before, cases[i].after, cases[i].expected);
}

/* A terminal must not be told anything by the names in a document. */
Test(summary, prints_no_control_characters)
{
    expect_summary("an escape", NULL, "{" V(1) ",\"targets\":{\"a\\u001b[2Jb\\nc\":{}}}",
                   "r: version 1, the first\nexpires 2027-01-01T00:00:00Z\n"
                   "+ a [2Jb c:  , 0 bytes, sha256 \n");
}

Test(summary, ends_after_so_many_lines_and_says_how_many_are_left)
{
    AUTO_BUF after = text_buf("{" V(1) ",\"targets\":{");
    AUTO_BUF out;
    struct err err;

    buf_init(&out, TUF_SUMMARY_BYTES_MAX);
    for (unsigned i = 0; i < TUF_SUMMARY_LINES_MAX; i++)
        buf_printf(&after, "%s\"p%u\":{}", i ? "," : "", i);
    buf_add_text(&after, "}}");
    cr_assert(tuf_summary("r", NULL, &after, &out, &err), "%s", err.text);
    cr_expect(text_ends_with(buf_text(&out), "\n... and 2 more lines\n"), "%s", buf_text(&out));
}

Test(summary, refuses_what_is_no_JSON_object)
{
    static const char *const cases[] = {"", "{", "[]", "1", "{\"a\":1,\"a\":2}"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF bad = text_buf(cases[i]);
        AUTO_BUF good = text_buf("{}");
        AUTO_BUF out;
        struct err err;

        buf_init(&out, TUF_SUMMARY_BYTES_MAX);
        cr_expect_not(tuf_summary("r", NULL, &bad, &out, &err), "'%s'", cases[i]);
        cr_expect_not(tuf_summary("r", &bad, &good, &out, &err), "'%s' before", cases[i]);
    }
}
