#pragma once
/*
 * Inside lib/delta: what bytes that hold an address probably become, because what they point at
 * moved. While old bytes are copied, a scanner for the scope's CPU says where an address field
 * begins; its old target is mapped through the scope, or through what the same target became
 * before. Whoever codes the bytes asks before each, and tells what it was.
 *
 * Nothing here is trusted or needed to be right: a wrong prediction costs bits.
 */
#include "lib/delta/scope.h"

enum {
    DELTA_FIELD_BYTES_MAX = 8,
    DELTA_PREDICT_KINDS = 8,
    DELTA_PREDICT_TRUSTS = 16,
};

/* Who says where a target went: the scope's map; where the same one went before; the way that the
 * last one of the kind went. */
enum { DELTA_BY_MAP, DELTA_BY_KNOWN, DELTA_BY_STEP, DELTA_PREDICT_SOURCES };

/* Kinds of fields, which learn their worth apart. */
enum delta_field_kind {
    DELTA_FIELD_CALL,    /* pc-relative, of a call or jump */
    DELTA_FIELD_DATA,    /* pc-relative, of an instruction that reads or writes */
    DELTA_FIELD_ADDRESS, /* an address as it is */
    DELTA_FIELD_OFFSET,  /* from the field to what it means */
    DELTA_FIELD_LOW,     /* the low half of an address */
    DELTA_FIELD_NEAR,    /* pc-relative, of a branch within a function mostly */
};

/* A field that begins at a byte: which old target, and how a target becomes bytes again. */
struct delta_field {
    unsigned length; /* bytes; 0: none begins here */
    enum delta_field_kind kind;
    unsigned form;        /* the scanner's own */
    uint64_t target;      /* old address */
    uint64_t old_address; /* from which the old bytes count, */
    uint64_t new_address; /* and the new ones */
};

/* What is asked of a scanner: the old bytes, and where they are and will be. */
struct delta_sight {
    const struct delta_scope *scope;
    const uint8_t *old; /* DELTA_MARGIN bytes around are readable */
    uint64_t old_address, new_address;
    uint64_t old_at; /* in the old space */
};

struct delta_scanner {
    void (*find)(const struct delta_sight *sight, struct delta_field *out);
    /* The field's bytes when it points at `target`; false: it cannot. */
    bool (*make)(const struct delta_field *field, const uint8_t *old, uint64_t target,
                 uint8_t *out);
    /* What the bytes that came point at, as far as they say; the rest is as in `guess`. */
    uint64_t (*read)(const struct delta_field *field, const uint8_t *bytes, uint64_t guess);
};

extern const struct delta_scanner delta_scan_x86, delta_scan_arm64, delta_scan_thumb,
    delta_scan_riscv, delta_scan_arm, delta_scan_data;

struct delta_target {
    uint32_t old_low;
    int32_t moved;
};

struct delta_predict {
    struct delta_target *targets; /* 2^targets_log2, borrowed */
    unsigned targets_log2;
    const struct delta_scope *scope; /* NULL: nothing is predicted */
    /* Stretches of both spaces in which addresses run on, or in which there are none: where it was
     * looked up last. */
    bool old_is, new_is;
    uint64_t old_from, old_until, new_from, new_until;
    uint64_t old_base, new_base; /* address of a place less the place */
    bool old_is_code;
    bool is_mixed; /* code may be data: all bytes are one segment, or it holds tables */
    /* The field that the next byte belongs to, and how far it came. */
    const struct delta_scanner *scanner;
    struct delta_field field;
    unsigned place;
    struct delta_opinion {
        bool is, agrees; /* with the bytes so far */
        uint64_t target;
        uint8_t bytes[DELTA_FIELD_BYTES_MAX];
    } opinions[DELTA_PREDICT_SOURCES];
    uint8_t came[DELTA_FIELD_BYTES_MAX];
    /* How often each source was right of late, by kind: 0 to 255. */
    uint8_t worth[DELTA_PREDICT_SOURCES][DELTA_PREDICT_KINDS];
    int64_t step[DELTA_PREDICT_KINDS]; /* how far the last target of a kind moved */
};

struct delta_predicted {
    bool is;
    uint8_t byte;
    bool second; /* another one thinks otherwise: */
    uint8_t other;
    unsigned kind;  /* below DELTA_PREDICT_KINDS */
    unsigned place; /* of the byte in its field */
    unsigned trust; /* below DELTA_PREDICT_TRUSTS */
};

/* Its memory is 2^targets_log2 targets. */
void delta_predict_init(struct delta_predict *predict, struct delta_target *targets,
                        unsigned targets_log2);
/* Forgets all. */
void delta_predict_reset(struct delta_predict *predict);
/* The scope is borrowed until the next call. */
void delta_predict_scope(struct delta_predict *predict, const struct delta_scope *scope);
void delta_predict_byte(struct delta_predict *predict, const uint8_t *old, uint64_t old_at,
                        uint64_t new_at, struct delta_predicted *out);
/* The byte that came; after each delta_predict_byte(). */
void delta_predict_was(struct delta_predict *predict, uint8_t byte);
/* Bytes went by without being asked for: a field that was begun has ended. */
void delta_predict_skip(struct delta_predict *predict);
