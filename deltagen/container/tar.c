/*
 * tar (ustar, with GNU's and POSIX's long names): 512-byte headers, each followed by its file,
 * padded. 0 name 100, 124 size 12 (octal, or binary when the highest bit is set), 148 check sum
 * 8, 156 kind 1, 257 "ustar" 5, 345 prefix 155. Kind 'L': the next one's name; 'x': records
 * "length key=value\n" for it.
 */
#include <stdio.h>
#include <string.h>

#include "deltagen/container/container.h"

enum {
    BLOCK = 512,
    NAME_AT = 0,
    NAME_BYTES = 100,
    SIZE_AT = 124,
    SIZE_BYTES = 12,
    SUM_AT = 148,
    SUM_BYTES = 8,
    KIND_AT = 156,
    MAGIC_AT = 257,
    PREFIX_AT = 345,
    PREFIX_BYTES = 155,
    BAD = -1,
};

static int64_t octal(const uint8_t *field, size_t len)
{
    int64_t value = 0;
    size_t i = 0;

    if (field[0] & 0x80) {
        /* Binary, high byte first, in the last eight bytes. */
        for (i = len - 8; i < len; i++)
            value = (int64_t)((uint64_t)value << 8 | field[i]);
        return value;
    }
    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
        if (value > INT64_MAX / 8)
            return BAD;
        value = value * 8 + (field[i] - '0');
    }
    return value;
}

static bool sum_fits(const uint8_t *header)
{
    int64_t sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' : header[i];
    return octal(header + SUM_AT, SUM_BYTES) == sum;
}

/* Up to `len` bytes of a text that need not end. */
static void copy_text(const uint8_t *text, size_t len, char out[PATH_BYTES_MAX])
{
    size_t max = len < PATH_BYTES_MAX - 1 ? len : PATH_BYTES_MAX - 1;
    const uint8_t *end = memchr(text, '\0', max);
    size_t used = end ? (size_t)(end - text) : max;

    memcpy(out, text, used);
    out[used] = '\0';
}

/* The value of "path" in an extended header. */
static void copy_path_record(const uint8_t *data, size_t len, char out[PATH_BYTES_MAX])
{
    static const char key[] = " path=";
    const uint8_t *found = memmem(data, len, key, sizeof(key) - 1);
    const uint8_t *end;

    if (!found)
        return;
    found += sizeof(key) - 1;
    end = memchr(found, '\n', len - (size_t)(found - data));
    if (end)
        copy_text(found, (size_t)(end - found), out);
}

static void header_path(const uint8_t *header, char out[PATH_BYTES_MAX])
{
    char name[NAME_BYTES + 1] = "";
    char prefix[PREFIX_BYTES + 1] = "";
    bool posix = header[MAGIC_AT + 5] == '\0';

    memcpy(name, header + NAME_AT, NAME_BYTES);
    if (posix)
        memcpy(prefix, header + PREFIX_AT, PREFIX_BYTES);
    (void)snprintf(out, PATH_BYTES_MAX, "%s%s%s", prefix, prefix[0] ? "/" : "", name);
}

static bool find(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found)
{
    char path[PATH_BYTES_MAX] = ""; /* told before the header */
    uint64_t pos = at;

    while (in->len - pos >= BLOCK && !out->full) {
        const uint8_t *header = in->data + pos;
        const uint8_t *data = header + BLOCK;
        int64_t size = octal(header + SIZE_AT, SIZE_BYTES);
        uint64_t left = in->len - pos - BLOCK;
        char kind = (char)header[KIND_AT];

        if (memcmp(header + MAGIC_AT, "ustar", 5) != 0 || size < 0 || (uint64_t)size > left ||
            !sum_fits(header))
            break;
        if (kind == 'L') {
            copy_text(data, (size_t)size, path);
        } else if (kind == 'x') {
            copy_path_record(data, (size_t)size, path);
        } else {
            if (path[0] == '\0')
                header_path(header, path);
            if ((kind == '0' || kind == '\0') && size > 0)
                units_add_element(out,
                                  (struct element){.at = pos + BLOCK,
                                                   .length = (uint64_t)size,
                                                   .kind = ELEMENT_FILE},
                                  path);
            path[0] = '\0';
        }
        size = (size + BLOCK - 1) / BLOCK * BLOCK;
        pos += BLOCK + ((uint64_t)size < left ? (uint64_t)size : left);
    }
    found->length = pos - at;
    found->open = true;
    return pos > at + MAGIC_AT;
}

const struct container container_tar = {
    .name = "tar", .magic = "ustar", .magic_len = 5, .magic_at = MAGIC_AT, .find = find};
