/* Looking into a parsed document, and writing its canonical form. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/flat_node.h"

/* --- looking ------------------------------------------------------------------------------------
 */

static const struct flat_value none = {NULL, 0};

static const struct flat_node *node_of(struct flat_value value)
{
    return value.doc ? &value.doc->nodes[value.at] : NULL;
}

struct flat_value flat_root(const struct flat *doc)
{
    return doc && doc->count ? (struct flat_value){doc, 0} : none;
}

bool flat_some(struct flat_value value)
{
    return value.doc != NULL;
}

bool flat_is(struct flat_value value, enum flat_type type)
{
    const struct flat_node *node = node_of(value);

    return node && node->kind == (unsigned)type;
}

static bool is_container(struct flat_value value)
{
    return flat_is(value, FLAT_OBJECT) || flat_is(value, FLAT_ARRAY);
}

size_t flat_count(struct flat_value container)
{
    return is_container(container) ? node_of(container)->count : 0;
}

struct flat_value flat_first(struct flat_value container)
{
    if (flat_count(container) == 0)
        return none;
    return (struct flat_value){container.doc,
                               container.at + (flat_is(container, FLAT_OBJECT) ? 2U : 1U)};
}

struct flat_value flat_next(struct flat_value value)
{
    const struct flat_node *node = node_of(value);

    if (!node || value.at == 0 || node->last)
        return none;
    return (struct flat_value){value.doc, value.at + node->size + (node->member ? 1U : 0U)};
}

struct flat_value flat_key(struct flat_value member)
{
    const struct flat_node *node = node_of(member);

    return node && node->member ? (struct flat_value){member.doc, member.at - 1} : none;
}

struct flat_value flat_item(struct flat_value array, size_t at)
{
    struct flat_value value = flat_is(array, FLAT_ARRAY) ? flat_first(array) : none;

    while (at-- > 0)
        value = flat_next(value);
    return value;
}

struct flat_value flat_get(struct flat_value object, const char *name)
{
    if (!flat_is(object, FLAT_OBJECT))
        return none;
    for (struct flat_value v = flat_first(object); flat_some(v); v = flat_next(v)) {
        if (flat_text_is(flat_key(v), name))
            return v;
    }
    return none;
}

/* --- texts, numbers -----------------------------------------------------------------------------
 */

bool flat_text_is(struct flat_value text, const char *other)
{
    struct flat_reader reader;
    int c;

    if (!flat_is(text, FLAT_TEXT))
        return false;
    reader = flat_reader_of(text.doc, text.at);
    while ((c = flat_reader_next(&reader)) >= 0) {
        if ((uint8_t)*other++ != (uint8_t)c) /* a text has no NUL, so this ends with `other` */
            return false;
    }
    return *other == '\0';
}

size_t flat_text_len(struct flat_value text)
{
    struct flat_reader reader;
    size_t len = 0;

    if (!flat_is(text, FLAT_TEXT))
        return 0;
    if (!node_of(text)->escaped)
        return node_of(text)->len;
    reader = flat_reader_of(text.doc, text.at);
    while (flat_reader_next(&reader) >= 0)
        len++;
    return len;
}

bool flat_text_copy(struct flat_value text, char *out, size_t room)
{
    struct flat_reader reader;
    size_t len = 0;
    int c;

    if (!flat_is(text, FLAT_TEXT) || flat_text_len(text) >= room)
        return false;
    reader = flat_reader_of(text.doc, text.at);
    while ((c = flat_reader_next(&reader)) >= 0)
        out[len++] = (char)c;
    out[len] = '\0';
    return true;
}

bool flat_text_add(struct flat_value text, struct buf *out)
{
    const struct flat_node *node = node_of(text);
    struct flat_reader reader;
    int c;

    if (!flat_is(text, FLAT_TEXT))
        return false;
    reader = flat_reader_of(text.doc, text.at);
    if (!node->escaped) {
        buf_add(out, reader.at, node->len);
        return !out->failed;
    }
    while ((c = flat_reader_next(&reader)) >= 0)
        buf_add_u8(out, (uint8_t)c);
    return !out->failed;
}

