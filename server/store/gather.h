#pragma once
/*
 * Arrays for unnest(): one member of every struct of an array, bound as an array of its own.
 *     BIND_I64S(call, asks, count, struct store_grant, device_id);
 */
#include "lib/base/mem.h"
#include "server/db/db.h"

#define BIND_I64S(call, rows, count, type, member)                                                 \
    do {                                                                                           \
        _Static_assert(sizeof(((type *)NULL)->member) == sizeof(int64_t), "a 64-bit member");      \
        store_bind_i64s(call, rows, count, sizeof(type), offsetof(type, member));                  \
    } while (0)

static inline void store_bind_i64s(struct db_call *call, const void *rows, size_t count,
                                   size_t stride, size_t offset)
{
    AUTO_FREE int64_t *values = mem_array(count, sizeof(*values));

    for (size_t i = 0; i < count; i++)
        __builtin_memcpy(&values[i], (const char *)rows + i * stride + offset, sizeof(values[i]));
    db_bind_i64_array(call, values, count);
}
