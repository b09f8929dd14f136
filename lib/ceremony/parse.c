/*
 * Bundles from outside. Unknown fields are refused: a request that says something the signer's
 * program does not understand must not be signed by it.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/ceremony/bundle.h"
#include "lib/tuf/tuf.h"

enum { TENANT_MAX = 64, NOTE_MAX = 1000, LINES_MAX = 10000, SIG_HEX_MAX = 8192, KEYID_HEX = 64 };

static const struct json_limits bundle_limits = {
    .bytes_max = BUNDLE_BYTES_MAX,
    .depth_max = 16, /* documents are texts inside */
    .containers_max = 400000,
    .integers_only = true,
};

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") == len;
}

/* [{"keyid", "sig"}], each key once. */
static bool check_signatures(const json_t *list, const char *path, struct err *err)
{
    static const char *const fields[] = {"keyid", "sig", NULL};
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *keyid;
        const char *sig;

        if (!json_field_text(item, path, "keyid", KEYID_HEX, &keyid, err) ||
            !json_field_text(item, path, "sig", SIG_HEX_MAX, &sig, err) ||
            !json_fields_known(item, path, fields, err))
            return false;
        if (strlen(keyid) != KEYID_HEX || !is_hex(keyid, KEYID_HEX) || sig[0] == '\0' ||
            strlen(sig) % 2 != 0 || !is_hex(sig, strlen(sig)))
            return err_set(err, ERR_INVALID, "%s: a signature is not hex", path);
        for (size_t j = 0; j < i; j++) {
            if (text_equal(json_string_value(json_object_get(json_array_get(list, j), "keyid")),
                           keyid))
                return err_refuse(err, REFUSAL_SIG_DUPLICATE_KEYID, "%s: key '%s' signs twice",
                                  path, keyid);
        }
    }
    return true;
}

static bool read_signatures(const json_t *object, const char *path, json_t **out, struct err *err)
{
    json_t *list;

    if (!json_field_has(object, "signatures"))
        return true;
    if (!json_field_array(object, path, "signatures", TUF_SIGNATURES_MAX, &list, err) ||
        !check_signatures(list, path, err))
        return false;
    json_decref(*out);
    *out = json_incref(list);
    return true;
}

static bool check_texts(const json_t *list, const char *path, const char *name, struct err *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item))
            return err_set(err, ERR_INVALID, "%s.%s holds something that is no text", path, name);
    }
    return true;
}

/* What its maker says about the document beside its bytes. */
static bool read_notes(const json_t *object, const char *path, struct bundle_document *document,
                       struct err *err)
{
    json_t *summary;
    json_t *keyids;
    uint64_t version;
    const char *sha256;

    if (!json_field_array(object, path, "summary", LINES_MAX, &summary, err) ||
        !check_texts(summary, path, "summary", err) ||
        !json_field_array(object, path, "keyids", (size_t)TUF_KEYS_MAX * 2, &keyids, err) ||
        !check_texts(keyids, path, "keyids", err) ||
        !json_field_u64(object, path, "threshold", 0, TUF_KEYS_MAX, &document->threshold, err) ||
        !json_field_u64(object, path, "version", 1, (UINT64_C(1) << 53) - 1, &version, err) ||
        !json_field_text(object, path, "sha256", HASH_HEX_ROOM - 1, &sha256, err) ||
        !read_signatures(object, path, &document->signatures, err))
        return false;
    if (version != document->version)
        return err_set(err, ERR_INVALID, "%s: the bytes are of version %llu, not %llu", path,
                       (unsigned long long)document->version, (unsigned long long)version);
    if (!text_equal(sha256, document->sha256))
        return err_set(err, ERR_INVALID, "%s: the bytes have another hash", path);
    json_decref(document->summary);
    json_decref(document->keyids);
    document->summary = json_incref(summary);
    document->keyids = json_incref(keyids);
    return true;
}

static bool read_document(const json_t *object, const char *path, struct bundle *out,
                          struct err *err)
{
    static const char *const fields[] = {"repository", "role",    "version", "signed",
                                         "sha256",     "summary", "keyids",  "threshold",
                                         "signatures", NULL};
    struct bundle_document *document;
    const char *repository;
    const char *role;
    const char *text;
    json_t *body = NULL;

    if (!json_fields_known(object, path, fields, err) ||
        !json_field_text(object, path, "repository", 15, &repository, err) ||
        !json_field_text(object, path, "role", BUNDLE_NAME_ROOM - 1, &role, err) ||
        !json_field_text(object, path, "signed", TUF_TARGETS_BYTES_MAX, &text, err) ||
        !json_parse(text, strlen(text), &json_limits_metadata, &body, err))
        return err_wrap(err, "%s", path);
    if (!bundle_add(out, repository, role, body, &document, err))
        return err_wrap(err, "%s", path);
    if (!text_equal(buf_text(&document->text), text))
        return err_set(err, ERR_INVALID, "%s: the bytes are not in canonical form", path);
    return read_notes(object, path, document, err);
}

static bool read_documents(const json_t *tree, struct bundle *out, struct err *err)
{
    const json_t *item;
    json_t *list;
    size_t i;

    if (!json_field_array(tree, "", "documents", BUNDLE_DOCUMENTS_MAX, &list, err))
        return false;
    if (json_array_size(list) == 0)
        return err_set(err, ERR_INVALID, "the request has no documents");
    json_array_foreach(list, i, item)
    {
        AUTO_FREE char *path = mem_printf("documents[%zu]", i);

        if (!json_is_object(item))
            return err_set(err, ERR_INVALID, "%s is no object", path);
        if (!read_document(item, path, out, err))
            return false;
    }
    return true;
}

