/*
 * Both directions of both messages. A value has one encoding, so what is parsed and formatted
 * again is the same bytes; the fuzz target holds that.
 *
 *     request  u8 protocol, u8 op, then by op (table below)
 *              tenant  u8 length, bytes
 *              label   u8
 *              device  u8 0 or 1, then 32 bytes when 1
 *              keyid   the same
 *              data    all that is left
 *     answer   u8 error code (0: done), u8 op, then a refusal's text or the result
 */
#include "lib/wire/signer.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/text.h"

static const char *const label_names[] = {
    [SIGNER_SNAPSHOT] = "snapshot",
    [SIGNER_TIMESTAMP] = "timestamp",
    [SIGNER_DIRECTOR] = "director",
    [SIGNER_TIME] = "time",
};
_Static_assert(COUNT(label_names) == SIGNER_LABEL_COUNT, "every label has a name");

struct shape {
    bool tenant;
    bool label;
    bool device; /* and keyid */
    size_t data_min;
    size_t data_max;
};

enum { ID_BYTES = 32 };
_Static_assert((int)ID_BYTES == SIGNER_DEVICE_HEX / 2 && (int)ID_BYTES == HASH_BYTES,
               "devices and keys have ids of one length");

/* clang-format off */
static const struct shape shapes[] = {
    /*                   tenant label  device  data at least, at most */
    [SIGNER_PING]      = {false, false, false, 0, 0},
    [SIGNER_KEYS]      = {true,  false, false, 0, 0},
    [SIGNER_SIGN]      = {true,  true,  true,  1, SIGNER_DATA_BYTES_MAX},
    [SIGNER_IMPORT]    = {true,  true,  false, SIGNER_SEED_BYTES, SIGNER_SEED_BYTES},
    [SIGNER_PUBLISHED] = {true,  false, false, 1, SIGNER_DATA_BYTES_MAX},
    [SIGNER_NEXT]      = {true,  true,  false, 0, 0},
};
/* clang-format on */
_Static_assert(COUNT(shapes) == SIGNER_OP_COUNT, "every request has a shape");

const char *signer_label_name(enum signer_label label)
{
    ASSERT(label < SIGNER_LABEL_COUNT);
    return label_names[label];
}

bool signer_label_parse(const char *name, enum signer_label *out)
{
    for (unsigned i = 0; i < SIGNER_LABEL_COUNT; i++) {
        if (text_equal(name, label_names[i])) {
            *out = (enum signer_label)i;
            return true;
        }
    }
    return false;
}

