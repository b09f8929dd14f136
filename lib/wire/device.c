/* The tables of all messages; only the attributes, whose names are the device's own, are read by
 * hand. */
#include "lib/wire/device.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/wire/codec.h"
#include "lib/wire/scan.h"

enum { POLL_S_MAX = 31 * 86400 };

static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');

        if (form[i] == 'x' ? !is_hex : text[i] != '-')
            return false;
    }
    return true;
}

static bool is_uuid_or_empty(const char *text)
{
    return text[0] == '\0' || is_uuid(text);
}

/* A relative path without empty, "." or ".." parts and without characters a URL would escape. */
static bool is_safe_path(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~+@:=,";

    for (;;) {
        size_t len = strspn(text, plain);

        if (len == 0 || (len == 1 && text[0] == '.') ||
            (len == 2 && text[0] == '.' && text[1] == '.'))
            return false;
        text += len;
        if (*text == '\0')
            return true;
        if (*text++ != '/')
            return false;
    }
}

static bool is_install(const char *text)
{
    return text_equal(text, "install");
}

/* clang-format off */
static const struct wire_field wire_claim_fields[] = {
    {.name = "public_key", .kind = WIRE_HEX,  TEXT(wire_claim, public_key)},
    {.name = "claim",      .kind = WIRE_TEXT, TEXT(wire_claim, claim)},
    {.name = "hwid",       .kind = WIRE_TEXT, TEXT(wire_claim, hwid), .min = 1},
    {.name = "signature",  .kind = WIRE_HEX,  TEXT(wire_claim, signature)},
};
CODEC(wire_claim, WIRE_REFUSE_UNKNOWN);

