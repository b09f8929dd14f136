#pragma once
/*
 * Log lines: an event name plus facts, one line on standard error:
 *     2026-11-22T18:00:00Z info rollout.halted deployment=... failed=3
 * Event names are stable (docs/OPERATING.md lists them); operators rely on them.
 * Only the code that decides what to do about a failure logs it, once. Leaf modules return errors.
 */
#include "lib/base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The level is process-wide and may change at any time (SIGHUP). */
void log_set_level(enum log_level level);
MUST_USE bool log_level_parse(const char *name, enum log_level *out);
void log_write(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);

#define LOG_ERROR(event, ...) log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define LOG_WARNING(event, ...) log_write(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define LOG_INFO(event, ...) log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_DEBUG(event, ...) log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
