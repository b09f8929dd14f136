/* T70 without a server: whatever happens to a row, its number is told. */
#include <string.h>

#include <criterion/criterion.h>

#include "cli/audit_chain.h"
#include "lib/base/text.h"

enum { ROWS = 5 };

static void set_hash(json_t *row)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct err err;
    AUTO_BUF text;

    (void)json_object_del(row, "hash");
    buf_init(&text, 4096);
    buf_add_u8(&text, 0);
    cr_assert(json_canonical(row, &text, &err));
    hash_sha256(text.data, text.len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    (void)json_object_set_new(row, "hash", json_string(hex));
}

static const char *hash_of(const json_t *row)
{
    return json_string_value(json_object_get(row, "hash"));
}

/* {"items": [...], "head": {...}} */
static json_t *make_chain(void)
{
    json_t *items = json_array();
    const char *prev = "0000000000000000000000000000000000000000000000000000000000000000";

    for (int seq = 1; seq <= ROWS; seq++) {
        json_t *row = json_pack("{s:i, s:s, s:s}", "seq", seq, "prev_hash", prev, "action", "x");

        set_hash(row);
        prev = hash_of(row);
        (void)json_array_append_new(items, row);
    }
    return json_pack("{s:o, s:{s:i, s:s}}", "items", items, "head", "seq", ROWS, "hash", prev);
}

/* 0: the chain is good. */
static uint64_t first_bad(const json_t *audit)
{
    struct audit_chain chain;
    struct err err = {0};
    const json_t *row;
    uint64_t bad = 0;
    size_t i;

    audit_chain_init(&chain);
    json_array_foreach(json_object_get(audit, "items"), i, row)
    {
        if (!audit_chain_add(&chain, row, &bad, &err))
            return bad;
    }
    return audit_chain_end(&chain, json_object_get(audit, "head"), &bad, &err) ? 0 : bad;
}

static json_t *row_at(json_t *audit, size_t seq)
{
    return json_array_get(json_object_get(audit, "items"), seq - 1);
}

static void alter(json_t *audit)
{
    (void)json_object_set_new(row_at(audit, 3), "action", json_string("y"));
}

static void alter_with_hash(json_t *audit)
{
    (void)json_object_set_new(row_at(audit, 3), "action", json_string("y"));
    set_hash(row_at(audit, 3));
}

static void alter_hash(json_t *audit)
{
    (void)json_object_set_new(row_at(audit, 2), "hash", json_string("00"));
}

static void add_field(json_t *audit)
{
    (void)json_object_set_new(row_at(audit, 2), "note", json_string("harmless"));
}

static void take_out(json_t *audit)
{
    (void)json_array_remove(json_object_get(audit, "items"), 1);
}

static void take_out_last(json_t *audit)
{
    (void)json_array_remove(json_object_get(audit, "items"), ROWS - 1);
}

static void put_in(json_t *audit)
{
    json_t *copy = json_deep_copy(row_at(audit, 2));

    (void)json_array_insert_new(json_object_get(audit, "items"), 2, copy);
}

static void append(json_t *audit)
{
    json_t *row = json_pack("{s:i, s:s, s:s}", "seq", ROWS + 1, "prev_hash",
                            hash_of(row_at(audit, ROWS)), "action", "x");

    set_hash(row);
    (void)json_array_append_new(json_object_get(audit, "items"), row);
}

static void swap(json_t *audit)
{
    json_t *items = json_object_get(audit, "items");
    json_t *row = json_incref(row_at(audit, 2));

    (void)json_array_remove(items, 1);
    (void)json_array_insert_new(items, 2, row);
}

static void lose_number(json_t *audit)
{
    (void)json_object_del(row_at(audit, 4), "seq");
}

static void leave(json_t *audit)
{
    (void)audit;
}

Test(audit_chain, names_the_first_bad_row)
{
    static const struct {
        const char *what;
        void (*change)(json_t *audit);
        uint64_t bad;
    } cases[] = {
        {"nothing", leave, 0},
        {"a row altered", alter, 3},
        {"a row altered and hashed anew: the next does not follow it", alter_with_hash, 4},
        {"a hash altered", alter_hash, 2},
        {"a field added", add_field, 2},
        {"a row deleted", take_out, 2},
        {"the last row deleted", take_out_last, ROWS},
        {"a row inserted", put_in, 3},
        {"a row appended, well made", append, ROWS + 1},
        {"two rows swapped", swap, 2},
        {"a row without its number", lose_number, 4},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *audit = make_chain();

        cases[i].change(audit);
        cr_expect_eq(first_bad(audit), cases[i].bad, "%s", cases[i].what);
    }
}

Test(audit_chain, may_be_empty)
{
    AUTO_JSON *audit =
        json_pack("{s:[], s:{s:i, s:s}}", "items", "head", "seq", 0, "hash",
                  "0000000000000000000000000000000000000000000000000000000000000000");

    cr_expect_eq(first_bad(audit), 0);
}
