#include "lib/delta/model.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"

enum { ROOM = 1 << 17, LEN = 20000, COUNTERS_LOG2 = 14, HISTORY_LOG2 = 13 };

/* Writes bits into memory and reads them back, as the real coder does. */
struct tape {
    struct delta_coder coder;
    uint32_t low, high, code;
    uint8_t *data;
    size_t at;
    bool reading;
    bool impossible; /* a chance outside [1, 65535] was named */
};

static uint32_t tape_byte(struct tape *tape)
{
    return tape->at < ROOM ? tape->data[tape->at++] : 0;
}

static unsigned tape_code(struct delta_coder *coder, unsigned p, unsigned bit)
{
    struct tape *tape = (struct tape *)coder;
    uint32_t middle = tape->low + (uint32_t)((uint64_t)(tape->high - tape->low) * p >> 16);

    tape->impossible |= p < 1 || p > 65535;
    if (tape->reading)
        bit = tape->code <= middle;
    if (bit)
        tape->high = middle;
    else
        tape->low = middle + 1;
    while ((tape->low ^ tape->high) >> 24 == 0) {
        if (tape->reading)
            tape->code = tape->code << 8 | tape_byte(tape);
        else if (tape->at < ROOM)
            tape->data[tape->at++] = (uint8_t)(tape->high >> 24);
        tape->low <<= 8;
        tape->high = tape->high << 8 | 255;
    }
    return bit;
}

static void tape_start(struct tape *tape, bool reading)
{
    tape->coder.code = tape_code;
    tape->low = 0;
    tape->high = UINT32_MAX;
    tape->reading = reading;
    tape->at = 0;
    for (int i = 0; reading && i < 4; i++)
        tape->code = tape->code << 8 | tape_byte(tape);
}

static size_t tape_end(struct tape *tape)
{
    for (unsigned i = 0; i < 4 && tape->at < ROOM; i++)
        tape->data[tape->at++] = (uint8_t)(tape->high >> (24 - 8 * i));
    return tape->at;
}

