/* The first byte chooses the key (and whether the request names a device); the rest is what it is
 * asked to sign, or a published snapshot. What is accepted has a version near the present, lists
 * roles in order, and is its own canonical form. */
#include <string.h>

#include "lib/base/text.h"
#include "signer/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char device[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const struct policy_clock now = {.now_ms = 1795395023000}; /* of the seeds */

static void check_roles(const struct roles *roles)
{
    for (size_t i = 0; i < roles->count; i++) {
        ASSERT(roles->items[i].version > 0);
        ASSERT(i == 0 || strcmp(roles->items[i - 1].name, roles->items[i].name) < 0);
    }
    ASSERT(!roles_find_loss(roles, roles) && !roles_find_leap(roles, roles, 0));
}

static void check_canonical(const struct signer_ask *ask)
{
    struct err err = {0};
    AUTO_FLAT doc = {0};
    AUTO_BUF again;

    buf_init(&again, ask->len + 1);
    ASSERT(flat_parse(ask->data, ask->len, &flat_limits_metadata, &doc, &err));
    ASSERT(flat_canonical(flat_root(&doc), &again, &err));
    ASSERT(again.len == ask->len && memcmp(again.data, ask->data, ask->len) == 0);
}

static void try_sign(const struct signer_ask *ask)
{
    AUTO_POLICY_FACTS facts = {0};
    struct err err = {0};

    if (!policy_read(ask, &now, &facts, &err)) {
        ASSERT(err.code == ERR_DENIED);
        return;
    }
    ASSERT(facts.kind == POLICY_TIME || facts.version + 60000 >= (uint64_t)now.now_ms);
    ASSERT(facts.version <= (uint64_t)now.now_ms + 3600000);
    check_roles(&facts.roles);
    check_canonical(ask);
}

static void try_published(const struct signer_ask *ask)
{
    AUTO_POLICY_FACTS facts = {0};
    uint8_t sig[SIGN_BYTES];
    struct err err = {0};
    AUTO_BUF canonical;

    buf_init(&canonical, SIGNER_MESSAGE_BYTES_MAX);
    if (policy_read_published(ask, device, &canonical, sig, &facts, &err))
        check_roles(&facts.roles);
    else
        ASSERT(err.code == ERR_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signer_ask ask = {.op = SIGNER_SIGN, .tenant = "t"};

    if (size < 2 || size > SIGNER_DATA_BYTES_MAX)
        return 0;
    ask.label = (enum signer_label)(data[0] % SIGNER_LABEL_COUNT);
    if (ask.label == SIGNER_DIRECTOR)
        (void)text_copy(ask.device, sizeof(ask.device), device); /* it fits */
    ask.data = data + 1;
    ask.len = size - 1;
    if (data[0] == 'p')
        try_published(&ask);
    else
        try_sign(&ask);
    return 0;
}
