/* Scopes as numbers, and what they foretell. */
#include "lib/delta/scope.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/delta/model.h"
#include "lib/delta/predict.h"
#include "lib/delta/walk.h"

enum { NUMBERS_MAX = 256, COVERS = 8, OLD_SPACE = 100000, NEW_SPACE = 120000, TARGETS_LOG2 = 8 };

struct numbers {
    uint64_t values[NUMBERS_MAX];
    size_t count, next;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): readers of the same type write to `value` */
static bool note(void *arg, unsigned context, uint64_t *value, struct err *err)
{
    struct numbers *numbers = arg;

    (void)err;
    cr_assert_lt(context, DELTA_SCOPE_CONTEXTS);
    cr_assert_lt(numbers->count, NUMBERS_MAX);
    numbers->values[numbers->count++] = *value;
    return true;
}

static bool tell(void *arg, unsigned context, uint64_t *value, struct err *err)
{
    struct numbers *numbers = arg;

    (void)context;
    if (numbers->next == numbers->count)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "no more numbers");
    *value = numbers->values[numbers->next++];
    return true;
}

struct memory {
    struct delta_cover covers[COVERS];
    uint32_t by_old[COVERS];
};

static struct delta_scope empty(struct memory *memory, uint64_t new_at)
{
    return (struct delta_scope){
        .new_at = new_at, .covers = memory->covers, .by_old = memory->by_old, .cover_room = COVERS};
}

/* Two segments and three covers: the second one moved on by 0x100, the third before them. */
static struct delta_scope sample(struct memory *memory)
{
    struct delta_scope scope = empty(memory, 2000);

    scope.arch = DELTA_ARCH_X86_64;
    scope.word = 8;
    scope.old_at = 1000;
    scope.old_length = 0x8000;
    scope.new_length = 0x8100;
    scope.old_count = scope.new_count = 2;
    scope.old_segments[0] = (struct delta_segment){0, 0x4000, 0x4000, true, 0x400000};
    scope.old_segments[1] = (struct delta_segment){0x4000, 0x4000, 0x9000, false, 0x605000};
    scope.new_segments[0] = (struct delta_segment){0, 0x4100, 0x4100, true, 0x400000};
    scope.new_segments[1] = (struct delta_segment){0x4100, 0x4000, 0x9000, false, 0x606000};
    scope.cover_count = 3;
    memory->covers[0] = (struct delta_cover){.new_at = 0, .old_at = 0, .length = 0x1000};
    memory->covers[1] = (struct delta_cover){.new_at = 0x1100, .old_at = 0x1000, .length = 0x3000};
    memory->covers[2] = (struct delta_cover){.new_at = 0x4100, .old_at = 0x4000, .length = 0x4000};
    return scope;
}

static const struct delta_header header = {.old_space = OLD_SPACE, .new_space = NEW_SPACE};

static void write_numbers(struct delta_scope *scope, struct numbers *numbers)
{
    struct err err = {0};

    *numbers = (struct numbers){.count = 0};
    cr_assert(delta_scope_code(scope, &header, false, note, numbers, &err), "%s", err.text);
}

static void expect_same_segments(const struct delta_segment *a, const struct delta_segment *b,
                                 unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        cr_expect_eq(a[i].at, b[i].at);
        cr_expect_eq(a[i].length, b[i].length);
        cr_expect_eq(a[i].memory, b[i].memory);
        cr_expect_eq(a[i].address, b[i].address);
        cr_expect_eq(a[i].is_code, b[i].is_code);
    }
}

