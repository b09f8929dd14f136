#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/ceremony/bundle.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static json_t *targets_body(uint64_t version)
{
    return json_pack("{s:s, s:I, s:{}}", "_type", "targets", "version", (json_int_t)version,
                     "targets");
}

static void make(struct bundle *out)
{
    struct bundle_document *document;
    struct err err = {0};

    bundle_init(out, "acme", "the first");
    cr_assert(bundle_add(out, "image", "root",
                         json_pack("{s:s, s:i}", "_type", "root", "version", 1), NULL, &err));
    cr_assert(bundle_add(out, "image", "os-h1", targets_body(7), &document, &err), "%s", err.text);
    json_array_append_new(document->summary, json_string("a line"));
    json_array_append_new(document->keyids, json_string(HEX64));
    document->threshold = 2;
    cr_assert(bundle_add_signature(document, HEX64, "ab"));
    bundle_add_file(out, "trust/anchors.json", "{}");
    json_object_set_new(out->context, "image",
                        json_pack("{s:[s], s:{s:s}}", "roots", "text", "roles", "targets", "t"));
}

static json_t *tree_of(const struct bundle *bundle)
{
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    bundle_format(bundle, &text);
    return json_loads(buf_text(&text), 0, NULL);
}

static bool parse_tree(const json_t *tree, struct bundle *out, struct err *err)
{
    AUTO_FREE char *text = json_text(tree);

    return bundle_parse(text, strlen(text), out, err);
}

Test(bundle, comes_back_as_it_was)
{
    AUTO_BUNDLE first;
    AUTO_BUNDLE second = {0};
    struct err err = {0};
    AUTO_BUF text;
    AUTO_BUF again;

    buf_init(&text, BUNDLE_BYTES_MAX);
    buf_init(&again, BUNDLE_BYTES_MAX);
    make(&first);
    bundle_format(&first, &text);
    cr_assert(bundle_parse(text.data, text.len, &second, &err), "%s", err.text);
    bundle_format(&second, &again);
    cr_expect_str_eq(buf_text(&text), buf_text(&again));
    cr_expect_eq(second.count, 2);
    cr_expect_eq(bundle_find(&second, "image", "os-h1")->version, 7);
    cr_expect_null(bundle_find(&second, "director", "root"));
}

Test(bundle, keeps_one_signature_of_a_key_and_one_file_of_a_path)
{
    AUTO_BUNDLE bundle;

    make(&bundle);
    cr_expect_not(bundle_add_signature(&bundle.documents[1], HEX64, "cd"));
    cr_expect_eq(json_array_size(bundle.documents[1].signatures), 1);
    bundle_add_file(&bundle, "trust/anchors.json", "{\"a\":1}");
    cr_expect_eq(json_array_size(bundle.files), 1);
}

Test(bundle, adds_only_what_people_sign)
{
    static const struct {
        const char *repository;
        const char *role;
        const char *type;
        int version;
        enum err_code code;
    } cases[] = {
        {"image", "targets", "root", 1, ERR_UNTRUSTED},
        {"image", "snapshot", "snapshot", 1, ERR_UNTRUSTED},
        {"director", "targets", "targets", 1, ERR_INVALID},
        {"other", "root", "root", 1, ERR_INVALID},
        {"image", "../x", "targets", 1, ERR_INVALID},
        {"image", "targets", "targets", 0, ERR_INVALID},
        {"image", "root", "root", 2, ERR_CONFLICT},
    };
    AUTO_BUNDLE bundle;

    make(&bundle);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};

        cr_expect_not(
            bundle_add(&bundle, cases[i].repository, cases[i].role,
                       json_pack("{s:s, s:i}", "_type", cases[i].type, "version", cases[i].version),
                       NULL, &err));
        cr_expect_eq(err.code, cases[i].code, "%s %s: %s", cases[i].repository, cases[i].role,
                     err.text);
    }
    cr_expect_eq(bundle.count, 2);
}

/* Sets documents[1].NAME (or the bundle's own when `document` is false) to the JSON text. */
static bool parse_with(bool document, const char *name, const char *value, struct err *err)
{
    AUTO_BUNDLE bundle;
    AUTO_BUNDLE parsed = {0};
    AUTO_JSON *tree = NULL;
    json_t *at;

    make(&bundle);
    tree = tree_of(&bundle);
    at = document ? json_array_get(json_object_get(tree, "documents"), 1) : tree;
    json_object_set_new(at, name, json_loads(value, JSON_DECODE_ANY, NULL));
    return parse_tree(tree, &parsed, err);
}

