#pragma once
/* The date form of HTTP headers (RFC 9110 §5.6.7, IMF-fixdate). */
#include "lib/base/base.h"

enum { HTTP_DATE_ROOM = 30 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
void http_date_format(int64_t now_ms, char out[HTTP_DATE_ROOM]);