static void expect_comes_back(struct delta_scope *scope)
{
    struct numbers numbers;
    struct memory memory;
    struct delta_scope back = empty(&memory, scope->new_at);
    struct err err = {0};

    write_numbers(scope, &numbers);
    cr_assert(delta_scope_code(&back, &header, true, tell, &numbers, &err), "%s", err.text);
    cr_expect_eq(numbers.next, numbers.count);
    cr_expect_eq(back.arch, scope->arch);
    cr_expect_eq(back.word, scope->word);
    cr_expect_eq(back.old_at, scope->old_at);
    cr_expect_eq(back.old_length, scope->old_length);
    cr_expect_eq(back.new_length, scope->new_length);
    cr_assert_eq(back.old_count, scope->old_count);
    cr_assert_eq(back.new_count, scope->new_count);
    expect_same_segments(back.old_segments, scope->old_segments, scope->old_count);
    expect_same_segments(back.new_segments, scope->new_segments, scope->new_count);
    cr_assert_eq(back.cover_count, scope->cover_count);
    for (uint32_t i = 0; i < scope->cover_count; i++) {
        cr_expect_eq(back.covers[i].new_at, scope->covers[i].new_at);
        cr_expect_eq(back.covers[i].old_at, scope->covers[i].old_at);
        cr_expect_eq(back.covers[i].length, scope->covers[i].length);
    }
    for (uint32_t i = 1; i < scope->cover_count; i++)
        cr_expect_leq(back.covers[back.by_old[i - 1]].old_at, back.covers[back.by_old[i]].old_at);
}

Test(delta_scope, comes_back_as_it_was_told)
{
    struct memory memory;
    struct delta_scope scope = sample(&memory);

    expect_comes_back(&scope);
    /* Old places in any order, bytes that are used twice, kernels' addresses, all covers. */
    scope.old_segments[0].address = UINT64_C(0xffffffff81000000);
    scope.new_segments[0].address = UINT64_C(0xffffffff80000000);
    scope.cover_count = COVERS;
    for (uint32_t i = 0; i < COVERS; i++)
        memory.covers[i] =
            (struct delta_cover){.new_at = i * 100, .old_at = (COVERS - i) * 50, .length = 100};
    expect_comes_back(&scope);
    /* At the limits. */
    scope.old_at = 0;
    scope.old_length = OLD_SPACE;
    scope.new_at = 0;
    scope.new_length = NEW_SPACE;
    scope.old_count = scope.new_count = 0;
    scope.arch = DELTA_ARCH_NONE;
    scope.word = 4;
    scope.cover_count = 1;
    memory.covers[0] = (struct delta_cover){.new_at = NEW_SPACE - 1, .old_at = OLD_SPACE - 1, 1};
    expect_comes_back(&scope);
    scope.old_count = scope.new_count = DELTA_SEGMENTS_MAX;
    for (uint32_t i = 0; i < DELTA_SEGMENTS_MAX; i++)
        scope.old_segments[i] = scope.new_segments[i] =
            (struct delta_segment){i * 100, 100, 4000, i % 2 == 0, (uint64_t)(20 - i) << 20};
    expect_comes_back(&scope);
}

Test(delta_scope, refuses_numbers_that_lead_outside)
{
    struct memory memory;
    struct memory room;
    struct delta_scope scope = sample(&memory);
    struct numbers good;
    struct err err = {0};
    unsigned refused = 0;

    write_numbers(&scope, &good);
    /* Every number far too large, and all of them missing. */
    for (size_t i = 0; i < good.count; i++) {
        struct numbers numbers = good;
        struct delta_scope back = empty(&room, 2000);

        numbers.values[i] = UINT64_MAX >> 2;
        if (!delta_scope_code(&back, &header, true, tell, &numbers, &err)) {
            cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "number %zu: %s", i, err.text);
            refused++;
        }
        numbers = good;
        numbers.count = i;
        back = empty(&room, 2000);
        cr_expect_not(delta_scope_code(&back, &header, true, tell, &numbers, &err), "number %zu",
                      i);
    }
    /* All but the four addresses, which any program may run at. */
    cr_expect_eq(refused, good.count - 4, "%u of %zu", refused, good.count);
}

