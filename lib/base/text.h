#pragma once
/*
 * Text to values and back, strictly: the whole text is the number, no signs, blanks or leading
 * zeros that were not asked for, ranges checked.
 */
#include "lib/base/base.h"

/* Decimal digits only, no leading zeros, within [min, max]. */
MUST_USE bool text_to_u64(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out);
/* "5", "64K", "3M", "2G" (powers of 1024). */
MUST_USE bool text_to_size(const char *text, uint64_t *out);
/* Lower-case hex; `out` holds 2 * len + 1 bytes. */
void text_from_hex_bytes(const uint8_t *data, size_t len, char *out);
/* Exactly 2 * len lower-case hex digits. */
MUST_USE bool text_to_hex_bytes(const char *text, size_t text_len, uint8_t *out, size_t len);
/* Copies as much as fits and ends with NUL; false when it was cut. */
bool text_copy(char *out, size_t room, const char *text);
bool text_equal(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* RFC 3339 "YYYY-MM-DDTHH:MM:SSZ" exactly, years 1970 to 9999, to milliseconds and back
 * (`out` holds TEXT_TIME_ROOM bytes). */
#define TEXT_TIME_ROOM 24
MUST_USE bool text_to_time(const char *text, size_t len, int64_t *out_ms);
void text_from_time(int64_t time_ms, char *out);
/* "412 B", "9.4 KiB", "1.2 MiB"; `out` holds TEXT_SIZE_ROOM bytes. */
#define TEXT_SIZE_ROOM 24
void text_from_size(uint64_t size_bytes, char *out);
/* Bytes of the UTF-8 character at `at`, 0 when it is none (NUL is none, either). */
unsigned text_utf8_len(const uint8_t *at, size_t left);
