/*
 * From received bytes to a document: length before anything, strict JSON, type, specification,
 * version, expiry, and what the role must contain. After this every field has its type; whether
 * anybody trustworthy signed it is another question (keys.c). All unknown fields are kept, for
 * the signature is over them too.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/internal.h"

enum { META_MAX = 4096 };

static const uint64_t number_max = (UINT64_C(1) << 53) - 1;

size_t tuf_role_bytes_max(enum tuf_role role)
{
    static const size_t sizes[] = {
        [TUF_ROOT] = TUF_ROOT_BYTES_MAX,
        [TUF_TIMESTAMP] = TUF_TIMESTAMP_BYTES_MAX,
        [TUF_SNAPSHOT] = TUF_SNAPSHOT_BYTES_MAX,
        [TUF_TARGETS] = TUF_TARGETS_BYTES_MAX,
    };
    _Static_assert(COUNT(sizes) == TUF_ROLE_COUNT, "every role has a limit");

    ASSERT(role < TUF_ROLE_COUNT);
    return sizes[role];
}

bool tuf_malformed(struct err *err)
{
    if (err->refusal == REFUSAL_NONE) {
        err->code = ERR_UNTRUSTED;
        err->refusal = REFUSAL_JSON_STRICT;
    }
    return false;
}

/* "1.x" or "1.x.y". */
static bool is_known_spec(const char *text)
{
    unsigned dots = 0;

    if (!text_starts_with(text, "1."))
        return false;
    for (text++; *text; text++) {
        if (*text == '.' && text[1] >= '0' && text[1] <= '9')
            dots++;
        else if (*text < '0' || *text > '9')
            return false;
    }
    return dots <= 2;
}

static bool parse_head(struct tuf_doc *doc, struct err *err)
{
    const char *role = tuf_role_name(doc->role);
    json_t *body;
    json_t *signatures;
    const char *text;

    if (!json_field_object(doc->tree, "", "signed", &body, err) ||
        !json_field_array(doc->tree, "", "signatures", TUF_SIGNATURES_MAX, &signatures, err) ||
        !json_field_text(body, "signed", "_type", TUF_WORD_MAX, &text, err))
        return tuf_malformed(err);
    if (strcmp(text, role) != 0)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "the document is '%s'", text);
    if (!json_field_text(body, "signed", "spec_version", TUF_WORD_MAX, &text, err))
        return tuf_malformed(err);
    if (!is_known_spec(text))
        return err_refuse(err, REFUSAL_SPEC_VERSION, "specification '%s' is not 1.x", text);
    if (!json_field_u64(body, "signed", "version", 1, number_max, &doc->version, err) ||
        !json_field_time(body, "signed", "expires", &doc->expires_ms, err))
        return tuf_malformed(err);
    doc->body = body;
    doc->signatures = signatures;
    return true;
}

bool tuf_hashes_parse(const json_t *object, const char *path, uint8_t *sha256, struct err *err)
{
    json_t *hashes;

    if (!json_field_object(object, path, "hashes", &hashes, err))
        return tuf_malformed(err);
    if (!json_field_has(hashes, "sha256"))
        return err_refuse(err, REFUSAL_NO_KNOWN_HASH, "'%.100s' has no sha256", path);
    return json_field_hex(hashes, path, "sha256", sha256, HASH_BYTES, err) || tuf_malformed(err);
}

static bool parse_file(const json_t *meta, const char *name, struct tuf_file *out, struct err *err)
{
    json_t *file;

    *out = (struct tuf_file){0};
    if (!json_field_object(meta, "signed.meta", name, &file, err) ||
        !json_field_u64(file, name, "version", 1, number_max, &out->version, err))
        return tuf_malformed(err);
    if (json_field_has(file, "length") &&
        !json_field_u64(file, name, "length", 1, number_max, &out->length, err))
        return tuf_malformed(err);
    out->has_hash = json_field_has(file, "hashes");
    return !out->has_hash || tuf_hashes_parse(file, name, out->sha256, err);
}

