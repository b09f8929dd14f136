#pragma once
/*
 * The few words every file is written in: attributes, array length, assertion.
 *
 * ASSERT is for our own mistakes (preconditions, states that cannot be). It stays on in
 * release builds and aborts. It is never used for input, files, network or memory size.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NORETURN __attribute__((noreturn))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(__FILE__, __LINE__, #cond))

/* Prints where and what on standard error, then aborts. */
NORETURN void assert_failed(const char *file, int line, const char *cond);
