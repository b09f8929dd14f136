#pragma once
/* Where a webhook may point to. Pure; what a name resolves to is looked at when it is connected to
 * (client_options.public_only). */
#include "lib/base/err.h"

enum { WEBHOOK_URL_MAX = 1000 };

/* https, and no address or name that is inside by its looks; with `allow_inside` http as well, to
 * anywhere. */
MUST_USE bool webhook_target_check(const char *url, bool allow_inside, struct err *err);