static bool parse_meta(struct tuf_doc *doc, const char *listed, struct err *err)
{
    struct tuf_file file;
    json_t *meta;
    json_t *value;
    const char *name;

    if (!json_field_object(doc->body, "signed", "meta", &meta, err))
        return tuf_malformed(err);
    if (json_object_size(meta) > META_MAX)
        return err_refuse(err, REFUSAL_JSON_STRICT, "more than %d files are listed", META_MAX);
    json_object_foreach(meta, name, value)
    {
        if (!parse_file(meta, name, &file, err))
            return false;
    }
    return parse_file(meta, listed, &doc->listed, err);
}

/* Entries are typed when they are asked for: one of a later kind must not hide the others. */
static bool parse_targets(const struct tuf_doc *doc, struct err *err)
{
    json_t *targets;
    json_t *entry;
    const char *path;

    if (!json_field_object(doc->body, "signed", "targets", &targets, err))
        return tuf_malformed(err);
    json_object_foreach(targets, path, entry)
    {
        if (!tuf_path_is_safe(path))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "target name '%.80s' is not safe", path);
        if (!json_is_object(entry))
            return err_refuse(err, REFUSAL_JSON_STRICT, "target '%.80s' is not an object", path);
    }
    return true;
}

static bool parse_body(struct tuf_doc *doc, struct err *err)
{
    switch (doc->role) {
    case TUF_ROOT: /* root.c goes on */
        return true;
    case TUF_TIMESTAMP:
        return parse_meta(doc, "snapshot.json", err);
    case TUF_SNAPSHOT:
        return parse_meta(doc, "targets.json", err);
    case TUF_TARGETS:
        return parse_targets(doc, err);
    case TUF_ROLE_COUNT:
        break;
    }
    ASSERT(false);
    return false;
}

void tuf_doc_done(struct tuf_doc *doc)
{
    json_decref(doc->tree);
    *doc = (struct tuf_doc){0};
}

bool tuf_doc_parse(enum tuf_role role, const void *data, size_t len, struct tuf_doc *out,
                   struct err *err)
{
    *out = (struct tuf_doc){.role = role, .len = len};
    if (len > tuf_role_bytes_max(role))
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s of %zu bytes is longer than %zu",
                          tuf_role_name(role), len, tuf_role_bytes_max(role));
    if (!json_parse(data, len, &json_limits_metadata, &out->tree, err)) {
        err->refusal = REFUSAL_NONE;
        (void)tuf_malformed(err);
        return err_wrap(err, "%s", tuf_role_name(role));
    }
    if (!parse_head(out, err) || !parse_body(out, err)) {
        tuf_doc_done(out);
        return err_wrap(err, "%s", tuf_role_name(role));
    }
    hash_sha256(data, len, out->sha256);
    return true;
}

/* The role that the document claims; TUF_ROLE_COUNT when it is none. */
static enum tuf_role claimed_role(const json_t *tree)
{
    const char *type = json_string_value(json_object_get(json_object_get(tree, "signed"), "_type"));
    int role = 0;

    while (type && role < TUF_ROLE_COUNT && !text_equal(type, tuf_role_name((enum tuf_role)role)))
        role++;
    return type ? (enum tuf_role)role : TUF_ROLE_COUNT;
}

bool tuf_peek(const void *data, size_t len, struct tuf_facts *out, struct err *err)
{
    AUTO_JSON *tree = NULL;
    struct tuf_doc doc;
    enum tuf_role role;

    if (!json_parse(data, len, &json_limits_metadata, &tree, err))
        return tuf_malformed(err);
    role = claimed_role(tree);
    if (role == TUF_ROLE_COUNT)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "the document is of no role we know");
    if (!tuf_doc_parse(role, data, len, &doc, err))
        return false;
    *out = (struct tuf_facts){role, doc.version, doc.expires_ms};
    tuf_doc_done(&doc);
    return true;
}
