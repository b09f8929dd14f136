#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/repo/bundle.h"

typedef bool parse_fn(const void *data, size_t len, struct repo_bundle *out, struct err *err);

#define DOCUMENT "{\"repository\":\"image\",\"role\":\"os-h1\",\"text\":\"abc\"}"
#define SIGNED(role) "{\"repository\":\"image\",\"role\":\"" role "\",\"signed\":\"{\\\"a\\\":1}\"}"

Test(bundle, takes_a_publication_apart)
{
    static const char text[] = "{\"documents\":[" DOCUMENT ",{\"repository\":\"director\","
                               "\"role\":\"root\",\"text\":\"\"}],"
                               "\"files\":[{\"path\":\"trust/a.json\",\"text\":\"x\\ny\"}]}";
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    cr_assert(repo_bundle_parse_publication(text, strlen(text), &bundle, &err), "%s", err.text);
    cr_assert_eq(bundle.document_count, 2);
    cr_expect_str_eq(bundle.documents[0].role, "os-h1");
    cr_expect_str_eq(buf_text(&bundle.documents[0].bytes), "abc");
    cr_expect_eq(bundle.documents[1].repository, REPO_DIRECTOR);
    cr_expect_eq(bundle.documents[1].bytes.len, 0);
    cr_assert_eq(bundle.file_count, 1);
    cr_expect_str_eq(bundle.files[0].path, "trust/a.json");
    cr_expect_str_eq(buf_text(&bundle.files[0].bytes), "x\ny");
    cr_expect_str_eq(bundle.note, "");
}

Test(bundle, takes_a_request_with_canonical_parts_apart)
{
    static const char text[] = "{\"note\":\"please\",\"documents\":[" SIGNED("os-h1") "]}";
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    cr_assert(repo_bundle_parse_request(text, strlen(text), &bundle, &err), "%s", err.text);
    cr_expect_str_eq(bundle.note, "please");
    cr_expect_str_eq(buf_text(&bundle.documents[0].bytes), "{\"a\":1}");
}

