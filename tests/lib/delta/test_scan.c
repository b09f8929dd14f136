/*
 * Scanners: instructions as assemblers write them, where they point, and what they are when both
 * they and their targets have moved. Then any bytes at all: a field made for the target it has is
 * the field it was.
 */
#include "lib/delta/scan.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/delta/model.h"

enum { AT = 32, BYTES = 96, SPACE = 1 << 24, OLD_ADDRESS = 0x1000, MOVES = 4 };

static const struct delta_scope flat = {
    .arch = DELTA_ARCH_X86_64, .word = 8, .old_length = SPACE, .new_length = SPACE, .old_count = 0};

struct found {
    uint8_t bytes[BYTES];
    struct delta_field field;
};

static void find(const struct delta_scanner *scanner, const struct delta_scope *scope,
                 uint64_t old_address, uint64_t new_address, struct found *found)
{
    const struct delta_sight sight = {.scope = scope,
                                      .old = found->bytes + AT,
                                      .old_address = old_address,
                                      .new_address = new_address,
                                      .old_at = old_address};

    found->field = (struct delta_field){0};
    scanner->find(&sight, &found->field);
}

/* clang-format off */
static const struct {
    const char *what;
    const struct delta_scanner *scanner;
    unsigned word;
    uint8_t before[4], old[8]; /* the bytes right before the field, and from it on */
    unsigned length;
    uint64_t target;
    uint64_t new_address, new_target;
    uint8_t made[8];
} cases[] = {
    {"x86 call", &delta_scan_x86, 8, {0, 0, 0, 0xE8}, {0x00, 0x01}, 4, 0x1104,
     0x1010, 0x2114, {0x00, 0x11}},
    {"x86 jump back", &delta_scan_x86, 8, {0, 0, 0, 0xE9}, {0xFC, 0xFE, 0xFF, 0xFF}, 4, 0xF00,
     0x1010, 0xF00, {0xEC, 0xFE, 0xFF, 0xFF}},
    {"x86 jne", &delta_scan_x86, 8, {0, 0, 0x0F, 0x85}, {0x00, 0x01}, 4, 0x1104,
     0x1000, 0x1106, {0x02, 0x01}},
    {"x86 lea rip", &delta_scan_x86, 8, {0, 0x48, 0x8D, 0x3D}, {0x00, 0x02}, 4, 0x1204,
     0x1000, 0x1304, {0x00, 0x03}},
    {"x86 cmp rip, imm8", &delta_scan_x86, 8, {0, 0, 0x80, 0x3D}, {0x00, 0x02}, 4, 0x1205,
     0x1000, 0x1305, {0x00, 0x03}},
    {"x86 mov rip, imm32", &delta_scan_x86, 8, {0, 0, 0xC7, 0x05}, {0x00, 0x02}, 4, 0x1208,
     0x1000, 0x1308, {0x00, 0x03}},
    {"x86 mov rip, imm16", &delta_scan_x86, 8, {0, 0x66, 0xC7, 0x05}, {0x00, 0x02}, 4, 0x1206,
     0x1000, 0x1306, {0x00, 0x03}},
    {"x86 test rip, imm32", &delta_scan_x86, 8, {0, 0, 0xF7, 0x05}, {0x00, 0x02}, 4, 0x1208,
     0x1000, 0x1308, {0x00, 0x03}},
    {"x86 call through rip", &delta_scan_x86, 8, {0, 0, 0xFF, 0x15}, {0x00, 0x02}, 4, 0x1204,
     0x1000, 0x1304, {0x00, 0x03}},
    {"arm64 bl", &delta_scan_arm64, 8, {0}, {0x40, 0x00, 0x00, 0x94}, 4, 0x1100,
     0x1010, 0x1120, {0x44, 0x00, 0x00, 0x94}},
    {"arm64 b back", &delta_scan_arm64, 8, {0}, {0xFF, 0xFF, 0xFF, 0x17}, 4, 0xFFC,
     0x1000, 0xFF8, {0xFE, 0xFF, 0xFF, 0x17}},
    {"arm64 adr", &delta_scan_arm64, 8, {0}, {0x20, 0x08, 0x00, 0x30}, 4, 0x1105,
     0x1000, 0x1106, {0x20, 0x08, 0x00, 0x50}},
    {"arm64 adrp, add", &delta_scan_arm64, 8, {0}, {0x20, 0x00, 0x00, 0x90, 0x00, 0x8C, 0x04, 0x91},
     4, 0x5123, 0x1000, 0x7123, {0x20, 0x00, 0x00, 0xD0}},
    {"arm64 add behind adrp", &delta_scan_arm64, 8, {0x20, 0x00, 0x00, 0x90},
     {0x00, 0x8C, 0x04, 0x91}, 4, 0x4123, 0x1000, 0x4125, {0x00, 0x94, 0x04, 0x91}},
    {"arm64 ldr behind adrp", &delta_scan_arm64, 8, {0x20, 0x00, 0x00, 0x90},
     {0x01, 0x0C, 0x40, 0xF9}, 4, 0x4018, 0x1000, 0x4020, {0x01, 0x10, 0x40, 0xF9}},
    {"thumb bl", &delta_scan_thumb, 4, {0}, {0x00, 0xF0, 0x80, 0xF8}, 4, 0x1104,
     0x1010, 0x1124, {0x00, 0xF0, 0x88, 0xF8}},
    {"thumb b.w back", &delta_scan_thumb, 4, {0}, {0xFF, 0xF7, 0xFE, 0xBF}, 4, 0x1000,
     0x1000, 0xFF0, {0xFF, 0xF7, 0xF6, 0xBF}},
    {"arm bl", &delta_scan_arm, 4, {0}, {0x3E, 0x00, 0x00, 0xEB}, 4, 0x1100,
     0x1010, 0x1120, {0x42, 0x00, 0x00, 0xEB}},
    {"arm bne back", &delta_scan_arm, 4, {0}, {0xFE, 0xFF, 0xFF, 0x1A}, 4, 0x1000,
     0x1000, 0xFF0, {0xFA, 0xFF, 0xFF, 0x1A}},
    {"risc-v jal", &delta_scan_riscv, 8, {0}, {0xEF, 0x00, 0x00, 0x10}, 4, 0x1100,
     0x1002, 0x1104, {0xEF, 0x00, 0x20, 0x10}},
    {"risc-v auipc, addi", &delta_scan_riscv, 8, {0},
     {0x17, 0x45, 0x00, 0x00, 0x13, 0x05, 0x35, 0x12}, 8, 0x5123,
     0x1000, 0x5925, {0x17, 0x55, 0x00, 0x00, 0x13, 0x05, 0x55, 0x92}},
    {"risc-v auipc, sd", &delta_scan_riscv, 8, {0},
     {0x17, 0x45, 0x00, 0x00, 0x23, 0x34, 0xB5, 0x00}, 8, 0x5008,
     0x1000, 0x5010, {0x17, 0x45, 0x00, 0x00, 0x23, 0x38, 0xB5, 0x00}},
    {"data, an address of 8 bytes", &delta_scan_data, 8, {0}, {0x23, 0x51}, 8, 0x5123,
     0x1008, 0x6123, {0x23, 0x61}},
    {"data, an address of 4 bytes", &delta_scan_data, 4, {0}, {0x23, 0x51}, 4, 0x5123,
     0x1008, 0x6123, {0x23, 0x61}},
    {"data, a way of 4 bytes", &delta_scan_data, 8, {0}, {0x00, 0xF8, 0xFF, 0xFF, 1, 2, 3, 4}, 4,
     0x800, 0x1008, 0x804, {0xFC, 0xF7, 0xFF, 0xFF}},
    {"x86 jne, short", &delta_scan_x86, 8, {0, 0, 0, 0x75}, {0x10}, 1, 0x1011,
     0x1000, 0x1013, {0x12}},
    {"x86 jump back, short", &delta_scan_x86, 8, {0, 0, 0, 0xEB}, {0xFE}, 1, 0xFFF,
     0x1010, 0x1009, {0xF8}},
    {"arm64 b.ne", &delta_scan_arm64, 8, {0}, {0x01, 0x08, 0x00, 0x54}, 4, 0x1100,
     0x1010, 0x1120, {0x81, 0x08, 0x00, 0x54}},
    {"arm64 cbz back", &delta_scan_arm64, 8, {0}, {0xE0, 0xFF, 0xFF, 0xB4}, 4, 0xFFC,
     0x1000, 0xFF8, {0xC0, 0xFF, 0xFF, 0xB4}},
    {"arm64 tbnz", &delta_scan_arm64, 8, {0}, {0x03, 0x01, 0x28, 0x37}, 4, 0x1020,
     0x1000, 0x1040, {0x03, 0x02, 0x28, 0x37}},
    {"thumb bne", &delta_scan_thumb, 4, {0}, {0x10, 0xD1}, 2, 0x1024,
     0x1000, 0x1028, {0x12, 0xD1}},
    {"thumb b back", &delta_scan_thumb, 4, {0}, {0xFE, 0xE7}, 2, 0x1000,
     0x1000, 0xFF8, {0xFA, 0xE7}},
    {"thumb beq.w", &delta_scan_thumb, 4, {0}, {0x00, 0xF0, 0x80, 0x80}, 4, 0x1104,
     0x1000, 0x1108, {0x00, 0xF0, 0x82, 0x80}},
    {"thumb cbz", &delta_scan_thumb, 4, {0}, {0x10, 0xB1}, 2, 0x1008,
     0x1000, 0x100C, {0x20, 0xB1}},
    {"risc-v c.j", &delta_scan_riscv, 8, {0}, {0x01, 0xA8}, 2, 0x1010,
     0x1000, 0x1020, {0x05, 0xA0}},
    {"risc-v c.beqz", &delta_scan_riscv, 8, {0}, {0x01, 0xC5}, 2, 0x1008,
     0x1000, 0x1010, {0x01, 0xC9}},
    {"risc-v bne", &delta_scan_riscv, 8, {0}, {0x63, 0x18, 0xB5, 0x00}, 4, 0x1010,
     0x1002, 0x102A, {0x63, 0x14, 0xB5, 0x02}},
};
/* clang-format on */

