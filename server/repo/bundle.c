/* Every text is copied out of the tree, which is gone when the parser returns. */
#include "server/repo/bundle.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const struct json_limits limits = {
    .bytes_max = REPO_BUNDLE_BYTES_MAX,
    .depth_max = 8,
    .containers_max = 40000,
};

bool repo_role_is_named(const char *role, struct err *err)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~-";
    size_t len = strlen(role);

    return (len > 0 && len <= TUF_ROLE_NAME_MAX && strspn(role, safe) == len) ||
           err_refuse(err, REFUSAL_NAME_UNSAFE, "'%.80s' is no name for a role", role);
}

static bool parse_role(const json_t *object, const char *path, const char **out, struct err *err)
{
    return json_field_text(object, path, "role", TUF_ROLE_NAME_MAX, out, err) &&
           (repo_role_is_named(*out, err) || err_wrap(err, "%s.role", path));
}

static bool parse_kind(const json_t *object, const char *path, enum repo_kind *out, struct err *err)
{
    const char *name;

    if (!json_field_text(object, path, "repository", 16, &name, err))
        return false;
    return repo_kind_parse(name, out) ||
           err_set(err, ERR_INVALID, "%s.repository is 'image' or 'director', not '%s'", path,
                   name);
}

/* --- putting together --------------------------------------------------------------------------
 */

static void buf_copy(struct buf *out, const void *data, size_t len)
{
    buf_init(out, len);
    buf_add(out, data, len);
}

void repo_bundle_add(struct repo_bundle *bundle, enum repo_kind kind, const char *role,
                     const struct buf *bytes)
{
    struct repo_upload *upload;

    ASSERT(bundle->document_count < REPO_BUNDLE_DOCUMENTS_MAX);
    bundle->documents =
        mem_resize(bundle->documents, bundle->document_count + 1, sizeof(*bundle->documents));
    upload = &bundle->documents[bundle->document_count++];
    upload->repository = kind;
    upload->role = mem_strdup(role);
    buf_copy(&upload->bytes, bytes->data, bytes->len);
}

void repo_bundle_add_file(struct repo_bundle *bundle, const char *path, const void *data,
                          size_t len)
{
    struct repo_file *file;

    ASSERT(bundle->file_count < REPO_BUNDLE_FILES_MAX);
    bundle->files = mem_resize(bundle->files, bundle->file_count + 1, sizeof(*bundle->files));
    file = &bundle->files[bundle->file_count++];
    file->path = mem_strdup(path);
    buf_copy(&file->bytes, data, len);
    hash_sha256(data, len, file->sha256);
}

void repo_bundle_of(enum repo_kind kind, const char *role, const void *data, size_t len,
                    struct repo_bundle *out)
{
    AUTO_BUF bytes;

    *out = (struct repo_bundle){.note = mem_strdup("")};
    buf_copy(&bytes, data, len);
    repo_bundle_add(out, kind, role, &bytes);
}

void repo_bundle_done(struct repo_bundle *bundle)
{
    for (size_t i = 0; i < bundle->document_count; i++) {
        mem_free(bundle->documents[i].role);
        buf_done(&bundle->documents[i].bytes);
    }
    for (size_t i = 0; i < bundle->file_count; i++) {
        mem_free(bundle->files[i].path);
        buf_done(&bundle->files[i].bytes);
    }
    mem_free(bundle->documents);
    mem_free(bundle->files);
    mem_free(bundle->note);
    *bundle = (struct repo_bundle){0};
}

/* --- publications and requests -----------------------------------------------------------------
 */

static bool parse_file(const json_t *object, size_t at, struct repo_bundle *out, struct err *err)
{
    static const char *const fields[] = {"path", "text", NULL};
    AUTO_FREE char *where = mem_printf("files[%zu]", at);
    const char *path;
    const char *text;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "field '%s' is not an object", where);
    if (!json_fields_known(object, where, fields, err) ||
        !json_field_text(object, where, "path", TUF_PATH_MAX, &path, err) ||
        !json_field_text(object, where, "text", REPO_FILE_BYTES_MAX, &text, err))
        return false;
    if (!tuf_path_is_safe(path))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "%s.path: '%.80s' is not safe", where, path);
    repo_bundle_add_file(out, path, text, strlen(text));
    return true;
}

