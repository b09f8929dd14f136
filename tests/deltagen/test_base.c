/* Images made here: words that point into them and to variables, and a part that moved. */
#include "deltagen/base.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"

enum { LEN = 64 << 10, MOVED_AT = 20000, MOVED_BY = 64, VARIABLE_MOVED_BY = 32, EVERY = 256 };

struct program {
    uint8_t *old, *new_data;
    struct delta_cover covers[2];
    struct base_pair pair;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void put(uint8_t *at, uint64_t value, unsigned word)
{
    for (unsigned i = 0; i < word; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t moved(uint64_t place)
{
    return place < MOVED_AT ? place : place + MOVED_BY;
}

static void program_init(struct program *program, uint64_t start, uint64_t variables, unsigned word)
{
    uint32_t state = 3;

    program->old = mem_alloc(LEN);
    program->new_data = mem_alloc(LEN + MOVED_BY);
    for (size_t i = 0; i < LEN; i++)
        program->old[i] = (uint8_t)next_random(&state);
    memcpy(program->new_data, program->old, MOVED_AT);
    memset(program->new_data + MOVED_AT, 0, MOVED_BY);
    memcpy(program->new_data + MOVED_AT + MOVED_BY, program->old + MOVED_AT, LEN - MOVED_AT);
    for (size_t at = 0; at + word <= LEN; at += EVERY) {
        uint64_t target = next_random(&state) % LEN;
        uint64_t variable = next_random(&state) % 3000;
        bool is_variable = variables && at / EVERY % 4 == 0;

        put(program->old + at, is_variable ? variables + variable : start + target, word);
        put(program->new_data + moved(at),
            is_variable ? variables + variable + VARIABLE_MOVED_BY : start + moved(target), word);
    }
    program->covers[0] = (struct delta_cover){.length = MOVED_AT};
    program->covers[1] = (struct delta_cover){
        .new_at = MOVED_AT + MOVED_BY, .old_at = MOVED_AT, .length = LEN - MOVED_AT};
    program->pair = (struct base_pair){program->old, program->new_data, LEN, LEN + MOVED_BY,
                                       word,         program->covers,   2};
}

static void program_done(struct program *program)
{
    mem_free(program->old);
    mem_free(program->new_data);
}

static struct delta_scope scope_new(void)
{
    return (struct delta_scope){.old_length = LEN, .new_length = LEN + MOVED_BY};
}

Test(base_find, finds_where_an_image_runs)
{
    static const struct {
        uint64_t start, variables;
        unsigned word;
    } cases[] = {
        {0x08004000, 0x20000000, 4},
        {0x10000, 0, 4},
        {UINT64_C(0xffffffc010080000), 0, 8},
        {0x80000000, 0x90001000, 8},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program program;
        struct delta_scope scope = scope_new();
        unsigned segments = cases[i].variables ? 2 : 1;

        program_init(&program, cases[i].start, cases[i].variables, cases[i].word);
        cr_assert(base_find(&program.pair, &scope), "case %zu", i);
        cr_expect_eq(scope.old_segments[0].address, cases[i].start, "case %zu: %llx", i,
                     (unsigned long long)scope.old_segments[0].address);
        cr_expect_eq(scope.new_segments[0].address, cases[i].start);
        cr_expect_eq(scope.old_segments[0].length, LEN);
        cr_expect_eq(scope.new_segments[0].length, LEN + MOVED_BY);
        cr_expect_eq(scope.old_count, segments, "case %zu: %u", i, scope.old_count);
        cr_expect_eq(scope.new_count, segments);
        if (segments == 2) {
            cr_expect_leq(scope.old_segments[1].address, cases[i].variables);
            cr_expect_gt(scope.old_segments[1].address + scope.old_segments[1].memory,
                         cases[i].variables + 3000);
            cr_expect_eq(scope.old_segments[1].length, 0);
        }
        program_done(&program);
    }
}

Test(base_find, is_silent_where_nothing_says_so)
{
    struct program program;
    struct delta_scope scope = scope_new();
    uint32_t state = 9;

    program_init(&program, 0x8000, 0, 4);
    program.pair.cover_count = 0;
    cr_expect_not(base_find(&program.pair, &scope));
    program.pair.cover_count = 2;
    program.pair.covers = (const struct delta_cover[]){{.length = 7}, {8, 9, 3}};
    cr_expect_not(base_find(&program.pair, &scope));
    /* Words change, but not as anything moved. */
    program.pair.covers = program.covers;
    for (size_t at = 0; at + 4 <= LEN; at += EVERY)
        put(program.new_data + moved(at), 0x8000 + next_random(&state) % LEN, 4);
    cr_expect_not(base_find(&program.pair, &scope));
    /* Nothing changes. */
    program.pair.new_data = program.old;
    program.pair.new_length = LEN;
    program.pair.covers = (const struct delta_cover[]){{.length = LEN}};
    program.pair.cover_count = 1;
    cr_expect_not(base_find(&program.pair, &scope));
    cr_expect_eq(scope.old_count, 0);
    program_done(&program);
}

/* Small negative numbers change too: no start lies behind the highest address. */
Test(base_find, ends_at_the_highest_address)
{
    static const uint64_t highest[] = {UINT64_MAX, UINT64_MAX - 255, UINT64_MAX - LEN};

    for (size_t i = 0; i < COUNT(highest); i++) {
        struct program program;
        struct delta_scope scope = scope_new();

        program_init(&program, 0, 0, 8);
        for (size_t at = 0; at + 8 <= LEN; at += EVERY) {
            put(program.old + at, highest[i] - at / EVERY, 8);
            put(program.new_data + moved(at), highest[i] - at / EVERY - 5, 8);
        }
        cr_expect_not(base_find(&program.pair, &scope), "case %zu", i);
        program_done(&program);
    }
}

/* A patch could not say where it runs. */
Test(base_find, is_silent_about_addresses_that_no_scope_says)
{
    static const uint64_t starts[] = {UINT64_C(1) << 59, UINT64_C(1) << 61, UINT64_C(3) << 62};

    for (size_t i = 0; i < COUNT(starts); i++) {
        struct program program;
        struct delta_scope scope = scope_new();

        program_init(&program, starts[i], 0, 8);
        cr_expect_not(base_find(&program.pair, &scope), "case %zu", i);
        program_done(&program);
    }
}
