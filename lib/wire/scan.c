/* One pass over the text, one function per kind of value. Texts are decoded as they are copied:
 * escapes become UTF-8, raw UTF-8 is checked (RFC 3629: no overlong forms, no surrogates). */
#include "lib/wire/scan.h"

#include <string.h>

#include "lib/base/text.h"

struct scan scan_of(const void *data, size_t len)
{
    static const char empty[] = "";
    const char *at = data ? data : empty;

    return (struct scan){.at = at, .end = at + len};
}

static char peek(struct scan *in)
{
    while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at)
        in->at++;
    return (char)(in->at < in->end ? *in->at : 0);
}

static bool take(struct scan *in, char want)
{
    if (peek(in) != want || in->at == in->end)
        return false;
    in->at++;
    return true;
}

bool scan_open(struct scan *in, char open, struct err *err)
{
    return take(in, open) || err_set(err, ERR_INVALID, "expected '%c'", open);
}

enum scan_next scan_member(struct scan *in, char close, bool *first, struct err *err)
{
    bool was_first = *first;

    *first = false;
    if (take(in, close))
        return SCAN_DONE;
    if (was_first || take(in, ','))
        return SCAN_MORE;
    (void)err_set(err, ERR_INVALID, "expected ',' or '%c'", close);
    return SCAN_BAD;
}

/* --- texts --------------------------------------------------------------------------------- */

struct sink {
    char *out;
    size_t len;
    size_t room;
    bool cut;
};

static void put(struct sink *sink, const char *data, size_t len)
{
    if (len >= sink->room - sink->len) {
        sink->cut = true;
        return;
    }
    memcpy(sink->out + sink->len, data, len);
    sink->len += len;
}

static void put_code_point(struct sink *sink, uint32_t code)
{
    char utf8[4];
    size_t len = 0;

    if (code < 0x80) {
        utf8[len++] = (char)code;
    } else if (code < 0x800) {
        utf8[len++] = (char)(0xc0 | code >> 6);
        utf8[len++] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        utf8[len++] = (char)(0xe0 | code >> 12);
        utf8[len++] = (char)(0x80 | (code >> 6 & 0x3f));
        utf8[len++] = (char)(0x80 | (code & 0x3f));
    } else {
        utf8[len++] = (char)(0xf0 | code >> 18);
        utf8[len++] = (char)(0x80 | (code >> 12 & 0x3f));
        utf8[len++] = (char)(0x80 | (code >> 6 & 0x3f));
        utf8[len++] = (char)(0x80 | (code & 0x3f));
    }
    put(sink, utf8, len);
}

static bool four_hex(struct scan *in, uint32_t *out)
{
    uint32_t value = 0;

    if (in->end - in->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *at = in->at[i] ? strchr(digits, in->at[i]) : NULL;

        if (!at)
            return false;
        value = value << 4 | ((uint32_t)(at - digits) & 15);
    }
    in->at += 4;
    *out = value;
    return true;
}

/* Behind "\u". NUL and half a surrogate pair are refused. */
static bool unicode_escape(struct scan *in, struct sink *sink)
{
    uint32_t code, low;

    if (!four_hex(in, &code) || code == 0 || (code >= 0xdc00 && code <= 0xdfff))
        return false;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u')
            return false;
        in->at += 2;
        if (!four_hex(in, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    put_code_point(sink, code);
    return true;
}

static bool escape(struct scan *in, struct sink *sink)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (in->at == in->end)
        return false;
    if (*in->at == 'u') {
        in->at++;
        return unicode_escape(in, sink);
    }
    at = *in->at ? strchr(from, *in->at) : NULL;
    if (!at)
        return false;
    in->at++;
    put(sink, &to[at - from], 1);
    return true;
}

/* The length of the well-formed UTF-8 sequence at `at`, or 0. */
static size_t utf8_len(const char *text, size_t left)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (len == 1)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return len;
}

/* One character of a text; false for what no text may hold. */
static bool character(struct scan *in, struct sink *sink)
{
    size_t len;

    if (*in->at == '\\') {
        in->at++;
        return escape(in, sink);
    }
    if ((uint8_t)*in->at < 0x20)
        return false;
    len = utf8_len(in->at, (size_t)(in->end - in->at));
    if (len == 0)
        return false;
    put(sink, in->at, len);
    in->at += len;
    return true;
}

