#pragma once
/*
 * Tables: rows of addresses have nothing to search for, so that a cover runs through them at the
 * distance of what lies before, although rows were added or taken away. Here covers are looked
 * through for stretches that agree badly, and distances a few words away are tried on them.
 */
#include "deltagen/agree.h"

/* In order and without overlap, in both parameters. */
void find_shifts(const struct pair *pair, const struct matches *covers, struct matches *out);
