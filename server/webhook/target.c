/* A name may resolve to anything, so this only says early what would be refused late. */
#include "server/webhook/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/client/address.h"
#include "lib/http/url.h"

static bool is_plain_text(const char *url)
{
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return false;
    }
    return true;
}

/* An address that is written out, and not a public one. */
static bool is_inside(const char *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        return !address_is_public((const struct sockaddr *)&v4, sizeof(v4));
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        return !address_is_public((const struct sockaddr *)&v6, sizeof(v6));
    return false;
}

bool webhook_target_check(const char *url, bool allow_inside, struct err *err)
{
    struct url parsed;

    if (strlen(url) > WEBHOOK_URL_MAX || !is_plain_text(url))
        return err_set(err, ERR_INVALID, "field 'url' is not a URL of at most %d characters",
                       WEBHOOK_URL_MAX);
    if (!url_parse(url, &parsed, err))
        return err_wrap(err, "field 'url'");
    if (allow_inside)
        return true;
    if (!parsed.tls)
        return err_set(err, ERR_INVALID, "field 'url' has to begin with https://");
    if (text_equal(parsed.host, "localhost") || text_ends_with(parsed.host, ".localhost") ||
        text_ends_with(parsed.host, ".local") || text_ends_with(parsed.host, ".internal") ||
        !strpbrk(parsed.host, ".:") || is_inside(parsed.host))
        return err_set(err, ERR_INVALID, "field 'url' names a host inside: '%s'", parsed.host);
    return true;
}
