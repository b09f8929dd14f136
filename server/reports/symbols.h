#pragma once
/*
 * What slipway-symbolize said, taken apart as strictly as if somebody had taken it over: a line for
 * each frame that was asked for. Pure.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { SYMBOLS_TEXT_ROOM = 201, SYMBOLS_MAX = 32 };

struct symbol {
    char function[SYMBOLS_TEXT_ROOM]; /* "": not known */
    char source[SYMBOLS_TEXT_ROOM];
    uint64_t line; /* 0: not known */
};

/* Exactly `count` lines, printable ASCII. */
MUST_USE bool symbols_parse(const char *text, size_t len, struct symbol *out, size_t count,
                            struct err *err);
