#pragma once
/*
 * Inside lib/delta, and for whoever writes what it reads: how a scope's covers save control words.
 * Where a cover begins, the cursor goes to its old bytes by itself; and "the rest of this cover"
 * and "all until the next one" have operations of their own, which say no length.
 */
#include "lib/delta/scope.h"

struct delta_walk {
    const struct delta_scope *scope; /* NULL: there is none */
    uint32_t next;                   /* the first cover that is not behind us */
    bool is_inside;                  /* the cursor was moved to it */
};

/* A scope begins, or goes on in a new group. */
void delta_walk_start(struct delta_walk *walk, const struct delta_scope *scope);
/* At a place of the new space, between two operations: moves the cursor when a cover begins, or is
 * gone on with at a group's start. */
void delta_walk_step(struct delta_walk *walk, uint64_t at, uint64_t *cursor);
/* Bytes from there to the end of the cover; 0: it is in none. */
uint64_t delta_walk_cover(const struct delta_walk *walk, uint64_t at);
/* Bytes from there to the next cover, or the scope's end; 0: there is none. */
uint64_t delta_walk_gap(const struct delta_walk *walk, uint64_t at);