static bool parse_files(const json_t *body, struct repo_bundle *out, struct err *err)
{
    json_t *files;

    if (!json_object_get(body, "files"))
        return true;
    if (!json_field_array(body, "", "files", REPO_BUNDLE_FILES_MAX, &files, err))
        return false;
    for (size_t i = 0; i < json_array_size(files); i++) {
        if (!parse_file(json_array_get(files, i), i, out, err))
            return false;
    }
    return true;
}

static bool is_canonical(const char *text, size_t len, struct err *err)
{
    AUTO_JSON *tree = NULL;
    AUTO_BUF canonical;

    buf_init(&canonical, len);
    if (!json_parse(text, len, &json_limits_metadata, &tree, err))
        return err_wrap(err, "signed part");
    return (json_is_object(tree) && json_canonical(tree, &canonical, err) && !canonical.failed &&
            canonical.len == len && memcmp(canonical.data, text, len) == 0) ||
           err_set(err, ERR_INVALID, "the signed part is not an object in canonical form");
}

/* `field`: where its bytes are, "text" or "signed". */
static bool parse_document(const json_t *object, size_t at, const char *field,
                           struct repo_bundle *out, struct err *err)
{
    const char *fields[] = {"repository", "role", field, NULL};
    AUTO_FREE char *where = mem_printf("documents[%zu]", at);
    struct buf bytes = {0};
    enum repo_kind kind;
    const char *role;
    const char *text;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "field '%s' is not an object", where);
    if (!json_fields_known(object, where, fields, err) || !parse_kind(object, where, &kind, err) ||
        !parse_role(object, where, &role, err) ||
        !json_field_text(object, where, field, TUF_TARGETS_BYTES_MAX, &text, err))
        return false;
    if (text_equal(field, "signed") && !is_canonical(text, strlen(text), err))
        return err_wrap(err, "%s", where);
    buf_copy(&bytes, text, strlen(text));
    repo_bundle_add(out, kind, role, &bytes);
    buf_done(&bytes);
    return true;
}

static bool parse_documents(const json_t *body, const char *field, struct repo_bundle *out,
                            struct err *err)
{
    json_t *documents;

    if (!json_field_array(body, "", "documents", REPO_BUNDLE_DOCUMENTS_MAX, &documents, err))
        return false;
    if (json_array_size(documents) == 0)
        return err_set(err, ERR_INVALID, "field 'documents' is empty");
    for (size_t i = 0; i < json_array_size(documents); i++) {
        if (!parse_document(json_array_get(documents, i), i, field, out, err))
            return false;
    }
    return true;
}

static bool parse_note(const json_t *body, struct repo_bundle *out, struct err *err)
{
    const char *note = "";

    if (json_object_get(body, "note") &&
        !json_field_text(body, "", "note", REPO_NOTE_BYTES_MAX, &note, err))
        return false;
    out->note = mem_strdup(note);
    return true;
}

static bool parse_body(const void *data, size_t len, const char *const *fields, json_t **out,
                       struct err *err)
{
    AUTO_JSON *tree = NULL;

    if (!json_parse(data, len, &limits, &tree, err))
        return err_wrap(err, "body");
    if (!json_is_object(tree))
        return err_set(err, ERR_INVALID, "body: a JSON object is needed");
    if (!json_fields_known(tree, "", fields, err))
        return false;
    *out = TAKE(tree);
    return true;
}

static bool parse_bundle(const json_t *body, const char *field, struct repo_bundle *out,
                         struct err *err)
{
    AUTO_REPO_BUNDLE bundle = {0};

    if (!parse_note(body, &bundle, err) || !parse_files(body, &bundle, err) ||
        !parse_documents(body, field, &bundle, err))
        return false;
    *out = bundle;
    bundle = (struct repo_bundle){0};
    return true;
}

bool repo_bundle_parse_publication(const void *data, size_t len, struct repo_bundle *out,
                                   struct err *err)
{
    static const char *const fields[] = {"files", "documents", NULL};
    AUTO_JSON *body = NULL;

    return parse_body(data, len, fields, &body, err) && parse_bundle(body, "text", out, err);
}

