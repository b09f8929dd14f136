#pragma once
/*
 * A message is a table of fields: name, kind, where it lives in its struct, and its bounds. One
 * table parses and formats, so the two cannot disagree.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum wire_kind {
    WIRE_TEXT,         /* char[room]; at least `min` bytes */
    WIRE_HEX,          /* uint8_t[room] as lower-case hex */
    WIRE_HASH,         /* struct wire_hash: 64 hex digits or "" */
    WIRE_U64,          /* uint64_t in [min, max] */
    WIRE_NUMBER,       /* struct wire_number, the same; WIRE_IF_TRUE: it may be missing */
    WIRE_BOOL,         /* bool */
    WIRE_TIME,         /* int64_t milliseconds, RFC 3339 */
    WIRE_TIME_OR_NONE, /* the same; "" is 0 */
    WIRE_STATE,        /* enum update_state; "" is UPDATE_IDLE */
    WIRE_REFUSAL,      /* enum refusal */
    WIRE_DAYS,         /* uint8_t, bit 0 is Monday: a list of "mon" to "sun" */
    WIRE_DAY_TIME,     /* uint16_t minutes of a day: "02:30" */
    WIRE_HASHES,       /* uint8_t[room][32] and a size_t count: a list of 64 hex digits */
    WIRE_LIST,         /* an array of structs and a size_t count: a list of objects */
    WIRE_OBJECT,       /* a struct: an object */
};

/* When a field is in the message. */
enum wire_presence {
    WIRE_ALWAYS,
    WIRE_IF_TRUE,  /* a bool, or what begins with one that says it is there; else not written */
    WIRE_LATER,    /* always written; older writers did not know it: zero when missing */
    WIRE_WITH,     /* written when the byte at `with` is not zero (a text that is not empty) */
    WIRE_MAY_WITH, /* the same; when it is read it may be missing */
};

enum wire_reader {
    WIRE_REFUSE_UNKNOWN, /* requests: a field the server does not know is an error */
    WIRE_IGNORE_UNKNOWN, /* answers: an older device skips what a newer server adds */
};

struct wire_table;

struct wire_field {
    const char *name;
    enum wire_kind kind;
    enum wire_presence presence;
    size_t offset;
    size_t room;  /* bytes of a text with its NUL, bytes of a hex value, places in a list */
    size_t with;  /* offset, for WIRE_WITH */
    size_t count; /* offset of a list's size_t */
    uint64_t min; /* of a number, of a text's length, of a list's entries */
    uint64_t max;
    bool (*fits)(const char *text); /* WIRE_TEXT: what else it must be, or NULL */
    const struct wire_table *of;    /* WIRE_LIST, WIRE_OBJECT */
};

struct wire_table {
    const struct wire_field *fields; /* at most 32 */
    size_t count;
    size_t size; /* of the struct */
    enum wire_reader reader;
};

/* On failure the struct is all zeros. */
MUST_USE bool wire_parse(const struct wire_table *table, const void *data, size_t len, void *out,
                         struct err *err);
/* Appends the compact JSON object; a buffer that is too small has `failed` set. */
void wire_format(const struct wire_table *table, const void *message, struct buf *out);
/* Appends a JSON string. */
void wire_format_text(struct buf *out, const char *text);
