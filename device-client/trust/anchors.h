#pragma once
/*
 * trust/anchors.json: what a device believes in beside the update metadata, and learns from it:
 * the TLS keys of its server and the key that signs the time, with the values that come next and
 * when. The file is a target of the offline role "targets", so that every anchor rotates with the
 * root of trust and the factory burns in nothing else.
 *
 *   {"_type":"anchors","version":3,"tls_pins":["<SHA-256 of SPKI, hex>"],"time_key":{key object},
 *    "device_cas":[],"next":[{"activates":"2027-01-01T00:00:00Z","tls_pins":[...],"time_key":{}}]}
 *
 * Pure. What it does not know it skips: a later server may say more.
 */
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"

enum {
    ANCHORS_BYTES_MAX = 65536,
    ANCHORS_PINS_MAX = 16, /* of one set */
    ANCHORS_NEXT_MAX = 8,
};

/* No pins: any server that TLS verifies. No time key: nobody attests the time. */
struct anchors_set {
    int64_t activates_ms; /* 0: from the beginning */
    uint8_t pins[ANCHORS_PINS_MAX][HASH_BYTES];
    size_t pin_count;
    bool has_time_key;
    uint8_t time_key[SIGN_PUBLIC_BYTES];
    char time_keyid[HASH_HEX_ROOM];
};

struct anchors {
    uint64_t version;
    struct anchors_set sets[1 + ANCHORS_NEXT_MAX]; /* the present one, then the next ones */
    size_t set_count;
};

/* ANCHORS_FORMAT, also for strictness of the JSON; `out` is then all zeros. */
MUST_USE bool anchors_parse(const void *data, size_t len, struct anchors *out, struct err *err);

enum { ANCHORS_PINS_ALL_MAX = ANCHORS_PINS_MAX * (1 + ANCHORS_NEXT_MAX) };

/* The pins that a server may have now: of the present set and of those whose time has come. The
 * old ones stay good beside the new ones, for a server changes its key at some moment of that day,
 * and until a newer file leaves them out. Returns their number. */
size_t anchors_pins(const struct anchors *anchors, int64_t now_ms,
                    uint8_t (*out)[HASH_BYTES] /* ANCHORS_PINS_ALL_MAX */);
/* The set whose key has this id; any set, for who asks the time does not know it. NULL: none. */
const struct anchors_set *anchors_time_key(const struct anchors *anchors, const char *keyid);
/* Is there any time key? */
bool anchors_has_time(const struct anchors *anchors);
