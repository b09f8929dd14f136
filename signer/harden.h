#pragma once
/*
 * What the signer gives up when it has started: new privileges, being looked into, core dumps,
 * other programs, and every socket that is not a UNIX one.
 */
#include "lib/base/err.h"

MUST_USE bool harden(struct err *err);