Test(bundle, refuses_what_is_not_of_its_form_naming_the_place)
{
    static const struct {
        const char *what;
        parse_fn *parse;
        const char *text;
        enum err_code code;
        const char *says;
    } cases[] = {
        {"no JSON", repo_bundle_parse_publication, "{", ERR_INVALID, "body"},
        {"an array", repo_bundle_parse_publication, "[]", ERR_INVALID, "object"},
        {"a misspelt field", repo_bundle_parse_publication, "{\"document\":[]}", ERR_INVALID,
         "document"},
        {"no documents", repo_bundle_parse_publication, "{}", ERR_INVALID, "documents"},
        {"an empty list", repo_bundle_parse_publication, "{\"documents\":[]}", ERR_INVALID,
         "empty"},
        {"a document that is none", repo_bundle_parse_publication, "{\"documents\":[1]}",
         ERR_INVALID, "documents[0]"},
        {"another repository", repo_bundle_parse_publication,
         "{\"documents\":[" DOCUMENT
         ",{\"repository\":\"mirror\",\"role\":\"root\",\"text\":\"\"}]}",
         ERR_INVALID, "documents[1]"},
        {"a role that is a path", repo_bundle_parse_publication,
         "{\"documents\":[{\"repository\":\"image\",\"role\":\"a/b\",\"text\":\"\"}]}",
         ERR_UNTRUSTED, "a/b"},
        {"a role without a name", repo_bundle_parse_publication,
         "{\"documents\":[{\"repository\":\"image\",\"role\":\"\",\"text\":\"\"}]}", ERR_UNTRUSTED,
         "name"},
        {"a signed part instead of a text", repo_bundle_parse_publication,
         "{\"documents\":[" SIGNED("a") "]}", ERR_INVALID, "signed"},
        {"a note in a publication", repo_bundle_parse_publication,
         "{\"note\":\"\",\"documents\":[" DOCUMENT "]}", ERR_INVALID, "note"},
        {"a file outside", repo_bundle_parse_publication,
         "{\"files\":[{\"path\":\"../x\",\"text\":\"\"}],\"documents\":[" DOCUMENT "]}",
         ERR_UNTRUSTED, "files[0]"},
        {"a file without text", repo_bundle_parse_publication,
         "{\"files\":[{\"path\":\"trust/x\"}],\"documents\":[" DOCUMENT "]}", ERR_INVALID,
         "files[0].text"},
        {"white space in a signed part", repo_bundle_parse_request,
         "{\"documents\":[{\"repository\":\"image\",\"role\":\"a\",\"signed\":\"{ }\"}]}",
         ERR_INVALID, "canonical"},
        {"keys out of order", repo_bundle_parse_request,
         "{\"documents\":[{\"repository\":\"image\",\"role\":\"a\","
         "\"signed\":\"{\\\"b\\\":1,\\\"a\\\":1}\"}]}",
         ERR_INVALID, "canonical"},
        {"a signed part that is a number", repo_bundle_parse_request,
         "{\"documents\":[{\"repository\":\"image\",\"role\":\"a\",\"signed\":\"1\"}]}",
         ERR_INVALID, ""},
        {"a role twice", repo_bundle_parse_request,
         "{\"documents\":[" SIGNED("a") "," SIGNED("b") "," SIGNED("a") "]}", ERR_INVALID,
         "documents[2]"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_REPO_BUNDLE bundle = {0};
        struct err err = {0};

        cr_expect_not(cases[i].parse(cases[i].text, strlen(cases[i].text), &bundle, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].what, err.text);
        cr_expect_eq(bundle.document_count, 0, "%s", cases[i].what);
    }
}

static bool parse_file_of(size_t len, struct err *err)
{
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_BUF text;

    buf_init(&text, 200000);
    buf_add_text(&text,
                 "{\"documents\":[" DOCUMENT "],\"files\":[{\"path\":\"trust/x\",\"text\":\"");
    for (size_t i = 0; i < len; i++)
        buf_add_text(&text, "x");
    buf_add_text(&text, "\"}]}");
    return repo_bundle_parse_publication(text.data, text.len, &bundle, err);
}

Test(bundle, takes_files_of_64_KiB_and_no_byte_more)
{
    struct err err;

    cr_expect(parse_file_of(REPO_FILE_BYTES_MAX, &err), "%s", err.text);
    cr_expect_not(parse_file_of(REPO_FILE_BYTES_MAX + 1, &err));
}

/* --- signatures --------------------------------------------------------------------------------
 */

#define HASH64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(bundle, takes_signatures_apart_and_refuses_what_is_no_hex)
{
    static const struct {
        const char *what;
        const char *keyid;
        const char *sig;
        const char *sha256;
        bool good;
    } cases[] = {
        {"a signature", HASH64, "00ff", HASH64, true},
        {"an empty one", HASH64, "", HASH64, true},
        {"a short keyid", "ab", "00ff", HASH64, false},
        {"a keyid in capitals", "A123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "00", HASH64, false},
        {"a signature that is no hex", HASH64, "0x", HASH64, false},
        {"a hash that is none", HASH64, "00", "12", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *text =
            mem_printf("{\"documents\":[{\"repository\":\"image\",\"role\":\"root\",\"sha256\":"
                       "\"%s\",\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}]}]}",
                       cases[i].sha256, cases[i].keyid, cases[i].sig);
        AUTO_REPO_SIGNING signing = {0};
        struct err err;

        cr_expect_eq(repo_signing_parse(text, strlen(text), &signing, &err), cases[i].good, "%s",
                     cases[i].what);
        cr_expect_eq(signing.count, cases[i].good ? 1 : 0, "%s", cases[i].what);
        if (cases[i].good)
            cr_expect_str_eq(signing.documents[0].signatures[0].sig, cases[i].sig);
    }
}
