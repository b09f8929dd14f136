/* A state that travels inside a request bundle, and is verified again where it arrives. */
#include <string.h>

#include "cli/trust/state.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

static json_t *text_of(const struct buf *bytes)
{
    json_t *text = json_stringn(buf_text(bytes), bytes->len);

    ASSERT(text); /* was parsed as JSON, so it is UTF-8 */
    return text;
}

static json_t *roots_json(const struct binder *roots)
{
    json_t *list = json_array();

    for (size_t i = 0; i < roots->count; i++)
        ASSERT(json_array_append_new(list, text_of(&roots->items[i].bytes)) == 0);
    return list;
}

static void add_role(const struct state *state, const char *name, json_t *roles)
{
    const struct buf *bytes = binder_get(&state->roles, name);

    if (bytes && !text_equal(name, "root") && !json_object_get(roles, name))
        ASSERT(json_object_set_new(roles, name, text_of(bytes)) == 0);
}

json_t *state_context(const struct state *state, const char *const *names)
{
    json_t *context = json_object();
    json_t *roles = json_object();
    json_t *image = json_pack("{s:o, s:o}", "roots", roots_json(&state->roots), "roles", roles);

    ASSERT(image && json_object_set_new(context, "image", image) == 0);
    add_role(state, "targets", roles);
    for (; *names; names++) {
        add_role(state, *names, roles);
        for (const char *up = state_delegator(state, *names); up; up = state_delegator(state, up))
            add_role(state, up, roles);
    }
    if (state->director_roots.count > 0)
        ASSERT(json_object_set_new(
                   context, "director",
                   json_pack("{s:o}", "roots", roots_json(&state->director_roots))) == 0);
    return context;
}

/* The chain of roots from the one that is trusted; without one, from the first. */
static bool walk_chain(const json_t *texts, const struct buf *trusted, struct binder *out,
                       struct err *err)
{
    const struct buf *last = NULL;
    const json_t *item;
    size_t i;

    json_array_foreach(texts, i, item)
    {
        AUTO_FREE char *name = NULL;
        struct tuf_facts facts;
        AUTO_BUF bytes;

        buf_init(&bytes, TUF_ROOT_BYTES_MAX);
        buf_add(&bytes, json_string_value(item), json_string_length(item));
        if (bytes.failed)
            return err_refuse(err, REFUSAL_LENGTH_LIMIT, "a root is too long");
        if (!last && trusted &&
            (bytes.len != trusted->len || memcmp(bytes.data, trusted->data, bytes.len) != 0))
            continue; /* before the trusted one */
        if (!tuf_peek(bytes.data, bytes.len, &facts, err) ||
            !tuf_check_root_step(last, &bytes, 0, err))
            return false;
        name = mem_printf("%llu.root.json", (unsigned long long)facts.version);
        binder_put(out, name, bytes.data, bytes.len);
        last = &out->items[out->count - 1].bytes;
    }
    if (trusted && !last)
        return err_refuse(err, REFUSAL_ROOT_OLD_THRESHOLD,
                          "the request was not made for the root that is trusted here");
    return true;
}

static bool take_roles(const json_t *roles, struct state *state, struct err *err)
{
    AUTO_FREE struct tuf_named *items = NULL;
    struct tuf_published published;
    const char *name;
    json_t *text;

    json_object_foreach(json_iterable(roles), name, text)
    {
        binder_put(&state->roles, name, json_string_value(text), json_string_length(text));
    }
    if (state->roles.count == 0)
        return true; /* nothing was published yet */
    published = state_published(state, &items);
    return tuf_check_whole(&published, err);
}

static bool read_context(const json_t *context, const struct state_roots *roots,
                         struct state *state, struct err *err)
{
    const json_t *image = json_object_get(context, "image");
    const json_t *director = json_object_get(context, "director");
    const struct binder *chain = &state->roots;

    if (!walk_chain(json_object_get(image, "roots"), roots->image, &state->roots, err))
        return err_wrap(err, "root");
    if (chain->count > 0)
        binder_put(&state->roles, "root", chain->items[chain->count - 1].bytes.data,
                   chain->items[chain->count - 1].bytes.len);
    if (!take_roles(json_object_get(image, "roles"), state, err))
        return false;
    return walk_chain(json_object_get(director, "roots"), roots->director, &state->director_roots,
                      err) ||
           err_wrap(err, "the director's root");
}

bool state_from_context(const json_t *context, const struct state_roots *roots, struct state *out,
                        struct err *err)
{
    struct state made = {0};

    if (!read_context(context, roots, &made, err)) {
        state_done(&made);
        return err_wrap(err, "what the request says is published");
    }
    *out = made;
    return true;
}
