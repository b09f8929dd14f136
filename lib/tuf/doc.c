/*
 * From received bytes to a document: length before anything, strict JSON, type, specification,
 * version, expiry, and what the role must contain. After this every field has its type; whether
 * anybody trustworthy signed it is another question (keys.c). All unknown fields are kept, for
 * the signature is over them too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

const struct tuf_limits tuf_limits_device = {
    .root_bytes_max = TUF_ROOT_BYTES_MAX,
    .timestamp_bytes_max = TUF_TIMESTAMP_BYTES_MAX,
    .snapshot_bytes_max = 131072,
    .targets_bytes_max = 131072,
};
const struct tuf_limits tuf_limits_wide = {
    .root_bytes_max = TUF_ROOT_BYTES_MAX,
    .timestamp_bytes_max = TUF_TIMESTAMP_BYTES_MAX,
    .snapshot_bytes_max = TUF_SNAPSHOT_BYTES_MAX,
    .targets_bytes_max = TUF_TARGETS_BYTES_MAX,
};

static size_t bytes_max(enum tuf_role role)
{
    const size_t sizes[] = {
        [TUF_ROOT] = tuf_limits_wide.root_bytes_max,
        [TUF_TIMESTAMP] = tuf_limits_wide.timestamp_bytes_max,
        [TUF_SNAPSHOT] = tuf_limits_wide.snapshot_bytes_max,
        [TUF_TARGETS] = tuf_limits_wide.targets_bytes_max,
    };
    _Static_assert(COUNT(sizes) == TUF_ROLE_COUNT, "every role has a limit");

    ASSERT(role < TUF_ROLE_COUNT);
    return sizes[role];
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

struct flat_value tuf_doc_body(const struct tuf_doc *doc)
{
    return flat_get(flat_root(&doc->flat), "signed");
}

static bool parse_head(struct tuf_doc *doc, struct err *err)
{
    struct flat_value body;
    struct flat_value signatures;
    char text[TUF_WORD_MAX + 1];

    if (!tuf_field_object(flat_root(&doc->flat), "signed", &body, err) ||
        !tuf_field_array(flat_root(&doc->flat), "signatures", TUF_SIGNATURES_MAX, &signatures,
                         err) ||
        !tuf_field_text(body, "_type", text, sizeof(text), err))
        return false;
    if (!text_equal(text, tuf_role_name(doc->role)))
        return err_refuse(err, REFUSAL_WRONG_TYPE, "the document is '%s'", text);
    if (!tuf_field_text(body, "spec_version", text, sizeof(text), err))
        return false;
    if (!is_known_spec(text))
        return err_refuse(err, REFUSAL_SPEC_VERSION, "specification '%s' is not 1.x", text);
    return tuf_field_u64(body, "version", 1, &doc->version, err) &&
           tuf_field_time(body, "expires", &doc->expires_ms, err);
}

bool tuf_hashes_parse(struct flat_value object, const char *path, struct tuf_file *out,
                      struct err *err)
{
    struct flat_value hashes;

    if (!tuf_field_object(object, "hashes", &hashes, err))
        return false;
    out->has_sha256 = tuf_field_has(hashes, "sha256");
    out->has_sha512 = tuf_field_has(hashes, "sha512");
    if (!out->has_sha256 && !out->has_sha512)
        return err_refuse(err, REFUSAL_NO_KNOWN_HASH, "'%.100s' has no hash we know", path);
    if (out->has_sha256 && !flat_hex(flat_get(hashes, "sha256"), out->sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_JSON_STRICT, "the sha256 of '%.100s' is not one", path);
    if (out->has_sha512 && !flat_hex(flat_get(hashes, "sha512"), out->sha512, HASH512_BYTES))
        return err_refuse(err, REFUSAL_JSON_STRICT, "the sha512 of '%.100s' is not one", path);
    return true;
}

bool tuf_hashes_fit(const struct tuf_file *file, const void *data, size_t len)
{
    uint8_t digest[HASH512_BYTES];

    if (file->has_sha256) {
        hash_sha256(data, len, digest);
        if (!crypto_equal(digest, file->sha256, HASH_BYTES))
            return false;
    }
    if (file->has_sha512) {
        hash_sha512(data, len, digest);
        if (!crypto_equal(digest, file->sha512, HASH512_BYTES))
            return false;
    }
    return true;
}

static bool parse_file(struct flat_value file, const char *name, struct tuf_file *out,
                       struct err *err)
{
    *out = (struct tuf_file){0};
    if (!flat_is(file, FLAT_OBJECT))
        return err_refuse(err, REFUSAL_JSON_STRICT, "'%.80s' is not listed properly", name);
    if (!tuf_field_u64(file, "version", 1, &out->version, err))
        return false;
    if (tuf_field_has(file, "length") && !tuf_field_u64(file, "length", 1, &out->length, err))
        return false;
    return !tuf_field_has(file, "hashes") || tuf_hashes_parse(file, name, out, err);
}

bool tuf_doc_lists(const struct tuf_doc *doc, const char *name, struct tuf_file *out)
{
    char file[TUF_ROLE_NAME_MAX + sizeof(".json")];
    struct flat_value meta = flat_get(tuf_doc_body(doc), "meta");
    struct err ignored = {0}; /* it was parsed before */
    int len = snprintf(file, sizeof(file), "%s.json", name);

    return doc->some && len > 0 && (size_t)len < sizeof(file) &&
           parse_file(flat_get(meta, file), name, out, &ignored);
}

