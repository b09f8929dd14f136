#pragma once
/*
 * Containers: images, archives and compressed streams, read only to learn where packed bytes lie
 * (units) and which bytes belong together under a name (elements). Nothing is built and nothing
 * is trusted: each finder is a pure function of hostile bytes that never reads outside them, and
 * a unit is a hint: unpack.c takes it only when the same bytes come out of packing it again.
 *
 * All offsets and lengths are bytes of the image that was searched.
 */
#include "lib/base/base.h"

/* How a unit's bytes are packed. */
enum unit_family {
    UNIT_DEFLATE,   /* bare deflate: the body of a gzip member */
    UNIT_ZLIB,      /* deflate with zlib's two bytes before and four after: squashfs, ... */
    UNIT_ZSTD,      /* one frame */
    UNIT_XZ,        /* one stream */
    UNIT_LZMA,      /* an "lzma alone" stream: its 13 bytes of header are part of it */
    UNIT_LZ4,       /* one block */
    UNIT_LZ4_FILL,  /* one block of a packed length that was chosen, zeros in front: erofs */
    UNIT_LZ4_FRAME, /* one frame */
    UNIT_PADDED,    /* not packed, but zeros behind it fill a block */
    UNIT_FAMILY_COUNT,
};

struct unit {
    uint64_t at;
    uint64_t packed_len;
    uint64_t unpacked_len;
    /* Units of one group were packed by one tool with the same parameters. */
    uint32_t group;
    uint32_t dictionary_bytes; /* of xz and lzma; 0: not known */
    uint8_t family;
    /* The group is one stream: its units are unpacked all together or not at all. */
    bool joined;
    uint8_t level; /* what the container says or its tool takes; 0: not known */
};

enum element_kind {
    ELEMENT_FILE,
    ELEMENT_METADATA,  /* tables of a file system */
    ELEMENT_PARTITION, /* a whole one, or a whole nested image */
};

/*
 * A run of bytes with a name, possibly one of several of the name, then in the file's order. When
 * its container packs files, `unpacked`, it begins `skip` bytes behind `at`: those of the unpacked
 * bytes when a unit begins at `at`. Its `length` counts unpacked bytes too then, and runs on
 * through units that follow each other.
 */
struct element {
    uint64_t at;
    uint64_t skip;
    uint64_t length;
    uint32_t path; /* offset of a string in `names` */
    uint8_t kind;
    bool unpacked;
};

/* A whole container that was not searched but read: what is in it begins in its unpacked bytes. */
struct span {
    uint64_t at;
    uint64_t length;
};

/* What was found, in any order; units_sort() puts it in the image's. Owned arrays. */
struct units {
    struct unit *units;
    size_t unit_count, unit_room;
    struct element *elements;
    size_t element_count, element_room;
    char *names;
    size_t names_len, names_room;
    struct span *spans;
    size_t span_count, span_room;
    uint32_t groups; /* the next one that is free */
    bool full;       /* a limit was reached: the rest is left packed and nameless */
};

enum {
    UNITS_MAX = 1 << 22,
    ELEMENTS_MAX = 1 << 22,
    NAMES_BYTES_MAX = 1 << 28,
    PATH_BYTES_MAX = 4096,
};

void units_add(struct units *units, struct unit unit);
/* `path` gives the name; it is copied unless it is the last one's again. */
void units_add_element(struct units *units, struct element element, const char *path);
void units_add_span(struct units *units, struct span span);
const char *units_path(const struct units *units, const struct element *element);
/* By place; units that overlap an earlier one, or that are empty, are dropped. */
void units_sort(struct units *units);
/* Puts the spans in order and joins those that touch or overlap. */
void spans_merge(struct units *units);
void units_done(struct units *units);

struct container_input {
    const uint8_t *data;
    uint64_t len;
    uint64_t unpacked_max; /* of one unit, and of all tables of a container together */
};

struct container_found {
    uint64_t length;
    /* Its files lie in it as they are, so others are searched in them; else nothing is. */
    bool open;
};

struct container {
    const char *name;
    const char *magic;
    uint8_t magic_len;
    uint16_t magic_at; /* bytes before the magic that belong to the container */
    /* Is one at `at`? Adds what is in it. False: there is none. */
    bool (*find)(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found);
};

/* All kinds of them, the largest structures first. */
extern const struct container *const containers[];
extern const size_t container_count;

extern const struct container container_squashfs, container_erofs, container_ext, container_gpt,
    container_mbr, container_tar, container_cpio, container_gzip, container_zstd, container_xz,
    container_lzma, container_lz4_legacy, container_lz4_frame;

/*
 * Finds the containers that begin in [from, to) of `in`; nested ones only where
 * `found.open` says so, and none in one of its own kind. What is found is added to `out`.
 */
void container_find_all(const struct container_input *in, uint64_t from, uint64_t to,
                        struct units *out);

/* Do these first bytes of a file look like those of one? */
bool container_starts(const uint8_t *data, uint64_t len);
