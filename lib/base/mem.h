#pragma once
/*
 * The heap. Running out of memory for a size we chose ends the process (a supervisor restarts
 * it), so nothing here returns NULL. A size that comes from outside is compared with a named
 * limit before it gets here.
 *
 * Ownership is visible: a local that owns is AUTO_FREE or AUTO_CLOSE, giving away is TAKE(p).
 */
#include "lib/base/base.h"

#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })
#define TAKE_FD(fd)                                                                                \
    __extension__({                                                                                \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    })

/* Called with the size that was not to be had, and does not return. NULL: the process aborts. */
void mem_when_exhausted(void (*handler)(size_t size));
/* Zeroed memory. */
void *mem_alloc(size_t size);
/* Zeroed; the product is checked. */
void *mem_array(size_t count, size_t size);
/* Grows or shrinks; new bytes are not zeroed. */
void *mem_resize(void *p, size_t count, size_t size);
void *mem_dup(const void *data, size_t len);
char *mem_strdup(const char *text);
/* Exactly `len` bytes of `text` and a NUL. */
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *fmt, ...) PRINTF(1, 2);
void mem_free(void *p);

/* For the attributes above; they take the address of the variable. */
void cleanup_free(void *pp);
void cleanup_close(const int *fd);
