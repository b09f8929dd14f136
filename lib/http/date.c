/* Rearranges RFC 3339 text, so that calendar arithmetic exists once (lib/base/text.c). */
#include "lib/http/date.h"

#include <stdio.h>

#include "lib/base/text.h"

void http_date_format(int64_t now_ms, char out[HTTP_DATE_ROOM])
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970 began on a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[TEXT_TIME_ROOM]; /* 2026-11-22T18:00:00Z */
    int64_t day = now_ms / 86400000;
    size_t month;
    int len;

    text_from_time(now_ms, iso);
    month = (size_t)(iso[5] - '0') * 10 + (size_t)(iso[6] - '0') - 1;
    ASSERT(month < 12);
    len = snprintf(out, HTTP_DATE_ROOM, "%.3s, %.2s %.3s %.4s %.8s GMT", days + 3 * (day % 7),
                   iso + 8, months + 3 * month, iso, iso + 11);
    ASSERT(len == HTTP_DATE_ROOM - 1);
}
