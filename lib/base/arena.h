#pragma once
/*
 * An arena: memory that is given out piecewise and taken back all at once. A request's memory
 * lives in one; nothing in it is freed alone. Under AddressSanitizer unused bytes are poisoned.
 */
#include "lib/base/base.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);
/* Everything given out so far is invalid; one block of memory is kept for the next use. */
void arena_reset(struct arena *arena);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);
