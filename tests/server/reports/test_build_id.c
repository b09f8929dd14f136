#include "server/reports/build_id.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/base.h"
#include "server/reports/symbols.h"

/* A file of 64 bit with one section of notes at 128: head, table at 64, notes. */
struct image {
    uint8_t bytes[256];
    size_t len;
};

static void put(uint8_t *at, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static struct image image_of(void)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    struct image image = {.len = 128 + 16 + 20};

    memcpy(image.bytes, magic, sizeof(magic));
    put(image.bytes + 40, 64, 8); /* the table */
    put(image.bytes + 58, 64, 2);
    put(image.bytes + 60, 1, 2);
    put(image.bytes + 64 + 4, 7, 4); /* notes */
    put(image.bytes + 64 + 24, 128, 8);
    put(image.bytes + 64 + 32, 16 + 20, 8);
    put(image.bytes + 128, 4, 4);
    put(image.bytes + 132, 20, 4);
    put(image.bytes + 136, 3, 4);
    memcpy(image.bytes + 140, "GNU", 4);
    for (size_t i = 0; i < 20; i++)
        image.bytes[144 + i] = (uint8_t)(i + 1);
    return image;
}

static bool read_image(void *arg, uint64_t offset, void *out, size_t len)
{
    const struct image *image = arg;

    if (offset > image->len || len > image->len - offset)
        return false;
    memcpy(out, image->bytes + offset, len);
    return true;
}

Test(build_id, is_found_in_the_notes)
{
    struct image image = image_of();
    struct build_id id;
    struct err err;

    cr_assert(build_id_find(read_image, &image, &id, &err), "%s", err.text);
    cr_expect_eq(id.len, 20);
    cr_expect_eq(id.bytes[0], 1);
    cr_expect_eq(id.bytes[19], 20);
}

Test(build_id, refuses_what_is_damaged_or_has_none)
{
    static const struct {
        const char *what;
        size_t at;
        uint64_t value;
        size_t len;
    } cases[] = {
        {"no ELF file", 0, 0, 1},
        {"big-endian", 5, 2, 1},
        {"neither 32 nor 64 bit", 4, 3, 1},
        {"no sections", 60, 0, 2},
        {"odd sections", 58, 63, 2},
        {"a table far away", 40, UINT64_MAX, 8},
        {"a table behind the end", 40, 250, 8},
        {"no notes", 68, 1, 4},
        {"notes far away", 88, UINT64_MAX, 8},
        {"notes behind the end", 88, 250, 8},
        {"endless notes", 96, UINT64_MAX, 8},
        {"another note", 136, 1, 4},
        {"another's note", 140, 'X', 1},
        {"an id beyond its notes", 132, 24, 4},
        {"an endless id", 132, UINT32_MAX, 4},
        {"an id that is too short", 132, 3, 4},
        {"an endless name", 128, UINT32_MAX, 4},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct image image = image_of();
        struct build_id id = {.len = 99};
        struct err err = {0};

        put(image.bytes + cases[i].at, cases[i].value, cases[i].len);
        cr_expect_not(build_id_find(read_image, &image, &id, &err), "%s", cases[i].what);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].what);
        cr_expect_eq(id.len, 99, "%s", cases[i].what);
    }
    for (size_t len = 0; len < image_of().len; len++) {
        struct image image = image_of();
        struct build_id id;
        struct err err;

        image.len = len;
        cr_expect_not(build_id_find(read_image, &image, &id, &err), "cut at %zu", len);
    }
}

Test(symbols, are_taken_line_by_line)
{
    static const char text[] = "pump_read\t/src/pump.c\t12\n\t\t0\n";
    struct symbol symbols[2];
    struct err err;

    cr_assert(symbols_parse(text, strlen(text), symbols, 2, &err), "%s", err.text);
    cr_expect_str_eq(symbols[0].function, "pump_read");
    cr_expect_str_eq(symbols[0].source, "/src/pump.c");
    cr_expect_eq(symbols[0].line, 12);
    cr_expect_str_eq(symbols[1].function, "");
}

Test(symbols, refuses_anything_else)
{
    static const char *const cases[] = {
        "",
        "a\tb\t1\n",
        "a\tb\t1\na\tb\t1\na\tb\t1\n",
        "a\tb\t1\na\tb\t1",
        "a\tb\tx\na\tb\t1\n",
        "a\tb\t-1\na\tb\t1\n",
        "a\tb\t10000001\na\tb\t1\n",
        "a b\tb\t1\na\tb\t1\n",
        "a\x01\tb\t1\na\tb\t1\n",
        "a\xc3\xa9\tb\t1\na\tb\t1\n",
        "a\tb\n1\na\tb\t1\n",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct symbol symbols[2];
        struct err err;

        cr_expect_not(symbols_parse(cases[i], strlen(cases[i]), symbols, 2, &err), "%s", cases[i]);
    }
}
