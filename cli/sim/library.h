#pragma once
/*
 * Metadata documents, each kept once however many devices trust it. Numbered files never change,
 * so one that was fetched serves every device by its name; timestamp.json is fetched by each walk
 * and only its bytes are shared. Also the memo of signatures that were checked.
 */
#include "lib/base/list.h"
#include "lib/crypto/hash.h"
#include "lib/tuf/tuf.h"

enum { LIBRARY_NAME_ROOM = TUF_FILE_NAME_ROOM, LIBRARY_NAMES_MAX = 64, LIBRARY_SEEN_MAX = 64 };

struct document {
    struct list link; /* in the library, until nobody refers to it */
    unsigned refs;
    char name[LIBRARY_NAME_ROOM]; /* "" when it is not served by name */
    size_t len;
    uint8_t *data; /* owned */
};

struct library {
    struct list documents;
    struct document *named[LIBRARY_NAMES_MAX]; /* each with a reference */
    size_t next_named;
    uint8_t seen[LIBRARY_SEEN_MAX][HASH_BYTES];
    size_t next_seen;
};

void library_init(struct library *library);
/* After all references were given back. */
void library_done(struct library *library);

/* The document with these bytes, with a reference for the caller. */
struct document *library_take(struct library *library, const void *data, size_t len);
struct document *document_ref(struct document *document);
void document_unref(struct document *document);

/* Serves the document under its (numbered) name from now on; the oldest name makes room. */
void library_name(struct library *library, struct document *document, const char *name);
/* Borrowed, or NULL. */
struct document *library_find(const struct library *library, const char *name);
/* After a refusal: what was served may have been a lie. */
void library_forget_names(struct library *library);

/* For struct tuf_io; `arg` is the library. */
bool library_has_seen(const struct library *library, const uint8_t digest[HASH_BYTES]);
void library_remember(struct library *library, const uint8_t digest[HASH_BYTES]);
