#pragma once
/* Who must sign the documents of a bundle, by what is published and by the bundle itself: a new
 * root needs its own threshold and the one before it, a role that a new targets delegates is
 * judged by that. */
#include "cli/trust/state.h"
#include "lib/ceremony/bundle.h"

struct signers {
    struct tuf_signers rules[2]; /* each of them must be met */
    size_t count;
};

/* The image repository as it would be with the bundle's documents in it. */
void signers_overlay(const struct state *state, const struct bundle *bundle, struct binder *out);
/* DELEGATION_DENIED when nobody says who signs it. */
MUST_USE bool signers_of(const struct state *state, const struct binder *overlay,
                         const struct bundle_document *document, struct signers *out,
                         struct err *err);
/* Everybody of all rules, once; a list of texts, the caller's. */
json_t *signers_keyids(const struct signers *signers);
/* The largest threshold. */
uint64_t signers_threshold(const struct signers *signers);
/* How many signatures are still missing at least; 0: complete. */
uint64_t signers_missing(const struct signers *signers, const json_t *signatures);
/* Writes keyids and threshold of every document of the bundle. */
MUST_USE bool signers_fill(const struct state *state, struct bundle *bundle, struct err *err);
/* Is every document of the bundle complete? `*missing` gets the number of signatures that the
 * worst one lacks. */
MUST_USE bool signers_complete(const struct state *state, const struct bundle *bundle,
                               uint64_t *missing, struct err *err);
