/* Texts as they are written: UTF-8, escapes, and their resolved bytes one after the other; and the
 * order of an object's keys, which is by those bytes. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/json/flat_node.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits at `at`, -1 when they are none. */
static int32_t hex_unit(const uint8_t *at, size_t left)
{
    int32_t unit = 0;

    if (left < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static const struct {
    char letter;
    char byte;
} escapes[] = {{'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'b', '\b'},
               {'f', '\f'}, {'n', '\n'},  {'r', '\r'}, {'t', '\t'}};

/* One escape behind its backslash: its bytes go to `out`. How much of the text it took, 0 when it
 * is none. */
size_t flat_escape_read(const uint8_t *at, size_t left, uint8_t out[4], size_t *out_len)
{
    size_t used = 5;
    int32_t unit;
    int32_t second;
    uint32_t code;

    for (size_t i = 0; left > 0 && i < COUNT(escapes); i++) {
        if (at[0] == (uint8_t)escapes[i].letter) {
            out[0] = (uint8_t)escapes[i].byte;
            *out_len = 1;
            return 1;
        }
    }
    if (left == 0 || at[0] != 'u')
        return 0;
    unit = hex_unit(at + 1, left - 1);
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    code = (uint32_t)unit;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (left < 11 || at[5] != '\\' || at[6] != 'u')
            return 0;
        second = hex_unit(at + 7, left - 7);
        if (second < 0xdc00 || second > 0xdfff)
            return 0;
        code = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
        used = 11;
    }
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        *out_len = 1;
    } else if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | (code >> 6));
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        *out_len = 2;
    } else if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | (code >> 12));
        out[1] = (uint8_t)(0x80 | ((code >> 6) & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        *out_len = 3;
    } else {
        out[0] = (uint8_t)(0xf0 | (code >> 18));
        out[1] = (uint8_t)(0x80 | ((code >> 12) & 0x3f));
        out[2] = (uint8_t)(0x80 | ((code >> 6) & 0x3f));
        out[3] = (uint8_t)(0x80 | (code & 0x3f));
        *out_len = 4;
    }
    return used;
}

struct flat_reader flat_reader_of(const struct flat *doc, uint32_t at)
{
    const struct flat_node *node = &doc->nodes[at];
    const uint8_t *text = (const uint8_t *)doc->text + node->start;

    return (struct flat_reader){.at = text, .end = text + node->len};
}

int flat_reader_next(struct flat_reader *reader)
{
    if (reader->held_at < reader->held_len)
        return reader->held[reader->held_at++];
    if (reader->at == reader->end)
        return -1;
    if (*reader->at != '\\')
        return *reader->at++;
    reader->at++;
    reader->at += flat_escape_read(reader->at, (size_t)(reader->end - reader->at), reader->held,
                                   &reader->held_len);
    reader->held_at = 1;
    return reader->held[0];
}

/* By bytes, which for UTF-8 is by code point. */
int flat_compare_keys(const struct flat_keyed *left_key, const struct flat_keyed *right_key)
{
    const struct flat_node *a = &left_key->doc->nodes[left_key->at];
    const struct flat_node *b = &right_key->doc->nodes[right_key->at];
    struct flat_reader left = flat_reader_of(left_key->doc, left_key->at);
    struct flat_reader right = flat_reader_of(right_key->doc, right_key->at);

    if (!a->escaped && !b->escaped) {
        uint32_t len = a->len < b->len ? a->len : b->len;
        int order = len ? memcmp(left.at, right.at, len) : 0;

        return order ? order : (a->len > b->len) - (a->len < b->len);
    }
    for (;;) {
        int x = flat_reader_next(&left);
        int y = flat_reader_next(&right);

        if (x != y)
            return x < y ? -1 : 1;
        if (x < 0)
            return 0;
    }
}

static int compare(const void *a, const void *b)
{
    return flat_compare_keys(a, b);
}

struct flat_keyed *flat_sorted_keys(const struct flat *doc, uint32_t object)
{
    uint32_t count = doc->nodes[object].count;
    struct flat_keyed *keys = mem_array(count + 1U, sizeof(*keys));
    uint32_t at = object + 1;

    for (uint32_t i = 0; i < count; i++) {
        keys[i] = (struct flat_keyed){doc, at};
        at += 1 + doc->nodes[at + 1].size;
    }
    qsort(keys, count, sizeof(*keys), compare);
    return keys;
}
