#pragma once
/*
 * Arrays for unnest(): one member of every struct of an array, bound as an array of its own.
 *     BIND_I64S(call, asks, count, struct store_grant, device_id);
 * BIND_TIMES is the same for times in milliseconds.
 */
#include "lib/base/mem.h"
#include "server/db/db.h"

#define BIND_I64S(call, rows, count, type, member)                                                 \
    do {                                                                                           \
        _Static_assert(sizeof(((type *)NULL)->member) == sizeof(int64_t), "a 64-bit member");      \
        store_bind_i64s(call, rows, count, sizeof(type), offsetof(type, member));                  \
    } while (0)

#define BIND_TIMES(call, rows, count, type, member)                                                \
    do {                                                                                           \
        _Static_assert(sizeof(((type *)NULL)->member) == sizeof(int64_t), "a time in ms");         \
        store_bind_times(call, rows, count, sizeof(type), offsetof(type, member));                 \
    } while (0)

static inline int64_t *store_gather_i64s(const void *rows, size_t count, size_t stride,
                                         size_t offset)
{
    int64_t *values = mem_array(count, sizeof(*values));

    for (size_t i = 0; i < count; i++)
        __builtin_memcpy(&values[i], (const char *)rows + i * stride + offset, sizeof(values[i]));
    return values;
}

static inline void store_bind_i64s(struct db_call *call, const void *rows, size_t count,
                                   size_t stride, size_t offset)
{
    AUTO_FREE int64_t *values = store_gather_i64s(rows, count, stride, offset);

    db_bind_i64_array(call, values, count);
}

static inline void store_bind_times(struct db_call *call, const void *rows, size_t count,
                                    size_t stride, size_t offset)
{
    AUTO_FREE int64_t *values = store_gather_i64s(rows, count, stride, offset);

    db_bind_time_ms_array(call, values, count);
}
