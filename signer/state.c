/* {"generations":[0,0,0,0],"published":{"roles":{"targets.json":4},"snapshot":N},"snapshot":N,"timestamp":N}
 */
#include "signer/state.h"

#include <inttypes.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

enum { STATE_BYTES_MAX = 8 << 20 };

static const struct flat_limits limits = {
    .bytes_max = STATE_BYTES_MAX, .nodes_max = 1 << 18, .depth_max = 4};

void state_done(struct policy_before *state)
{
    roles_done(&state->published);
    *state = (struct policy_before){0};
}

static bool read_roles(struct flat_value list, struct roles *out)
{
    char name[ROLE_NAME_MAX + 1];
    uint64_t version;

    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        if (!flat_text_copy(flat_key(at), name, sizeof(name)) || !flat_number(at, &version) ||
            !roles_add(out, name, version))
            return false;
    }
    return flat_is(list, FLAT_OBJECT);
}

/* A file from before keys were exchanged has none. */
static bool read_generations(struct flat_value list, uint64_t out[SIGNER_LABEL_COUNT])
{
    if (!flat_some(list))
        return true;
    for (size_t i = 0; i < SIGNER_LABEL_COUNT; i++) {
        if (!flat_number(flat_item(list, i), &out[i]))
            return false;
    }
    return flat_count(list) == SIGNER_LABEL_COUNT;
}

static bool read_state(const struct buf *text, struct policy_before *state)
{
    struct err ignored = {0};
    AUTO_FLAT doc = {0};
    struct flat_value root;
    struct flat_value published;

    if (!flat_parse(text->data, text->len, &limits, &doc, &ignored))
        return false;
    root = flat_root(&doc);
    published = flat_get(root, "published");
    return read_generations(flat_get(root, "generations"), state->generations) &&
           flat_number(flat_get(root, "snapshot"), &state->snapshot) &&
           flat_number(flat_get(root, "timestamp"), &state->timestamp) &&
           flat_number(flat_get(published, "snapshot"), &state->published_snapshot) &&
           read_roles(flat_get(published, "roles"), &state->published);
}

bool state_load(const char *path, struct policy_before *out, struct err *err)
{
    struct policy_before state = {0};
    AUTO_BUF text;

    buf_init(&text, STATE_BYTES_MAX);
    if (!file_read(path, &text, err)) {
        if (err->code != ERR_NOT_FOUND)
            return false;
        *out = state;
        return true;
    }
    if (!read_state(&text, &state)) {
        state_done(&state);
        return err_set(err, ERR_SYSTEM, "'%s' does not say what was signed", path);
    }
    *out = state;
    return true;
}

static void add_text(const char *text, struct buf *out)
{
    buf_add_u8(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_u8(out, '\\');
        buf_add_u8(out, (uint8_t)*text);
    }
    buf_add_u8(out, '"');
}

bool state_save(const char *path, const struct policy_before *state, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, STATE_BYTES_MAX);
    buf_add_text(&text, "{\"generations\":[");
    for (size_t i = 0; i < SIGNER_LABEL_COUNT; i++)
        buf_printf(&text, "%s%" PRIu64, i ? "," : "", state->generations[i]);
    buf_add_text(&text, "],\"published\":{\"roles\":{");
    for (size_t i = 0; i < state->published.count; i++) {
        if (i > 0)
            buf_add_u8(&text, ',');
        add_text(state->published.items[i].name, &text);
        buf_printf(&text, ":%" PRIu64, state->published.items[i].version);
    }
    buf_printf(&text,
               "},\"snapshot\":%" PRIu64 "},\"snapshot\":%" PRIu64 ",\"timestamp\":%" PRIu64 "}\n",
               state->published_snapshot, state->snapshot, state->timestamp);
    if (text.failed)
        return err_set(err, ERR_LIMIT, "the state is longer than %d bytes", STATE_BYTES_MAX);
    return file_write(path, 0600, text.data, text.len, err);
}
