#pragma once
/*
 * Documents on their way to be signed: the next versions of what is published, edited as trees,
 * then frozen into a request bundle in the order in which they are verified. Pure.
 */
#include "cli/trust/edit.h"
#include "cli/trust/state.h"
#include "lib/ceremony/bundle.h"

struct plan_draft {
    char *repository;
    char *role;
    json_t *body;
};

struct plan {
    const struct state *state; /* what is published; borrowed */
    int64_t now_ms;
    uint64_t days; /* how long new versions are valid */
    struct plan_draft *drafts;
    size_t count;
    json_t *files; /* {path: text} */
};

#define AUTO_PLAN CLEANUP(plan_done) struct plan
void plan_init(struct plan *plan, const struct state *state, int64_t now_ms, uint64_t days);
void plan_done(struct plan *plan);

/* The draft of a role: the same on every call, made as the next version of what is published on
 * the first; NULL when neither exists. Borrowed, to be edited. */
json_t *plan_edit(struct plan *plan, const char *repository, const char *role);
/* The draft if there is one, else what is published; the caller owns a reference; NULL. */
json_t *plan_look(const struct plan *plan, const char *repository, const char *role);
/* A role that was never published. Takes over `body`. */
void plan_add(struct plan *plan, const char *repository, const char *role, json_t *body);
/* Forgets the drafts of an image role and of its bins ("ROLE.2-a1"): they are made anew. */
void plan_drop(struct plan *plan, const char *role);
/* A small signed file (trust/...): its entry goes into the draft of targets, its text along with
 * the publication. ERR_NOT_FOUND when there are no targets. */
MUST_USE bool plan_add_file(struct plan *plan, const char *path, const char *name, const char *text,
                            struct err *err);
/* All drafts as a bundle with signers, differences and context: ERR_NOT_FOUND when there are
 * none. */
MUST_USE bool plan_freeze(const struct plan *plan, const char *tenant, const char *note,
                          struct bundle *out, struct err *err);