Test(delta_scope, refuses_each_impossible_scope)
{
    /* What the writer says of the sample, with a field changed. */
    static const struct {
        const char *what;
        size_t number;
        uint64_t value;
    } cases[] = {
        {"an unknown CPU", 0, (uint64_t)DELTA_ARCH_COUNT << 1},
        {"an old place behind the space", 1, OLD_SPACE + 1},
        {"old bytes behind the space", 2, OLD_SPACE - 1000 + 1},
        {"new bytes behind the space", 3, NEW_SPACE - 2000 + 1},
        {"17 segments", 4, DELTA_SEGMENTS_MAX + 1},
        {"a segment behind the scope", 5, 0x8001},
        {"a segment that ends behind it", 6, 0x8001},
        {"a segment of too much memory", 7, UINT32_MAX},
        {"code and a half", 9, 2},
        {"9 covers", 26, COVERS + 1},
        {"a cover behind the scope", 27, 0x8101},
        {"a cover that ends behind it", 28, 0x8101},
        {"a cover of no bytes", 28, 0},
        {"a cover of old bytes before the scope", 29, 1},
        {"a cover of old bytes behind it", 29, (uint64_t)0x7001 * 2},
    };
    struct memory memory;
    struct memory room;
    struct delta_scope scope = sample(&memory);
    struct numbers good;

    write_numbers(&scope, &good);
    cr_assert_eq(good.count, 5 + 2 * 5 + 1 + 2 * 5 + 1 + 3 * 3, "%zu", good.count);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct numbers numbers = good;
        struct delta_scope back = empty(&room, 2000);
        struct err err = {0};

        numbers.values[cases[i].number] = cases[i].value;
        cr_expect_not(delta_scope_code(&back, &header, true, tell, &numbers, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%s", cases[i].what);
    }
}

static uint64_t mapped(const struct delta_scope *scope, uint64_t address)
{
    uint64_t out = 0;

    return delta_scope_map(scope, address, &out) ? out : 0;
}

Test(delta_scope, maps_addresses_as_covers_moved_them)
{
    struct memory memory;
    struct memory room;
    struct delta_scope told = sample(&memory);
    struct delta_scope scope = empty(&room, 2000);
    struct numbers numbers;
    struct err err = {0};

    write_numbers(&told, &numbers);
    cr_assert(delta_scope_code(&scope, &header, true, tell, &numbers, &err), "%s", err.text);
    cr_expect_eq(mapped(&scope, 0x400000), 0x400000);
    cr_expect_eq(mapped(&scope, 0x400FFF), 0x400FFF);
    cr_expect_eq(mapped(&scope, 0x401000), 0x401100);
    cr_expect_eq(mapped(&scope, 0x605000), 0x606000);
    cr_expect_eq(mapped(&scope, 0x605123), 0x606123);
    /* What has no bytes: as far behind the segment's end. */
    cr_expect_eq(mapped(&scope, 0x60A000), 0x60B000);
    /* Outside. */
    cr_expect_eq(mapped(&scope, 0x3FFFFF), 0);
    cr_expect_eq(mapped(&scope, 0x404000), 0);
    cr_expect_not(delta_scope_has(&scope, 0x404000));
    cr_expect(delta_scope_has(&scope, 0x403FFF));
    /* Between covers the nearer one says. */
    scope.covers[1].old_at += 0x100;
    scope.covers[1].new_at += 0x100;
    scope.covers[1].length -= 0x100;
    cr_expect_eq(mapped(&scope, 0x401010), 0x401010);
    cr_expect_eq(mapped(&scope, 0x4010F0), 0x4011F0);
    scope.cover_count = 0;
    cr_expect_eq(mapped(&scope, 0x400000), 0);
}

Test(delta_walk, leads_from_cover_to_cover)
{
    struct memory memory;
    struct delta_scope scope = sample(&memory);
    struct delta_walk walk;
    uint64_t cursor = 7;

    delta_walk_start(&walk, NULL);
    delta_walk_step(&walk, 2000, &cursor);
    cr_expect_eq(cursor, 7);
    cr_expect_eq(delta_walk_cover(&walk, 2000), 0);
    cr_expect_eq(delta_walk_gap(&walk, 2000), 0);
    delta_walk_start(&walk, &scope);
    delta_walk_step(&walk, 1999, &cursor);
    cr_expect_eq(cursor, 7);
    delta_walk_step(&walk, 2000, &cursor);
    cr_expect_eq(cursor, 1000);
    cr_expect_eq(delta_walk_cover(&walk, 2000), 0x1000);
    cr_expect_eq(delta_walk_gap(&walk, 2000), 0);
    /* The cursor goes to a cover once; afterwards operations move it. */
    cursor = 77;
    delta_walk_step(&walk, 2010, &cursor);
    cr_expect_eq(cursor, 77);
    delta_walk_step(&walk, 2000 + 0x1000, &cursor);
    cr_expect_eq(cursor, 77);
    cr_expect_eq(delta_walk_gap(&walk, 2000 + 0x1000), 0x100);
    /* Into the middle of one, as a group may begin. */
    delta_walk_step(&walk, 2000 + 0x1105, &cursor);
    cr_expect_eq(cursor, 1000 + 0x1005);
    cr_expect_eq(delta_walk_cover(&walk, 2000 + 0x1105), 0x3000 - 5);
    delta_walk_step(&walk, 2000 + 0x8100, &cursor);
    cr_expect_eq(delta_walk_cover(&walk, 2000 + 0x8100), 0);
    cr_expect_eq(delta_walk_gap(&walk, 2000 + 0x8100), 0);
}

/* --- bytes that are foretold ------------------------------------------------------------------ */

/* A call at a place of the old scope, told that it is at another of the new one. */
struct call {
    uint8_t bytes[64];
    uint64_t old_at, new_at;
};

static struct call call_to(uint64_t old_place, uint64_t new_place, uint64_t target)
{
    struct call call = {.old_at = 1000 + old_place, .new_at = 2000 + new_place};
    int64_t way = (int64_t)(target - (0x400000 + old_place + 5));

    call.bytes[DELTA_MARGIN] = 0xE8;
    for (unsigned i = 0; i < 4; i++)
        call.bytes[DELTA_MARGIN + 1 + i] = (uint8_t)((uint64_t)way >> 8 * i);
    return call;
}

/* The way that is foretold for the call; false when none is. What comes is `really`. */
static bool foretold(struct delta_predict *predict, const struct call *call, int32_t really,
                     int32_t *out)
{
    uint32_t way = 0;
    bool all = true;

    for (unsigned i = 0; i < 5; i++) {
        struct delta_predicted what;

        delta_predict_byte(predict, call->bytes + DELTA_MARGIN + i, call->old_at + i,
                           call->new_at + i, &what);
        cr_assert_lt(what.kind, DELTA_PREDICT_KINDS);
        cr_assert_lt(what.trust, DELTA_PREDICT_TRUSTS);
        cr_assert_lt(what.place, DELTA_FIELD_BYTES_MAX);
        if (i > 0) {
            all = all && what.is;
            way |= (uint32_t)what.byte << 8 * (i - 1);
        }
        delta_predict_was(predict, i == 0 ? 0xE8 : (uint8_t)((uint32_t)really >> 8 * (i - 1)));
    }
    *out = (int32_t)way;
    return all;
}

Test(delta_predict, says_what_a_call_becomes_and_learns_when_it_was_wrong)
{
    struct delta_target targets[1 << TARGETS_LOG2];
    struct delta_predict predict;
    struct memory memory;
    struct memory room;
    struct delta_scope told = sample(&memory);
    struct delta_scope scope = empty(&room, 2000);
    struct numbers numbers;
    struct err err = {0};
    struct call call = call_to(0x100, 0x100, 0x402000);
    bool known = false;
    int32_t way;

    write_numbers(&told, &numbers);
    cr_assert(delta_scope_code(&scope, &header, true, tell, &numbers, &err), "%s", err.text);
    delta_predict_init(&predict, targets, TARGETS_LOG2);
    cr_expect_not(foretold(&predict, &call, 0, &way), "without a scope");
    delta_predict_scope(&predict, &scope);
    /* The target moved on by 0x100, the call did not. */
    cr_assert(foretold(&predict, &call, 0x402100 - 0x400105, &way));
    cr_expect_eq(way, 0x402100 - 0x400105);
    /* Both moved. */
    call = call_to(0x2000, 0x2100, 0x402000);
    cr_assert(foretold(&predict, &call, 0x402100 - 0x402105, &way));
    cr_expect_eq(way, 0x402100 - 0x402105);
    /* A target that the map is wrong about: the next time it is known. */
    call = call_to(0x200, 0x200, 0x400800);
    cr_expect_not(foretold(&predict, &call, 0x403000 - 0x400205, &way));
    for (unsigned i = 0; i < 8; i++) { /* until what is known is trusted */
        call = call_to(0x300 + i, 0x300 + i, 0x400800);
        known = foretold(&predict, &call, 0x403000 - (0x400305 + (int32_t)i), &way);
    }
    cr_expect(known);
    cr_expect_eq(way, 0x403000 - (0x400305 + 7));
    /* Another scope has learnt nothing. */
    delta_predict_scope(&predict, &scope);
    call = call_to(0x400, 0x400, 0x400800);
    cr_expect(foretold(&predict, &call, 0x400800 - 0x400405, &way));
    cr_expect_eq(way, 0x400800 - 0x400405);
}

Test(delta_predict, a_field_that_was_left_is_forgotten)
{
    struct delta_target targets[1 << TARGETS_LOG2];
    struct delta_predict predict;
    struct delta_predicted what;
    struct memory memory;
    struct memory room;
    struct delta_scope told = sample(&memory);
    struct delta_scope scope = empty(&room, 2000);
    struct numbers numbers;
    struct err err = {0};
    const struct call call = call_to(0x100, 0x100, 0x402000);
    static const uint8_t zeros[2 * DELTA_MARGIN + 1];

    write_numbers(&told, &numbers);
    cr_assert(delta_scope_code(&scope, &header, true, tell, &numbers, &err), "%s", err.text);
    delta_predict_init(&predict, targets, TARGETS_LOG2);
    delta_predict_scope(&predict, &scope);
    delta_predict_byte(&predict, call.bytes + DELTA_MARGIN + 1, 1000 + 0x101, 2000 + 0x101, &what);
    cr_assert(what.is);
    delta_predict_was(&predict, 1);
    delta_predict_skip(&predict);
    delta_predict_byte(&predict, zeros + DELTA_MARGIN, 1000 + 0x200, 2000 + 0x200, &what);
    cr_expect_not(what.is);
    /* Outside the scope, on either side, nothing is. */
    delta_predict_byte(&predict, call.bytes + DELTA_MARGIN + 1, 999, 2000 + 0x101, &what);
    cr_expect_not(what.is);
    delta_predict_byte(&predict, call.bytes + DELTA_MARGIN + 1, 1000 + 0x101, 2000 + 0x8100, &what);
    cr_expect_not(what.is);
    /* And in it again. */
    delta_predict_byte(&predict, call.bytes + DELTA_MARGIN + 1, 1000 + 0x101, 2000 + 0x101, &what);
    cr_expect(what.is);
}

Test(delta_predict, near_branches_are_fields_only_where_they_change)
{
    struct delta_target targets[1 << TARGETS_LOG2];
    struct delta_predict predict;
    struct delta_predicted what;
    struct memory memory;
    struct memory room;
    struct delta_scope told = sample(&memory);
    struct delta_scope scope = empty(&room, 2000);
    struct numbers numbers;
    struct err err = {0};
    static const uint8_t jump[2 * DELTA_MARGIN + 2] = {[DELTA_MARGIN] = 0x75, 0x10};

    told.covers[1].new_at = 0x1008; /* what lies behind moved by 8 */
    write_numbers(&told, &numbers);
    cr_assert(delta_scope_code(&scope, &header, true, tell, &numbers, &err), "%s", err.text);
    delta_predict_init(&predict, targets, TARGETS_LOG2);
    delta_predict_scope(&predict, &scope);
    delta_predict_byte(&predict, jump + DELTA_MARGIN + 1, 1000 + 0xFF9, 2000 + 0xFF9, &what);
    cr_assert(what.is);
    cr_expect_eq(what.kind, DELTA_FIELD_NEAR);
    cr_expect_eq(what.byte, 0x18);
    delta_predict_was(&predict, 0x18);
    delta_predict_byte(&predict, jump + DELTA_MARGIN + 1, 1000 + 0x101, 2000 + 0x101, &what);
    cr_expect_not(what.is);
}
