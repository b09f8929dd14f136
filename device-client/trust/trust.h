#pragma once
/*
 * What lib/tuf needs from a device: metadata in a folder, fetched from the image repository, and
 * a time that never goes back. Also the device's own questions to the signed set.
 */
#include "device-client/transport/transport.h"
#include "lib/tuf/tuf.h"

struct trust {
    const char *dir;             /* STATE/metadata; borrowed */
    const char *image_base;      /* borrowed; "" when nothing may be fetched */
    struct transport *transport; /* borrowed; NULL when nothing may be fetched */
};

/* Walks the metadata. Refusals come through; ERR_UNAVAILABLE: later; ERR_NOT_FOUND: the server
 * has published nothing yet. */
MUST_USE bool trust_refresh(struct trust *trust, int64_t now_ms, struct tuf_set **out,
                            struct err *err);
/* Only what is stored. */
MUST_USE bool trust_load(struct trust *trust, struct tuf_set **out, struct err *err);
/* The factory's root of trust: checked and stored; nothing is fetched. */
MUST_USE bool trust_install_root(struct trust *trust, const void *data, size_t len,
                                 struct err *err);

/* Now, for expiry: never before the last trusted time; TIME_JUMP when the clock is more than
 * TIME_JUMP_MS_MAX ahead of it (0: there is none yet). Pure. */
MUST_USE bool trust_time(int64_t trusted_ms, int64_t clock_ms, int64_t *out_ms, struct err *err);

/* trust_refresh() at that time, which is `*out_ms` then. A clock that jumped is believed when all
 * metadata, above all what was signed offline, is valid by it: so a device that slept for years or
 * once walked before its clock was set goes on, and nobody can make everything expire by a clock
 * alone. */
MUST_USE bool trust_walk(struct trust *trust, int64_t trusted_ms, int64_t clock_ms, int64_t *out_ms,
                         struct tuf_set **out, struct err *err);

/* The signed entry of what was chosen, if this device may install it. Roles it needs are fetched;
 * end `out` with tuf_target_done(). */
MUST_USE bool trust_judge(struct tuf_set *set, const char *path,
                          const uint8_t sha256[HASH_BYTES], const struct tuf_device *device,
                          struct tuf_target *out, struct err *err);
/* The half of the timestamp's remaining life since `walked_ms` is over, or there is none. Pure. */
bool trust_is_stale(int64_t walked_ms, int64_t timestamp_expires_ms, int64_t now_ms);
