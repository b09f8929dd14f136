#pragma once
/*
 * Covers: stretches of the new image that are made from old bytes, most of them equal. They are
 * what matches become when they are extended through differing bytes for as long as that is
 * cheaper than sending the bytes themselves.
 */
#include "deltagen/agree.h"
#include "deltagen/match.h"

/*
 * In order of the new image and without overlap, in both parameters; `out` is empty before. They
 * grow on until they are worth `drop` less than they were.
 */
void cover_extend(const struct pair *pair, const struct matches *matches, int64_t drop,
                  struct matches *out);