Test(delta_scan, knows_where_instructions_point_and_writes_them_anew)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct delta_scope scope = flat;
        struct found found = {0};
        uint8_t made[DELTA_FIELD_BYTES_MAX];

        scope.word = cases[i].word;
        memcpy(found.bytes + AT - 4, cases[i].before, 4);
        memcpy(found.bytes + AT, cases[i].old, 8);
        find(cases[i].scanner, &scope, OLD_ADDRESS, cases[i].new_address, &found);
        cr_assert_eq(found.field.length, cases[i].length, "%s", cases[i].what);
        cr_expect_eq(found.field.target, cases[i].target, "%s: %llx", cases[i].what,
                     (unsigned long long)found.field.target);
        cr_assert(cases[i].scanner->make(&found.field, cases[i].old, cases[i].new_target, made),
                  "%s", cases[i].what);
        cr_expect_eq(memcmp(made, cases[i].made, cases[i].length), 0, "%s: %02x %02x %02x %02x",
                     cases[i].what, made[0], made[1], made[2], made[3]);
        cr_expect_eq(cases[i].scanner->read(&found.field, made, cases[i].new_target),
                     cases[i].new_target, "%s", cases[i].what);
    }
}

Test(delta_scan, sees_nothing_where_there_is_nothing)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct delta_scope scope = flat;
        struct found found = {0};

        /* An address outside the scope is none. */
        scope.word = cases[i].word;
        scope.old_length = 0x500;
        memcpy(found.bytes + AT - 4, cases[i].before, 4);
        memcpy(found.bytes + AT, cases[i].old, 8);
        find(cases[i].scanner, &scope, OLD_ADDRESS, OLD_ADDRESS, &found);
        cr_expect_eq(found.field.length, 0, "%s", cases[i].what);
        /* Nor are zeros. */
        memset(found.bytes, 0, sizeof(found.bytes));
        find(cases[i].scanner, &flat, OLD_ADDRESS, OLD_ADDRESS, &found);
        cr_expect_eq(found.field.length, 0, "%s", cases[i].what);
    }
}

