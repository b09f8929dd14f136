#pragma once
/*
 * Takes secrets out of text that is given to others: logs, configuration, JSON. Better a word too
 * many than one too few. Pure.
 *
 *   what stands behind a name with "password", "secret", "token", ... in it, and a ':' or '='
 *   what follows "Bearer"; an operator's token wherever it stands
 *   user and password of a URL; PEM blocks
 */
#include "lib/base/buf.h"

#define REDACTED "REDACTED"

void redact_text(const char *text, size_t len, struct buf *out);
