/*
 * Who may sign is asked of a set of documents that are not signed yet: lib/tuf reads the rules of
 * a root or a delegator, whoever signed it. Nothing is trusted by that; it is only collected, and
 * the publication verifies everything again.
 */
#include "server/repo/request.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/summary.h"

enum { RULES_MAX = 2 }; /* of a root: the old one's and its own */

/* --- life --------------------------------------------------------------------------------------
 */

static void document_done(struct repo_request_document *document)
{
    for (size_t i = 0; i < document->signature_count; i++) {
        mem_free(document->signatures[i].keyid);
        mem_free(document->signatures[i].sig);
    }
    mem_free(document->signatures);
    mem_free(document->role);
    mem_free(document->summary);
    buf_done(&document->signed_part);
    buf_done(&document->unsigned_whole);
}

void repo_request_done(struct repo_request *request)
{
    for (size_t i = 0; i < request->count; i++)
        document_done(&request->documents[i]);
    mem_free(request->documents);
    mem_free(request->state);
    mem_free(request->note);
    mem_free(request->author);
    mem_free(request->approver);
    mem_free(request->created);
    mem_free(request->ended);
    repo_bundle_done(&request->files);
    *request = (struct repo_request){0};
}

static bool join(const struct repo_request_document *document, bool with_signatures,
                 struct buf *out, struct err *err)
{
    AUTO_JSON *signatures = json_array();

    for (size_t i = 0; with_signatures && i < document->signature_count; i++)
        (void)json_array_append_new(signatures,
                                    json_pack("{s:s, s:s}", "keyid", document->signatures[i].keyid,
                                              "sig", document->signatures[i].sig));
    return tuf_join(&document->signed_part, signatures, out, err);
}

bool repo_request_add(struct repo_request *request, enum repo_kind kind, const char *role,
                      uint64_t version, struct buf *signed_part, struct err *err)
{
    struct repo_request_document *document;

    request->documents =
        mem_resize(request->documents, request->count + 1, sizeof(*request->documents));
    document = &request->documents[request->count++];
    *document = (struct repo_request_document){.repository = kind,
                                               .role = mem_strdup(role),
                                               .version = version,
                                               .signed_part = *signed_part};
    *signed_part = (struct buf){0};
    document->may_delegate = repo_may_delegate(role, &document->signed_part);
    hash_sha256(document->signed_part.data, document->signed_part.len, document->sha256);
    buf_init(&document->unsigned_whole, 2 * (size_t)TUF_TARGETS_BYTES_MAX);
    return join(document, false, &document->unsigned_whole, err);
}

void repo_request_add_signature(struct repo_request *request, size_t at, const char *keyid,
                                const char *sig)
{
    struct repo_request_document *document = &request->documents[at];

    ASSERT(at < request->count);
    document->signatures = mem_resize(document->signatures, document->signature_count + 1,
                                      sizeof(*document->signatures));
    document->signatures[document->signature_count++] =
        (struct repo_signature){.keyid = mem_strdup(keyid), .sig = mem_strdup(sig)};
}

/* --- who may sign ------------------------------------------------------------------------------
 */

/* The sets of documents of which each has a rule for the document. Borrowed from view and request,
 * but for the arrays. */
struct rules {
    struct tuf_published sets[RULES_MAX];
    struct tuf_named *named[RULES_MAX]; /* owned */
    size_t count;
};
#define AUTO_RULES CLEANUP(rules_done) struct rules

static void rules_done(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        mem_free(rules->named[i]);
}

/* The place of a name, or where it would be. */
static size_t place_of(const struct tuf_named *named, size_t count, const char *name)
{
    size_t at = 0;

    while (at < count && !text_equal(named[at].name, name))
        at++;
    return at;
}

/* What has a say in the repository with the first `upto` documents of the request in it. */
static void add_rule(struct rules *rules, const struct repo_view *view,
                     const struct repo_request *request, enum repo_kind kind, size_t upto)
{
    size_t count;
    AUTO_FREE struct tuf_named *delegators = repo_view_delegators(view, kind, &count);
    struct tuf_named *named = mem_array(count + upto + 1, sizeof(*named));

    for (size_t i = 0; i < count; i++)
        named[i] = delegators[i];
    for (size_t i = 0; i < upto; i++) {
        const struct repo_request_document *document = &request->documents[i];
        size_t at = place_of(named, count, document->role);

        if (document->repository != kind || (at == count && !document->may_delegate))
            continue; /* leaves need not be parsed for every signature */
        named[at] = (struct tuf_named){.name = document->role, .bytes = &document->unsigned_whole};
        count += at == count;
    }
    rules->named[rules->count] = named;
    rules->sets[rules->count++] = (struct tuf_published){.roles = named, .count = count};
}

static bool has_root(const struct tuf_published *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (text_equal(set->roles[i].name, "root"))
            return true;
    }
    return false;
}

