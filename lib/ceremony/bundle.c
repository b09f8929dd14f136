/*
 * A request in memory: documents are kept both as trees, to look into, and as the canonical text
 * that is signed; the text is made from the tree here and nowhere else.
 */
#include "lib/ceremony/bundle.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"

void bundle_init(struct bundle *bundle, const char *tenant, const char *note)
{
    *bundle = (struct bundle){.tenant = mem_strdup(tenant),
                              .note = mem_strdup(note),
                              .files = json_array(),
                              .context = json_object()};
}

static void document_done(struct bundle_document *document)
{
    json_decref(document->body);
    json_decref(document->summary);
    json_decref(document->keyids);
    json_decref(document->signatures);
    buf_done(&document->text);
}

void bundle_done(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        document_done(&bundle->documents[i]);
    mem_free(bundle->documents);
    mem_free(bundle->tenant);
    mem_free(bundle->note);
    json_decref(bundle->files);
    json_decref(bundle->context);
    *bundle = (struct bundle){0};
}

struct bundle_document *bundle_find(const struct bundle *bundle, const char *repository,
                                    const char *role)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (text_equal(bundle->documents[i].repository, repository) &&
            text_equal(bundle->documents[i].role, role))
            return &bundle->documents[i];
    }
    return NULL;
}

