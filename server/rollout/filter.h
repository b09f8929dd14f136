#pragma once
/*
 * Filters: which devices, said in a small language over what is known of them. Pure.
 *
 *     hwid in ('gw-1', 'gw-2') and (tag.site like 'berlin-%' or has(lab)) and not ram < 512
 *
 * filter_grammar is the whole manual page. One parse gives both forms that decide: the compiled
 * filter that memory asks (filter_matches()), and the program that SQL is given
 * (filter_format_json(), for slipway_filter() in migrations/0007_filter.sql). Both always say the
 * same; a test holds them to it, so a change here is a change there.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum {
    FILTER_BYTES_MAX = 1024,
    FILTER_DEPTH_MAX = 16, /* parentheses and nots within each other */
    FILTER_TERMS_MAX = 64, /* comparisons */
};

struct filter;

/* ERR_INVALID with "filter, character N: ..."; characters count from 1. */
MUST_USE bool filter_parse(const char *text, struct filter **out, struct err *err);
void filter_free(struct filter *filter);
void filter_cleanup(struct filter **filter);
#define AUTO_FILTER CLEANUP(filter_cleanup) struct filter

/* Where a name is looked up. */
enum filter_space {
    FILTER_ATTRIBUTE, /* what the device says of itself */
    FILTER_TAG,       /* what operators noted about it */
    FILTER_FIXED,     /* what the server knows: see enum filter_fixed */
    FILTER_SPACE_COUNT,
};
enum filter_fixed {
    FILTER_HWID,
    FILTER_DEVICE,  /* its id, 64 hex digits */
    FILTER_GROUP,   /* the group's name */
    FILTER_COUNTER, /* the release counter of the operating system that it runs */
    FILTER_FIXED_COUNT,
};
/* "hwid", ... */
const char *filter_fixed_name(enum filter_fixed fixed);

/* Bytes of a value; they need no end. {NULL}: the device has none. */
struct filter_text {
    const char *data;
    size_t len;
};
/* Looks up a name; of FILTER_FIXED by its number. */
struct filter_subject {
    struct filter_text (*named)(enum filter_space space, struct filter_text name, const void *arg);
    struct filter_text (*fixed)(enum filter_fixed fixed, const void *arg);
    const void *arg;
};
bool filter_matches(const struct filter *filter, const struct filter_subject *subject);

/* The program for slipway_filter(): at most FILTER_JSON_BYTES_MAX. */
#define FILTER_JSON_BYTES_MAX ((size_t)64 << 10)
void filter_format_json(const struct filter *filter, struct buf *out);

/* Below, equal or above zero: fields of digits are numbers and fields of letters are words, words
 * come before numbers, a missing field is a 0, what follows a '+' says nothing. */
int filter_version_compare(struct filter_text left, struct filter_text right);

/* The language as a section of docs/API.md. */
extern const char filter_grammar[];
