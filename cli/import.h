#pragma once
/*
 * What other servers' exports say, in our words. Pure: text in, a plan out; who makes it so is
 * import_run.c. Parsing is lenient about what it does not need and strict about what it does.
 *
 *   hawkBit: the answers of GET /rest/v1/targets (pages; also with "attributes" of each target)
 *   Mender:  the answers of GET /api/management/v1/inventory/devices and
 *            GET /api/management/v2/devauth/devices, in any order
 */
#include "lib/json/json.h"

enum { IMPORT_DEVICES_MAX = 100000, IMPORT_FILE_BYTES_MAX = 256 << 20 };

enum import_kind { IMPORT_HAWKBIT, IMPORT_MENDER };

/* Adds a file to `plan`: {"groups": {NAME: count of devices without a key}, "devices": {ID:
 * {"group", "public_key"?, "tags", "had_token"?}}}, begun as import_plan(). */
json_t *import_plan(void);
MUST_USE bool import_add(json_t *plan, enum import_kind kind, const void *text, size_t len,
                         struct err *err);
/* Groups of all devices, `fallback` where an export says none, and counts. */
void import_settle(json_t *plan, const char *fallback);
/* A name of a group as we have them: other characters become '-'; for mem_free(). */
char *import_group_name(const char *name);
