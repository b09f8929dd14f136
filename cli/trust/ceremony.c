/*
 * The end of every ceremony. What has all its signatures is published; what lacks some waits at
 * the server, where the others find it; with --out nothing leaves this machine but one file.
 */
#include "cli/trust/ceremony.h"

#include <inttypes.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/trust/signers.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

bool ceremony_write(const char *path, const struct buf *text, struct err *err)
{
    if (text->failed)
        return err_set(err, ERR_LIMIT, "'%s' would be longer than %zu bytes", path, text->max);
    return file_create(path, 0644, text->data, text->len, err);
}

/* --- the server ------------------------------------------------------------------------------- */

static json_t *file_rows(const struct bundle *bundle)
{
    return json_array_size(bundle->files) > 0 ? json_incref(bundle->files) : json_array();
}

bool ceremony_publish(struct api *api, const struct bundle *bundle, json_t **answer,
                      struct err *err)
{
    json_t *documents = json_array();
    AUTO_JSON *body = json_pack("{s:o, s:o}", "files", file_rows(bundle), "documents", documents);

    for (size_t i = 0; i < bundle->count; i++) {
        const struct bundle_document *document = &bundle->documents[i];
        AUTO_BUF text;

        buf_init(&text, TUF_TARGETS_BYTES_MAX);
        bundle_document_format(document, &text);
        if (text.failed)
            return err_set(err, ERR_LIMIT, "%s is too long", document->role);
        ASSERT(json_array_append_new(
                   documents, json_pack("{s:s, s:s, s:s}", "repository", document->repository,
                                        "role", document->role, "text", buf_text(&text))) == 0);
    }
    return api_call(api, "POST", "/repo/publications", body, answer, err);
}

/* {"documents": [{"repository", "role", "sha256", "signatures"}]} of what is signed already. */
static json_t *signature_rows(const struct bundle *bundle)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < bundle->count; i++) {
        const struct bundle_document *document = &bundle->documents[i];

        if (json_array_size(document->signatures) == 0)
            continue;
        ASSERT(json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:O}", "repository",
                                                     document->repository, "role", document->role,
                                                     "sha256", document->sha256, "signatures",
                                                     document->signatures)) == 0);
    }
    return rows;
}

static json_t *request_body(const struct bundle *bundle)
{
    json_t *documents = json_array();
    json_t *body = json_pack("{s:s, s:o, s:o}", "note", bundle->note, "files", file_rows(bundle),
                             "documents", documents);

    ASSERT(body);
    for (size_t i = 0; i < bundle->count; i++)
        ASSERT(json_array_append_new(documents, json_pack("{s:s, s:s, s:s}", "repository",
                                                          bundle->documents[i].repository, "role",
                                                          bundle->documents[i].role, "signed",
                                                          buf_text(&bundle->documents[i].text))) ==
               0);
    return body;
}

bool ceremony_request(struct api *api, const struct bundle *bundle, json_t **answer,
                      struct err *err)
{
    AUTO_JSON *body = request_body(bundle);
    AUTO_JSON *made = NULL;
    json_t *rows = signature_rows(bundle);
    AUTO_JSON *signatures = json_pack("{s:o}", "documents", rows);
    AUTO_FREE char *path = NULL;
    const char *id;

    if (!api_call(api, "POST", "/repo/requests", body, &made, err) ||
        !json_field_text(made, "", "id", 64, &id, err))
        return false;
    if (json_array_size(rows) == 0) {
        *answer = TAKE(made);
        return true;
    }
    path = mem_printf("/repo/requests/%s/signatures", id);
    return api_call(api, "POST", path, signatures, answer, err) ||
           err_wrap(err, "request %s is made, but", id);
}

/* --- signing and telling ---------------------------------------------------------------------- */

static bool sign(const struct ceremony *ceremony, struct bundle *bundle, struct err *err)
{
    size_t added = 0;

    for (size_t i = 0; i < bundle->count; i++) {
        struct bundle_document *document = &bundle->documents[i];

        if (!keyring_sign(&ceremony->ring, document->keyids, document, NULL, &added, err))
            return false;
    }
    return true;
}

/* Who has signed, by the names of their keys. */
static json_t *signer_names(const struct keyring *ring, const json_t *signatures)
{
    json_t *names = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach(signatures, i, item)
    {
        char name[128];

        keyring_name(ring, json_string_value(json_object_get(item, "keyid")), name, sizeof(name));
        ASSERT(json_array_append_new(names, json_string(name)) == 0);
    }
    return names;
}

