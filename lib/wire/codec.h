#pragma once
/* How the tables of messages are written down. Only for the files that hold some. */
#include "lib/wire/table.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(type, member) AT(type, member), .room = sizeof(((struct type *)0)->member)
#define LIST(type, member, number)                                                                 \
    AT(type, member), .room = COUNT(((struct type *)0)->member),                                   \
                      .count = offsetof(struct type, number)
#define TABLE(type, how)                                                                           \
    static const struct wire_table type##_table = {                                                \
        .fields = type##_fields,                                                                   \
        .count = COUNT(type##_fields),                                                             \
        .size = sizeof(struct type),                                                               \
        .reader = (how),                                                                           \
    }
#define CODEC(type, how)                                                                           \
    TABLE(type, how);                                                                              \
    bool type##_parse(const void *data, size_t len, struct type *out, struct err *err)             \
    {                                                                                              \
        return wire_parse(&type##_table, data, len, out, err);                                     \
    }                                                                                              \
    void type##_format(const struct type *message, struct buf *out)                                \
    {                                                                                              \
        wire_format(&type##_table, message, out);                                                  \
    }                                                                                              \
    _Static_assert(COUNT(type##_fields) <= 32, "a bit per field")
