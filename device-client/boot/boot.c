/* The backends that exist, chosen once by name. */
#include "device-client/boot/boot.h"

#include "device-client/boot/file.h"
#include "lib/base/text.h"

static const struct boot_backend *const backends[] = {
    &boot_file,
};

static const char *const slot_names[] = {[SLOT_A] = "a", [SLOT_B] = "b"};
_Static_assert(COUNT(slot_names) == SLOT_COUNT, "every slot has a name");

static const char *const state_names[] = {
    [BOOT_EMPTY] = "empty",
    [BOOT_GOOD] = "good",
    [BOOT_TRY] = "try",
    [BOOT_BAD] = "bad",
};
_Static_assert(COUNT(state_names) == BOOT_SLOT_STATE_COUNT, "every state has a name");

const struct boot_backend *boot_backend_find(const char *name)
{
    for (size_t i = 0; i < COUNT(backends); i++)
        if (text_equal(backends[i]->name, name))
            return backends[i];
    return NULL;
}

const char *slot_name(enum slot slot)
{
    ASSERT(slot < SLOT_COUNT);
    return slot_names[slot];
}

bool slot_parse(const char *name, enum slot *out)
{
    for (size_t i = 0; i < COUNT(slot_names); i++) {
        if (!text_equal(slot_names[i], name))
            continue;
        *out = (enum slot)i;
        return true;
    }
    return false;
}

enum slot slot_other(enum slot slot)
{
    return slot == SLOT_A ? SLOT_B : SLOT_A;
}

const char *boot_slot_state_name(enum boot_slot_state state)
{
    ASSERT(state < BOOT_SLOT_STATE_COUNT);
    return state_names[state];
}
