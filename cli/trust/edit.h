#pragma once
/*
 * Changes of documents' "signed" parts, as trees: everything that is not changed stays, fields
 * this program does not know too. Pure.
 */
#include "lib/json/json.h"
#include "lib/tuf/tuf.h"

#define EDIT_DAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* The next version of a body, valid for `days` from now; the caller owns it. */
json_t *edit_next(const json_t *body, int64_t now_ms, uint64_t days);
/* A fresh targets body of version 1 without entries. */
json_t *edit_targets_new(int64_t now_ms, uint64_t days);

/* Who may sign `role` by this body ({"keyids", "threshold"} among others): of a root one of its
 * four, else a delegation of that name or, for the prefix of bins, the succinct one. Borrowed;
 * NULL when the body says nothing about it. */
json_t *edit_rule(const json_t *body, const char *role);
/* The body's object of keys, {keyid: key}; made when it is missing. Borrowed. */
json_t *edit_keys(json_t *body);
/* Gives `role` exactly these keys ([key object]); keys that no rule names any more are dropped. A
 * threshold of 0 leaves it as it is. ERR_NOT_FOUND when the body has no such role, ERR_INVALID
 * when there are fewer keys than the threshold. */
MUST_USE bool edit_set_keys(json_t *body, const char *role, const json_t *keys, uint64_t threshold,
                            struct err *err);
/* The key objects of a role, in the rule's order; the caller owns the list. */
json_t *edit_keys_of(const json_t *body, const char *role);

/* Adds the delegation of a hardware's images, "os-HWID", to targets. ERR_CONFLICT when it is
 * there. */
MUST_USE bool edit_delegate_os(json_t *body, const char *hwid, const json_t *keys,
                               uint64_t threshold, struct err *err);
/* Every hardware id that has an "os-" role in this body; a list of texts, the caller's. */
json_t *edit_hwids(const json_t *body);

/* The entry of a file of type "trust". The caller owns it. */
json_t *edit_trust_entry(const char *name, uint64_t counter, const void *data, size_t len);
/* {path: entry} of a targets body. Borrowed. */
json_t *edit_targets(const json_t *body);