static bool read_files(const json_t *tree, struct bundle *out, struct err *err)
{
    static const char *const fields[] = {"path", "text", NULL};
    const json_t *item;
    json_t *list;
    size_t i;

    if (!json_field_has(tree, "files"))
        return true;
    if (!json_field_array(tree, "", "files", BUNDLE_FILES_MAX, &list, err))
        return false;
    json_array_foreach(list, i, item)
    {
        AUTO_FREE char *where = mem_printf("files[%zu]", i);
        const char *path;
        const char *text;

        if (!json_field_text(item, where, "path", TUF_PATH_MAX, &path, err) ||
            !json_field_text(item, where, "text", BUNDLE_FILE_BYTES_MAX, &text, err) ||
            !json_fields_known(item, where, fields, err))
            return false;
        if (!tuf_path_is_safe(path))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "%s: '%s' cannot be a path", where, path);
        bundle_add_file(out, path, text);
    }
    return true;
}

/* {"image": {"roots": [text], "roles": {name: text}}, "director": {"roots": [text]}} */
static bool check_context_part(const json_t *part, const char *path, struct err *err)
{
    static const char *const fields[] = {"roots", "roles", NULL};
    const char *name;
    json_t *roots;
    json_t *roles;
    json_t *value;

    if (!json_fields_known(part, path, fields, err) ||
        !json_field_array(part, path, "roots", TUF_ROOT_STEPS_MAX + 1, &roots, err) ||
        !check_texts(roots, path, "roots", err))
        return false;
    if (!json_field_has(part, "roles"))
        return true;
    if (!json_field_object(part, path, "roles", &roles, err))
        return false;
    if (json_object_size(roles) > BUNDLE_ROLES_MAX)
        return err_set(err, ERR_LIMIT, "%s.roles has more than %d", path, BUNDLE_ROLES_MAX);
    json_object_foreach(roles, name, value)
    {
        if (!json_is_string(value) || !tuf_path_is_safe(name))
            return err_set(err, ERR_INVALID, "%s.roles holds something that is no role", path);
    }
    return true;
}

static bool read_context(const json_t *tree, struct bundle *out, struct err *err)
{
    static const char *const fields[] = {"image", "director", NULL};
    json_t *context;

    if (!json_field_has(tree, "context"))
        return true;
    if (!json_field_object(tree, "", "context", &context, err) ||
        !json_fields_known(context, "context", fields, err))
        return false;
    for (size_t i = 0; fields[i]; i++) {
        const json_t *part = json_object_get(context, fields[i]);

        if (part && (!json_is_object(part) || !check_context_part(part, fields[i], err)))
            return err_wrap(err, "context");
    }
    json_decref(out->context);
    out->context = json_incref(context);
    return true;
}

static bool check_type(const json_t *tree, const char *want, struct err *err)
{
    const char *type;

    if (!json_is_object(tree))
        return err_set(err, ERR_INVALID, "a bundle is a JSON object");
    if (!json_field_text(tree, "", "_type", 64, &type, err))
        return false;
    return text_equal(type, want) ||
           err_set(err, ERR_INVALID, "this is a '%s', not a '%s'", type, want);
}

bool bundle_parse(const void *data, size_t len, struct bundle *out, struct err *err)
{
    static const char *const fields[] = {"_type",   "tenant", "note", "documents",
                                         "context", "files",  NULL};
    AUTO_JSON *tree = NULL;
    struct bundle made;
    const char *tenant;
    const char *note = "";

    if (!json_parse(data, len, &bundle_limits, &tree, err) ||
        !check_type(tree, "slipway-request-1", err) || !json_fields_known(tree, "", fields, err) ||
        !json_field_text(tree, "", "tenant", TENANT_MAX, &tenant, err))
        return false;
    if (json_field_has(tree, "note") && !json_field_text(tree, "", "note", NOTE_MAX, &note, err))
        return false;
    bundle_init(&made, tenant, note);
    if (!read_documents(tree, &made, err) || !read_files(tree, &made, err) ||
        !read_context(tree, &made, err)) {
        bundle_done(&made);
        return false;
    }
    *out = made;
    return true;
}

static bool check_response_row(const json_t *item, const char *path, struct err *err)
{
    static const char *const fields[] = {"repository", "role", "sha256", "signatures", NULL};
    uint8_t sha256[HASH_BYTES];
    const char *text;
    json_t *list;

    return json_fields_known(item, path, fields, err) &&
           json_field_text(item, path, "repository", 15, &text, err) &&
           json_field_text(item, path, "role", BUNDLE_NAME_ROOM - 1, &text, err) &&
           json_field_hex(item, path, "sha256", sha256, sizeof(sha256), err) &&
           json_field_array(item, path, "signatures", TUF_SIGNATURES_MAX, &list, err) &&
           check_signatures(list, path, err);
}

bool bundle_response_parse(const void *data, size_t len, json_t **out, struct err *err)
{
    static const char *const fields[] = {"_type", "documents", NULL};
    AUTO_JSON *tree = NULL;
    const json_t *item;
    json_t *list;
    size_t i;

    if (!json_parse(data, len, &bundle_limits, &tree, err) ||
        !check_type(tree, "slipway-response-1", err) || !json_fields_known(tree, "", fields, err) ||
        !json_field_array(tree, "", "documents", BUNDLE_DOCUMENTS_MAX, &list, err))
        return false;
    json_array_foreach(list, i, item)
    {
        AUTO_FREE char *path = mem_printf("documents[%zu]", i);

        if (!json_is_object(item))
            return err_set(err, ERR_INVALID, "%s is no object", path);
        if (!check_response_row(item, path, err))
            return false;
    }
    *out = TAKE(tree);
    return true;
}