bool signer_tenant_is_good(const char *tenant, size_t len)
{
    if (len == 0 || len > SIGNER_TENANT_MAX || tenant[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = tenant[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

/* --- frames ------------------------------------------------------------------------------------
 */

bool signer_frame_find(const void *data, size_t len, bool *whole, size_t *message_len,
                       struct err *err)
{
    struct bytes in = bytes_of(data, len);
    uint32_t announced = bytes_u32(&in);

    if (in.failed) {
        *whole = false;
        return true;
    }
    if (announced > SIGNER_MESSAGE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a message of %u bytes is longer than %d", announced,
                       SIGNER_MESSAGE_BYTES_MAX);
    *whole = bytes_left(&in) >= announced;
    *message_len = announced;
    return true;
}

/* The length is filled in when the message is there: where the frame begins is remembered. */
static size_t begin_frame(struct buf *out)
{
    size_t start = out->len;

    buf_add_u32(out, 0);
    return start;
}

static void end_frame(struct buf *out, size_t start)
{
    size_t len;

    if (out->failed)
        return;
    len = out->len - start - 4;
    ASSERT(len <= SIGNER_MESSAGE_BYTES_MAX);
    for (unsigned i = 0; i < 4; i++)
        out->data[start + i] = (uint8_t)(len >> (8 * i));
}

/* --- requests ----------------------------------------------------------------------------------
 */

static void add_id(const char *id, struct buf *out)
{
    uint8_t raw[ID_BYTES];
    bool some = id[0] != '\0';

    buf_add_u8(out, some);
    if (!some)
        return;
    ASSERT(text_to_hex_bytes(id, strlen(id), raw, sizeof(raw)));
    buf_add(out, raw, sizeof(raw));
}

void signer_ask_format(const struct signer_ask *ask, struct buf *out)
{
    const struct shape *shape = &shapes[ask->op];
    size_t start = begin_frame(out);

    ASSERT(ask->len >= shape->data_min && ask->len <= shape->data_max);
    buf_add_u8(out, SIGNER_PROTOCOL);
    buf_add_u8(out, (uint8_t)ask->op);
    if (shape->tenant) {
        size_t len = strlen(ask->tenant);

        ASSERT(signer_tenant_is_good(ask->tenant, len));
        buf_add_u8(out, (uint8_t)len);
        buf_add(out, ask->tenant, len);
    }
    if (shape->label)
        buf_add_u8(out, (uint8_t)ask->label);
    if (shape->device) {
        add_id(ask->device, out);
        add_id(ask->keyid, out);
    }
    buf_add(out, ask->data, ask->len);
    end_frame(out, start);
}

static bool read_tenant(struct bytes *in, char *out)
{
    size_t len = bytes_u8(in);
    const uint8_t *text = bytes_take(in, len);

    if (!text || !signer_tenant_is_good((const char *)text, len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool read_id(struct bytes *in, char *out)
{
    uint8_t some = bytes_u8(in);
    const uint8_t *raw;

    if (some == 0)
        return true;
    raw = bytes_take(in, ID_BYTES);
    if (some != 1 || !raw)
        return false;
    text_from_hex_bytes(raw, ID_BYTES, out);
    return true;
}

static bool read_label(struct bytes *in, enum signer_label *out)
{
    uint8_t label = bytes_u8(in);

    *out = (enum signer_label)label;
    return label < SIGNER_LABEL_COUNT;
}

bool signer_ask_parse(const void *message, size_t len, struct signer_ask *out, struct err *err)
{
    struct bytes in = bytes_of(message, len);
    struct signer_ask ask = {0};
    const struct shape *shape;
    uint8_t protocol = bytes_u8(&in);
    uint8_t op = bytes_u8(&in);

    if (protocol != SIGNER_PROTOCOL)
        return err_set(err, ERR_INVALID, "the request speaks protocol %u, not %d", protocol,
                       SIGNER_PROTOCOL);
    if (op >= SIGNER_OP_COUNT)
        return err_set(err, ERR_INVALID, "there is no request %u", op);
    ask.op = (enum signer_op)op;
    shape = &shapes[op];
    if (shape->tenant && !read_tenant(&in, ask.tenant))
        return err_set(err, ERR_INVALID, "the tenant's name is not one");
    if (shape->label && !read_label(&in, &ask.label))
        return err_set(err, ERR_INVALID, "there is no such label");
    if (shape->device && !read_id(&in, ask.device))
        return err_set(err, ERR_INVALID, "the device's id is not one");
    if (shape->device && !read_id(&in, ask.keyid))
        return err_set(err, ERR_INVALID, "the key's id is not one");
    ask.len = bytes_left(&in);
    ask.data = bytes_take(&in, ask.len);
    if (in.failed || ask.len < shape->data_min || ask.len > shape->data_max)
        return err_set(err, ERR_INVALID, "%zu bytes of data are not what the request takes",
                       ask.len);
    *out = ask;
    return true;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_text(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_control(text[i]))
            return false;
    }
    return true;
}

static void add_signature(const struct signer_signature *signature, struct buf *out)
{
    uint8_t keyid[HASH_BYTES];

    ASSERT(text_to_hex_bytes(signature->keyid, strlen(signature->keyid), keyid, sizeof(keyid)));
    buf_add(out, keyid, sizeof(keyid));
    buf_add(out, signature->sig, sizeof(signature->sig));
}

static bool gives_keys(enum signer_op op)
{
    return op == SIGNER_KEYS || op == SIGNER_NEXT;
}

static void add_keys(const struct signer_keys *keys, struct buf *out)
{
    buf_add(out, keys->public_key, sizeof(keys->public_key));
    buf_add(out, keys->next, sizeof(keys->next));
    buf_add_u64(out, keys->signed_max);
}

/* The sentence may quote a request; what is no text in it becomes '?'. */
static void add_refusal(const char *text, struct buf *out)
{
    for (size_t i = 0; text[i] != '\0'; i++)
        buf_add_u8(out, is_control((uint8_t)text[i]) ? '?' : (uint8_t)text[i]);
}

void signer_answer_format(const struct signer_answer *answer, struct buf *out)
{
    size_t start = begin_frame(out);

    ASSERT(answer->refused == (answer->err.code != ERR_NONE));
    buf_add_u8(out, (uint8_t)answer->err.code);
    buf_add_u8(out, (uint8_t)answer->op);
    if (answer->refused)
        add_refusal(answer->err.text, out);
    else if (gives_keys(answer->op))
        add_keys(&answer->keys, out);
    else if (answer->op == SIGNER_SIGN)
        add_signature(&answer->signature, out);
    end_frame(out, start);
}

static bool read_refusal(struct bytes *in, uint8_t code, struct err *out)
{
    size_t len = bytes_left(in);
    const uint8_t *text = bytes_take(in, len);

    if (code >= ERR_CODE_COUNT || len > SIGNER_TEXT_MAX || !is_text(text, len))
        return false;
    out->code = (enum err_code)code;
    memcpy(out->text, text, len);
    out->text[len] = '\0';
    return true;
}

static void read_result(struct bytes *in, struct signer_answer *answer)
{
    const uint8_t *raw;

    if (gives_keys(answer->op)) {
        raw = bytes_take(in, sizeof(answer->keys.public_key));
        if (raw)
            memcpy(answer->keys.public_key, raw, sizeof(answer->keys.public_key));
        raw = bytes_take(in, sizeof(answer->keys.next));
        if (raw)
            memcpy(answer->keys.next, raw, sizeof(answer->keys.next));
        answer->keys.signed_max = bytes_u64(in);
    } else if (answer->op == SIGNER_SIGN) {
        raw = bytes_take(in, HASH_BYTES);
        if (raw)
            text_from_hex_bytes(raw, HASH_BYTES, answer->signature.keyid);
        raw = bytes_take(in, SIGN_BYTES);
        if (raw)
            memcpy(answer->signature.sig, raw, SIGN_BYTES);
    }
}

bool signer_answer_parse(const void *message, size_t len, struct signer_answer *out,
                         struct err *err)
{
    struct bytes in = bytes_of(message, len);
    struct signer_answer answer = {0};
    uint8_t code = bytes_u8(&in);
    uint8_t op = bytes_u8(&in);
    bool good = op < SIGNER_OP_COUNT;

    answer.op = (enum signer_op)op;
    answer.refused = code != ERR_NONE;
    if (answer.refused)
        good = read_refusal(&in, code, &answer.err) && good;
    else
        read_result(&in, &answer);
    if (!good || in.failed || bytes_left(&in) > 0)
        return err_set(err, ERR_INVALID, "the signer's answer is not one");
    *out = answer;
    return true;
}
