#include "server/fleet/table.h"

#include <criterion/criterion.h>

static uint64_t random_next(uint64_t *state)
{
    return table_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* A bad hash on purpose: many items share a home, and runs wrap around the end. */
static uint64_t hash_of(const void *item)
{
    return *(const uint64_t *)item % 7 + UINT64_C(0xfffffffffffffff8);
}

static bool is(const void *item, const void *key)
{
    return *(const uint64_t *)item == *(const uint64_t *)key;
}

Test(table, agrees_with_a_plain_set_through_a_storm_of_changes)
{
    enum { KEYS = 60, STEPS = 20000 };
    static uint64_t items[KEYS];
    bool is_in[KEYS] = {false};
    struct table table = {0};
    uint64_t random = 3;
    size_t count = 0;

    for (uint64_t i = 0; i < KEYS; i++)
        items[i] = i;
    for (int step = 0; step < STEPS; step++) {
        size_t k = random_next(&random) % KEYS;

        if (is_in[k]) {
            cr_assert(table_remove(&table, &items[k], hash_of));
            count--;
        } else {
            cr_assert_not(table_remove(&table, &items[k], hash_of));
            table_add(&table, &items[k], hash_of);
            count++;
        }
        is_in[k] = !is_in[k];
        cr_assert_eq(table.count, count);
        for (size_t i = 0; i < KEYS; i++)
            cr_assert_eq(table_find(&table, hash_of(&items[i]), is, &items[i]),
                         is_in[i] ? (void *)&items[i] : NULL);
    }
    table_done(&table);
}

Test(table, nothing_is_found_in_an_empty_one)
{
    struct table table = {0};
    uint64_t key = 1;

    cr_expect_null(table_find(&table, 1, is, &key));
    cr_expect_not(table_remove(&table, &key, hash_of));
}