bool flat_number(struct flat_value number, uint64_t *out)
{
    const struct flat_node *node = node_of(number);
    uint64_t value = 0;

    if (!flat_is(number, FLAT_NUMBER))
        return false;
    for (uint32_t i = 0; i < node->len; i++)
        value = value * 10 + (uint64_t)(number.doc->text[node->start + i] - '0');
    *out = value;
    return true;
}

bool flat_hex(struct flat_value text, uint8_t *out, size_t len)
{
    const struct flat_node *node = node_of(text);

    return flat_is(text, FLAT_TEXT) && !node->escaped &&
           text_to_hex_bytes(text.doc->text + node->start, node->len, out, len);
}

/* --- canonical form -----------------------------------------------------------------------------
 */

static void add_text(struct flat_value text, struct buf *out)
{
    struct flat_reader reader = flat_reader_of(text.doc, text.at);
    int c;

    buf_add_u8(out, '"');
    while ((c = flat_reader_next(&reader)) >= 0) {
        if (c == '"' || c == '\\')
            buf_add_u8(out, '\\');
        buf_add_u8(out, (uint8_t)c);
    }
    buf_add_u8(out, '"');
}

static void add_value(struct flat_value value, struct buf *out);

static void add_object(struct flat_value object, struct buf *out)
{
    AUTO_FREE struct flat_keyed *keys = flat_sorted_keys(object.doc, object.at);

    buf_add_u8(out, '{');
    for (uint32_t i = 0; i < object.doc->nodes[object.at].count; i++) {
        if (i > 0)
            buf_add_u8(out, ',');
        add_text((struct flat_value){object.doc, keys[i].at}, out);
        buf_add_u8(out, ':');
        add_value((struct flat_value){object.doc, keys[i].at + 1}, out);
    }
    buf_add_u8(out, '}');
}

static void add_array(struct flat_value array, struct buf *out)
{
    bool first = true;

    buf_add_u8(out, '[');
    for (struct flat_value v = flat_first(array); flat_some(v); v = flat_next(v)) {
        if (!first)
            buf_add_u8(out, ',');
        first = false;
        add_value(v, out);
    }
    buf_add_u8(out, ']');
}

static void add_value(struct flat_value value, struct buf *out)
{
    const struct flat_node *node = &value.doc->nodes[value.at];

    switch ((enum flat_type)node->kind) {
    case FLAT_OBJECT:
        add_object(value, out);
        break;
    case FLAT_ARRAY:
        add_array(value, out);
        break;
    case FLAT_TEXT:
        add_text(value, out);
        break;
    case FLAT_NUMBER:
        buf_add(out, value.doc->text + node->start, node->len);
        break;
    case FLAT_TRUE:
        buf_add_text(out, "true");
        break;
    case FLAT_FALSE:
        buf_add_text(out, "false");
        break;
    case FLAT_NULL:
        buf_add_text(out, "null");
        break;
    }
}

bool flat_canonical(struct flat_value value, struct buf *out, struct err *err)
{
    if (!flat_some(value))
        return err_set(err, ERR_INVALID, "there is no JSON value");
    add_value(value, out);
    return !out->failed || err_set(err, ERR_LIMIT, "the canonical JSON is too long");
}

bool flat_equal(struct flat_value a, struct flat_value b)
{
    struct err err;
    bool equal;
    AUTO_BUF left = {0};
    AUTO_BUF right = {0};

    if (!flat_some(a) || !flat_some(b))
        return !flat_some(a) && !flat_some(b);
    buf_init(&left, a.doc->len); /* the canonical form is never longer */
    buf_init(&right, b.doc->len);
    equal = flat_canonical(a, &left, &err) && flat_canonical(b, &right, &err) &&
            left.len == right.len && memcmp(buf_text(&left), buf_text(&right), left.len) == 0;
    return equal;
}