static void rules_of(const struct repo_view *view, const struct repo_request *request, size_t at,
                     struct rules *out)
{
    const struct repo_request_document *document = &request->documents[at];

    *out = (struct rules){0};
    add_rule(out, view, request, document->repository, at);
    if (!text_equal(document->role, "root"))
        return;
    if (!has_root(&out->sets[0])) { /* the first root: only its own rule */
        rules_done(out);
        out->count = 0;
    }
    add_rule(out, view, request, document->repository, at + 1);
}

bool repo_request_check(const struct repo_view *view, const struct repo_request *request, size_t at,
                        const struct repo_signature *signature, struct err *err)
{
    const struct repo_request_document *document = &request->documents[at];
    AUTO_RULES rules;

    rules_of(view, request, at, &rules);
    for (size_t i = 0; i < rules.count; i++) {
        if (tuf_check_signature(&rules.sets[i], document->role, &document->signed_part,
                                signature->keyid, signature->sig, err))
            return true;
    }
    return err_wrap(err, "signature of %s by %.16s", document->role, signature->keyid);
}

static size_t good_ones(const struct repo_request_document *document,
                        const struct tuf_signers *signers)
{
    size_t good = 0;

    for (size_t i = 0; i < signers->count; i++) {
        for (size_t k = 0; k < document->signature_count; k++) {
            if (text_equal(document->signatures[k].keyid, signers->keyids[i])) {
                good++;
                break;
            }
        }
    }
    return good;
}

static bool is_signed(const struct repo_view *view, const struct repo_request *request, size_t at)
{
    const struct repo_request_document *document = &request->documents[at];
    AUTO_RULES rules;

    rules_of(view, request, at, &rules);
    for (size_t i = 0; i < rules.count; i++) {
        struct tuf_signers signers;
        struct err err;

        if (!tuf_signers_of(&rules.sets[i], document->role, &signers, &err) ||
            good_ones(document, &signers) < signers.threshold)
            return false;
    }
    return true;
}

bool repo_request_is_complete(const struct repo_view *view, const struct repo_request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        if (!is_signed(view, request, i))
            return false;
    }
    return true;
}

bool repo_request_find(const struct repo_request *request,
                       const struct repo_signed_document *document, size_t *at, struct err *err)
{
    for (size_t i = 0; i < request->count; i++) {
        const struct repo_request_document *known = &request->documents[i];

        if (known->repository != document->repository || !text_equal(known->role, document->role))
            continue;
        if (!crypto_equal(known->sha256, document->sha256, HASH_BYTES))
            return err_set(err, ERR_CONFLICT,
                           "the signatures of %s are for other bytes than the request has",
                           document->role);
        *at = i;
        return true;
    }
    return err_set(err, ERR_NOT_FOUND, "the request has no %s of the %s repository", document->role,
                   repo_kind_name(document->repository));
}

/* --- to and fro --------------------------------------------------------------------------------
 */

static bool check_new(const struct repo_view *view, struct repo_request *request, size_t at,
                      struct err *err)
{
    struct repo_request_document *document = &request->documents[at];
    const struct repo_document *before =
        repo_view_newest(view, document->repository, document->role);
    struct tuf_signers signers;
    struct tuf_facts facts;
    AUTO_RULES rules = {0};
    AUTO_BUF summary;

    buf_init(&summary, TUF_SUMMARY_BYTES_MAX);
    if (!repo_compose_check_next(view, document->repository, document->role,
                                 &document->unsigned_whole, &facts, err))
        return false;
    document->version = facts.version;
    rules_of(view, request, at, &rules);
    for (size_t i = 0; i < rules.count; i++) {
        if (!tuf_signers_of(&rules.sets[i], document->role, &signers, err))
            return false;
    }
    if (!tuf_summary(document->role, before ? &before->bytes : NULL, &document->signed_part,
                     &summary, err))
        return false;
    document->summary = mem_strdup(buf_text(&summary));
    return true;
}

bool repo_request_open(const struct repo_view *view, struct repo_bundle *bundle,
                       struct repo_request *out, struct err *err)
{
    AUTO_REPO_BUNDLE sent = *bundle;
    AUTO_REPO_REQUEST request = {0};

    *bundle = (struct repo_bundle){0};
    request.state = mem_strdup("open");
    request.note = mem_strdup(sent.note);
    for (size_t i = 0; i < sent.document_count; i++) {
        struct repo_upload *upload = &sent.documents[i];

        if (!repo_request_add(&request, upload->repository, upload->role, 0, &upload->bytes, err) ||
            !check_new(view, &request, i, err))
            return err_wrap(err, "documents[%zu]", i);
    }
    for (size_t i = 0; i < sent.file_count; i++)
        repo_bundle_add_file(&request.files, sent.files[i].path, sent.files[i].bytes.data,
                             sent.files[i].bytes.len);
    *out = request;
    request = (struct repo_request){0};
    return true;
}

