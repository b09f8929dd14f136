#pragma once
/*
 * What the two halves of the publisher's checks share: a repository's documents, parsed, and the
 * chain of delegations a role is at the end of. Included from lib/tuf only.
 */
#include "lib/tuf/internal.h"

struct shelf {
    struct tuf_root root; /* root.doc.some is false when there is none */
    struct tuf_doc *docs; /* targets and delegated roles; owned */
    size_t count;
    struct tuf_doc *before; /* the same when the publication began; owned */
    size_t before_count;
};
/* The bytes are borrowed. On failure `out` is empty. */
MUST_USE bool shelf_open(const struct tuf_published *published, struct shelf *out, struct err *err);
void shelf_done(struct shelf *shelf);
#define AUTO_SHELF CLEANUP(shelf_done) struct shelf
/* NULL: it was never published. */
const struct tuf_doc *shelf_find(const struct shelf *shelf, const char *name);

/* The one delegation to that name, or NULL; the caller's. */
struct tuf_step *shelf_step(const struct shelf *shelf, const char *name);

/* Who signs a role. */
struct authority {
    const struct tuf_keys *keys;
    const struct tuf_rule *rule;
    struct tuf_step *chain; /* of delegations; NULL for top-level roles; owned */
};
/* DELEGATION_DENIED: nobody delegates to it. */
MUST_USE bool shelf_authority(const struct shelf *shelf, const char *name, struct authority *out,
                              struct err *err);
void authority_done(struct authority *authority);

/* All entries of `fresh`: complete, in their place, not older than what is on the shelf. */
MUST_USE bool tuf_check_entries(const struct shelf *shelf, const struct tuf_doc *fresh,
                                const struct tuf_step *chain, struct err *err);
