/* One row for each kind of key; a key below its role's threshold is worth nothing alone. */
#include "cli/trust/thief.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/text.h"

struct power {
    const char *repository;
    const char *prefix; /* of the role's name; "" takes what is left */
    const char *can;
};

/* clang-format off */
static const struct power powers[] = {
    {"image",    "root",      "replace every key and have anything installed, until devices are given a new root by hand"},
    {"image",    "targets",   "let keys of their own sign for any hardware; the director must still choose what they signed"},
    {"image",    "snapshot",  "nothing without the timestamp key; with it, hide new releases until the snapshot expires"},
    {"image",    "timestamp", "say that nothing is new, for a day at a time"},
    {"image",    "time",      "tell devices without a clock a wrong time, never an earlier one than they know"},
    {"image",    "os-",       "sign an image for this hardware; the server must still choose it, counters must rise"},
    {"image",    "app-",      "sign an application of this team; the server must still choose it"},
    {"image",    "",          "sign what this role's paths allow; the server must still choose it"},
    {"director", "root",      "make a director that chooses among the images you signed, never anything else"},
    {"director", "",          "choose among the images you signed for a hardware, above every floor, or withhold updates"},
};
/* clang-format on */

static const struct power *find(const char *repository, const char *role)
{
    for (size_t i = 0; i < COUNT(powers); i++) {
        if (text_equal(powers[i].repository, repository) &&
            text_starts_with(role, powers[i].prefix))
            return &powers[i];
    }
    return NULL;
}

void thief_sentence(const char *repository, const char *role, uint64_t threshold, char *out,
                    size_t room)
{
    const struct power *power = find(repository, role);
    int n;

    if (!power)
        n = snprintf(out, room, "not known");
    else if (threshold > 1)
        n = snprintf(out, room, "one key alone: nothing; %" PRIu64 " together: %s", threshold,
                     power->can);
    else
        n = snprintf(out, room, "%s", power->can);
    if (n < 0)
        out[0] = '\0';
}