Test(delta_scan, refuses_targets_that_a_field_cannot_say)
{
    static const struct {
        size_t number; /* of `cases` */
        uint64_t target;
    } wrong[] = {
        {0, UINT64_C(1) << 33}, /* x86 call: 32 bits */
        {9, OLD_ADDRESS + 2},   /* arm64 bl: words */
        {9, UINT64_C(1) << 28},
        {11, UINT64_C(1) << 22},
        {12, UINT64_C(1) << 40},
        {14, 0x4021}, /* arm64 ldr: multiples of 8 */
        {15, 0x1105}, /* thumb: halfwords */
        {15, UINT64_C(1) << 25},
        {17, OLD_ADDRESS + 2}, /* arm bl: words */
        {17, UINT64_C(1) << 26},
        {19, 0x1101}, /* risc-v jal: halfwords */
        {19, UINT64_C(1) << 22},
        {20, UINT64_C(1) << 33},
        {23, UINT64_C(1) << 32},
        {24, UINT64_C(1) << 33},
        {25, 0x1081}, /* x86, short: 8 bits */
        {27, OLD_ADDRESS + 2},
        {27, OLD_ADDRESS + (1 << 20)},
        {29, OLD_ADDRESS + (1 << 15)},
        {30, 0x1029},
        {30, 0x1104},
        {31, 0x1804},
        {32, 0x101004},
        {33, 0x1000}, /* cbz: only ahead */
        {33, 0x1084},
        {34, 0x1011},
        {34, 0x1800},
        {35, 0x1100},
        {36, 0x2000},
    };

    for (size_t i = 0; i < COUNT(wrong); i++) {
        size_t n = wrong[i].number;
        struct delta_scope scope = flat;
        struct found found = {0};
        uint8_t made[DELTA_FIELD_BYTES_MAX];

        scope.word = cases[n].word;
        memcpy(found.bytes + AT - 4, cases[n].before, 4);
        memcpy(found.bytes + AT, cases[n].old, 8);
        find(cases[n].scanner, &scope, OLD_ADDRESS, OLD_ADDRESS, &found);
        cr_assert_gt(found.field.length, 0);
        cr_expect_not(cases[n].scanner->make(&found.field, cases[n].old, wrong[i].target, made),
                      "%s to %llx", cases[n].what, (unsigned long long)wrong[i].target);
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

Test(delta_scan, any_field_made_for_its_own_target_is_as_it_was)
{
    static const struct delta_scanner *const scanners[] = {
        &delta_scan_x86, &delta_scan_arm64, &delta_scan_thumb, &delta_scan_riscv, &delta_scan_data};
    uint32_t state = 1;
    unsigned fields[COUNT(scanners)] = {0};

    for (unsigned round = 0; round < 200000; round++) {
        size_t which = round % COUNT(scanners);
        uint64_t address = next_random(&state);
        struct found found;
        uint8_t made[DELTA_FIELD_BYTES_MAX];

        for (size_t i = 0; i < BYTES; i++)
            found.bytes[i] = (uint8_t)next_random(&state);
        found.bytes[AT - 1] = round % 3 ? 0xE8 : found.bytes[AT - 1];
        if (round % 2) { /* what each of them looks for */
            static const uint8_t leads[] = {0x3D, 0x94, 0xF0, 0x6F, 0x00, 0xEB};

            found.bytes[AT + (which == 1 || which == 5 ? 3 : which == 2 ? 1 : 0)] = leads[which];
            found.bytes[AT + 3] |= which == 2 ? 0xF0 : 0;
            memset(found.bytes + AT + 3, 0, which == 4 ? 5 : 0);
        }
        find(scanners[which], &flat, address, address, &found);
        if (found.field.length == 0)
            continue;
        fields[which]++;
        cr_assert(scanners[which]->make(&found.field, found.bytes + AT, found.field.target, made));
        cr_assert_eq(memcmp(made, found.bytes + AT, found.field.length), 0, "scanner %zu", which);
        cr_assert_eq(scanners[which]->read(&found.field, made, found.field.target),
                     found.field.target, "scanner %zu", which);
    }
    for (size_t i = 0; i < COUNT(scanners); i++)
        cr_expect_gt(fields[i], 100, "scanner %zu: %u", i, fields[i]);
}
