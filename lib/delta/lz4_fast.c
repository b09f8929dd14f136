/* Blocks below 64 KiB are hashed by four bytes into more places, others by five. */
#include "lib/delta/lz4_fast.h"

#include <string.h>

enum {
    MATCH_MIN = 4,
    LAST_LITERALS = 5,
    MATCHES_END = 12, /* bytes from the end, where no match begins any more */
    DISTANCE_MAX = 65535,
    SMALL_BYTES = (64 << 10) + MATCHES_END - 1, /* from here on a block is large */
    SMALL_LOG2 = 13,
    LARGE_LOG2 = 12,
    SKIP_SHIFT = 6, /* tries in vain, after which steps grow */
    RUN_MAX = 15,
};

struct fast {
    const uint8_t *in;
    uint32_t len;
    bool small;
    uint16_t *places16;
    uint32_t *places32;
    uint8_t *out;
};

static uint32_t four(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t hash_at(const struct fast *fast, uint32_t at)
{
    const uint8_t *p = fast->in + at;

    if (fast->small)
        return four(p) * 2654435761u >> (32 - SMALL_LOG2);
    return (uint32_t)(((((uint64_t)p[4] << 32 | four(p)) << 24) * UINT64_C(889523592379)) >>
                      (64 - LARGE_LOG2));
}

/* The place that was there, and now is `at`. */
static uint32_t exchange(struct fast *fast, uint32_t hash, uint32_t at)
{
    uint32_t before = fast->small ? fast->places16[hash] : fast->places32[hash];

    if (fast->small)
        fast->places16[hash] = (uint16_t)at;
    else
        fast->places32[hash] = at;
    return before;
}

static bool matches(const struct fast *fast, uint32_t before, uint32_t at)
{
    return (fast->small || before + DISTANCE_MAX >= at) &&
           four(fast->in + before) == four(fast->in + at);
}

static void put_rest(struct fast *fast, uint32_t rest)
{
    for (; rest >= 255; rest -= 255)
        *fast->out++ = 255;
    *fast->out++ = (uint8_t)rest;
}

/* The token's upper half and the literals; returns where the token is. */
static uint8_t *put_literals(struct fast *fast, uint32_t from, uint32_t until)
{
    uint8_t *token = fast->out++;
    uint32_t run = until - from;

    *token = (uint8_t)((run < RUN_MAX ? run : RUN_MAX) << 4);
    if (run >= RUN_MAX)
        put_rest(fast, run - RUN_MAX);
    memcpy(fast->out, fast->in + from, run);
    fast->out += run;
    return token;
}

static uint32_t put_match(struct fast *fast, uint8_t *token, uint32_t before, uint32_t at)
{
    uint32_t limit = fast->len - LAST_LITERALS;
    uint32_t end = at + MATCH_MIN;
    uint32_t length;

    while (end < limit && fast->in[before + (end - at)] == fast->in[end])
        end++;
    length = end - at - MATCH_MIN;
    *fast->out++ = (uint8_t)(at - before);
    *fast->out++ = (uint8_t)((at - before) >> 8);
    *token = (uint8_t)(*token | (length < RUN_MAX ? length : RUN_MAX));
    if (length >= RUN_MAX)
        put_rest(fast, length - RUN_MAX);
    return end;
}

/* The next match from `*at` on, whose hash is `hash`; false: the rest is literals. */
static bool find(struct fast *fast, uint32_t hash, uint32_t *at, uint32_t *before)
{
    uint32_t ahead = *at;
    uint32_t step = 1;
    uint32_t tries = 1u << SKIP_SHIFT;
    uint32_t end = fast->len - MATCHES_END + 1;

    do {
        uint32_t now = hash;

        *at = ahead;
        ahead += step;
        step = tries++ >> SKIP_SHIFT;
        if (ahead > end)
            return false;
        hash = hash_at(fast, ahead);
        *before = exchange(fast, now, *at);
    } while (!matches(fast, *before, *at));
    return true;
}

/* Returns where the last literals begin. */
static uint32_t pack(struct fast *fast)
{
    uint32_t end = fast->len - MATCHES_END + 1;
    uint32_t anchor = 0;
    uint32_t at = 1;
    uint32_t before;

    (void)exchange(fast, hash_at(fast, 0), 0);
    while (find(fast, hash_at(fast, at), &at, &before)) {
        uint8_t *token;

        while (at > anchor && before > 0 && fast->in[at - 1] == fast->in[before - 1]) {
            at--;
            before--;
        }
        token = put_literals(fast, anchor, at);
        for (;;) {
            at = anchor = put_match(fast, token, before, at);
            if (at >= end)
                return anchor;
            (void)exchange(fast, hash_at(fast, at - 2), at - 2);
            before = exchange(fast, hash_at(fast, at), at);
            if (!matches(fast, before, at))
                break;
            token = put_literals(fast, at, at);
        }
        at++;
    }
    return anchor;
}

size_t lz4_fast_pack(const uint8_t *in, size_t len, uint8_t *out, void *table)
{
    struct fast fast = {.in = in,
                        .len = (uint32_t)len,
                        .small = len < SMALL_BYTES,
                        .places16 = table,
                        .places32 = table,
                        .out = out};
    uint32_t anchor = 0;

    memset(table, 0, LZ4_FAST_TABLE_BYTES);
    if (len > MATCHES_END)
        anchor = pack(&fast);
    (void)put_literals(&fast, anchor, (uint32_t)len);
    return (size_t)(fast.out - out);
}