/* The names say what the body is: a root is a root, everything else that people sign is targets. */
static bool check_names(const struct bundle *bundle, const char *repository, const char *role,
                        const json_t *body, struct err *err)
{
    const char *type = json_string_value(json_object_get(body, "_type"));
    bool is_root = text_equal(role, "root");

    if (!text_equal(repository, "image") && !text_equal(repository, "director"))
        return err_set(err, ERR_INVALID, "there is no repository '%s'", repository);
    if (strlen(role) >= BUNDLE_NAME_ROOM || !tuf_path_is_safe(role))
        return err_set(err, ERR_INVALID, "'%s' cannot be the name of a role", role);
    if (text_equal(repository, "director") && !is_root)
        return err_set(err, ERR_INVALID, "people sign only root of the director, not '%s'", role);
    if (!type || !text_equal(type, is_root ? "root" : "targets"))
        return err_refuse(err, REFUSAL_WRONG_TYPE, "%s is no such document", role);
    if (bundle_find(bundle, repository, role))
        return err_set(err, ERR_CONFLICT, "%s of %s is there twice", role, repository);
    if (bundle->count == BUNDLE_DOCUMENTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d documents", BUNDLE_DOCUMENTS_MAX);
    return true;
}

static bool make_text(struct bundle_document *document, struct err *err)
{
    uint8_t digest[HASH_BYTES];

    if (!json_field_u64(document->body, document->role, "version", 1, (UINT64_C(1) << 53) - 1,
                        &document->version, err) ||
        !json_canonical(document->body, &document->text, err))
        return false;
    if (document->text.failed)
        return err_set(err, ERR_LIMIT, "%s is longer than %d bytes", document->role,
                       TUF_TARGETS_BYTES_MAX);
    hash_sha256(document->text.data, document->text.len, digest);
    text_from_hex_bytes(digest, sizeof(digest), document->sha256);
    return true;
}

bool bundle_add(struct bundle *bundle, const char *repository, const char *role, json_t *body,
                struct bundle_document **out, struct err *err)
{
    struct bundle_document made = {.body = body};

    buf_init(&made.text, TUF_TARGETS_BYTES_MAX);
    if (!check_names(bundle, repository, role, body, err)) {
        document_done(&made);
        return false;
    }
    (void)text_copy(made.repository, sizeof(made.repository), repository); /* was checked */
    (void)text_copy(made.role, sizeof(made.role), role);
    if (!make_text(&made, err)) {
        document_done(&made);
        return false;
    }
    made.summary = json_array();
    made.keyids = json_array();
    made.signatures = json_array();
    bundle->documents = mem_resize(bundle->documents, bundle->count + 1, sizeof(made));
    bundle->documents[bundle->count++] = made;
    if (out)
        *out = &bundle->documents[bundle->count - 1];
    return true;
}

void bundle_add_file(struct bundle *bundle, const char *path, const char *text)
{
    json_t *item;
    size_t i;

    json_array_foreach(bundle->files, i, item)
    {
        if (text_equal(json_string_value(json_object_get(item, "path")), path)) {
            ASSERT(json_object_set_new(item, "text", json_string(text)) == 0);
            return;
        }
    }
    ASSERT(json_array_append_new(bundle->files,
                                 json_pack("{s:s, s:s}", "path", path, "text", text)) == 0);
}

static bool has_signature(const json_t *signatures, const char *keyid)
{
    const json_t *item;
    size_t i;

    json_array_foreach(signatures, i, item)
    {
        if (text_equal(json_string_value(json_object_get(item, "keyid")), keyid))
            return true;
    }
    return false;
}

bool bundle_add_signature(struct bundle_document *document, const char *keyid, const char *sig)
{
    if (has_signature(document->signatures, keyid))
        return false;
    ASSERT(json_array_append_new(document->signatures,
                                 json_pack("{s:s, s:s}", "keyid", keyid, "sig", sig)) == 0);
    return true;
}

void bundle_document_format(const struct bundle_document *document, struct buf *out)
{
    AUTO_JSON *tree =
        json_pack("{s:O, s:O}", "signatures", document->signatures, "signed", document->body);
    AUTO_FREE char *text = json_text(tree);

    buf_add_text(out, text);
    buf_add_text(out, "\n");
}

static json_t *document_json(const struct bundle_document *document)
{
    json_t *tree =
        json_pack("{s:s, s:s, s:I, s:s%, s:s, s:O, s:O, s:I}", "repository", document->repository,
                  "role", document->role, "version", (json_int_t)document->version, "signed",
                  buf_text(&document->text), document->text.len, "sha256", document->sha256,
                  "summary", document->summary, "keyids", document->keyids, "threshold",
                  (json_int_t)document->threshold);

    ASSERT(tree);
    if (json_array_size(document->signatures) > 0)
        ASSERT(json_object_set(tree, "signatures", document->signatures) == 0);
    return tree;
}

void bundle_format(const struct bundle *bundle, struct buf *out)
{
    json_t *documents = json_array();
    AUTO_JSON *tree = json_pack("{s:s, s:s, s:s, s:O, s:o, s:O}", "_type", "slipway-request-1",
                                "tenant", bundle->tenant, "note", bundle->note, "files",
                                bundle->files, "documents", documents, "context", bundle->context);
    AUTO_FREE char *text = NULL;

    ASSERT(tree);
    for (size_t i = 0; i < bundle->count; i++)
        ASSERT(json_array_append_new(documents, document_json(&bundle->documents[i])) == 0);
    text = json_text(tree);
    buf_add_text(out, text);
    buf_add_text(out, "\n");
}

json_t *bundle_response_new(void)
{
    json_t *tree = json_pack("{s:s, s:[]}", "_type", "slipway-response-1", "documents");

    ASSERT(tree);
    return tree;
}

void bundle_response_add(json_t *response, const struct bundle_document *document,
                         const char *keyid, const char *sig)
{
    json_t *documents = json_object_get(response, "documents");
    json_t *found = NULL;
    json_t *item;
    size_t i;

    json_array_foreach(documents, i, item)
    {
        if (text_equal(json_string_value(json_object_get(item, "repository")),
                       document->repository) &&
            text_equal(json_string_value(json_object_get(item, "role")), document->role))
            found = item;
    }
    if (!found) {
        found = json_pack("{s:s, s:s, s:s, s:[]}", "repository", document->repository, "role",
                          document->role, "sha256", document->sha256, "signatures");
        ASSERT(found && json_array_append_new(documents, found) == 0);
    }
    ASSERT(json_array_append_new(json_object_get(found, "signatures"),
                                 json_pack("{s:s, s:s}", "keyid", keyid, "sig", sig)) == 0);
}