/* In a request a role is signed once: its signatures are found by (repository, role). */
static bool check_once(const struct repo_bundle *bundle, struct err *err)
{
    for (size_t i = 0; i < bundle->document_count; i++) {
        const struct repo_upload *one = &bundle->documents[i];

        for (size_t k = 0; k < i; k++) {
            if (bundle->documents[k].repository == one->repository &&
                text_equal(bundle->documents[k].role, one->role))
                return err_set(err, ERR_INVALID, "documents[%zu]: role '%s' is there twice", i,
                               one->role);
        }
    }
    return true;
}

bool repo_bundle_parse_request(const void *data, size_t len, struct repo_bundle *out,
                               struct err *err)
{
    static const char *const fields[] = {"note", "files", "documents", NULL};
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_JSON *body = NULL;

    if (!parse_body(data, len, fields, &body, err) || !parse_bundle(body, "signed", &bundle, err) ||
        !check_once(&bundle, err))
        return false;
    *out = bundle;
    bundle = (struct repo_bundle){0};
    return true;
}

/* --- signatures --------------------------------------------------------------------------------
 */

void repo_signing_done(struct repo_signing *signing)
{
    for (size_t i = 0; i < signing->count; i++) {
        struct repo_signed_document *document = &signing->documents[i];

        for (size_t k = 0; k < document->count; k++) {
            mem_free(document->signatures[k].keyid);
            mem_free(document->signatures[k].sig);
        }
        mem_free(document->signatures);
        mem_free(document->role);
    }
    mem_free(signing->documents);
    *signing = (struct repo_signing){0};
}

static bool is_hex(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

static bool parse_signature(const json_t *object, const char *where, size_t at,
                            struct repo_signature *out, struct err *err)
{
    static const char *const fields[] = {"keyid", "sig", NULL};
    AUTO_FREE char *path = mem_printf("%s.signatures[%zu]", where, at);
    const char *keyid;
    const char *sig;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "field '%s' is not an object", path);
    if (!json_fields_known(object, path, fields, err) ||
        !json_field_text(object, path, "keyid", TUF_KEYID_ROOM - 1, &keyid, err) ||
        !json_field_text(object, path, "sig", REPO_SIG_HEX_MAX, &sig, err))
        return false;
    if (strlen(keyid) != TUF_KEYID_ROOM - 1 || !is_hex(keyid) || !is_hex(sig))
        return err_set(err, ERR_INVALID, "'%s': keyid or sig is not in lower-case hex", path);
    out->keyid = mem_strdup(keyid);
    out->sig = mem_strdup(sig);
    return true;
}

static bool parse_signed_document(const json_t *object, size_t at, struct repo_signed_document *out,
                                  struct err *err)
{
    static const char *const fields[] = {"repository", "role", "sha256", "signatures", NULL};
    AUTO_FREE char *where = mem_printf("documents[%zu]", at);
    const char *role;
    json_t *list;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "field '%s' is not an object", where);
    if (!json_fields_known(object, where, fields, err) ||
        !parse_kind(object, where, &out->repository, err) ||
        !parse_role(object, where, &role, err) ||
        !json_field_hex(object, where, "sha256", out->sha256, HASH_BYTES, err) ||
        !json_field_array(object, where, "signatures", TUF_SIGNATURES_MAX, &list, err))
        return false;
    out->role = mem_strdup(role);
    out->signatures = mem_array(json_array_size(list) + 1, sizeof(*out->signatures));
    for (; out->count < json_array_size(list); out->count++) {
        if (!parse_signature(json_array_get(list, out->count), where, out->count,
                             &out->signatures[out->count], err))
            return false;
    }
    return true;
}

bool repo_signing_parse(const void *data, size_t len, struct repo_signing *out, struct err *err)
{
    static const char *const fields[] = {"documents", NULL};
    AUTO_REPO_SIGNING signing = {0};
    AUTO_JSON *body = NULL;
    json_t *list;

    if (!parse_body(data, len, fields, &body, err) ||
        !json_field_array(body, "", "documents", REPO_BUNDLE_DOCUMENTS_MAX, &list, err))
        return false;
    signing.documents = mem_array(json_array_size(list) + 1, sizeof(*signing.documents));
    for (size_t i = 0; i < json_array_size(list); i++) {
        signing.count++; /* what a failure left in it is freed, too */
        if (!parse_signed_document(json_array_get(list, i), i, &signing.documents[i], err))
            return false;
    }
    *out = signing;
    signing.documents = NULL;
    signing.count = 0;
    return true;
}