bool repo_request_bundle(const struct repo_request *request, struct repo_bundle *out,
                         struct err *err)
{
    AUTO_REPO_BUNDLE bundle = {0};

    for (size_t i = 0; i < request->count; i++) {
        const struct repo_request_document *document = &request->documents[i];
        AUTO_BUF whole;

        buf_init(&whole, 2 * (size_t)TUF_TARGETS_BYTES_MAX);
        if (!join(document, true, &whole, err))
            return false;
        repo_bundle_add(&bundle, document->repository, document->role, &whole);
    }
    for (size_t i = 0; i < request->files.file_count; i++) {
        const struct repo_file *file = &request->files.files[i];

        repo_bundle_add_file(&bundle, file->path, file->bytes.data, file->bytes.len);
    }
    *out = bundle;
    bundle = (struct repo_bundle){0};
    return true;
}

/* --- the API's object --------------------------------------------------------------------------
 */

static void append(json_t *list, json_t *value)
{
    int failed = json_array_append_new(list, value);

    ASSERT(failed == 0);
}

static bool has_keyid(const json_t *list, const char *keyid)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (text_equal(json_string_value(item), keyid))
            return true;
    }
    return false;
}

/* "rules": one, or for a root two; "keyids" and "threshold" are of them all, as far as one number
 * can say. */
static json_t *rules_json(const struct repo_view *view, const struct repo_request *request,
                          size_t at, json_t *keyids, uint64_t *threshold)
{
    const struct repo_request_document *document = &request->documents[at];
    json_t *list = json_array();
    AUTO_RULES rules;

    *threshold = 0;
    rules_of(view, request, at, &rules);
    for (size_t i = 0; i < rules.count; i++) {
        json_t *own = json_array();
        struct tuf_signers signers;
        struct err err;

        if (!tuf_signers_of(&rules.sets[i], document->role, &signers, &err))
            signers = (struct tuf_signers){0};
        for (size_t k = 0; k < signers.count; k++) {
            append(own, json_string(signers.keyids[k]));
            if (!has_keyid(keyids, signers.keyids[k]))
                append(keyids, json_string(signers.keyids[k]));
        }
        if (signers.threshold > *threshold)
            *threshold = signers.threshold;
        append(list, json_pack("{s:o, s:I, s:I}", "keyids", own, "threshold",
                               (json_int_t)signers.threshold, "signed",
                               (json_int_t)good_ones(document, &signers)));
    }
    return list;
}

static json_t *lines_json(const char *text)
{
    json_t *lines = json_array();

    while (*text) {
        size_t len = strcspn(text, "\n");

        append(lines, json_stringn(text, len));
        text += len + (text[len] == '\n');
    }
    return lines;
}

static json_t *request_document_json(const struct repo_view *view,
                                     const struct repo_request *request, size_t at)
{
    const struct repo_request_document *document = &request->documents[at];
    json_t *keyids = json_array();
    json_t *signed_by = json_array();
    char hex[HASH_HEX_ROOM];
    uint64_t threshold;
    json_t *rules = rules_json(view, request, at, keyids, &threshold);

    text_from_hex_bytes(document->sha256, HASH_BYTES, hex);
    for (size_t i = 0; i < document->signature_count; i++)
        append(signed_by, json_string(document->signatures[i].keyid));
    return json_pack("{s:s, s:s, s:I, s:s, s:s#, s:I, s:o, s:o, s:o, s:b, s:o}", "repository",
                     repo_kind_name(document->repository), "role", document->role, "version",
                     (json_int_t)document->version, "sha256", hex, "signed",
                     buf_text(&document->signed_part), (int)document->signed_part.len, "threshold",
                     (json_int_t)threshold, "keyids", keyids, "signed_by", signed_by, "rules",
                     rules, "complete", is_signed(view, request, at), "summary",
                     lines_json(document->summary ? document->summary : ""));
}

static json_t *files_json(const struct repo_bundle *files)
{
    json_t *list = json_array();

    for (size_t i = 0; i < files->file_count; i++) {
        char hex[HASH_HEX_ROOM];

        text_from_hex_bytes(files->files[i].sha256, HASH_BYTES, hex);
        append(list, json_pack("{s:s, s:I, s:s, s:s}", "path", files->files[i].path, "length",
                               (json_int_t)files->files[i].bytes.len, "sha256", hex, "text",
                               buf_text(&files->files[i].bytes)));
    }
    return list;
}

static const char *some(const char *text)
{
    return text && *text ? text : NULL;
}

json_t *repo_request_json(const struct repo_view *view, const struct repo_request *request,
                          const char *public_id)
{
    json_t *documents = json_array();

    for (size_t i = 0; i < request->count; i++)
        append(documents, request_document_json(view, request, i));
    return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:o}", "id", public_id, "state",
                     request->state, "note", request->note, "author", some(request->author),
                     "approver", some(request->approver), "created", some(request->created),
                     "ended", some(request->ended), "documents", documents, "files",
                     files_json(&request->files));
}
