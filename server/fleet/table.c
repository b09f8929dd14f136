/* Removal shifts the following items back, so there are no graves to step over. */
#include "server/fleet/table.h"

#include "lib/base/mem.h"

enum { ROOM_MIN = 16 };

void table_done(struct table *table)
{
    mem_free(table->slots);
    *table = (struct table){0};
}

void *table_find(const struct table *table, uint64_t hash, table_match_fn *match, const void *key)
{
    if (table->room == 0)
        return NULL;
    for (size_t at = hash & (table->room - 1); table->slots[at]; at = (at + 1) & (table->room - 1))
        if (match(table->slots[at], key))
            return table->slots[at];
    return NULL;
}

static void put(struct table *table, void *item, uint64_t hash)
{
    size_t at = hash & (table->room - 1);

    while (table->slots[at])
        at = (at + 1) & (table->room - 1);
    table->slots[at] = item;
}

static void grow(struct table *table, table_hash_fn *hash_of)
{
    struct table bigger = {.room = table->room ? 2 * table->room : ROOM_MIN, .count = table->count};

    bigger.slots = mem_array(bigger.room, sizeof(*bigger.slots));
    for (size_t i = 0; i < table->room; i++)
        if (table->slots[i])
            put(&bigger, table->slots[i], hash_of(table->slots[i]));
    mem_free(table->slots);
    *table = bigger;
}

void table_add(struct table *table, void *item, table_hash_fn *hash_of)
{
    if (4 * (table->count + 1) > 3 * table->room)
        grow(table, hash_of);
    put(table, item, hash_of(item));
    table->count++;
}

/* Whether the item at `at`, whose home is `home`, may move to the hole: its home is not between
 * them. */
static bool may_move(size_t hole, size_t at, size_t home)
{
    return hole <= at ? home <= hole || home > at : home <= hole && home > at;
}

bool table_remove(struct table *table, const void *item, table_hash_fn *hash_of)
{
    size_t mask = table->room - 1;
    size_t hole;

    if (table->room == 0)
        return false;
    hole = hash_of(item) & mask;
    while (table->slots[hole] != item) {
        if (!table->slots[hole])
            return false;
        hole = (hole + 1) & mask;
    }
    for (size_t at = (hole + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
        if (!may_move(hole, at, hash_of(table->slots[at]) & mask))
            continue;
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = NULL;
    table->count--;
    return true;
}
