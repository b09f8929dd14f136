/* Roots are read here, for they answer for themselves; everything else is asked of lib/tuf. */
#include "cli/trust/signers.h"

#include <string.h>

#include "cli/trust/edit.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

void signers_overlay(const struct state *state, const struct bundle *bundle, struct binder *out)
{
    *out = (struct binder){0};
    for (size_t i = 0; i < state->roles.count; i++)
        binder_put(out, state->roles.items[i].name, state->roles.items[i].bytes.data,
                   state->roles.items[i].bytes.len);
    for (size_t i = 0; i < bundle->count; i++) {
        AUTO_BUF text;

        buf_init(&text, BUNDLE_BYTES_MAX);
        if (!text_equal(bundle->documents[i].repository, "image"))
            continue;
        bundle_document_format(&bundle->documents[i], &text);
        binder_put(out, bundle->documents[i].role, text.data, text.len);
    }
}

/* By the "root" rule of a root's body. */
static bool root_rule(const json_t *body, struct tuf_signers *out, struct err *err)
{
    const json_t *rule = edit_rule(body, "root");
    const json_t *item;
    json_t *keyids;
    size_t i;

    *out = (struct tuf_signers){0};
    if (!json_field_u64(rule, "root", "threshold", 1, TUF_KEYS_MAX, &out->threshold, err) ||
        !json_field_array(rule, "root", "keyids", TUF_KEYS_MAX, &keyids, err))
        return false;
    json_array_foreach(keyids, i, item)
    {
        const char *keyid = json_string_value(item);

        if (!keyid || !text_copy(out->keyids[out->count++], TUF_KEYID_ROOM, keyid))
            return err_set(err, ERR_INVALID, "root: a key id is none");
    }
    return true;
}

bool signers_of(const struct state *state, const struct binder *overlay,
                const struct bundle_document *document, struct signers *out, struct err *err)
{
    AUTO_FREE struct tuf_named *items = NULL;
    AUTO_JSON *before = NULL;
    struct tuf_published published;

    out->count = 1;
    if (!text_equal(document->role, "root")) {
        items = mem_array(overlay->count + 1, sizeof(*items));
        for (size_t i = 0; i < overlay->count; i++)
            items[i] = (struct tuf_named){overlay->items[i].name, &overlay->items[i].bytes};
        published = (struct tuf_published){items, overlay->count, NULL};
        return tuf_signers_of(&published, document->role, &out->rules[0], err);
    }
    if (!root_rule(document->body, &out->rules[0], err))
        return false;
    before = state_body(state, document->repository, "root");
    if (!before)
        return true;
    out->count = 2;
    return root_rule(before, &out->rules[1], err);
}

static bool has_text(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (text_equal(json_string_value(item), text))
            return true;
    }
    return false;
}

json_t *signers_keyids(const struct signers *signers)
{
    json_t *list = json_array();

    for (size_t r = 0; r < signers->count; r++) {
        for (size_t k = 0; k < signers->rules[r].count; k++) {
            if (!has_text(list, signers->rules[r].keyids[k]))
                ASSERT(json_array_append_new(list, json_string(signers->rules[r].keyids[k])) == 0);
        }
    }
    return list;
}

uint64_t signers_threshold(const struct signers *signers)
{
    uint64_t most = 0;

    for (size_t r = 0; r < signers->count; r++) {
        if (signers->rules[r].threshold > most)
            most = signers->rules[r].threshold;
    }
    return most;
}

static uint64_t count_met(const struct tuf_signers *rule, const json_t *signatures)
{
    const json_t *item;
    uint64_t met = 0;
    size_t i;

    json_array_foreach(signatures, i, item)
    {
        const char *keyid = json_string_value(json_object_get(item, "keyid"));

        for (size_t k = 0; k < rule->count; k++)
            met += text_equal(rule->keyids[k], keyid) ? 1 : 0;
    }
    return met;
}

uint64_t signers_missing(const struct signers *signers, const json_t *signatures)
{
    uint64_t missing = 0;

    for (size_t r = 0; r < signers->count; r++) {
        uint64_t met = count_met(&signers->rules[r], signatures);

        if (met < signers->rules[r].threshold && signers->rules[r].threshold - met > missing)
            missing = signers->rules[r].threshold - met;
    }
    return missing;
}

bool signers_fill(const struct state *state, struct bundle *bundle, struct err *err)
{
    AUTO_BINDER overlay;

    signers_overlay(state, bundle, &overlay);
    for (size_t i = 0; i < bundle->count; i++) {
        struct bundle_document *document = &bundle->documents[i];
        struct signers signers;

        if (!signers_of(state, &overlay, document, &signers, err))
            return err_wrap(err, "%s", document->role);
        json_decref(document->keyids);
        document->keyids = signers_keyids(&signers);
        document->threshold = signers_threshold(&signers);
    }
    return true;
}

bool signers_complete(const struct state *state, const struct bundle *bundle, uint64_t *missing,
                      struct err *err)
{
    AUTO_BINDER overlay;

    *missing = 0;
    signers_overlay(state, bundle, &overlay);
    for (size_t i = 0; i < bundle->count; i++) {
        struct signers signers;
        uint64_t lacks;

        if (!signers_of(state, &overlay, &bundle->documents[i], &signers, err))
            return err_wrap(err, "%s", bundle->documents[i].role);
        lacks = signers_missing(&signers, bundle->documents[i].signatures);
        if (lacks > *missing)
            *missing = lacks;
    }
    return true;
}
