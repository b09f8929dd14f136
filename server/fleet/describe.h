#pragma once
/*
 * What is said about a device, kept for filters: attributes and tags, packed into one block of
 * bytes each, and a filter's question to them.
 *
 * A block is
 *
 *     u16 pairs, then per pair: u8 length of the name, name, u16 length of the value, value
 *
 * (little-endian). It is replaced as a whole; see fleet_facts for who may look at it when.
 */
#include "server/fleet/index.h"
#include "server/fleet/model.h"
#include "server/rollout/filter.h"

/* Of no pairs at all. */
extern const uint8_t fleet_pairs_none[2];

/* From an object of texts. What does not fit (a name above 255 bytes, a value above 64 KiB) or
 * is no text, number or truth is left out. NULL: nothing is left; else for mem_free(). */
uint8_t *fleet_pairs_pack(const char *json);
/* {NULL} when there is none of that name. */
struct filter_text fleet_pairs_find(const uint8_t *pairs, struct filter_text name);

/* Of facts as fleet_index_step() shows them, and of copies. Looks up under the device's lock where
 * it is not held already. */
bool fleet_filter_matches(const struct model *model, const struct fleet_facts *facts,
                          const struct filter *filter);