static bool parse_meta(const struct tuf_doc *doc, const char *listed, struct err *err)
{
    struct tuf_file file;
    struct flat_value meta;

    if (!tuf_field_object(tuf_doc_body(doc), "meta", &meta, err))
        return false;
    if (flat_count(meta) > TUF_META_MAX)
        return err_refuse(err, REFUSAL_JSON_STRICT, "more than %d files are listed", TUF_META_MAX);
    for (struct flat_value at = flat_first(meta); flat_some(at); at = flat_next(at)) {
        char name[TUF_ROLE_NAME_MAX + sizeof(".json")];
        bool fits = flat_text_copy(flat_key(at), name, sizeof(name));

        if (!parse_file(at, fits ? name : "a long name", &file, err))
            return false;
    }
    return tuf_doc_lists(doc, listed, &file) ||
           err_refuse(err, REFUSAL_JSON_STRICT, "'%s.json' is not listed", listed);
}

/* Entries are typed when they are asked for: one of a later kind must not hide the others. */
static bool parse_targets(struct tuf_doc *doc, struct err *err)
{
    struct flat_value targets;

    if (!tuf_field_object(tuf_doc_body(doc), "targets", &targets, err))
        return false;
    for (struct flat_value at = flat_first(targets); flat_some(at); at = flat_next(at)) {
        char path[TUF_PATH_MAX + 1] = "too long";

        if (!flat_text_copy(flat_key(at), path, sizeof(path)) || !tuf_path_is_safe(path))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "target name '%.80s' is not safe", path);
        if (!flat_is(at, FLAT_OBJECT))
            return err_refuse(err, REFUSAL_JSON_STRICT, "target '%.80s' is not an object", path);
    }
    return tuf_delegations_check(doc, err);
}

static bool parse_body(struct tuf_doc *doc, struct err *err)
{
    switch (doc->role) {
    case TUF_ROOT: /* root.c goes on */
        return true;
    case TUF_TIMESTAMP:
        return parse_meta(doc, "snapshot", err);
    case TUF_SNAPSHOT:
        return parse_meta(doc, "targets", err);
    case TUF_TARGETS:
        return parse_targets(doc, err);
    case TUF_ROLE_COUNT:
        break;
    }
    ASSERT(false);
    return false;
}

void tuf_doc_shed(struct tuf_doc *doc)
{
    flat_done(&doc->flat);
    doc->flat = (struct flat){0};
    mem_free(TAKE(doc->bytes));
}

void tuf_doc_done(struct tuf_doc *doc)
{
    tuf_doc_shed(doc);
    tuf_keys_unref(doc->keys);
    *doc = (struct tuf_doc){0};
}

void tuf_doc_own(struct tuf_doc *doc, struct buf *text)
{
    ASSERT(!doc->bytes);
    doc->bytes = buf_take(text);
}

bool tuf_doc_parse(enum tuf_role role, const char *name, const struct buf *text,
                   struct tuf_doc *out, struct err *err)
{
    *out = (struct tuf_doc){.some = true, .role = role, .len = text->len};
    if (!text_copy(out->name, sizeof(out->name), name)) {
        tuf_doc_done(out);
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "the role's name '%.64s' is too long", name);
    }
    if (text->len > bytes_max(role)) {
        tuf_doc_done(out);
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s of %zu bytes is longer than %zu", name,
                          text->len, bytes_max(role));
    }
    if (!flat_parse(buf_text(text), text->len, &flat_limits_metadata, &out->flat, err)) {
        err->refusal = REFUSAL_NONE;
        (void)tuf_malformed(err);
        tuf_doc_done(out);
        return err_wrap(err, "%.64s", name);
    }
    if (!parse_head(out, err) || !parse_body(out, err)) {
        tuf_doc_done(out);
        return err_wrap(err, "%.64s", name);
    }
    hash_sha256(text->data, text->len, out->sha256);
    return true;
}

bool tuf_check_expiry(const struct tuf_doc *doc, int64_t now_ms, enum refusal refusal,
                      struct err *err)
{
    if (doc->expires_ms > now_ms)
        return true;
    return err_refuse(err, refusal, "%s %" PRIu64 " has expired", doc->name, doc->version);
}

/* The role that the document claims; TUF_ROLE_COUNT when it is none. */
static enum tuf_role claimed_role(const struct flat *flat)
{
    struct flat_value type = flat_get(flat_get(flat_root(flat), "signed"), "_type");
    int role = 0;

    while (role < TUF_ROLE_COUNT && !flat_text_is(type, tuf_role_name((enum tuf_role)role)))
        role++;
    return (enum tuf_role)role;
}

bool tuf_peek(const void *data, size_t len, struct tuf_facts *out, struct err *err)
{
    AUTO_BUF text;
    AUTO_FLAT flat = {0};
    struct tuf_doc doc;
    enum tuf_role role;

    buf_init(&text, len);
    if (!flat_parse(data, len, &flat_limits_metadata, &flat, err)) {
        err->refusal = REFUSAL_NONE;
        return tuf_malformed(err);
    }
    role = claimed_role(&flat);
    if (role == TUF_ROLE_COUNT)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "the document is of no role we know");
    buf_add(&text, data, len);
    if (!tuf_doc_parse(role, tuf_role_name(role), &text, &doc, err))
        return false;
    *out = (struct tuf_facts){role, doc.version, doc.expires_ms};
    tuf_doc_done(&doc);
    return true;
}
