/* A statement is a constant of the program, so its address is its identity: an open-addressing
 * table from address to number, never removed from, at most half full. */
#include "server/db/stmt.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/limits.h"

enum { BUCKETS = 2 * DB_STATEMENTS_MAX };

struct stmt_set {
    unsigned count;
    uint64_t total;
    uint64_t failed;
    const struct db_stmt *stmts[DB_STATEMENTS_MAX];
    uint64_t sent[DB_STATEMENTS_MAX];
    uint16_t buckets[BUCKETS]; /* number + 1, 0 = empty */
};

struct stmt_set *stmt_set_new(void)
{
    return mem_alloc(sizeof(struct stmt_set));
}

void stmt_set_free(struct stmt_set *set)
{
    mem_free(set);
}

static unsigned add(struct stmt_set *set, const struct db_stmt *stmt)
{
    ASSERT(set->count < DB_STATEMENTS_MAX);
    for (unsigned i = 0; i < set->count; i++)
        ASSERT(!text_equal(set->stmts[i]->name, stmt->name)); /* the name is the server's key */
    set->stmts[set->count] = stmt;
    return set->count++;
}

unsigned stmt_number(struct stmt_set *set, const struct db_stmt *stmt)
{
    uint64_t hash = (uint64_t)(uintptr_t)stmt * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash >> 32) % BUCKETS;

    while (set->buckets[at] != 0) {
        if (set->stmts[set->buckets[at] - 1] == stmt)
            return set->buckets[at] - 1u;
        at = (at + 1) % BUCKETS;
    }
    set->buckets[at] = (uint16_t)(add(set, stmt) + 1);
    return set->buckets[at] - 1u;
}

void stmt_count(struct stmt_set *set, unsigned number)
{
    ASSERT(number < set->count);
    set->sent[number]++;
    set->total++;
}

void stmt_count_end(struct stmt_set *set, bool failed)
{
    set->failed += failed;
}

uint64_t stmt_failed_total(const struct stmt_set *set)
{
    return set->failed;
}

uint64_t stmt_sent_total(const struct stmt_set *set)
{
    return set->total;
}

void stmt_each(const struct stmt_set *set, db_count_fn *fn, void *arg)
{
    for (unsigned i = 0; i < set->count; i++)
        fn(set->stmts[i], set->sent[i], arg);
}