struct world {
    struct tape tape;
    void *memory;
    struct delta_model *model;
    uint8_t *old; /* LEN bytes with margins */
    uint8_t *new_data;
    uint8_t *out;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

static void world_init(struct world *world)
{
    uint32_t state = 7;

    *world = (struct world){.memory = mem_alloc((size_t)delta_model_bytes(COUNTERS_LOG2, //
                                                                          HISTORY_LOG2))};
    world->tape.data = mem_alloc(ROOM);
    world->old = (uint8_t *)mem_alloc(LEN + 2 * DELTA_MARGIN) + DELTA_MARGIN;
    memset(world->old - DELTA_MARGIN, 0, LEN + 2 * DELTA_MARGIN);
    world->new_data = mem_alloc(LEN);
    world->out = mem_alloc(LEN);
    for (size_t i = 0; i < LEN; i++) {
        world->old[i] = (uint8_t)(next_random(&state) % 29 * 7);
        world->new_data[i] = (uint8_t)(world->old[i] + (next_random(&state) % 50 == 0));
    }
    world->model = delta_model_init(world->memory, COUNTERS_LOG2, HISTORY_LOG2, &world->tape.coder);
}

static void world_done(struct world *world)
{
    mem_free(world->memory);
    mem_free(world->tape.data);
    mem_free(world->old - DELTA_MARGIN);
    mem_free(world->new_data);
    mem_free(world->out);
}

static const uint64_t words[] = {
    0,
    1,
    9,
    8 * 4096 + 2,
    8 * 4096 + 2,
    UINT64_C(1) << 40,
    (UINT64_C(1) << 61) - 1,
    UINT64_MAX >> 3,
};

/* A bit of everything; decoding cuts adds elsewhere than encoding does. */
static void run(struct world *world, size_t step)
{
    struct delta_model *model = world->model;
    uint8_t *out = world->out;

    delta_model_reset(model);
    if (!world->tape.reading)
        memcpy(out, world->new_data, LEN);
    for (size_t i = 0; i < COUNT(words); i++) {
        cr_expect_eq(delta_model_control(model, words[i]), words[i], "control word %zu", i);
        cr_expect_eq(delta_model_number(model, (unsigned)i, words[i]), words[i], "number %zu", i);
    }
    for (size_t i = 0; i < LEN / 4; i++)
        out[i] = delta_model_insert(model, out[i]);
    for (size_t i = LEN / 4; i < LEN; i += step) {
        size_t some = i + step < LEN ? step : LEN - i;

        delta_model_add(model, world->old + i, i, i, out + i, some);
    }
    delta_model_passed(model, world->new_data, LEN);
    for (size_t i = 0; i < 100; i++)
        out[i] = delta_model_insert(model, out[i]);
}

Test(delta_model, reads_what_it_wrote_wherever_runs_are_cut)
{
    static const size_t steps[] = {1, 7, 4096, LEN};
    struct world world;
    size_t len;

    world_init(&world);
    tape_start(&world.tape, false);
    run(&world, 1000);
    len = tape_end(&world.tape);
    cr_expect_lt(len, LEN / 2, "%zu bytes", len);

    for (size_t i = 0; i < COUNT(steps); i++) {
        memset(world.out, 0xEE, LEN);
        tape_start(&world.tape, true);
        run(&world, steps[i]);

        cr_expect_eq(memcmp(world.out, world.new_data, LEN), 0, "steps of %zu", steps[i]);
    }
    cr_expect_not(world.tape.impossible);
    world_done(&world);
}

Test(delta_model, knows_nothing_after_a_reset)
{
    struct world world;
    uint8_t *first = mem_alloc(ROOM);
    size_t len;

    world_init(&world);
    tape_start(&world.tape, false);
    run(&world, 1000);
    len = tape_end(&world.tape);
    memcpy(first, world.tape.data, len);

    for (int i = 0; i < 2; i++) {
        tape_start(&world.tape, false);
        run(&world, 1000);

        cr_expect_eq(tape_end(&world.tape), len);
        cr_expect_eq(memcmp(first, world.tape.data, len), 0);
    }
    mem_free(first);
    world_done(&world);
}

/* The longest push in one direction: weights and chances keep within their bounds. */
Test(delta_model, stays_bounded_when_a_code_always_says_the_same)
{
    for (unsigned fill = 0; fill < 3; fill++) {
        struct world world;
        uint32_t state = 3;

        world_init(&world);
        for (size_t i = 0; i < ROOM; i++)
            world.tape.data[i] = (uint8_t)(fill == 2 ? next_random(&state) : fill * 255);
        tape_start(&world.tape, true);
        for (unsigned round = 0; round < 5; round++) {
            for (size_t i = 0; i < LEN; i++)
                world.out[i] = delta_model_insert(world.model, 0);
            delta_model_add(world.model, world.old, 0, 0, world.out, LEN);
            for (size_t i = 0; i < 1000; i++) {
                (void)delta_model_control(world.model, 0);
                (void)delta_model_number(world.model, i % DELTA_NUMBER_CONTEXTS, 0);
            }
        }

        cr_expect_not(world.tape.impossible, "fill %u", fill);
        world_done(&world);
    }
}

/* What an update is made of must cost next to nothing. */
Test(delta_model, spends_little_on_what_it_has_seen)
{
    static const struct {
        const char *what;
        unsigned period, seed;
        bool literal;
        size_t len_max;
    } cases[] = {
        {"unchanged bytes", 0, 0, false, 20},
        {"one change every 64 bytes", 64, 0, false, 120},
        {"literals that repeat", 977, 1, true, 1100},
        {"zeros", 1, 0, true, 40},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world world;
        size_t len;

        world_init(&world);
        for (size_t j = 0; j < LEN; j++) {
            if (cases[i].literal)
                world.new_data[j] =
                    (uint8_t)(cases[i].seed * world.old[j % cases[i].period] * 0x35);
            else
                world.new_data[j] =
                    (uint8_t)(world.old[j] + (cases[i].period > 0 && j % cases[i].period == 5));
        }
        tape_start(&world.tape, false);
        if (cases[i].literal)
            for (size_t j = 0; j < LEN; j++)
                (void)delta_model_insert(world.model, world.new_data[j]);
        else
            delta_model_add(world.model, world.old, 0, 0, world.new_data, LEN);
        len = tape_end(&world.tape);

        cr_expect_leq(len, cases[i].len_max, "%s: %zu bytes", cases[i].what, len);
        world_done(&world);
    }
}

Test(delta_model, does_not_make_random_bytes_longer)
{
    struct world world;
    uint32_t state = 11;
    size_t len;

    world_init(&world);
    tape_start(&world.tape, false);
    for (size_t i = 0; i < LEN; i++)
        (void)delta_model_insert(world.model, (uint8_t)next_random(&state));
    len = tape_end(&world.tape);

    cr_expect_leq(len, LEN + LEN / 500, "%zu bytes", len);
    world_done(&world);
}

Test(delta_model_bytes, grows_with_its_parts_only)
{
    for (unsigned log2 = 12; log2 <= 20; log2++) {
        uint64_t bytes = delta_model_bytes(log2, 12);

        cr_expect_leq(bytes, (UINT64_C(4) << log2) + (105 << 10), "2^%u: %llu", log2,
                      (unsigned long long)bytes);
        cr_expect_leq(delta_model_bytes(log2, 22) - bytes, UINT64_C(3) << 21);
    }
}
