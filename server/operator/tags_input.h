#pragma once
/* Tags: what operators note about a device, an object of texts. Pure. */
#include "lib/json/json.h"

enum {
    TAGS_MAX = 64,
    TAG_NAME_MAX = 63,
    TAG_VALUE_MAX = 256,
};

/* Letters, digits and "._-", 1 to TAG_NAME_MAX of them. */
bool tag_name_is_good(const char *name);
/* 1 to TAG_VALUE_MAX bytes without control characters. */
bool tag_value_is_good(const char *value);
/* All names and values; with `nulls` a value may be null. `path` stands in errors. */
MUST_USE bool tags_check(const json_t *tags, const char *path, bool nulls, struct err *err);
