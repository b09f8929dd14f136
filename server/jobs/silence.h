#pragma once
/*
 * Devices that went quiet: the other half of a drop-request attack. A device that is kept from its
 * server says so to its owner (NO_FRESH_METADATA); here the server says that it hears nothing: a
 * metric, and a log line when a device falls silent.
 */
#include <stdint.h>

struct db;
struct metrics;
struct silence;

#define SILENCE_MS (INT64_C(72) * 3600 * 1000) /* the device's own limit, too */
enum { SILENCE_RUN_MS = 3600 * 1000 };

struct silence *silence_new(struct db *db, struct metrics *metrics);
/* A run under way ends with the database. */
void silence_free(struct silence *silence);
void silence_run(struct silence *silence, int64_t now_ms);
