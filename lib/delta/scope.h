#pragma once
/*
 * A scope: what is known of the addresses in a part of the new space, one program or library
 * mostly. Two tables of segments say where the old and the new one lie in their spaces and at which
 * addresses they run; covers say which old bytes became which new ones. Together they foretell
 * where an address that old code holds points to in the new one (the idea of Zucchini's reference
 * mapping; see docs/ARCHITECTURE.md).
 *
 * In a patch a scope is the numbers that delta_scope_code() names, in that order, each a number
 * of the coder's own.
 *
 * Positions within a scope are 32 bits from its beginnings, old_at and new_at.
 */
#include "lib/base/err.h"
#include "lib/delta/format.h"

enum delta_arch {
    DELTA_ARCH_NONE,
    DELTA_ARCH_X86_64,
    DELTA_ARCH_ARM64,
    DELTA_ARCH_THUMB,
    DELTA_ARCH_RISCV,
    DELTA_ARCH_X86,
    DELTA_ARCH_ARM,
    DELTA_ARCH_COUNT,
};

enum { DELTA_SEGMENTS_MAX = 16, DELTA_SCOPE_CONTEXTS = 16 };

struct delta_segment {
    uint32_t at;     /* in the scope */
    uint32_t length; /* of bytes there */
    uint32_t memory; /* of addresses, at least `length` */
    bool is_code;
    uint64_t address;
};

struct delta_cover {
    uint32_t new_at, old_at, length;
};

struct delta_scope {
    enum delta_arch arch;
    unsigned word; /* bytes of an address: 4 or 8 */
    uint64_t old_at, new_at;
    uint32_t old_length, new_length;
    struct delta_segment old_segments[DELTA_SEGMENTS_MAX];
    struct delta_segment new_segments[DELTA_SEGMENTS_MAX];
    unsigned old_count, new_count; /* 0: addresses are places in the scope */
    struct delta_cover *covers;    /* borrowed; by new_at, without overlap */
    uint32_t *by_old;              /* their numbers by old_at; borrowed */
    uint32_t cover_count, cover_room;
};

/* Writes, or reads: returns the value that is there, below 2^62. */
typedef bool delta_number_fn(void *arg, unsigned context, uint64_t *value, struct err *err);

/* Codes the scope that begins at new_at, which both sides know: reads into it what was written.
 * Covers have room for cover_room. Reading refuses (DELTA_FORMAT) what lies outside the spaces. */
MUST_USE bool delta_scope_code(struct delta_scope *scope, const struct delta_header *header,
                               bool reading, delta_number_fn *number, void *arg, struct err *err);

/* What an applier takes for a header's covers. */
uint64_t delta_scope_bytes(const struct delta_header *header);

/* The stretch [*from, *until) of a space around a place in which addresses are the place plus one
 * *base; false: there are none, until *until. */
bool delta_scope_old_stretch(const struct delta_scope *scope, uint64_t at, uint64_t *from,
                             uint64_t *until, uint64_t *base, bool *is_code);
bool delta_scope_new_stretch(const struct delta_scope *scope, uint64_t at, uint64_t *from,
                             uint64_t *until, uint64_t *base);
/* Is this the address of something old? */
bool delta_scope_has(const struct delta_scope *scope, uint64_t old_address);
/* Where the old address probably is now; false when nothing says so. */
bool delta_scope_map(const struct delta_scope *scope, uint64_t old_address, uint64_t *out);
