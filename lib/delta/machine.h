#pragma once
/*
 * Inside lib/delta: the loop over groups and operations. Every length is compared with what is
 * left of its space before a byte moves; each operation either makes new bytes or must be
 * followed by one that does, so even an endless code ends.
 */
#include "lib/delta/apply.h"
#include "lib/delta/space.h"

struct delta_machine;
struct sha256;

/* What the machine takes from a space. */
uint64_t delta_machine_bytes(const struct delta_header *header);
/* All of it is taken here; the hashes are borrowed. */
struct delta_machine *delta_machine_new(struct delta_space *space, const struct delta_io *io,
                                        const struct delta_header *header, struct sha256 *whole,
                                        struct sha256 *block);
/* The group of tables, when there is one. */
MUST_USE bool delta_machine_tables(struct delta_machine *machine, struct err *err);
/* To the group at which an installation goes on. */
MUST_USE bool delta_machine_go(struct delta_machine *machine, const struct delta_checkpoint *from,
                               struct err *err);
/* All groups from here, and the image's hash. */
MUST_USE bool delta_machine_run(struct delta_machine *machine, struct err *err);