Test(bundle, refuses_a_request_that_contradicts_itself)
{
    static const struct {
        bool document;
        const char *name;
        const char *value;
        const char *words;
    } cases[] = {
        {true, "sha256", "\"" HEX64 "\"", "another hash"},
        {true, "version", "8", "version 7, not 8"},
        {true, "role", "\"root\"", "no such document"},
        {true, "signed", "\"{\\\"_type\\\": \\\"targets\\\",\\\"version\\\":7}\"", "canonical"},
        {true, "signed", "\"{\\\"version\\\":7,\\\"_type\\\":\\\"targets\\\"}\"", "canonical"},
        {true, "signed", "\"[]\"", ""},
        {true, "colour", "1", "colour"},
        {true, "threshold", "65", "threshold"},
        {true, "summary", "[1]", "no text"},
        {true, "signatures", "[{\"keyid\":\"" HEX64 "\",\"sig\":\"a\"}]", "hex"},
        {true, "signatures",
         "[{\"keyid\":\"" HEX64 "\",\"sig\":\"aa\"},{\"keyid\":\"" HEX64 "\",\"sig\":\"bb\"}]",
         "twice"},
        {false, "_type", "\"slipway-request-2\"", "slipway-request-2"},
        {false, "documents", "[]", "no documents"},
        {false, "documents", "[1]", "no object"},
        {false, "files", "[{\"path\":\"../x\",\"text\":\"\"}]", "cannot be a path"},
        {false, "context", "{\"other\":{}}", "other"},
        {false, "context", "{\"image\":{\"roots\":[1]}}", "no text"},
        {false, "context", "{\"image\":{\"roots\":[],\"roles\":{\"a\":1}}}", "no role"},
        {false, "secret", "1", "secret"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};

        cr_expect_not(parse_with(cases[i].document, cases[i].name, cases[i].value, &err), "%s = %s",
                      cases[i].name, cases[i].value);
        cr_expect(strstr(err.text, cases[i].words), "%s = %s: %s", cases[i].name, cases[i].value,
                  err.text);
    }
}

Test(bundle, accepts_the_last_threshold_and_no_context)
{
    struct err err = {0};

    cr_expect(parse_with(true, "threshold", "64", &err), "%s", err.text);
    cr_expect(parse_with(false, "context", "{}", &err), "%s", err.text);
}

Test(bundle_response, collects_signatures_by_document)
{
    AUTO_BUNDLE bundle;
    AUTO_JSON *response = bundle_response_new();
    AUTO_JSON *parsed = NULL;
    AUTO_FREE char *text = NULL;
    struct err err = {0};
    const json_t *documents;

    make(&bundle);
    bundle_response_add(response, &bundle.documents[0], HEX64, "aa");
    bundle_response_add(response, &bundle.documents[1], HEX64, "bb");
    bundle_response_add(response, &bundle.documents[1], bundle.documents[0].sha256, "cc");
    text = json_text(response);
    cr_assert(bundle_response_parse(text, strlen(text), &parsed, &err), "%s", err.text);
    documents = json_object_get(parsed, "documents");
    cr_expect_eq(json_array_size(documents), 2);
    cr_expect_eq(json_array_size(json_object_get(json_array_get(documents, 1), "signatures")), 2);
}

Test(bundle_response, refuses_what_is_no_response)
{
    static const char *const cases[] = {
        "{}",
        "[]",
        "{\"_type\":\"slipway-request-1\",\"documents\":[]}",
        "{\"_type\":\"slipway-response-1\",\"documents\":[3]}",
        ("{\"_type\":\"slipway-response-1\",\"documents\":[{\"repository\":\"image\",\"role\":"
         "\"root\",\"sha256\":\"00\",\"signatures\":[]}]}"),
        "{\"_type\":\"slipway-response-1\",\"documents\":[],\"more\":1}",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *tree = NULL;
        struct err err = {0};

        cr_expect_not(bundle_response_parse(cases[i], strlen(cases[i]), &tree, &err), "%s",
                      cases[i]);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i]);
    }
}
