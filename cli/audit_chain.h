#pragma once
/*
 * The audit's chain of hashes, recomputed outside the server: the rows come one after the other, as
 * the API or an exported file has them. Pure.
 *
 *     hash      = SHA-256(0x00 || canonical JSON of the row without "hash")
 *     prev_hash = hash of the row before; zeros for the first
 */
#include "lib/crypto/hash.h"
#include "lib/json/json.h"

struct audit_chain {
    uint64_t seq; /* of the last good row */
    char hash[HASH_HEX_ROOM];
};

void audit_chain_init(struct audit_chain *chain);
/* False at the first row that does not belong there: `*bad_seq` is its place in the chain, the
 * error says what is wrong with it. A row that was taken out is missed at its place. */
MUST_USE bool audit_chain_add(struct audit_chain *chain, const json_t *row, uint64_t *bad_seq,
                              struct err *err);
/* Ends the chain at what is known of its newest row ({"seq", "hash"}): were rows cut off behind, or
 * added? */
MUST_USE bool audit_chain_end(const struct audit_chain *chain, const json_t *head,
                              uint64_t *bad_seq, struct err *err);