bool scan_text(struct scan *in, char *out, size_t room, struct err *err)
{
    struct sink sink = {.out = out, .room = room};

    if (!take(in, '"'))
        return err_set(err, ERR_INVALID, "expected a text");
    while (in->at < in->end && *in->at != '"')
        if (!character(in, &sink))
            return err_set(err, ERR_INVALID, "the text is not well formed");
    if (in->at == in->end)
        return err_set(err, ERR_INVALID, "the text is cut short");
    in->at++;
    if (sink.cut)
        return err_set(err, ERR_LIMIT, "the text is longer than %zu bytes", room - 1);
    out[sink.len] = '\0';
    return true;
}

bool scan_key(struct scan *in, char *out, size_t room, struct err *err)
{
    if (!scan_text(in, out, room, err))
        return err_wrap(err, "field name");
    return take(in, ':') || err_set(err, ERR_INVALID, "expected ':' after '%s'", out);
}

/* --- everything else ------------------------------------------------------------------------ */

bool scan_u64(struct scan *in, uint64_t *out, struct err *err)
{
    const char *start;

    (void)peek(in);
    start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    if (in->at < in->end && strchr(".eE+-", *in->at) && *in->at)
        return err_set(err, ERR_INVALID, "expected a whole number");
    return text_to_u64(start, (size_t)(in->at - start), 0, SCAN_NUMBER_MAX, out) ||
           err_set(err, ERR_INVALID, "expected a whole number up to 2^53 - 1");
}

static bool word(struct scan *in, const char *text)
{
    size_t len = strlen(text);

    (void)peek(in);
    if ((size_t)(in->end - in->at) < len || strncmp(in->at, text, len) != 0)
        return false;
    in->at += len;
    return true;
}

bool scan_bool(struct scan *in, bool *out, struct err *err)
{
    *out = word(in, "true");
    return *out || word(in, "false") || err_set(err, ERR_INVALID, "expected true or false");
}

/* A number as JSON writes it; its value does not matter here. */
static bool skip_number(struct scan *in, struct err *err)
{
    const char *start = in->at;

    while (in->at < in->end && *in->at && strchr("+-.0123456789eE", *in->at))
        in->at++;
    return in->at > start || err_set(err, ERR_INVALID, "expected a value");
}

static bool skip_text(struct scan *in, struct err *err)
{
    char nothing[1];
    struct err ignored = {0};

    if (scan_text(in, nothing, sizeof(nothing), &ignored) || ignored.code == ERR_LIMIT)
        return true;
    *err = ignored;
    return false;
}

static bool skip_scalar(struct scan *in, struct err *err)
{
    if (peek(in) == '"')
        return skip_text(in, err);
    return word(in, "true") || word(in, "false") || word(in, "null") || skip_number(in, err);
}

/* The name and ':' of a member when inside an object. */
static bool skip_name(struct scan *in, char close, struct err *err)
{
    if (close != '}')
        return true;
    return skip_text(in, err) &&
           (take(in, ':') || err_set(err, ERR_INVALID, "expected ':' after a field name"));
}

bool scan_skip(struct scan *in, struct err *err)
{
    char closes[SCAN_DEPTH_MAX];
    size_t depth = 0;
    bool first = false;

    do {
        char c = peek(in);

        if (depth > 0) {
            enum scan_next next = scan_member(in, closes[depth - 1], &first, err);

            if (next == SCAN_BAD)
                return false;
            if (next == SCAN_DONE) {
                depth--;
                continue;
            }
            if (!skip_name(in, closes[depth - 1], err))
                return false;
            c = peek(in);
        }
        if (c == '{' || c == '[') {
            if (depth == SCAN_DEPTH_MAX)
                return err_set(err, ERR_LIMIT, "deeper than %d levels", SCAN_DEPTH_MAX);
            in->at++;
            closes[depth++] = c == '{' ? '}' : ']';
            first = true;
        } else if (!skip_scalar(in, err)) {
            return false;
        }
    } while (depth > 0);
    return true;
}

bool scan_end(struct scan *in, struct err *err)
{
    (void)peek(in);
    return in->at == in->end || err_set(err, ERR_INVALID, "bytes follow the message");
}
