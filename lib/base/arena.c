/* Blocks in a list; a request bigger than a block gets a block of its own. */
#include "lib/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, len) ASAN_POISON_MEMORY_REGION(p, len)
#define UNPOISON(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)
#else
#define POISON(p, len) ((void)(p), (void)(len))
#define UNPOISON(p, len) ((void)(p), (void)(len))
#endif

enum { BLOCK_BYTES = 4000, ALIGN = 16 };

struct block {
    struct block *next;
    size_t room;
    size_t used;
    _Alignas(ALIGN) uint8_t data[];
};

struct arena {
    struct block *blocks; /* newest first */
};

static struct block *block_new(size_t room)
{
    struct block *block = mem_alloc(sizeof(*block) + room);

    block->room = room;
    POISON(block->data, room);
    return block;
}

static void block_free(struct block *block)
{
    UNPOISON(block->data, block->room);
    mem_free(block);
}

struct arena *arena_new(void)
{
    return mem_alloc(sizeof(struct arena));
}

void arena_reset(struct arena *arena)
{
    while (arena->blocks && arena->blocks->next) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        block_free(block);
    }
    if (arena->blocks) {
        arena->blocks->used = 0;
        POISON(arena->blocks->data, arena->blocks->room);
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_reset(arena);
    if (arena->blocks)
        block_free(arena->blocks);
    mem_free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct block *block = arena->blocks;
    void *p;

    if (!block || need > block->room - block->used) {
        block = block_new(need > BLOCK_BYTES ? need : BLOCK_BYTES);
        block->next = arena->blocks;
        arena->blocks = block;
    }
    p = block->data + block->used;
    block->used += need;
    UNPOISON(p, size);
    memset(p, 0, size);
    return p;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *p = arena_alloc(arena, len + 1);

    memcpy(p, text, len);
    return p;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    char *p;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    p = arena_alloc(arena, (size_t)len + 1);
    va_start(args, fmt);
    (void)vsnprintf(p, (size_t)len + 1, fmt, args); /* the room was measured above */
    va_end(args);
    return p;
}