static bool document_rows(const struct ceremony *ceremony, const struct bundle *bundle,
                          json_t *answer, struct err *err)
{
    json_t *rows = json_array();
    AUTO_BINDER overlay;

    ASSERT(json_object_set_new(answer, "documents", rows) == 0);
    signers_overlay(&ceremony->state, bundle, &overlay);
    for (size_t i = 0; i < bundle->count; i++) {
        const struct bundle_document *document = &bundle->documents[i];
        struct signers signers;

        if (!signers_of(&ceremony->state, &overlay, document, &signers, err))
            return false;
        ASSERT(json_array_append_new(
                   rows, json_pack("{s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:O}", "repository",
                                   document->repository, "role", document->role, "version",
                                   (json_int_t)document->version, "expires",
                                   json_string_value(json_object_get(document->body, "expires")),
                                   "signed_by", signer_names(&ceremony->ring, document->signatures),
                                   "threshold", (json_int_t)document->threshold, "missing",
                                   (json_int_t)signers_missing(&signers, document->signatures),
                                   "summary", document->summary)) == 0);
    }
    return true;
}

static void set_text(json_t *answer, const char *name, const char *text)
{
    ASSERT(json_object_set_new(answer, name, json_string(text)) == 0);
}

static bool write_out(const char *path, const struct bundle *bundle, json_t *answer,
                      struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    bundle_format(bundle, &text);
    set_text(answer, "state", "written");
    set_text(answer, "out", path);
    return ceremony_write(path, &text, err);
}

static bool send_bundle(const struct ceremony *ceremony, const struct bundle *bundle,
                        uint64_t missing, json_t *answer, struct err *err)
{
    AUTO_JSON *told = NULL;
    const char *state;

    if (missing == 0 && !ceremony->options->request) {
        set_text(answer, "state", "published");
        if (ceremony_publish(ceremony->api, bundle, &told, err))
            return true;
        if (err->refusal != REFUSAL_FOUR_EYES)
            return false;
    } /* what needs a second person waits for one as a request */
    if (!ceremony_request(ceremony->api, bundle, &told, err))
        return false;
    state = json_string_value(json_object_get(told, "state"));
    set_text(answer, "state", state && !text_equal(state, "open") ? state : "request");
    set_text(answer, "request", json_string_value(json_object_get(told, "id")));
    return true;
}

bool ceremony_bundle(struct ceremony *ceremony, const char *note, json_t *answer,
                     struct bundle *out, struct err *err)
{
    const char *given = ceremony->options->note;
    struct bundle made;

    if (!plan_freeze(&ceremony->plan, ceremony->tenant, given ? given : note, &made, err))
        return false;
    if (!sign(ceremony, &made, err) || !document_rows(ceremony, &made, answer, err)) {
        bundle_done(&made);
        return false;
    }
    *out = made;
    return true;
}

bool ceremony_finish(struct ceremony *ceremony, const char *note, json_t *answer, struct err *err)
{
    AUTO_BUNDLE bundle = {0};
    uint64_t missing;

    if (!ceremony_bundle(ceremony, note, answer, &bundle, err) ||
        !signers_complete(&ceremony->state, &bundle, &missing, err))
        return false;
    if (ceremony->options->out)
        return write_out(ceremony->options->out, &bundle, answer, err);
    return send_bundle(ceremony, &bundle, missing, answer, err);
}

static void print_document(FILE *out, const json_t *row)
{
    const json_t *line;
    size_t i;
    json_int_t missing = json_integer_value(json_object_get(row, "missing"));
    const char *repository = json_string_value(json_object_get(row, "repository"));

    (void)fprintf(out, "%s%s %lld: ", text_equal(repository, "director") ? "director's " : "",
                  json_string_value(json_object_get(row, "role")),
                  (long long)json_integer_value(json_object_get(row, "version")));
    if (missing > 0)
        (void)fprintf(out, "%lld signature%s missing\n", (long long)missing,
                      missing == 1 ? "" : "s");
    else
        (void)fprintf(out, "signed\n");
    json_array_foreach(json_object_get(row, "summary"), i, line)
    {
        if (i > 0) /* the first repeats role and version */
            (void)fprintf(out, "    %s\n", json_string_value(line));
    }
}

void ceremony_print(struct cli *cli, const json_t *answer)
{
    const char *state = json_string_value(json_object_get(answer, "state"));
    const char *id = json_string_value(json_object_get(answer, "request"));
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(answer, "documents"), i, row)
    {
        print_document(cli->out, row);
    }
    if (text_equal(state, "written"))
        (void)fprintf(cli->out,
                      "written to %s; next: slipway sign bundle %s --keys DIR --out FILE\n",
                      json_string_value(json_object_get(answer, "out")),
                      json_string_value(json_object_get(answer, "out")));
    else if (text_equal(state, "published"))
        (void)fprintf(cli->out, "published\n");
    else if (text_equal(state, "awaiting-approval"))
        (void)fprintf(cli->out, "complete; waits for a second person: slipway repo approve %s\n",
                      id);
    else
        (void)fprintf(cli->out,
                      "waits at the server as request %s; who signs next: slipway repo requests "
                      "%s --out request.json\n",
                      id, id);
}