static const struct wire_field wire_claim_answer_fields[] = {
    {.name = "tenant",        .kind = WIRE_TEXT, TEXT(wire_claim_answer, tenant), .min = 1},
    {.name = "product",       .kind = WIRE_TEXT, TEXT(wire_claim_answer, product), .min = 1},
    {.name = "group",         .kind = WIRE_TEXT, TEXT(wire_claim_answer, group), .min = 1},
    {.name = "device",        .kind = WIRE_HEX,  TEXT(wire_claim_answer, device)},
    {.name = "image_base",    .kind = WIRE_TEXT, TEXT(wire_claim_answer, image_base), .min = 1},
    {.name = "director_base", .kind = WIRE_TEXT, TEXT(wire_claim_answer, director_base)},
};
CODEC(wire_claim_answer, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_nonce_answer_fields[] = {
    {.name = "nonce", .kind = WIRE_TEXT, TEXT(wire_nonce_answer, nonce), .min = 1},
};
CODEC(wire_nonce_answer, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_session_fields[] = {
    {.name = "device",    .kind = WIRE_HEX,  TEXT(wire_session, device)},
    {.name = "nonce",     .kind = WIRE_TEXT, TEXT(wire_session, nonce), .min = 1},
    {.name = "signature", .kind = WIRE_HEX,  TEXT(wire_session, signature)},
};
CODEC(wire_session, WIRE_REFUSE_UNKNOWN);

static const struct wire_field wire_session_answer_fields[] = {
    {.name = "token",   .kind = WIRE_TEXT, TEXT(wire_session_answer, token), .min = 1},
    {.name = "expires", .kind = WIRE_TIME, AT(wire_session_answer, expires_ms)},
};
CODEC(wire_session_answer, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_poll_fields[] = {
    {.name = "assignment",        .kind = WIRE_U64,          AT(wire_poll, assignment), .max = SCAN_NUMBER_MAX},
    {.name = "installed",         .kind = WIRE_HASHES,       LIST(wire_poll, installed, installed_count)},
    {.name = "attributes_hash",   .kind = WIRE_HASH,         AT(wire_poll, attributes_hash)},
    {.name = "timestamp_expires", .kind = WIRE_TIME_OR_NONE, AT(wire_poll, timestamp_expires_ms)},
};
CODEC(wire_poll, WIRE_REFUSE_UNKNOWN);

static const struct wire_field wire_target_fields[] = {
    {.name = "path",   .kind = WIRE_TEXT, TEXT(wire_target, path), .fits = is_safe_path},
    {.name = "sha256", .kind = WIRE_HEX,  TEXT(wire_target, sha256)},
};
TABLE(wire_target, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_delta_fields[] = {
    {.name = "path",   .kind = WIRE_TEXT, TEXT(wire_delta, path), .fits = is_safe_path},
    {.name = "sha256", .kind = WIRE_HEX,  TEXT(wire_delta, sha256)},
    {.name = "length", .kind = WIRE_U64,  AT(wire_delta, length), .max = SCAN_NUMBER_MAX},
    {.name = "from",   .kind = WIRE_HEX,  TEXT(wire_delta, from)},
};
TABLE(wire_delta, WIRE_IGNORE_UNKNOWN);

static const struct wire_field window_fields[] = {
    {.name = "days",  .kind = WIRE_DAYS,     AT(window, days)},
    {.name = "start", .kind = WIRE_DAY_TIME, AT(window, start_min)},
    {.name = "end",   .kind = WIRE_DAY_TIME, AT(window, end_min)},
};
TABLE(window, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_conditions_fields[] = {
    {.name = "window",          .kind = WIRE_OBJECT, AT(wire_conditions, window), .of = &window_table, .presence = WIRE_IF_TRUE},
    {.name = "activate_before", .kind = WIRE_NUMBER, AT(wire_conditions, activate_before), .max = POLL_S_MAX, .presence = WIRE_IF_TRUE},
};
TABLE(wire_conditions, WIRE_IGNORE_UNKNOWN);

#define GRANTED .presence = WIRE_WITH, .with = offsetof(struct wire_poll_answer, deployment)
static const struct wire_field wire_poll_answer_fields[] = {
    {.name = "assignment",  .kind = WIRE_U64,  AT(wire_poll_answer, assignment), .max = SCAN_NUMBER_MAX},
    {.name = "next_poll_s", .kind = WIRE_U64,  AT(wire_poll_answer, next_poll_s), .min = 1, .max = POLL_S_MAX},
    {.name = "attributes",  .kind = WIRE_BOOL, AT(wire_poll_answer, attributes), .presence = WIRE_IF_TRUE},
    {.name = "report_s",    .kind = WIRE_NUMBER, AT(wire_poll_answer, report_s), .min = 1, .max = POLL_S_MAX, .presence = WIRE_IF_TRUE},
    {.name = "deployment",  .kind = WIRE_TEXT, TEXT(wire_poll_answer, deployment), .fits = is_uuid, GRANTED},
    {.name = "action",      .kind = WIRE_TEXT, TEXT(wire_poll_answer, action), .fits = is_install, GRANTED},
    {.name = "targets",     .kind = WIRE_LIST, LIST(wire_poll_answer, targets, target_count), .of = &wire_target_table, .min = 1, GRANTED},
    {.name = "deltas",      .kind = WIRE_LIST, LIST(wire_poll_answer, deltas, delta_count), .of = &wire_delta_table, GRANTED},
    {.name = "conditions",  .kind = WIRE_OBJECT, AT(wire_poll_answer, conditions), .of = &wire_conditions_table, .presence = WIRE_MAY_WITH, .with = offsetof(struct wire_poll_answer, deployment)},
};
CODEC(wire_poll_answer, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_activate_fields[] = {
    {.name = "deployment", .kind = WIRE_TEXT, TEXT(wire_activate, deployment), .fits = is_uuid},
    {.name = "assignment", .kind = WIRE_U64,  AT(wire_activate, assignment), .max = SCAN_NUMBER_MAX},
};
CODEC(wire_activate, WIRE_REFUSE_UNKNOWN);

#define REFUSED .presence = WIRE_WITH, .with = offsetof(struct wire_activate_answer, reason)
static const struct wire_field wire_activate_answer_fields[] = {
    {.name = "go",      .kind = WIRE_BOOL, AT(wire_activate_answer, go)},
    {.name = "reason",  .kind = WIRE_TEXT, TEXT(wire_activate_answer, reason), REFUSED},
    {.name = "retry_s", .kind = WIRE_U64,  AT(wire_activate_answer, retry_s), .min = 1, .max = POLL_S_MAX, REFUSED},
};
CODEC(wire_activate_answer, WIRE_IGNORE_UNKNOWN);

static const struct wire_field wire_report_fields[] = {
    {.name = "epoch",      .kind = WIRE_HEX,     TEXT(wire_report, epoch)},
    {.name = "seq",        .kind = WIRE_U64,     AT(wire_report, seq), .min = 1, .max = SCAN_NUMBER_MAX},
    {.name = "deployment", .kind = WIRE_TEXT,    TEXT(wire_report, deployment), .fits = is_uuid_or_empty},
    {.name = "state",      .kind = WIRE_STATE,   AT(wire_report, state)},
    {.name = "reason",     .kind = WIRE_REFUSAL, AT(wire_report, reason)},
    {.name = "detail",     .kind = WIRE_TEXT,    TEXT(wire_report, detail)},
    {.name = "image",      .kind = WIRE_HASH,    AT(wire_report, image)},
    {.name = "bytes",      .kind = WIRE_U64,     AT(wire_report, bytes), .max = SCAN_NUMBER_MAX},
    {.name = "time",       .kind = WIRE_TIME,    AT(wire_report, time_ms)},
};
CODEC(wire_report, WIRE_REFUSE_UNKNOWN);
/* clang-format on */

bool wire_window_parse(const void *data, size_t len, struct window *out, struct err *err)
{
    if (!wire_parse(&window_table, data, len, out, err))
        return false;
    out->set = true;
    return true;
}

/* --- attributes ------------------------------------------------------------------------------ */

static int compare_keys(const void *a, const void *b)
{
    const struct wire_attribute *left = a;
    const struct wire_attribute *right = b;

    return strcmp(left->key, right->key);
}

void wire_attributes_sort(struct wire_attributes *attributes)
{
    qsort(attributes->pairs, attributes->count, sizeof(attributes->pairs[0]), compare_keys);
}

/* Control characters have two spellings in JSON; without them the canonical form and the message
 * are the same bytes. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((uint8_t)*text < 0x20)
            return false;
    return true;
}

static bool read_pairs(struct scan *in, struct wire_attributes *out, struct err *err)
{
    enum scan_next next;
    bool first = true;

    if (!scan_open(in, '{', err))
        return false;
    while ((next = scan_member(in, '}', &first, err)) == SCAN_MORE) {
        struct wire_attribute *pair = &out->pairs[out->count];

        if (out->count == WIRE_ATTRIBUTES_MAX)
            return err_set(err, ERR_LIMIT, "more than %d attributes", WIRE_ATTRIBUTES_MAX);
        if (!scan_key(in, pair->key, sizeof(pair->key), err))
            return false;
        if (!scan_text(in, pair->value, sizeof(pair->value), err))
            return err_wrap(err, "attribute '%s'", pair->key);
        if (pair->key[0] == '\0' || !is_plain(pair->key) || !is_plain(pair->value))
            return err_set(err, ERR_INVALID, "an attribute has an empty key or control characters");
        out->count++;
    }
    return next == SCAN_DONE;
}

static bool refuse_twins(const struct wire_attributes *sorted, struct err *err)
{
    for (size_t i = 1; i < sorted->count; i++)
        if (text_equal(sorted->pairs[i - 1].key, sorted->pairs[i].key))
            return err_set(err, ERR_INVALID, "attribute '%s' is there twice", sorted->pairs[i].key);
    return true;
}

bool wire_attributes_parse(const void *data, size_t len, struct wire_attributes *out,
                           struct err *err)
{
    struct scan in = scan_of(data, len);
    bool ok;

    memset(out, 0, sizeof(*out));
    ok = read_pairs(&in, out, err) && scan_end(&in, err);
    if (ok) {
        wire_attributes_sort(out);
        ok = refuse_twins(out, err);
    }
    if (!ok)
        memset(out, 0, sizeof(*out));
    return ok;
}

void wire_attributes_format(const struct wire_attributes *message, struct buf *out)
{
    buf_add_u8(out, '{');
    for (size_t i = 0; i < message->count; i++) {
        if (i)
            buf_add_u8(out, ',');
        wire_format_text(out, message->pairs[i].key);
        buf_add_u8(out, ':');
        wire_format_text(out, message->pairs[i].value);
    }
    buf_add_u8(out, '}');
}

void wire_attributes_hash(const struct wire_attributes *attributes, uint8_t out[HASH_BYTES])
{
    AUTO_BUF text;

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    wire_attributes_format(attributes, &text);
    ASSERT(!text.failed);
    hash_sha256(text.data, text.len, out);
}

/* --- what is signed --------------------------------------------------------------------------- */

void wire_claim_signed_bytes(const struct wire_claim *claim, struct buf *out)
{
    buf_add_text(out, "slipway-claim-1");
    buf_add_text(out, claim->claim);
    buf_add_u8(out, 0);
    buf_add_text(out, claim->hwid);
}

void wire_session_signed_bytes(const struct wire_session *session, struct buf *out)
{
    char device[HASH_HEX_ROOM];

    text_from_hex_bytes(session->device, sizeof(session->device), device);
    buf_add_text(out, "slipway-session-1");
    buf_add_text(out, session->nonce);
    buf_add_text(out, device);
}

static void copy_plain(char *out, size_t room, const char *text)
{
    size_t len = 0;

    for (; *text && len + 1 < room; text++) {
        bool plain = (uint8_t)*text >= 0x20 && (uint8_t)*text < 0x7f;

        out[len++] = (char)(plain ? *text : '?');
    }
    out[len] = '\0';
}

void wire_detail_copy(char out[WIRE_DETAIL_ROOM], const char *text)
{
    copy_plain(out, WIRE_DETAIL_ROOM, text);
}

void wire_value_copy(char out[WIRE_VALUE_ROOM], const char *text)
{
    copy_plain(out, WIRE_VALUE_ROOM, text);
}
