/* An open hash table, keyed by a MAC of tenant and device under a random key, so that nobody can
 * choose devices that meet in one place. */
#include "signer/recent.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/token.h"

enum {
    SLOTS_MIN = 1 << 10,
    SLOTS_MAX = 1 << 22, /* 160 MB: 50,000 devices a minute for an hour fit */
    KEY_BYTES = 16,
    FORGET_MS = 2 * 60 * 1000, /* more than the policy lets a version be late */
};

struct slot {
    uint8_t key[KEY_BYTES];
    uint64_t versions[POLICY_TIME]; /* all 0: a free slot */
};

struct recent {
    uint8_t secret[HASH_BYTES];
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;
};

struct recent *recent_new(void)
{
    struct recent *recent = mem_alloc(sizeof(*recent));

    crypto_random(recent->secret, sizeof(recent->secret));
    recent->slot_count = SLOTS_MIN;
    recent->slots = mem_array(recent->slot_count, sizeof(struct slot));
    return recent;
}

void recent_free(struct recent *recent)
{
    if (!recent)
        return;
    mem_free(recent->slots);
    mem_free(recent);
}

static uint64_t newest(const struct slot *slot)
{
    uint64_t version = 0;

    for (size_t i = 0; i < COUNT(slot->versions); i++)
        version = slot->versions[i] > version ? slot->versions[i] : version;
    return version;
}

static void make_key(const struct recent *recent, const char *tenant, const char *device,
                     uint8_t key[KEY_BYTES])
{
    char text[SIGNER_TENANT_MAX + SIGNER_DEVICE_HEX + 2];
    int len = snprintf(text, sizeof(text), "%s/%s", tenant, device);
    uint8_t mac[HASH_BYTES];

    ASSERT(len > 0 && (size_t)len < sizeof(text));
    hash_mac(recent->secret, text, (size_t)len, mac);
    memcpy(key, mac, KEY_BYTES);
}

/* Where the key is, or where it would be. */
static struct slot *place_of(struct slot *slots, size_t slot_count, const uint8_t *key)
{
    struct bytes in = bytes_of(key, KEY_BYTES);
    size_t at = bytes_u64(&in) & (slot_count - 1);

    while (newest(&slots[at]) > 0 && !crypto_equal(slots[at].key, key, KEY_BYTES))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

uint64_t recent_find(const struct recent *recent, const char *tenant, const char *device,
                     enum policy_kind kind)
{
    uint8_t key[KEY_BYTES];

    ASSERT(kind < POLICY_TIME);
    make_key(recent, tenant, device, key);
    return place_of(recent->slots, recent->slot_count, key)->versions[kind];
}

/* Keeps what is still to be remembered, in a table of another size. */
static void rebuild(struct recent *recent, size_t slot_count, uint64_t oldest)
{
    struct slot *fresh = mem_array(slot_count, sizeof(struct slot));

    recent->used = 0;
    for (size_t i = 0; i < recent->slot_count; i++) {
        const struct slot *slot = &recent->slots[i];

        if (newest(slot) == 0 || newest(slot) < oldest)
            continue;
        *place_of(fresh, slot_count, slot->key) = *slot;
        recent->used++;
    }
    mem_free(recent->slots);
    recent->slots = fresh;
    recent->slot_count = slot_count;
}

/* At most three quarters of the slots are used; what is old goes first. */
static bool make_room(struct recent *recent, int64_t now_ms, struct err *err)
{
    uint64_t oldest = (uint64_t)(now_ms - FORGET_MS);

    if (recent->used < recent->slot_count / 4 * 3)
        return true;
    rebuild(recent, recent->slot_count, oldest);
    if (recent->used < recent->slot_count / 2)
        return true;
    if (recent->slot_count < SLOTS_MAX)
        rebuild(recent, 2 * recent->slot_count, oldest);
    return recent->used < recent->slot_count / 4 * 3 ||
           err_set(err, ERR_LIMIT, "documents of too many devices were signed just now");
}

bool recent_set(struct recent *recent, const char *tenant, const char *device,
                const struct policy_facts *facts, int64_t now_ms, struct err *err)
{
    uint8_t key[KEY_BYTES];
    struct slot *slot;

    if (!make_room(recent, now_ms, err))
        return false;
    make_key(recent, tenant, device, key);
    slot = place_of(recent->slots, recent->slot_count, key);
    recent->used += newest(slot) == 0;
    memcpy(slot->key, key, KEY_BYTES);
    slot->versions[facts->kind] = facts->version;
    return true;
}
