#pragma once
/*
 * What this program gives up before it reads a byte that somebody else wrote: opening files,
 * sockets, other programs; it may read what is open, use memory, write and end.
 */
#include "lib/base/err.h"

MUST_USE bool confine(struct err *err);
